//! §3, §7 and §8: the states, what moves the breaker between them, and the modes over them.

mod calls;
mod gated;
mod half_open;
mod snapshot;
mod state;
mod transitions;

use super::config::Plan;
use super::window::fraction;
use super::{Event, LastFailure, Totals};
pub use gated::Drawn;
use serde_json::Value;
use state::{Mode, Permit, State};

pub struct Model {
    pub events: Vec<Event>,
    /// One entry for every recovery observed: from a row's first opening to the close that ended it.
    pub recoveries: Vec<u64>,
    plan: Plan,
    seed: u64,
    mode: Mode,
    state: State,
    generation: u64,
    opened: u64,
    k: u64,
    /// How long the last opening lasted whose length was computed.
    previous_duration: u64,
    row_began: Option<u64>,
    /// The failure share that an adaptive window has learned.
    learned: f64,
    calls: u64,
    /// When the last probe was admitted or, before the first, half-open began for readers.
    quiet_since: u64,
    permits: Vec<Permit>,
    totals: Totals,
    last: Option<Event>,
    last_failure: Option<LastFailure>,
}

impl Model {
    pub fn new(config: &Value, seed: u64) -> Model {
        let plan = Plan::new(config, seed);
        Model {
            events: Vec::new(),
            recoveries: Vec::new(),
            seed,
            mode: Mode::named(&plan.mode),
            state: State::closed(&plan, 0),
            generation: 0,
            opened: 0,
            k: 0,
            previous_duration: plan.recovery_timeout,
            row_began: None,
            learned: initial_baseline(&plan),
            calls: 0,
            quiet_since: 0,
            permits: Vec::new(),
            totals: Totals::default(),
            last: None,
            last_failure: None,
            plan,
        }
    }

    /// Carries out what is due: at most one of its kinds can be, for each belongs to a state of its own.
    pub fn poll(&mut self, now: u64) {
        if self.mode.is_forced() {
            return;
        }
        match &self.state {
            State::Closed { .. } => {}
            State::Open { until, .. } => {
                let until = *until;
                if now >= until {
                    self.enter(State::half_open(), "recovery_timeout", now);
                    self.quiet_since = until;
                }
            }
            State::HalfOpen { .. } => self.expire_probes(now),
            State::Ramp { .. } => self.pass_ramp_step_by_time(now),
        }
    }

    pub fn trip(&mut self, duration: Option<u64>, now: u64) {
        match duration {
            None => self.open("manual", now),
            Some(duration) => self.open_for(duration, "manual", now),
        }
    }

    pub fn half_open(&mut self, now: u64) {
        self.enter(State::half_open(), "manual", now);
    }

    pub fn reset(&mut self, now: u64) {
        self.close_for_good("reset", now);
    }

    pub fn set_mode(&mut self, mode: &str, now: u64) {
        let mode = Mode::named(mode);
        if mode == self.mode {
            return;
        }
        let leaves_forced = self.mode.is_forced() && !mode.is_forced();
        self.mode = mode;
        if mode.is_forced() {
            self.enter_same_state(false, "mode", now);
        } else if leaves_forced {
            self.close_for_good("mode", now);
        }
    }

    pub fn reconfigure(&mut self, config: &Value, now: u64) {
        if !self.swap(config, false, now) {
            return;
        }
        if config.get("mode").is_some() {
            let mode = self.plan.mode.clone();
            self.set_mode(&mode, now);
        }
    }
}

fn initial_baseline(plan: &Plan) -> f64 {
    let adaptive = plan.window.as_ref().and_then(|window| window.adaptive.as_ref());
    adaptive.map_or(0.0, |adaptive| fraction(adaptive.baseline))
}
