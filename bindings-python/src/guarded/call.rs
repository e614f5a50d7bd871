//! A call under a guard: acquire, call, settle. Nothing is made on the way.

use super::course::call_by_course;
use super::parts::{Guarded, breaker_of};
use crate::asking::Arguments;
use crate::coroutine;
use crate::gated::{self, Stop};
use crate::guard::{Guard, catch};
use crate::object::attached;
use crate::rejection::raise_refused_of;
use fusewire::binding::{Refused, Slip};
use fusewire::{Outcome, Reason};
use pyo3::ffi;
use pyo3::prelude::*;
use std::ptr;

/// Calls what stands in for a call that is turned away, or raises why it is. A new reference, or null.
///
/// # Safety
/// Attached; the arguments are those of a vectorcall.
#[cold]
unsafe fn refuse(
    owner: *mut ffi::PyObject,
    guard: &Guard,
    refused: &Refused,
    args: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the caller's promise; the rules keep the fallback.
    unsafe {
        let fallback = match &guard.rules {
            Some(rules) => attached(|py| rules.fallback(py).map_or(ptr::null_mut(), |f| f.as_ptr())),
            None => ptr::null_mut(),
        };
        if !fallback.is_null() {
            return ffi::PyObject_Vectorcall(fallback, args, count, names);
        }
        let py = Python::assume_attached();
        let is_of_feature = refused.reason == Reason::FeatureDisabled;
        let said =
            is_of_feature.then(|| guard.said_of(py, Arguments { args, count, names })).and_then(Result::ok);
        raise_refused_of(py, breaker_of(owner), refused, said.as_ref().and_then(|said| said.feature()));
        ptr::null_mut()
    }
}

/// A permit that is not to be had at once.
///
/// # Safety
/// As [`refuse`].
#[inline(never)]
unsafe fn admit_slowly(
    owner: *mut ffi::PyObject,
    guard: &Guard,
    args: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> Result<Slip, Stop> {
    if !guard.core.is_gated() {
        return guard.acquire_slowly().map_err(Stop::Refused);
    }
    // SAFETY: the caller's promise.
    unsafe { gated::admit(Python::assume_attached(), owner, guard, Arguments { args, count, names }) }
}

/// Calls a function under a guard. A new reference, or null. Where a result is wanted a coroutine is none: nothing ran.
///
/// # Safety
/// As [`refuse`]; the function is alive.
#[inline(always)]
pub(super) unsafe fn call_guarded<const WANTS_RESULT: bool>(
    owner: *mut ffi::PyObject,
    guard: &Guard,
    function: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    if guard.core.has_course() {
        // SAFETY: the caller's promise.
        return unsafe {
            call_by_course::<WANTS_RESULT>(owner, guard, function, Arguments { args, count, names })
        };
    }
    let slip = match guard.core.acquire_quietly() {
        Some(slip) => slip,
        // SAFETY: the caller's promise.
        None => match unsafe { admit_slowly(owner, guard, args, count, names) } {
            Ok(slip) => slip,
            Err(Stop::Refused(refused)) => {
                // SAFETY: the caller's promise.
                return unsafe { refuse(owner, guard, &refused, args, count, names) };
            }
            Err(Stop::Raised) => return ptr::null_mut(),
        },
    };
    // SAFETY: the caller's promise.
    let result = unsafe { ffi::PyObject_Vectorcall(function, args, count, names) };
    // SAFETY: attached; a new reference.
    if WANTS_RESULT && !result.is_null() && unsafe { ffi::PyCoro_CheckExact(result) } != 0 {
        guard.core.settle_slip(&slip, Outcome::Ignored, None, None);
        // SAFETY: as above.
        return unsafe { awaitable_of_a_sync_call(result) };
    }
    if !result.is_null() && guard.is_plain {
        guard.succeed(&slip);
    } else if result.is_null() {
        // SAFETY: attached; a call without a result has raised.
        unsafe { guard.settle_raised(&slip) };
    } else {
        attached(|py| {
            // SAFETY: alive: it is ours.
            let result = unsafe { Bound::from_borrowed_ptr(py, result) };
            guard.settle_result(&slip, &result);
        });
    }
    result
}

/// A coroutine function was called where its result was wanted.
#[cold]
pub(super) unsafe fn awaitable_of_a_sync_call(coroutine: *mut ffi::PyObject) -> *mut ffi::PyObject {
    attached(|py| {
        // SAFETY: ours.
        let coroutine = unsafe { Bound::from_owned_ptr(py, coroutine) };
        let _ = coroutine.call_method0("close");
        pyo3::exceptions::PyTypeError::new_err(
            "the function is a coroutine function: write await breaker.call_async(function, ...)",
        )
        .restore(py);
    });
    ptr::null_mut()
}

/// The vectorcall of a decorated function.
pub(super) unsafe extern "C" fn call_sync(
    callable: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    catch(ptr::null_mut(), || {
        // SAFETY: the interpreter calls this for an object of this type.
        let guarded = unsafe { &*callable.cast::<Guarded>() };
        // SAFETY: as above.
        unsafe { call_guarded::<false>(callable, &guarded.guard, guarded.function, args, count, names) }
    })
}

/// The vectorcall of a decorated coroutine function.
pub(super) unsafe extern "C" fn call_async(
    callable: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    catch(ptr::null_mut(), || {
        // SAFETY: the interpreter calls this for an object of this type.
        let guarded = unsafe { &*callable.cast::<Guarded>() };
        // SAFETY: as above.
        unsafe { coroutine::begin(callable, &guarded.guard, guarded.function, args, count, names) }
    })
}
