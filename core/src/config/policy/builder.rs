//! Rust's way to write the policies around the call.

use super::keys;
use crate::config::keys as shared;
use crate::config::value::Value;
use crate::config::write::{duration as length, text, whole, with};
use crate::policy::category::Category;
use std::time::Duration;

/// How long a call may take; see [`Builder::timeout`](crate::Builder::timeout). A [`Duration`] is one that stays.
///
/// ```
/// use fusewire::{CircuitBreaker, Timeout};
/// use std::time::Duration;
///
/// let learned = Timeout::percentile().percentile_of(0.99).factor(2.0).max(Duration::from_secs(10));
/// let breaker = CircuitBreaker::builder().timeout(learned).build("search")?;
/// let fixed = CircuitBreaker::builder().timeout(Duration::from_millis(250)).build("users")?;
/// # Ok::<(), fusewire::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Timeout(Value);

impl From<Duration> for Timeout {
    /// Always this long: 1 ms to 24 h.
    fn from(d: Duration) -> Self {
        Timeout(length(d))
    }
}

impl Timeout {
    fn of_kind(kind: &str) -> Self {
        Timeout(with(Value::table(), shared::KIND, text(kind)))
    }

    /// A duration that stays becomes a table of the first kind.
    fn with(self, key: &str, value: Value) -> Self {
        let table = match self.0 {
            table @ Value::Table(_) => table,
            _ => Value::table(),
        };
        Timeout(with(table, key, value))
    }

    /// [`factor`](Timeout::factor) times a percentile of the durations of the last calls.
    pub fn percentile() -> Self {
        Self::of_kind(keys::TIMEOUT_KINDS[0])
    }

    /// [`factor`](Timeout::factor) times their mean and two standard deviations, and more while calls time out.
    pub fn adaptive() -> Self {
        Self::of_kind(keys::TIMEOUT_KINDS[1])
    }

    /// Between the two, nearer to [`percentile`](Timeout::percentile) the fewer calls time out.
    pub fn hybrid() -> Self {
        Self::of_kind(keys::TIMEOUT_KINDS[2])
    }

    /// Percentile and hybrid: which one: (0, 1), default 0.95.
    pub fn percentile_of(self, share: f64) -> Self {
        self.with(keys::PERCENTILE.key, Value::Float(share))
    }

    /// How many times as long as the measure a call may take: 1 to 10, default 1.5.
    pub fn factor(self, factor: f64) -> Self {
        self.with(keys::FACTOR.key, Value::Float(factor))
    }

    /// The shortest timeout: 1 ms to 1 h, default 100 ms; at most `initial`, also where that is left out.
    pub fn min(self, d: Duration) -> Self {
        self.with(keys::TIMEOUT_MIN.key, length(d))
    }

    /// The longest timeout: `min` to 24 h, default 30 s; at least `initial`, also where that is left out.
    pub fn max(self, d: Duration) -> Self {
        self.with(keys::TIMEOUT_MAX.key, length(d))
    }

    /// From how many of the last calls it is learned: 10 to 10,000, default 100.
    pub fn window(self, calls: u32) -> Self {
        self.with(keys::TIMEOUT_WINDOW.key, whole(calls))
    }

    /// The timeout until 10 durations are known: `min` to `max`, default 1 s.
    pub fn initial(self, d: Duration) -> Self {
        self.with(keys::TIMEOUT_INITIAL.key, length(d))
    }

    pub(crate) fn into_value(self) -> Value {
        self.0
    }
}

/// Whether and when a call that failed is tried once more; see [`Builder::retry`](crate::Builder::retry).
///
/// ```
/// use fusewire::{CircuitBreaker, Retry, RetryBackoff};
/// use std::time::Duration;
///
/// let backoff = RetryBackoff::exponential().base(Duration::from_millis(50)).max(Duration::from_secs(2));
/// let breaker = CircuitBreaker::builder().retry(Retry::new().max_attempts(4).backoff(backoff)).build("users")?;
/// # Ok::<(), fusewire::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Retry(Value);

impl Default for Retry {
    fn default() -> Self {
        Retry(Value::table())
    }
}

