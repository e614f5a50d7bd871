//! The keys of the policies around the call (policies §6 to §10): their defaults, ranges and meanings.

use crate::clock::Nanos;
use crate::config::keys::Bound::{Exclusive, Inclusive};
use crate::config::keys::{Default, HOUR, Integer, Length, MS, Number, SECOND, Share};
use crate::policy::category::{Categories, Category};
use crate::policy::fallback;

/// A name that the host or the document gives has at most so many bytes.
pub(crate) const LONGEST_NAME: usize = 64;

pub(crate) const TIMEOUT: Length = Length {
    key: "timeout",
    default: Default::Absent,
    min: MS,
    max: 24 * HOUR,
    meaning: "How long a call may take: a duration, or a table that learns it from the durations of calls, which makes \
              `sample_durations_every` 1.",
};
pub(crate) const TIMEOUT_KINDS: [&str; 3] = ["percentile", "adaptive", "hybrid"];
pub(crate) const PERCENTILE: Share = Share {
    key: "percentile",
    default: Some(9_500),
    low: Exclusive(0),
    high: Exclusive(10_000),
    meaning: "Which of the durations, by their order, is the measure. For `percentile` and `hybrid`.",
};
pub(crate) const FACTOR: Share = Share {
    key: "factor",
    default: Some(15_000),
    low: Inclusive(10_000),
    high: Inclusive(100_000),
    meaning: "How many times as long as the measure a call may take.",
};
pub(crate) const TIMEOUT_MIN: Length = Length {
    key: "min",
    default: Default::Is(100 * MS),
    min: MS,
    max: HOUR,
    meaning: "The shortest timeout; at most `initial`, also where that is left out.",
};
pub(crate) const TIMEOUT_MAX: Length = Length {
    key: "max",
    default: Default::Is(30 * SECOND),
    min: MS,
    max: 24 * HOUR,
    meaning: "The longest timeout; at least `initial`, also where that is left out.",
};
pub(crate) const TIMEOUT_WINDOW: Integer = Integer {
    key: "window",
    default: 100,
    min: 10,
    max: 10_000,
    meaning: "From how many of the last calls it is learned.",
};
pub(crate) const TIMEOUT_INITIAL: Length = Length {
    key: "initial",
    default: Default::Is(SECOND),
    min: MS,
    max: 24 * HOUR,
    meaning: "The timeout until 10 durations are known; within `min` and `max`.",
};

pub(crate) const RETRY: &str = "retry";
pub(crate) const RETRY_MEANING: &str = "Try a call that failed once more. `{}` turns it on.";
pub(crate) const MAX_ATTEMPTS: Integer = Integer {
    key: "max_attempts",
    default: 3,
    min: 1,
    max: 100,
    meaning: "How often a call is tried, the first included.",
};
pub(crate) const BACKOFF: &str = "backoff";
pub(crate) const BACKOFF_MEANING: &str = "How long a retry waits.";
pub(crate) const BACKOFF_KINDS: [&str; 8] = [
    "fixed",
    "linear",
    "exponential",
    "fibonacci",
    "decorrelated_jitter",
    "resource_sensitive",
    "pattern_based",
    "adaptive",
];
pub(crate) const DEFAULT_BACKOFF_KIND: &str = BACKOFF_KINDS[2];
pub(crate) const BASE: Length = Length {
    key: "base",
    default: Default::Is(100 * MS),
    min: MS,
    max: HOUR,
    meaning: "How long the first retry waits; at most `max`, also where that is left out.",
};
pub(crate) const BACKOFF_MAX: Length = Length {
    key: "max",
    default: Default::Is(5 * SECOND),
    min: MS,
    max: 168 * HOUR,
    meaning: "The longest wait; at least `base`. Not for `fixed`.",
};
pub(crate) const MULTIPLIER: Share = Share {
    key: "multiplier",
    default: Some(20_000),
    low: Inclusive(10_000),
    high: Inclusive(1_000_000),
    meaning: "Factor from one wait to the next. For `exponential`, `resource_sensitive`, `pattern_based` and `adaptive`.",
};
pub(crate) const JITTER: Share = Share {
    key: "jitter",
    default: Some(2_000),
    low: Inclusive(0),
    high: Inclusive(10_000),
    meaning: "j: multiplies the wait by a random factor in [1 - j, 1 + j).",
};
pub(crate) const ON: &str = "on";
pub(crate) const ON_MEANING: &str = "The categories of failures that are tried once more.";
pub(crate) const ON_DEFAULT: Categories = Categories(0)
    .with(Category::Timeout)
    .with(Category::RateLimit)
    .with(Category::ResourceExhausted)
    .with(Category::NetworkError);
pub(crate) const PER_METHOD: &str = "per_method";
pub(crate) const PER_METHOD_MEANING: &str = "How often a call of this method is tried, in place of `max_attempts`; a method \
                                             left out keeps its default. Any other method is tried once, unless the \
                                             request says that it is idempotent.";
/// Attempts of each method, in byte order of the names.
pub(crate) const METHODS: [Integer; 5] =
    [method("DELETE", 1), method("GET", 5), method("HEAD", 5), method("OPTIONS", 5), method("PUT", 2)];

/// Attempts of a method.
pub(crate) const fn method(key: &'static str, default: u64) -> Integer {
    let meaning = "How often a call of this method is tried, the first included.";
    Integer { key, default, min: 1, max: 100, meaning }
}

