//! A clock that moves by hand, for tests.

use crate::guard::{OK, guard, guard_free, guard_or};
use crate::handle::{self, kind};
use crate::status::fusewire_status;
use crate::{FUSEWIRE_NONE, handle::take};
use fusewire::{Clock, ManualClock};

/// A clock that moves only when it is told to: give it to breakers, by `fusewire_options` or a registry, and test what
/// they do over time without waiting. It begins at 0. Breakers keep what they need of it, so it may be freed before
/// them. Threads may share it.
pub struct fusewire_manual_clock {
    _opaque: [u8; 0],
}

kind!(ManualClock, b"fw clock", "fusewire_manual_clock");

/// A clock at 0. Free it with `fusewire_manual_clock_free`. NULL when the library fails.
#[unsafe(no_mangle)]
pub extern "C" fn fusewire_manual_clock_new() -> *mut fusewire_manual_clock {
    guard_or(std::ptr::null_mut(), || Ok(handle::give(ManualClock::new())))
}

/// Moves the clock forward by nanoseconds; it stops at the end of `uint64_t`. Returns `FUSEWIRE_ERROR_NULL_ARGUMENT` or
/// `FUSEWIRE_ERROR_INVALID_HANDLE` when `clock` is NULL or no live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_manual_clock_advance(
    clock: *mut fusewire_manual_clock,
    nanoseconds: u64,
) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let clock: &ManualClock = unsafe { take("clock", clock) }?;
        clock.advance_nanos(nanoseconds);
        Ok(OK)
    })
}

/// Sets the clock, in nanoseconds; an earlier time than the present one changes nothing. Returns as
/// `fusewire_manual_clock_advance` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_manual_clock_set(
    clock: *mut fusewire_manual_clock,
    nanoseconds: u64,
) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let clock: &ManualClock = unsafe { take("clock", clock) }?;
        clock.set(nanoseconds);
        Ok(OK)
    })
}

/// Nanoseconds since its beginning; `FUSEWIRE_NONE` when `clock` is NULL or no live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_manual_clock_now(clock: *const fusewire_manual_clock) -> u64 {
    guard_or(FUSEWIRE_NONE, || {
        // SAFETY: the caller's promise.
        let clock: &ManualClock = unsafe { take("clock", clock) }?;
        Ok(clock.now())
    })
}

/// Frees a clock. NULL does nothing; freeing twice ends the process with a message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_manual_clock_free(clock: *mut fusewire_manual_clock) {
    // SAFETY: the caller's promise.
    guard_free(|| unsafe { handle::free::<ManualClock, _>("fusewire_manual_clock_free", clock) })
}
