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

/// The name of a reason, as one string for all.
pub(crate) fn reason(py: Python<'_>, reason: Reason) -> Py<PyString> {
    let all = REASONS
        .get_or_init(py, || Reason::ALL.iter().map(|r| PyString::intern(py, r.name()).unbind()).collect());
    all[reason as usize].clone_ref(py)
}

/// Raises a `CircuitOpenError(breaker, reason, retry_after)`. Nothing that is being handled becomes its context: a
/// rejection keeps nothing alive.
pub(crate) fn raise_refused(py: Python<'_>, breaker: *mut ffi::PyObject, refused: &Refused) {
    match refusal(py, breaker, refused) {
        // SAFETY: attached; the reference is given away.
        Ok(error) => unsafe { raise(error) },
        Err(error) => error.restore(py),
    }
}

/// A new reference to the exception.
fn refusal(py: Python<'_>, breaker: *mut ffi::PyObject, refused: &Refused) -> PyResult<*mut ffi::PyObject> {
    let class = classes(py)?.open.as_ptr();
    let reason = reason(py, refused.reason);
    let retry_after = match refused.retry_after {
        // SAFETY: attached.
        Some(nanos) => unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyFloat_FromDouble(seconds(nanos)))? },
        None => py.None().into_bound(py),
    };
    let args = [breaker, reason.as_ptr(), retry_after.as_ptr()];
    // SAFETY: attached; all of them are alive.
    let error = unsafe { ffi::PyObject_Vectorcall(class, args.as_ptr(), args.len(), std::ptr::null_mut()) };
    if error.is_null() { Err(PyErr::fetch(py)) } else { Ok(error) }
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

/// What a rejection says.
#[pyfunction]
pub(crate) fn rejection_message(breaker: &str, reason: &str, retry_after: Option<f64>) -> String {
    let nanos = retry_after.map(|s| (s * 1e9).round() as u64);
    fusewire::binding::rejection_message(breaker, reason, nanos)
}
