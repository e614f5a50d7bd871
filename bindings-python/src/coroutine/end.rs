//! What an attempt comes to: settled here, and whether the call goes on.

use super::enter::rest;
use super::parts::{ADMITTED, Coroutine, FREE, GATED, LIMITED, abandon, take_first};
use super::step::{close_unawaited, go_on};
use crate::attempts::Attempts;
use crate::clock::seconds;
use crate::first::{First, is_over};
use crate::gated::handles;
use crate::guard::Guard;
use crate::guarded::{breaker_of, note_one_attempt};
use crate::object::attached;
use crate::raised::Raised;
use crate::steps::{settle_error, settle_result};
use fusewire::Outcome;
use fusewire::binding::{Course, TIMEOUT};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::ptr;
use std::sync::atomic::Ordering;

/// What the call answers, of which the inner one has answered that: another thing, where it goes on.
///
/// # Safety
/// Attached; the object is alive, and `result` is what belongs to `answer`.
#[inline(always)]
pub(super) unsafe fn ended(
    slf: *mut Coroutine,
    guard: &Guard,
    answer: ffi::PySendResult,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: the caller's promise; the owner keeps the guard alive.
    unsafe {
        let this = &*slf;
        if answer == ffi::PySendResult::PYGEN_ERROR && is_running(this) {
            // Somebody else is in the middle of it: this was the error of resuming it twice.
            return answer;
        }
        if !this.turn(ADMITTED, FREE) {
            return answer;
        }
        if this.is(GATED) {
            return gated_ended(slf, guard, answer, result);
        }
        if answer == ffi::PySendResult::PYGEN_ERROR {
            guard.settle_raised(&this.slip);
        } else if guard.is_plain {
            guard.succeed(&this.slip);
        } else {
            attached(|py| guard.settle_result(&this.slip, &Bound::from_borrowed_ptr(py, *result)));
        }
        answer
    }
}

/// The same where there are gates or policies around the call; the caller alone may settle it.
#[inline(never)]
unsafe fn gated_ended(
    slf: *mut Coroutine,
    guard: &Guard,
    answer: ffi::PySendResult,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: the promises of `ended`.
    unsafe {
        let this = &*slf;
        let limit = this.limit.swap(ptr::null_mut(), Ordering::AcqRel);
        let has_returned = answer == ffi::PySendResult::PYGEN_RETURN;
        if has_returned && limit.is_null() && guard.is_plain {
            succeed(this, guard);
            return answer;
        }
        let py = Python::assume_attached();
        let raised = (!has_returned).then(|| Raised::take());
        let error = raised.as_ref().and_then(|raised| Bound::from_borrowed_ptr_or_opt(py, raised.value()));
        if let Some(cause) = cut_off(py, limit, error.as_ref()) {
            raised.into_iter().for_each(|raised| raised.forget());
            ffi::Py_XDECREF(std::mem::replace(&mut *result, ptr::null_mut()));
            return timed_out(py, slf, guard, cause, result);
        }
        if has_returned && guard.is_plain {
            succeed(this, guard);
            return answer;
        }
        let Some(first) = take_first(this) else {
            match &error {
                Some(error) => guard.settle_error(&this.slip, error),
                None if has_returned => {
                    guard.settle_result(&this.slip, &Bound::from_borrowed_ptr(py, *result))
                }
                None => guard.core.abandon_slip(&this.slip),
            };
            drop(error);
            raised.into_iter().for_each(|raised| raised.restore());
            return answer;
        };
        let mut course = first.told(guard, Ok((this.slip, 0)));
        let is_settled = match &error {
            Some(error) => settle_error(&mut course, guard, error),
            None if has_returned => {
                settle_result(&mut course, guard, &Bound::from_borrowed_ptr(py, *result));
                true
            }
            None => {
                course.abandon(&guard.core);
                false
            }
        };
        if !is_settled || is_over(&mut course, guard) {
            if let Some(error) = &error {
                note_one_attempt(py, guard, error);
            }
            drop(error);
            raised.into_iter().for_each(|raised| raised.restore());
            return answer;
        }
        raised.into_iter().for_each(|raised| raised.forget());
        let returned = Bound::from_owned_ptr_or_opt(py, std::mem::replace(&mut *result, ptr::null_mut()));
        let more = once_more(py, this, first, course, error, returned, None);
        go_on(py, slf, more, result)
    }
}

#[inline]
unsafe fn succeed(this: &Coroutine, guard: &Guard) {
    // SAFETY: the promises of `gated_ended`.
    match unsafe { take_first(this) } {
        Some(first) => first.succeed(guard, &this.slip),
        None => guard.succeed(&this.slip),
    }
}

