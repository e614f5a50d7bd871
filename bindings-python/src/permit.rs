//! A permit as an object.

use crate::asking::level_of;
use crate::breaker::Breaker;
use crate::clock::{nanos, seconds};
use crate::error::{already_settled, invalid};
use crate::gated::waiting;
use crate::guard::Guard;
use crate::guarded::guard_of;
use crate::object::attached;
use crate::rejection::{raise_refused, reason};
use crate::rules::class_name;
use crate::wait::{Wait, warn_never_awaited};
use fusewire::binding::{EnteredSlip, Paced, Refused, Slip};
use fusewire::{Outcome, Settled, Wanted};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyAny, PyString, PyType};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Leave to make one call. Settle it once with what came of the call; `with` settles it by what the block raises.
///
/// A permit that is let go unsettled counts as ignored, or as a failure when it lasted at least `cancelled_after`.
/// Any thread may settle it.
#[pyclass(frozen, module = "fusewire", weakref)]
pub(crate) struct Permit {
    breaker: Py<Breaker>,
    /// The decorated function whose rules hold, if it is one's.
    function: Option<Py<PyAny>>,
    /// With the time until its turn. Empty while it waits for a slot.
    given: OnceLock<Paced>,
    is_settled: AtomicBool,
    /// Whether somebody waits for its turn, or has.
    is_paused: AtomicBool,
    /// Its wait for a slot, if there was one.
    wait: Option<Arc<Wait>>,
}

impl Permit {
    pub(crate) fn new(breaker: Py<Breaker>, function: Option<Py<PyAny>>, slip: Slip) -> Self {
        Permit::paced(breaker, function, (slip, 0))
    }

    /// One whose turn may be yet to come.
    pub(crate) fn paced(breaker: Py<Breaker>, function: Option<Py<PyAny>>, paced: Paced) -> Self {
        let (is_settled, is_paused) = (AtomicBool::new(false), AtomicBool::new(false));
        Permit { breaker, function, given: OnceLock::from(paced), is_settled, is_paused, wait: None }
    }

    /// One that asks when it is awaited or entered, and may wait for a slot then.
    pub(crate) fn later(breaker: Py<Breaker>, function: Option<Py<PyAny>>, request: Wanted) -> Self {
        let (is_settled, is_paused) = (AtomicBool::new(false), AtomicBool::new(false));
        let wait = Some(Wait::new(request));
        Permit { breaker, function, given: OnceLock::new(), is_settled, is_paused, wait }
    }

    /// One that has a place in the queue.
    pub(crate) fn queued(
        breaker: Py<Breaker>,
        function: Option<Py<PyAny>>,
        request: Wanted,
        place: fusewire::Waiting,
    ) -> Self {
        let permit = Permit::later(breaker, function, request);
        if let Some(wait) = &permit.wait {
            wait.begin(place);
        }
        permit
    }

    /// The slip, which is the caller's to settle from now on.
    pub(crate) fn take_slip(&self) -> PyResult<Slip> {
        let slip = *self.slip()?;
        self.is_settled.store(true, Ordering::Release);
        Ok(slip)
    }

    /// The same, with the time until its turn.
    pub(crate) fn take_paced(&self) -> PyResult<Paced> {
        let wait = self.given.get().map_or(0, |(_, wait)| *wait);
        Ok((self.take_slip()?, wait))
    }

    /// Why its wait ended without a slot.
    pub(crate) fn refused(&self) -> Option<Refused> {
        self.wait.as_ref()?.refused().copied()
    }

    fn slip(&self) -> PyResult<&Slip> {
        match self.given.get() {
            Some((slip, _)) => Ok(slip),
            None => Err(pyo3::exceptions::PyRuntimeError::new_err(format!(
                "this permit of '{}' has no slot yet: in an event loop write `await breaker.acquire()`, or `async with \
                 breaker.acquire():`",
                self.guard().core.name()
            ))),
        }
    }

    fn place(&self) -> PyResult<&Arc<Wait>> {
        let over = || pyo3::exceptions::PyRuntimeError::new_err("this permit does not wait");
        self.wait.as_ref().ok_or_else(over)
    }

