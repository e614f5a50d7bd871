//! What an operator does. `actor` and `reason` go into the event that it makes: who, cut at 64 bytes, and why, cut at 256;
//! either may be NULL.

use crate::breaker::{Breaker, fusewire_breaker};
use crate::error::fusewire_error;
use crate::guard::{OK, Outcome, guard, guard_with};
use crate::handle::take;
use crate::names::{FUSEWIRE_NONE, fusewire_mode, mode_of};
use crate::status::{fusewire_status, fusewire_status_enum as Code};
use crate::text::{optional, required};
use fusewire::{Builder, By};
use std::ffi::c_char;
use std::time::Duration;

/// # Safety
/// Both are NULL or texts.
pub(crate) unsafe fn by(actor: *const c_char, reason: *const c_char) -> Outcome<By> {
    // SAFETY: the caller's promise.
    unsafe { Ok(By::parts(optional("actor", actor)?, optional("reason", reason)?)) }
}

/// What a reconfiguration returns.
pub(crate) fn changed(has_changed: bool) -> fusewire_status {
    if has_changed { OK } else { Code::FUSEWIRE_UNCHANGED as fusewire_status }
}

/// Opens the breaker, from any state, for `duration_ns` (1 ms to 168 h) or, when that is `FUSEWIRE_NONE`, for as long
/// as an opening lasts now. `actor` and `reason`: who does it and why, for the event, cut at 64 and 256 bytes; NULL
/// leaves them out.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_NOT_UTF8`, or
/// `FUSEWIRE_ERROR_CONFIG` when the duration is out of range; the detail goes to `error`, unless that is NULL. Nothing
/// has changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_trip(
    breaker: *mut fusewire_breaker,
    duration_ns: u64,
    actor: *const c_char,
    reason: *const c_char,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        guard_with(error, || {
            let breaker: &Breaker = take("breaker", breaker)?;
            let duration = (duration_ns != FUSEWIRE_NONE).then(|| Duration::from_nanos(duration_ns));
            breaker.core.trip(duration, by(actor, reason)?)?;
            Ok(OK)
        })
    }
}

/// Lets the next calls probe, from any state. `actor` and `reason`: as for `fusewire_breaker_trip`.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_NOT_UTF8`. Nothing has
/// changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_half_open(
    breaker: *mut fusewire_breaker,
    actor: *const c_char,
    reason: *const c_char,
) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promises.
        let (breaker, by): (&Breaker, By) = unsafe { (take("breaker", breaker)?, by(actor, reason)?) };
        breaker.core.half_open(by);
        Ok(OK)
    })
}

/// Closes the breaker, from any state, and ends the row of openings. `actor` and `reason`: as for
/// `fusewire_breaker_trip`.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_NOT_UTF8`. Nothing has
/// changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_reset(
    breaker: *mut fusewire_breaker,
    actor: *const c_char,
    reason: *const c_char,
) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promises.
        let (breaker, by): (&Breaker, By) = unsafe { (take("breaker", breaker)?, by(actor, reason)?) };
        breaker.core.reset(by);
        Ok(OK)
    })
}

/// Sets the mode; setting the one that is set does nothing. `actor` and `reason`: as for `fusewire_breaker_trip`.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_NOT_UTF8`, or
/// `FUSEWIRE_ERROR_INVALID_VALUE` when `mode` is none. Nothing has changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_set_mode(
    breaker: *mut fusewire_breaker,
    mode: fusewire_mode,
    actor: *const c_char,
    reason: *const c_char,
) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promises.
        let (breaker, by): (&Breaker, By) = unsafe { (take("breaker", breaker)?, by(actor, reason)?) };
        breaker.core.set_mode(mode_of(mode)?, by);
        Ok(OK)
    })
}

/// Carries out what is due (open to half-open, expired probes, a ramp step that is over) without asking for a permit.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_poll(breaker: *mut fusewire_breaker) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let breaker: &Breaker = unsafe { take("breaker", breaker) }?;
        breaker.core.poll();
        Ok(OK)
    })
}

/// Swaps the rules atomically for those of `document`, JSON text. The clock stays. `actor` and `reason`: as for
/// `fusewire_breaker_trip`.
///
/// Returns `FUSEWIRE_OK`, or `FUSEWIRE_UNCHANGED` when the rules are what they were. Fails with
/// `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_NOT_UTF8` or
/// `FUSEWIRE_ERROR_CONFIG`; the detail goes to `error`, unless that is NULL. Nothing has changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_reconfigure(
    breaker: *mut fusewire_breaker,
    document: *const c_char,
    actor: *const c_char,
    reason: *const c_char,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        guard_with(error, || {
            let breaker: &Breaker = take("breaker", breaker)?;
            let document = Builder::from_json(required("document", document)?)?;
            Ok(changed(breaker.core.reconfigure(document, by(actor, reason)?)?))
        })
    }
}
