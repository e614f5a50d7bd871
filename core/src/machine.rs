//! The machine: three states, and the named transitions between them (semantics §3, §7, §8).
//!
//! A [`Machine`] is the whole of what decides, decoded out of the word and its record. Every method is a pure step: it
//! reads no clock and no shared memory, changes only `self` and says what the caller now owes. The cell makes such a
//! step atomic.
//!
//! This file stands on `backoff` and `recover`, which are parts of it.

use crate::backoff::{Backoff, Opening};
use crate::clock::Nanos;
use crate::error::Reason;
use crate::outcome::{Outcome, Settled};
use crate::recover::{Look, ProbeRules, Probed, Probes, Ramp, RampRules, Ramped};
use crate::word::{GENERATION_MASK, Mode, State, Word};

/// What led to a transition.
///
/// The codes are append-only; they are part of the cell's layout and of the C ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Cause {
    /// Consecutive failures reached `failure_threshold`.
    FailureThreshold = 1,
    /// The window's failure rate reached its threshold.
    FailureRate = 2,
    /// The window's slow-call rate reached its threshold.
    SlowCallRate = 3,
    /// Open lasted as long as it should.
    RecoveryTimeout = 4,
    /// Enough probes succeeded.
    ProbesSucceeded = 5,
    /// A probe failed, and enough successes can no longer be reached.
    ProbeFailed = 6,
    /// A probe's lease ended, and enough successes can no longer be reached.
    ProbeExpired = 7,
    /// A step of the ramp had too many failures.
    RampFailed = 8,
    /// The last step of the ramp is passed.
    RampCompleted = 9,
    /// `trip` or `half_open` by hand.
    Manual = 10,
    /// `reset` by hand.
    Reset = 11,
    /// A forced mode was entered or left.
    Mode = 12,
    /// The configuration changed.
    Reconfigured = 13,
    /// A required feature failed its test.
    FeatureFailed = 14,
}

impl Cause {
    /// Every cause, in the order of its code.
    pub const ALL: [Cause; 14] = [
        Cause::FailureThreshold,
        Cause::FailureRate,
        Cause::SlowCallRate,
        Cause::RecoveryTimeout,
        Cause::ProbesSucceeded,
        Cause::ProbeFailed,
        Cause::ProbeExpired,
        Cause::RampFailed,
        Cause::RampCompleted,
        Cause::Manual,
        Cause::Reset,
        Cause::Mode,
        Cause::Reconfigured,
        Cause::FeatureFailed,
    ];

    /// The name in events and vectors.
    pub const fn name(self) -> &'static str {
        match self {
            Cause::FailureThreshold => "failure_threshold",
            Cause::FailureRate => "failure_rate",
            Cause::SlowCallRate => "slow_call_rate",
            Cause::RecoveryTimeout => "recovery_timeout",
            Cause::ProbesSucceeded => "probes_succeeded",
            Cause::ProbeFailed => "probe_failed",
            Cause::ProbeExpired => "probe_expired",
            Cause::RampFailed => "ramp_failed",
            Cause::RampCompleted => "ramp_completed",
            Cause::Manual => "manual",
            Cause::Reset => "reset",
            Cause::Mode => "mode",
            Cause::Reconfigured => "reconfigured",
            Cause::FeatureFailed => "feature_failed",
        }
    }

    /// The cause with that code; `None` for 0, which stands for "no transition yet".
    pub(crate) fn of(code: u64) -> Option<Cause> {
        Cause::ALL.into_iter().find(|c| *c as u64 == code)
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The numbers of a plan that the machine needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// T: the base of `backoff`.
    pub recovery_timeout: Nanos,
    pub backoff: Backoff,
    pub probes: ProbeRules,
    pub ramp: Option<RampRules>,
    /// A slow probe counts as a failed one: the window judges slowness.
    pub slow_fails: bool,
    pub seed: u64,
}

