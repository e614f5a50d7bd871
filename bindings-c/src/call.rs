//! The call: acquire, call, count. The happy path is on this page and in `permit`; what comes before a guard here
//! cannot panic.

use crate::breaker::{Breaker, fusewire_breaker};
use crate::guard::{Failure, OK, guard};
use crate::handle::{live_numbered, take, take_numbered};
use crate::names::{FUSEWIRE_INVALID, FUSEWIRE_NONE, fusewire_outcome, fusewire_reason, outcome_of};
use crate::permit::{
    self, Words, fusewire_permit, fusewire_permit_failure, fusewire_permit_ignore, fusewire_permit_settle,
    fusewire_permit_success, fusewire_permit_wait_ns, told,
};
use crate::status::{fusewire_status, fusewire_status_enum as Code};
use crate::text::lossy;
use fusewire::Outcome as CallOutcome;
use fusewire::binding::{Paced, Refused};
use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::time::Duration;

/// Why a call was turned away.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fusewire_rejection {
    /// The earliest time from now at which the answer can differ, in nanoseconds; `FUSEWIRE_NONE` when it is unknown.
    /// On the system's clock it may be a tick (10 ms at most) too long while the breaker is open.
    pub retry_after_ns: u64,
    /// The last failure before, for `fusewire_breaker_last_failure`; 0 when there was none.
    pub last_failure: u64,
    /// Why, a `fusewire_reason`.
    pub reason: fusewire_reason,
    /// 0, for what later versions have to say.
    pub reserved: [u32; 5],
}

/// A call. `*error_type` is NULL; a failure may set it to a text that stays until `fusewire_breaker_call`
/// returns, under which the failure is counted. Returns how the call ended, a `fusewire_outcome`.
pub type fusewire_function = Option<
    unsafe extern "C-unwind" fn(userdata: *mut c_void, error_type: *mut *const c_char) -> fusewire_outcome,
>;

/// Asks for a permit to call. Returns `FUSEWIRE_OK` and writes `permit`, to be settled once; or `FUSEWIRE_REJECTED` and
/// writes why to `rejection`, unless that is NULL. The call has priority `FUSEWIRE_PRIORITY_NORMAL` and costs 1;
/// `fusewire_breaker_acquire_with` says otherwise. Never waits for another thread's call, and in steady state takes no
/// lock and allocates nothing: a thread's first call of a breaker does, and one that makes a transition.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`. What was not given is marked as such:
/// to settle it returns `FUSEWIRE_ERROR_INVALID_PERMIT`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_acquire(
    breaker: *mut fusewire_breaker,
    permit: *mut fusewire_permit,
    rejection: *mut fusewire_rejection,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    unsafe {
        if acquire_at_once(breaker, permit) { OK } else { acquire_at_length(breaker, permit, rejection) }
    }
}

/// As `fusewire_breaker_acquire`; where a leaky bucket gives the call a turn that is yet to come, the thread sleeps
/// until then. Of other permits `fusewire_permit_wait_ns` says how long that is.
///
/// Fails as `fusewire_breaker_acquire` does.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_acquire_turn(
    breaker: *mut fusewire_breaker,
    permit: *mut fusewire_permit,
    rejection: *mut fusewire_rejection,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    unsafe {
        if acquire_at_once(breaker, permit) { OK } else { acquire_turn_at_length(breaker, permit, rejection) }
    }
}

/// Gives a permit for the usual call; `false` says that there is more to it, and nothing was done.
///
/// # Safety
/// As for `fusewire_breaker_acquire`.
#[inline(always)]
unsafe fn acquire_at_once(breaker: *mut fusewire_breaker, permit: *mut fusewire_permit) -> bool {
    // SAFETY: the caller's promises.
    unsafe {
        if let Some((found, serial)) = live_numbered::<Breaker, _>(breaker)
            && !permit.is_null()
            && let Some(slip) = found.core.acquire_quietly()
        {
            permit.cast::<Words>().write(Words::new(breaker, serial, slip));
            return true;
        }
        false
    }
}

/// # Safety
/// As for `fusewire_breaker_acquire`.
#[inline(never)]
unsafe fn acquire_at_length(
    breaker: *mut fusewire_breaker,
    permit: *mut fusewire_permit,
    rejection: *mut fusewire_rejection,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        if permit.is_null() {
            return Err(Failure::null("permit"));
        }
        permit::mark_as_not_given(permit);
        let (found, serial): (&Breaker, u64) = take_numbered("breaker", breaker)?;
        let answer = found.core.acquire_paced();
        Ok(hand_over(found, answer, (breaker, serial), permit, rejection))
    })
}

/// # Safety
/// As for `fusewire_breaker_acquire`.
#[inline(never)]
unsafe fn acquire_turn_at_length(
    breaker: *mut fusewire_breaker,
    permit: *mut fusewire_permit,
    rejection: *mut fusewire_rejection,
) -> fusewire_status {
    // SAFETY: the caller's promises; what was not given has no wait.
    let (acquired, wait) = unsafe {
        let acquired = acquire_at_length(breaker, permit, rejection);
        (acquired, if acquired == OK { fusewire_permit_wait_ns(permit) } else { 0 })
    };
    if wait > 0 {
        std::thread::sleep(Duration::from_nanos(wait));
    }
    acquired
}

