//! Asking with a request: how much the call matters, what it costs, how long it is of use.

use crate::breaker::{Breaker, fusewire_breaker};
use crate::call::{fusewire_rejection, hand_over};
use crate::error::fusewire_error;
use crate::guard::{Failure, OK, Outcome, guard_with};
use crate::handle::take_numbered;
use crate::names::{FUSEWIRE_NONE, fusewire_priority, priority_of};
use crate::permit::{self, fusewire_permit};
use crate::sized::{self, Sized};
use crate::status::{fusewire_status, fusewire_status_enum as Code};
use crate::text::{optional, required};
use fusewire::binding::{self, EnteredSlip};
use fusewire::{Request, Wanted};
use std::ffi::c_char;
use std::time::Duration;

/// What a call asks for. Begin with `fusewire_request request = FUSEWIRE_REQUEST_INIT;`, which is what a call asks for
/// that says nothing, and set what is different. Without macros: set every field. What a breaker's document does not
/// speak of is not looked at, but for a cost of 0, a feature that the document does not have, and a deadline.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fusewire_request {
    /// `sizeof(fusewire_request)`. Later versions add fields at the end.
    pub size: usize,
    /// How much the call matters, a `fusewire_priority`: `FUSEWIRE_PRIORITY_NORMAL` to begin with.
    pub priority: fusewire_priority,
    /// How much of a rate limit it takes: 1 to begin with, at least 1, and at most what the limit ever has (1 for a
    /// sliding window).
    pub cost: u32,
    /// When the call is of no use any more, in nanoseconds of the breaker's clock: it waits no longer than that in a
    /// queue, for no turn that comes later and for no attempt that would begin later, and an attempt may take no longer.
    /// Attempts that are begun after it are over at once, as a failure of error type `timeout` after none.
    /// `FUSEWIRE_NONE`, to begin with, for none.
    pub deadline_ns: u64,
    /// The feature that the call is of, one of the document's `features`; NULL, to begin with, for none. Its text, like
    /// those below, needs to stay only for the call that is given the request.
    pub feature: *const c_char,
    /// The method, such as `GET`, in any case: `retry.per_method` tells how often a call of it may be tried. NULL, to begin with, for
    /// none.
    pub method: *const c_char,
    /// Under what the answer is cached, and which calls are the same. NULL, to begin with: nothing is cached.
    pub key: *const c_char,
    /// Not 0: the call may be made more than once, although its method alone does not say so. 0 to begin with.
    pub idempotent: u32,
    /// Not 0: the call cannot be made more than once, whatever its method, as when its body cannot be sent again: it is
    /// neither retried nor hedged. 0 to begin with.
    pub once: u32,
}

const _: () = assert!(size_of::<fusewire_request>() >= 16 + size_of::<usize>());

// SAFETY: of numbers and pointers to be read.
unsafe impl Sized for fusewire_request {
    const FIRST: usize = 16 + size_of::<usize>();
    const INIT: &'static str = "FUSEWIRE_REQUEST_INIT";
}

/// What the caller's struct asks for; NULL asks for nothing in particular.
///
/// # Safety
/// `request` is NULL or has as many bytes as its `size` says, and its texts stay meanwhile.
pub(crate) unsafe fn read<'a>(request: *const fusewire_request) -> Outcome<Request<'a>> {
    if request.is_null() {
        return Ok(Request::new());
    }
    // SAFETY: the caller's promise.
    let ours = unsafe { sized::read("request", request) }?;
    let asked = Request::new().priority(priority_of(ours.priority)?).cost(ours.cost);
    // SAFETY: as above.
    let (feature, method, key) = unsafe {
        (
            optional("request.feature", ours.feature)?,
            optional("request.method", ours.method)?,
            optional("request.key", ours.key)?,
        )
    };
    let asked = if ours.deadline_ns == FUSEWIRE_NONE { asked } else { asked.deadline(ours.deadline_ns) };
    let asked = feature.map_or(asked, |feature| asked.feature(feature));
    let asked = method.map_or(asked, |method| asked.method(method));
    let asked = key.map_or(asked, |key| asked.key(key));
    let asked = if ours.idempotent == 0 { asked } else { asked.idempotent() };
    Ok(if ours.once == 0 { asked } else { asked.once() })
}

/// Who is asked for what: a breaker with the number of its handle, and what it may be asked for. The permit
/// is marked as not given.
///
/// # Safety
/// As for `fusewire_breaker_acquire_with`.
pub(crate) unsafe fn ask<'a>(
    breaker: *mut fusewire_breaker,
    request: *const fusewire_request,
    permit: *mut fusewire_permit,
) -> Outcome<(&'a Breaker, u64, Wanted)> {
    if permit.is_null() {
        return Err(Failure::null("permit"));
    }
    // SAFETY: the caller's promises.
    unsafe {
        permit::mark_as_not_given(permit);
        let (found, serial): (&Breaker, u64) = take_numbered("breaker", breaker)?;
        Ok((found, serial, found.core.check(&read(request)?)?))
    }
}

