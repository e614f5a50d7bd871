//! Gates before the machine: pure rules (policies §1 to §5).

mod at_once;
pub(crate) mod bulkhead;
pub(crate) mod concurrency;
pub(crate) mod deadlines;
mod lane;
pub(crate) mod limit;
pub(crate) mod limiter;
pub(crate) mod limits;
pub(crate) mod line;
pub(crate) mod pace;
pub(crate) mod priority;
pub(crate) mod queue;
pub(crate) mod rate;
pub(crate) mod ring;
pub(crate) mod slots;
pub(crate) mod wake;

use crate::admit::priority::{LEVELS, Priority};
use crate::clock::Nanos;

/// The gates that a plan has.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Admission {
    pub rate: Option<RateRules>,
    pub priority: Option<PriorityRules>,
    pub slots: Option<SlotRules>,
}

impl Admission {
    /// Whether a gate judges by how long calls take.
    pub(crate) fn needs_every_duration(&self) -> bool {
        matches!(self.slots, Some(SlotRules::Limit(LimitRules { kind: LimitKind::Gradient { .. }, .. })))
    }
}

/// `rate_limit`, as the plan has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum RateRules {
    Token { rate: f64, burst: u64, reserve: [u64; LEVELS], pace: Option<Pace> },
    Leaky { rate: f64, max_wait: Nanos, pace: Option<Pace> },
    Fixed { limit: u64, window: Nanos },
    Sliding { limit: u64, window: Nanos },
}

/// How the rate follows the outcomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pace {
    pub min: f64,
    pub max: f64,
    pub scale_bp: u64,
    pub cooldown: Nanos,
    pub lower_above_bp: u64,
    pub raise_below_bp: u64,
}

/// `priority`, as the plan has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PriorityRules {
    pub min: Priority,
    pub half_open_min: Option<Priority>,
    pub open_bypass: Option<Priority>,
}

/// `bulkhead` or `concurrency_limit`: what bounds the calls in flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SlotRules {
    Bulkhead(BulkheadRules),
    Limit(LimitRules),
}

impl SlotRules {
    pub(crate) fn queue(&self) -> &QueueRules {
        match self {
            SlotRules::Bulkhead(rules) => &rules.queue,
            SlotRules::Limit(rules) => &rules.queue,
        }
    }
}

/// `bulkhead`, as the plan has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BulkheadRules {
    pub max_concurrent: u64,
    /// Slots, by the level's code.
    pub reserved: [u64; LEVELS],
    pub queue: QueueRules,
}

/// Where calls wait for a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueueRules {
    pub max_queue: u64,
    /// How long a call waits, by the level's code.
    pub timeouts: [Nanos; LEVELS],
}

/// `concurrency_limit`, as the plan has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LimitRules {
    pub kind: LimitKind,
    pub initial: u64,
    pub min: u64,
    pub max: u64,
    /// Shares of the limit in ten-thousandths, by the level's code.
    pub reserved_bp: [u64; LEVELS],
    pub queue: QueueRules,
}

/// How the limit finds itself; shares in ten-thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LimitKind {
    Aimd { backoff_bp: u64 },
    Gradient { tolerance_bp: u64, queue: u64, smoothing_bp: u64, long_window: u64 },
}
