//! What a breaker looks like to people: one instant of the machine, and totals that may be a moment younger.

use crate::admit::priority::{LEVELS, Priority};
use crate::clock::Nanos;
use crate::error::{REASONS, Reason};
use crate::histogram::Distribution;
use crate::ledger::LastFailure;
use crate::machine::Cause;
use crate::name::Name;
use crate::outcome::Totals;
use crate::policy::category::Category;
use crate::policy::feature::FeatureState;
use crate::policy::retry::Denied;
use crate::word::{Mode, State};

/// A breaker at one instant.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The breaker's name.
    pub name: Name,
    /// The effective state: open past its deadline reads half-open.
    pub state: State,
    /// The state as it is stored.
    pub stored_state: State,
    /// The mode.
    pub mode: Mode,
    /// Transitions so far.
    pub generation: u64,
    /// Openings so far.
    pub opened: u64,
    /// Openings in a row: k of the backoff.
    pub openings_in_a_row: u64,
    /// In nanoseconds; `None` in closed and half-open, and in a forced mode; 0 in open past its deadline.
    pub retry_after: Option<Nanos>,
    /// `None` with a window.
    pub consecutive_failures: Option<u32>,
    /// `None` without a window. While open: as it was when the breaker opened.
    pub window: Option<WindowCounts>,
    /// 0 throughout outside half-open, and during a ramp.
    pub half_open: HalfOpenCounts,
    /// `None` outside a ramp.
    pub ramp: Option<RampCounts>,
    /// `None` without `rate_limit`.
    pub rate_limit: Option<RateLimitCounts>,
    /// `None` without `bulkhead` and `concurrency_limit`.
    pub bulkhead: Option<BulkheadCounts>,
    /// What the gates counted; `None` of a breaker that never had any.
    pub gates: Option<GateCounts>,
    /// How long a call without a deadline of its own may take, in nanoseconds; `None` without `timeout`.
    pub timeout: Option<Nanos>,
    /// `None` without `retry`.
    pub retry: Option<RetryCounts>,
    /// The rungs of the fallback; none without `fallback` and `cache`.
    pub fallbacks: Vec<FallbackCounts>,
    /// `None` without `cache`.
    pub cache: Option<CacheCounts>,
    /// `None` without `hedge`.
    pub hedge: Option<HedgeCounts>,
    /// In the document's order; none without `features`.
    pub features: Vec<FeatureCounts>,
    /// The totals.
    pub totals: Totals,
    /// The last transition; `None` before the first.
    pub last: Option<Transition>,
    /// The last failure.
    pub last_failure: Option<LastFailure>,
    /// Failures by error type, the first twenty types. What is missing from the total of failures had no type or one of
    /// the others.
    pub failures_by_type: Vec<(String, u64)>,
    /// Durations of the calls that were timed: of successes, failures and ignored calls.
    pub durations: [Distribution; 3],
    /// Upper bounds of the buckets of `durations`, in nanoseconds.
    pub duration_bounds: Vec<Nanos>,
    /// Times from the first opening of a row to the next close by success.
    pub recoveries: Distribution,
    /// Transitions by the codes of the state before and the state after; not from a state to itself.
    pub changes: [[u64; 3]; 3],
}

/// What a window holds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WindowCounts {
    /// Outcomes in the window.
    pub total: u64,
    /// How many of them failed.
    pub failures: u64,
    /// How many of them were slow.
    pub slow: u64,
    /// `None` until `min_calls` are there.
    pub failure_rate: Option<f64>,
    /// `None` until `min_calls` are there, and when no slow-call rate is configured.
    pub slow_call_rate: Option<f64>,
    /// Adaptive: the learned share of failures.
    pub baseline: Option<f64>,
    /// Adaptive: the share that opens; `None` until `min_calls` are there.
    pub threshold: Option<f64>,
}

/// The probes of half-open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HalfOpenCounts {
    /// Probes admitted and not settled.
    pub in_flight: u32,
    /// Probes that succeeded.
    pub successes: u32,
    /// Probes that failed or expired.
    pub failures: u32,
}

/// The running step of a ramp.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RampCounts {
    /// The share of the calls that is admitted.
    pub share: f64,
    /// The step, from 1.
    pub step: u32,
    /// Calls settled in this step.
    pub settled: u32,
    /// How many of them failed.
    pub failures: u32,
}