/// Writes what a breaker answers: the permit, which belongs to the handle `given_by` of that number, or why there is
/// none.
///
/// # Safety
/// `permit` may be written, `rejection` is NULL or may be.
pub(crate) unsafe fn hand_over(
    breaker: &Breaker,
    answer: Result<Paced, Refused>,
    given_by: (*const fusewire_breaker, u64),
    permit: *mut fusewire_permit,
    rejection: *mut fusewire_rejection,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    unsafe {
        match answer {
            Ok(paced) => {
                permit.cast::<Words>().write(Words::paced(given_by.0, given_by.1, paced));
                OK
            }
            Err(refused) => {
                if !rejection.is_null() {
                    rejection.write(fusewire_rejection::of(breaker, refused));
                }
                Code::FUSEWIRE_REJECTED as fusewire_status
            }
        }
    }
}

impl fusewire_rejection {
    /// Of a call that was not turned away.
    pub(crate) fn none() -> Self {
        let reason = FUSEWIRE_INVALID;
        fusewire_rejection { retry_after_ns: FUSEWIRE_NONE, last_failure: 0, reason, reserved: [0; 5] }
    }

    pub(crate) fn of(breaker: &Breaker, refused: Refused) -> Self {
        fusewire_rejection {
            retry_after_ns: refused.retry_after.unwrap_or(FUSEWIRE_NONE),
            last_failure: breaker.core.failure_word(),
            reason: refused.reason as fusewire_reason,
            reserved: [0; 5],
        }
    }
}

/// Settles a call as a failure when it is unwound, and lets that go on: an exception of C++ reaches who called.
struct Unwound(*mut fusewire_permit);

impl Drop for Unwound {
    #[cold]
    fn drop(&mut self) {
        // SAFETY: the permit is that of the call that is unwound.
        unsafe { fusewire_permit_failure(self.0, c"exception".as_ptr()) };
    }
}

/// Calls `function(userdata, &error_type)` under the breaker, at its turn where a leaky bucket paces calls, and settles
/// by what it returns. `outcome`: NULL, or where
/// that goes. `rejection`: as for `fusewire_breaker_acquire`. A C++ exception out of the function counts as a failure
/// of type `exception`, and goes on. The function must not leave by `longjmp` or `pthread_exit`, nor be cancelled.
///
/// Returns `FUSEWIRE_OK` or `FUSEWIRE_LATE` when the function has run, whatever its outcome; `FUSEWIRE_NO_OUTCOME` when
/// it has returned none, which counts as ignored; `FUSEWIRE_REJECTED` when it has not run. Fails with
/// `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE` before it has run, and with the latter after it
/// when it has freed the breaker.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn fusewire_breaker_call(
    breaker: *mut fusewire_breaker,
    function: fusewire_function,
    userdata: *mut c_void,
    outcome: *mut fusewire_outcome,
    rejection: *mut fusewire_rejection,
) -> fusewire_status {
    let Some(function) = function else { return Code::FUSEWIRE_ERROR_NULL_ARGUMENT as fusewire_status };
    let mut place = MaybeUninit::<fusewire_permit>::uninit();
    let permit = place.as_mut_ptr();
    // SAFETY: the caller's promises, here and below.
    let acquired = unsafe { fusewire_breaker_acquire_turn(breaker, permit, rejection) };
    if acquired != OK {
        return acquired;
    }
    let unwound = Unwound(permit);
    let mut error_type = std::ptr::null();
    // SAFETY: as above. No guard stands around foreign code: only what is its own may be unwound through here.
    let answer = unsafe { function(userdata, &raw mut error_type) };
    std::mem::forget(unwound);
    if !outcome.is_null() {
        // SAFETY: as above.
        unsafe { outcome.write(answer) };
    }
    // SAFETY: as above.
    unsafe { settle_answer(permit, answer, error_type) }
}

/// # Safety
/// `permit` is that of the call; `error_type` is NULL or a text.
unsafe fn settle_answer(
    permit: *mut fusewire_permit,
    answer: fusewire_outcome,
    error_type: *const c_char,
) -> fusewire_status {
    // SAFETY: the caller's promise.
    unsafe {
        if answer == CallOutcome::Success as fusewire_outcome {
            return fusewire_permit_success(permit);
        }
        let settled = fusewire_permit_settle(permit, answer, FUSEWIRE_NONE, error_type);
        if settled != Code::FUSEWIRE_ERROR_INVALID_VALUE as fusewire_status {
            return settled;
        }
        fusewire_permit_ignore(permit);
        Code::FUSEWIRE_NO_OUTCOME as fusewire_status
    }
}

/// Counts the outcome of a call that asked for no permit: while the breaker is closed it counts like any other,
/// otherwise in the totals only. `error_type`: as for `fusewire_permit_failure`.
///
/// Returns `FUSEWIRE_OK` or `FUSEWIRE_LATE`. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`
/// or `FUSEWIRE_ERROR_INVALID_VALUE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_record(
    breaker: *mut fusewire_breaker,
    outcome: fusewire_outcome,
    error_type: *const c_char,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        let breaker: &Breaker = take("breaker", breaker)?;
        Ok(told(breaker.core.record(outcome_of(outcome)?, lossy(error_type).as_deref())))
    })
}
