//! The core's registry: names, metrics, documents. `fusewire._registry` keeps the objects.

use crate::clock::{ManualClock, nanos};
use crate::error::{of, of_config};
use fusewire::Registry;
use pyo3::prelude::*;
use std::time::Duration;

/// The core's registry.
#[pyclass(frozen, module = "fusewire._native")]
pub(crate) struct NativeRegistry(pub(crate) Registry);

#[pymethods]
impl NativeRegistry {
    #[new]
    #[pyo3(signature = (clock=None, duration_bounds=None))]
    fn new(
        py: Python<'_>,
        clock: Option<&ManualClock>,
        duration_bounds: Option<Vec<Bound<'_, PyAny>>>,
    ) -> PyResult<Self> {
        if let Some(bounds) = duration_bounds {
            let bounds = bounds.iter().map(|b| nanos("duration_bounds", b).map(Duration::from_nanos));
            let bounds: Vec<Duration> = bounds.collect::<PyResult<_>>()?;
            return Registry::with_duration_bounds(&bounds)
                .map(NativeRegistry)
                .map_err(|e| of_config(py, &e));
        }
        Ok(NativeRegistry(clock.map_or_else(Registry::new, |clock| Registry::with_clock(clock.0.clone()))))
    }

    /// Raises `UnknownBreakerError` unless there is a breaker of that name.
    fn require(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        let unknown = || fusewire::Error::Unknown { name: name.to_owned() };
        self.0.get(name).map(drop).ok_or_else(|| of(py, &unknown()))
    }

    /// Takes a breaker out; whether there was one.
    fn remove(&self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    /// The metrics of all breakers as OpenMetrics text.
    fn metrics(&self) -> String {
        self.0.metrics()
    }
}
