//! Features: outcomes, looks and transitions at the same time.

use super::{at_once, outcomes, runs, small_model};
use crate::clock::{ManualClock, Source};
use crate::machine::Cause;
use crate::policy::feature::live::{Features, Host, Looked};
use crate::policy::feature::recovery::{Change, Met};
use crate::policy::feature::{FeatureCause, FeatureRule, FeatureRules, FeatureState};
use crate::sync::{AtomicU64, Ordering};
use crate::word::{Mode, State, Word};
use FeatureCause::{Failed, Opened, Passed, Recovery, RolledBack, Unhealthy};
use FeatureState::{Disabled, Enabled, Testing};
use loom::sync::Arc;

const TEST: u64 = 10;

/// Generations 1 and 4 are open, 2 and 5 half-open, 3 is a recovery.
fn met(generation: u64) -> Met {
    let (state, cause) = match generation {
        0 => (State::Closed, None),
        n if n % 3 == 1 => (State::Open, Some(Cause::FailureRate)),
        n if n % 3 == 2 => (State::HalfOpen, Some(Cause::RecoveryTimeout)),
        _ => (State::Closed, Some(Cause::ProbesSucceeded)),
    };
    let openings = generation.div_ceil(3);
    Met { generation, openings, state, mode: Mode::Auto, cause, recovery_timeout: 100 }
}

/// Generation 1 is another plan, 2 is open.
fn replanned(generation: u64) -> Met {
    match generation {
        0 => met(0),
        1 => Met { generation, cause: Some(Cause::Reconfigured), ..met(0) },
        n => Met { generation, ..met(n - 1) },
    }
}

struct Breaker {
    met: fn(u64) -> Met,
    features: Features,
    generation: AtomicU64,
    clock: ManualClock,
    source: Source,
    /// Nothing modelled happens while somebody has it.
    changes: std::sync::Mutex<Vec<(usize, FeatureState, FeatureCause)>>,
}

impl Host for &Breaker {
    fn machine(&mut self) -> Met {
        (self.met)(self.generation.load(Ordering::Acquire))
    }

    fn tell(&mut self, change: Change) {
        self.changes.lock().unwrap().push((change.feature, change.to, change.cause));
    }
}

impl Breaker {
    fn new(features: usize, required: bool) -> Arc<Self> {
        Breaker::beside(met, features, required, false)
    }

    /// Whose machine goes through those generations; where they are chained each feature requires the one before.
    fn beside(met: fn(u64) -> Met, features: usize, required: bool, chained: bool) -> Arc<Self> {
        let rule = |i: usize| FeatureRule {
            name: format!("f{i}").into(),
            priority: 50,
            requires: i.checked_sub(1).filter(|_| chained).into_iter().collect(),
            min_health_bp: 8_000,
            test_duration: TEST,
            min_calls: 2,
            required,
        };
        let clock = ManualClock::new();
        let source = Source::Other(std::sync::Arc::new(clock.clone()));
        let features = Features::new(&FeatureRules { features: (0..features).map(rule).collect() }, &met(0));
        let changes = std::sync::Mutex::default();
        Arc::new(Breaker { met, features, generation: AtomicU64::new(0), clock, source, changes })
    }

    /// Whose features are tested, and the test has lasted its time.
    fn tested(features: usize, required: bool) -> Arc<Self> {
        let breaker = Breaker::new(features, required);
        (1..=3).for_each(|generation| breaker.move_to(generation));
        breaker.clock.advance_nanos(TEST);
        breaker.changes.lock().unwrap().clear();
        breaker
    }

    fn move_to(&self, generation: u64) {
        self.generation.store(generation, Ordering::Release);
        self.tell_of(generation);
    }

    fn tell_of(&self, generation: u64) {
        let mut host = self;
        self.features.follow(&(self.met)(generation), self.source.now(), &mut |change| host.tell(change));
    }

    fn word(&self) -> Word {
        let Met { generation, state, mode, .. } = (self.met)(self.generation.load(Ordering::Acquire));
        Word::new(state, false, mode, generation, 0)
    }

    fn look(&self, feature: usize) -> Looked {
        let mut host = self;
        self.features.look(self.word(), Some(feature), &self.source, &mut host)
    }

    fn settle(&self, failed: bool) {
        self.settle_of(0, failed);
    }

    fn settle_of(&self, feature: usize, failed: bool) {
        let mut host = self;
        self.features.settle(self.word(), feature, failed, &self.source, &mut host);
    }

    fn changes(&self) -> Vec<(usize, FeatureState, FeatureCause)> {
        std::mem::take(&mut *self.changes.lock().unwrap())
    }

