//! How long a call may take (policies §6).

use crate::clock::Nanos;

/// How a limit follows from the durations of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum LearnKind {
    Percentile,
    Adaptive,
    Hybrid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LearnRules {
    pub kind: LearnKind,
    pub percentile_bp: u64,
    pub factor_bp: u64,
    pub min: Nanos,
    pub max: Nanos,
    /// Over so many calls.
    pub window: u64,
    /// Until ten are known.
    pub initial: Nanos,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeoutRules {
    Fixed(Nanos),
    Learned(LearnRules),
}
