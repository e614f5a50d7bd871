//! §3, §7 and §8: the states, what moves the breaker between them, and the modes over them.

use serde_json::Value;

use super::config::{Plan, RampPlan, WHOLE};
use super::window::{Counts, Window, cause_to_open, fraction, learn, threshold};
use super::{
    Answer, Event, HalfOpenCounts, LastFailure, Outcome, RampCounts, Settled, Snapshot, Totals, WindowCounts,
    backoff,
};

const LONGEST_ERROR_TYPE: usize = 64;

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
    permits: Vec<Permit>,
    totals: Totals,
    last: Option<Event>,
    last_failure: Option<LastFailure>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Auto,
    ForcedOpen,
    ForcedClosed,
    Shadow,
}

impl Mode {
    fn named(name: &str) -> Mode {
        match name {
            "auto" => Mode::Auto,
            "forced_open" => Mode::ForcedOpen,
            "forced_closed" => Mode::ForcedClosed,
            "shadow" => Mode::Shadow,
            other => panic!("no mode {other}"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Mode::Auto => "auto",
            Mode::ForcedOpen => "forced_open",
            Mode::ForcedClosed => "forced_closed",
            Mode::Shadow => "shadow",
        }
    }

    fn is_forced(self) -> bool {
        matches!(self, Mode::ForcedOpen | Mode::ForcedClosed)
    }
}

enum State {
    Closed { since: u64, detector: Detector },
    Open { until: u64, frozen: Frozen },
    HalfOpen { in_flight: Vec<Probe>, successes: u64, failures: u64 },
    Ramp { share: u64, step: u64, began: u64, acquires: u64, settled: u64, failures: u64 },
}

#[derive(Clone)]
enum Detector {
    Consecutive { failures: u64 },
    Window(Window),
}

/// What a detector had counted at one instant.
#[derive(Clone, Copy, Default)]
struct Frozen {
    consecutive_failures: u64,
    window: Counts,
}

struct Probe {
    permit: u64,
    lease_end: u64,
}

struct Permit {
    generation: u64,
    admitted_at: u64,
    timed: bool,
    /// Given in a forced mode, or in shadow instead of a rejection.
    for_totals_only: bool,
    settled: bool,
}

struct Rejection {
    reason: &'static str,
    retry_after: Option<u64>,
}

impl State {
    fn name(&self) -> &'static str {
        match self {
            State::Closed { .. } => "closed",
            State::Open { .. } => "open",
            State::HalfOpen { .. } | State::Ramp { .. } => "half_open",
        }
    }

    fn closed(plan: &Plan, now: u64) -> State {
        State::Closed { since: now, detector: Detector::new(plan) }
    }

    fn half_open() -> State {
        State::HalfOpen { in_flight: Vec::new(), successes: 0, failures: 0 }
    }

    fn ramp(plan: &RampPlan, now: u64) -> State {
        State::Ramp { share: plan.initial, step: 1, began: now, acquires: 0, settled: 0, failures: 0 }
    }
}

impl Detector {
    fn new(plan: &Plan) -> Detector {
        match &plan.window {
            None => Detector::Consecutive { failures: 0 },
            Some(window) => Detector::Window(Window::new(window)),
        }
    }

