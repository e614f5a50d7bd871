//! The whole of what can be seen.

use super::Model;
use super::state::{Frozen, State};
use crate::model::window::{Counts, fraction, threshold};
use crate::model::{HalfOpenCounts, RampCounts, Snapshot, WindowCounts};

impl Model {
    pub fn snapshot(&self, now: u64) -> Snapshot {
        let (state, retry_after) = match &self.state {
            State::Open { until, .. } if !self.mode.is_forced() => {
                let effective = if now >= *until { "half_open" } else { "open" };
                (effective, Some(until.saturating_sub(now)))
            }
            state => (state.name(), None),
        };
        let counted = self.counted(now);
        Snapshot {
            state,
            stored_state: self.state.name(),
            mode: self.mode.name(),
            generation: self.generation,
            opened: self.opened,
            openings_in_a_row: self.k,
            retry_after,
            consecutive_failures: self.plan.window.is_none().then_some(counted.consecutive_failures),
            window: self.window_counts(counted.window),
            half_open: match &self.state {
                State::HalfOpen { in_flight, successes, failures } => HalfOpenCounts {
                    in_flight: in_flight.len() as u64,
                    successes: *successes,
                    failures: *failures,
                },
                _ => HalfOpenCounts::default(),
            },
            ramp: match self.state {
                State::Ramp { share, step, settled, failures, .. } => {
                    Some(RampCounts { share: fraction(share), step, settled, failures })
                }
                _ => None,
            },
            totals: self.totals.clone(),
            last: self.last.clone(),
            last_failure: self.last_failure.clone(),
        }
    }

    fn window_counts(&self, counts: Counts) -> Option<WindowCounts> {
        let plan = self.plan.window.as_ref()?;
        let enough = counts.total >= plan.min_calls;
        let rate = |part: u64| part as f64 / counts.total as f64;
        Some(WindowCounts {
            total: counts.total,
            failures: counts.failures,
            slow: counts.slow,
            failure_rate: enough.then(|| rate(counts.failures)),
            slow_call_rate: (enough && plan.slow_call_rate.is_some()).then(|| rate(counts.slow)),
            baseline: plan.adaptive.as_ref().map(|_| self.learned),
            threshold: plan
                .adaptive
                .as_ref()
                .filter(|_| enough)
                .map(|adaptive| threshold(plan, adaptive, self.learned, counts.total)),
        })
    }

    /// What the detector has counted; in open, what it had counted when the breaker opened.
    pub(super) fn counted(&self, now: u64) -> Frozen {
        match &self.state {
            State::Closed { detector, .. } => detector.counts(now),
            State::Open { frozen, .. } => *frozen,
            State::HalfOpen { .. } | State::Ramp { .. } => Frozen::default(),
        }
    }
}
