//! Features against a sequential model that was written from the text of the policies alone (§10).

mod late;
mod model;
mod rules;
mod threads;

use crate::clock::{ManualClock, Source};
use crate::machine::Cause;
use crate::policy::feature::live::{Features, Host, Looked};
use crate::policy::feature::recovery::{Change, Met};
use crate::policy::feature::{FeatureCause, FeatureRule, FeatureRules, FeatureState};
use crate::word::{Mode, State, Word};
use model::{Answer, Model};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

const RECOVERY_TIMEOUT: u64 = 100;

/// Features beside a machine that a test moves by hand.
struct Bench {
    features: Features,
    clock: ManualClock,
    source: Source,
    met: Met,
    events: Vec<Change>,
}

struct Told<'a>(&'a Met, &'a mut Vec<Change>);

impl Host for Told<'_> {
    fn machine(&mut self) -> Met {
        *self.0
    }

    fn tell(&mut self, change: Change) {
        self.1.push(change);
    }
}

impl Bench {
    fn new(rules: &FeatureRules) -> Self {
        let clock = ManualClock::new();
        let met = Met {
            generation: 0,
            openings: 0,
            state: State::Closed,
            mode: Mode::Auto,
            cause: None,
            recovery_timeout: RECOVERY_TIMEOUT,
        };
        let source = Source::Other(Arc::new(clock.clone()));
        Bench { features: Features::new(rules, &met), clock, source, met, events: Vec::new() }
    }

    fn word(&self) -> Word {
        Word::new(self.met.state, false, self.met.mode, self.met.generation, 0)
    }

    /// A transition that nobody tells of.
    fn move_to(&mut self, state: State, mode: Mode, cause: Cause) {
        let is_opening = state == State::Open && !matches!(cause, Cause::Mode | Cause::Reconfigured);
        self.met.openings += u64::from(is_opening);
        self.met.generation += 1;
        (self.met.state, self.met.mode, self.met.cause) = (state, mode, Some(cause));
    }

    fn follow(&mut self) {
        let (met, events) = (self.met, &mut self.events);
        self.features.follow(&met, self.source.now(), &mut |change| events.push(change));
    }

    fn transition(&mut self, state: State, cause: Cause) {
        self.move_to(state, self.met.mode, cause);
        self.follow();
    }

    fn look(&mut self, feature: Option<usize>) -> Looked {
        let word = self.word();
        self.features.look(word, feature, &self.source, &mut Told(&self.met, &mut self.events))
    }

    fn carry_out(&mut self) -> Looked {
        let word = self.word();
        self.features.carry_out(word, &self.source, &mut Told(&self.met, &mut self.events))
    }

    fn count(&mut self, feature: usize, succeeds: bool) {
        let word = self.word();
        let host = &mut Told(&self.met, &mut self.events);
        self.features.settle(word, feature, !succeeds, &self.source, host);
    }

    fn states(&self) -> Vec<FeatureState> {
        self.features.snapshot().iter().map(|f| f.state).collect()
    }
}

// ---- what is tried ----

fn table() -> impl Strategy<Value = FeatureRules> {
    let rule = (
        select(vec![10u64, 50, 90]),
        any::<u8>(),
        select(vec![10_000u64, 8_000, 5_000, 3_333]),
        select(vec![10u64, 30]),
        select(vec![1u64, 2, 3, 50]),
        prop::bool::weighted(0.2),
    );
    // Names that do not stand in order; a feature requires others that stand before or after it, never both.
    (vec(rule, 1..6), any::<bool>(), select(vec![0u8, 3, 5])).prop_map(|(rules, backwards, salt)| {
        let n = rules.len();
        let rule = |(i, (priority, requires, min_health_bp, test_duration, min_calls, required))| {
            let others: Vec<usize> = if backwards { (i + 1..n).collect() } else { (0..i).collect() };
            FeatureRule {
                name: format!("f{}", (i as u8) ^ salt).into(),
                priority,
                requires: others.into_iter().filter(|o| requires >> o & 3 == 3).collect(),
                min_health_bp,
                test_duration,
                min_calls,
                required,
            }
        };
        FeatureRules { features: rules.into_iter().enumerate().map(rule).collect() }
    })
}

