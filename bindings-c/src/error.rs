//! The detail of a failure.

use crate::guard::{Failure, guard, guard_free, guard_or};
use crate::handle::{self, kind};
use crate::status::fusewire_status;
use crate::text::c_string;
use std::ffi::{CString, c_char};
use std::ptr::null;

/// What went wrong, in detail. Functions that take a `fusewire_error **error` write one there when they fail, and then
/// only; NULL there says that none is wanted. Free it with `fusewire_error_free`. Its texts live as long as it does.
/// Threads may share it.
pub struct fusewire_error {
    _opaque: [u8; 0],
}

pub(crate) struct Detail {
    status: fusewire_status,
    message: CString,
    key: CString,
    value: CString,
    allowed: CString,
}

kind!(Detail, b"fw error", "fusewire_error");

impl fusewire_error {
    pub(crate) fn of(failure: Failure) -> *mut fusewire_error {
        handle::give(Detail {
            status: failure.status,
            message: c_string(failure.message),
            key: c_string(failure.key),
            value: c_string(failure.value),
            allowed: c_string(failure.allowed),
        })
    }
}

/// # Safety
/// As for `handle::live_numbered`.
unsafe fn text_of(error: *const fusewire_error, pick: impl FnOnce(&Detail) -> &CString) -> *const c_char {
    guard_or(null(), || {
        // SAFETY: the caller's promise.
        let detail: &Detail = unsafe { handle::take("error", error) }?;
        Ok(pick(detail).as_ptr())
    })
}

/// Its status; `FUSEWIRE_ERROR_NULL_ARGUMENT` or `FUSEWIRE_ERROR_INVALID_HANDLE` when `error` is NULL or no live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_error_status(error: *const fusewire_error) -> fusewire_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let detail: &Detail = unsafe { handle::take("error", error) }?;
        Ok(detail.status)
    })
}

/// All of it in a sentence or two; NULL when `error` is NULL or no live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_error_message(error: *const fusewire_error) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { text_of(error, |detail| &detail.message) }
}

/// The key of the configuration, as a dotted path such as `window.min_calls`, or the argument; empty when it is none
/// in particular. NULL when `error` is NULL or no live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_error_key(error: *const fusewire_error) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { text_of(error, |detail| &detail.key) }
}

/// The value as it was given, a name cut at 255 bytes; of `FUSEWIRE_ERROR_CONFLICT` the configuration that was asked
/// for. NULL when `error` is NULL or no live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_error_value(error: *const fusewire_error) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { text_of(error, |detail| &detail.value) }
}

/// What is allowed; of `FUSEWIRE_ERROR_CONFLICT` the configuration that is there. NULL when `error` is NULL or no live
/// handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_error_allowed(error: *const fusewire_error) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { text_of(error, |detail| &detail.allowed) }
}

/// Frees an error. NULL does nothing; freeing twice ends the process with a message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_error_free(error: *mut fusewire_error) {
    // SAFETY: the caller's promise.
    guard_free(|| unsafe { handle::free::<Detail, _>("fusewire_error_free", error) })
}