    fn raise_refusal(&self, py: Python<'_>, refused: Refused) -> PyErr {
        if let Some(wait) = &self.wait {
            wait.refuse(refused);
        }
        raise_refused(py, self.breaker.as_ptr(), &refused);
        PyErr::fetch(py)
    }

    /// The wait of one who asks now, for the first time.
    fn begin(&self) -> PyResult<&Arc<Wait>> {
        let place = self.place()?;
        if place.claim() {
            return Ok(place);
        }
        Err(pyo3::exceptions::PyRuntimeError::new_err(format!(
            "this permit of '{}' was awaited before: ask for another one",
            self.guard().core.name()
        )))
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
        let slip = self.slip()?;
        if !self.claim() {
            return Err(already_settled(py));
        }
        Ok(name(self.breaker.get().guard.core.settle_slip(slip, outcome, duration, error_type)))
    }

    /// Whether it was the one who settled it.
    fn settle_by(&self, error: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        let slip = self.slip()?;
        if !self.claim() {
            return Ok(false);
        }
        let guard = self.guard();
        match error {
            Some(error) => guard.settle_error(slip, error),
            None => guard.core.settle_slip(slip, Outcome::Success, None, None),
        };
        Ok(true)
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
        let (slip, _) = self.given.get()?;
        self.breaker.get().guard.core.slip_would_reject(slip).map(|r| reason(py, r))
    }

    /// Whether the call is made although the breaker turns others away: `priority.open_bypass`.
    #[getter]
    fn bypassed(&self) -> bool {
        self.given.get().is_some_and(|(slip, _)| self.breaker.get().guard.core.slip_is_bypassed(slip))
    }

    /// Seconds to wait before the call is made: a leaky bucket paces calls. 0.0 for any other. A block waits by itself.
    #[getter]
    #[pyo3(name = "wait")]
    fn pause(&self) -> f64 {
        self.given.get().map_or(0.0, |(_, wait)| seconds(*wait))
    }

    /// Seconds that the call may take: `timeout`, or what is left until the call's deadline where that is less; `None` when
    /// there is no limit. A success after that counts as a failure of type `timeout`.
    #[getter]
    fn timeout(&self) -> Option<f64> {
        let (slip, _) = self.given.get()?;
        self.breaker.get().guard.core.slip_timeout(slip).map(seconds)
    }

    /// Whether it has no slot yet: it waits for one, or is to be awaited.
    #[getter]
    fn waiting(&self) -> bool {
        self.given.get().is_none()
    }

    /// Lets the call wait at the end of a higher level, with the deadline that it has. A level that is not higher, and a
    /// permit that waits no more, change nothing.
    fn raise_priority(&self, to: &Bound<'_, PyAny>) -> PyResult<()> {
        let level = level_of(to)?;
        if let Some(wait) = &self.wait {
            wait.raise(level);
        }
        Ok(())
    }

    /// The seconds until its turn, for the one who waits for it; 0.0 for others.
    #[pyo3(name = "_take_pause")]
    fn take_pause(&self) -> f64 {
        let pause = self.pause();
        if pause > 0.0 && self.is_paused.swap(true, Ordering::AcqRel) { 0.0 } else { pause }
    }

    /// Asks; whether it has its slot at once, else it waits.
    #[pyo3(name = "_ask")]
    fn ask(&self, py: Python<'_>) -> PyResult<bool> {
        let place = self.begin()?;
        if place.has_begun() {
            return Ok(false);
        }
        match self.guard().enter(&place.request) {
            Ok(EnteredSlip::Admitted(paced)) => {
                let _ = self.given.set(paced);
                Ok(true)
            }
            Ok(EnteredSlip::Waiting(waiting)) => {
                place.begin(waiting);
                Ok(false)
            }
            Err(refused) => Err(self.raise_refusal(py, refused)),
        }
    }

    /// Asks, and does not wait.
    #[pyo3(name = "_ask_now")]
    fn ask_now(&self, py: Python<'_>) -> PyResult<()> {
        match self.guard().acquire_for(&self.begin()?.request) {
            Ok(paced) => {
                let _ = self.given.set(paced);
                Ok(())
            }
            Err(refused) => Err(self.raise_refusal(py, refused)),
        }
    }

