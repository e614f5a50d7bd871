//! A permit as an object.

use crate::breaker::Breaker;
use crate::clock::nanos;
use crate::error::{already_settled, invalid};
use crate::guard::Guard;
use crate::guarded::guard_of;
use crate::object::attached;
use crate::rejection::reason;
use crate::rules::class_name;
use fusewire::binding::Slip;
use fusewire::{Outcome, Settled};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};
use std::sync::atomic::{AtomicBool, Ordering};

/// Leave to make one call. Settle it once with what came of the call; `with` settles it by what the block raises.
///
/// A permit that is let go unsettled counts as ignored, or as a failure when it lasted at least `cancelled_after`.
/// Any thread may settle it.
#[pyclass(frozen, module = "fusewire", weakref)]
pub(crate) struct Permit {
    breaker: Py<Breaker>,
    /// The decorated function whose rules hold, if it is one's.
    function: Option<Py<PyAny>>,
    slip: Slip,
    is_settled: AtomicBool,
}

impl Permit {
    pub(crate) fn new(breaker: Py<Breaker>, function: Option<Py<PyAny>>, slip: Slip) -> Self {
        Permit { breaker, function, slip, is_settled: AtomicBool::new(false) }
    }

    fn guard(&self) -> &Guard {
        let own = self.function.as_ref().and_then(guard_of);
        own.unwrap_or(&self.breaker.get().guard)
    }

    /// True for the one who may settle it.
    fn claim(&self) -> bool {
        !self.is_settled.swap(true, Ordering::AcqRel)
    }

    fn end(
        &self,
        py: Python<'_>,
        outcome: Outcome,
        duration: Option<&Bound<'_, PyAny>>,
        error_type: Option<&str>,
    ) -> PyResult<&'static str> {
        let duration = duration.map(|d| nanos("duration", d)).transpose()?;
        if !self.claim() {
            return Err(already_settled(py));
        }
        Ok(name(self.breaker.get().guard.core.settle_slip(&self.slip, outcome, duration, error_type)))
    }

    /// Whether it was the one who settled it.
    fn settle_by(&self, error: Option<&Bound<'_, PyAny>>) -> bool {
        if !self.claim() {
            return false;
        }
        let guard = self.guard();
        match error {
            Some(error) => guard.settle_error(&self.slip, error),
            None => guard.core.settle_slip(&self.slip, Outcome::Success, None, None),
        };
        true
    }
}

fn name(settled: Settled) -> &'static str {
    match settled {
        Settled::Ok => "ok",
        Settled::Late => "late",
        _ => "already_settled",
    }
}

#[pymethods]
impl Permit {
    /// The breaker that gave it.
    #[getter]
    fn breaker(&self, py: Python<'_>) -> Py<Breaker> {
        self.breaker.clone_ref(py)
    }

    /// In mode `shadow`: why the call would have been rejected.
    #[getter]
    fn would_reject(&self, py: Python<'_>) -> Option<Py<PyString>> {
        self.breaker.get().guard.core.slip_would_reject(&self.slip).map(|r| reason(py, r))
    }

    /// Whether it was settled.
    #[getter]
    fn settled(&self) -> bool {
        self.is_settled.load(Ordering::Acquire)
    }

    /// The dependency did what it should. `duration` in seconds, where the caller measured it.
    ///
    /// Like the other two it answers "late" when the breaker has moved on since, otherwise "ok", and raises
    /// `AlreadySettledError` when the permit was settled before.
    #[pyo3(signature = (*, duration=None))]
    fn success(&self, py: Python<'_>, duration: Option<&Bound<'_, PyAny>>) -> PyResult<&'static str> {
        self.end(py, Outcome::Success, duration, None)
    }

    /// The dependency failed. `error` is the exception, its class, or a text under which it is counted.
    #[pyo3(signature = (error=None, *, duration=None))]
    fn failure(
        &self,
        py: Python<'_>,
        error: Option<&Bound<'_, PyAny>>,
        duration: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<&'static str> {
        let Some(error) = error else { return self.end(py, Outcome::Failure, duration, None) };
        if let Ok(text) = error.cast::<PyString>() {
            return self.end(py, Outcome::Failure, duration, Some(&text.to_string_lossy()));
        }
        if let Ok(class) = error.cast::<PyType>() {
            return self.end(py, Outcome::Failure, duration, Some(&class.name()?.to_string_lossy()));
        }
        if error.is_instance_of::<pyo3::exceptions::PyBaseException>() {
            return self.end(py, Outcome::Failure, duration, Some(class_name(error)));
        }
        Err(invalid(py, "error", error, "an exception, its class, or a text"))
    }

    /// The call says nothing about the dependency.
    #[pyo3(signature = (*, duration=None))]
    fn ignore(&self, py: Python<'_>, duration: Option<&Bound<'_, PyAny>>) -> PyResult<&'static str> {
        self.end(py, Outcome::Ignored, duration, None)
    }

    /// Settles it as a call that returned, or raised `error`, counts under the rules; `False`, and nothing else, when it
    /// was settled already.
    #[pyo3(signature = (error=None))]
    fn settle(&self, error: Option<&Bound<'_, PyAny>>) -> bool {
        self.settle_by(error)
    }

    /// Settles it as a call that returned `result` counts under the rules; once settled, does nothing.
    fn settle_result(&self, result: &Bound<'_, PyAny>) {
        if self.claim() {
            self.guard().settle_result(&self.slip, result);
        }
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __exit__(
        &self,
        _class: &Bound<'_, PyAny>,
        error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> bool {
        self.settle_by(if error.is_none() { None } else { Some(error) });
        false
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.breaker)?;
        visit.call(&self.function)
    }

    fn __repr__(&self) -> String {
        let what = if self.settled() { "settled" } else { "not settled" };
        format!("<Permit of '{}', {what}>", self.breaker.get().guard.core.name())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.claim() {
            attached(|_| self.breaker.get().guard.core.abandon_slip(&self.slip));
        }
    }
}
