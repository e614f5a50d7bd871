//! The keys of the gates before the machine (policies §2 to §5): their defaults, ranges and meanings.

use crate::admit::priority::LEVELS;
use crate::clock::Nanos;
use crate::config::keys::Bound::{Exclusive, Inclusive};
use crate::config::keys::{Default, HOUR, Integer, Length, MS, Number, SECOND, Share};

pub(crate) const RATE_LIMIT: &str = "rate_limit";
pub(crate) const RATE_LIMIT_MEANING: &str = "Turn calls away that come faster than this.";
pub(crate) const ALGORITHM: &str = "algorithm";
pub(crate) const ALGORITHMS: [&str; 4] = ["token_bucket", "leaky_bucket", "fixed_window", "sliding_window"];
pub(crate) const RATE: Number = Number {
    key: "rate",
    default: 100.0,
    min: 0.001,
    max: 1e6,
    meaning: "Calls a second, in the long run. For `token_bucket` and `leaky_bucket`.",
};
pub(crate) const BURST: Integer = Integer {
    key: "burst",
    default: 50,
    min: 1,
    max: 1_000_000,
    meaning: "Tokens that a full bucket holds. For `token_bucket`.",
};
pub(crate) const RESERVE: &str = "reserve";
pub(crate) const RESERVE_MEANING: &str = "Tokens, by level, that calls of lower levels leave in the bucket; together less than `burst`. For `token_bucket`.";
pub(crate) const MAX_WAIT: Length = Length {
    key: "max_wait",
    default: Default::Is(SECOND),
    min: 0,
    max: HOUR,
    meaning: "How long a call may wait for its turn. For `leaky_bucket`.",
};
pub(crate) const FIXED_LIMIT: Integer = Integer {
    key: "limit",
    default: 100,
    min: 1,
    max: 1_000_000_000,
    meaning: "Calls in each stretch of `window`. For `fixed_window`.",
};
pub(crate) const SLIDING_LIMIT: Integer = Integer {
    key: "limit",
    default: 100,
    min: 1,
    max: 65_536,
    meaning: "Calls in any stretch of `window`. For `sliding_window`.",
};
pub(crate) const RATE_WINDOW: Length = Length {
    key: "window",
    default: Default::Is(SECOND),
    min: MS,
    max: 24 * HOUR,
    meaning: "How long a stretch lasts. For `fixed_window` and `sliding_window`.",
};
pub(crate) const RATE_ADAPTIVE: &str = "adaptive";
pub(crate) const RATE_ADAPTIVE_MEANING: &str =
    "Lower the rate while calls fail, raise it while they succeed and some are turned away.";
pub(crate) const RATE_MIN: Number = Number {
    key: "min",
    default: 10.0,
    min: 0.001,
    max: 1e6,
    meaning: "The lowest rate; at most `rate`, also where that makes the default impossible.",
};
pub(crate) const RATE_MAX: Number = Number {
    key: "max",
    default: 1_000.0,
    min: 0.001,
    max: 1e6,
    meaning: "The highest rate; at least `rate`, also where that makes the default impossible.",
};
pub(crate) const RATE_SCALE: Share = Share {
    key: "scale",
    default: Some(15_000),
    low: Exclusive(10_000),
    high: Inclusive(100_000),
    meaning: "Factor from one rate to the next.",
};
pub(crate) const RATE_COOLDOWN: Length = Length {
    key: "cooldown",
    default: Default::Is(60 * SECOND),
    min: MS,
    max: 24 * HOUR,
    meaning: "How long a rate holds at least.",
};
pub(crate) const LOWER_ABOVE: Share = Share {
    key: "lower_above",
    default: Some(1_000),
    low: Exclusive(0),
    high: Inclusive(10_000),
    meaning: "Share of failures above which the rate falls.",
};
pub(crate) const RAISE_BELOW: Share = Share {
    key: "raise_below",
    default: Some(100),
    low: Inclusive(0),
    high: Exclusive(10_000),
    meaning: "Share of failures below which it rises; less than `lower_above`.",
};

pub(crate) const PRIORITY: &str = "priority";
pub(crate) const PRIORITY_MEANING: &str = "Turn calls away by how much they matter.";
pub(crate) const PRIORITY_MIN: &str = "min";
pub(crate) const PRIORITY_MIN_MEANING: &str = "Calls below this level are turned away.";
pub(crate) const HALF_OPEN_MIN: &str = "half_open_min";
pub(crate) const HALF_OPEN_MIN_MEANING: &str = "Calls below this level neither end an opening nor probe.";
pub(crate) const OPEN_BYPASS: &str = "open_bypass";
pub(crate) const OPEN_BYPASS_MEANING: &str =
    "Calls at or above this level are made although the breaker is open.";

