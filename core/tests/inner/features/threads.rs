//! Features under threads: calls, outcomes, transitions and time at once.

use super::Bench;
use super::rules::{rule, table};
use crate::clock::{ManualClock, Source};
use crate::machine::Cause;
use crate::policy::feature::live::{Features, Host, Looked};
use crate::policy::feature::recovery::{Change, Met};
use crate::policy::feature::{FeatureCause, FeatureRule, FeatureState};
use crate::word::{Mode, State, Word};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// A machine that all threads move, and what was told of its features.
struct Breaker {
    features: Features,
    met: Mutex<Met>,
    clock: ManualClock,
    source: Source,
    changes: Mutex<Vec<Change>>,
    again: AtomicU64,
    calls: AtomicU64,
}

impl Host for &Breaker {
    fn machine(&mut self) -> Met {
        *self.met.lock().unwrap()
    }

    fn tell(&mut self, change: Change) {
        self.changes.lock().unwrap().push(change);
    }
}

impl Breaker {
    fn word(&self) -> Word {
        let met = *self.met.lock().unwrap();
        Word::new(met.state, false, met.mode, met.generation, 0)
    }

    /// Moves on from the generation that is given, or from any.
    fn move_on(&self, from: Option<u64>, state: State, cause: Cause) {
        let met = {
            let mut met = self.met.lock().unwrap();
            if from.is_some_and(|from| from != met.generation) {
                return;
            }
            let openings = met.openings + u64::from(state == State::Open);
            *met = Met { generation: met.generation + 1, openings, state, cause: Some(cause), ..*met };
            *met
        };
        let mut host = self;
        self.features.follow(&met, self.source.now(), &mut |change| host.tell(change));
    }

    fn heed(&self, looked: Looked) -> bool {
        match looked {
            Looked::Admitted => return true,
            Looked::Disabled { .. } => {}
            Looked::Again => {
                self.again.fetch_add(1, Ordering::Relaxed);
            }
            Looked::RollBack { generation } => self.move_on(Some(generation), State::Open, Cause::Manual),
        }
        false
    }

    /// Calls as a breaker does: looks, and settles what was admitted. Answers how many settled.
    fn call(&self, feature: usize, failed: bool, dawdles: bool) -> u64 {
        let (mut host, word) = (self, self.word());
        self.calls.fetch_add(1, Ordering::Relaxed);
        if dawdles {
            std::thread::yield_now();
        }
        let looked = self.features.look(word, Some(feature), &self.source, &mut host);
        if !self.heed(looked) {
            return 0;
        }
        let looked = self.features.carry_out(self.word(), &self.source, &mut host);
        if matches!(looked, Looked::RollBack { .. }) {
            self.heed(looked);
            return 0;
        }
        self.features.settle(self.word(), feature, failed, &self.source, &mut host);
        1
    }
}

const FEATURES: usize = 4;
const CALLERS: u64 = 3;

#[test]
fn every_change_follows_the_one_before_and_every_outcome_is_counted() {
    let core = FeatureRule { required: true, min_calls: 2, test_duration: 5, ..rule("core", 90) };
    let quick = |name: &str, requires: &[usize]| FeatureRule {
        requires: requires.into(),
        test_duration: 5,
        min_calls: 2,
        ..rule(name, 50)
    };
    let rules = table([core, quick("a", &[0]), quick("b", &[1]), quick("c", &[])]);
    let Bench { features, clock, source, met, .. } = Bench::new(&rules);
    let met = Mutex::new(Met { recovery_timeout: 20, ..met });
    let (changes, again, calls) = (Mutex::default(), AtomicU64::new(0), AtomicU64::new(0));
    let breaker = Arc::new(Breaker { features, met, clock, source, changes, again, calls });
    let is_over = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (breaker, is_over) = (Arc::clone(&breaker), Arc::clone(&is_over));
            std::thread::spawn(move || {
                let (mut settled, mut draw) = (0, caller + 1);
                while !is_over.load(Ordering::Relaxed) {
                    draw = crate::rng::mix(draw);
                    let (fails, dawdles) = (draw >> 32 & 3 == 0, draw >> 40 & 7 == 0);
                    settled += breaker.call((draw % FEATURES as u64) as usize, fails, dawdles);
                }
                settled
            })
        })
        .collect();
    let enough = |changes: &BTreeMap<&str, usize>| {
        let mut tried = FeatureCause::ALL.iter().filter(|c| **c != FeatureCause::Mode);
        tried.all(|cause| changes.get(cause.name()).is_some_and(|n| *n >= 5))
    };
    let mut rounds = 0u64;
    // Until every race that there is was run often: nothing of this is a matter of time.
    while !(enough(&by_cause(&breaker)) && breaker.again.load(Ordering::Relaxed) >= 5) {
        rounds += 1;
        assert!(rounds < 100_000, "{:?}, {:?} again", by_cause(&breaker), breaker.again);
        while breaker.calls.load(Ordering::Relaxed) < rounds * 3 {
            std::thread::yield_now();
        }
        breaker.clock.advance_nanos(1);
        match rounds % 97 {
            0 if rounds.is_multiple_of(2) => breaker.move_on(None, State::Closed, Cause::Reset),
            0 => breaker.move_on(None, State::Open, Cause::FailureRate),
            1 => breaker.move_on(None, State::HalfOpen, Cause::RecoveryTimeout),
            2 => breaker.move_on(None, State::Closed, Cause::ProbesSucceeded),
            _ => {}
        }
    }
    is_over.store(true, Ordering::Relaxed);
    let settled: u64 = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
    let now = breaker.features.snapshot();
    let counted: u64 = now.iter().map(|f| f.tallies.successes + f.tallies.failures).sum();
    assert_eq!(counted, settled);
    let mut states = [FeatureState::Enabled; FEATURES];
    for change in breaker.changes.lock().unwrap().iter() {
        assert_eq!(change.from, states[change.feature], "{change:?}");
        assert_ne!(change.from, change.to);
        states[change.feature] = change.to;
    }
    assert_eq!(now.iter().map(|f| f.state).collect::<Vec<_>>(), states);
}

fn by_cause(breaker: &Breaker) -> BTreeMap<&'static str, usize> {
    let mut all = BTreeMap::new();
    breaker.changes.lock().unwrap().iter().for_each(|c| *all.entry(c.cause.name()).or_default() += 1);
    all
}

#[test]
fn of_all_outcomes_of_one_spell_none_is_lost() {
    let rules = table([FeatureRule { min_calls: 50, ..rule("a", 50) }]);
    let bench = Bench::new(&rules);
    let (features, met, source) = (&bench.features, &bench.met, &bench.source);
    std::thread::scope(|scope| {
        for caller in 0..7 {
            scope.spawn(move || {
                for n in 0..7 {
                    let host = &mut super::Told(met, &mut Vec::new());
                    features.settle(
                        Word::new(State::Closed, false, Mode::Auto, 0, 0),
                        0,
                        (n + caller) % 7 == 0,
                        source,
                        host,
                    );
                }
            });
        }
    });
    let health = bench.features.snapshot()[0].health;
    assert_eq!((health.total, health.successes), (49, 42));
}