#[derive(Clone, Debug)]
enum Move {
    Trip,
    HalfOpen,
    Succeed,
    Complete,
    Reset,
    Mode(Mode),
    Reconfigure,
}

#[derive(Clone, Debug)]
enum Step {
    Look(Option<usize>),
    Settle(Option<usize>, bool),
    Poll,
    Advance(u64),
    Move(Move),
    /// Opens, and goes all the way to the close.
    Recover,
}

fn step(failing: f64) -> impl Strategy<Value = Step> {
    use Move::*;
    let moves = vec![
        Trip,
        HalfOpen,
        Succeed,
        Complete,
        Reset,
        Mode(crate::Mode::ForcedClosed),
        Mode(crate::Mode::ForcedOpen),
    ];
    let modes =
        vec![Mode(crate::Mode::Auto), Mode(crate::Mode::Auto), Mode(crate::Mode::Shadow), Reconfigure];
    let settle = |feature: std::ops::Range<usize>| {
        (feature, prop::bool::weighted(1.0 - failing)).prop_map(|(f, good)| Step::Settle(Some(f), good))
    };
    prop_oneof![
        6 => prop::option::weighted(0.8, 0..5usize).prop_map(Step::Look),
        24 => settle(0..5),
        1 => any::<bool>().prop_map(|good| Step::Settle(None, good)),
        1 => Just(Step::Poll),
        8 => prop_oneof![1..12u64, Just(30), Just(RECOVERY_TIMEOUT)].prop_map(Step::Advance),
        1 => select([moves, modes].concat()).prop_map(Step::Move),
        1 => Just(Step::Recover),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let part =
        prop_oneof![Just(0.0), Just(0.15), Just(0.6)].prop_flat_map(|failing| vec(step(failing), 1..80));
    vec(part, 1..5).prop_map(|parts| parts.concat())
}

// ---- both at once ----

/// How features come to know of a transition.
#[derive(Clone, Copy, PartialEq)]
enum Telling {
    /// At once, by whoever made it.
    Told,
    /// A call meets the machine as it is then.
    Met,
    /// Not by us.
    Untold,
}

struct Both {
    bench: Bench,
    model: Model,
    telling: Telling,
}

impl Both {
    fn new(rules: &FeatureRules) -> Self {
        Both { bench: Bench::new(rules), model: Model::new(rules, RECOVERY_TIMEOUT), telling: Telling::Told }
    }

    fn transition(&mut self, state: State, mode: Mode, cause: Cause) {
        self.model.transition(state, mode, cause);
        self.bench.move_to(state, mode, cause);
        match self.telling {
            Telling::Told => self.bench.follow(),
            Telling::Met => {
                let said = self.bench.look(None);
                let is_rolled_back = self.model.due();
                assert_eq!(said != Looked::Admitted, is_rolled_back);
                if is_rolled_back {
                    self.transition(State::Open, mode, Cause::Manual);
                }
            }
            Telling::Untold => {}
        }
    }

    /// What the machine makes of it, where it makes something.
    fn run_move(&mut self, m: &Move) {
        let (state, mode) = (self.model.state, self.model.mode);
        match m {
            Move::Trip => self.transition(State::Open, mode, Cause::Manual),
            Move::HalfOpen => self.transition(State::HalfOpen, mode, Cause::Manual),
            Move::Reset => self.transition(State::Closed, mode, Cause::Reset),
            Move::Reconfigure => self.transition(state, mode, Cause::Reconfigured),
            Move::Succeed | Move::Complete if state == State::HalfOpen && !mode.is_forced() => {
                let is_ramp = matches!(m, Move::Complete);
                let cause = if is_ramp { Cause::RampCompleted } else { Cause::ProbesSucceeded };
                self.transition(State::Closed, mode, cause);
            }
            Move::Succeed | Move::Complete => {}
            Move::Mode(to) if to.is_forced() && *to != mode => self.transition(state, *to, Cause::Mode),
            Move::Mode(to) if mode.is_forced() && *to != mode => {
                self.transition(State::Closed, *to, Cause::Mode);
            }
            Move::Mode(to) => (self.model.mode, self.bench.met.mode) = (*to, *to),
        }
    }

    fn roll_back(&mut self, answer: Looked) -> Result<(), TestCaseError> {
        prop_assert_eq!(answer, Looked::RollBack { generation: self.model.generation });
        self.transition(State::Open, self.model.mode, Cause::Manual);
        Ok(())
    }

    fn look(&mut self, feature: Option<usize>) -> Result<(), TestCaseError> {
        let events = self.bench.events.len();
        let at_once = self.bench.features.admits_at_once(self.bench.word(), feature, &self.bench.source);
        let said = self.bench.look(feature);
        prop_assert!(!at_once || said == Looked::Admitted && events == self.bench.events.len());
        match self.model.look(feature) {
            Answer::RollBack => self.roll_back(said)?,
            Answer::Admitted => prop_assert_eq!(said, Looked::Admitted),
            Answer::Disabled(retry_after) => prop_assert_eq!(said, Looked::Disabled { retry_after }),
        }
        Ok(())
    }

    fn run(&mut self, step: &Step, features: usize) -> Result<(), TestCaseError> {
        let is_forced = self.model.mode.is_forced();
        match step {
            Step::Look(feature) => self.look(feature.filter(|f| *f < features))?,
            Step::Poll | Step::Settle(..) if is_forced => {}
            Step::Poll | Step::Settle(..) => {
                let said = self.bench.carry_out();
                if self.model.due() {
                    return self.roll_back(said);
                }
                prop_assert_eq!(said, Looked::Admitted);
                if let Step::Settle(Some(feature), succeeds) = step
                    && *feature < features
                {
                    self.model.settle(*feature, *succeeds);
                    self.bench.count(*feature, *succeeds);
                }
            }
            Step::Advance(by) => {
                self.bench.clock.advance_nanos(*by);
                self.model.now += by;
            }
            Step::Move(m) => self.run_move(m),
            Step::Recover => {
                [Move::Trip, Move::HalfOpen, Move::Succeed].iter().for_each(|m| self.run_move(m))
            }
        }
        Ok(())
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(&self.bench.events, &self.model.events);
        let real = self.bench.features.snapshot();
        let real: Vec<_> = real.iter().map(|f| (f.state, f.health.share())).collect();
        prop_assert_eq!(real, self.model.snapshot());
        Ok(())
    }
}

/// No enabled or tested feature requires one that is not enabled.
fn assert_requirements(rules: &FeatureRules, states: &[FeatureState]) -> Result<(), TestCaseError> {
    for (rule, state) in rules.features.iter().zip(states) {
        let are_enabled = rule.requires.iter().all(|f| states[*f] == FeatureState::Enabled);
        prop_assert!(*state == FeatureState::Disabled || are_enabled, "{rule:?}: {states:?}");
    }
    Ok(())
}

#[test]
fn features_do_what_the_model_does() {
    let seen: RefCell<BTreeMap<&str, usize>> = RefCell::default();
    let cases = super::gates::config().cases * 3;
    let config = proptest::test_runner::Config { cases, ..super::gates::config() };
    let ran = TestRunner::new(config).run(&(table(), steps()), |(rules, steps)| {
        let mut both = Both::new(&rules);
        for (number, step) in steps.iter().enumerate() {
            let at = |e: TestCaseError| TestCaseError::fail(format!("step {number}, {step:?}: {e}"));
            both.run(step, rules.features.len()).map_err(at)?;
            both.compare().map_err(at)?;
            assert_requirements(&rules, &both.bench.states()).map_err(at)?;
        }
        let mut seen = seen.borrow_mut();
        *seen.entry("prolonged").or_default() += both.model.prolonged;
        both.model.events.iter().for_each(|e| *seen.entry(e.cause.name()).or_default() += 1);
        Ok(())
    });
    if let Err(e) = ran {
        panic!("{e}");
    }
    if cases < 1_000 {
        return;
    }
    let names = FeatureCause::ALL.map(FeatureCause::name).into_iter().chain(["prolonged"]);
    let seen = seen.into_inner();
    let rare: Vec<_> = names.filter(|name| seen.get(name).is_none_or(|n| *n < 20)).collect();
    assert!(rare.is_empty(), "hardly tried: {rare:?} of {seen:?}");
}
