//! Events of the policies on their way to Python.

use crate::document::to_python;
use crate::events::call;
use crate::object::attached;
use crate::raised::Raised;
use fusewire::PolicyEvent;
use fusewire::binding::policy_event_json;
use pyo3::prelude::*;

/// Calls a function of `fusewire._events` with an event. What is being raised stays so.
fn hand(event: &PolicyEvent, function: &str, listeners: Option<&Py<PyAny>>) {
    attached(|py| {
        // SAFETY: attached. An event may come out of the middle of an exception's way.
        let raised = unsafe { Raised::take() };
        match (to_python(py, &policy_event_json(event)), listeners) {
            (Ok(told), Some(listeners)) => call(py, function, (listeners, told)),
            (Ok(told), None) => call(py, function, (told,)),
            (Err(error), _) => error.write_unraisable(py, None),
        }
        // SAFETY: attached.
        unsafe { raised.restore() };
    });
}

/// One line of `logging`.
pub(crate) fn log(event: &PolicyEvent) {
    hand(event, "log_policy", None);
}

/// Calls the listeners of one breaker. `listeners` is a weak reference.
pub(crate) fn deliver(listeners: &Py<PyAny>, event: &PolicyEvent) {
    hand(event, "deliver_policy", Some(listeners));
}
