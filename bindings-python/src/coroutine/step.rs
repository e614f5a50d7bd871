//! One step: admission at the first, settling at the last.

use super::begin::{call_with_kept, inner_of};
use super::end::{ended, suspended};
use super::enter::{Stop, enter};
use super::parts::{ADMITTED, CLASS, Coroutine, FREE, GATED, LIMITED, NEW, STARTING, abandon};
use crate::guard::{Guard, catch};
use crate::guarded::breaker_of;
use crate::object::attached;
use crate::rejection::raise_refused_of;
use fusewire::binding::{Refused, Slip};
use pyo3::ffi;
use pyo3::prelude::*;
use std::ptr;
use std::sync::atomic::Ordering;

/// `am_send`.
pub(super) unsafe extern "C" fn send(
    slf: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: the interpreter calls this for an object of this type, with its arguments alive.
    catch(ffi::PySendResult::PYGEN_ERROR, || unsafe { step(slf.cast(), value, result) })
}

/// `tp_iternext`.
pub(super) unsafe extern "C" fn next(slf: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as `send`.
    catch(ptr::null_mut(), || unsafe {
        let mut result = ptr::null_mut();
        match step(slf.cast(), ffi::Py_None(), &mut result) {
            ffi::PySendResult::PYGEN_NEXT => result,
            ffi::PySendResult::PYGEN_RETURN => {
                stop(slf.cast(), result);
                ptr::null_mut()
            }
            ffi::PySendResult::PYGEN_ERROR => ptr::null_mut(),
        }
    })
}

#[inline(always)]
unsafe fn step(
    slf: *mut Coroutine,
    value: *mut ffi::PyObject,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: the promises of `send`; the owner keeps the guard alive. The object itself is alive as long as its caller
    // holds it, and is shared from here on.
    unsafe {
        let guard = &*(*slf).guard;
        let mut phase = (*slf).phase();
        if phase == NEW {
            if value != ffi::Py_None() {
                // The inner one says what is wrong with that, and stays new.
                return sent(inner_of(&*slf), value, result);
            }
            if !(*slf).turn(NEW, STARTING) {
                return already_running();
            }
            match ask(slf, guard) {
                Ok(slip) => {
                    (*slf).slip = slip;
                    (*slf).set_phase(ADMITTED);
                    phase = ADMITTED;
                }
                Err(stop) => return instead(slf, guard, stop, result),
            }
        } else if phase == STARTING {
            return already_running();
        }
        let inner = inner_of(&*slf);
        let answer = sent(inner, value, result);
        if phase != ADMITTED {
            return answer;
        }
        match answer {
            ffi::PySendResult::PYGEN_NEXT if (*slf).is(LIMITED) => suspended(&*slf, guard, result),
            ffi::PySendResult::PYGEN_NEXT => answer,
            _ if inner.is_null() && !(*slf).is(GATED) => not_called(&*slf),
            _ => ended(slf, guard, answer, result),
        }
    }
}

/// A slip to call for.
#[inline(always)]
unsafe fn ask(slf: *mut Coroutine, guard: &Guard) -> Result<Slip, Stop> {
    // SAFETY: the promises of `step`; the phase is `STARTING`, by this thread.
    unsafe {
        if guard.core.has_course() && !(*slf).function.is_null() {
            return enter(slf, guard);
        }
        match guard.core.acquire_quietly() {
            Some(slip) => Ok(slip),
            None if guard.core.is_gated() => enter(slf, guard),
            None => guard.acquire_slowly().map_err(|refused| Stop::Refused(refused, None)),
        }
    }
}

/// What happens where the first attempt is not made here.
#[cold]
unsafe fn instead(
    slf: *mut Coroutine,
    guard: &Guard,
    stop: Stop,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: the promises of `step`; the phase is `STARTING`, by this thread.
    unsafe {
        match stop {
            Stop::Refused(refused, feature) => turn_away(slf, guard, &refused, feature.as_deref(), result),
            Stop::Instead(other) => attached(|py| go_on(py, slf, Ok(other.into_bound(py)), result)),
            Stop::Raised(error) => {
                if !(*slf).inner().is_null() {
                    close_unawaited((*slf).inner());
                }
                (*slf).set_phase(FREE);
                attached(|py| error.restore(py));
                ffi::PySendResult::PYGEN_ERROR
            }
        }
    }
}

/// Resumes an awaitable; null is an error that was raised already.
#[inline(always)]
unsafe fn sent(
    inner: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    if inner.is_null() {
        return ffi::PySendResult::PYGEN_ERROR;
    }
    // SAFETY: attached; both are alive.
    unsafe { ffi::PyIter_Send(inner, value, result) }
}

#[cold]
unsafe fn already_running() -> ffi::PySendResult {
    // SAFETY: attached.
    unsafe { ffi::PyErr_SetString(ffi::PyExc_ValueError, c"coroutine already executing".as_ptr()) };
    ffi::PySendResult::PYGEN_ERROR
}

