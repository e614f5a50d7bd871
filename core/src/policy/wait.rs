//! How long a retry waits (policies §7).

use crate::clock::Nanos;

/// How waits grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum WaitKind {
    Fixed,
    Linear,
    Exponential,
    Fibonacci,
    DecorrelatedJitter,
    ResourceSensitive,
    PatternBased,
    Adaptive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WaitRules {
    pub kind: WaitKind,
    pub base: Nanos,
    /// `fixed` has none of its own: 0.
    pub max: Nanos,
    /// Of the kinds in which an exponential wait occurs; 0 for others.
    pub multiplier_bp: u64,
    pub jitter_bp: u64,
}
