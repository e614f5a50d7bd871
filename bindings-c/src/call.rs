//! The call: acquire, permit, settle. The happy path is on this page; what comes before a guard here cannot panic.

use crate::breaker::{Breaker, fusewire_breaker};
use crate::guard::{Failure, OK, Outcome, guard, guard_or};
use crate::handle::{live, take};
use crate::names::{FUSEWIRE_INVALID, FUSEWIRE_NONE, fusewire_outcome, fusewire_reason, outcome_of};
use crate::status::{fusewire_status, fusewire_status_enum as Code};
use crate::text::optional;
use fusewire::binding::{Refused, Slip};
use fusewire::{Outcome as CallOutcome, Settled};
use std::ffi::{c_char, c_void};

/// Permission to make one call. A plain struct of the caller's: put it on the stack, move it with the call, and settle it
/// once, from any thread but one at a time. It needs no freeing. One that is never settled keeps a probe's place until
/// `half_open_timeout` ends its lease; nothing else is held by it. Do not settle copies of one.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fusewire_permit {
    /// For this library alone; larger than what it needs today.
    pub opaque: [u64; 8],
}

/// What the caller's words hold.
#[repr(C)]
struct Words {
    /// `GIVEN` or `SETTLED`, mixed with the breaker: what is neither is no permit.
    guard: u64,
    breaker: *const fusewire_breaker,
    slip: Slip,
}

const GIVEN: u64 = 0x6e65_7669_6720_7766;
const SETTLED: u64 = 0x656c_7474_6573_7766;

const _: () = assert!(size_of::<Words>() <= size_of::<fusewire_permit>());
const _: () = assert!(align_of::<Words>() == align_of::<fusewire_permit>());

/// Why a call was turned away.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fusewire_rejection {
    /// The earliest time from now at which the answer can differ, in nanoseconds; `FUSEWIRE_NONE` when it is unknown.
    pub retry_after_ns: u64,
    /// The last failure before, for `fusewire_breaker_failure`; 0 when there was none.
    pub last_failure: u64,
    /// Why, a `fusewire_reason`.
    pub reason: fusewire_reason,
    /// 0, for what later versions have to say.
    pub reserved: [u32; 5],
}

/// A call. `*error_type` is NULL; a failure may set it to a text that stays until the function is called again, under
/// which the failure is counted. Answers how the call ended, a `fusewire_outcome`.
pub type fusewire_function = Option<
    unsafe extern "C-unwind" fn(userdata: *mut c_void, error_type: *mut *const c_char) -> fusewire_outcome,
>;

/// Asks for a permit to call. Answers `FUSEWIRE_OK` and writes `permit`, to be settled once; or `FUSEWIRE_REJECTED` and
/// writes why to `rejection`, unless that is NULL. Allocates nothing, but at a thread's first call of a breaker. Takes no
/// lock and never waits.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`. What was not given is marked as such: to settle it
/// is answered by `FUSEWIRE_ERROR_INVALID_PERMIT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_acquire(
    breaker: *const fusewire_breaker,
    permit: *mut fusewire_permit,
    rejection: *mut fusewire_rejection,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        let found: Option<&Breaker> = live(breaker);
        if let Some(found) = found
            && !permit.is_null()
            && let Some(slip) = found.core.acquire_quietly()
        {
            permit.cast::<Words>().write(Words { guard: GIVEN ^ breaker.addr() as u64, breaker, slip });
            return OK;
        }
        acquire_at_length(breaker, permit, rejection)
    }
}

/// # Safety
/// As for `fusewire_breaker_acquire`.
#[inline(never)]
unsafe fn acquire_at_length(
    breaker: *const fusewire_breaker,
    permit: *mut fusewire_permit,
    rejection: *mut fusewire_rejection,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        if permit.is_null() {
            return Err(Failure::null("permit"));
        }
        permit.cast::<u64>().write(0);
        let found: &Breaker = take("breaker", breaker)?;
        match found.core.acquire_slip() {
            Ok(slip) => {
                permit.cast::<Words>().write(Words { guard: GIVEN ^ breaker.addr() as u64, breaker, slip });
                Ok(OK)
            }
            Err(refused) => {
                if !rejection.is_null() {
                    rejection.write(fusewire_rejection::of(found, refused));
                }
                Ok(Code::FUSEWIRE_REJECTED as fusewire_status)
            }
        }
    })
}

impl fusewire_rejection {
    fn of(breaker: &Breaker, refused: Refused) -> Self {
        fusewire_rejection {
            retry_after_ns: refused.retry_after.unwrap_or(FUSEWIRE_NONE),
            last_failure: breaker.core.failure_word(),
            reason: refused.reason as fusewire_reason,
            reserved: [0; 5],
        }
    }
}

