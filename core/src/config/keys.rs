//! Every key of the document: its default, its range, its meaning. The parser, the schema and the builder's docs
//! follow this file; no default is written anywhere else.

use crate::clock::Nanos;

pub(crate) const MS: Nanos = 1_000_000;
pub(crate) const SECOND: Nanos = 1_000 * MS;
pub(crate) const HOUR: Nanos = 3_600 * SECOND;

/// A whole number.
pub(crate) struct Integer {
    pub key: &'static str,
    pub default: u64,
    pub min: u64,
    pub max: u64,
    pub meaning: &'static str,
}

/// A duration.
pub(crate) struct Length {
    pub key: &'static str,
    pub default: Default,
    pub min: Nanos,
    pub max: Nanos,
    pub meaning: &'static str,
}

/// The default of a duration.
#[derive(Clone, Copy)]
pub(crate) enum Default {
    Absent,
    Is(Nanos),
    /// That of another key.
    SameAs(&'static str),
    /// A multiple of another key.
    Times(u64, &'static str),
}

impl Default {
    /// The duration that stands for itself; 0 for what another key decides.
    pub(crate) const fn length(&self) -> Nanos {
        match self {
            Default::Is(d) => *d,
            _ => 0,
        }
    }
}

/// A number that is kept in whole ten-thousandths.
pub(crate) struct Share {
    pub key: &'static str,
    /// In ten-thousandths; `None`: absent.
    pub default: Option<u64>,
    pub low: Bound,
    pub high: Bound,
    pub meaning: &'static str,
}

/// A number that is kept as a double.
pub(crate) struct Number {
    pub key: &'static str,
    pub default: f64,
    pub min: f64,
    pub max: f64,
    pub meaning: &'static str,
}

/// An end of a range, in ten-thousandths.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    Inclusive(u64),
    Exclusive(u64),
}

use Bound::{Exclusive, Inclusive};

pub(crate) const FAILURE_THRESHOLD: Integer = Integer {
    key: "failure_threshold",
    default: 5,
    min: 1,
    max: 1_000_000,
    meaning: "Consecutive failures that open the breaker. Not beside `window`.",
};
pub(crate) const WINDOW: &str = "window";
pub(crate) const WINDOW_MEANING: &str = "Judge by rates over a window instead of by consecutive failures.";
pub(crate) const SLOW_CALL_DURATION: Length = Length {
    key: "slow_call_duration",
    default: Default::Absent,
    min: MS,
    max: 168 * HOUR,
    meaning: "A call that took at least this long is slow. Absent: none is.",
};
pub(crate) const SAMPLE_DURATIONS_EVERY: Integer = Integer {
    key: "sample_durations_every",
    default: 16,
    min: 0,
    max: 1_000_000,
    meaning: "Time the first and then every n-th call of a thread; 0: none. 1 by default, and nothing else allowed, \
              beside `slow_call_duration`, `cancelled_after`, a `concurrency_limit` of kind `gradient`, a `timeout` \
              that is learned, or a `hedge` after `p95`.",
};
pub(crate) const CANCELLED_AFTER: Length = Length {
    key: "cancelled_after",
    default: Default::SameAs("slow_call_duration"),
    min: MS,
    max: 168 * HOUR,
    meaning: "A call cancelled or dropped after at least this long is a failure (timed out), not ignored.",
};
pub(crate) const RECOVERY_TIMEOUT: Length = Length {
    key: "recovery_timeout",
    default: Default::Is(60 * SECOND),
    min: MS,
    max: 168 * HOUR,
    meaning: "How long open lasts; the base of `backoff`.",
};
pub(crate) const BACKOFF: &str = "backoff";
pub(crate) const BACKOFF_MEANING: &str = "How repeated openings lengthen `recovery_timeout`.";
pub(crate) const HALF_OPEN_MAX_CALLS: Integer = Integer {
    key: "half_open_max_calls",
    default: 3,
    min: 1,
    max: 64,
    meaning: "How many probes decide in half-open.",
};
pub(crate) const HALF_OPEN_CONCURRENCY: Integer = Integer {
    key: "half_open_concurrency",
    default: 64,
    min: 1,
    max: 64,
    meaning: "How many probes run at the same time; at most and by default `half_open_max_calls`.",
};
pub(crate) const SUCCESS_THRESHOLD: Integer = Integer {
    key: "success_threshold",
    default: 64,
    min: 1,
    max: 64,
    meaning: "Successful probes that close the breaker; at most and by default `half_open_max_calls`.",
};
pub(crate) const HALF_OPEN_TIMEOUT: Length = Length {
    key: "half_open_timeout",
    default: Default::SameAs("recovery_timeout"),
    min: MS,
    max: 168 * HOUR,
    meaning: "How long one probe may take; then it counts as failed.",
};
pub(crate) const RAMP: &str = "ramp";
pub(crate) const RAMP_MEANING: &str =
    "After the probes admit a growing share of the calls before closing. `{}` turns it on.";
pub(crate) const MODE: &str = "mode";
pub(crate) const MODE_MEANING: &str = "Who decides at first: the machine (`auto`), the machine without effect \
                                       (`shadow`), or the operator (`forced_open`, `forced_closed`).";
pub(crate) const SEED: Integer = Integer {
    key: "seed",
    default: 0,
    min: 0,
    max: (1 << 53) - 1,
    meaning: "Seed of the jitter; written, a run can be repeated. Left out it is random per process and breaker.",
};

pub(crate) const KIND: &str = "kind";
pub(crate) const WINDOW_KINDS: [&str; 3] = ["count", "time", "adaptive"];
pub(crate) const SIZE: Integer = Integer {
    key: "size",
    default: 100,
    min: 1,
    max: 65_535,
    meaning: "The window is the last `size` outcomes.",
};
pub(crate) const PERIOD: Length = Length {
    key: "period",
    default: Default::Is(60 * SECOND),
    min: SECOND,
    max: 24 * HOUR,
    meaning: "How far the window looks back.",
};
pub(crate) const BUCKETS: Integer = Integer {
    key: "buckets",
    default: 10,
    min: 1,
    max: 60,
    meaning: "Into how many buckets `period` is divided; must divide it into whole nanoseconds.",
};
pub(crate) const MIN_CALLS: Integer = Integer {
    key: "min_calls",
    default: 20,
    min: 1,
    max: 1_000_000,
    meaning: "Outcomes in the window below which no rate is judged; at most `size` in a count window.",
};
pub(crate) const FAILURE_RATE: Share = Share {
    key: "failure_rate",
    default: Some(5_000),
    low: Exclusive(0),
    high: Inclusive(10_000),
    meaning: "Share of failures that opens the breaker.",
};
pub(crate) const SLOW_CALL_RATE: Share = Share {
    key: "slow_call_rate",
    default: None,
    low: Exclusive(0),
    high: Inclusive(10_000),
    meaning: "Share of slow calls that opens the breaker. Needs `slow_call_duration`.",
};
pub(crate) const MIN_FAILURES: Integer = Integer {
    key: "min_failures",
    default: 5,
    min: 1,
    max: 1_000_000,
    meaning: "Failures in the window below which the adaptive threshold does not open.",
};
pub(crate) const FLOOR: Share = Share {
    key: "floor",
    default: Some(500),
    low: Exclusive(0),
    high: Inclusive(10_000),
    meaning: "Least adaptive threshold; at most `failure_rate`.",
};
pub(crate) const SENSITIVITY: Share = Share {
    key: "sensitivity",
    default: Some(30_000),
    low: Inclusive(10_000),
    high: Inclusive(100_000),
    meaning: "How many standard deviations above the learned share the adaptive threshold lies.",
};
pub(crate) const BASELINE: Share = Share {
    key: "baseline",
    default: Some(100),
    low: Inclusive(0),
    high: Inclusive(10_000),
    meaning: "The learned share at first; at most `failure_rate`.",
};
pub(crate) const MEMORY_CALLS: Integer = Integer {
    key: "memory_calls",
    default: 1_000,
    min: 1,
    max: 1_000_000,
    meaning: "Over how many calls the learned share forgets.",
};

pub(crate) const BACKOFF_KINDS: [&str; 5] =
    ["fixed", "linear", "exponential", "fibonacci", "decorrelated_jitter"];
pub(crate) const BACKOFF_MAX: Length = Length {
    key: "max",
    default: Default::Times(10, "recovery_timeout"),
    min: MS,
    max: 1_680 * HOUR,
    meaning: "The longest an opening lasts; at least `recovery_timeout`. Not for `fixed`.",
};
pub(crate) const MULTIPLIER: Share = Share {
    key: "multiplier",
    default: Some(20_000),
    low: Inclusive(10_000),
    high: Inclusive(1_000_000),
    meaning: "Factor from one opening to the next. For `exponential`.",
};
pub(crate) const RESET_AFTER: Length = Length {
    key: "reset_after",
    default: Default::SameAs("recovery_timeout"),
    min: MS,
    max: 168 * HOUR,
    meaning: "A closed spell at least this long starts the row of openings afresh.",
};
pub(crate) const JITTER: Share = Share {
    key: "jitter",
    default: Some(0),
    low: Inclusive(0),
    high: Inclusive(10_000),
    meaning: "j: multiplies the duration by a random factor in [1 - j, 1 + j).",
};

pub(crate) const RAMP_INITIAL: Share = Share {
    key: "initial",
    default: Some(1_000),
    low: Exclusive(0),
    high: Exclusive(10_000),
    meaning: "Share of the calls that the first step admits.",
};
pub(crate) const RAMP_STEP: Share = Share {
    key: "step",
    default: Some(1_000),
    low: Exclusive(0),
    high: Inclusive(10_000),
    meaning: "By how much the share grows from step to step.",
};
pub(crate) const RAMP_WINDOW_CALLS: Integer = Integer {
    key: "window_calls",
    default: 10,
    min: 1,
    max: 1_000_000,
    meaning: "Settled calls that pass a step.",
};
pub(crate) const RAMP_MAX_FAILURE_RATE: Share = Share {
    key: "max_failure_rate",
    default: Some(1_000),
    low: Inclusive(0),
    high: Exclusive(10_000),
    meaning: "Share of `window_calls` that may fail in a step.",
};
pub(crate) const RAMP_STEP_TIMEOUT: Length = Length {
    key: "step_timeout",
    default: Default::SameAs("recovery_timeout"),
    min: MS,
    max: 168 * HOUR,
    meaning: "A step without a failure is passed after this long.",
};
