//! Breakers: built, shared, freed.

use crate::error::fusewire_error;
use crate::guard::{Failure, OK, guard_free, guard_or, guard_with};
use crate::handle::{self, kind, take};
use crate::options::{self, fusewire_options};
use crate::status::fusewire_status;
use crate::text::{c_string, required};
use fusewire::{Builder, CircuitBreaker};
use std::ffi::{CString, c_char};
use std::ptr::{null, null_mut};

/// A handle of a circuit breaker, which guards one dependency. A breaker lives as long as one of its handles, its
/// registry or a call in it. Free each handle with `fusewire_breaker_free`, after the permits that were given through
/// it are settled. Threads may share a handle.
pub struct fusewire_breaker {
    _opaque: [u8; 0],
}

/// What such a handle stands for.
pub(crate) struct Breaker {
    pub(crate) core: CircuitBreaker,
    name: CString,
}

kind!(Breaker, b"fw break", "fusewire_breaker");

impl Breaker {
    pub(crate) fn give(core: CircuitBreaker) -> *mut fusewire_breaker {
        let name = c_string(core.name());
        handle::give(Breaker { core, name })
    }
}

/// A breaker that no registry knows. `name`: 1 to 255 bytes without control characters, for people and metrics.
/// `options`: NULL for all defaults. Writes a handle to `breaker`; when it fails, only the detail to `error`, unless
/// that is NULL.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_UTF8`, `FUSEWIRE_ERROR_NAME`,
/// `FUSEWIRE_ERROR_CONFIG`, `FUSEWIRE_ERROR_INVALID_SIZE`, `FUSEWIRE_ERROR_INVALID_VALUE` or
/// `FUSEWIRE_ERROR_INVALID_HANDLE` (the clock).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_new(
    name: *const c_char,
    options: *const fusewire_options,
    breaker: *mut *mut fusewire_breaker,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        guard_with(error, || {
            if breaker.is_null() {
                return Err(Failure::null("breaker"));
            }
            let built = options::builder(options)?.build(required("name", name)?)?;
            breaker.write(Breaker::give(built));
            Ok(OK)
        })
    }
}

/// As `fusewire_breaker_new`, from a configuration document: JSON text.
///
/// Fails with `FUSEWIRE_ERROR_NULL_ARGUMENT`, `FUSEWIRE_ERROR_NOT_UTF8`, `FUSEWIRE_ERROR_NAME` or
/// `FUSEWIRE_ERROR_CONFIG`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_from_json(
    name: *const c_char,
    document: *const c_char,
    breaker: *mut *mut fusewire_breaker,
    error: *mut *mut fusewire_error,
) -> fusewire_status {
    // SAFETY: the caller's promises, here and below.
    unsafe {
        guard_with(error, || {
            if breaker.is_null() {
                return Err(Failure::null("breaker"));
            }
            let builder = Builder::from_json(required("document", document)?)?;
            breaker.write(Breaker::give(builder.build(required("name", name)?)?));
            Ok(OK)
        })
    }
}

/// Another handle of the same breaker, to be freed by itself; NULL when `breaker` is NULL or no live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_clone(breaker: *const fusewire_breaker) -> *mut fusewire_breaker {
    guard_or(null_mut(), || {
        // SAFETY: the caller's promise.
        let breaker: &Breaker = unsafe { take("breaker", breaker) }?;
        Ok(Breaker::give(breaker.core.clone()))
    })
}

/// Whether both are handles of one breaker; `false` when one of them is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_is_same(
    breaker: *const fusewire_breaker,
    other: *const fusewire_breaker,
) -> bool {
    guard_or(false, || {
        // SAFETY: the caller's promise.
        let (one, other): (&Breaker, &Breaker) =
            unsafe { (take("breaker", breaker)?, take("other", other)?) };
        Ok(one.core.is_same(&other.core))
    })
}

/// The name; NULL when `breaker` is NULL or no live handle. The text lives as long as this handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_name(breaker: *const fusewire_breaker) -> *const c_char {
    guard_or(null(), || {
        // SAFETY: the caller's promise.
        let breaker: &Breaker = unsafe { take("breaker", breaker) }?;
        Ok(breaker.name.as_ptr())
    })
}

/// Frees a handle. NULL does nothing; freeing twice ends the process with a message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_breaker_free(breaker: *mut fusewire_breaker) {
    // SAFETY: the caller's promise.
    guard_free(|| unsafe { handle::free::<Breaker, _>("fusewire_breaker_free", breaker) })
}
