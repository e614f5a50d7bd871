//! Rust's way to write the gates' tables.

use super::keys;
use crate::admit::priority::Priority;
use crate::config::keys as shared;
use crate::config::value::Value;
use crate::config::write::{duration as length, text, whole, with};
use std::time::Duration;

/// Sets what a level has in a table inside of a table; what stood there for all levels goes.
fn with_level(table: Value, key: &str, level: Priority, value: Value) -> Value {
    let mut levels = match table.find(key) {
        Some(levels @ Value::Table(_)) => levels.clone(),
        _ => Value::table(),
    };
    levels.set(level.name(), value);
    with(table, key, levels)
}

/// How many calls are admitted in a time; see [`Builder::rate_limit`](crate::Builder::rate_limit). Calls beyond it are
/// turned away, or, by a leaky bucket, spread out.
///
/// ```
/// use fusewire::{CircuitBreaker, Priority, RateLimit};
///
/// let limit = RateLimit::token_bucket(100.0).burst(50).reserve(Priority::Critical, 10);
/// let breaker = CircuitBreaker::builder().rate_limit(limit).build("payments")?;
/// # Ok::<(), fusewire::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RateLimit(Value);

impl RateLimit {
    fn of(algorithm: &str) -> Self {
        RateLimit(with(Value::table(), keys::ALGORITHM, text(algorithm)))
    }

    fn with(self, key: &str, value: Value) -> Self {
        RateLimit(with(self.0, key, value))
    }

    /// A bucket that `rate` tokens are added to each second, and each call takes its cost from: 0.001 to 1,000,000.
    pub fn token_bucket(rate: f64) -> Self {
        Self::of(keys::ALGORITHMS[0]).with(keys::RATE.key, Value::Float(rate))
    }

    /// Calls wait for their turn, `rate` of them begin each second: 0.001 to 1,000,000.
    pub fn leaky_bucket(rate: f64) -> Self {
        Self::of(keys::ALGORITHMS[1]).with(keys::RATE.key, Value::Float(rate))
    }

    /// At most `limit` calls, 1 to 1,000,000,000, in each stretch of `window`, 1 ms to 24 h, of the clock: around the
    /// end of one there can be twice as many.
    pub fn fixed_window(limit: u32, window: Duration) -> Self {
        Self::of(keys::ALGORITHMS[2]).windowed(limit, window)
    }

    /// At most `limit` calls, 1 to 65,536, in any stretch of `window`, 1 ms to 24 h. Takes 8 bytes for each of them.
    pub fn sliding_window(limit: u32, window: Duration) -> Self {
        Self::of(keys::ALGORITHMS[3]).windowed(limit, window)
    }

    fn windowed(self, limit: u32, window: Duration) -> Self {
        self.with(keys::FIXED_LIMIT.key, whole(limit)).with(keys::RATE_WINDOW.key, length(window))
    }

    /// Token bucket: how many tokens a full one holds: 1 to 1,000,000, default 50.
    pub fn burst(self, tokens: u32) -> Self {
        self.with(keys::BURST.key, whole(tokens))
    }

    /// Token bucket: tokens that calls below `level` leave in it, default 0; of all levels less than `burst`.
    pub fn reserve(self, level: Priority, tokens: u32) -> Self {
        RateLimit(with_level(self.0, keys::RESERVE, level, whole(tokens)))
    }

    /// Leaky bucket: how long a call may wait for its turn: 0 to 1 h, default 1 s.
    pub fn max_wait(self, d: Duration) -> Self {
        self.with(keys::MAX_WAIT.key, length(d))
    }

    /// Token and leaky bucket: lets the rate follow the outcomes. Default: it stays.
    pub fn adaptive(self, adaptive: AdaptiveRate) -> Self {
        self.with(keys::RATE_ADAPTIVE, adaptive.0)
    }

    pub(crate) fn into_value(self) -> Value {
        self.0
    }
}

/// How a rate follows the outcomes: it falls while calls fail, and rises while they succeed and some are turned away;
/// see [`RateLimit::adaptive`].
#[derive(Clone, Debug)]
pub struct AdaptiveRate(Value);

impl Default for AdaptiveRate {
    fn default() -> Self {
        AdaptiveRate(Value::table())
    }
}

impl AdaptiveRate {
    /// Every key at its default.
    pub fn new() -> Self {
        Self::default()
    }

