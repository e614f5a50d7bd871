//! A registry: names and their breakers.

use crate::body::Setting;
use crate::breaker::CircuitBreaker;
use crate::clock::{Clock, Nanos, Source, nanos};
use crate::config::{self, Builder};
use crate::error::{ConfigError, Error};
use crate::event::By;
use crate::fork;
use crate::histogram::DURATION_BOUNDS;
use crate::metrics;
use crate::name::Name;
use crate::snapshot::Snapshot;
use papaya::{HashMap, HashMapRef, LocalGuard};
use std::fmt;
use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

/// Maps a name to its breaker. Clones are the same registry.
///
/// ```
/// use fusewire::{CircuitBreaker, Registry};
///
/// let registry = Registry::new();
/// let breaker = registry.get_or_create("payments", CircuitBreaker::builder().failure_threshold(3))?;
/// let _ = breaker.call(|| Ok::<_, std::io::Error>(()));
/// assert!(registry.metrics().contains(r#"circuit_breaker_requests_total{service="payments",status="success"} 1"#));
/// # Ok::<(), fusewire::Error>(())
/// ```
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

type Map<'a> = HashMapRef<'a, Name, CircuitBreaker, RandomState, LocalGuard<'a>>;

struct Inner {
    breakers: HashMap<Name, CircuitBreaker>,
    /// `None`: the system's clock and the usual bounds.
    setting: Option<Arc<Setting>>,
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Registry {
    /// An empty registry on the system's clock.
    pub fn new() -> Self {
        Self::with(None)
    }

    /// An empty registry whose breakers all have that clock, unless a builder sets another.
    pub fn with_clock(clock: impl Clock) -> Self {
        Self::with(Some(Setting { clock: Source::Other(Arc::new(clock)), bounds: DURATION_BOUNDS.into() }))
    }

    fn with(setting: Option<Setting>) -> Self {
        Registry(Arc::new(Inner { breakers: HashMap::new(), setting: setting.map(Arc::new) }))
    }

    /// An empty registry whose histograms of call durations have these upper bounds.
    ///
    /// # Errors
    /// When there are none, more than 64, or they do not ascend.
    pub fn with_duration_bounds(bounds: &[Duration]) -> Result<Self, ConfigError> {
        let bounds = check_bounds(bounds.iter().copied().map(nanos).collect())?;
        Ok(Self::with(Some(Setting { clock: Source::System, bounds })))
    }

    /// An empty registry with either, both or neither, for the packages of other languages.
    ///
    /// # Errors
    /// As for `with_duration_bounds`.
    #[cfg(feature = "binding")]
    #[doc(hidden)]
    pub fn with_clock_and_bounds(
        clock: Option<impl Clock>,
        bounds: Option<&[Nanos]>,
    ) -> Result<Self, ConfigError> {
        if clock.is_none() && bounds.is_none() {
            return Ok(Self::new());
        }
        let clock = clock.map_or(Source::System, |clock| Source::Other(Arc::new(clock)));
        let bounds = bounds.map_or(Ok(DURATION_BOUNDS.into()), |bounds| check_bounds(bounds.into()))?;
        Ok(Self::with(Some(Setting { clock, bounds })))
    }

    /// What the map does it does in a hold: it has a lock for its tables, and a thread that is left behind in it would
    /// keep what is removed from ever being freed.
    #[inline]
    fn with_map<R>(&self, f: impl FnOnce(&Map<'_>) -> R) -> R {
        let _hold = fork::hold();
        f(&self.0.breakers.pin())
    }

    /// The breaker of that name, built if there is none. Every thread gets the same one.
    ///
    /// # Errors
    /// When the name or the document is not allowed (a fallback that leads back to this breaker over others of the
    /// registry is not), or when the breaker exists with another document.
    pub fn get_or_create(&self, name: &str, document: Builder) -> Result<CircuitBreaker, Error> {
        if let Some(breaker) = self.get(name) {
            return same_plan(breaker, &document.plan_of(name)?);
        }
        let plan = self.plan_of(name, &document)?;
        let setting = match (&document.clock, &self.0.setting) {
            (Source::System, setting) => setting.clone(),
            (clock, setting) => {
                let bounds = setting.as_ref().map_or(DURATION_BOUNDS.into(), |s| s.bounds.clone());
                Some(Arc::new(Setting { clock: clock.clone(), bounds }))
            }
        };
        let new = document.build_with(name, setting)?;
        let breaker = self.with_map(|map| map.get_or_insert(new.0.name.clone(), new).clone());
        same_plan(breaker, &plan)
    }

    /// The plan of the breaker of that name; an error when its fallbacks lead back to it over breakers that are here.
    fn plan_of(&self, name: &str, document: &Builder) -> Result<config::Plan, ConfigError> {
        document.plan_among(name, |other| Some(Arc::clone(self.get(other)?.0.engine().plan())))
    }

    /// As [`get_or_create`](Registry::get_or_create), from a JSON document.
    ///
    /// # Errors
    /// As there.
    pub fn get_or_create_json(&self, name: &str, document: &str) -> Result<CircuitBreaker, Error> {
        self.get_or_create(name, Builder::from_json(document)?)
    }

    /// The breaker of that name.
    pub fn get(&self, name: &str) -> Option<CircuitBreaker> {
        self.with_map(|map| map.get(name).cloned())
    }

    /// Swaps the rules of the breaker of that name; the same rules do nothing, and answer `false`. The clock stays.
    ///
    /// # Errors
    /// When there is no such breaker or the document is not allowed; nothing has changed then.
    pub fn reconfigure(&self, name: &str, document: Builder, by: By) -> Result<bool, Error> {
        let plan = self.plan_of(name, &document)?;
        let breaker = self.get(name).ok_or_else(|| Error::Unknown { name: name.to_owned() })?;
        Ok(breaker.0.reconfigure(config::intern(plan), &by))
    }

    /// Takes the breaker out of the registry, and out of its metrics. Calls in flight settle harmlessly.
    pub fn remove(&self, name: &str) -> Option<CircuitBreaker> {
        self.with_map(|map| map.remove(name).cloned())
    }

    /// How many breakers there are.
    pub fn len(&self) -> usize {
        self.0.breakers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All breakers, in no order.
    pub fn breakers(&self) -> Vec<CircuitBreaker> {
        self.with_map(|map| map.values().cloned().collect())
    }

    /// Snapshots of all breakers, sorted by name.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        let mut all: Vec<Snapshot> = self.breakers().iter().map(CircuitBreaker::snapshot).collect();
        all.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        all
    }

    /// The metrics of all breakers as OpenMetrics 1.0 text.
    pub fn metrics(&self) -> String {
        metrics::render(&mut self.snapshots())
    }
}

fn check_bounds(bounds: Box<[Nanos]>) -> Result<Box<[Nanos]>, ConfigError> {
    if bounds.is_empty() || bounds.len() > 64 || !bounds.is_sorted_by(|a, b| a < b) {
        let allowed = "1 to 64 durations, ascending";
        return Err(ConfigError::new("duration_bounds", format!("{bounds:?}"), allowed));
    }
    Ok(bounds)
}

fn same_plan(breaker: CircuitBreaker, plan: &config::Plan) -> Result<CircuitBreaker, Error> {
    if *breaker.0.engine().plan().as_ref() == *plan {
        return Ok(breaker);
    }
    Err(Error::Conflict {
        name: breaker.name().to_owned(),
        existing: breaker.document(),
        requested: config::document(plan),
    })
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("breakers", &self.len()).finish_non_exhaustive()
    }
}
