//! The states and the modes, and what the model notes about permits and probes.

use crate::model::config::{Plan, RampPlan};
use crate::model::window::{Counts, Window};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Auto,
    ForcedOpen,
    ForcedClosed,
    Shadow,
}

impl Mode {
    pub(super) fn named(name: &str) -> Mode {
        match name {
            "auto" => Mode::Auto,
            "forced_open" => Mode::ForcedOpen,
            "forced_closed" => Mode::ForcedClosed,
            "shadow" => Mode::Shadow,
            other => panic!("no mode {other}"),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Mode::Auto => "auto",
            Mode::ForcedOpen => "forced_open",
            Mode::ForcedClosed => "forced_closed",
            Mode::Shadow => "shadow",
        }
    }

    pub(super) fn is_forced(self) -> bool {
        matches!(self, Mode::ForcedOpen | Mode::ForcedClosed)
    }
}

pub(super) enum State {
    Closed { since: u64, detector: Detector },
    Open { until: u64, frozen: Frozen },
    HalfOpen { in_flight: Vec<Probe>, successes: u64, failures: u64 },
    Ramp { share: u64, step: u64, began: u64, acquires: u64, settled: u64, failures: u64 },
}

#[derive(Clone)]
pub(super) enum Detector {
    Consecutive { failures: u64 },
    Window(Window),
}

/// What a detector had counted at one instant.
#[derive(Clone, Copy, Default)]
pub(super) struct Frozen {
    pub(super) consecutive_failures: u64,
    pub(super) window: Counts,
}

pub(super) struct Probe {
    pub(super) permit: u64,
    pub(super) lease_end: u64,
}

pub(super) struct Permit {
    pub(super) generation: u64,
    pub(super) admitted_at: u64,
    pub(super) timed: bool,
    /// Given in a forced mode, or in shadow instead of a rejection.
    pub(super) for_totals_only: bool,
    /// Passed a breaker that turns others away: never late.
    pub(super) bypasses: bool,
    pub(super) settled: bool,
}

pub(super) struct Rejection {
    pub(super) reason: &'static str,
    pub(super) retry_after: Option<u64>,
}

impl State {
    pub(super) fn name(&self) -> &'static str {
        match self {
            State::Closed { .. } => "closed",
            State::Open { .. } => "open",
            State::HalfOpen { .. } | State::Ramp { .. } => "half_open",
        }
    }

    pub(super) fn closed(plan: &Plan, now: u64) -> State {
        State::Closed { since: now, detector: Detector::new(plan) }
    }

    pub(super) fn half_open() -> State {
        State::HalfOpen { in_flight: Vec::new(), successes: 0, failures: 0 }
    }

    pub(super) fn ramp(plan: &RampPlan, now: u64) -> State {
        State::Ramp { share: plan.initial, step: 1, began: now, acquires: 0, settled: 0, failures: 0 }
    }
}

impl Detector {
    pub(super) fn new(plan: &Plan) -> Detector {
        match &plan.window {
            None => Detector::Consecutive { failures: 0 },
            Some(window) => Detector::Window(Window::new(window)),
        }
    }

    pub(super) fn counts(&self, now: u64) -> Frozen {
        match self {
            Detector::Consecutive { failures } => {
                Frozen { consecutive_failures: *failures, window: Counts::default() }
            }
            Detector::Window(window) => Frozen { consecutive_failures: 0, window: window.counts(now) },
        }
    }
}