pub(crate) const BULKHEAD: &str = "bulkhead";
pub(crate) const BULKHEAD_MEANING: &str =
    "At most so many calls at the same time. Not beside `concurrency_limit`.";
pub(crate) const MAX_CONCURRENT: Integer = Integer {
    key: "max_concurrent",
    default: 0,
    min: 1,
    max: 1_000_000,
    meaning: "How many calls run at the same time; required, and at most 4,095 with `reserved`.",
};
pub(crate) const RESERVED: &str = "reserved";
pub(crate) const RESERVED_MEANING: &str =
    "Slots, by level, that calls of other levels leave free; together at most `max_concurrent`.";
pub(crate) const RESERVED_SHARES_MEANING: &str =
    "Shares of the limit, by level, that calls of other levels leave free; together at most 1.";
pub(crate) const MAX_QUEUE: Integer = Integer {
    key: "max_queue",
    default: 0,
    min: 0,
    max: 1_000_000,
    meaning: "How many calls may wait for a slot.",
};
pub(crate) const QUEUE_TIMEOUT: &str = "queue_timeout";
pub(crate) const QUEUE_TIMEOUT_MEANING: &str = "How long a call waits for a slot: one duration for all levels, or one by \
                                                level, where a level left out keeps its default.";
/// How long a call of each level waits, in the order of the levels' codes.
pub(crate) const QUEUE_TIMEOUTS: [Length; LEVELS] = [
    queue_timeout("bulk", 100 * MS),
    queue_timeout("low", 500 * MS),
    queue_timeout("normal", SECOND),
    queue_timeout("high", 2 * SECOND),
    queue_timeout("critical", 5 * SECOND),
];

const fn queue_timeout(key: &'static str, default: Nanos) -> Length {
    Length {
        key,
        default: Default::Is(default),
        min: MS,
        max: HOUR,
        meaning: "How long a call of this level waits for a slot.",
    }
}

pub(crate) const CONCURRENCY_LIMIT: &str = "concurrency_limit";
pub(crate) const CONCURRENCY_LIMIT_MEANING: &str =
    "At most so many calls at the same time as the service is seen to bear. Not beside `bulkhead`.";
pub(crate) const LIMIT_KINDS: [&str; 2] = ["aimd", "gradient"];
pub(crate) const LIMIT_INITIAL: Integer = Integer {
    key: "initial",
    default: 20,
    min: 1,
    max: 100_000,
    meaning: "The limit at first; at most `max`, also where that is left out.",
};
pub(crate) const AIMD_MIN: Integer = limit_min(1);
pub(crate) const GRADIENT_MIN: Integer = limit_min(20);

const fn limit_min(default: u64) -> Integer {
    Integer {
        key: "min",
        default,
        min: 1,
        max: 100_000,
        meaning: "The lowest limit; at most `initial`, also where that makes the default impossible.",
    }
}

pub(crate) const LIMIT_MAX: Integer = Integer {
    key: "max",
    default: 200,
    min: 1,
    max: 100_000,
    meaning: "The highest limit; at least `initial`.",
};
pub(crate) const BACKOFF_RATIO: Share = Share {
    key: "backoff_ratio",
    default: Some(9_000),
    low: Inclusive(5_000),
    high: Exclusive(10_000),
    meaning: "Factor by which a failure or a slow call cuts the limit. For `aimd`.",
};
pub(crate) const TOLERANCE: Share = Share {
    key: "tolerance",
    default: Some(15_000),
    low: Inclusive(10_000),
    high: Inclusive(100_000),
    meaning: "How many times as long as in the long run calls may take before the limit falls. For `gradient`.",
};
pub(crate) const LIMIT_QUEUE: Integer = Integer {
    key: "queue",
    default: 4,
    min: 0,
    max: 1_000,
    meaning: "By how many calls the limit tries to grow with each update. For `gradient`.",
};
pub(crate) const SMOOTHING: Share = Share {
    key: "smoothing",
    default: Some(2_000),
    low: Exclusive(0),
    high: Inclusive(10_000),
    meaning: "Share of the way to the new limit that one update goes. For `gradient`.",
};
pub(crate) const LONG_WINDOW: Integer = Integer {
    key: "long_window",
    default: 600,
    min: 10,
    max: 100_000,
    meaning: "Over how many updates the duration in the long run forgets. For `gradient`.",
};