/// The function did not take its arguments, which was found out with a permit in hand.
#[cold]
unsafe fn not_called(this: &Coroutine) -> ffi::PySendResult {
    if this.phase.swap(FREE, Ordering::AcqRel) == ADMITTED {
        // SAFETY: the swap gave it to this caller alone.
        unsafe { abandon(this) };
    }
    ffi::PySendResult::PYGEN_ERROR
}

/// The call is turned away: raises why, or puts a fallback's awaitable in the inner one's place. A plain value is the
/// result at once.
#[cold]
unsafe fn turn_away(
    slf: *mut Coroutine,
    guard: &Guard,
    refused: &Refused,
    feature: Option<&str>,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: the promises of `step`; the phase is `STARTING`, by this thread.
    unsafe {
        if !(*slf).inner().is_null() {
            close_unawaited((*slf).inner());
        }
        let fallback = match &guard.rules {
            Some(rules) => attached(|py| rules.fallback(py).map_or(ptr::null_mut(), |f| f.as_ptr())),
            None => ptr::null_mut(),
        };
        if fallback.is_null() {
            (*slf).set_phase(FREE);
            raise_refused_of(Python::assume_attached(), breaker_of((*slf).owner), refused, feature);
            return ffi::PySendResult::PYGEN_ERROR;
        }
        let answer = call_with_kept(&*slf, fallback);
        let is_awaitable =
            !answer.is_null() && (ffi::PyCoro_CheckExact(answer) != 0 || ffi::Py_TYPE(answer) == CLASS);
        if is_awaitable {
            (*slf).former = (*slf).inner.swap(answer, Ordering::AcqRel);
        }
        (*slf).set_phase(FREE);
        if answer.is_null() {
            return ffi::PySendResult::PYGEN_ERROR;
        }
        if is_awaitable {
            return ffi::PyIter_Send(answer, ffi::Py_None(), result);
        }
        *result = answer;
        ffi::PySendResult::PYGEN_RETURN
    }
}

/// A coroutine of Python's takes the inner one's place, for the rest of the call.
pub(super) unsafe fn go_on(
    py: Python<'_>,
    slf: *mut Coroutine,
    other: PyResult<Bound<'_, PyAny>>,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: the promises of `step`; nothing is settled here any more.
    unsafe {
        match other {
            Ok(other) => {
                let other = other.into_ptr();
                (*slf).former = (*slf).inner.swap(other, Ordering::AcqRel);
                (*slf).set_phase(FREE);
                sent(other, ffi::Py_None(), result)
            }
            Err(error) => {
                (*slf).set_phase(FREE);
                error.restore(py);
                ffi::PySendResult::PYGEN_ERROR
            }
        }
    }
}

/// Closed, so that nobody is told that it was never awaited.
pub(super) unsafe fn close_unawaited(inner: *mut ffi::PyObject) {
    // SAFETY: attached; alive.
    attached(|py| {
        // SAFETY: alive, as the caller promises.
        let inner = unsafe { Bound::from_borrowed_ptr(py, inner) };
        if let Err(error) = inner.call_method0("close")
            && !error.is_instance_of::<pyo3::exceptions::PyAttributeError>(py)
        {
            error.write_unraisable(py, Some(&inner));
        }
    });
}

/// Ends an iteration with a result; takes the reference. No exception at all means `None`.
#[inline(always)]
pub(super) unsafe fn stop(slf: *mut Coroutine, result: *mut ffi::PyObject) {
    // SAFETY: attached, and the reference is ours.
    unsafe {
        if result == ffi::Py_None() {
            ffi::Py_DECREF(result);
            return;
        }
        #[cfg(Py_3_12)]
        {
            let error = crate::recycled::stop_iteration::with(result);
            if error.is_null() {
                return;
            }
            // Held by `await` alone, this object goes next, and gives the exception back. Who holds it longer shall
            // not hold the result.
            let goes_next = !cfg!(Py_GIL_DISABLED) && ffi::Py_REFCNT(slf.cast()) == 1;
            if goes_next && (*slf).stop.is_null() {
                ffi::Py_INCREF(error);
                (*slf).stop = error;
            }
            ffi::PyErr_SetRaisedException(error);
        }
        #[cfg(not(Py_3_12))]
        {
            let _ = slf;
            // An instance of an exception, or a tuple, would be taken for the arguments.
            let is_plain = ffi::PyTuple_Check(result) == 0 && ffi::PyExceptionInstance_Check(result) == 0;
            let value =
                if is_plain { result } else { ffi::PyObject_CallOneArg(ffi::PyExc_StopIteration, result) };
            if !value.is_null() {
                ffi::PyErr_SetObject(ffi::PyExc_StopIteration, value);
            }
            if value != result {
                ffi::Py_XDECREF(value);
            }
            ffi::Py_DECREF(result);
        }
    }
}
