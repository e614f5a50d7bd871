//! Time, for tests.

use fusewire::Clock;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDelta, PyDeltaAccess};
use std::time::Duration;

/// The first number of nanoseconds that a clock cannot tell: 2^64.
const END: f64 = 18_446_744_073_709_551_616.0;

/// Nanoseconds from seconds or a `timedelta`; `what` names the argument.
pub(crate) fn nanos(what: &str, given: &Bound<'_, PyAny>) -> PyResult<u64> {
    if let Ok(delta) = given.cast::<PyDelta>() {
        let seconds = i128::from(delta.get_days()) * 86_400 + i128::from(delta.get_seconds());
        let nanos = seconds * 1_000_000_000 + i128::from(delta.get_microseconds()) * 1_000;
        return u64::try_from(nanos).map_err(|_| out_of_range(what, given));
    }
    if given.is_instance_of::<pyo3::types::PyBool>() {
        return Err(no_duration(what, given));
    }
    let seconds: f64 = given.extract().map_err(|_| no_duration(what, given))?;
    let nanos = (seconds * 1e9).round();
    if !(0.0..END).contains(&nanos) {
        return Err(out_of_range(what, given));
    }
    Ok(nanos as u64)
}

fn no_duration(what: &str, given: &Bound<'_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!("{what} is a number of seconds or a timedelta, not {given:?}"))
}

fn out_of_range(what: &str, given: &Bound<'_, PyAny>) -> PyErr {
    PyValueError::new_err(format!("{what} is 0 seconds or more, not {given:?}"))
}

/// Seconds, as Python has them.
pub(crate) fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

/// A clock that moves only when it is told to.
#[pyclass(frozen, module = "fusewire.testing")]
pub(crate) struct ManualClock(pub(crate) fusewire::ManualClock);

#[pymethods]
impl ManualClock {
    #[new]
    fn new() -> Self {
        ManualClock(fusewire::ManualClock::new())
    }

    /// Moves the clock forward by seconds, or a `timedelta`.
    fn advance(&self, by: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.advance(Duration::from_nanos(nanos("by", by)?));
        Ok(())
    }

    /// Seconds since the clock's zero.
    fn now(&self) -> f64 {
        seconds(self.0.now())
    }

    fn __repr__(&self) -> String {
        format!("ManualClock({})", self.now())
    }
}
