//! What an operator changes around the machine. Each change is an event of the policies, with `actor` and `reason`.

use crate::breaker::{Breaker, fusewire_breaker};
use crate::error::fusewire_error;
use crate::guard::{Failure, OK, Outcome, guard, guard_with};
use crate::handle::take;
use crate::names::{FUSEWIRE_NONE, FUSEWIRE_PRIORITY_COUNT, fusewire_priority, priority_of};
use crate::operate::{by, changed};
use crate::sized::{self, Sized};
use crate::status::fusewire_status;
use crate::text::required;
use fusewire::{By, Priority};
use std::ffi::c_char;

/// The slots of a bulkhead, for `fusewire_breaker_set_slots`. Begin with `fusewire_slots slots = FUSEWIRE_SLOTS_INIT;`.
/// Without macros: all bytes 0, then `size` and `max_concurrent`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fusewire_slots {
    /// `sizeof(fusewire_slots)`. Later versions add fields at the end.
    pub size: usize,
    /// How many calls may be in flight, 1 to 1,000,000, where slots are reserved 1 to 4,095. `FUSEWIRE_NONE`, to begin
    /// with, leaves it as it is.
    pub max_concurrent: u64,
    /// How many of them are kept for calls of a priority, by `fusewire_priority`: 0 to begin with; together at most
    /// `max_concurrent`.
    pub reserved: [u64; FUSEWIRE_PRIORITY_COUNT],
}

// SAFETY: of numbers.
unsafe impl Sized for fusewire_slots {
    const FIRST: usize = 48 + size_of::<usize>();
    const INIT: &'static str = "FUSEWIRE_SLOTS_INIT";
}

impl fusewire_slots {
    /// As documents have it.
    fn json(&self) -> String {
        let levels = Priority::ALL.into_iter().zip(self.reserved).filter(|(_, slots)| *slots > 0);
        let reserved: Vec<String> =
            levels.map(|(level, slots)| format!("\"{}\":{slots}", level.name())).collect();
        let reserved = format!("\"reserved\":{{{}}}", reserved.join(","));
        match self.max_concurrent {
            FUSEWIRE_NONE => format!("{{{reserved}}}"),
            max => format!("{{\"max_concurrent\":{max},{reserved}}}"),
        }
    }
}

/// # Safety
/// As the functions below say.
unsafe fn govern(
    breaker: *mut fusewire_breaker,
    actor: *const c_char,
    reason: *const c_char,
    change: impl FnOnce(&Breaker, By) -> Outcome<bool>,
) -> Outcome<fusewire_status> {
    // SAFETY: the caller's promises.
    let (breaker, by): (&Breaker, By) = unsafe { (take("breaker", breaker)?, by(actor, reason)?) };
    change(breaker, by).map(changed)
}

/// Sets the lowest priority that is let in; calls below it are turned away with `FUSEWIRE_REASON_SHED`. It holds until
/// a document says another one. `actor` and `reason`: as for `fusewire_breaker_trip`.
///
/// Returns `FUSEWIRE_OK`, or `FUSEWIRE_UNCHANGED` when it was that. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`,
/// `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_NOT_UTF8`, `FUSEWIRE_ERROR_INVALID_VALUE` when `to` is none, or
/// `FUSEWIRE_ERROR_CONFIG` when the document has no `priority`; the detail goes to `error`, unless that is NULL.
/// Nothing has changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_set_min_priority(
    breaker: *mut fusewire_breaker,
    to: fusewire_priority,
    actor: *const c_char,
    reason: *const c_char,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        guard_with(error, || {
            govern(breaker, actor, reason, |b, by| Ok(b.core.set_min_priority(priority_of(to)?, by)?))
        })
    }
}

/// Replaces the bulkhead's table of slots, all of it, and grants what has become free to calls that wait; nobody in
/// flight is cut off. It holds until a document says another one. `actor` and `reason`: as for `fusewire_breaker_trip`.
///
/// Returns `FUSEWIRE_OK`, or `FUSEWIRE_UNCHANGED` when it was that. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`,
/// `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_INVALID_SIZE`, `FUSEWIRE_ERROR_NOT_UTF8`, or
/// `FUSEWIRE_ERROR_CONFIG` when the document has no `bulkhead` or the table is out of range; the detail goes to
/// `error`, unless that is NULL. Nothing has changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_set_slots(
    breaker: *mut fusewire_breaker,
    slots: *const fusewire_slots,
    actor: *const c_char,
    reason: *const c_char,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        guard_with(error, || {
            if slots.is_null() {
                return Err(Failure::null("slots"));
            }
            let table = sized::read("slots", slots)?.json();
            govern(breaker, actor, reason, |b, by| Ok(b.core.set_slots_json(&table, &by)?))
        })
    }
}

