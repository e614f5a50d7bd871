//! Transitions that the features are told of late, out of order, or not at all.

use super::rules::{rule, table};
use super::{Bench, Both, RECOVERY_TIMEOUT, Step, Telling, steps};
use crate::machine::Cause;
use crate::policy::feature::FeatureState::{Disabled, Enabled, Testing};
use crate::policy::feature::live::{Features, Host, Looked};
use crate::policy::feature::recovery::{Change, Met};
use crate::policy::feature::{FeatureCause, FeatureRule, FeatureRules};
use crate::word::{Mode, State};
use proptest::prelude::*;

proptest! {
    #![proptest_config(super::super::gates::config())]

    #[test]
    fn a_transition_that_a_call_is_the_first_to_meet_does_what_it_does_when_it_is_told(
        rules in super::table(),
        steps in steps(),
    ) {
        let mut both = Both { telling: Telling::Met, ..Both::new(&rules) };
        for step in &steps {
            both.run(step, rules.features.len())?;
            both.compare()?;
        }
    }

    #[test]
    fn whatever_they_have_missed_all_are_enabled_in_the_end(
        rules in super::table(),
        steps in steps(),
        told in any::<u64>(),
    ) {
        let mut both = Both { telling: Telling::Untold, ..Both::new(&rules) };
        for (n, step) in steps.iter().enumerate() {
            match step {
                Step::Look(feature) => {
                    let _ = both.bench.look(*feature);
                }
                Step::Settle(Some(feature), succeeds) => both.bench.count(*feature, *succeeds),
                Step::Settle(None, _) | Step::Poll => {}
                Step::Advance(_) | Step::Move(_) | Step::Recover => both.run(step, 0)?,
            }
            if told >> (n % 64) & 1 == 1 {
                both.bench.follow();
            }
        }
        let Both { mut bench, .. } = both;
        let forced = bench.met.mode.is_forced();
        let cause = if forced { Cause::Mode } else { Cause::Reconfigured };
        bench.move_to(State::Closed, Mode::Auto, cause);
        for _ in 0..200 {
            if bench.look(None) == (Looked::RollBack { generation: bench.met.generation }) {
                bench.move_to(State::Open, Mode::Auto, Cause::Manual);
                bench.move_to(State::Closed, Mode::Auto, Cause::ProbesSucceeded);
            }
            for feature in 0..rules.features.len() {
                bench.count(feature, true);
            }
            bench.clock.advance_nanos(10);
        }
        prop_assert_eq!(bench.states(), vec![Enabled; rules.features.len()]);
    }
}

fn required() -> FeatureRules {
    table([FeatureRule { required: true, ..rule("core", 50) }, rule("a", 10)])
}

#[test]
fn a_recovery_whose_opening_nobody_saw_is_one() {
    let mut bench = Bench::new(&table([rule("a", 50), rule("b", 10)]));
    bench.move_to(State::Open, Mode::Auto, Cause::FailureRate);
    bench.move_to(State::HalfOpen, Mode::Auto, Cause::RecoveryTimeout);
    bench.move_to(State::Closed, Mode::Auto, Cause::ProbesSucceeded);
    assert_eq!(bench.look(Some(1)), Looked::Disabled { retry_after: None });
    let opened = FeatureCause::Opened;
    let changes = [(0, Disabled, opened), (1, Disabled, opened), (0, Testing, FeatureCause::Recovery)];
    assert_eq!(bench.changes(), changes);
}

#[test]
fn a_close_that_nobody_saw_is_made_up_for() {
    let mut bench = Bench::new(&table([rule("a", 50)]));
    bench.transition(State::Open, Cause::FailureRate);
    bench.move_to(State::Closed, Mode::Auto, Cause::ProbesSucceeded);
    bench.move_to(State::Closed, Mode::Auto, Cause::Reconfigured);
    assert_eq!((bench.look(Some(0)), bench.states()), (Looked::Admitted, vec![Testing]));
}

#[test]
fn a_generation_that_is_not_later_than_the_known_one_changes_nothing() {
    let mut bench = Bench::new(&table([rule("a", 50)]));
    let closed = bench.met;
    bench.transition(State::Open, Cause::FailureRate);
    let open = bench.met;
    bench.transition(State::Closed, Cause::Reset);
    bench.events.clear();
    for met in [open, closed, bench.met] {
        bench.features.follow(&met, 0, &mut |change| panic!("{change:?}"));
    }
    assert_eq!(bench.states(), [Enabled]);
}