/// A permit that may be settled; what it answers is settled by the caller.
///
/// # Safety
/// `permit` is NULL or the caller's struct.
unsafe fn redeem<'a>(permit: *mut fusewire_permit) -> Outcome<(&'a Breaker, &'a Slip)> {
    if permit.is_null() {
        return Err(Failure::null("permit"));
    }
    // SAFETY: the caller's promise.
    let words = unsafe { &mut *permit.cast::<Words>() };
    match words.guard ^ words.breaker.addr() as u64 {
        GIVEN => {}
        SETTLED => {
            return Err(Failure::new(Code::FUSEWIRE_ERROR_ALREADY_SETTLED, "the permit was settled before"));
        }
        _ => return Err(Failure::new(Code::FUSEWIRE_ERROR_INVALID_PERMIT, "the permit was not given")),
    }
    // SAFETY: the guard says that an acquire has written it; a handle that was freed meanwhile is found out.
    let breaker: &Breaker = unsafe { take("permit", words.breaker) }?;
    words.guard = SETTLED ^ words.breaker.addr() as u64;
    Ok((breaker, &words.slip))
}

fn told(settled: Settled) -> fusewire_status {
    match settled {
        Settled::Late => Code::FUSEWIRE_LATE as fusewire_status,
        _ => OK,
    }
}

/// Settles a permit as a success; how long the call took is read from the clock, if the call is timed.
///
/// Answers `FUSEWIRE_OK` or `FUSEWIRE_LATE`. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_PERMIT`,
/// `FUSEWIRE_ERROR_ALREADY_SETTLED`, or `FUSEWIRE_ERROR_INVALID_HANDLE` when the handle that gave it was freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_permit_success(permit: *mut fusewire_permit) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        if let Some(words) = permit.cast::<Words>().as_mut()
            && words.guard ^ words.breaker.addr() as u64 == GIVEN
            && let Some(breaker) = live::<Breaker, _>(words.breaker)
            && breaker.core.succeed_quietly(&words.slip)
        {
            words.guard = SETTLED ^ words.breaker.addr() as u64;
            return OK;
        }
        settle_at_length(permit, CallOutcome::Success)
    }
}

/// # Safety
/// As for `redeem`.
#[inline(never)]
unsafe fn settle_at_length(permit: *mut fusewire_permit, outcome: CallOutcome) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (breaker, slip) = unsafe { redeem(permit) }?;
        Ok(told(breaker.core.settle_slip(slip, outcome, None, None)))
    })
}

/// Settles a permit as a failure. `error_type`: what kind of error it was, for the metrics, cut at 64 bytes; NULL for
/// none. The first twenty kinds of a breaker are counted by name.
///
/// Answers and fails as `fusewire_permit_success` does, also with `FUSEWIRE_ERROR_NOT_UTF8`: nothing is settled then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_permit_failure(
    permit: *mut fusewire_permit,
    error_type: *const c_char,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        let error_type = optional("error_type", error_type)?;
        let (breaker, slip) = redeem(permit)?;
        Ok(told(breaker.core.settle_slip(slip, CallOutcome::Failure, None, error_type)))
    })
}

/// Settles a permit as ignored: the call says nothing about the dependency. Answers and fails as
/// `fusewire_permit_success` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_permit_ignore(permit: *mut fusewire_permit) -> fusewire_status {
    // SAFETY: the caller's promise.
    unsafe { settle_at_length(permit, CallOutcome::Ignored) }
}

/// Settles a permit of a call that was given up, such as a cancelled one: ignored, or a failure of type `timeout` when it
/// lasted at least `cancelled_after`, so that a timeout around the call does not hide a hanging service. Answers and
/// fails as `fusewire_permit_success` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_permit_abandon(permit: *mut fusewire_permit) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (breaker, slip) = unsafe { redeem(permit) }?;
        Ok(told(breaker.core.abandon_slip(slip)))
    })
}

/// Settles a permit with all there is to say. `duration_ns`: how long the call took, in nanoseconds, or `FUSEWIRE_NONE`
/// to leave that to the clock. `error_type`: as for `fusewire_permit_failure`; of no account unless it failed.
///
/// Answers and fails as `fusewire_permit_failure` does, also with `FUSEWIRE_ERROR_INVALID_VALUE` when `outcome` is none:
/// nothing is settled then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_permit_settle(
    permit: *mut fusewire_permit,
    outcome: fusewire_outcome,
    duration_ns: u64,
    error_type: *const c_char,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        let outcome = outcome_of(outcome)?;
        let error_type = optional("error_type", error_type)?;
        let (breaker, slip) = redeem(permit)?;
        let duration = (duration_ns != FUSEWIRE_NONE).then_some(duration_ns);
        Ok(told(breaker.core.settle_slip(slip, outcome, duration, error_type)))
    })
}

