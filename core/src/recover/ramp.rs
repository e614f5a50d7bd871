//! Gradual recovery: after the probes a growing share of the calls is admitted, step by step (semantics §7).

use crate::backoff::ONE_BP;
use crate::clock::Nanos;
use crate::outcome::Outcome;

/// What the plan says of the ramp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RampRules {
    pub initial_bp: u64,
    pub step_bp: u64,
    pub window_calls: u32,
    pub max_failure_bp: u64,
    pub step_timeout: Nanos,
}

/// The running step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ramp {
    /// 1 and up.
    pub step: u32,
    pub settled: u32,
    pub failures: u32,
    /// Acquires of this step, modulo ten thousand: shares are whole ten-thousandths, so their pattern repeats.
    pub arrivals: u32,
    pub began: Nanos,
}

/// What the ramp says after a look at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Look {
    /// The step, or the next one, runs.
    Runs,
    /// The last step is passed.
    Completed,
}

/// What the ramp says after an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Ramped {
    Runs,
    Completed,
    /// The step's failures exceed what it allows.
    Failed,
}

impl RampRules {
    /// The share of the calls that step `step` admits, in ten-thousandths.
    pub(crate) fn share_bp(&self, step: u32) -> u64 {
        self.initial_bp + self.step_bp * u64::from(step - 1)
    }
}

impl Ramp {
    pub(crate) fn begin(now: Nanos) -> Self {
        Ramp { step: 1, settled: 0, failures: 0, arrivals: 0, began: now }
    }

    /// Passes the step if its time is over without a failure in it.
    pub(crate) fn look(&mut self, now: Nanos, rules: &RampRules) -> Look {
        let over = now.saturating_sub(self.began) >= rules.step_timeout;
        if over && self.failures == 0 { self.pass(now, rules) } else { Look::Runs }
    }

    /// The n-th acquire of a step is admitted when n times the share passes a whole number.
    pub(crate) fn admit(&mut self, rules: &RampRules) -> bool {
        let share = rules.share_bp(self.step);
        let n = u64::from(self.arrivals) + 1;
        self.arrivals = (n % ONE_BP) as u32;
        n * share / ONE_BP > (n - 1) * share / ONE_BP
    }

    pub(crate) fn count(&mut self, outcome: Outcome, now: Nanos, rules: &RampRules) -> Ramped {
        if outcome == Outcome::Ignored {
            return Ramped::Runs;
        }
        self.settled += 1;
        self.failures += u32::from(outcome == Outcome::Failure);
        if u64::from(self.failures) * ONE_BP > rules.max_failure_bp * u64::from(rules.window_calls) {
            return Ramped::Failed;
        }
        if self.settled < rules.window_calls {
            return Ramped::Runs;
        }
        match self.pass(now, rules) {
            Look::Runs => Ramped::Runs,
            Look::Completed => Ramped::Completed,
        }
    }

    fn pass(&mut self, now: Nanos, rules: &RampRules) -> Look {
        if rules.share_bp(self.step + 1) >= ONE_BP {
            return Look::Completed;
        }
        *self = Ramp { step: self.step + 1, ..Ramp::begin(now) };
        Look::Runs
    }
}
