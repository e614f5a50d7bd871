//! Gates before the machine: pure rules (policies §1 to §5).

pub(crate) mod bulkhead;
pub(crate) mod deadlines;
pub(crate) mod limits;
pub(crate) mod line;
pub(crate) mod priority;
pub(crate) mod queue;
pub(crate) mod rate;
pub(crate) mod slots;
pub(crate) mod wake;

use crate::clock::Nanos;
use priority::{LEVELS, Priority};

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
