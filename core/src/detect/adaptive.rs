//! A threshold that follows the service's own history (semantics §4, adaptive).

use super::{Exceeded, Rates, Sums};
use crate::backoff::ONE_BP;

/// What the plan says of it beside the rates; `failure_rate` is the upper end of the threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Adaptive {
    pub min_failures: u64,
    pub floor_bp: u64,
    pub sensitivity_bp: u64,
    pub baseline_bp: u64,
    pub memory_calls: u64,
}

const ONE: f64 = ONE_BP as f64;

impl Adaptive {
    /// The learned share of a service that nobody has watched yet.
    pub(crate) fn baseline(&self) -> f64 {
        self.baseline_bp as f64 / ONE
    }

    /// theta: the share of failures that opens, given the learned share `b`.
    pub(crate) fn threshold(&self, rates: &Rates, b: f64, total: u64) -> f64 {
        let spread = self.sensitivity_bp as f64 / ONE * (b * (1.0 - b) / total as f64).sqrt();
        (b + spread).max(self.floor_bp as f64 / ONE).min(rates.failure_bp as f64 / ONE)
    }

    pub(crate) fn judge(&self, rates: &Rates, b: f64, s: Sums) -> Option<Exceeded> {
        if s.total < rates.min_calls {
            return None;
        }
        let theta = self.threshold(rates, b, s.total);
        if s.failures >= self.min_failures && s.failures as f64 >= theta * s.total as f64 {
            return Some(Exceeded::FailureRate);
        }
        rates.judge_slow(s)
    }

    /// The learned share after a bucket of the past with `bucket.total > 0` outcomes.
    pub(crate) fn learn(&self, b: f64, bucket: Sums) -> f64 {
        let n = bucket.total as f64;
        b + (bucket.failures as f64 / n - b) * n / (n + self.memory_calls as f64)
    }
}