impl Retry {
    /// Every key at its default.
    pub fn new() -> Self {
        Self::default()
    }

    fn with(self, key: &str, value: Value) -> Self {
        Retry(with(self.0, key, value))
    }

    /// How often a call is tried, the first included: 1 to 100, default 3.
    pub fn max_attempts(self, n: u32) -> Self {
        self.with(keys::MAX_ATTEMPTS.key, whole(n))
    }

    /// How long a retry waits; default: from 100 ms on twice as long each time, at most 5 s, with a jitter of 0.2.
    pub fn backoff(self, backoff: RetryBackoff) -> Self {
        self.with(keys::BACKOFF, backoff.0)
    }

    /// Which failures are tried once more; default: timeouts, rate limits, exhausted resources and network errors.
    pub fn on(self, categories: impl IntoIterator<Item = Category>) -> Self {
        let names = categories.into_iter().map(|category| text(category.name()));
        self.with(keys::ON, Value::List(names.collect()))
    }

    /// How often a call of this method is tried, in place of `max_attempts`: 1 to 100; default: `GET`, `HEAD` and
    /// `OPTIONS` 5, `PUT` 2, `DELETE` 1, and any other 1 unless the request says that it is idempotent.
    pub fn per_method(self, method: &str, attempts: u32) -> Self {
        let methods = self.0.find(keys::PER_METHOD).cloned().unwrap_or_else(Value::table);
        self.with(keys::PER_METHOD, with(methods, method, whole(attempts)))
    }

    /// A wait that would end later after the call began is not begun: 1 ms to 168 h, default 30 s.
    pub fn max_elapsed(self, d: Duration) -> Self {
        self.with(keys::MAX_ELAPSED.key, length(d))
    }

    /// How many retries and hedges may begin, of all calls together; default: 0.2 of the first attempts of the last 10
    /// s, and one each second.
    pub fn budget(self, budget: RetryBudget) -> Self {
        self.with(keys::BUDGET, budget.0)
    }

    /// Any number of retries and hedges may begin.
    pub fn without_budget(self) -> Self {
        self.with(keys::BUDGET, Value::Bool(false))
    }

    /// Whether calls that were turned away are tried once more, too; default: no.
    pub fn rejected(self, is: bool) -> Self {
        self.with(keys::REJECTED, Value::Bool(is))
    }

    pub(crate) fn into_value(self) -> Value {
        self.0
    }
}

/// How long a retry waits; see [`Retry::backoff`].
#[derive(Clone, Debug)]
pub struct RetryBackoff(Value);

impl RetryBackoff {
    fn of_kind(kind: usize) -> Self {
        RetryBackoff(with(Value::table(), shared::KIND, text(keys::BACKOFF_KINDS[kind])))
    }

    fn with(self, key: &str, value: Value) -> Self {
        RetryBackoff(with(self.0, key, value))
    }

    /// Always [`base`](RetryBackoff::base).
    pub fn fixed() -> Self {
        Self::of_kind(0)
    }

    /// k times `base` before the k-th retry.
    pub fn linear() -> Self {
        Self::of_kind(1)
    }

    /// Each wait [`multiplier`](RetryBackoff::multiplier) times as long as the one before.
    pub fn exponential() -> Self {
        Self::of_kind(2)
    }

    /// `base` times 1, 1, 2, 3, 5, …
    pub fn fibonacci() -> Self {
        Self::of_kind(3)
    }

    /// Random between `base` and three times the wait before.
    pub fn decorrelated_jitter() -> Self {
        Self::of_kind(4)
    }

    /// Exponential, and up to twice as long the more the host is used.
    pub fn resource_sensitive() -> Self {
        Self::of_kind(5)
    }

    /// Exponential; while the breaker is open, as long as its outages usually last.
    pub fn pattern_based() -> Self {
        Self::of_kind(6)
    }

    /// Exponential, fibonacci or decorrelated jitter, whichever has done best.
    pub fn adaptive() -> Self {
        Self::of_kind(7)
    }

    /// How long the first retry waits: 1 ms to 1 h, default 100 ms; at most `max`, also where that is left out.
    pub fn base(self, d: Duration) -> Self {
        self.with(keys::BASE.key, length(d))
    }

