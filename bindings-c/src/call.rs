//! The call: acquire, permit, settle. The happy path is on this page; what comes before a guard here cannot panic.

use crate::breaker::{Breaker, fusewire_breaker};
use crate::guard::{Failure, OK, Outcome, guard, guard_or};
use crate::handle::{live_numbered, take, take_numbered};
use crate::names::{FUSEWIRE_INVALID, FUSEWIRE_NONE, fusewire_outcome, fusewire_reason, outcome_of};
use crate::status::{fusewire_status, fusewire_status_enum as Code};
use crate::text::lossy;
use fusewire::binding::{Refused, Slip};
use fusewire::{Outcome as CallOutcome, Settled};
use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering};

/// Permission to make one call. A plain struct of the caller's: put it on the stack, move it with the call, and settle
/// it once: from any thread, but not from two at once. It needs no freeing. Settle every permit: one that never is
/// keeps a probe's place until `half_open_timeout` ends its lease. Do not settle copies of one.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fusewire_permit {
    /// For this library alone; larger than what it needs today.
    pub opaque: [u64; 8],
}

/// What the caller's words hold.
#[repr(C)]
struct Words {
    /// `GIVEN` or `SETTLED`, mixed with the handle: what is neither is no permit. The usual call changes it by a plain
    /// store, since two additions that lock would cost more than the rest of it.
    guard: AtomicU64,
    breaker: *const fusewire_breaker,
    /// Of the handle, which may be another's by now.
    serial: u64,
    slip: Slip,
}

const GIVEN: u64 = 0x6e65_7669_6720_7766;
const SETTLED: u64 = 0x656c_7474_6573_7766;

const _: () = assert!(size_of::<Words>() <= size_of::<fusewire_permit>());
const _: () = assert!(align_of::<Words>() == align_of::<fusewire_permit>());

impl Words {
    fn new(breaker: *const fusewire_breaker, serial: u64, slip: Slip) -> Self {
        Words { guard: AtomicU64::new(GIVEN ^ breaker.addr() as u64), breaker, serial, slip }
    }

    fn is(&self, what: u64) -> bool {
        self.guard.load(Ordering::Relaxed) ^ self.breaker.addr() as u64 == what
    }

    fn mixed(&self, what: u64) -> u64 {
        what ^ self.breaker.addr() as u64
    }
}

