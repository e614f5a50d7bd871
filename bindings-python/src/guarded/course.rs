//! A call of a breaker that has policies around calls: the first attempt is made here, and when that is all there is to it
//! nothing of Python's is run but the function. `fusewire._course` makes what comes after.

use super::call::awaitable_of_a_sync_call;
use crate::asking::{Arguments, Said};
use crate::attempts::Attempts;
use crate::first::{First, is_over};
use crate::gated::handles;
use crate::guard::Guard;
use crate::raised::Raised;
use crate::steps::{settle_error, settle_result};
use fusewire::Outcome;
use fusewire::binding::{Course, Slip};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};
use std::ptr;

/// What is known when Python goes on.
struct Begun<'py> {
    said: Option<Said>,
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
#[inline(never)]
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
    let said = match &guard.asking {
        None => None,
        // SAFETY: the caller's promise.
        Some(_) => Some(unsafe { guard.said_of(py, arguments)? }),
    };
    // Queues and caches are Python's.
    if core.may_queue() || said.as_ref().is_some_and(|said| said.key().is_some()) {
        return Ok(Err(Begun { said, course: None, error: None, result: None }));
    }
    let first = First::begin(py, guard, said, true)?;
    if let Some(course) = first.lapsed(guard) {
        return Ok(Err(Begun { said: first.said, course: Some(course), error: None, result: None }));
    }
    let mut slip = Slip::default();
    match first.ask(guard, &mut slip) {
        Ok(0) => {}
        other => {
            let course = Some(first.told(guard, other.map(|wait| (slip, wait))));
            return Ok(Err(Begun { said: first.said, course, error: None, result: None }));
        }
    }
    let Arguments { args, count, names } = arguments;
    // SAFETY: as above.
    let result = unsafe { ffi::PyObject_Vectorcall(function, args, count, names) };
    if result.is_null() {
        // SAFETY: a call without a result has raised.
        return Ok(unsafe { raised(py, guard, first, slip) });
    }
    // SAFETY: attached; a new reference.
    if WANTS_RESULT && unsafe { ffi::PyCoro_CheckExact(result) } != 0 {
        core.settle_slip(&slip, Outcome::Ignored, None, None);
        // SAFETY: as above.
        return Ok(Ok(unsafe { awaitable_of_a_sync_call(result) }));
    }
    if guard.is_plain {
        first.succeed(guard, &slip);
        return Ok(Ok(result));
    }
    // SAFETY: ours.
    let result = unsafe { Bound::from_owned_ptr(py, result) };
    let mut course = first.told(guard, Ok((slip, 0)));
    settle_result(&mut course, guard, &result);
    Ok(match is_over(&mut course, guard) {
        true => Ok(result.into_ptr()),
        false => Err(Begun { said: first.said, course: Some(course), error: None, result: Some(result) }),
    })
}

unsafe fn raised<'py>(
    py: Python<'py>,
    guard: &Guard,
    first: First,
    slip: Slip,
) -> Result<*mut ffi::PyObject, Begun<'py>> {
    let mut course = first.told(guard, Ok((slip, 0)));
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
        // SAFETY: attached. The exception is `error`'s from here on.
        unsafe { raised.forget() };
        return Err(Begun { said: first.said, course: Some(course), error, result: None });
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
pub(crate) fn note_one_attempt(py: Python<'_>, guard: &Guard, error: &Bound<'_, PyAny>) {
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
    let said = begun.said.unwrap_or_default();
    let attempts = match begun.course {
        Some(course) => Attempts::going_on(breaker, decorated, said, course),
        None => Attempts::begin(py, breaker, decorated, said)?,
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