/// The rate limit.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RateLimitCounts {
    /// The rate in force, in calls a second; of a window its limit.
    pub rate: f64,
    /// Whole tokens that a critical call finds, or what is left of a window's limit; `None` for a leaky bucket.
    pub available: Option<u64>,
    /// How long a critical call of cost 1 would be turned away, in nanoseconds; `None` when it would not.
    pub retry_after: Option<Nanos>,
}

/// Slots, of a bulkhead or a concurrency limit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkheadCounts {
    /// Calls that have a slot, by the code of their level: [`Priority`] as a number.
    pub by_level: [u64; LEVELS],
    /// Calls that wait for one, likewise.
    pub queued: [u64; LEVELS],
    /// Slots in all.
    pub limit: u64,
    /// Slots that are kept for a level, likewise.
    pub reserved: [u64; LEVELS],
    /// How long waits were that ended, but for those that were cancelled.
    pub waits: Distribution,
}

impl BulkheadCounts {
    /// Calls that have a slot.
    pub fn in_flight(&self) -> u64 {
        self.by_level.iter().sum()
    }

    /// Calls that wait for one.
    pub fn waiting(&self) -> u64 {
        self.queued.iter().sum()
    }
}

/// What the gates let in and turned away.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GateCounts {
    /// The lowest level that is let in.
    pub min_priority: Priority,
    /// Calls that were admitted, by the code of their level.
    pub admitted: [u64; LEVELS],
    /// Calls that were turned away, by the code of the [`Reason`] and of their level. Those by a breaker that is closed
    /// for good are in the totals alone.
    pub refused: [[u64; LEVELS]; REASONS],
}

/// Retries of calls that were made step by step.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetryCounts {
    /// How many may begin now; `None` with `budget: false`.
    pub budget: Option<u64>,
    /// How well the kinds have done that `adaptive` chooses from, 0 to 1, by the name of each; `None` for other kinds.
    pub scores: Option<[(&'static str, f64); 3]>,
    /// Retries by the code of the [`Category`] of the failure that they followed.
    pub by_category: [u64; Category::ALL.len()],
    /// Retries that followed a rejection.
    pub rejected: u64,
    /// Retries that were denied, by the code of why: [`Denied`].
    pub denied: [u64; Denied::ALL.len()],
}

/// One rung of the fallback.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FallbackCounts {
    /// As the document writes it.
    pub rung: String,
    /// How often it has answered.
    pub answered: u64,
    /// How often it could not.
    pub failed: u64,
}

/// What is known of earlier calls' values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheCounts {
    /// Values that are kept.
    pub entries: u64,
    /// How often a fresh one has answered.
    pub fresh: u64,
    /// How often a stale one has answered.
    pub stale: u64,
    /// How often there was none when one was to answer.
    pub absent: u64,
}

/// Attempts that were started beside others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HedgeCounts {
    /// How long an attempt goes on before another is started, in nanoseconds; `None` while that is not known.
    pub after: Option<Nanos>,
    /// How many were started.
    pub begun: u64,
    /// How many of them answered first.
    pub won: u64,
}

/// A feature.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FeatureCounts {
    /// Its name.
    pub name: String,
    /// Whether its calls are let in.
    pub state: FeatureState,
    /// The share of successes in this state, of the last 50 outcomes at most; `None` without any.
    pub health: Option<f64>,
    /// Calls that all gates let in.
    pub admitted: u64,
    /// Calls that were turned away because it is disabled.
    pub refused: u64,
    /// Settled as success, not too late for the breaker.
    pub successes: u64,
    /// Likewise as failure.
    pub failures: u64,
}

/// The last transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transition {
    /// What led to it.
    pub cause: Cause,
    /// The state before.
    pub from: State,
    /// The state after.
    pub to: State,
    /// When, on the breaker's clock.
    pub at: Nanos,
}

impl Totals {
    /// Rejections for that reason.
    pub fn rejected_by(&self, reason: Reason) -> u64 {
        self.rejected[reason as usize]
    }

    /// What shadow mode would have rejected for that reason.
    pub fn would_reject_by(&self, reason: Reason) -> u64 {
        self.would_reject[reason as usize]
    }
}
