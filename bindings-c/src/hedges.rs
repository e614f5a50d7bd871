//! Attempts beside the one that is under way: the first that succeeds wins.

use crate::attempts::{begun, fusewire_attempts, wrong_step};
use crate::error::fusewire_error;
use crate::guard::{Failure, OK, guard, guard_or, guard_with};
use crate::names::FUSEWIRE_NONE;
use crate::permit::{self, fusewire_permit, giver, redeem};
use crate::sized;
use crate::status::{fusewire_status, fusewire_status_enum as Code};
use crate::steps::fusewire_ending;
use crate::text::lossy;

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
/// the first attempt fails while hedges go on, tell `fusewire_attempts_primary_failed`. If all fail, settle the attempts
/// with the failure of the first.
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
        if !words.is_calling() {
            return Err(wrong_step("no attempt is under way"));
        }
        let Some(slip) = words.course.hedge(&breaker.core) else {
            return Ok(Code::FUSEWIRE_ABSENT as fusewire_status);
        };
        permit::write(permit, (words.breaker, words.serial), slip);
        Ok(OK)
    })
}

/// Tells that the attempt that is under way has failed while hedges of it go on: it counts as that failure from here on,
/// and no hedge begins any more. Then `fusewire_attempts_hedge_won`, or, when all have failed, settle the attempts with
/// the same `ending` once more, for the call. An ending that is no failure decides the attempt: settle the attempts with
/// it, and give the hedges up.
///
/// Returns and fails as `fusewire_attempts_settle` does, with `FUSEWIRE_ERROR_INVALID_VALUE` also when `ending` is no
/// failure, and with `FUSEWIRE_ERROR_WRONG_STEP` also when this was told before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_attempts_primary_failed(
    attempts: *mut fusewire_attempts,
    ending: *const fusewire_ending,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        guard_with(error, || {
            let (breaker, words) = begun(attempts)?;
            if ending.is_null() {
                return Err(Failure::null("ending"));
            }
            let ours = sized::read("ending", ending)?;
            let error_type = lossy(ours.error_type);
            let told = ours.told(error_type.as_deref())?;
            if ours.outcome != fusewire::Outcome::Failure as u32 {
                let code = Code::FUSEWIRE_ERROR_INVALID_VALUE;
                return Err(Failure::invalid(
                    code,
                    "ending.outcome",
                    ours.outcome,
                    "FUSEWIRE_OUTCOME_FAILURE",
                ));
            }
            let settled = words.course.primary_failed(&breaker.core, &told);
            settled
                .map(permit::told)
                .ok_or_else(|| wrong_step("no attempt is under way, or it has failed before"))
        })
    }
}

/// Tells that the hedge with that permit has answered first: it is the attempt from here on, to be settled with
/// `fusewire_attempts_success`, and the permit of the one before is given up, unless it has failed
/// (`fusewire_attempts_primary_failed`). The permit is settled with it.
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
        if !words.is_calling() {
            return Err(wrong_step("no attempt is under way"));
        }
        let (_, slip) = redeem(permit)?;
        words.course.hedge_won(&breaker.core, slip);
        Ok(OK)
    })
}
