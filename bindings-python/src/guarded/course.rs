//! A call of a breaker that has policies around calls: the first attempt is made here, and when that is all there is to it
//! nothing of Python's is run but the function. `fusewire._course` makes what comes after.

use super::call::awaitable_of_a_sync_call;
use crate::asking::{Arguments, Said};
use crate::attempts::Attempts;
use crate::error::of_request;
use crate::gated::handles;
use crate::guard::Guard;
use crate::raised::Raised;
use crate::steps::{ask, settle_error, settle_result};
use fusewire::binding::Course;
use fusewire::{Ending, Step};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};
use std::ptr;

/// What is known when Python goes on.
struct Begun<'py> {
    said: Said,
    /// `None`: it has not begun.
    course: Option<Box<Course>>,
    /// What the first attempt has raised.
    error: Option<Bound<'py, PyAny>>,
    /// What it has returned.
    result: Option<Bound<'py, PyAny>>,
}

/// Calls a function. A new reference, or null and an exception.
///
/// # Safety
/// Attached; the arguments are those of a vectorcall, and the function is alive.
#[cold]
pub(super) unsafe fn call_by_course<const WANTS_RESULT: bool>(
    owner: *mut ffi::PyObject,
    guard: &Guard,
    function: *mut ffi::PyObject,
    arguments: Arguments,
) -> *mut ffi::PyObject {
    // SAFETY: the caller's promise.
    unsafe {
        let py = Python::assume_attached();
        let answer = match first::<WANTS_RESULT>(py, guard, function, arguments) {
            Ok(Ok(answer)) => return answer,
            Ok(Err(begun)) => go_on(py, owner, function, arguments, begun),
            Err(error) => Err(error),
        };
        answer.map_or_else(
            |error| {
                error.restore(py);
                ptr::null_mut()
            },
            Bound::into_ptr,
        )
    }
}

/// The first attempt: an answer, which may be null and an exception, or how far it came.
unsafe fn first<'py, const WANTS_RESULT: bool>(
    py: Python<'py>,
    guard: &Guard,
    function: *mut ffi::PyObject,
    arguments: Arguments,
) -> PyResult<Result<*mut ffi::PyObject, Begun<'py>>> {
    let core = &guard.core;
    // SAFETY: the caller's promise.
    let said = unsafe { guard.said_of(py, arguments)? };
    // Queues and caches are Python's.
    if said.key().is_some() || core.may_queue() {
        return Ok(Err(Begun { said, course: None, error: None, result: None }));
    }
    let mut course = Course::begin(core, &said.request()).map_err(|e| of_request(py, &e, None))?;
    if course.next(core).is_none() {
        ask(&mut course, guard);
    }
    if !matches!(course.next(core), Some(Step::Call { .. })) {
        return Ok(Err(Begun { said, course: Some(Box::new(course)), error: None, result: None }));
    }
    let Arguments { args, count, names } = arguments;
    // SAFETY: as above.
    let result = unsafe { ffi::PyObject_Vectorcall(function, args, count, names) };
    if result.is_null() {
        // SAFETY: a call without a result has raised.
        return Ok(unsafe { raised(py, guard, said, course) });
    }
    // SAFETY: attached; a new reference.
    if WANTS_RESULT && unsafe { ffi::PyCoro_CheckExact(result) } != 0 {
        course.settle(core, &Ending::ignored());
        // SAFETY: as above.
        return Ok(Ok(unsafe { awaitable_of_a_sync_call(result) }));
    }
    if guard.is_plain {
        course.settle(core, &Ending::success());
        return Ok(Ok(result));
    }
    // SAFETY: ours.
    let result = unsafe { Bound::from_owned_ptr(py, result) };
    settle_result(&mut course, guard, &result);
    Ok(match is_over(&mut course, guard) {
        true => Ok(result.into_ptr()),
        false => Err(Begun { said, course: Some(Box::new(course)), error: None, result: Some(result) }),
    })
}

/// Whether what the attempt came to is what the call comes to.
fn is_over(course: &mut Course, guard: &Guard) -> bool {
    matches!(course.next(&guard.core), Some(Step::Done(done)) if done.rung.is_none() && done.rejected.is_none())
}

unsafe fn raised<'py>(
    py: Python<'py>,
    guard: &Guard,
    said: Said,
    mut course: Course,
) -> Result<*mut ffi::PyObject, Begun<'py>> {
    // SAFETY: the caller's promise.
    let raised = unsafe { Raised::take() };
    // SAFETY: alive as long as `raised` is.
    let error = unsafe { Bound::from_borrowed_ptr_or_opt(py, raised.value()) };
    let goes_on = match &error {
        Some(error) => settle_error(&mut course, guard, error) && !is_over(&mut course, guard),
        None => {
            course.abandon(&guard.core);
            false
        }
    };
    if goes_on {
        // SAFETY: attached. The exception is `error`'s from here on, and what was taken is given back to be let go.
        unsafe {
            raised.restore();
            ffi::PyErr_Clear();
        }
        return Err(Begun { said, course: Some(Box::new(course)), error, result: None });
    }
    if let Some(error) = &error {
        note_one_attempt(py, guard, error);
    }
    drop(error);
    // SAFETY: attached.
    unsafe { raised.restore() };
    Ok(ptr::null_mut())
}

/// Tells with the exception that the call was one attempt, and nothing else.
fn note_one_attempt(py: Python<'_>, guard: &Guard, error: &Bound<'_, PyAny>) {
    static NOTE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let find = || Ok::<_, PyErr>(py.import("fusewire._errors")?.getattr("attach_one")?.unbind());
    let noted = NOTE.get_or_try_init(py, find).and_then(|note| note.bind(py).call1((error,)));
    if let Err(thrown) = noted {
        crate::events::log_error(py, "attached", guard.core.name(), &thrown);
    }
}

unsafe fn go_on<'py>(
    py: Python<'py>,
    owner: *mut ffi::PyObject,
    function: *mut ffi::PyObject,
    arguments: Arguments,
    begun: Begun<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the promises of `call_by_course`.
    let (breaker, decorated) = unsafe { handles(py, owner) };
    let attempts = match begun.course {
        Some(course) => Attempts::going_on(breaker, decorated, begun.said, course),
        None => Attempts::begin(py, breaker, decorated, begun.said)?,
    };
    let attempts = Bound::new(py, attempts)?;
    // SAFETY: as above.
    let (owner, function) =
        unsafe { (Bound::from_borrowed_ptr(py, owner), Bound::from_borrowed_ptr(py, function)) };
    // SAFETY: as above.
    let (args, kwargs) = unsafe { packed(py, arguments)? };
    let parts = (owner, function, args, kwargs, attempts, begun.error, begun.result);
    py.import("fusewire._course")?.getattr("go_on")?.call1(parts)
}

/// The arguments of a vectorcall, as a tuple and a dict.
unsafe fn packed<'py>(
    py: Python<'py>,
    arguments: Arguments,
) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
    let count = arguments.count & !ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
    // SAFETY: the caller's promise: there are so many, and all are alive.
    let at = |n: usize| unsafe { Bound::from_borrowed_ptr(py, *arguments.args.add(n)) };
    let args = PyTuple::new(py, (0..count).map(at).collect::<Vec<_>>())?;
    let kwargs = PyDict::new(py);
    // SAFETY: a tuple of names, or null.
    if let Some(names) = unsafe { Bound::from_borrowed_ptr_or_opt(py, arguments.names) } {
        for (n, name) in names.try_iter()?.enumerate() {
            kwargs.set_item(name?, at(count + n))?;
        }
    }
    Ok((args, kwargs))
}
