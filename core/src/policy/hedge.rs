//! A second attempt beside one that takes long (policies §9).

use crate::clock::Nanos;

/// When the other attempt begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Fixed(Nanos),
    /// The 95th percentile of the last 100 first attempts.
    P95,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HedgeRules {
    pub after: After,
    /// Hedges of one attempt.
    pub max: u64,
}