    fn with(self, key: &str, value: Value) -> Self {
        AdaptiveRate(with(self.0, key, value))
    }

    /// The lowest rate: 0.001 to the rate at first, default 10 or that.
    pub fn min(self, rate: f64) -> Self {
        self.with(keys::RATE_MIN.key, Value::Float(rate))
    }

    /// The highest rate: the rate at first to 1,000,000, default 1,000 or that.
    pub fn max(self, rate: f64) -> Self {
        self.with(keys::RATE_MAX.key, Value::Float(rate))
    }

    /// Factor from one rate to the next: (1, 10], default 1.5.
    pub fn scale(self, factor: f64) -> Self {
        self.with(keys::RATE_SCALE.key, Value::Float(factor))
    }

    /// How long a rate holds at least: 1 ms to 24 h, default 60 s.
    pub fn cooldown(self, d: Duration) -> Self {
        self.with(keys::RATE_COOLDOWN.key, length(d))
    }

    /// Share of failures above which the rate falls: (0, 1], default 0.1.
    pub fn lower_above(self, share: f64) -> Self {
        self.with(keys::LOWER_ABOVE.key, Value::Float(share))
    }

    /// Share of failures below which it rises: from 0 and below `lower_above`, default 0.01 or just below that.
    pub fn raise_below(self, share: f64) -> Self {
        self.with(keys::RAISE_BELOW.key, Value::Float(share))
    }
}

/// What calls of each level may do; see [`Builder::priority`](crate::Builder::priority).
#[derive(Clone, Debug)]
pub struct PriorityPolicy(Value);

impl Default for PriorityPolicy {
    fn default() -> Self {
        PriorityPolicy(Value::table())
    }
}

impl PriorityPolicy {
    /// Every level may do everything.
    pub fn new() -> Self {
        Self::default()
    }

    fn with(self, key: &str, level: Priority) -> Self {
        PriorityPolicy(with(self.0, key, text(level.name())))
    }

    /// Calls below this level are turned away; default [`Priority::Bulk`].
    pub fn min(self, level: Priority) -> Self {
        self.with(keys::PRIORITY_MIN, level)
    }

    /// Calls below this level neither end an opening nor probe; default: all may.
    pub fn half_open_min(self, level: Priority) -> Self {
        self.with(keys::HALF_OPEN_MIN, level)
    }

    /// Calls at or above this level are made although the breaker is open; default: none is.
    pub fn open_bypass(self, level: Priority) -> Self {
        self.with(keys::OPEN_BYPASS, level)
    }

    pub(crate) fn into_value(self) -> Value {
        self.0
    }
}

/// At most so many calls at the same time; see [`Builder::bulkhead`](crate::Builder::bulkhead).
///
/// ```
/// use fusewire::{Bulkhead, CircuitBreaker, Priority};
/// use std::time::Duration;
///
/// let slots = Bulkhead::new(10).reserve(Priority::Critical, 2).max_queue(100).queue_timeout(Duration::from_secs(1));
/// let breaker = CircuitBreaker::builder().bulkhead(slots).build("payments")?;
/// # Ok::<(), fusewire::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bulkhead(Value);

impl Bulkhead {
    /// At most `max_concurrent` calls at the same time: 1 to 1,000,000, and at most 4,095 when some are reserved.
    pub fn new(max_concurrent: u32) -> Self {
        Bulkhead(with(Value::table(), keys::MAX_CONCURRENT.key, whole(max_concurrent)))
    }

    /// Slots that calls of other levels leave free, default 0; of all levels at most `max_concurrent`.
    pub fn reserve(self, level: Priority, slots: u32) -> Self {
        Bulkhead(with_level(self.0, keys::RESERVED, level, whole(slots)))
    }

    /// How many calls may wait for a slot: 0 to 1,000,000, default 0.
    pub fn max_queue(self, calls: u32) -> Self {
        Bulkhead(with(self.0, keys::MAX_QUEUE.key, whole(calls)))
    }

    /// How long calls of all levels wait: 1 ms to 1 h. Default: see
    /// [`queue_timeout_of`](Bulkhead::queue_timeout_of).
    pub fn queue_timeout(self, d: Duration) -> Self {
        Bulkhead(with(self.0, keys::QUEUE_TIMEOUT, length(d)))
    }