/// The coroutine that makes what comes after the first attempt.
unsafe fn once_more<'py>(
    py: Python<'py>,
    this: &Coroutine,
    mut first: First,
    course: Box<Course>,
    error: Option<Bound<'py, PyAny>>,
    returned: Option<Bound<'py, PyAny>>,
    limit: Option<f64>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: attached; the owner is alive.
    unsafe {
        let (breaker, function) = handles(py, this.owner);
        let attempts = Attempts::going_on(breaker, function, first.said.take().unwrap_or_default(), course);
        rest(py, this, attempts, |attempts| Ok((attempts, None, error, returned, limit)))
    }
}

// ---- attempts that take too long ----

/// The function is suspended for the first time: from now on it is to be seen to that it is not for too long. One that never
/// is needs no timer.
#[inline(never)]
pub(super) unsafe fn suspended(
    this: &Coroutine,
    guard: &Guard,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    static LIMIT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if this.kind.fetch_and(!LIMITED, Ordering::Relaxed) & LIMITED == 0 {
        return ffi::PySendResult::PYGEN_NEXT;
    }
    // SAFETY: the promises of `step`.
    unsafe {
        let py = Python::assume_attached();
        let left = guard.core.slip_time_left(&this.slip).map_or(0.0, seconds);
        let found = || Ok::<_, PyErr>(py.import("fusewire._limits")?.getattr("Limit")?.unbind());
        match LIMIT.get_or_try_init(py, found).and_then(|limit| limit.bind(py).call1((left,))) {
            Ok(limit) => {
                this.limit.store(limit.into_ptr(), Ordering::Release);
                ffi::PySendResult::PYGEN_NEXT
            }
            Err(error) => {
                // What runs it knows no timers.
                ffi::Py_XDECREF(std::mem::replace(&mut *result, ptr::null_mut()));
                close_unawaited(this.inner());
                if this.phase.swap(FREE, Ordering::AcqRel) == ADMITTED {
                    abandon(this);
                }
                error.restore(py);
                ffi::PySendResult::PYGEN_ERROR
            }
        }
    }
}

/// Whether the attempt was cut off: what it raised then, if that was no cancellation. Takes the reference.
unsafe fn cut_off<'py>(
    py: Python<'py>,
    limit: *mut ffi::PyObject,
    error: Option<&Bound<'py, PyAny>>,
) -> Option<Option<Bound<'py, PyAny>>> {
    // SAFETY: ours, or null.
    let limit = unsafe { Bound::from_owned_ptr_or_opt(py, limit) }?;
    let told = limit.call_method1(intern!(py, "end"), (error,));
    match told.and_then(|told| told.extract::<Option<(Option<Bound<'py, PyAny>>,)>>()) {
        Ok(told) => told.map(|(cause,)| cause),
        Err(error) => {
            error.write_unraisable(py, Some(&limit));
            None
        }
    }
}

/// It is given up, or over: no timer is left behind. What is raised stays raised.
///
/// # Safety
/// Attached.
pub(super) unsafe fn no_longer_limited(this: &Coroutine) {
    let limit = this.limit.swap(ptr::null_mut(), Ordering::AcqRel);
    if !limit.is_null() {
        // SAFETY: attached; the reference was the object's.
        unsafe {
            let raised = Raised::take();
            attached(|py| _ = cut_off(py, limit, None));
            raised.restore();
        }
    }
}

unsafe fn timed_out(
    py: Python<'_>,
    slf: *mut Coroutine,
    guard: &Guard,
    cause: Option<Bound<'_, PyAny>>,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: the promises of `gated_ended`.
    unsafe {
        let this = &*slf;
        let limit = guard.core.slip_timeout(&this.slip).map_or(0.0, seconds);
        if let Some(first) = take_first(this) {
            let course = first.told(guard, Ok((this.slip, 0)));
            let more = once_more(py, this, first, course, cause, None, Some(limit));
            return go_on(py, slf, more, result);
        }
        guard.core.settle_slip(&this.slip, Outcome::Failure, None, Some(TIMEOUT));
        let breaker = Bound::from_borrowed_ptr(py, breaker_of(this.owner));
        let made = || py.import("fusewire._errors")?.getattr("timed_out")?.call1((breaker, limit, cause));
        made().map_or_else(|error| error, PyErr::from_value).restore(py);
        ffi::PySendResult::PYGEN_ERROR
    }
}

/// Whether the inner coroutine is being run: by another thread, or further up this one's stack.
#[cold]
pub(super) unsafe fn is_running(this: &Coroutine) -> bool {
    let inner = this.inner();
    if inner.is_null() {
        return false;
    }
    // SAFETY: attached; what was raised is put back.
    unsafe {
        let raised = Raised::take();
        let running = ffi::PyObject_GetAttrString(inner, c"cr_running".as_ptr());
        let answer = !running.is_null() && ffi::PyObject_IsTrue(running) == 1;
        ffi::Py_XDECREF(running);
        ffi::PyErr_Clear();
        raised.restore();
        answer
    }
}
