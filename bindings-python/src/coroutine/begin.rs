//! From a call to a coroutine, and from a coroutine to the function's own.

use super::parts::{CLASS, Coroutine, FEW, FREE, fresh};
use crate::guard::Guard;
use crate::object::attached;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::ptr;
use std::sync::atomic::Ordering;

/// Calls a coroutine function and wraps what it returns. A new reference, or null.
///
/// # Safety
/// Attached; the arguments are those of a vectorcall, and `guard` lives as long as `owner`.
#[inline]
pub(crate) unsafe fn begin(
    owner: *mut ffi::PyObject,
    guard: &Guard,
    function: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the caller's promise; the fields of the fresh, zeroed object are written before anybody sees it.
    unsafe {
        if guard.core.may_hold_up() || guard.core.has_course() {
            return begin_later(owner, guard, function, args, count, names);
        }
        let inner = awaited(ffi::PyObject_Vectorcall(function, args, count, names));
        if inner.is_null() {
            return inner;
        }
        let fields = fresh();
        if fields.is_null() {
            ffi::Py_DECREF(inner);
            return ptr::null_mut();
        }
        *(*fields).inner.get_mut() = inner;
        (*fields).guard = guard;
        ffi::Py_INCREF(owner);
        (*fields).owner = owner;
        if (guard.rules.is_some() || guard.asking.is_some())
            && needs_arguments(guard)
            && !keep_arguments(fields, args, count, names)
        {
            ffi::Py_DECREF(fields.cast());
            return ptr::null_mut();
        }
        fields.cast()
    }
}

/// As [`begin`], but the function is called when there is a permit.
///
/// # Safety
/// As there.
#[inline(never)]
unsafe fn begin_later(
    owner: *mut ffi::PyObject,
    guard: &Guard,
    function: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the caller's promise.
    unsafe {
        let fields = fresh();
        if fields.is_null() {
            return ptr::null_mut();
        }
        (*fields).guard = guard;
        ffi::Py_INCREF(owner);
        (*fields).owner = owner;
        if !keep_arguments(fields, args, count, names) {
            ffi::Py_DECREF(fields.cast());
            return ptr::null_mut();
        }
        ffi::Py_INCREF(function);
        (*fields).function = function;
        fields.cast()
    }
}

#[cold]
fn needs_arguments(guard: &Guard) -> bool {
    let has_fallback = || attached(|py| guard.rules.as_ref().is_some_and(|r| r.fallback(py).is_some()));
    guard.asking.as_ref().is_some_and(|asking| asking.needs_arguments()) || has_fallback()
}

/// Keeps the arguments of a vectorcall; false and an error when there is no memory.
unsafe fn keep_arguments(
    fields: *mut Coroutine,
    args: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> bool {
    // SAFETY: the promises of `begin`.
    unsafe {
        let positional = count & !ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
        if names.is_null() && positional <= FEW {
            (*fields).given = positional as u8;
            for n in 0..positional {
                ffi::Py_INCREF(*args.add(n));
                (*fields).few[n] = *args.add(n);
            }
            return true;
        }
        if positional > 0 {
            let tuple = ffi::PyTuple_New(positional as ffi::Py_ssize_t);
            if tuple.is_null() {
                return false;
            }
            for n in 0..positional {
                let argument = *args.add(n);
                ffi::Py_INCREF(argument);
                ffi::PyTuple_SET_ITEM(tuple, n as ffi::Py_ssize_t, argument);
            }
            (*fields).args = tuple;
        }
        if names.is_null() {
            return true;
        }
        let dict = ffi::PyDict_New();
        (*fields).kwargs = dict;
        for n in 0..ffi::PyTuple_Size(names) {
            let argument = *args.add(positional + n as usize);
            if dict.is_null() || ffi::PyDict_SetItem(dict, ffi::PyTuple_GetItem(names, n), argument) != 0 {
                return false;
            }
        }
        true
    }
}

/// Calls something with the arguments that were kept. A new reference, or null.
///
/// # Safety
/// Attached; both are alive.
pub(super) unsafe fn call_with_kept(this: &Coroutine, function: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the caller's promise.
    unsafe {
        if this.given > 0 {
            return ffi::PyObject_Vectorcall(
                function,
                this.few.as_ptr(),
                this.given as usize,
                ptr::null_mut(),
            );
        }
        if !this.args.is_null() {
            return ffi::PyObject_Call(function, this.args, this.kwargs);
        }
        let empty = ffi::PyTuple_New(0);
        if empty.is_null() {
            return empty;
        }
        let result = ffi::PyObject_Call(function, empty, this.kwargs);
        ffi::Py_DECREF(empty);
        result
    }
}

/// The arguments that were kept, as a tuple and a dict.
///
/// # Safety
/// Attached.
pub(super) unsafe fn kept_arguments<'py>(
    py: Python<'py>,
    this: &Coroutine,
) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
    // SAFETY: attached; what is not null is alive, and of its kind.
    unsafe {
        let few = this.few[..this.given as usize].iter();
        let few: Vec<_> = few.map(|argument| Bound::from_borrowed_ptr(py, *argument)).collect();
        let args = match Bound::from_borrowed_ptr_or_opt(py, this.args) {
            Some(args) => args.cast_into_unchecked(),
            None => PyTuple::new(py, few)?,
        };
        let kwargs = Bound::from_borrowed_ptr_or_opt(py, this.kwargs);
        Ok((args, kwargs.map_or_else(|| PyDict::new(py), |kwargs| kwargs.cast_into_unchecked())))
    }
}

