//! Attempts beside the one that is under way: the first that succeeds wins.

use crate::attempts::{begun, fusewire_attempts, wrong_step};
use crate::guard::{Failure, OK, guard, guard_or};
use crate::names::FUSEWIRE_NONE;
use crate::permit::{self, fusewire_permit, giver, redeem};
use crate::status::{fusewire_status, fusewire_status_enum as Code};

/// How long after the attempt that is under way, or after the hedge before, another is to be started beside it, in
/// nanoseconds, by the document's `hedge`. Ask when a step says to call, and again after each hedge.
/// `FUSEWIRE_NONE` when none is to be, and when `attempts` is NULL or was not begun.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_attempts_hedge_after_ns(attempts: *mut fusewire_attempts) -> u64 {
    guard_or(FUSEWIRE_NONE, || {
        // SAFETY: the caller's promise.
        let (breaker, words) = unsafe { begun(attempts) }?;
        Ok(words.course.hedge_after(&breaker.core).unwrap_or(FUSEWIRE_NONE))
    })
}

/// Begins a hedge, when that time has passed: writes its `permit` and returns `FUSEWIRE_OK`, or `FUSEWIRE_ABSENT` when
/// there is to be none, because the budget is spent, the breaker is not closed or turns it away. Make the call once more
/// then. If it succeeds before the others, tell `fusewire_attempts_hedge_won`, and settle the attempts as a success; if
/// it fails, settle its permit with `fusewire_permit_failure`; who loses is given up with `fusewire_permit_abandon`. If
/// all fail, settle the attempts with the failure of the first.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_BEGUN`, `FUSEWIRE_ERROR_INVALID_HANDLE`, or
/// `FUSEWIRE_ERROR_WRONG_STEP` when no attempt is under way. What was not given is marked as such.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_attempts_hedge(
    attempts: *mut fusewire_attempts,
    permit: *mut fusewire_permit,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        if permit.is_null() {
            return Err(Failure::null("permit"));
        }
        permit::mark_as_not_given(permit);
        let (breaker, words) = begun(attempts)?;
        if !words.is_calling(breaker) {
            return Err(wrong_step("no attempt is under way"));
        }
        let Some(slip) = words.course.hedge(&breaker.core) else {
            return Ok(Code::FUSEWIRE_ABSENT as fusewire_status);
        };
        permit::write(permit, (words.breaker, words.serial), slip);
        Ok(OK)
    })
}

/// Tells that the hedge with that permit has answered first: it is the attempt from here on, to be settled with
/// `fusewire_attempts_success`, and the permit of the one before is given up. The permit is settled with it.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_BEGUN`, `FUSEWIRE_ERROR_INVALID_HANDLE`,
/// `FUSEWIRE_ERROR_WRONG_STEP` when no attempt is under way, or as to settle the permit does, also with
/// `FUSEWIRE_ERROR_INVALID_PERMIT` when it is of another handle of a breaker.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_attempts_hedge_won(
    attempts: *mut fusewire_attempts,
    permit: *mut fusewire_permit,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        let (breaker, words) = begun(attempts)?;
        if giver(permit)? != (words.breaker, words.serial) {
            let what = "the permit is of another handle of a breaker than the attempts";
            return Err(Failure::new(Code::FUSEWIRE_ERROR_INVALID_PERMIT, what));
        }
        if !words.is_calling(breaker) {
            return Err(wrong_step("no attempt is under way"));
        }
        let (_, slip) = redeem(permit)?;
        words.course.hedge_won(&breaker.core, slip);
        Ok(OK)
    })
}