    /// The longest wait: `base` to 168 h, default 5 s. Not for `fixed`.
    pub fn max(self, d: Duration) -> Self {
        self.with(keys::BACKOFF_MAX.key, length(d))
    }

    /// Factor from one wait to the next: 1 to 100, default 2. For the kinds in which an exponential wait occurs.
    pub fn multiplier(self, factor: f64) -> Self {
        self.with(keys::MULTIPLIER.key, Value::Float(factor))
    }

    /// j: multiplies the wait by a random factor in [1 - j, 1 + j): [0, 1], default 0.2.
    pub fn jitter(self, j: f64) -> Self {
        self.with(keys::JITTER.key, Value::Float(j))
    }
}

/// How many retries and hedges may begin, of all calls together; see [`Retry::budget`].
#[derive(Clone, Debug)]
pub struct RetryBudget(Value);

impl Default for RetryBudget {
    fn default() -> Self {
        RetryBudget(Value::table())
    }
}

impl RetryBudget {
    /// Every key at its default.
    pub fn new() -> Self {
        Self::default()
    }

    fn with(self, key: &str, value: Value) -> Self {
        RetryBudget(with(self.0, key, value))
    }

    /// So many for each first attempt: [0, 1], default 0.2.
    pub fn ratio(self, share: f64) -> Self {
        self.with(keys::RATIO.key, Value::Float(share))
    }

    /// So many each second on top of that: 0 to 1,000,000, default 1.
    pub fn min_per_second(self, n: f64) -> Self {
        self.with(keys::MIN_PER_SECOND.key, Value::Float(n))
    }

    /// Over which time both are counted: 1 s to 24 h, default 10 s; a tenth of it is a whole number of nanoseconds.
    pub fn window(self, d: Duration) -> Self {
        self.with(keys::BUDGET_WINDOW.key, length(d))
    }
}

/// What answers when the call does not, in the order it is tried; see [`Builder::fallback`](crate::Builder::fallback). A
/// list of names is one, too: `cache`, `breaker:NAME`, or a name that the caller has a function or constant for.
///
/// ```
/// use fusewire::{CircuitBreaker, Fallback};
///
/// let fallback = Fallback::new().breaker("search-west").named("nothing found");
/// let breaker = CircuitBreaker::builder().fallback(fallback).build("search")?;
/// let same = CircuitBreaker::builder().fallback(["breaker:search-west", "nothing found"]).build("search")?;
/// # Ok::<(), fusewire::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fallback(Value);

impl Default for Fallback {
    fn default() -> Self {
        Fallback(Value::List(Vec::new()))
    }
}

impl<S: Into<String>, const N: usize> From<[S; N]> for Fallback {
    fn from(names: [S; N]) -> Self {
        names.into_iter().collect()
    }
}

impl<S: Into<String>> FromIterator<S> for Fallback {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Fallback(Value::List(names.into_iter().map(|name| Value::Text(name.into())).collect()))
    }
}

impl Fallback {
    /// Nothing yet: an error, unless something is added.
    pub fn new() -> Self {
        Self::default()
    }

    fn then(mut self, name: String) -> Self {
        if let Value::List(names) = &mut self.0 {
            names.push(Value::Text(name));
        }
        self
    }

    /// Then what the cache has; needs a [`Cache::read_through`](crate::Cache::read_through), as
    /// [`Cache::on_failure`](crate::Cache::on_failure) comes first by itself.
    pub fn cache(self) -> Self {
        self.then(keys::RUNG_CACHE.to_owned())
    }

    /// Then a call through the breaker of that name; not the breaker itself, nor, in a registry, one whose fallbacks lead
    /// back to it.
    pub fn breaker(self, name: &str) -> Self {
        self.then(format!("{}{name}", keys::RUNG_BREAKER))
    }

    /// Then what the caller has under a name of 1 to 64 bytes without control characters: a function or a constant.
    pub fn named(self, name: &str) -> Self {
        self.then(name.to_owned())
    }

    pub(crate) fn into_value(self) -> Value {
        self.0
    }
}
