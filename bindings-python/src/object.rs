//! What both hand-made types share.

use pyo3::ffi;
use pyo3::prelude::*;
use std::ffi::{CStr, c_int, c_void};
use std::ptr;

/// Runs what needs the interpreter, in code that only the interpreter calls. `Python::attach` would ask first whether it
/// runs, which it denies while it ends and still frees its objects.
#[inline]
pub(crate) fn attached<R>(run: impl for<'py> FnOnce(Python<'py>) -> R) -> R {
    // SAFETY: the thread is attached: nothing here lets go of the interpreter, and no thread of ours calls in.
    unsafe { Python::attach_unchecked(run) }
}

/// A slot of a type.
pub(crate) fn slot(number: c_int, function: *const ()) -> ffi::PyType_Slot {
    ffi::PyType_Slot { slot: number, pfunc: function.cast_mut().cast::<c_void>() }
}

/// A read-only member that the interpreter looks for by name: where a field lies.
pub(crate) fn offset_member(name: &'static CStr, offset: usize) -> ffi::PyMemberDef {
    ffi::PyMemberDef {
        name: name.as_ptr(),
        type_code: ffi::Py_T_PYSSIZET,
        offset: offset as ffi::Py_ssize_t,
        flags: ffi::Py_READONLY,
        doc: ptr::null(),
    }
}

/// The end of a list of members.
pub(crate) fn no_member() -> ffi::PyMemberDef {
    ffi::PyMemberDef { name: ptr::null(), type_code: 0, offset: 0, flags: 0, doc: ptr::null() }
}

/// A method that takes what `flags` say.
pub(crate) fn method(
    name: &'static CStr,
    function: ffi::PyMethodDefPointer,
    flags: c_int,
    doc: &'static CStr,
) -> ffi::PyMethodDef {
    ffi::PyMethodDef { ml_name: name.as_ptr(), ml_meth: function, ml_flags: flags, ml_doc: doc.as_ptr() }
}

/// Makes a type that lives as long as the process.
///
/// # Safety
/// The thread is attached; the slots fit the object that `size` is the size of.
pub(crate) unsafe fn make_type(
    name: &'static CStr,
    size: usize,
    flags: std::ffi::c_ulong,
    slots: Vec<ffi::PyType_Slot>,
) -> *mut ffi::PyTypeObject {
    let slots = slots.leak();
    let mut spec = ffi::PyType_Spec {
        name: name.as_ptr(),
        basicsize: size as c_int,
        itemsize: 0,
        flags: flags as std::ffi::c_uint,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the caller's promise.
    unsafe { ffi::PyType_FromSpec(&mut spec).cast() }
}

/// Visits a reference for the collector.
///
/// # Safety
/// As the interpreter calls a traverse function.
pub(crate) unsafe fn visit(
    object: *mut ffi::PyObject,
    visitor: ffi::visitproc,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise.
    if object.is_null() { 0 } else { unsafe { visitor(object, argument) } }
}

/// Forgets a reference that a field holds.
///
/// # Safety
/// The thread is attached, and the field holds a reference or null.
pub(crate) unsafe fn clear(field: &mut *mut ffi::PyObject) {
    let old = std::mem::replace(field, ptr::null_mut());
    // SAFETY: the caller's promise.
    unsafe { ffi::Py_XDECREF(old) };
}
