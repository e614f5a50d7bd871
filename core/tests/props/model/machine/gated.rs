//! The machine as a call sees it that has gates to pass: it looks first, and takes its place when all gates admit it.

use super::Model;
use super::state::{Mode, Permit, Probe, Rejection, State};
use crate::model::config::WHOLE;
use serde_json::Value;

/// The generation in whose ramp a call has drawn its number, and whether that number is admitted.
pub type Drawn = Option<(u64, bool)>;

impl Model {
    /// Why a call would be turned away. Carries out what is due, but for the move from open to half-open, and draws a
    /// number in a ramp.
    pub fn look(
        &mut self,
        stands_back: bool,
        drawn: &mut Drawn,
        now: u64,
    ) -> Result<(), (&'static str, Option<u64>)> {
        match self.mode {
            Mode::ForcedClosed => return Ok(()),
            Mode::ForcedOpen => return Err(("forced_open", None)),
            Mode::Auto | Mode::Shadow => {}
        }
        if !matches!(self.state, State::Open { .. }) {
            self.poll(now);
        }
        self.look_at_state(stands_back, drawn, now).map_err(|r| (r.reason, r.retry_after))
    }

    fn look_at_state(&mut self, stands_back: bool, drawn: &mut Drawn, now: u64) -> Result<(), Rejection> {
        let generation = self.generation;
        let no_probe_until = self.quiet_since.saturating_add(self.plan.half_open_timeout);
        let no_probe_until = Some(no_probe_until).filter(|end| stands_back && now < *end);
        let rejected =
            |reason, until: Option<u64>| Err(Rejection { reason, retry_after: until.map(|at| at - now) });
        match &mut self.state {
            State::Closed { .. } => Ok(()),
            State::Open { until, .. } if now < *until => rejected("open", Some(*until)),
            State::Open { until, .. } => {
                let end = until.saturating_add(self.plan.half_open_timeout);
                if stands_back && now < end { rejected("open", Some(end)) } else { Ok(()) }
            }
            State::HalfOpen { in_flight, successes, failures } => {
                let running = in_flight.len() as u64;
                let has_place = running < self.plan.half_open_concurrency
                    && *successes + *failures + running < self.plan.half_open_max_calls;
                if has_place && no_probe_until.is_none() {
                    return Ok(());
                }
                let first_lease = in_flight.iter().map(|probe| probe.lease_end).min();
                rejected("half_open_full", first_lease.into_iter().chain(no_probe_until).min())
            }
            State::Ramp { share, acquires, .. } => {
                let known = drawn.filter(|(of, _)| *of == generation);
                let (_, is_admitted) = *drawn.insert(known.unwrap_or_else(|| {
                    *acquires += 1;
                    (generation, *acquires * *share / WHOLE > (*acquires - 1) * *share / WHOLE)
                }));
                if is_admitted { Ok(()) } else { rejected("ramp", None) }
            }
        }
    }

    /// Takes the machine's place for a call that it does not turn away, which begins `wait` later.
    pub fn take(&mut self, wait: u64, now: u64) -> u64 {
        let is_forced = self.mode.is_forced();
        if let (State::Open { .. }, false) = (&self.state, is_forced) {
            self.enter(State::half_open(), "recovery_timeout", now);
        }
        let permit = self.give(is_forced, false, now + wait);
        if let (false, State::HalfOpen { in_flight, .. }) = (is_forced, &mut self.state) {
            let lease_end = (now + wait).saturating_add(self.plan.half_open_timeout);
            in_flight.push(Probe { permit, lease_end });
            self.quiet_since = now + wait;
        }
        permit
    }

    /// Notes a permit of which the machine knows nothing: `bypasses` settles well in every generation.
    pub fn give(&mut self, for_totals_only: bool, bypasses: bool, begins: u64) -> u64 {
        let every = self.plan.sample_durations_every;
        let timed = every != 0 && self.calls.is_multiple_of(every);
        self.calls += 1;
        self.permits.push(Permit {
            generation: self.generation,
            admitted_at: begins,
            timed,
            for_totals_only: for_totals_only || bypasses,
            bypasses,
            settled: false,
        });
        self.permits.len() as u64 - 1
    }

    pub fn count_rejected(&mut self, reason: &'static str) {
        *self.totals.rejected.entry(reason).or_default() += 1;
    }

    pub fn count_would_reject(&mut self, reason: &'static str) {
        *self.totals.would_reject.entry(reason).or_default() += 1;
    }

    /// Why everybody who waits is sent away.
    pub fn flushes(&self, now: u64) -> Option<(&'static str, Option<u64>)> {
        match (self.mode, &self.state) {
            (Mode::ForcedOpen, _) => Some(("forced_open", None)),
            (Mode::Auto, State::Open { until, .. }) if now < *until => Some(("open", Some(until - now))),
            _ => None,
        }
    }

    pub fn is_shadow(&self) -> bool {
        self.mode == Mode::Shadow
    }

    pub fn is_forced(&self) -> bool {
        self.mode.is_forced()
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether a call is slow, and whether that is a failure, by what it reports or what was measured.
    pub fn was_slow(&self, permit: u64, reported: Option<u64>, now: u64) -> bool {
        let permit = &self.permits[permit as usize];
        let measured = permit.timed.then(|| now.saturating_sub(permit.admitted_at));
        self.is_slow(reported.or(measured))
    }

    /// Whether dropping the permit now is a failure.
    pub fn drops_as_failure(&self, permit: u64, now: u64) -> bool {
        let permit = &self.permits[permit as usize];
        let elapsed = permit.timed.then(|| now.saturating_sub(permit.admitted_at));
        elapsed.zip(self.plan.cancelled_after).is_some_and(|(elapsed, limit)| elapsed >= limit)
    }

    /// New rules, whose mode is not set yet. `is_other`: something else in the document has changed as well.
    pub fn swap(&mut self, document: &Value, is_other: bool, now: u64) -> bool {
        let plan = super::Plan::new(document, self.seed);
        if plan == self.plan && !is_other {
            return false;
        }
        let keeps_counts = plan.has_detector_of(&self.plan);
        if plan.window != self.plan.window {
            self.learned = super::initial_baseline(&plan);
        }
        self.plan = plan;
        self.enter_same_state(keeps_counts, "reconfigured", now);
        true
    }
}