pub(crate) const MAX_ELAPSED: Length = Length {
    key: "max_elapsed",
    default: Default::Is(30 * SECOND),
    min: MS,
    max: 168 * HOUR,
    meaning: "A wait that would end later after the call began is not begun.",
};
pub(crate) const BUDGET: &str = "budget";
pub(crate) const BUDGET_MEANING: &str =
    "How many retries and hedges may begin, of all calls together; `false`: any number.";
pub(crate) const RATIO: Share = Share {
    key: "ratio",
    default: Some(2_000),
    low: Inclusive(0),
    high: Inclusive(10_000),
    meaning: "So many for each first attempt.",
};
pub(crate) const MIN_PER_SECOND: Number = Number {
    key: "min_per_second",
    default: 1.0,
    min: 0.0,
    max: 1e6,
    meaning: "So many each second on top of that.",
};
/// Into so many buckets the budget's window is divided.
pub(crate) const BUDGET_BUCKETS: Nanos = 10;
pub(crate) const BUDGET_WINDOW: Length = Length {
    key: "window",
    default: Default::Is(10 * SECOND),
    min: SECOND,
    max: 24 * HOUR,
    meaning: "Over which time both are counted; a tenth of it is a whole number of nanoseconds.",
};
pub(crate) const REJECTED: &str = "rejected";
pub(crate) const REJECTED_MEANING: &str = "Whether calls that were turned away are tried once more, too.";
pub(crate) const REJECTED_DEFAULT: bool = false;

pub(crate) const FALLBACK: &str = "fallback";
pub(crate) const FALLBACK_MEANING: &str = "What answers, in this order, when the call does not: `cache`, `breaker:NAME` for a call through another breaker, \
     or the name of a function or constant that the host keeps.";
pub(crate) const RUNG_CACHE: &str = fallback::CACHE;
pub(crate) const RUNG_BREAKER: &str = fallback::BREAKER;
pub(crate) const MOST_RUNGS: usize = 16;

pub(crate) const CACHE: &str = "cache";
pub(crate) const CACHE_MEANING: &str =
    "Values of earlier calls may answer those that name the same key. `{}` turns it on.";
pub(crate) const CACHE_MODE: &str = "mode";
pub(crate) const CACHE_MODE_MEANING: &str = "When: after a failure (`on_failure`, in front of all of `fallback`), or, while they are fresh, before the call \
     (`read_through`).";
pub(crate) const CACHE_MODES: [&str; 2] = ["on_failure", "read_through"];
pub(crate) const TTL: Length = Length {
    key: "ttl",
    default: Default::Is(300 * SECOND),
    min: MS,
    max: 168 * HOUR,
    meaning: "How long a value is fresh.",
};
pub(crate) const STALE_TTL: Length = Length {
    key: "stale_ttl",
    default: Default::Is(HOUR),
    min: 0,
    max: 168 * HOUR,
    meaning: "How long after that a stale value may answer a failure.",
};
pub(crate) const MAX_ENTRIES: Integer = Integer {
    key: "max_entries",
    default: 10_000,
    min: 1,
    max: 1_000_000,
    meaning: "How many values are kept.",
};
pub(crate) const COALESCE: &str = "coalesce";
pub(crate) const COALESCE_MEANING: &str = "Whether concurrent calls of one key make one attempt.";
pub(crate) const COALESCE_DEFAULT: bool = false;

pub(crate) const HEDGE: &str = "hedge";
pub(crate) const HEDGE_MEANING: &str = "Begin another attempt beside one that takes long, and take the first success. Async \
                                        calls only. `{}` turns it on.";
pub(crate) const AFTER: Length = Length {
    key: "after",
    default: Default::Is(100 * MS),
    min: MS,
    max: HOUR,
    meaning: "How long an attempt takes before another begins, or `p95`: the 95th percentile of the last 100 first \
              attempts, which makes `sample_durations_every` 1.",
};
pub(crate) const AFTER_P95: &str = "p95";
pub(crate) const HEDGE_MAX: Integer =
    Integer { key: "max", default: 1, min: 1, max: 10, meaning: "How many attempts may begin beside one." };

pub(crate) const FEATURES: &str = "features";
pub(crate) const FEATURES_MEANING: &str =
    "The features of the service, by name: each recovers, and is turned off, by itself.";
pub(crate) const MOST_FEATURES: usize = 64;
pub(crate) const FEATURE_MEANING: &str = "One feature.";
pub(crate) const FEATURE_PRIORITY: Integer = Integer {
    key: "priority",
    default: 50,
    min: 0,
    max: 1_000,
    meaning: "Features of a higher priority recover first.",
};
pub(crate) const REQUIRES: &str = "requires";
pub(crate) const REQUIRES_MEANING: &str = "The features without which this one does not work.";
pub(crate) const MIN_HEALTH: Share = Share {
    key: "min_health",
    default: Some(8_000),
    low: Exclusive(0),
    high: Inclusive(10_000),
    meaning: "The share of successes that passes a test; below 0.7 of it a feature that is enabled is turned off.",
};
pub(crate) const TEST_DURATION: Length = Length {
    key: "test_duration",
    default: Default::Is(30 * SECOND),
    min: MS,
    max: 168 * HOUR,
    meaning: "How long a test takes.",
};
pub(crate) const MIN_CALLS: Integer = Integer {
    key: "min_calls",
    default: 5,
    min: 1,
    max: 50,
    meaning: "Calls below which no health is judged.",
};
pub(crate) const REQUIRED: &str = "required";
pub(crate) const REQUIRED_MEANING: &str =
    "Whether its failed test ends the recovery of all features and opens the breaker.";
pub(crate) const REQUIRED_DEFAULT: bool = false;