/// The inner coroutine, borrowed, of a call that may begin: made if it was put off; null and an error when the function
/// raised.
///
/// # Safety
/// Attached; the object is alive.
#[inline(always)]
pub(super) unsafe fn inner_of(this: &Coroutine) -> *mut ffi::PyObject {
    let inner = this.inner();
    // SAFETY: the caller's promise.
    if inner.is_null() { unsafe { make_inner(this) } } else { inner }
}

#[inline(never)]
unsafe fn make_inner(this: &Coroutine) -> *mut ffi::PyObject {
    // SAFETY: attached; the object is alive.
    unsafe {
        if this.phase() == FREE || this.function.is_null() {
            ffi::PyErr_SetString(ffi::PyExc_RuntimeError, c"cannot reuse already awaited coroutine".as_ptr());
            return ptr::null_mut();
        }
        let made = awaited(call_with_kept(this, this.function));
        if made.is_null() {
            return made;
        }
        match this.inner.compare_exchange(ptr::null_mut(), made, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => made,
            Err(earlier) => {
                // Another thread was quicker; nobody shall be told that this one was never awaited.
                let closed = ffi::PyObject_CallMethod(made, c"close".as_ptr(), ptr::null());
                if closed.is_null() {
                    ffi::PyErr_Clear();
                }
                ffi::Py_XDECREF(closed);
                ffi::Py_DECREF(made);
                earlier
            }
        }
    }
}

/// What the interpreter resumes, out of what a coroutine function returned; takes the reference.
#[inline(always)]
unsafe fn awaited(returned: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: a new reference, or null.
    unsafe {
        if returned.is_null() || ffi::PyCoro_CheckExact(returned) != 0 || ffi::Py_TYPE(returned) == CLASS {
            returned
        } else {
            iterator_of(returned)
        }
    }
}

/// The iterator of an awaitable, or null and a `TypeError`; takes the reference.
#[cold]
unsafe fn iterator_of(awaitable: *mut ffi::PyObject) -> *mut ffi::PyObject {
    attached(|py| {
        // SAFETY: ours.
        let awaitable = unsafe { Bound::from_owned_ptr(py, awaitable) };
        match awaitable.call_method0("__await__") {
            Ok(iterator) => iterator.into_ptr(),
            Err(_) => {
                let class = awaitable.get_type();
                let name = class.name().map_or_else(|_| "?".to_owned(), |n| n.to_string());
                pyo3::exceptions::PyTypeError::new_err(format!(
                    "the function is no coroutine function, it returned {name}: write breaker.call(function, ...), \
                     without await"
                ))
                .restore(py);
                ptr::null_mut()
            }
        }
    })
}
