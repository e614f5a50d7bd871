//! What the object is made of, and how it goes.

use crate::guard::Guard;
use crate::object::{attached, clear, visit};
use pyo3::ffi;
use pyo3::prelude::*;
use std::ffi::{c_int, c_void};
use std::ptr;

/// A decorated function.
#[repr(C)]
pub(crate) struct Guarded {
    base: ffi::PyObject,
    pub(super) vectorcall: Option<ffi::vectorcallfunc>,
    pub(super) function: *mut ffi::PyObject,
    /// A `Breaker`.
    pub(super) breaker: *mut ffi::PyObject,
    pub(super) dict: *mut ffi::PyObject,
    pub(super) weak: *mut ffi::PyObject,
    pub(crate) guard: Guard,
}

/// The type, for the call path; written while the module is made.
pub(super) static mut CLASS: *mut ffi::PyTypeObject = ptr::null_mut();

/// The breaker of an object that has a guard: a decorated function's, or the object itself.
pub(crate) fn breaker_of(owner: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the owner is alive; the class was written while the module was made.
    unsafe { if ffi::Py_TYPE(owner) == CLASS { (*owner.cast::<Guarded>()).breaker } else { owner } }
}

/// The guard of a decorated function; `None` for anything else.
pub(crate) fn guard_of(function: &Py<PyAny>) -> Option<&Guard> {
    // SAFETY: the reference keeps it alive.
    let class = unsafe { ffi::Py_TYPE(function.as_ptr()) };
    // SAFETY: written while the module was made.
    if class == unsafe { CLASS } {
        // SAFETY: of this type.
        Some(unsafe { &(*function.as_ptr().cast::<Guarded>()).guard })
    } else {
        None
    }
}

pub(super) unsafe extern "C" fn traverse(
    slf: *mut ffi::PyObject,
    visitor: ffi::visitproc,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the interpreter calls this for an object of this type.
    let guarded = unsafe { &*slf.cast::<Guarded>() };
    for object in [ffi_type(slf), guarded.function, guarded.breaker, guarded.dict] {
        // SAFETY: as above.
        let answer = unsafe { visit(object, visitor, argument) };
        if answer != 0 {
            return answer;
        }
    }
    // SAFETY: as above.
    unsafe { guarded.guard.traverse(visitor, argument) }
}

fn ffi_type(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: alive.
    unsafe { ffi::Py_TYPE(object).cast() }
}

/// Ends cycles. The function and the breaker stay: who is called in the middle of a collection still has them, and a
/// cycle always leads through the dict or the rules as well, or through the function's own.
pub(super) unsafe extern "C" fn tp_clear(slf: *mut ffi::PyObject) -> c_int {
    // SAFETY: the interpreter calls this for an object of this type.
    unsafe { clear(&mut (*slf.cast::<Guarded>()).dict) };
    0
}

pub(super) unsafe extern "C" fn dealloc(slf: *mut ffi::PyObject) {
    // SAFETY: the interpreter calls this once, for an object of this type that nobody holds.
    unsafe {
        let class = ffi::Py_TYPE(slf);
        ffi::PyObject_GC_UnTrack(slf.cast());
        let guarded = &mut *slf.cast::<Guarded>();
        if !guarded.weak.is_null() {
            ffi::PyObject_ClearWeakRefs(slf);
        }
        clear(&mut guarded.function);
        clear(&mut guarded.breaker);
        clear(&mut guarded.dict);
        attached(|_| ptr::drop_in_place(&mut guarded.guard));
        ffi::PyObject_GC_Del(slf.cast());
        ffi::Py_DECREF(class.cast());
    }
}
