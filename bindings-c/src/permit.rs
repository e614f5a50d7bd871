//! Permits: what a call holds from its admission until it is settled.

use crate::breaker::{Breaker, fusewire_breaker};
use crate::guard::{Failure, OK, Outcome, guard, guard_or};
use crate::handle::{live_numbered, take_numbered};
use crate::names::{FUSEWIRE_INVALID, FUSEWIRE_NONE, fusewire_outcome, fusewire_reason, outcome_of};
use crate::status::{fusewire_status, fusewire_status_enum as Code};
use crate::text::lossy;
use fusewire::binding::{Paced, Slip};
use fusewire::{Outcome as CallOutcome, Settled};
use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering};

/// Permission to make one call. A plain struct of the caller's: put it on the stack, move it with the call, and settle
/// it once: from any thread, but not from two at once. It needs no freeing. Settle every permit: one that never is
/// keeps a probe's place until `half_open_timeout` ends its lease, and a slot of a bulkhead for good. Do not settle
/// copies of one.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fusewire_permit {
    /// For this library alone.
    pub opaque: [u64; 8],
}

/// What the caller's words hold.
#[repr(C)]
pub(crate) struct Words {
    /// `GIVEN`, `PACED` or `SETTLED`, mixed with the handle: what is neither is no permit. The usual call changes it by
    /// a plain store, since two additions that lock would cost more than the rest of it.
    guard: AtomicU64,
    breaker: *const fusewire_breaker,
    /// Of the handle, which may be another's by now.
    serial: u64,
    slip: Slip,
    /// How long until its turn, of a `PACED` one. No other writes it: that would cost each call a store.
    wait: MaybeUninit<u64>,
}

const GIVEN: u64 = 0x6e65_7669_6720_7766;
const PACED: u64 = 0x6465_6361_7020_7766;
const SETTLED: u64 = 0x656c_7474_6573_7766;

const _: () = assert!(size_of::<Words>() <= size_of::<fusewire_permit>());
const _: () = assert!(align_of::<Words>() == align_of::<fusewire_permit>());

impl Words {
    /// Those of a permit that may call at once.
    #[inline(always)]
    pub(crate) fn new(breaker: *const fusewire_breaker, serial: u64, slip: Slip) -> Self {
        let guard = AtomicU64::new(GIVEN ^ breaker.addr() as u64);
        Words { guard, breaker, serial, slip, wait: MaybeUninit::uninit() }
    }

    /// The same, of one whose turn may be yet to come.
    pub(crate) fn paced(breaker: *const fusewire_breaker, serial: u64, (slip, wait): Paced) -> Self {
        let mut words = Words::new(breaker, serial, slip);
        if wait > 0 {
            words.wait.write(wait);
            words.guard = AtomicU64::new(words.mixed(PACED));
        }
        words
    }

    fn is(&self, what: u64) -> bool {
        self.guard.load(Ordering::Relaxed) ^ self.breaker.addr() as u64 == what
    }

    fn mixed(&self, what: u64) -> u64 {
        what ^ self.breaker.addr() as u64
    }
}

/// Writes a permit that may call at once.
///
/// # Safety
/// `permit` may be written.
pub(crate) unsafe fn write(
    permit: *mut fusewire_permit,
    given_by: (*const fusewire_breaker, u64),
    slip: Slip,
) {
    // SAFETY: the caller's promise.
    unsafe { permit.cast::<Words>().write(Words::new(given_by.0, given_by.1, slip)) };
}

/// The handle that gave a permit, and its number; of one that may be settled.
///
/// # Safety
/// As for `redeem`.
pub(crate) unsafe fn giver(permit: *const fusewire_permit) -> Outcome<(*const fusewire_breaker, u64)> {
    // SAFETY: the caller's promise.
    let (_, words) = unsafe { given(permit) }?;
    Ok((words.breaker, words.serial))
}

/// Marks memory as a permit that was not given, whatever was there.
///
/// # Safety
/// `permit` may be written.
pub(crate) unsafe fn mark_as_not_given(permit: *mut fusewire_permit) {
    // The mark is mixed with what stands beside it.
    // SAFETY: the caller's promise.
    unsafe { permit.cast::<[u64; 2]>().write([0; 2]) };
}

/// A permit that may be settled. Of two threads that try at once, one gets it.
///
/// # Safety
/// `permit` is NULL or the caller's struct.
pub(crate) unsafe fn redeem<'a>(permit: *mut fusewire_permit) -> Outcome<(&'a Breaker, &'a Slip)> {
    // SAFETY: the caller's promise.
    let (breaker, words) = unsafe { given(permit) }?;
    let given = words.mixed(if words.is(PACED) { PACED } else { GIVEN });
    let settled = words.mixed(SETTLED);
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
    if !words.is(GIVEN) && !words.is(PACED) {
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

pub(crate) fn told(settled: Settled) -> fusewire_status {
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

/// How long to wait before the call is made, in nanoseconds from when the permit was given: a leaky bucket paces calls.
/// The permit's lease and the call's duration begin then; 0 when the call may be made at once, and when `permit` is
/// none that was given and not settled. Only a breaker with a leaky bucket gives such permits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_permit_wait_ns(permit: *const fusewire_permit) -> u64 {
    guard_or(0, || {
        // SAFETY: the caller's promise.
        let (_, words) = unsafe { given(permit) }?;
        // SAFETY: one that is paced was written with it.
        Ok(if words.is(PACED) { unsafe { words.wait.assume_init() } } else { 0 })
    })
}

/// How long the call may take, in nanoseconds from its beginning, by the document's `timeout` and the request's
/// deadline: end it then, and settle it as a failure of error type `timeout`. One that is settled as a success after
/// that is counted as such a failure, whoever enforces it. `FUSEWIRE_NONE` when nothing sets a timeout, and when
/// `permit` is none that was given and not settled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_permit_timeout_ns(permit: *const fusewire_permit) -> u64 {
    guard_or(FUSEWIRE_NONE, || {
        // SAFETY: the caller's promise.
        let (breaker, words) = unsafe { given(permit) }?;
        Ok(breaker.core.slip_timeout(&words.slip).unwrap_or(FUSEWIRE_NONE))
    })
}

/// Whether the call passes a breaker that would turn it away, because its priority is at or above `open_bypass`: it
/// counts in the totals only. `false` when it does not, and when `permit` is none that was given and not settled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_permit_is_bypassed(permit: *const fusewire_permit) -> bool {
    guard_or(false, || {
        // SAFETY: the caller's promise.
        let (breaker, words) = unsafe { given(permit) }?;
        Ok(breaker.core.slip_is_bypassed(&words.slip))
    })
}