    /// State, outcomes and successes of the first feature.
    fn first(&self) -> (FeatureState, u64, u64) {
        let first = self.features.snapshot()[0];
        (first.state, first.health.total, first.health.successes)
    }
}

#[test]
fn an_outcome_counts_in_the_test_or_after_it() {
    let passed = (vec![(0, Enabled, Passed)], (Enabled, 1, 0));
    let failed = (vec![(0, Disabled, Failed)], (Disabled, 0, 0));
    outcomes(0, vec![passed, failed], || {
        let breaker = Breaker::tested(1, false);
        breaker.settle(false);
        let (looking, settling) = (Arc::clone(&breaker), Arc::clone(&breaker));
        at_once(runs![
            move || {
                let _ = looking.look(0);
            },
            move || settling.settle(true)
        ]);
        (breaker.changes(), breaker.first())
    });
}

#[test]
fn two_outcomes_that_make_a_feature_unhealthy_disable_it_once() {
    outcomes(0, vec![0, 1], || {
        let breaker = Breaker::new(1, false);
        breaker.settle(true);
        let (a, b) = (Arc::clone(&breaker), Arc::clone(&breaker));
        at_once(runs![move || a.settle(true), move || b.settle(true)]);
        assert_eq!(breaker.changes(), [(0, Disabled, Unhealthy)]);
        let (state, total, _) = breaker.first();
        assert_eq!(state, Disabled);
        // The second came before it was disabled, or after.
        total
    });
}

#[test]
fn whoever_looks_at_a_breaker_that_has_opened_finds_its_features_disabled() {
    let all = [(0u64, Looked::Admitted), (0, Looked::Again), (1, Looked::Admitted)];
    outcomes(0, all.to_vec(), || {
        let breaker = Breaker::new(1, false);
        let (opening, looking) = (Arc::clone(&breaker), Arc::clone(&breaker));
        let said = at_once(runs![
            move || {
                opening.move_to(1);
                (0u64, Looked::Admitted)
            },
            move || {
                let word = looking.word();
                let mut host = &*looking;
                let said = looking.features.look(word, Some(0), &looking.source, &mut host);
                let is_known = word.generation() == 0 || looking.first().0 == Disabled;
                assert!(is_known, "it opened, and nobody has told its features");
                (word.generation(), said)
            }
        ]);
        assert_eq!(breaker.changes(), [(0, Disabled, Opened)]);
        said[1]
    });
}

#[test]
fn a_test_that_ends_while_the_breaker_opens_enables_nothing() {
    let opened = (0, Disabled, Opened);
    outcomes(0, vec![vec![opened], vec![(0, Enabled, Passed), opened]], || {
        let breaker = Breaker::tested(1, false);
        let (opening, looking) = (Arc::clone(&breaker), Arc::clone(&breaker));
        at_once(runs![move || opening.move_to(4), move || {
            let _ = looking.look(0);
        }]);
        assert_eq!(breaker.first().0, Disabled);
        breaker.changes()
    });
}

#[test]
fn two_who_end_a_test_end_it_once() {
    let roll_back = Looked::RollBack { generation: 3 };
    outcomes(0, vec![vec![roll_back; 2]], move || {
        let breaker = Breaker::tested(2, true);
        breaker.settle(true);
        breaker.settle(true);
        let (a, b) = (Arc::clone(&breaker), Arc::clone(&breaker));
        let said = at_once(runs![move || a.look(0), move || b.look(1)]);
        // The other one has counted nothing, and is not judged any more.
        assert_eq!(breaker.changes(), [(0, Disabled, Failed), (1, Disabled, RolledBack)]);
        said
    });
}

#[test]
fn an_outcome_beside_an_opening_counts_before_it_or_after_it() {
    outcomes(0, vec![(Disabled, 0, 0), (Disabled, 1, 1)], || {
        let breaker = Breaker::new(1, false);
        let (opening, settling) = (Arc::clone(&breaker), Arc::clone(&breaker));
        at_once(runs![move || opening.move_to(1), move || settling.settle(false)]);
        assert_eq!(breaker.changes(), [(0, Disabled, Opened)]);
        breaker.first()
    });
}

#[test]
fn transitions_that_are_told_out_of_order_end_with_the_last() {
    outcomes(0, vec![Testing], || {
        let breaker = Breaker::new(1, false);
        breaker.generation.store(3, Ordering::Release);
        let (a, b, c) = (Arc::clone(&breaker), Arc::clone(&breaker), Arc::clone(&breaker));
        at_once(runs![move || a.tell_of(1), move || b.tell_of(3), move || {
            let _ = c.look(0);
        }]);
        assert_eq!(breaker.changes(), [(0, Disabled, Opened), (0, Testing, Recovery)]);
        breaker.first().0
    });
}

