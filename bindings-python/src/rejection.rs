//! Raising a rejection, cheaply.

use crate::clock::seconds;
use crate::error::classes;
use crate::raised::raise;
use fusewire::Reason;
use fusewire::binding::Refused;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

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

/// What a rejection says.
#[pyfunction]
pub(crate) fn rejection_message(breaker: &str, reason: &str, retry_after: Option<f64>) -> String {
    let nanos = retry_after.map(|s| (s * 1e9).round() as u64);
    fusewire::binding::rejection_message(breaker, reason, nanos)
}
