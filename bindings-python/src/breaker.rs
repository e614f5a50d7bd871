//! A breaker as an object: the base class of `fusewire.CircuitBreaker`.

use crate::asking::{Said, level_of};
use crate::attempts::Attempts;
use crate::clock::{ManualClock, nanos};
use crate::document;
use crate::error::{invalid, of, of_config};
use crate::events;
use crate::gated::waiting;
use crate::guard::Guard;
use crate::permit::Permit;
use crate::policy;
use crate::registry::NativeRegistry;
use crate::rejection::{raise_refused, raise_refused_of};
use crate::rules::Rules;
use fusewire::binding::ForkMutex;
use fusewire::{Builder, By, CircuitBreaker, Mode, Outcome, PolicySubscription, Registry};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::time::Duration;

/// The native part of a circuit breaker.
#[pyclass(frozen, subclass, weakref, module = "fusewire._native")]
pub(crate) struct Breaker {
    pub(crate) guard: Guard,
    /// The registry that it was made in.
    registry: Option<Registry>,
    /// Logs what changes the policies, from when there are some.
    log: ForkMutex<Option<PolicySubscription>>,
}

impl Breaker {
    fn core(&self) -> &CircuitBreaker {
        &self.guard.core
    }

    /// The events of the policies are logged from now on.
    fn log_policies(&self) {
        let mut log = self.log.lock();
        if log.is_none() {
            *log = Some(self.core().subscribe_policies(policy::log));
        }
    }

    /// The same, where somebody or something may change them.
    fn log_policies_of_gates(&self) {
        if self.core().is_gated() {
            self.log_policies();
        }
    }

    /// A permit of a breaker with gates, which may wait.
    #[cold]
    fn enter<'py>(slf: Py<Self>, py: Python<'py>, asked: &Said, wait: bool) -> PyResult<Bound<'py, Permit>> {
        let handle = slf.clone_ref(py);
        let guard = &handle.get().guard;
        let (feature, asked) = (asked.feature(), guard.checked(py, asked)?);
        if wait && guard.core.may_queue() {
            let permit = Bound::new(py, Permit::later(slf, None, asked))?;
            waiting(py, "wait_here", permit.clone())?;
            return Ok(permit);
        }
        match guard.acquire_for(&asked) {
            Ok(paced) => Bound::new(py, Permit::paced(slf, None, paced)),
            Err(refused) => {
                raise_refused_of(py, slf.as_ptr(), &refused, feature);
                Err(PyErr::fetch(py))
            }
        }
    }
}

fn clock_of(options: &Bound<'_, PyDict>) -> PyResult<Option<Py<ManualClock>>> {
    let Some(given) = options.get_item("clock")? else { return Ok(None) };
    options.del_item("clock")?;
    if given.is_none() {
        return Ok(None);
    }
    match given.cast::<ManualClock>() {
        Ok(clock) => Ok(Some(clock.clone().unbind())),
        Err(_) => Err(invalid(options.py(), "clock", &given, "a fusewire.testing.ManualClock")),
    }
}

#[pymethods]
impl Breaker {
    /// `document` is JSON text or a mapping, taken as it stands; without one the keyword arguments make it.
    #[new]
    #[pyo3(signature = (name, options, document=None, registry=None))]
    fn new(
        name: &Bound<'_, PyAny>,
        options: &Bound<'_, PyDict>,
        document: Option<&Bound<'_, PyAny>>,
        registry: Option<&NativeRegistry>,
    ) -> PyResult<Self> {
        let py = name.py();
        let Ok(text) = name.cast::<PyString>() else {
            return Err(invalid(py, "name", name, "a text: CircuitBreaker('payments', failure_threshold=5)"));
        };
        let options = options.copy()?;
        let rules = Rules::take(&options)?;
        let clock = clock_of(&options)?;
        let text_of_document = match document {
            Some(document) if options.is_empty() => document::of_document(document)?,
            Some(_) => {
                return Err(invalid(
                    py,
                    "document",
                    options.as_any(),
                    "all of the document, or all keyword arguments",
                ));
            }
            None => document::of_options(&options)?,
        };
        let mut builder = Builder::from_json(&text_of_document).map_err(|e| of_config(py, &e))?;
        if let Some(clock) = clock {
            builder = builder.clock(clock.get().0.clone());
        }
        let name = text.to_str()?;
        let core = match registry {
            Some(registry) => registry.0.get_or_create(name, builder),
            None => builder.build(name),
        };
        let guard = Guard::new(core.map_err(|e| of(py, &e))?, rules);
        let registry = registry.map(|registry| registry.0.clone());
        let breaker = Breaker { guard, registry, log: ForkMutex::new(None) };
        breaker.log_policies_of_gates();
        Ok(breaker)
    }

