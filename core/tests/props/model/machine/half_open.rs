//! What moves a half-open breaker on: probes and their leases, and the steps of the ramp.

use super::Model;
use super::state::{Probe, State};
use crate::model::config::WHOLE;

impl Model {
    /// Takes the leases that have ended, the earliest first, until one of them opens the breaker.
    pub(super) fn expire_probes(&mut self, now: u64) {
        while let State::HalfOpen { in_flight, .. } = &self.state {
            let ended = |probe: &Probe| now >= probe.lease_end;
            let Some(place) = (0..in_flight.len())
                .filter(|place| ended(&in_flight[*place]))
                .min_by_key(|place| in_flight[*place].lease_end)
            else {
                return;
            };
            self.expire_probe(place, now);
        }
    }

    pub(super) fn expire_probe(&mut self, place: usize, now: u64) {
        let State::HalfOpen { in_flight, failures, .. } = &mut self.state else { return };
        in_flight.remove(place);
        *failures += 1;
        self.totals.expired += 1;
        self.judge_probes("probe_expired", now);
    }

    pub(super) fn judge_probes(&mut self, cause_to_open: &'static str, now: u64) {
        let State::HalfOpen { successes, failures, .. } = self.state else { return };
        if successes >= self.plan.success_threshold {
            match &self.plan.ramp {
                None => self.close_recovered("probes_succeeded", now),
                Some(ramp) => self.enter(State::ramp(ramp, now), "probes_succeeded", now),
            }
        } else if failures > self.plan.half_open_max_calls - self.plan.success_threshold {
            self.open(cause_to_open, now);
        }
    }

    pub(super) fn pass_ramp_step_by_time(&mut self, now: u64) {
        let (State::Ramp { began, failures, .. }, Some(plan)) = (&self.state, &self.plan.ramp) else {
            return;
        };
        if *failures == 0 && now >= began.saturating_add(plan.step_timeout) {
            self.pass_ramp_step(now);
        }
    }

    pub(super) fn count_in_ramp(&mut self, failed: bool, now: u64) {
        let (State::Ramp { settled, failures, .. }, Some(plan)) = (&mut self.state, &self.plan.ramp) else {
            return;
        };
        *settled += 1;
        *failures += u64::from(failed);
        if *failures * WHOLE > plan.max_failure_rate * plan.window_calls {
            self.open("ramp_failed", now);
        } else if *settled >= plan.window_calls {
            self.pass_ramp_step(now);
        }
    }

    fn pass_ramp_step(&mut self, now: u64) {
        let (State::Ramp { share, step, .. }, Some(plan)) = (&self.state, &self.plan.ramp) else { return };
        let (share, step) = (share + plan.step, step + 1);
        if share >= WHOLE {
            self.close_recovered("ramp_completed", now);
        } else {
            self.state = State::Ramp { share, step, began: now, acquires: 0, settled: 0, failures: 0 };
        }
    }
}
