//! Raising a rejection, cheaply, and telling of it those who asked to hear.

use crate::clock::seconds;
use crate::error::classes;
use crate::events;
use crate::raised::raise;
use fusewire::Reason;
use fusewire::binding::Refused;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;
use std::sync::atomic::{AtomicBool, Ordering};

static REASONS: PyOnceLock<Vec<Py<PyString>>> = PyOnceLock::new();

fn reasons(py: Python<'_>) -> &'static [Py<PyString>] {
    REASONS.get_or_init(py, || Reason::ALL.iter().map(|r| PyString::intern(py, r.name()).unbind()).collect())
}

/// The name of a reason, as one string for all.
pub(crate) fn reason(py: Python<'_>, reason: Reason) -> Py<PyString> {
    reasons(py)[reason as usize].clone_ref(py)
}

/// Raises a `CircuitOpenError(breaker, reason, retry_after)`, or what extends it for the reason. Nothing that is being handled becomes its context: a
/// rejection keeps nothing alive.
pub(crate) fn raise_refused(py: Python<'_>, breaker: *mut ffi::PyObject, refused: &Refused) {
    let class = match classes(py) {
        Ok(classes) => classes.of(refused.reason).as_ptr(),
        Err(error) => return error.restore(py),
    };
    // SAFETY: attached; the class is that of `fusewire._errors`, the breaker is alive, the reference is given away.
    unsafe {
        let error = refusal(py, class.cast(), breaker, refused);
        if !error.is_null() {
            raise(error);
        }
    }
}

/// As `raise_refused`, of a call of that feature.
pub(crate) fn raise_refused_of(
    py: Python<'_>,
    breaker: *mut ffi::PyObject,
    refused: &Refused,
    feature: Option<&str>,
) {
    raise_refused(py, breaker, refused);
    if let (Reason::FeatureDisabled, Some(feature)) = (refused.reason, feature) {
        let error = PyErr::fetch(py);
        // What is raised in its place when there is no memory left takes no such thing.
        let _ = error.value(py).setattr("_feature", feature);
        error.restore(py);
    }
}

/// A new reference to the exception, or null and another. Calling the class would take twice as long, and do the same:
/// it has no `__init__` of its own, and its objects are those of `BaseException`, which have their arguments and nothing
/// else in the beginning.
///
/// # Safety
/// The class is `CircuitOpenError`, or adds nothing to it; the breaker is alive.
unsafe fn refusal(
    py: Python<'_>,
    class: *mut ffi::PyTypeObject,
    breaker: *mut ffi::PyObject,
    refused: &Refused,
) -> *mut ffi::PyObject {
    // SAFETY: attached, as `py` says; references that go into the tuple are given away.
    unsafe {
        let retry_after = match refused.retry_after {
            Some(nanos) => ffi::PyFloat_FromDouble(seconds(nanos)),
            None => {
                ffi::Py_INCREF(ffi::Py_None());
                ffi::Py_None()
            }
        };
        let args = ffi::PyTuple_New(3);
        let error = ffi::PyType_GenericAlloc(class, 0);
        if retry_after.is_null() || args.is_null() || error.is_null() {
            ffi::Py_XDECREF(retry_after);
            ffi::Py_XDECREF(args);
            ffi::Py_XDECREF(error);
            return std::ptr::null_mut();
        }
        let reason = reasons(py)[refused.reason as usize].as_ptr();
        for (at, object) in [(0, breaker), (1, reason)] {
            ffi::Py_INCREF(object);
            ffi::PyTuple_SET_ITEM(args, at, object);
        }
        ffi::PyTuple_SET_ITEM(args, 2, retry_after);
        (*error.cast::<ffi::PyBaseExceptionObject>()).args = args;
        error
    }
}

/// Whether somebody wants to hear of rejections.
static IS_HEARD: AtomicBool = AtomicBool::new(false);

/// Has each rejection of the process told to `fusewire._events.tell_rejection`, or no longer.
#[pyfunction]
pub(crate) fn hear_rejections(is_heard: bool) {
    IS_HEARD.store(is_heard, Ordering::Relaxed);
}

/// A call is turned away, by whatever way it came: before a fallback runs or anything is raised.
#[inline]
pub(crate) fn tell(breaker: &str, refused: &Refused) {
    if IS_HEARD.load(Ordering::Relaxed) {
        Python::attach(|py| {
            let retry_after = refused.retry_after.map(seconds);
            events::call(py, "tell_rejection", (breaker, reason(py, refused.reason), retry_after));
        });
    }
}

/// What a call says that took longer than so many seconds.
#[pyfunction]
pub(crate) fn timeout_message(breaker: &str, limit: f64) -> String {
    fusewire::binding::timeout_message(breaker, (limit * 1e9).round() as u64)
}

/// What a rejection says.
#[pyfunction]
pub(crate) fn rejection_message(breaker: &str, reason: &str, retry_after: Option<f64>) -> String {
    let nanos = retry_after.map(|s| (s * 1e9).round() as u64);
    fusewire::binding::rejection_message(breaker, reason, nanos)
}