    /// The name, for people and metrics.
    #[getter]
    fn name(&self) -> &str {
        self.core().name()
    }

    /// The name of the effective state: open past its deadline reads half_open.
    #[getter]
    fn state_name(&self) -> &'static str {
        self.core().state().name()
    }

    /// `"auto"`, `"shadow"`, `"forced_open"` or `"forced_closed"`.
    #[getter]
    fn mode(&self) -> &'static str {
        self.core().mode().name()
    }

    /// Whether its calls are asked what they matter and cost.
    #[getter(_is_gated)]
    fn is_gated(&self) -> bool {
        self.core().is_gated()
    }

    /// Whether both are the same breaker of a registry.
    fn is_same(&self, other: &Breaker) -> bool {
        self.core().is_same(other.core())
    }

    /// Asks for a permit to call; settle it once.
    ///
    /// Where calls wait in a queue, the thread waits here; in an event loop such a permit is to be awaited or entered, and
    /// asks then. With `wait=False` it never waits. `priority`: a `Priority`, its name, or a number from 0 to 100; `cost`: how much of a rate limit the call takes, from 1 up;
    /// `deadline`: an instant of the breaker's clock, as `time.monotonic()` tells it, from which on the call is of no use;
    /// `feature`: of the document's `features`, the one that the call is of; `method`, `idempotent`, `once` and `key` matter to
    /// calls that are retried or cached.
    ///
    /// Raises `CircuitOpenError`, or what extends it, when the call is turned away; `RequestError` when an argument is wrong.
    #[pyo3(signature = (*, priority=None, cost=None, deadline=None, feature=None, method=None, idempotent=None, once=None, key=None, wait=true))]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword")]
    fn acquire<'py>(
        slf: Py<Self>,
        py: Python<'py>,
        priority: Option<&Bound<'py, PyAny>>,
        cost: Option<&Bound<'py, PyAny>>,
        deadline: Option<&Bound<'py, PyAny>>,
        feature: Option<&Bound<'py, PyAny>>,
        method: Option<&Bound<'py, PyAny>>,
        idempotent: Option<&Bound<'py, PyAny>>,
        once: Option<&Bound<'py, PyAny>>,
        key: Option<&Bound<'py, PyAny>>,
        wait: bool,
    ) -> PyResult<Bound<'py, Permit>> {
        let guard = &slf.get().guard;
        let asked = Said::of([priority, cost, deadline, feature, method, idempotent, once, key])?;
        if guard.core.is_gated() || asked.matters_without_gates() {
            return Breaker::enter(slf, py, &asked, wait);
        }
        match guard.acquire() {
            Ok(slip) => Bound::new(py, Permit::new(slf, None, slip)),
            Err(refused) => {
                raise_refused(py, slf.as_ptr(), &refused);
                Err(PyErr::fetch(py))
            }
        }
    }

    /// As `acquire`, but never waits, and `None` when the call is turned away.
    #[pyo3(signature = (*, priority=None, cost=None, deadline=None, feature=None, method=None, idempotent=None, once=None, key=None))]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword")]
    fn try_acquire(
        slf: Py<Self>,
        py: Python<'_>,
        priority: Option<&Bound<'_, PyAny>>,
        cost: Option<&Bound<'_, PyAny>>,
        deadline: Option<&Bound<'_, PyAny>>,
        feature: Option<&Bound<'_, PyAny>>,
        method: Option<&Bound<'_, PyAny>>,
        idempotent: Option<&Bound<'_, PyAny>>,
        once: Option<&Bound<'_, PyAny>>,
        key: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Permit>> {
        let guard = &slf.get().guard;
        let asked = Said::of([priority, cost, deadline, feature, method, idempotent, once, key])?;
        if !guard.core.is_gated() && !asked.matters_without_gates() {
            return Ok(guard.acquire().ok().map(|slip| Permit::new(slf, None, slip)));
        }
        let asked = guard.checked(py, &asked)?;
        Ok(guard.acquire_for(&asked).ok().map(|paced| Permit::paced(slf, None, paced)))
    }

    /// Begins a call that is made step by step: retries with their waits, timeouts, and the rungs that answer when it fails.
    /// It says what is to be done, and does none of it but asking for permits. Raises `RequestError` when an argument is
    /// wrong.
    #[pyo3(signature = (*, priority=None, cost=None, deadline=None, feature=None, method=None, idempotent=None, once=None, key=None))]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword")]
    fn attempts(
        slf: Py<Self>,
        py: Python<'_>,
        priority: Option<&Bound<'_, PyAny>>,
        cost: Option<&Bound<'_, PyAny>>,
        deadline: Option<&Bound<'_, PyAny>>,
        feature: Option<&Bound<'_, PyAny>>,
        method: Option<&Bound<'_, PyAny>>,
        idempotent: Option<&Bound<'_, PyAny>>,
        once: Option<&Bound<'_, PyAny>>,
        key: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Attempts> {
        let said = Said::of([priority, cost, deadline, feature, method, idempotent, once, key])?;
        Attempts::begin(py, slf, None, said)
    }

    /// Whether a call may be more than one attempt, or answered by another.
    #[getter(_has_course)]
    fn has_course(&self) -> bool {
        self.core().has_course()
    }

    /// The names of the rungs that answer when a call does not, in their order.
    #[getter(_rungs)]
    fn rungs(&self) -> Vec<String> {
        self.core().rungs().iter().map(ToString::to_string).collect()
    }

    /// Reports how much of the host's resources is used, 0 to 1, for retries whose backoff is `"resource_sensitive"`. Raises
    /// `ConfigError` when it is no share.
    fn set_utilisation(&self, py: Python<'_>, to: f64) -> PyResult<()> {
        self.core().set_utilisation(to).map_err(|e| of_config(py, &e))
    }

    /// Records the outcome of a call that asked for no permit, a success or what `error` counts as: while closed it
    /// counts like any other, otherwise in the totals only.
    #[pyo3(signature = (error=None))]
    fn record(&self, error: Option<&Bound<'_, PyAny>>) {
        match error {
            None => self.core().record(Outcome::Success, None),
            Some(error) => self.guard.record_error(error),
        };
    }

    /// Records a failure of a call that asked for no permit, whatever the rules say, counted under `error_type`.
    #[pyo3(signature = (error_type=None))]
    fn record_failed(&self, error_type: Option<&str>) {
        self.core().record(Outcome::Failure, error_type);
    }

    /// Opens the breaker from any state: for `duration` seconds (1 ms to 168 h) or, without one, for as long as an
    /// opening lasts now. Raises `ConfigError` when it is out of range.
    #[pyo3(signature = (duration=None, *, actor=None, reason=None))]
    fn trip(
        &self,
        py: Python<'_>,
        duration: Option<&Bound<'_, PyAny>>,
        actor: Option<&str>,
        reason: Option<&str>,
    ) -> PyResult<()> {
        let by = By::parts(actor, reason);
        match duration {
            Some(text) if text.is_instance_of::<PyString>() => {
                self.core().trip_for(text.cast::<PyString>()?.to_str()?, &by).map_err(|e| of_config(py, &e))
            }
            Some(given) => {
                let duration = Duration::from_nanos(nanos("duration", given)?);
                self.core().trip(Some(duration), by).map_err(|e| of_config(py, &e))
            }
            None => self.core().trip(None, by).map_err(|e| of_config(py, &e)),
        }
    }

    /// Lets the next calls probe, from any state.
    #[pyo3(signature = (*, actor=None, reason=None))]
    fn half_open(&self, actor: Option<&str>, reason: Option<&str>) {
        self.core().half_open(By::parts(actor, reason));
    }

    /// Closes the breaker, from any state, and ends the row of openings.
    #[pyo3(signature = (*, actor=None, reason=None))]
    fn reset(&self, actor: Option<&str>, reason: Option<&str>) {
        self.core().reset(By::parts(actor, reason));
    }

    /// Sets the mode: `"auto"`, `"shadow"`, `"forced_open"` or `"forced_closed"`. Setting the one that is set does
    /// nothing. Raises `ConfigError` when there is no such mode.
    #[pyo3(signature = (mode, *, actor=None, reason=None))]
    fn set_mode(&self, mode: &Bound<'_, PyAny>, actor: Option<&str>, reason: Option<&str>) -> PyResult<()> {
        let wanted = mode.cast::<PyString>().ok().map(|text| text.to_string_lossy().into_owned());
        let found = wanted.and_then(|wanted| Mode::ALL.into_iter().find(|m| m.name() == wanted));
        let Some(found) = found else {
            let names: Vec<String> = Mode::ALL.iter().map(|m| format!("'{}'", m.name())).collect();
            return Err(invalid(mode.py(), "mode", mode, &names.join(", ")));
        };
        self.core().set_mode(found, By::parts(actor, reason));
        Ok(())
    }

    /// Sets the lowest level that is let in; whether it is another. It holds until a document says another one. Raises
    /// `RequestError` for no level, and `ConfigError` when the document has no `priority`.
    #[pyo3(signature = (to, *, actor=None, reason=None))]
    fn set_min_priority(
        &self,
        to: &Bound<'_, PyAny>,
        actor: Option<&str>,
        reason: Option<&str>,
    ) -> PyResult<bool> {
        let level = level_of(to)?;
        self.by_hand(to.py(), || self.core().set_min_priority(level, By::parts(actor, reason)))
    }

    /// Replaces the bulkhead's table of slots and grants what has become free; whether it is another.
    #[pyo3(name = "_set_slots")]
    fn set_slots(
        &self,
        py: Python<'_>,
        table: &Bound<'_, PyDict>,
        actor: Option<&str>,
        reason: Option<&str>,
    ) -> PyResult<bool> {
        let table = document::of_options(table)?;
        self.by_hand(py, || self.core().set_slots_json(&table, &By::parts(actor, reason)))
    }

    /// Sets the rate of a token or leaky bucket, in calls a second, or the limit of a window; whether it is another. It
    /// holds until a document says another one. Raises `ConfigError`.
    #[pyo3(signature = (to, *, actor=None, reason=None))]
    fn set_rate(&self, py: Python<'_>, to: f64, actor: Option<&str>, reason: Option<&str>) -> PyResult<bool> {
        self.by_hand(py, || self.core().set_rate(to, By::parts(actor, reason)))
    }

    /// Sets the concurrency limit, from which it goes on to find itself; whether it is another. Raises `ConfigError`.
    #[pyo3(signature = (to, *, actor=None, reason=None))]
    fn set_limit(
        &self,
        py: Python<'_>,
        to: u64,
        actor: Option<&str>,
        reason: Option<&str>,
    ) -> PyResult<bool> {
        self.by_hand(py, || self.core().set_limit(to, By::parts(actor, reason)))
    }

    /// Ends the breaker's life: whoever comes or waits is turned away with the reason `closed`. Calls in flight settle.
    /// Whether it lived.
    #[pyo3(signature = (*, actor=None, reason=None))]
    fn close(&self, actor: Option<&str>, reason: Option<&str>) -> bool {
        self.log_policies();
        self.core().close(By::parts(actor, reason))
    }

    /// Carries out what is due without asking for a permit.
    fn poll(&self) {
        self.core().poll();
    }

    /// Swaps the rules of the machine for those of a document; `False` when they are the same.
    #[pyo3(name = "_reconfigure")]
    fn reconfigure(
        &self,
        py: Python<'_>,
        options: &Bound<'_, PyDict>,
        document: Option<&Bound<'_, PyAny>>,
        actor: Option<&str>,
        reason: Option<&str>,
    ) -> PyResult<bool> {
        let text = document.map_or_else(|| document::of_options(options), document::of_document)?;
        let document = Builder::from_json(&text).map_err(|e| of_config(py, &e))?;
        let (core, by) = (self.core(), By::parts(actor, reason));
        // A registry knows whom its breakers fall back to.
        let home =
            self.registry.as_ref().filter(|home| home.get(core.name()).is_some_and(|b| b.is_same(core)));
        let changed = match home {
            Some(home) => home.reconfigure(core.name(), document, by).map_err(|e| of(py, &e))?,
            None => core.reconfigure(document, by).map_err(|e| of_config(py, &e))?,
        };
        self.log_policies_of_gates();
        Ok(changed)
    }

    /// The places of cached values that are of no use any more: the epoch, those below the end, and the end; `None` without a
    /// cache: all of them.
    #[pyo3(name = "_cache_vacant")]
    fn cache_vacant(&self) -> Option<(u64, Vec<u32>, u32)> {
        self.core().cache_vacant().map(|vacant| (vacant.epoch, vacant.places, vacant.end))
    }

    /// Raises `ConfigError` when a rung may not go through this breaker: it is one of those that are in the middle of asking
    /// a rung in the same call.
    #[pyo3(name = "_check_descent")]
    fn check_descent(&self, py: Python<'_>, asking: Vec<PyRef<'_, Breaker>>) -> PyResult<()> {
        let asking: Vec<_> = asking.iter().map(|breaker| breaker.core().clone()).collect();
        self.core().check_descent(&asking).map_err(|e| of_config(py, &e))
    }

    /// The configuration with its defaults filled in, as JSON text.
    fn document(&self) -> String {
        self.core().document()
    }

    /// Its metrics as OpenMetrics 1.0 text.
    fn metrics(&self) -> String {
        fusewire::render(&mut [self.core().snapshot()])
    }

    /// The snapshot as a dict, in nanoseconds.
    #[pyo3(name = "_snapshot")]
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        document::to_python(py, &fusewire::json(&self.core().snapshot()))
    }

    /// Calls `fusewire._events.deliver(listeners, event)` for each transition from now on, as long as the breaker
    /// lives.
    fn listen(&self, listeners: Py<PyAny>) {
        self.core().subscribe(move |event| events::deliver(&listeners, event)).detach();
    }

    /// Calls `fusewire._events.deliver_policy(listeners, event)` for each change of the policies from now on.
    fn listen_policies(&self, listeners: Py<PyAny>) {
        self.core().subscribe_policies(move |event| policy::deliver(&listeners, event)).detach();
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.guard.visit(&visit)
    }
}

impl Breaker {
    /// A change by hand, which is logged.
    fn by_hand(
        &self,
        py: Python<'_>,
        change: impl FnOnce() -> Result<bool, fusewire::ConfigError>,
    ) -> PyResult<bool> {
        self.log_policies_of_gates();
        change().map_err(|e| of_config(py, &e))
    }
}
