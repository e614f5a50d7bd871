//! `Breaker.call` and `Breaker.call_async`: the same call, of a function that is not decorated.
//!
//! PyO3 would pack their arguments, so they are added to its class by hand.

use super::call::call_guarded;
use crate::breaker::Breaker;
use crate::coroutine;
use crate::guard::catch;
use crate::object::method;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::ptr;

/// `Breaker.call(function, *args, **kwargs)`.
unsafe extern "C" fn breaker_call(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as the interpreter calls a method; `by_breaker` hands on what it got.
    unsafe { by_breaker(slf, args, count, names, false) }
}

/// `Breaker.call_async(function, *args, **kwargs)`.
unsafe extern "C" fn breaker_call_async(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe { by_breaker(slf, args, count, names, true) }
}

unsafe fn by_breaker(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
    is_async: bool,
) -> *mut ffi::PyObject {
    catch(ptr::null_mut(), || {
        if count == 0 {
            // SAFETY: attached.
            unsafe {
                ffi::PyErr_SetString(
                    ffi::PyExc_TypeError,
                    c"what to call? breaker.call(function, *args)".as_ptr(),
                )
            };
            return ptr::null_mut();
        }
        // SAFETY: attached; a method of `Breaker`, with at least one argument.
        unsafe {
            let breaker = Python::assume_attached();
            let bound = Bound::from_borrowed_ptr(breaker, slf);
            let guard = &bound.cast_unchecked::<Breaker>().get().guard;
            let (function, args) = (*args, args.add(1));
            let count = (count as usize - 1) | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
            if is_async {
                return coroutine::begin(slf, guard, function, args, count, names);
            }
            call_guarded::<true>(slf, guard, function, args, count, names)
        }
    })
}

/// Gives the methods to `Breaker`.
pub(super) fn add_methods(py: Python<'_>) -> PyResult<()> {
    let flags = ffi::METH_FASTCALL | ffi::METH_KEYWORDS;
    let methods = [
        method(
            c"call",
            ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: breaker_call },
            flags,
            c"call($self, function, /, *args, **kwargs)\n--\n\nCalls the function under the breaker.\n\nA result is a success, an exception a failure, unless the rules say otherwise. Raises CircuitOpenError when the call is turned away.",
        ),
        method(
            c"call_async",
            ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: breaker_call_async },
            flags,
            c"call_async($self, function, /, *args, **kwargs)\n--\n\nCalls the coroutine function under the breaker, when it is awaited.",
        ),
    ];
    let breaker = py.get_type::<Breaker>();
    for definition in methods {
        let definition = Box::leak(Box::new(definition));
        // SAFETY: attached; the definition lives as long as the process.
        let descriptor = unsafe {
            Bound::from_owned_ptr_or_err(py, ffi::PyDescr_NewMethod(breaker.as_type_ptr(), definition))?
        };
        let name = descriptor.getattr("__name__")?;
        breaker.setattr(name.cast_into::<PyString>()?, descriptor)?;
    }
    Ok(())
}