/// What belongs to the present state alone.
#[expect(clippy::large_enum_variant, reason = "a box would allocate on the path of a call")]
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Phase {
    Closed {
        /// When this closed spell began.
        spell: Nanos,
    },
    Open {
        /// When open is over.
        until: Nanos,
        /// The instant at which what the detector counted was frozen.
        frozen: Nanos,
    },
    Probing(Probes),
    Ramping(Ramp),
}

/// No row of openings runs whose recovery is still to be measured.
pub(crate) const NO_ROW: Nanos = Nanos::MAX;

/// All that decides.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Machine {
    pub phase: Phase,
    pub mode: Mode,
    /// The breaker lives in another cell now; this one only explains late results.
    pub moved: bool,
    /// The plan has policies around the machine.
    pub gated: bool,
    /// Closed for good.
    pub ended: bool,
    /// Transitions so far.
    pub generation: u64,
    /// Consecutive failures.
    pub count: u32,
    /// The generation, its low 24 bits, in which what the detector counts began.
    pub since: u64,
    /// The number of the plan by which this generation is judged.
    pub plan: u32,
    /// When the last transition happened.
    pub at: Nanos,
    /// What led to it; `None` before the first.
    pub cause: Option<Cause>,
    /// Where it came from.
    pub from: State,
    /// k: openings since the breaker was last closed for good.
    pub in_row: u64,
    /// Openings ever.
    pub openings: u64,
    /// How long the last opening was made, other than by `trip(duration)`.
    pub previous: Nanos,
    /// When the first opening of the row happened, until a recovery was measured from it; else [`NO_ROW`].
    pub row: Nanos,
}

/// A call that asks for a permit, as the machine sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// When it asks.
    pub now: Nanos,
    /// When it begins: later, where calls are paced.
    pub begins: Nanos,
    /// It is of so low a level that it probes only when nobody else does.
    pub is_low: bool,
    pub drawn: Option<Drawn>,
}

/// A number that a call has drawn in a ramp: one for each generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drawn {
    /// The generation, as the word holds it.
    pub generation: u64,
    pub is_admitted: bool,
}

impl Caller {
    /// One that begins at once, and is as good as any.
    pub(crate) fn at(now: Nanos) -> Self {
        Caller { now, begins: now, is_low: false, drawn: None }
    }
}

/// The answer to a call that asks for a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Verdict {
    Admitted,
    Probe { lease: u32 },
    Rejected { reason: Reason, retry_after: Option<Nanos> },
}

/// What a settling owes: the answer, and how many expiries it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Taken {
    pub settled: Settled,
    pub expired: u32,
}

const TAKEN: Taken = Taken { settled: Settled::Ok, expired: 0 };
const LATE: Taken = Taken { settled: Settled::Late, expired: 0 };

impl Machine {
    /// A breaker that was just built.
    #[cfg(test)]
    pub(crate) fn new(mode: Mode, now: Nanos) -> Self {
        Machine {
            phase: Phase::Closed { spell: now },
            mode,
            moved: false,
            gated: false,
            ended: false,
            generation: 0,
            count: 0,
            since: 0,
            plan: 0,
            at: 0,
            cause: None,
            from: State::Closed,
            in_row: 0,
            openings: 0,
            previous: 0,
            row: NO_ROW,
        }
    }

    pub(crate) fn state(&self) -> State {
        match self.phase {
            Phase::Closed { .. } => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::Probing(_) | Phase::Ramping(_) => State::HalfOpen,
        }
    }

    /// The state as a reader sees it: open past its deadline reads half-open.
    pub(crate) fn effective(&self, now: Nanos) -> State {
        match self.phase {
            Phase::Open { until, .. } if now >= until && !self.mode.is_forced() => State::HalfOpen,
            _ => self.state(),
        }
    }

    /// The earliest time at which the answer to a call can differ, for readers.
    pub(crate) fn retry_after(&self, now: Nanos) -> Option<Nanos> {
        match self.phase {
            Phase::Open { until, .. } if !self.mode.is_forced() => Some(until.saturating_sub(now)),
            _ => None,
        }
    }

