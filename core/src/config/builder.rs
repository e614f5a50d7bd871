//! Rust's way to write the document: a builder that knows names and no defaults.

use super::admission::builder::{Bulkhead, ConcurrencyLimit, PriorityPolicy, RateLimit};
use super::admission::keys as gates;
use super::policy::beside::{Cache, Feature, Hedge};
use super::policy::builder::{Fallback, Retry, Timeout};
use super::policy::keys as policies;
use super::value::Value;
use super::write::{duration as length, whole, with};
use super::{Plan, keys, parse, plan};
use crate::clock::{Clock, Source};
use crate::error::ConfigError;
use crate::word::Mode;
use std::sync::Arc;
use std::time::Duration;

/// Builds a breaker's configuration document. What is not called is left out and takes its default; what is wrong is
/// found when the breaker is built.
///
/// ```
/// use fusewire::{Backoff, CircuitBreaker, Window};
/// use std::time::Duration;
///
/// let breaker = CircuitBreaker::builder()
///     .window(Window::time(Duration::from_secs(30)).failure_rate(0.25))
///     .recovery_timeout(Duration::from_secs(5))
///     .backoff(Backoff::exponential().jitter(0.2))
///     .build("payments")?;
/// # Ok::<(), fusewire::Error>(())
/// ```
#[derive(Clone)]
pub struct Builder {
    pub(crate) document: Value,
    pub(crate) clock: Source,
    #[cfg(feature = "binding")]
    pub(crate) memory: Option<Arc<dyn crate::side::CellMemory>>,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            document: Value::table(),
            clock: Source::System,
            #[cfg(feature = "binding")]
            memory: None,
        }
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Builder").field(&self.document.to_string()).finish()
    }
}

impl Builder {
    /// Starts from a JSON document; later calls replace its keys.
    ///
    /// # Errors
    /// When the text is no JSON object. Its keys are checked when the breaker is built.
    pub fn from_json(json: &str) -> Result<Self, ConfigError> {
        match parse(json)? {
            document @ Value::Table(_) => Ok(Builder { document, ..Builder::default() }),
            other => Err(ConfigError::new("", other.to_string(), "a JSON object")),
        }
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.document.set(key, value);
        self
    }

    /// Consecutive failures that open the breaker: 1 to 1,000,000, default 5. Not beside [`window`](Builder::window).
    pub fn failure_threshold(self, n: u32) -> Self {
        self.with(keys::FAILURE_THRESHOLD.key, whole(n))
    }

    /// Judges by rates over a window instead of by consecutive failures.
    pub fn window(self, window: Window) -> Self {
        self.with(keys::WINDOW, window.0)
    }

    /// A call that took at least this long is slow: 1 ms to 168 h, default: none is.
    pub fn slow_call_duration(self, d: Duration) -> Self {
        self.with(keys::SLOW_CALL_DURATION.key, length(d))
    }

    /// Times the first and then every n-th call of a thread: 0 (none) to 1,000,000, default 16; 1, and nothing else,
    /// beside `slow_call_duration` or `cancelled_after`.
    pub fn sample_durations_every(self, n: u32) -> Self {
        self.with(keys::SAMPLE_DURATIONS_EVERY.key, whole(n))
    }

    /// A call cancelled or dropped after at least this long is a failure: 1 ms to 168 h, default
    /// `slow_call_duration`.
    pub fn cancelled_after(self, d: Duration) -> Self {
        self.with(keys::CANCELLED_AFTER.key, length(d))
    }

    /// How long open lasts: 1 ms to 168 h, default 60 s.
    pub fn recovery_timeout(self, d: Duration) -> Self {
        self.with(keys::RECOVERY_TIMEOUT.key, length(d))
    }

    /// How repeated openings lengthen `recovery_timeout`; default: not at all.
    pub fn backoff(self, backoff: Backoff) -> Self {
        self.with(keys::BACKOFF, backoff.0)
    }

    /// How many probes decide in half-open: 1 to 64, default 3.
    pub fn half_open_max_calls(self, n: u32) -> Self {
        self.with(keys::HALF_OPEN_MAX_CALLS.key, whole(n))
    }

    /// How many probes run at the same time: 1 to `half_open_max_calls`, which is the default.
    pub fn half_open_concurrency(self, n: u32) -> Self {
        self.with(keys::HALF_OPEN_CONCURRENCY.key, whole(n))
    }

    /// Successful probes that close the breaker: 1 to `half_open_max_calls`, which is the default.
    pub fn success_threshold(self, n: u32) -> Self {
        self.with(keys::SUCCESS_THRESHOLD.key, whole(n))
    }

    /// How long one probe may take: 1 ms to 168 h, default `recovery_timeout`.
    pub fn half_open_timeout(self, d: Duration) -> Self {
        self.with(keys::HALF_OPEN_TIMEOUT.key, length(d))
    }

    /// Admits a growing share of the calls after the probes, before closing.
    pub fn ramp(self, ramp: Ramp) -> Self {
        self.with(keys::RAMP, ramp.0)
    }

    /// The initial mode, default `auto`.
    pub fn mode(self, mode: Mode) -> Self {
        self.with(keys::MODE, Value::Text(mode.name().to_owned()))
    }

