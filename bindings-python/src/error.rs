//! Errors of the core as the exceptions of `fusewire._errors`.

use fusewire::{ConfigError, Error, Reason, RequestError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// The classes that the native part raises: they live in Python, where users subclass and pickle them.
pub(crate) struct Classes {
    config: Py<PyType>,
    conflict: Py<PyType>,
    unknown: Py<PyType>,
    pub(crate) settled: Py<PyType>,
    request: Py<PyType>,
    /// By the code of a reason.
    refused: Vec<Py<PyType>>,
}

static CLASSES: PyOnceLock<Classes> = PyOnceLock::new();

/// The exception classes.
pub(crate) fn classes(py: Python<'_>) -> PyResult<&Classes> {
    CLASSES.get_or_try_init(py, || {
        let module = py.import("fusewire._errors")?;
        let class = |name: &str| -> PyResult<Py<PyType>> {
            Ok(module.getattr(name)?.cast_into::<PyType>()?.unbind())
        };
        Ok(Classes {
            config: class("ConfigError")?,
            conflict: class("ConflictError")?,
            unknown: class("UnknownBreakerError")?,
            settled: class("AlreadySettledError")?,
            request: class("RequestError")?,
            refused: Reason::ALL.iter().map(|reason| class(class_of(*reason))).collect::<PyResult<_>>()?,
        })
    })
}

impl Classes {
    /// The class of calls that are turned away for that reason.
    pub(crate) fn of(&self, reason: Reason) -> &Py<PyType> {
        &self.refused[reason as usize]
    }
}

fn class_of(reason: Reason) -> &'static str {
    match reason {
        Reason::Shed => "ShedError",
        Reason::RateLimited => "RateLimitedError",
        Reason::BulkheadFull => "BulkheadFullError",
        Reason::QueueTimeout => "QueueTimeoutError",
        Reason::LimitReached => "LimitReachedError",
        Reason::Closed => "BreakerClosedError",
        Reason::FeatureDisabled => "FeatureDisabledError",
        _ => "CircuitOpenError",
    }
}

fn raise<'py, A: pyo3::call::PyCallArgs<'py>>(py: Python<'py>, class: &Py<PyType>, args: A) -> PyErr {
    match class.bind(py).call1(args) {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}

/// A wrong configuration.
pub(crate) fn of_config(py: Python<'_>, e: &ConfigError) -> PyErr {
    match classes(py) {
        Ok(found) => raise(py, &found.config, (e.key(), e.value(), e.allowed(), e.to_string())),
        Err(error) => error,
    }
}

/// A wrong request; `given` is what stands for a value that the core cannot show.
pub(crate) fn of_request(py: Python<'_>, e: &RequestError, given: Option<&Bound<'_, PyAny>>) -> PyErr {
    let found = match classes(py) {
        Ok(found) => found,
        Err(error) => return error,
    };
    let value =
        given.map_or_else(|| e.value().to_owned(), |g| g.repr().map_or("?".to_owned(), |r| r.to_string()));
    let message = e.to_string().replacen(e.value(), &value, 1);
    raise(py, &found.request, (e.field(), value, e.allowed(), message))
}

/// A request that is wrong before the core could read it.
pub(crate) fn wrong_request(field: &'static str, given: &Bound<'_, PyAny>, allowed: &str) -> PyErr {
    let py = given.py();
    let value = given.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string());
    match classes(py) {
        Ok(found) => {
            let message = format!("request: `{field}` is {value}; allowed: {allowed}");
            raise(py, &found.request, (field, value, allowed, message))
        }
        Err(error) => error,
    }
}

/// Anything that the core refuses.
pub(crate) fn of(py: Python<'_>, e: &Error) -> PyErr {
    let found = match classes(py) {
        Ok(found) => found,
        Err(error) => return error,
    };
    match e {
        Error::Config(e) => of_config(py, e),
        Error::Conflict { name, existing, requested } => {
            raise(py, &found.conflict, (name, existing, requested, e.to_string()))
        }
        Error::Name { name } => raise(
            py,
            &found.config,
            ("name", name, "1 to 255 bytes without control characters", e.to_string()),
        ),
        Error::Unknown { name } => raise(py, &found.unknown, (name, e.to_string())),
        _ => pyo3::exceptions::PyRuntimeError::new_err(e.to_string()),
    }
}

/// A wrong value of what belongs to Python alone, told like one of the document.
pub(crate) fn invalid(py: Python<'_>, key: &str, value: &Bound<'_, PyAny>, allowed: &str) -> PyErr {
    let value = value.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string());
    match classes(py) {
        Ok(found) => {
            let message = format!("{key}: {value} is not allowed; allowed is {allowed}");
            raise(py, &found.config, (key, value, allowed, message))
        }
        Err(error) => error,
    }
}

/// A permit was settled twice.
pub(crate) fn already_settled(py: Python<'_>) -> PyErr {
    match classes(py) {
        Ok(found) => raise(py, &found.settled, ()),
        Err(error) => error,
    }
}