    /// How long calls of one level wait: 1 ms to 1 h, default 5 s (critical), 2 s, 1 s, 500 ms, 100 ms (bulk). Takes the place of one
    /// for all levels.
    pub fn queue_timeout_of(self, level: Priority, d: Duration) -> Self {
        Bulkhead(with_level(self.0, keys::QUEUE_TIMEOUT, level, length(d)))
    }

    pub(crate) fn into_value(self) -> Value {
        self.0
    }
}

/// At most so many calls at the same time as the service is seen to bear; see
/// [`Builder::concurrency_limit`](crate::Builder::concurrency_limit).
#[derive(Clone, Debug)]
pub struct ConcurrencyLimit(Value);

impl ConcurrencyLimit {
    fn of_kind(kind: &str) -> Self {
        ConcurrencyLimit(with(Value::table(), shared::KIND, text(kind)))
    }

    fn with(self, key: &str, value: Value) -> Self {
        ConcurrencyLimit(with(self.0, key, value))
    }

    /// Additive increase, multiplicative decrease: one more after a full round of successes, a cut after a failure or a
    /// slow call.
    pub fn aimd() -> Self {
        Self::of_kind(keys::LIMIT_KINDS[0])
    }

    /// What the durations of calls leave room for: falls when they grow beyond what they are in the long run.
    pub fn gradient() -> Self {
        Self::of_kind(keys::LIMIT_KINDS[1])
    }

    /// The limit at first: 1 to 100,000, default 20; at most `max`, also where that is left out.
    pub fn initial(self, calls: u32) -> Self {
        self.with(keys::LIMIT_INITIAL.key, whole(calls))
    }

    /// The lowest limit: 1 to `initial`, default 1 (AIMD), or 20 and at most `initial` (gradient).
    pub fn min(self, calls: u32) -> Self {
        self.with(keys::AIMD_MIN.key, whole(calls))
    }

    /// The highest limit: `initial` to 100,000, default 200.
    pub fn max(self, calls: u32) -> Self {
        self.with(keys::LIMIT_MAX.key, whole(calls))
    }

    /// AIMD: factor by which a failure or a slow call cuts the limit: from 0.5 and below 1, default 0.9.
    pub fn backoff_ratio(self, factor: f64) -> Self {
        self.with(keys::BACKOFF_RATIO.key, Value::Float(factor))
    }

    /// Gradient: how many times as long as in the long run calls may take before the limit falls: 1 to 10, default
    /// 1.5.
    pub fn tolerance(self, factor: f64) -> Self {
        self.with(keys::TOLERANCE.key, Value::Float(factor))
    }

    /// Gradient: by how many calls the limit tries to grow with each update: 0 to 1,000, default 4.
    pub fn queue(self, calls: u32) -> Self {
        self.with(keys::LIMIT_QUEUE.key, whole(calls))
    }

    /// Gradient: share of the way to the new limit that one update goes: (0, 1], default 0.2.
    pub fn smoothing(self, share: f64) -> Self {
        self.with(keys::SMOOTHING.key, Value::Float(share))
    }

    /// Gradient: over how many updates the duration in the long run forgets: 10 to 100,000, default 600.
    pub fn long_window(self, updates: u32) -> Self {
        self.with(keys::LONG_WINDOW.key, whole(updates))
    }

    /// Share of the limit that calls of other levels leave free, rounded down to slots: 0 to 1, default 0; of all
    /// levels at most 1.
    pub fn reserve(self, level: Priority, share: f64) -> Self {
        ConcurrencyLimit(with_level(self.0, keys::RESERVED, level, Value::Float(share)))
    }

    /// How many calls may wait for a slot: 0 to 1,000,000, default 0.
    pub fn max_queue(self, calls: u32) -> Self {
        self.with(keys::MAX_QUEUE.key, whole(calls))
    }

    /// How long calls of all levels wait: 1 ms to 1 h. Default: see
    /// [`queue_timeout_of`](ConcurrencyLimit::queue_timeout_of).
    pub fn queue_timeout(self, d: Duration) -> Self {
        self.with(keys::QUEUE_TIMEOUT, length(d))
    }

    /// How long calls of one level wait: 1 ms to 1 h, default 5 s (critical), 2 s, 1 s, 500 ms, 100 ms (bulk). Takes the place of one
    /// for all levels.
    pub fn queue_timeout_of(self, level: Priority, d: Duration) -> Self {
        ConcurrencyLimit(with_level(self.0, keys::QUEUE_TIMEOUT, level, length(d)))
    }

    pub(crate) fn into_value(self) -> Value {
        self.0
    }
}
