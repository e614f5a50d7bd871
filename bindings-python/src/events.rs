//! Transitions on their way to Python: one line of `logging` for each, and the listeners.

use crate::clock::seconds;
use crate::object::attached;
use fusewire::Event;
use pyo3::call::PyCallArgs;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// An event as the arguments of `fusewire._events.Transition`.
fn tell<'py>(py: Python<'py>, event: &Event) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("breaker", event.breaker.as_str())?;
    told.set_item("generation", event.generation)?;
    told.set_item("from_state", event.from.name())?;
    told.set_item("to_state", event.to.name())?;
    told.set_item("cause", event.cause.name())?;
    told.set_item("at", seconds(event.at))?;
    told.set_item("actor", event.actor.as_deref())?;
    told.set_item("reason", event.reason.as_deref())?;
    told.set_item("total", event.counts.total)?;
    told.set_item("failures", event.counts.failures)?;
    told.set_item("slow", event.counts.slow)?;
    told.set_item("missed", event.missed)?;
    Ok(told)
}

/// Calls a function of `fusewire._events`; what it raises is reported and goes no further. An interrupt is for the main
/// thread: it gets it again, as soon as it runs Python.
pub(crate) fn call<'py, A: PyCallArgs<'py>>(py: Python<'py>, function: &str, args: A) {
    let found = py.import("fusewire._events").and_then(|module| module.getattr(function));
    match found.and_then(|function| function.call1(args)) {
        Ok(_) => {}
        // SAFETY: attached.
        Err(error) if error.is_instance_of::<PyKeyboardInterrupt>(py) => unsafe { ffi::PyErr_SetInterrupt() },
        Err(error) => error.write_unraisable(py, None),
    }
}

/// Hands an event to a function of `fusewire._events`. What is being raised stays so.
fn hand(event: &Event, function: &str, listeners: Option<&Py<PyAny>>) {
    attached(|py| {
        // SAFETY: attached. An event may come out of the middle of an exception's way.
        let raised = unsafe { crate::raised::Raised::take() };
        match (tell(py, event), listeners) {
            (Ok(told), Some(listeners)) => call(py, function, (listeners, told)),
            (Ok(told), None) => call(py, function, (told,)),
            (Err(error), _) => error.write_unraisable(py, None),
        }
        // SAFETY: attached.
        unsafe { raised.restore() };
    });
}

/// Hears of every transition of the process.
pub(crate) fn watch(event: &Event) {
    hand(event, "log_transition", None);
}

/// Calls the listeners of one breaker. `listeners` is a weak reference: who hears keeps nobody alive.
pub(crate) fn deliver(listeners: &Py<PyAny>, event: &Event) {
    hand(event, "deliver", Some(listeners));
}

/// Logs what a function of the user's raised.
pub(crate) fn log_error(py: Python<'_>, what: &str, breaker: &str, error: &PyErr) {
    let log = || py.import("fusewire._events")?.getattr("log_error")?.call1((what, breaker, error.value(py)));
    if let Err(error) = log() {
        error.write_unraisable(py, None);
    }
}