    /// Seed of the jitter: 0 to 2^53 - 1, default random.
    pub fn seed(self, seed: u64) -> Self {
        self.with(keys::SEED.key, whole(seed))
    }

    /// How many calls are admitted in a time; default: any number.
    pub fn rate_limit(self, limit: RateLimit) -> Self {
        self.with(gates::RATE_LIMIT, limit.into_value())
    }

    /// What calls of each level of [`Priority`](crate::Priority) may do; default: everything.
    pub fn priority(self, policy: PriorityPolicy) -> Self {
        self.with(gates::PRIORITY, policy.into_value())
    }

    /// At most so many calls at the same time; default: any number. Not beside
    /// [`concurrency_limit`](Builder::concurrency_limit).
    pub fn bulkhead(self, bulkhead: Bulkhead) -> Self {
        self.with(gates::BULKHEAD, bulkhead.into_value())
    }

    /// At most so many calls at the same time as the service is seen to bear; default: any number. Not beside
    /// [`bulkhead`](Builder::bulkhead).
    pub fn concurrency_limit(self, limit: ConcurrencyLimit) -> Self {
        self.with(gates::CONCURRENCY_LIMIT, limit.into_value())
    }

    /// How long a call may take: a duration, 1 ms to 24 h, or what the calls' durations make of it; default: any time.
    pub fn timeout(self, timeout: impl Into<Timeout>) -> Self {
        self.with(policies::TIMEOUT.key, timeout.into().into_value())
    }

    /// Whether and when a call that failed is tried once more; default: never.
    pub fn retry(self, retry: Retry) -> Self {
        self.with(policies::RETRY, retry.into_value())
    }

    /// What answers, in this order, when the call does not: 1 to 16 of them; default: nothing.
    pub fn fallback(self, fallback: impl Into<Fallback>) -> Self {
        self.with(policies::FALLBACK, fallback.into().into_value())
    }

    /// Which values of earlier calls may answer; default: none.
    pub fn cache(self, cache: Cache) -> Self {
        self.with(policies::CACHE, cache.into_value())
    }

    /// When another attempt begins beside one that takes long; default: never. Async calls only.
    pub fn hedge(self, hedge: Hedge) -> Self {
        self.with(policies::HEDGE, hedge.into_value())
    }

    /// A feature of the service, which recovers and is turned off by itself: a name of 1 to 64 bytes without control
    /// characters, at most 64 of them. Takes the place of one of the same name.
    pub fn feature(self, name: &str, feature: Feature) -> Self {
        let features = match self.document.find(policies::FEATURES) {
            Some(features @ Value::Table(_)) => features.clone(),
            _ => Value::table(),
        };
        self.with(policies::FEATURES, with(features, name, feature.into_value()))
    }

    /// The clock, default [`SystemClock`](crate::SystemClock). Not a key of the document.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Source::Other(Arc::new(clock));
        self
    }

    /// The document as JSON, as it was written: without defaults.
    pub fn to_json(&self) -> String {
        self.document.to_string()
    }

    pub(crate) fn plan(&self) -> Result<Plan, ConfigError> {
        plan(&self.document)
    }

    /// The plan of the breaker of that name, which is no fallback of its own.
    pub(crate) fn plan_of(&self, name: &str) -> Result<Plan, ConfigError> {
        self.plan_among(name, |_| None)
    }

    /// The same among breakers whose plans are known: nor is it one over them.
    pub(crate) fn plan_among(
        &self,
        name: &str,
        find: impl Fn(&str) -> Option<Arc<Plan>>,
    ) -> Result<Plan, ConfigError> {
        let plan = self.plan()?;
        super::check_rungs(&plan, name, find)?;
        Ok(plan)
    }
}

/// A window that judges by rates; see [`Builder::window`].
#[derive(Clone, Debug)]
pub struct Window(Value);

impl Window {
    fn of_kind(kind: &str) -> Self {
        Window(Value::Table(vec![(keys::KIND.to_owned(), Value::Text(kind.to_owned()))]))
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.0.set(key, value);
        self
    }

    /// The last `size` outcomes: 1 to 65,535.
    pub fn count(size: u32) -> Self {
        Self::of_kind("count").with(keys::SIZE.key, whole(size))
    }

    /// The outcomes of the last `period`: 1 s to 24 h.
    pub fn time(period: Duration) -> Self {
        Self::of_kind("time").with(keys::PERIOD.key, length(period))
    }

    /// Like [`time`](Window::time), with a threshold that follows the service's own history.
    pub fn adaptive(period: Duration) -> Self {
        Self::of_kind("adaptive").with(keys::PERIOD.key, length(period))
    }

    /// Into how many buckets the period is divided: 1 to 60, default 10.
    pub fn buckets(self, n: u32) -> Self {
        self.with(keys::BUCKETS.key, whole(n))
    }

    /// Outcomes below which no rate is judged: 1 to 1,000,000, default 20; at most `size` in a count window.
    pub fn min_calls(self, n: u32) -> Self {
        self.with(keys::MIN_CALLS.key, whole(n))
    }

