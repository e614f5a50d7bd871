//! Texts that come in and go out, and lists of numbers that go out.

use crate::guard::{Failure, Outcome};
use crate::status::fusewire_status_enum as Code;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char};

/// A text that must be there.
///
/// # Safety
/// `text` is NULL or ends in a NUL, and stays as it is meanwhile.
pub(crate) unsafe fn required<'a>(argument: &str, text: *const c_char) -> Outcome<&'a str> {
    // SAFETY: the caller's promise.
    unsafe { optional(argument, text) }?.ok_or_else(|| Failure::null(argument))
}

/// A text that may be NULL.
///
/// # Safety
/// As for `required`.
pub(crate) unsafe fn optional<'a>(argument: &str, text: *const c_char) -> Outcome<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let bytes = unsafe { CStr::from_ptr(text) };
    bytes.to_str().map(Some).map_err(|e| {
        let what = format!("`{argument}` is not UTF-8 from byte {} on", e.valid_up_to());
        Failure::argument(Code::FUSEWIRE_ERROR_NOT_UTF8, argument, what)
    })
}

/// A text for C, in which a NUL would be the end.
pub(crate) fn c_string(text: impl Into<String>) -> CString {
    let text = text.into();
    CString::new(text).unwrap_or_else(|e| {
        let escaped = e.into_vec().into_iter().flat_map(|byte| match byte {
            0 => b"\\0".to_vec(),
            byte => vec![byte],
        });
        CString::new(escaped.collect::<Vec<u8>>()).unwrap_or_default()
    })
}

/// A text that is read as well as it can be: what is no UTF-8 in it is replaced.
///
/// # Safety
/// As for `required`.
pub(crate) unsafe fn lossy<'a>(text: *const c_char) -> Option<Cow<'a, str>> {
    // SAFETY: the caller's promise.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy())
}

/// Before a text that was given away lies how long its allocation is: whose text it is may cut it.
const HEADER: usize = 16;

fn layout(size: usize) -> Layout {
    // Such a length was allocated before, as a text of Rust's.
    Layout::from_size_align(size, HEADER)
        .unwrap_or_else(|_| crate::guard::end("fusewire: a text is too long\n"))
}

/// A copy of bytes for C, aligned for any number; freed by `free`.
fn give_away(bytes: &[u8]) -> *mut u8 {
    let size = HEADER + bytes.len();
    // SAFETY: the size is not 0, and what is written fits.
    unsafe {
        let place = alloc(layout(size));
        if place.is_null() {
            handle_alloc_error(layout(size));
        }
        place.cast::<usize>().write(size);
        let out = place.add(HEADER);
        out.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        out
    }
}

/// Frees what was given away; NULL does nothing.
///
/// # Safety
/// `given` is NULL, or of `give_away` and not freed before.
unsafe fn free(given: *mut u8) {
    if !given.is_null() {
        // SAFETY: the caller's promise.
        unsafe {
            let place = given.sub(HEADER);
            dealloc(place, layout(place.cast::<usize>().read()));
        }
    }
}

/// Gives numbers away, NULL for none.
pub(crate) fn give_numbers(numbers: &[u64]) -> *mut u64 {
    if numbers.is_empty() {
        return std::ptr::null_mut();
    }
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
    give_away(&bytes).cast()
}

/// Gives a text away; the length without the NUL goes to `length`, unless that is NULL.
///
/// # Safety
/// `out` may be written, `length` is NULL or may be written.
pub(crate) unsafe fn give(text: String, out: *mut *mut c_char, length: *mut usize) {
    let text = c_string(text);
    if !length.is_null() {
        // SAFETY: the caller's promise.
        unsafe { length.write(text.as_bytes().len()) };
    }
    // SAFETY: the caller's promise.
    unsafe { out.write(give_away(text.as_bytes_with_nul()).cast()) };
}

/// Copies a text to a field of a struct, cut at a character, with a NUL behind it.
pub(crate) fn copy<const N: usize>(text: &str) -> [c_char; N] {
    let mut field = [0; N];
    let end = (0..N.min(text.len() + 1)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    for (to, from) in field.iter_mut().zip(&text.as_bytes()[..end]) {
        *to = *from as c_char;
    }
    field
}

/// Frees a text that a function of this library gave away. NULL does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_string_free(text: *mut c_char) {
    // SAFETY: the caller's promise: it was given away by `give`, and is not freed twice.
    unsafe { free(text.cast()) };
}

/// Frees tickets that a function of this library gave away. NULL does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusewire_tickets_free(tickets: *mut u64) {
    // SAFETY: the caller's promise: they were given away by `give_numbers`, and are not freed twice.
    unsafe { free(tickets.cast()) };
}