#[test]
fn who_looked_at_the_machine_before_it_moved_on_looks_again() {
    let mut bench = Bench::new(&table([rule("a", 50)]));
    let word = bench.word();
    bench.transition(State::Open, Cause::FailureRate);
    let mut host = super::Told(&bench.met, &mut bench.events);
    assert_eq!(bench.features.look(word, Some(0), &bench.source, &mut host), Looked::Again);
    assert_eq!(bench.features.carry_out(word, &bench.source, &mut host), Looked::Again);
}

#[test]
fn a_rollback_is_called_for_until_the_breaker_has_opened() {
    let mut bench = Bench::new(&required());
    bench.recover();
    bench.count_all(0, "-----");
    bench.advance(30);
    assert_eq!(bench.carry_out(), Looked::RollBack { generation: 3 });
    // Whoever was to open it is gone; new rules come between.
    bench.transition(State::Closed, Cause::Reconfigured);
    bench.advance(RECOVERY_TIMEOUT);
    assert_eq!(bench.look(Some(1)), Looked::RollBack { generation: 4 });
    assert_eq!(bench.look(None), Looked::RollBack { generation: 4 });
    bench.recover();
    assert_eq!((bench.look(None), bench.states()), (Looked::Admitted, vec![Testing, Disabled]));
}

#[test]
fn a_rollback_that_was_overtaken_by_a_reset_is_none() {
    let mut bench = Bench::new(&required());
    bench.recover();
    bench.count_all(0, "-----");
    bench.advance(30);
    let _ = bench.carry_out();
    bench.transition(State::Closed, Cause::Reset);
    assert_eq!((bench.look(None), bench.states()), (Looked::Admitted, vec![Enabled; 2]));
}

#[test]
fn a_recovery_timeout_of_new_rules_holds_from_then_on() {
    let mut bench = Bench::new(&table([rule("a", 50)]));
    bench.met.recovery_timeout = 7;
    bench.transition(State::Closed, Cause::Reconfigured);
    bench.count_all(0, "-----");
    assert_eq!(bench.look(Some(0)), Looked::Disabled { retry_after: Some(7) });
}

// ---- between a look at the machine and what follows from it ----

type Meanwhile<'a> = Box<dyn FnOnce(&Features) + 'a>;

/// Answers the machine as it was, after others have done something.
struct Overtaken<'a> {
    features: &'a Features,
    /// As it was, then as it is.
    met: [Met; 2],
    meanwhile: Option<Meanwhile<'a>>,
    events: Vec<Change>,
}

impl Host for Overtaken<'_> {
    fn machine(&mut self) -> Met {
        match self.meanwhile.take() {
            None => self.met[1],
            Some(meanwhile) => {
                meanwhile(self.features);
                self.met[0]
            }
        }
    }

    fn tell(&mut self, change: Change) {
        self.events.push(change);
    }
}

/// Counts a failure that makes the feature unhealthy, while something else happens; answers the changes.
fn fail_while<'a>(bench: &'a Bench, now: Met, meanwhile: impl FnOnce(&Features) + 'a) -> Vec<Change> {
    let (features, met) = (&bench.features, [bench.met, now]);
    let mut host = Overtaken { features, met, meanwhile: Some(Box::new(meanwhile)), events: Vec::new() };
    bench.features.settle(bench.word(), 0, true, &bench.source, &mut host);
    host.events
}

#[test]
fn a_feature_that_is_unhealthy_is_disabled_though_new_rules_come_meanwhile() {
    let mut bench = Bench::new(&table([rule("a", 50)]));
    bench.count_all(0, "----");
    let cause = Some(Cause::Reconfigured);
    let now = Met { generation: bench.met.generation + 1, cause, recovery_timeout: 7, ..bench.met };
    let events = fail_while(&bench, now, |features| features.follow(&now, 0, &mut |_| ()));
    assert_eq!(events.iter().map(|change| change.cause).collect::<Vec<_>>(), [FeatureCause::Unhealthy]);
    bench.met = now;
    assert_eq!(bench.look(Some(0)), Looked::Disabled { retry_after: Some(7) });
}

#[test]
fn an_outcome_whose_feature_was_disabled_meanwhile_does_not_put_its_test_off() {
    let mut bench = Bench::new(&table([rule("a", 50)]));
    bench.count_all(0, "----");
    let (word, met) = (bench.word(), bench.met);
    let meanwhile = |features: &Features| {
        let mut events = Vec::new();
        features.settle(word, 0, true, &bench.source, &mut super::Told(&met, &mut events));
        assert_eq!(events.len(), 1);
        bench.clock.advance_nanos(50);
    };
    assert_eq!(fail_while(&bench, met, meanwhile), []);
    assert_eq!(bench.look(Some(0)), Looked::Disabled { retry_after: Some(RECOVERY_TIMEOUT - 50) });
}
