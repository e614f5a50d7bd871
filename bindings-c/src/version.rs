//! Which library this is, and which headers it serves.

use crate::guard::{Failure, OK, guard};
use crate::status::fusewire_status;
use crate::text;
use std::ffi::c_char;

/// The ABI that this header describes. It grows with each release that adds something; what an older header describes
/// stays, down to `fusewire_abi_version_minimum`.
pub const FUSEWIRE_ABI_VERSION: u32 = 1;

/// The version of the library, such as `0.1.0`. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn fusewire_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The ABI of the library; at least `FUSEWIRE_ABI_VERSION` of the header that a program was built with, or it may lack
/// functions that the header has.
#[unsafe(no_mangle)]
pub extern "C" fn fusewire_abi_version() -> u32 {
    FUSEWIRE_ABI_VERSION
}

/// The oldest ABI that the library still serves.
#[unsafe(no_mangle)]
pub extern "C" fn fusewire_abi_version_minimum() -> u32 {
    1
}

/// The JSON schema of the configuration document. Writes a text that `fusewire_string_free` frees, and its length
/// without the NUL to `length`, unless that is NULL. Returns `FUSEWIRE_ERROR_NULL_ARGUMENT` when `schema` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_schema(schema: *mut *mut c_char, length: *mut usize) -> fusewire_status {
    guard(|| {
        if schema.is_null() {
            return Err(Failure::null("schema"));
        }
        // SAFETY: the caller's promise.
        unsafe { text::give(fusewire::schema(), schema, length) };
        Ok(OK)
    })
}