    pub(crate) fn word(&self) -> Word {
        let ramp = matches!(self.phase, Phase::Ramping(_));
        let word = Word::new(self.state(), ramp, self.mode, self.generation, self.visible_count())
            .with_gates(self.gated);
        let word = if self.ended { word.with_end() } else { word };
        if self.moved { word.with_moved() } else { word }
    }

    fn visible_count(&self) -> u32 {
        if self.state() == State::HalfOpen { 0 } else { self.count }
    }

    /// True when `generation`, as a permit or a word holds it, is the present one.
    pub(crate) fn is_generation(&self, generation: u64) -> bool {
        self.generation & GENERATION_MASK == generation
    }

    // ---- calls ----

    /// A call asks for a permit. Carries out what is due. `expired` counts the leases that it ended.
    pub(crate) fn acquire(&mut self, caller: &Caller, rules: &Rules, expired: &mut u32) -> Verdict {
        if let Some(refusal) = self.look(caller, rules, expired) {
            return Verdict::Rejected { reason: refusal.0, retry_after: refusal.1 };
        }
        if self.mode.is_forced() {
            return Verdict::Admitted;
        }
        if let Phase::Open { until, .. } = self.phase {
            self.begin_probing(until, Cause::RecoveryTimeout, caller.now);
        }
        match &mut self.phase {
            Phase::Probing(probes) => Verdict::Probe { lease: probes.admit(caller.begins, &rules.probes) },
            _ => Verdict::Admitted,
        }
    }

    /// Why a call that asks now would be turned away, and until when; `None` when it would not. Carries out what is due
    /// but the move from open to half-open, and draws the call's number in a ramp.
    pub(crate) fn look(
        &mut self,
        caller: &Caller,
        rules: &Rules,
        expired: &mut u32,
    ) -> Option<(Reason, Option<Nanos>)> {
        match self.mode {
            Mode::ForcedOpen => return Some((Reason::ForcedOpen, None)),
            Mode::ForcedClosed => return None,
            Mode::Auto | Mode::Shadow => {}
        }
        let now = caller.now;
        if self.state() != State::Open {
            *expired += self.due(now, rules);
        }
        let drawn = caller.drawn.filter(|drawn| self.is_generation(drawn.generation));
        // How long a call of a low level stands back, from `since` on.
        let patience = |since: Nanos| {
            let left = since.saturating_add(rules.probes.lease).saturating_sub(now);
            (caller.is_low && left > 0).then_some(left)
        };
        match &mut self.phase {
            Phase::Closed { .. } => None,
            Phase::Open { until, .. } if now < *until => Some((Reason::Open, Some(*until - now))),
            Phase::Open { until, .. } => patience(*until).map(|left| (Reason::Open, Some(left))),
            Phase::Probing(probes) => {
                let stands_back = patience(probes.last);
                let turned_away = stands_back.is_some() || !probes.has_room(&rules.probes);
                let lease = probes.earliest().map(|lease| lease.deadline.saturating_sub(now));
                // Whichever comes first: a lease that ends may open the breaker, too.
                let after = lease.into_iter().chain(stands_back).min();
                turned_away.then_some((Reason::HalfOpenFull, after))
            }
            Phase::Ramping(ramp) => {
                let draw = || rules.ramp.as_ref().is_none_or(|r| ramp.admit(r));
                let is_admitted = drawn.map_or_else(draw, |drawn| drawn.is_admitted);
                (!is_admitted).then_some((Reason::Ramp, None))
            }
        }
    }

    /// Carries out what is due without asking for a permit; answers how many leases it ended.
    pub(crate) fn poll(&mut self, now: Nanos, rules: &Rules) -> u32 {
        if self.mode.is_forced() { 0 } else { self.due(now, rules) }
    }