    fn counts(&self, now: u64) -> Frozen {
        match self {
            Detector::Consecutive { failures } => {
                Frozen { consecutive_failures: *failures, window: Counts::default() }
            }
            Detector::Window(window) => Frozen { consecutive_failures: 0, window: window.counts(now) },
        }
    }
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
            permits: Vec::new(),
            totals: Totals::default(),
            last: None,
            last_failure: None,
            plan,
        }
    }

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
        let is_late = given.generation != self.generation;
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

    /// Carries out what is due: at most one of its kinds can be, for each belongs to a state of its own.
    pub fn poll(&mut self, now: u64) {
        if self.mode.is_forced() {
            return;
        }
        match &self.state {
            State::Closed { .. } => {}
            State::Open { until, .. } => {
                if now >= *until {
                    self.enter(State::half_open(), "recovery_timeout", now);
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
        let plan = Plan::new(config, self.seed);
        if plan == self.plan {
            return;
        }
        let keeps_counts = plan.has_detector_of(&self.plan);
        if plan.window != self.plan.window {
            self.learned = initial_baseline(&plan);
        }
        self.plan = plan;
        self.enter_same_state(keeps_counts, "reconfigured", now);
        if config.get("mode").is_some() {
            let mode = self.plan.mode.clone();
            self.set_mode(&mode, now);
        }
    }

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
    fn counted(&self, now: u64) -> Frozen {
        match &self.state {
            State::Closed { detector, .. } => detector.counts(now),
            State::Open { frozen, .. } => *frozen,
            State::HalfOpen { .. } | State::Ramp { .. } => Frozen::default(),
        }
    }

    fn admit(&mut self, for_totals_only: bool, now: u64) -> u64 {
        let permit = self.permits.len() as u64;
        let every = self.plan.sample_durations_every;
        let timed = every != 0 && self.calls.is_multiple_of(every);
        self.calls += 1;
        self.permits.push(Permit {
            generation: self.generation,
            admitted_at: now,
            timed,
            for_totals_only,
            settled: false,
        });
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

    fn is_slow(&self, duration: Option<u64>) -> bool {
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

    /// Takes the leases that have ended, the earliest first, until one of them opens the breaker.
    fn expire_probes(&mut self, now: u64) {
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

    fn expire_probe(&mut self, place: usize, now: u64) {
        let State::HalfOpen { in_flight, failures, .. } = &mut self.state else { return };
        in_flight.remove(place);
        *failures += 1;
        self.totals.expired += 1;
        self.judge_probes("probe_expired", now);
    }

    fn judge_probes(&mut self, cause_to_open: &'static str, now: u64) {
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

    fn pass_ramp_step_by_time(&mut self, now: u64) {
        let (State::Ramp { began, failures, .. }, Some(plan)) = (&self.state, &self.plan.ramp) else {
            return;
        };
        if *failures == 0 && now >= began.saturating_add(plan.step_timeout) {
            self.pass_ramp_step(now);
        }
    }

    fn count_in_ramp(&mut self, failed: bool, now: u64) {
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

    fn open(&mut self, cause: &'static str, now: u64) {
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

    fn open_for(&mut self, duration: u64, cause: &'static str, now: u64) {
        self.opened += 1;
        let frozen = self.counted(now);
        self.enter(State::Open { until: now.saturating_add(duration), frozen }, cause, now);
    }

    fn close_recovered(&mut self, cause: &'static str, now: u64) {
        if let Some(began) = self.row_began.take() {
            self.recoveries.push(now.saturating_sub(began));
        }
        self.enter(State::closed(&self.plan, now), cause, now);
    }

    fn close_for_good(&mut self, cause: &'static str, now: u64) {
        self.k = 0;
        self.row_began = None;
        self.enter(State::closed(&self.plan, now), cause, now);
    }

    /// A transition from a state to itself: a closed spell and an open deadline go on, probes begin again.
    fn enter_same_state(&mut self, keeps_counts: bool, cause: &'static str, now: u64) {
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

    fn enter(&mut self, next: State, cause: &'static str, now: u64) {
        self.generation += 1;
        let event =
            Event { from: self.state.name(), to: next.name(), cause, generation: self.generation, at: now };
        self.last = Some(event.clone());
        self.events.push(event);
        self.state = next;
    }
}

fn initial_baseline(plan: &Plan) -> f64 {
    let adaptive = plan.window.as_ref().and_then(|window| window.adaptive.as_ref());
    adaptive.map_or(0.0, |adaptive| fraction(adaptive.baseline))
}

/// At most `longest` bytes of `text`, never a part of a character.
fn cut(text: &str, longest: usize) -> &str {
    let mut end = text.len().min(longest);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
