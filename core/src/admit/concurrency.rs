//! The limit that finds itself: pure rules (policies §5), in doubles and in the order in which the policy writes them.

use super::{LimitKind, LimitRules};
use crate::backoff::ONE_BP;
use crate::clock::Nanos;

const SECOND: Nanos = 1_000_000_000;

const ONE: f64 = ONE_BP as f64;

impl LimitRules {
    fn clamp(&self, limit: f64) -> f64 {
        limit.clamp(self.min as f64, self.max as f64)
    }

    /// AIMD: the limit after a success that was one of `in_flight` calls.
    pub(crate) fn raised(&self, limit: f64, in_flight: u64) -> f64 {
        if 2.0 * in_flight as f64 >= limit { self.clamp(limit + 1.0 / limit) } else { limit }
    }

    /// AIMD: the limit after a failure or a slow call that may cut it.
    pub(crate) fn cut(&self, limit: f64) -> f64 {
        match self.kind {
            LimitKind::Aimd { backoff_bp } => self.clamp(limit * (backoff_bp as f64 / ONE)),
            LimitKind::Gradient { .. } => limit,
        }
    }

    /// Gradient: the limit after a batch of calls, of which at most `most` were in flight at the same time.
    pub(crate) fn follow(&self, limit: f64, gradient: f64, most: u64) -> f64 {
        let LimitKind::Gradient { queue, smoothing_bp, .. } = self.kind else { return limit };
        if 2.0 * (most as f64) < limit {
            return limit;
        }
        self.clamp(limit + smoothing_bp as f64 / ONE * (gradient * limit + queue as f64 - limit))
    }
}

/// AIMD: whether the limit may be cut by an outcome that is the n-th since the last cut.
pub(crate) fn may_cut(limit: f64, nth: u64) -> bool {
    nth >= in_force(limit)
}

/// What of a limit is in force.
pub(crate) fn in_force(limit: f64) -> u64 {
    limit.floor() as u64
}

/// How many successes make a batch, and how long one lasts at least.
pub(crate) const BATCH: u64 = if cfg!(loom) { 2 } else { 10 };
pub(crate) const BATCH_LENGTH: Nanos = SECOND;

/// Samples whose mean is how long calls take in the long run, before it moves by the window.
const WARM_UP: u32 = 10;

/// How long calls take in the long run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LongRun {
    long: f64,
    /// Of the first samples.
    sum: f64,
    samples: u32,
}

impl LongRun {
    /// Takes the mean duration of a batch, above 0, and answers its gradient.
    pub(crate) fn gradient(&mut self, d: f64, tolerance_bp: u64, long_window: u64) -> f64 {
        if self.samples < WARM_UP {
            self.samples += 1;
            self.sum += d;
            self.long = self.sum / f64::from(self.samples);
        } else {
            self.long += 2.0 / (long_window as f64 + 1.0) * (d - self.long);
        }
        let gradient = (tolerance_bp as f64 / ONE * self.long / d).clamp(0.5, 1.0);
        if self.long > 2.0 * d {
            self.long *= 0.95;
        }
        gradient
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admit::QueueRules;
    use crate::admit::priority::LEVELS;

    fn rules(kind: LimitKind) -> LimitRules {
        let queue = QueueRules { max_queue: 0, timeouts: [SECOND; LEVELS] };
        LimitRules { kind, initial: 20, min: 2, max: 200, reserved_bp: [0, 0, 0, 2_500, 5_000], queue }
    }

    fn aimd() -> LimitRules {
        rules(LimitKind::Aimd { backoff_bp: 9_000 })
    }

    fn gradient() -> LimitRules {
        rules(LimitKind::Gradient { tolerance_bp: 15_000, queue: 4, smoothing_bp: 2_000, long_window: 600 })
    }

    #[test]
    fn a_success_raises_a_limit_that_is_half_used() {
        let rules = aimd();
        assert_eq!([9, 10, 20].map(|n| rules.raised(20.0, n)), [20.0, 20.05, 20.05]);
        assert_eq!(rules.raised(199.999, 200), 200.0);
    }

    #[test]
    fn a_cut_multiplies_and_stops_at_the_least() {
        let rules = aimd();
        assert_eq!([20.0, 10.0, 2.1].map(|l| rules.cut(l)), [18.0, 9.0, 2.0]);
        assert_eq!([19, 20].map(|n| may_cut(20.9, n)), [false, true]);
    }

    #[test]
    fn the_long_run_is_a_mean_at_first_and_then_moves_by_its_window() {
        let mut long = LongRun::default();
        let mut take = |d: f64| long.gradient(d, 10_000, 19);
        assert_eq!((take(10.0), take(20.0)), (1.0, 0.75));
        // Nine samples of 10 and one of 20.
        let last = (0..8).map(|_| take(10.0)).last();
        assert_eq!(last, Some(1.0));
        // 11 + (31 - 11) / 10 = 13, and 13 / 31 is less than the least.
        assert_eq!(take(31.0), 0.5);
        assert_eq!(long.long, 13.0);
    }

    #[test]
    fn a_long_run_that_is_far_behind_is_let_go() {
        let mut long = LongRun::default();
        assert_eq!(long.gradient(100.0, 15_000, 600), 1.0);
        assert_eq!(long.gradient(10.0, 15_000, 600), 1.0);
        assert_eq!(long.long, 55.0 * 0.95);
    }

    #[test]
    fn a_limit_follows_its_gradient_unless_it_is_hardly_used() {
        let rules = gradient();
        assert_eq!(rules.follow(20.0, 1.0, 10), 20.0 + 0.2 * 4.0);
        assert_eq!(rules.follow(20.0, 0.5, 10), 20.0 + 0.2 * (10.0 + 4.0 - 20.0));
        assert_eq!(rules.follow(20.0, 0.5, 9), 20.0);
        assert_eq!((rules.follow(200.0, 1.0, 200), rules.follow(2.0, 0.5, 2)), (200.0, 2.6));
    }
}