    /// Share of failures that opens: (0, 1], default 0.5.
    pub fn failure_rate(self, share: f64) -> Self {
        self.with(keys::FAILURE_RATE.key, Value::Float(share))
    }

    /// Share of slow calls that opens: (0, 1]. Needs `slow_call_duration`.
    pub fn slow_call_rate(self, share: f64) -> Self {
        self.with(keys::SLOW_CALL_RATE.key, Value::Float(share))
    }

    /// Adaptive: failures below which it does not open: 1 to 1,000,000, default 5.
    pub fn min_failures(self, n: u32) -> Self {
        self.with(keys::MIN_FAILURES.key, whole(n))
    }

    /// Adaptive: least threshold, (0, failure_rate], default 0.05.
    pub fn floor(self, share: f64) -> Self {
        self.with(keys::FLOOR.key, Value::Float(share))
    }

    /// Adaptive: how many standard deviations above the learned share the threshold lies, 1 to 10, default 3.
    pub fn sensitivity(self, factor: f64) -> Self {
        self.with(keys::SENSITIVITY.key, Value::Float(factor))
    }

    /// Adaptive: the learned share at first, [0, failure_rate], default 0.01.
    pub fn baseline(self, share: f64) -> Self {
        self.with(keys::BASELINE.key, Value::Float(share))
    }

    /// Adaptive: over how many calls the learned share forgets: 1 to 1,000,000, default 1,000.
    pub fn memory_calls(self, n: u32) -> Self {
        self.with(keys::MEMORY_CALLS.key, whole(n))
    }
}

/// How repeated openings lengthen the first duration; see [`Builder::backoff`].
#[derive(Clone, Debug)]
pub struct Backoff(Value);

impl Backoff {
    fn of_kind(kind: &str) -> Self {
        Backoff(Value::Table(vec![(keys::KIND.to_owned(), Value::Text(kind.to_owned()))]))
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.0.set(key, value);
        self
    }

    /// Always `recovery_timeout`.
    pub fn fixed() -> Self {
        Self::of_kind("fixed")
    }

    /// k times `recovery_timeout` for the k-th opening in a row.
    pub fn linear() -> Self {
        Self::of_kind("linear")
    }

    /// Each opening [`multiplier`](Backoff::multiplier) times as long as the one before.
    pub fn exponential() -> Self {
        Self::of_kind("exponential")
    }

    /// `recovery_timeout` times 1, 1, 2, 3, 5, …
    pub fn fibonacci() -> Self {
        Self::of_kind("fibonacci")
    }

    /// Random between `recovery_timeout` and three times the previous duration.
    pub fn decorrelated_jitter() -> Self {
        Self::of_kind("decorrelated_jitter")
    }

    /// The longest duration: `recovery_timeout` to 1680 h, default 10 times `recovery_timeout`. Not for `fixed`.
    pub fn max(self, d: Duration) -> Self {
        self.with(keys::BACKOFF_MAX.key, length(d))
    }

    /// Factor from one opening to the next: 1 to 100, default 2. For `exponential`.
    pub fn multiplier(self, factor: f64) -> Self {
        self.with(keys::MULTIPLIER.key, Value::Float(factor))
    }

    /// A closed spell at least this long starts the row afresh: 1 ms to 168 h, default `recovery_timeout`.
    pub fn reset_after(self, d: Duration) -> Self {
        self.with(keys::RESET_AFTER.key, length(d))
    }

    /// j: multiplies the duration by a random factor in [1 - j, 1 + j): [0, 1], default 0.
    pub fn jitter(self, j: f64) -> Self {
        self.with(keys::JITTER.key, Value::Float(j))
    }
}

/// Gradual recovery; see [`Builder::ramp`].
#[derive(Clone, Debug)]
pub struct Ramp(Value);

impl Default for Ramp {
    fn default() -> Self {
        Ramp(Value::table())
    }
}

impl Ramp {
    /// A ramp with every key at its default.
    pub fn new() -> Self {
        Self::default()
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.0.set(key, value);
        self
    }

    /// Share of the calls that the first step admits: (0, 1), default 0.1.
    pub fn initial(self, share: f64) -> Self {
        self.with(keys::RAMP_INITIAL.key, Value::Float(share))
    }

    /// By how much the share grows from step to step: (0, 1], default 0.1.
    pub fn step(self, share: f64) -> Self {
        self.with(keys::RAMP_STEP.key, Value::Float(share))
    }

    /// Settled calls that pass a step: 1 to 1,000,000, default 10.
    pub fn window_calls(self, n: u32) -> Self {
        self.with(keys::RAMP_WINDOW_CALLS.key, whole(n))
    }

    /// Share of `window_calls` that may fail in a step: [0, 1), default 0.1.
    pub fn max_failure_rate(self, share: f64) -> Self {
        self.with(keys::RAMP_MAX_FAILURE_RATE.key, Value::Float(share))
    }

    /// A step without a failure is passed after this long: 1 ms to 168 h, default `recovery_timeout`.
    pub fn step_timeout(self, d: Duration) -> Self {
        self.with(keys::RAMP_STEP_TIMEOUT.key, length(d))
    }
}
