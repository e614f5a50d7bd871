//! How many retries and hedges a breaker may begin (policies §7).

use crate::clock::Nanos;

/// Retries and hedges in `window` are at most `floor(ratio * first attempts) + floor(min_per_second * window)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BudgetRules {
    pub ratio_bp: u64,
    pub min_per_second: f64,
    pub window: Nanos,
}