#[test]
fn a_feature_that_is_unhealthy_beside_another_plan_is_disabled() {
    small_model(|| {
        let breaker = Breaker::beside(replanned, 1, false, false);
        breaker.settle(true);
        let (planning, settling) = (Arc::clone(&breaker), Arc::clone(&breaker));
        at_once(runs![move || planning.move_to(1), move || settling.settle(true)]);
        assert_eq!(breaker.changes(), [(0, Disabled, Unhealthy)]);
        assert_eq!(breaker.look(0), Looked::Disabled { retry_after: Some(100) });
    });
}

#[test]
fn a_feature_that_is_unhealthy_beside_a_plan_and_an_opening_changes_once() {
    outcomes(-1, vec![vec![(0, Disabled, Unhealthy)], vec![(0, Disabled, Opened)]], || {
        let breaker = Breaker::beside(replanned, 1, false, false);
        breaker.settle(true);
        let (planning, settling) = (Arc::clone(&breaker), Arc::clone(&breaker));
        let moves = move || (1..=2).for_each(|generation| planning.move_to(generation));
        at_once(runs![moves, move || settling.settle(true)]);
        let changes = breaker.changes();
        // Whoever disabled it, it is tested when the breaker has closed.
        (3..=4).for_each(|generation| breaker.move_to(generation));
        assert_eq!(breaker.changes(), [(0, Testing, Recovery)]);
        changes
    });
}

#[test]
fn a_feature_and_one_that_requires_it_are_each_disabled_once_whoever_comes_first() {
    let together = vec![(0, Disabled, Unhealthy), (1, Disabled, FeatureCause::Requirement)];
    let apart = vec![(1, Disabled, Unhealthy), (0, Disabled, Unhealthy)];
    outcomes(1, vec![together, apart], || {
        let breaker = Breaker::beside(met, 2, false, true);
        (0..2).for_each(|feature| breaker.settle_of(feature, true));
        let (a, b) = (Arc::clone(&breaker), Arc::clone(&breaker));
        at_once(runs![move || a.settle_of(0, true), move || b.settle_of(1, true)]);
        breaker.changes()
    });
}

#[test]
fn who_is_let_in_at_once_beside_an_opening_was_let_in_before_it_or_finds_the_features_disabled() {
    outcomes(1, vec![(0u64, true), (0, false), (1, true), (1, false)], || {
        let breaker = Breaker::new(1, false);
        let (opening, asking) = (Arc::clone(&breaker), breaker);
        let said = at_once(runs![
            move || {
                opening.move_to(1);
                (0u64, false)
            },
            move || {
                let word = asking.word();
                let is_in = asking.features.admits_at_once(word, Some(0), &asking.source);
                let is_known = word.generation() == 0 || asking.first().0 == Disabled;
                assert!(is_known || !is_in, "it opened, and nobody has told its features");
                (word.generation(), is_in)
            }
        ]);
        said[1]
    });
}

#[test]
fn who_is_not_let_in_at_once_beside_an_unhealthy_feature_finds_it_disabled() {
    outcomes(1, vec![true, false], || {
        let breaker = Breaker::new(1, false);
        breaker.settle(true);
        let (settling, asking) = (Arc::clone(&breaker), breaker);
        let said = at_once(runs![
            move || {
                settling.settle(true);
                true
            },
            move || {
                let is_in = asking.features.admits_at_once(asking.word(), Some(0), &asking.source);
                let disabled = Looked::Disabled { retry_after: Some(100) };
                assert!(is_in || asking.look(0) == disabled);
                is_in
            }
        ]);
        said[1]
    });
}

#[test]
fn a_rollback_beside_an_opening_is_over_when_the_breaker_has_opened() {
    let asked = (Looked::RollBack { generation: 3 }, vec![(0, Disabled, Failed)]);
    let opened = vec![(0, Disabled, Opened)];
    let late = [(Looked::Again, opened.clone()), (Looked::Admitted, opened)];
    outcomes(0, [asked].into_iter().chain(late).collect(), || {
        let breaker = Breaker::tested(1, true);
        breaker.settle(true);
        breaker.settle(true);
        let (opening, looking) = (Arc::clone(&breaker), Arc::clone(&breaker));
        let said = at_once(runs![
            move || {
                opening.move_to(4);
                Looked::Admitted
            },
            move || looking.look(0)
        ]);
        let changes = breaker.changes();
        (5..=6).for_each(|generation| breaker.move_to(generation));
        assert_eq!((breaker.look(0), breaker.first().0), (Looked::Admitted, Testing));
        (said[1], changes)
    });
}
