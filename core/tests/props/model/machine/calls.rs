//! Asking, settling and dropping: what a call changes.

use super::Model;
use super::state::{Detector, Mode, Probe, Rejection, State};
use crate::model::config::WHOLE;
use crate::model::window::{cause_to_open, learn};
use crate::model::{Answer, LastFailure, Outcome, Settled};

const LONGEST_ERROR_TYPE: usize = 64;

impl Model {
    pub fn acquire(&mut self, now: u64) -> Answer {
        let answer = match self.mode {
            Mode::ForcedClosed => Ok(()),
            Mode::ForcedOpen => Err(Rejection { reason: "forced_open", retry_after: None }),
            Mode::Auto | Mode::Shadow => self.ask_machine(now),
        };
        match answer {
            Ok(()) => Answer::Admitted { permit: self.admit(self.mode.is_forced(), now), would_reject: None },
            Err(Rejection { reason, .. }) if self.mode == Mode::Shadow => {
                *self.totals.would_reject.entry(reason).or_default() += 1;
                Answer::Admitted { permit: self.admit(true, now), would_reject: Some(reason) }
            }
            Err(Rejection { reason, retry_after }) => {
                *self.totals.rejected.entry(reason).or_default() += 1;
                Answer::Rejected { reason, retry_after }
            }
        }
    }

    pub fn settle(
        &mut self,
        permit: u64,
        outcome: Outcome,
        duration: Option<u64>,
        error_type: Option<&str>,
        now: u64,
    ) -> Settled {
        let given = &mut self.permits[permit as usize];
        if given.settled {
            return Settled::AlreadySettled;
        }
        given.settled = true;
        let measured = given.timed.then(|| now.saturating_sub(given.admitted_at));
        let is_late = given.generation != self.generation && !given.bypasses;
        let for_totals_only = given.for_totals_only;

        let slow = outcome != Outcome::Ignored && self.is_slow(duration.or(measured));
        self.count_in_totals(outcome, slow, error_type, now);
        let settled = if is_late {
            Settled::Late
        } else if for_totals_only {
            Settled::Ok
        } else {
            self.tell_machine(permit, outcome, slow, now)
        };
        if settled == Settled::Late {
            self.totals.late += 1;
        }
        settled
    }

    pub fn drop_permit(&mut self, permit: u64, now: u64) {
        let given = &self.permits[permit as usize];
        let elapsed = given.timed.then(|| now.saturating_sub(given.admitted_at));
        if elapsed.zip(self.plan.cancelled_after).is_some_and(|(elapsed, limit)| elapsed >= limit) {
            self.settle(permit, Outcome::Failure, elapsed, Some("timeout"), now);
        } else {
            self.settle(permit, Outcome::Ignored, elapsed, None, now);
        }
    }

    fn admit(&mut self, for_totals_only: bool, now: u64) -> u64 {
        let permit = self.give(for_totals_only, false, now);
        if let (false, State::HalfOpen { in_flight, .. }) = (for_totals_only, &mut self.state) {
            let lease_end = now.saturating_add(self.plan.half_open_timeout);
            in_flight.push(Probe { permit, lease_end });
        }
        permit
    }

    fn ask_machine(&mut self, now: u64) -> Result<(), Rejection> {
        self.poll(now);
        let plan = &self.plan;
        match &mut self.state {
            State::Closed { .. } => Ok(()),
            State::Open { until, .. } => {
                Err(Rejection { reason: "open", retry_after: Some(until.saturating_sub(now)) })
            }
            State::HalfOpen { in_flight, successes, failures } => {
                let running = in_flight.len() as u64;
                let has_place = running < plan.half_open_concurrency
                    && *successes + *failures + running < plan.half_open_max_calls;
                if has_place {
                    return Ok(());
                }
                let earliest = in_flight.iter().map(|probe| probe.lease_end).min();
                let retry_after = earliest.map(|end| end.saturating_sub(now));
                Err(Rejection { reason: "half_open_full", retry_after })
            }
            State::Ramp { share, acquires, .. } => {
                let before = *acquires * *share / WHOLE;
                *acquires += 1;
                if *acquires * *share / WHOLE > before {
                    Ok(())
                } else {
                    Err(Rejection { reason: "ramp", retry_after: None })
                }
            }
        }
    }

    pub(super) fn is_slow(&self, duration: Option<u64>) -> bool {
        duration.zip(self.plan.slow_call_duration).is_some_and(|(duration, limit)| duration >= limit)
    }

    fn count_in_totals(&mut self, outcome: Outcome, slow: bool, error_type: Option<&str>, now: u64) {
        match outcome {
            Outcome::Success => self.totals.success += 1,
            Outcome::Ignored => self.totals.ignored += 1,
            Outcome::Failure => {
                self.totals.failure += 1;
                let error_type = error_type.map(|text| cut(text, LONGEST_ERROR_TYPE).to_owned());
                self.last_failure = Some(LastFailure { error_type, at: now });
            }
        }
        self.totals.slow += u64::from(slow);
    }

    /// The outcome of a permit of this generation that the machine gave.
    fn tell_machine(&mut self, permit: u64, outcome: Outcome, slow: bool, now: u64) -> Settled {
        let failed = outcome == Outcome::Failure || slow && self.plan.slow_probes_fail();
        match &mut self.state {
            State::Open { .. } => Settled::Late,
            State::Closed { .. } => {
                if outcome != Outcome::Ignored {
                    self.tell_detector(outcome == Outcome::Failure, slow, now);
                }
                Settled::Ok
            }
            State::HalfOpen { in_flight, successes, failures } => {
                let Some(place) = in_flight.iter().position(|probe| probe.permit == permit) else {
                    return Settled::Late;
                };
                if now >= in_flight[place].lease_end {
                    self.expire_probe(place, now);
                    return Settled::Late;
                }
                in_flight.remove(place);
                match (outcome, failed) {
                    (Outcome::Ignored, _) => return Settled::Ok,
                    (_, true) => *failures += 1,
                    (_, false) => *successes += 1,
                }
                self.judge_probes("probe_failed", now);
                Settled::Ok
            }
            State::Ramp { .. } => {
                if outcome == Outcome::Ignored {
                    return Settled::Ok;
                }
                let generation = self.generation;
                self.pass_ramp_step_by_time(now);
                if self.generation != generation {
                    return Settled::Late;
                }
                self.count_in_ramp(failed, now);
                Settled::Ok
            }
        }
    }

    fn tell_detector(&mut self, failed: bool, slow: bool, now: u64) {
        let State::Closed { detector, .. } = &mut self.state else { return };
        let cause = match (detector, &self.plan.window) {
            (Detector::Window(window), Some(plan)) => {
                let displaced = window.record(failed, slow, now);
                if let (Some(counts), Some(adaptive)) = (displaced, &plan.adaptive) {
                    self.learned = learn(adaptive, self.learned, counts);
                }
                cause_to_open(plan, window.counts(now), self.learned)
            }
            (Detector::Consecutive { failures }, _) => {
                *failures = if failed { *failures + 1 } else { 0 };
                (*failures >= self.plan.failure_threshold).then_some("failure_threshold")
            }
            (Detector::Window(_), None) => unreachable!("a window is judged by a window's plan"),
        };
        if let Some(cause) = cause {
            self.open(cause, now);
        }
    }
}

/// At most `longest` bytes of `text`, never a part of a character.
fn cut(text: &str, longest: usize) -> &str {
    let mut end = text.len().min(longest);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