/// Why a call was turned away.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fusewire_rejection {
    /// The earliest time from now at which the answer can differ, in nanoseconds; `FUSEWIRE_NONE` when it is unknown. On
    /// the system's clock it may be a tick (10 ms at most) too long while the breaker is open.
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
/// writes why to `rejection`, unless that is NULL. Never waits for another thread's call, and in steady state takes no
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
    // SAFETY: the caller's promises, here and below.
    unsafe {
        if let Some((found, serial)) = live_numbered::<Breaker, _>(breaker)
            && !permit.is_null()
            && let Some(slip) = found.core.acquire_quietly()
        {
            permit.cast::<Words>().write(Words::new(breaker, serial, slip));
            return OK;
        }
        acquire_at_length(breaker, permit, rejection)
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
        permit.cast::<u64>().write(0);
        let (found, serial): (&Breaker, u64) = take_numbered("breaker", breaker)?;
        match found.core.acquire_slip() {
            Ok(slip) => {
                permit.cast::<Words>().write(Words::new(breaker, serial, slip));
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

/// A permit that may be settled. Of two threads that try at once, one gets it.
///
/// # Safety
/// `permit` is NULL or the caller's struct.
unsafe fn redeem<'a>(permit: *mut fusewire_permit) -> Outcome<(&'a Breaker, &'a Slip)> {
    // SAFETY: the caller's promise.
    let (breaker, words) = unsafe { given(permit) }?;
    let (given, settled) = (words.mixed(GIVEN), words.mixed(SETTLED));
    match words.guard.compare_exchange(given, settled, Ordering::AcqRel, Ordering::Relaxed) {
        Ok(_) => Ok((breaker, &words.slip)),
        Err(_) => Err(settled_before()),
    }
}

fn settled_before() -> Box<Failure> {
    Failure::new(Code::FUSEWIRE_ERROR_ALREADY_SETTLED, "the permit was settled before")
}

/// A permit that was given and not settled, and its breaker.
///
/// # Safety
/// As for `redeem`.
unsafe fn given<'a>(permit: *const fusewire_permit) -> Outcome<(&'a Breaker, &'a Words)> {
    // SAFETY: the caller's promise.
    let Some(words) = (unsafe { permit.cast::<Words>().as_ref() }) else {
        return Err(Failure::null("permit"));
    };
    if words.is(SETTLED) {
        return Err(settled_before());
    }
    if !words.is(GIVEN) {
        return Err(Failure::new(Code::FUSEWIRE_ERROR_INVALID_PERMIT, "the permit was not given"));
    }
    // SAFETY: the guard says that an acquire has written it; a handle that was freed meanwhile is found out.
    let (breaker, serial): (&Breaker, u64) = unsafe { take_numbered("permit", words.breaker) }?;
    if serial != words.serial {
        let what = "the handle that gave the permit was freed";
        return Err(Failure::new(Code::FUSEWIRE_ERROR_INVALID_HANDLE, what));
    }
    Ok((breaker, words))
}

fn told(settled: Settled) -> fusewire_status {
    match settled {
        Settled::Late => Code::FUSEWIRE_LATE as fusewire_status,
        _ => OK,
    }
}

/// Settles a permit as a success; how long the call took is read from the clock, if the call is timed.
///
/// Returns `FUSEWIRE_OK` or `FUSEWIRE_LATE`. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`,
/// `FUSEWIRE_ERROR_INVALID_PERMIT`, `FUSEWIRE_ERROR_ALREADY_SETTLED`, or `FUSEWIRE_ERROR_INVALID_HANDLE` when the
/// handle that gave it was freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_permit_success(permit: *mut fusewire_permit) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        if let Some(words) = permit.cast::<Words>().as_ref()
            && words.is(GIVEN)
            && let Some((breaker, serial)) = live_numbered::<Breaker, _>(words.breaker)
            && serial == words.serial
            && breaker.core.succeed_quietly(&words.slip)
        {
            words.guard.store(words.mixed(SETTLED), Ordering::Relaxed);
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
/// none. What is not UTF-8 in it is replaced. The first twenty kinds of a breaker are counted by name.
///
/// Returns and fails as `fusewire_permit_success` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_permit_failure(
    permit: *mut fusewire_permit,
    error_type: *const c_char,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe {
        let (breaker, slip) = redeem(permit)?;
        let error_type = lossy(error_type);
        Ok(told(breaker.core.settle_slip(slip, CallOutcome::Failure, None, error_type.as_deref())))
    })
}

/// Settles a permit as ignored: the call says nothing about the dependency. Returns and fails as
/// `fusewire_permit_success` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_permit_ignore(permit: *mut fusewire_permit) -> fusewire_status {
    // SAFETY: the caller's promise.
    unsafe { settle_at_length(permit, CallOutcome::Ignored) }
}

/// Settles a permit of a call that was given up, such as a cancelled one: ignored, or a failure of type `timeout` when
/// it lasted at least `cancelled_after`, so that a timeout around the call does not hide a hanging service. Returns and
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
/// to leave that to the clock. `error_type`: as for `fusewire_permit_failure`; ignored unless it failed.
///
/// Returns and fails as `fusewire_permit_failure` does, also with `FUSEWIRE_ERROR_INVALID_VALUE` when `outcome` is none
/// of its values: nothing is settled then.
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
        let (breaker, slip) = redeem(permit)?;
        let duration = (duration_ns != FUSEWIRE_NONE).then_some(duration_ns);
        let error_type = lossy(error_type);
        Ok(told(breaker.core.settle_slip(slip, outcome, duration, error_type.as_deref())))
    })
}

/// Why the call would have been turned away, had the breaker not been in shadow mode: a `fusewire_reason`, or
/// `FUSEWIRE_INVALID` when it would not have been, or `permit` is none that was given and not settled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_permit_would_reject(permit: *const fusewire_permit) -> fusewire_reason {
    guard_or(FUSEWIRE_INVALID, || {
        // SAFETY: the caller's promise.
        let (breaker, words) = unsafe { given(permit) }?;
        Ok(breaker
            .core
            .slip_would_reject(&words.slip)
            .map_or(FUSEWIRE_INVALID, |reason| reason as fusewire_reason))
    })
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

/// Calls `function(userdata, &error_type)` under the breaker and settles by what it returns. `outcome`: NULL, or where
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
    let acquired = unsafe { fusewire_breaker_acquire(breaker, permit, rejection) };
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