    /// One look at the clock: open that is over, leases that have ended, a step of the ramp that is over.
    fn due(&mut self, now: Nanos, rules: &Rules) -> u32 {
        match &mut self.phase {
            Phase::Closed { .. } => 0,
            Phase::Open { until, .. } => {
                if now >= *until {
                    let over = *until;
                    self.begin_probing(over, Cause::RecoveryTimeout, now);
                }
                0
            }
            Phase::Probing(_) => self.expire(now, rules),
            Phase::Ramping(_) => {
                self.look_at_step(now, rules);
                0
            }
        }
    }

    fn expire(&mut self, now: Nanos, rules: &Rules) -> u32 {
        let mut expired = 0;
        while let Phase::Probing(probes) = &mut self.phase {
            let Some(probed) = probes.expire_one(now, &rules.probes) else { break };
            expired += 1;
            if probed == Probed::Failed {
                self.open(Cause::ProbeExpired, now, rules);
            }
        }
        expired
    }

    fn look_at_step(&mut self, now: Nanos, rules: &Rules) {
        let (Phase::Ramping(ramp), Some(r)) = (&mut self.phase, &rules.ramp) else { return };
        if ramp.look(now, r) == Look::Completed {
            self.close(Cause::RampCompleted, now);
        }
    }

    /// A call of the half-open generation `generation` is settled; `lease` is 0 for one that the ramp admitted.
    pub(crate) fn settle(
        &mut self,
        generation: u64,
        lease: u32,
        outcome: Outcome,
        now: Nanos,
        rules: &Rules,
    ) -> Taken {
        if !self.is_generation(generation) {
            return LATE;
        }
        if self.mode.is_forced() {
            return TAKEN;
        }
        match self.phase {
            Phase::Probing(_) => self.settle_probe(lease, outcome, now, rules),
            Phase::Ramping(_) => self.settle_ramp(generation, outcome, now, rules),
            _ => TAKEN,
        }
    }

    fn settle_probe(&mut self, lease: u32, outcome: Outcome, now: Nanos, rules: &Rules) -> Taken {
        let Phase::Probing(probes) = &mut self.phase else { return TAKEN };
        let Some(lease) = probes.remove(lease) else { return LATE };
        let expired = now >= lease.deadline;
        let (outcome, cause) =
            if expired { (Outcome::Failure, Cause::ProbeExpired) } else { (outcome, Cause::ProbeFailed) };
        match probes.count(outcome, &rules.probes) {
            Probed::Undecided => {}
            Probed::Failed => self.open(cause, now, rules),
            Probed::Succeeded => self.probes_succeeded(now, rules),
        }
        if expired { Taken { settled: Settled::Late, expired: 1 } } else { TAKEN }
    }

    fn settle_ramp(&mut self, generation: u64, outcome: Outcome, now: Nanos, rules: &Rules) -> Taken {
        if outcome == Outcome::Ignored {
            return TAKEN;
        }
        self.look_at_step(now, rules);
        if !self.is_generation(generation) {
            return LATE;
        }
        if let (Phase::Ramping(ramp), Some(r)) = (&mut self.phase, &rules.ramp) {
            match ramp.count(outcome, now, r) {
                Ramped::Runs => {}
                Ramped::Completed => self.close(Cause::RampCompleted, now),
                Ramped::Failed => self.open(Cause::RampFailed, now, rules),
            }
        }
        TAKEN
    }

    /// The detector's thresholds are reached in closed generation `generation`.
    pub(crate) fn detect(&mut self, generation: u64, cause: Cause, now: Nanos, rules: &Rules) -> Settled {
        if !self.is_generation(generation) {
            return Settled::Late;
        }
        if !self.mode.is_forced() && self.state() == State::Closed {
            self.open(cause, now, rules);
        }
        Settled::Ok
    }

    // ---- by hand ----

    /// To open, from any state.
    pub(crate) fn trip(&mut self, duration: Option<Nanos>, now: Nanos, rules: &Rules) {
        match duration {
            None => self.open(Cause::Manual, now, rules),
            Some(d) => {
                self.openings += 1;
                self.enter_open(d, Cause::Manual, now);
            }
        }
    }

    /// To half-open, from any state.
    pub(crate) fn half_open(&mut self, now: Nanos) {
        self.begin_probing(now, Cause::Manual, now);
    }