/// As `fusewire_breaker_set_slots`, for a table as documents have it, JSON text: `max_concurrent`, which stays when it
/// is left out, and `reserved` by the names of priorities.
///
/// Returns and fails as `fusewire_breaker_set_slots` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_set_slots_json(
    breaker: *mut fusewire_breaker,
    slots: *const c_char,
    actor: *const c_char,
    reason: *const c_char,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        guard_with(error, || {
            let table = required("slots", slots)?;
            govern(breaker, actor, reason, |b, by| Ok(b.core.set_slots_json(table, &by)?))
        })
    }
}

/// Sets the rate of a token or leaky bucket, in calls a second (0.001 to 1,000,000, for `adaptive` within its `min` and
/// `max`), or the limit of a window, a whole number from 1 on. It holds until a document says another one. `actor` and
/// `reason`: as for `fusewire_breaker_trip`.
///
/// Returns `FUSEWIRE_OK`, or `FUSEWIRE_UNCHANGED` when it was that. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`,
/// `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_NOT_UTF8`, or `FUSEWIRE_ERROR_CONFIG` when the document has no
/// `rate_limit` or the rate is out of range (the limit of a sliding window is at most the document's); the detail goes
/// to `error`, unless that is NULL. Nothing has changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_set_rate(
    breaker: *mut fusewire_breaker,
    to: f64,
    actor: *const c_char,
    reason: *const c_char,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe { guard_with(error, || govern(breaker, actor, reason, |b, by| Ok(b.core.set_rate(to, by)?))) }
}

/// Sets the concurrency limit, from which it goes on to find itself. `actor` and `reason`: as for
/// `fusewire_breaker_trip`.
///
/// Returns `FUSEWIRE_OK`, or `FUSEWIRE_UNCHANGED` when it was that. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`,
/// `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_NOT_UTF8`, or `FUSEWIRE_ERROR_CONFIG` when the document has no
/// `concurrency_limit` or the limit is not within its `min` and `max`; the detail goes to `error`, unless that is NULL.
/// Nothing has changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_set_limit(
    breaker: *mut fusewire_breaker,
    to: u64,
    actor: *const c_char,
    reason: *const c_char,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe { guard_with(error, || govern(breaker, actor, reason, |b, by| Ok(b.core.set_limit(to, by)?))) }
}

/// Tells how much the program has to do, from 0 to 1: retries of the kind `resource_sensitive` wait longer the more it
/// is. It holds until the next call of this. No event is made of it, and without `retry` nobody looks at it.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_INVALID_HANDLE`, or `FUSEWIRE_ERROR_CONFIG` when `to` is
/// out of range; the detail goes to `error`, unless that is NULL. Nothing has changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_set_utilisation(
    breaker: *mut fusewire_breaker,
    to: f64,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        guard_with(error, || {
            let breaker: &Breaker = take("breaker", breaker)?;
            breaker.core.set_utilisation(to)?;
            Ok(OK)
        })
    }
}

/// Ends the breaker's life, of every handle: whoever comes, or waits for a slot, is turned away with
/// `FUSEWIRE_REASON_CLOSED`, calls in flight settle, and nothing opens it again. It frees nothing, and has nothing to
/// do with `FUSEWIRE_STATE_CLOSED`, in which calls pass: that is `fusewire_breaker_reset`. `actor` and `reason`: as for
/// `fusewire_breaker_trip`.
///
/// Returns `FUSEWIRE_OK`, or `FUSEWIRE_UNCHANGED` when that was done before. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`,
/// `FUSEWIRE_ERROR_INVALID_HANDLE` or `FUSEWIRE_ERROR_NOT_UTF8`. Nothing has changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_close_for_good(
    breaker: *mut fusewire_breaker,
    actor: *const c_char,
    reason: *const c_char,
) -> fusewire_status {
    // SAFETY: the caller's promises.
    guard(|| unsafe { govern(breaker, actor, reason, |b, by| Ok(b.core.close(by))) })
}
