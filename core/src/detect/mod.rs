//! Detectors: what opens a closed breaker (semantics §4).

pub(crate) mod adaptive;
pub(crate) mod consecutive;
pub(crate) mod count;
pub(crate) mod time;

use crate::backoff::ONE_BP;
use adaptive::Adaptive;

/// What a window holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub total: u64,
    pub failures: u64,
    /// Slow successes and slow failures alike.
    pub slow: u64,
}

impl Sums {
    pub(crate) fn add(&mut self, other: Sums) {
        self.total += other.total;
        self.failures += other.failures;
        self.slow += other.slow;
    }
}

/// One outcome, as a window sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub failure: bool,
    pub slow: bool,
}

impl Mark {
    /// Neither a failure nor slow: it cannot raise a rate.
    #[inline]
    pub(crate) fn is_good(self) -> bool {
        !self.failure && !self.slow
    }
}

/// Which threshold is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exceeded {
    FailureRate,
    SlowCallRate,
}

/// The thresholds of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rates {
    pub min_calls: u64,
    pub failure_bp: u64,
    pub slow_bp: Option<u64>,
}

impl Rates {
    pub(crate) fn judge(&self, s: Sums) -> Option<Exceeded> {
        if s.total < self.min_calls {
            None
        } else if s.failures * ONE_BP >= self.failure_bp * s.total {
            Some(Exceeded::FailureRate)
        } else {
            self.judge_slow(s)
        }
    }

    pub(crate) fn judge_slow(&self, s: Sums) -> Option<Exceeded> {
        let bp = self.slow_bp?;
        (s.total >= self.min_calls && s.slow * ONE_BP >= bp * s.total).then_some(Exceeded::SlowCallRate)
    }

    /// How many more failures or slow calls it takes at least until a threshold can be reached, given that the total
    /// does not shrink. 1 and up.
    fn margin(&self, s: Sums) -> u64 {
        let total = s.total.max(self.min_calls);
        let missing = |bp: u64, have: u64| (bp * total).div_ceil(ONE_BP).saturating_sub(have);
        let slow = self.slow_bp.map_or(u64::MAX, |bp| missing(bp, s.slow));
        missing(self.failure_bp, s.failures).min(slow).max(1)
    }
}

/// The detector of a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Detector {
    Consecutive { threshold: u32 },
    Count { size: u32, rates: Rates },
    Time { window: time::Period, rates: Rates, adaptive: Option<Adaptive> },
}

impl Detector {
    /// The window's thresholds, if there is a window.
    pub(crate) fn rates(&self) -> Option<&Rates> {
        match self {
            Detector::Consecutive { .. } => None,
            Detector::Count { rates, .. } | Detector::Time { rates, .. } => Some(rates),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_neither_a_failure_nor_slow_is_good() {
        let good = |failure, slow| Mark { failure, slow }.is_good();
        assert_eq!((good(false, false), good(false, true)), (true, false));
        assert_eq!((good(true, false), good(true, true)), (false, false));
    }

    #[test]
    fn the_margin_is_what_is_missing_to_the_nearer_threshold() {
        let rates = |slow_bp| Rates { min_calls: 20, failure_bp: 5_000, slow_bp };
        let sums = |total, failures, slow| Sums { total, failures, slow };
        assert_eq!(rates(None).margin(sums(100, 10, 99)), 40);
        assert_eq!(rates(None).margin(sums(99, 10, 0)), 40);
        assert_eq!(rates(None).margin(sums(3, 1, 0)), 9, "not before the minimum is reached");
        assert_eq!(rates(None).margin(sums(100, 60, 0)), 1);
        assert_eq!(rates(Some(8_000)).margin(sums(100, 10, 20)), 40);
        assert_eq!(rates(Some(8_000)).margin(sums(100, 10, 60)), 20);
    }
}