    /// To closed, from any state; the row of openings ends.
    pub(crate) fn reset(&mut self, now: Nanos) {
        self.in_row = 0;
        self.close(Cause::Reset, now);
    }

    /// Sets the mode. Between `auto` and `shadow` that is all; a forced mode is entered and left by a transition.
    pub(crate) fn set_mode(&mut self, mode: Mode, now: Nanos) {
        if mode == self.mode {
            return;
        }
        let before = std::mem::replace(&mut self.mode, mode);
        if mode.is_forced() {
            self.enter(self.restarted(now), Cause::Mode, now);
        } else if before.is_forced() {
            self.in_row = 0;
            self.close(Cause::Mode, now);
        }
    }

    /// From now on plan number `plan` judges. What the detector counted stays if `keep`.
    pub(crate) fn reconfigure(&mut self, plan: u32, gated: bool, keep: bool, now: Nanos) {
        let (count, since) = (self.count, self.since);
        (self.plan, self.gated) = (plan, gated);
        self.enter(self.restarted(now), Cause::Reconfigured, now);
        if !keep {
            (self.count, self.since) = (0, self.generation & GENERATION_MASK);
        } else if self.state() == State::Closed {
            (self.count, self.since) = (count, since);
        }
    }

    /// The present state begun again: half-open with its probes, the others with their deadline or spell.
    fn restarted(&self, now: Nanos) -> Phase {
        match &self.phase {
            Phase::Probing(_) | Phase::Ramping(_) => Phase::Probing(Probes::begin(now)),
            other => other.clone(),
        }
    }

    // ---- transitions ----

    fn open(&mut self, cause: Cause, now: Nanos, rules: &Rules) {
        let before = self.in_row;
        self.in_row = match self.phase {
            Phase::Closed { spell } if now.saturating_sub(spell) >= rules.backoff.reset_after => 1,
            Phase::Open { .. } => before.max(1),
            _ => before + 1,
        };
        let begins_row = self.in_row == 1 && (before == 0 || self.state() == State::Closed);
        if begins_row {
            self.row = now;
        }
        self.openings += 1;
        self.previous = rules.backoff.duration(Opening {
            base: rules.recovery_timeout,
            in_row: self.in_row,
            number: self.openings,
            previous: self.previous,
            seed: rules.seed,
        });
        self.enter_open(self.previous, cause, now);
    }

    fn enter_open(&mut self, duration: Nanos, cause: Cause, now: Nanos) {
        let frozen = match self.phase {
            Phase::Open { frozen, .. } => frozen,
            _ => now,
        };
        self.enter(Phase::Open { until: now.saturating_add(duration), frozen }, cause, now);
    }

    /// `since` is when half-open began for readers.
    fn begin_probing(&mut self, since: Nanos, cause: Cause, now: Nanos) {
        self.enter(Phase::Probing(Probes::begin(since)), cause, now);
    }

    fn probes_succeeded(&mut self, now: Nanos, rules: &Rules) {
        match rules.ramp {
            Some(_) => self.enter(Phase::Ramping(Ramp::begin(now)), Cause::ProbesSucceeded, now),
            None => self.close(Cause::ProbesSucceeded, now),
        }
    }

    fn close(&mut self, cause: Cause, now: Nanos) {
        self.row = NO_ROW;
        self.enter(Phase::Closed { spell: now }, cause, now);
    }

    /// The one place where the generation goes up. Closed and half-open begin with empty counts; open keeps what was
    /// counted, for people to read.
    fn enter(&mut self, phase: Phase, cause: Cause, now: Nanos) {
        self.from = self.state();
        self.phase = phase;
        self.cause = Some(cause);
        self.at = now;
        self.generation += 1;
        if self.state() != State::Open {
            self.count = 0;
            self.since = self.generation & GENERATION_MASK;
        }
    }
}

#[cfg(test)]
#[path = "../tests/inner/machine.rs"]
mod tests;