    /// Whether it has its slot; raises why it gets none. While neither is so, `ring()` is called when the wait ends.
    #[pyo3(name = "_poll")]
    fn poll(&self, py: Python<'_>, ring: &Bound<'_, PyAny>) -> PyResult<bool> {
        if self.given.get().is_some() {
            return Ok(true);
        }
        match self.place()?.try_end(ring) {
            Some(None) => Ok(false),
            Some(Some(Ok(paced))) => {
                let _ = self.given.set(paced);
                Ok(true)
            }
            Some(Some(Err(refused))) => {
                self.guard().tell(&refused);
                Err(self.raise_refusal(py, refused))
            }
            None => Err(pyo3::exceptions::PyRuntimeError::new_err(format!(
                "this permit of '{}' is not waited for any more: ask for another one",
                self.guard().core.name()
            ))),
        }
    }

    /// Seconds until the deadline of its wait.
    #[pyo3(name = "_left")]
    fn left(&self) -> PyResult<f64> {
        Ok(self.place()?.left().as_secs_f64())
    }

    /// Ends the waits whose deadline has come, in their order; whether its own has ended.
    #[pyo3(name = "_expire")]
    fn expire(&self) -> PyResult<bool> {
        let place = self.place()?;
        self.guard().core.poll();
        Ok(place.expire())
    }

    /// Ends its wait as if it had never begun.
    #[pyo3(name = "_give_up")]
    fn give_up(&self) -> PyResult<()> {
        self.place()?.give_up();
        Ok(())
    }

    /// Settles it as one that nobody holds any more, if it is not settled.
    #[pyo3(name = "_let_go")]
    fn let_go(&self) {
        if let Some((slip, _)) = self.given.get().filter(|_| self.claim()) {
            self.breaker.get().guard.core.abandon_slip(slip);
        }
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
    fn settle(&self, error: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        self.settle_by(error)
    }

    /// Settles it as a call that returned `result` counts under the rules; once settled, does nothing.
    fn settle_result(&self, result: &Bound<'_, PyAny>) -> PyResult<()> {
        let slip = self.slip()?;
        if self.claim() {
            self.guard().settle_result(slip, result);
        }
        Ok(())
    }

    /// The block begins when the call has its slot and its turn.
    fn __enter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        if !slf.get().is_ready() {
            waiting(slf.py(), "enter", slf.clone())?;
        }
        Ok(slf)
    }

    fn __await__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        waiting(slf.py(), "wait", slf)?.call_method0("__await__")
    }

    fn __aenter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        waiting(slf.py(), "enter_async", slf)
    }

    fn __aexit__<'py>(
        slf: Bound<'py, Self>,
        _class: &Bound<'py, PyAny>,
        error: &Bound<'py, PyAny>,
        _traceback: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.get().settle_by(if error.is_none() { None } else { Some(error) })?;
        slf.py().import("fusewire._waiting")?.getattr("done")?.call0()
    }

    fn __exit__(
        &self,
        _class: &Bound<'_, PyAny>,
        error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        self.settle_by(if error.is_none() { None } else { Some(error) })?;
        Ok(false)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.breaker)?;
        visit.call(&self.function)?;
        self.wait.as_ref().map_or(Ok(()), |wait| wait.visit(&visit))
    }

    fn __repr__(&self) -> String {
        let what = match (self.waiting(), self.settled()) {
            (true, _) => "waiting",
            (_, true) => "settled",
            (_, false) => "not settled",
        };
        format!("<Permit of '{}', {what}>", self.breaker.get().guard.core.name())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.claim() {
            return;
        }
        attached(|_| match (self.given.get(), &self.wait) {
            (Some((slip, _)), _) => _ = self.breaker.get().guard.core.abandon_slip(slip),
            (None, Some(wait)) if !wait.is_asked() => warn_never_awaited(self.guard().core.name()),
            _ => {}
        });
    }
}

impl Permit {
    /// Whether the call may be made at once.
    fn is_ready(&self) -> bool {
        match self.given.get() {
            Some((_, wait)) => *wait == 0 || self.is_paused.load(Ordering::Acquire),
            None => false,
        }
    }
}
