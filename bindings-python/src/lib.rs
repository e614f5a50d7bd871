//! The native part of the Python package `fusewire`: the call path, and the core's objects as Python ones.
//!
//! What is hot is written against the interpreter's C interface: a decorated function is an object that receives
//! vectorcall (`guarded`), its awaitable forwards `am_send` (`coroutine`). Everything else is PyO3.

mod asking;
mod attempts;
mod breaker;
mod clock;
mod coroutine;
mod document;
mod error;
mod events;
mod first;
mod gated;
mod guard;
mod guarded;
mod object;
mod permit;
mod policy;
mod raised;
#[cfg(Py_3_10)]
mod recycled;
mod registry;
mod rejection;
mod rules;
mod steps;
mod wait;

use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;

/// Raises `ImportError` in a sub-interpreter: objects of one interpreter would end up in another.
#[pyfunction]
fn require_main_interpreter() -> PyResult<()> {
    // SAFETY: attached, so there is a current interpreter.
    let number = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    if number == 0 {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "fusewire cannot be used in a sub-interpreter; use the main interpreter, or a process of its own (mod_wsgi: \
         WSGIApplicationGroup %{GLOBAL})",
    ))
}

/// The native part of fusewire. Import `fusewire` instead.
#[pymodule(gil_used = false)]
fn _native(m: &Bound<'_, PyModule>) -> PyResult<()> {
    fusewire::binding::watch(events::watch);
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    m.add("TIMEOUT", fusewire::binding::TIMEOUT)?;
    m.add("METRICS_CONTENT_TYPE", fusewire::CONTENT_TYPE)?;
    m.add_function(wrap_pyfunction!(require_main_interpreter, m)?)?;
    m.add_class::<breaker::Breaker>()?;
    m.add_class::<permit::Permit>()?;
    m.add_class::<attempts::Attempts>()?;
    steps::add_types(m)?;
    m.add_class::<clock::ManualClock>()?;
    m.add_class::<registry::NativeRegistry>()?;
    m.add_function(wrap_pyfunction!(guarded::guard_function, m)?)?;
    m.add_function(wrap_pyfunction!(gated::acquire_for, m)?)?;
    m.add_function(wrap_pyfunction!(guarded::fallback_of, m)?)?;
    m.add_function(wrap_pyfunction!(guarded::rungs_of, m)?)?;
    m.add_function(wrap_pyfunction!(gated::attempts_for, m)?)?;
    m.add_function(wrap_pyfunction!(asking::level_name, m)?)?;
    m.add_function(wrap_pyfunction!(document::schema, m)?)?;
    m.add_function(wrap_pyfunction!(rejection::rejection_message, m)?)?;
    m.add_function(wrap_pyfunction!(rejection::timeout_message, m)?)?;
    m.add_function(wrap_pyfunction!(rejection::hear_rejections, m)?)?;
    guarded::add_types(m)?;
    coroutine::add_types(m)
}
