//! Rust's way to write the cache, hedges and features.

use super::keys;
use crate::config::value::Value;
use crate::config::write::{duration as length, text, whole, with};
use std::time::Duration;

/// Which values of earlier calls may answer; see [`Builder::cache`](crate::Builder::cache). Only calls that name a key.
///
/// ```
/// use fusewire::{Cache, CircuitBreaker};
/// use std::time::Duration;
///
/// let cache = Cache::on_failure().ttl(Duration::from_secs(60)).max_entries(1_000);
/// let breaker = CircuitBreaker::builder().cache(cache).build("prices")?;
/// # Ok::<(), fusewire::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cache(Value);

impl Cache {
    fn of_mode(mode: &str) -> Self {
        Cache(with(Value::table(), keys::CACHE_MODE, text(mode)))
    }

    fn with(self, key: &str, value: Value) -> Self {
        Cache(with(self.0, key, value))
    }

    /// A value answers a failure, before anything else of the [`Fallback`](crate::Fallback).
    pub fn on_failure() -> Self {
        Self::of_mode(keys::CACHE_MODES[0])
    }

    /// A fresh value answers before the call, a stale one a failure.
    pub fn read_through() -> Self {
        Self::of_mode(keys::CACHE_MODES[1])
    }

    /// How long a value is fresh: 1 ms to 168 h, default 300 s.
    pub fn ttl(self, d: Duration) -> Self {
        self.with(keys::TTL.key, length(d))
    }

    /// How long after that a stale value may answer a failure: 0 to 168 h, default 1 h.
    pub fn stale_ttl(self, d: Duration) -> Self {
        self.with(keys::STALE_TTL.key, length(d))
    }

    /// How many values are kept: 1 to 1,000,000, default 10,000.
    pub fn max_entries(self, n: u32) -> Self {
        self.with(keys::MAX_ENTRIES.key, whole(n))
    }

    /// Whether concurrent calls of one key make one attempt; default: no.
    pub fn coalesce(self, is: bool) -> Self {
        self.with(keys::COALESCE, Value::Bool(is))
    }

    pub(crate) fn into_value(self) -> Value {
        self.0
    }
}

/// When another attempt begins beside one that takes long; see [`Builder::hedge`](crate::Builder::hedge).
#[derive(Clone, Debug)]
pub struct Hedge(Value);

impl Default for Hedge {
    fn default() -> Self {
        Hedge(Value::table())
    }
}

impl Hedge {
    /// Every key at its default: one more attempt after 100 ms.
    pub fn new() -> Self {
        Self::default()
    }

    fn with(self, key: &str, value: Value) -> Self {
        Hedge(with(self.0, key, value))
    }

    /// Another begins after this long: 1 ms to 1 h.
    pub fn after(d: Duration) -> Self {
        Self::new().with(keys::AFTER.key, length(d))
    }

    /// Another begins after the 95th percentile of the durations of the last 100 first attempts.
    pub fn p95() -> Self {
        Self::new().with(keys::AFTER.key, text(keys::AFTER_P95))
    }

    /// How many attempts may begin beside one: 1 to 10, default 1.
    pub fn max(self, n: u32) -> Self {
        self.with(keys::HEDGE_MAX.key, whole(n))
    }

    pub(crate) fn into_value(self) -> Value {
        self.0
    }
}

/// A part of a service that recovers, and is turned off, by itself; see [`Builder::feature`](crate::Builder::feature).
///
/// ```
/// use fusewire::{CircuitBreaker, Feature};
///
/// let breaker = CircuitBreaker::builder()
///     .feature("login", Feature::new().priority(100).required(true))
///     .feature("search", Feature::new().requires(["login"]).min_health(0.9))
///     .build("shop")?;
/// # Ok::<(), fusewire::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Feature(Value);

impl Default for Feature {
    fn default() -> Self {
        Feature(Value::table())
    }
}

impl Feature {
    /// Every key at its default.
    pub fn new() -> Self {
        Self::default()
    }

    fn with(self, key: &str, value: Value) -> Self {
        Feature(with(self.0, key, value))
    }

    /// Features of a higher priority recover first: 0 to 1,000, default 50.
    pub fn priority(self, n: u32) -> Self {
        self.with(keys::FEATURE_PRIORITY.key, whole(n))
    }

    /// The features without which this one does not work; default: none. They make no cycle.
    pub fn requires<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        let names = names.into_iter().map(|name| Value::Text(name.into()));
        self.with(keys::REQUIRES, Value::List(names.collect()))
    }

    /// The share of successes that passes a test: (0, 1], default 0.8. Below 0.7 of it the feature is turned off.
    pub fn min_health(self, share: f64) -> Self {
        self.with(keys::MIN_HEALTH.key, Value::Float(share))
    }

    /// How long a test takes: 1 ms to 168 h, default 30 s.
    pub fn test_duration(self, d: Duration) -> Self {
        self.with(keys::TEST_DURATION.key, length(d))
    }

    /// Calls below which no health is judged: 1 to 50, default 5.
    pub fn min_calls(self, n: u32) -> Self {
        self.with(keys::MIN_CALLS.key, whole(n))
    }

    /// Whether its failed test ends the recovery of all features and opens the breaker; default: no.
    pub fn required(self, is: bool) -> Self {
        self.with(keys::REQUIRED, Value::Bool(is))
    }

    pub(crate) fn into_value(self) -> Value {
        self.0
    }
}
