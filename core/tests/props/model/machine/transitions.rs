//! The transitions, and what each keeps.

use super::Model;
use super::state::{Detector, Frozen, State};
use crate::model::{Event, backoff};

impl Model {
    pub(super) fn open(&mut self, cause: &'static str, now: u64) {
        let k_before = self.k;
        self.k = match self.state {
            State::Closed { since, .. } if now.saturating_sub(since) >= self.plan.backoff.reset_after => 1,
            State::Open { .. } => self.k.max(1),
            _ => self.k + 1,
        };
        let still_the_first = matches!(self.state, State::Open { .. }) && k_before == 1;
        if self.k == 1 && !still_the_first {
            self.row_began = Some(now);
        }
        let duration = backoff::duration(&self.plan, self.k, self.opened + 1, self.previous_duration);
        self.previous_duration = duration;
        self.open_for(duration, cause, now);
    }

    pub(super) fn open_for(&mut self, duration: u64, cause: &'static str, now: u64) {
        self.opened += 1;
        let frozen = self.counted(now);
        self.enter(State::Open { until: now.saturating_add(duration), frozen }, cause, now);
    }

    pub(super) fn close_recovered(&mut self, cause: &'static str, now: u64) {
        if let Some(began) = self.row_began.take() {
            self.recoveries.push(now.saturating_sub(began));
        }
        self.enter(State::closed(&self.plan, now), cause, now);
    }

    pub(super) fn close_for_good(&mut self, cause: &'static str, now: u64) {
        self.k = 0;
        self.row_began = None;
        self.enter(State::closed(&self.plan, now), cause, now);
    }

    /// A transition from a state to itself: a closed spell and an open deadline go on, probes begin again.
    pub(super) fn enter_same_state(&mut self, keeps_counts: bool, cause: &'static str, now: u64) {
        let same = match &self.state {
            State::Closed { since, detector } => {
                let detector = if keeps_counts { detector.clone() } else { Detector::new(&self.plan) };
                State::Closed { since: *since, detector }
            }
            State::Open { until, frozen } => {
                let another_detector = cause == "reconfigured" && !keeps_counts;
                State::Open {
                    until: *until,
                    frozen: if another_detector { Frozen::default() } else { *frozen },
                }
            }
            State::HalfOpen { .. } | State::Ramp { .. } => State::half_open(),
        };
        self.enter(same, cause, now);
    }

    pub(super) fn enter(&mut self, next: State, cause: &'static str, now: u64) {
        self.generation += 1;
        let event =
            Event { from: self.state.name(), to: next.name(), cause, generation: self.generation, at: now };
        self.last = Some(event.clone());
        self.events.push(event);
        self.state = next;
        self.quiet_since = now;
    }
}