/// Why the call would have been turned away, had the breaker not been in shadow mode: a `fusewire_reason`, or
/// `FUSEWIRE_INVALID` when it would not have been, or `permit` is none that was given and not settled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_permit_would_reject(permit: *const fusewire_permit) -> fusewire_reason {
    guard_or(FUSEWIRE_INVALID, || {
        // SAFETY: the caller's promise.
        let Some(words) = (unsafe { permit.cast::<Words>().as_ref() }) else {
            return Err(Failure::null("permit"));
        };
        if words.guard ^ words.breaker.addr() as u64 != GIVEN {
            return Err(Failure::new(Code::FUSEWIRE_ERROR_INVALID_PERMIT, "the permit was not given"));
        }
        // SAFETY: as in `redeem`.
        let breaker: &Breaker = unsafe { take("permit", words.breaker) }?;
        Ok(breaker
            .core
            .slip_would_reject(&words.slip)
            .map_or(FUSEWIRE_INVALID, |reason| reason as fusewire_reason))
    })
}

/// Settles a call as a failure when it is unwound, and lets that go on: an exception of C++ reaches who called.
struct Unwound(fusewire_permit);

impl Drop for Unwound {
    #[cold]
    fn drop(&mut self) {
        // SAFETY: the permit is ours.
        unsafe { fusewire_permit_failure(&raw mut self.0, c"exception".as_ptr()) };
    }
}

/// Calls `function(userdata, ...)` under the breaker and settles by what it answers. `outcome`: NULL, or where the
/// function's answer goes. `rejection`: as for `fusewire_breaker_acquire`. An exception of C++ out of the function counts
/// as a failure and goes on; the function must not leave by `longjmp`.
///
/// Answers `FUSEWIRE_OK` or `FUSEWIRE_LATE` when the function has run, whatever its outcome, and `FUSEWIRE_REJECTED` when
/// it has not. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE` before the function has run; with
/// `FUSEWIRE_ERROR_INVALID_VALUE` or `FUSEWIRE_ERROR_NOT_UTF8` when the function has answered no outcome, which counts as ignored, or
/// a wrong error type, which counts as none.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn fusewire_breaker_call(
    breaker: *const fusewire_breaker,
    function: fusewire_function,
    userdata: *mut c_void,
    outcome: *mut fusewire_outcome,
    rejection: *mut fusewire_rejection,
) -> fusewire_status {
    let Some(function) = function else { return Code::FUSEWIRE_ERROR_NULL_ARGUMENT as fusewire_status };
    let mut unwound = Unwound(fusewire_permit { opaque: [0; 8] });
    // SAFETY: the caller's promises, here and below.
    let acquired = unsafe { fusewire_breaker_acquire(breaker, &raw mut unwound.0, rejection) };
    if acquired != OK {
        std::mem::forget(unwound);
        return acquired;
    }
    let mut error_type = std::ptr::null();
    // SAFETY: as above. No guard stands around foreign code: only what is its own may be unwound through here.
    let answer = unsafe { function(userdata, &raw mut error_type) };
    let mut permit = unwound.0;
    std::mem::forget(unwound);
    if !outcome.is_null() {
        // SAFETY: as above.
        unsafe { outcome.write(answer) };
    }
    // SAFETY: as above.
    unsafe { settle_answer(&mut permit, answer, error_type) }
}

/// # Safety
/// `error_type` is NULL or a text.
unsafe fn settle_answer(
    permit: &mut fusewire_permit,
    answer: fusewire_outcome,
    error_type: *const c_char,
) -> fusewire_status {
    // SAFETY: the permit is ours, and the caller's promise.
    unsafe {
        if answer == CallOutcome::Success as fusewire_outcome {
            return fusewire_permit_success(permit);
        }
        let settled = fusewire_permit_settle(permit, answer, FUSEWIRE_NONE, error_type);
        match settled {
            s if s == Code::FUSEWIRE_ERROR_INVALID_VALUE as fusewire_status => fusewire_permit_ignore(permit),
            s if s == Code::FUSEWIRE_ERROR_NOT_UTF8 as fusewire_status => {
                fusewire_permit_settle(permit, answer, FUSEWIRE_NONE, std::ptr::null())
            }
            settled => return settled,
        };
        settled
    }
}

/// Counts the outcome of a call that asked for no permit: while the breaker is closed it counts like any other, otherwise
/// in the totals only. `error_type`: as for `fusewire_permit_failure`.
///
/// Answers `FUSEWIRE_OK` or `FUSEWIRE_LATE`. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`,
/// `FUSEWIRE_ERROR_INVALID_VALUE` or `FUSEWIRE_ERROR_NOT_UTF8`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_record(
    breaker: *const fusewire_breaker,
    outcome: fusewire_outcome,
    error_type: *const c_char,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        let breaker: &Breaker = take("breaker", breaker)?;
        let error_type = optional("error_type", error_type)?;
        Ok(told(breaker.core.record(outcome_of(outcome)?, error_type)))
    })
}