/// A timeout as functions have it.
pub(crate) fn timeout(ns: u64) -> Duration {
    if ns == FUSEWIRE_NONE { Duration::MAX } else { Duration::from_nanos(ns) }
}

/// Asks for a permit to call, with a request; NULL asks as `fusewire_breaker_acquire` does. Never waits: not for a
/// slot, nor for the turn that a leaky bucket gives the call (see `fusewire_permit_wait_ns`).
///
/// Returns and writes as `fusewire_breaker_acquire` does. Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`,
/// `FUSEWIRE_ERROR_INVALID_HANDLE`, `FUSEWIRE_ERROR_INVALID_SIZE`, `FUSEWIRE_ERROR_NOT_UTF8`, or
/// `FUSEWIRE_ERROR_INVALID_VALUE` when the request itself is wrong: `error`, unless it is NULL, says which field, its
/// value and what is allowed. Nothing was asked then, and nothing counts.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_acquire_with(
    breaker: *mut fusewire_breaker,
    request: *const fusewire_request,
    permit: *mut fusewire_permit,
    rejection: *mut fusewire_rejection,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        guard_with(error, || {
            let (found, serial, wanted) = ask(breaker, request, permit)?;
            let answer = found.core.acquire_slip_for(&wanted);
            Ok(hand_over(found, answer, (breaker, serial), permit, rejection))
        })
    }
}

/// As `fusewire_breaker_acquire_with`; where all slots are taken and there is room in the queue, the thread waits there
/// until it has one, the configuration's `queue_timeout` or the request's deadline has come, or the breaker turns it
/// away: for at most `timeout_ns` nanoseconds of the system's time, whatever the breaker's clock; `FUSEWIRE_NONE` sets
/// no limit of its own.
///
/// Returns as `fusewire_breaker_acquire_with` does, also `FUSEWIRE_TIMED_OUT` when `timeout_ns` is over: the call has
/// left the queue then as if it had never been there. Fails as `fusewire_breaker_acquire_with` does.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_acquire_wait(
    breaker: *mut fusewire_breaker,
    request: *const fusewire_request,
    timeout_ns: u64,
    permit: *mut fusewire_permit,
    rejection: *mut fusewire_rejection,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        guard_with(error, || {
            let (found, serial, wanted) = ask(breaker, request, permit)?;
            let answer = match found.core.enter_slip(&wanted) {
                Ok(EnteredSlip::Admitted(paced)) => Ok(paced),
                Ok(EnteredSlip::Waiting(mut waiting)) => match waiting.wait_slip(timeout(timeout_ns)) {
                    Some(answer) => answer,
                    None => return Ok(Code::FUSEWIRE_TIMED_OUT as fusewire_status),
                },
                Err(refused) => Err(refused),
            };
            Ok(hand_over(found, answer, (breaker, serial), permit, rejection))
        })
    }
}

/// Reads a priority that somebody passed on, such as the header `x-request-priority`: the name of one, or a whole
/// number from 0 to 100 as `fusewire_priority_of_number` takes it. Writes it to `priority`.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_UTF8`, or `FUSEWIRE_ERROR_INVALID_VALUE` when it is
/// none; the detail, with what is allowed, goes to `error`, unless that is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_priority_parse(
    text: *const c_char,
    priority: *mut fusewire_priority,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        guard_with(error, || {
            let found = binding::priority(required("text", text)?)?;
            give(found, priority)
        })
    }
}

/// The priority of a whole number from 0 to 100: `critical` is 100, `high` 75, `normal` 50, `low` 25, `bulk` 0, and
/// what is between them is the next lower one. Writes it to `priority`.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, or `FUSEWIRE_ERROR_INVALID_VALUE` when there is none; the detail, with
/// what is allowed, goes to `error`, unless that is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_priority_of_number(
    number: f64,
    priority: *mut fusewire_priority,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe { guard_with(error, || give(binding::priority_of(number)?, priority)) }
}

/// # Safety
/// `priority` is NULL or may be written.
unsafe fn give(found: fusewire::Priority, priority: *mut fusewire_priority) -> Outcome<fusewire_status> {
    if priority.is_null() {
        return Err(Failure::null("priority"));
    }
    // SAFETY: the caller's promise.
    unsafe { priority.write(found as fusewire_priority) };
    Ok(OK)
}
