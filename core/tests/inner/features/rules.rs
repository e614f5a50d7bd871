//! The policies' sentences, one at a time.

use super::{Bench, RECOVERY_TIMEOUT};
use crate::machine::Cause;
use crate::policy::feature::FeatureState::{self, Disabled, Enabled, Testing};
use crate::policy::feature::live::{Features, Looked, Tallies};
use crate::policy::feature::recovery::Met;
use crate::policy::feature::{FeatureCause, FeatureRule, FeatureRules};
use crate::word::State;

pub fn rule(name: &str, priority: u64) -> FeatureRule {
    FeatureRule {
        name: name.into(),
        priority,
        requires: [].into(),
        min_health_bp: 8_000,
        test_duration: 30,
        min_calls: 5,
        required: false,
    }
}

pub fn table<const N: usize>(features: [FeatureRule; N]) -> FeatureRules {
    FeatureRules { features: features.into() }
}

impl Bench {
    /// Opens and closes, and forgets what that changed.
    pub fn recover(&mut self) {
        self.transition(State::Open, Cause::FailureRate);
        self.transition(State::HalfOpen, Cause::RecoveryTimeout);
        self.transition(State::Closed, Cause::ProbesSucceeded);
        self.events.clear();
    }

    pub fn advance(&mut self, by: u64) {
        self.clock.advance_nanos(by);
    }

    pub fn count_all(&mut self, feature: usize, outcomes: &str) {
        outcomes.chars().for_each(|outcome| self.count(feature, outcome == '+'));
    }

    /// What changed since this was asked last.
    pub fn changes(&mut self) -> Vec<(usize, FeatureState, FeatureCause)> {
        self.events.drain(..).map(|e| (e.feature, e.to, e.cause)).collect()
    }
}

#[test]
fn recovery_goes_from_the_highest_priority_down_and_those_of_one_are_tested_together() {
    let mut bench = Bench::new(&table([rule("b", 20), rule("c", 90), rule("a", 20), rule("d", 10)]));
    bench.recover();
    assert_eq!(bench.states(), [Disabled, Testing, Disabled, Disabled]);
    assert_eq!(bench.look(Some(0)), Looked::Disabled { retry_after: None });
    bench.advance(30);
    assert_eq!(bench.look(Some(0)), Looked::Admitted);
    let (passed, recovery) = (FeatureCause::Passed, FeatureCause::Recovery);
    assert_eq!(bench.changes(), [(1, Enabled, passed), (2, Testing, recovery), (0, Testing, recovery)]);
    assert_eq!(bench.look(Some(3)), Looked::Disabled { retry_after: None });
}

#[test]
fn a_feature_is_tested_when_what_it_requires_is_enabled() {
    let payment = FeatureRule { requires: [1].into(), ..rule("payment", 90) };
    let mut bench = Bench::new(&table([payment, rule("account", 10)]));
    bench.recover();
    assert_eq!(bench.states(), [Disabled, Testing]);
    bench.advance(30);
    assert_eq!(bench.carry_out(), Looked::Admitted);
    assert_eq!(bench.states(), [Testing, Enabled]);
}

#[test]
fn a_test_is_judged_by_the_health_that_it_asks_for() {
    for (outcomes, end) in
        [("++++-", Enabled), ("+++--", Disabled), ("++++++--", Disabled), ("++++", Enabled)]
    {
        let mut bench = Bench::new(&table([rule("a", 50)]));
        bench.recover();
        bench.count_all(0, outcomes);
        bench.advance(29);
        let _ = bench.carry_out();
        assert_eq!(bench.states(), [Testing]);
        bench.advance(1);
        let _ = bench.carry_out();
        assert_eq!(bench.states(), [end], "{outcomes}");
    }
}

#[test]
fn a_test_with_too_few_calls_of_which_some_failed_goes_on_once() {
    for (more, end) in [("+++", Enabled), ("", Disabled)] {
        let mut bench = Bench::new(&table([rule("a", 50)]));
        bench.recover();
        bench.count_all(0, "+-");
        bench.advance(37);
        let _ = bench.carry_out();
        bench.count_all(0, more);
        bench.advance(29);
        let _ = bench.carry_out();
        assert_eq!((bench.states(), bench.changes()), (vec![Testing], vec![]));
        bench.advance(1);
        let _ = bench.carry_out();
        assert_eq!(bench.states(), [end]);
    }
}

#[test]
fn a_failed_feature_is_tested_again_after_the_recovery_timeout() {
    let mut bench = Bench::new(&table([rule("a", 50), rule("b", 10)]));
    bench.recover();
    bench.count_all(0, "-----");
    bench.advance(30);
    let disabled = |after| Looked::Disabled { retry_after: Some(after) };
    assert_eq!(bench.look(Some(0)), disabled(RECOVERY_TIMEOUT));
    assert_eq!(bench.states(), [Disabled, Testing], "the next have their turn meanwhile");
    bench.advance(RECOVERY_TIMEOUT - 1);
    assert_eq!(bench.look(Some(0)), disabled(1));
    bench.advance(1);
    assert_eq!(bench.look(Some(0)), Looked::Admitted);
    assert_eq!(bench.states(), [Testing, Enabled]);
}

#[test]
fn who_is_due_while_others_are_tested_has_no_retry_after() {
    let slow = FeatureRule { test_duration: 500, ..rule("slow", 10) };
    let mut bench = Bench::new(&table([rule("a", 50), slow]));
    bench.recover();
    bench.count_all(0, "-----");
    bench.advance(30);
    let _ = bench.carry_out();
    bench.advance(RECOVERY_TIMEOUT);
    assert_eq!(bench.look(Some(0)), Looked::Disabled { retry_after: None });
}

#[test]
fn a_required_feature_that_fails_rolls_everything_back() {
    let core = FeatureRule { required: true, ..rule("core", 90) };
    let mut bench = Bench::new(&table([rule("a", 95), core, rule("b", 90)]));
    bench.recover();
    bench.advance(30);
    let _ = bench.carry_out();
    assert_eq!(bench.states(), [Enabled, Testing, Testing]);
    bench.events.clear();
    bench.count_all(1, "-----");
    bench.advance(30);
    // In the order of names the other one of that priority comes first, and passes.
    assert_eq!(bench.carry_out(), Looked::RollBack { generation: 3 });
    let rolled_back = FeatureCause::RolledBack;
    let changes = [
        (2, Enabled, FeatureCause::Passed),
        (1, Disabled, FeatureCause::Failed),
        (0, Disabled, rolled_back),
        (2, Disabled, rolled_back),
    ];
    assert_eq!(bench.changes(), changes);
    bench.transition(State::Open, Cause::Manual);
    assert_eq!(bench.changes(), [], "they are disabled already");
    assert_eq!(bench.look(Some(0)), Looked::Admitted, "the machine turns calls away, not they");
}

#[test]
fn a_feature_below_seven_tenths_of_its_health_is_disabled_with_all_that_require_it() {
    let half = FeatureRule { min_health_bp: 5_000, min_calls: 20, ..rule("half", 50) };
    let needs = |name: &str, required: usize| FeatureRule { requires: [required].into(), ..rule(name, 50) };
    let mut bench = Bench::new(&table([half, needs("y", 0), needs("x", 1), rule("other", 50)]));
    bench.count_all(0, &("+".repeat(7) + &"-".repeat(13)));
    assert_eq!(bench.states(), [Enabled; 4], "7 of 20 is 0.35");
    bench.count_all(0, "-");
    let requirement = FeatureCause::Requirement;
    let changes =
        [(0, Disabled, FeatureCause::Unhealthy), (2, Disabled, requirement), (1, Disabled, requirement)];
    assert_eq!(bench.changes(), changes);
    for feature in 0..3 {
        assert_eq!(bench.look(Some(feature)), Looked::Disabled { retry_after: Some(RECOVERY_TIMEOUT) });
    }
    assert_eq!(bench.look(Some(3)), Looked::Admitted);
    assert_eq!(bench.look(None), Looked::Admitted);
}

#[test]
fn features_of_a_new_table_beside_a_breaker_that_is_not_closed_wait_for_the_close() {
    let rules = table([rule("a", 50)]);
    for (state, disabled) in [(State::Closed, false), (State::Open, true), (State::HalfOpen, true)] {
        let met = Met { state, generation: 7, ..Bench::new(&rules).met };
        let features = Features::new(&rules, &met);
        let mut changes = Vec::new();
        let closed = Met { state: State::Closed, generation: 8, cause: Some(Cause::RampCompleted), ..met };
        features.follow(&closed, 5, &mut |change| changes.push((change.from, change.to)));
        assert_eq!(changes, vec![(Disabled, Testing); usize::from(disabled)]);
    }
}

#[test]
fn calls_are_tallied() {
    let mut bench = Bench::new(&table([rule("a", 50), rule("b", 50)]));
    bench.count_all(1, "+++--");
    (0..3).for_each(|_| bench.features.count_admitted(1));
    bench.features.count_refused(1);
    let tallies = bench.features.snapshot()[1].tallies;
    assert_eq!(tallies, Tallies { admitted: 3, refused: 1, successes: 3, failures: 2 });
    assert_eq!(bench.features.snapshot()[0].tallies, Tallies::default());
}

#[test]
fn features_are_found_by_name_and_a_place_that_is_none_counts_nowhere() {
    let mut bench = Bench::new(&table([rule("a", 50), rule("b", 50)]));
    assert_eq!(
        ["b", "a", "c", ""].map(|name| bench.features.rules().find(name)),
        [Some(1), Some(0), None, None]
    );
    bench.count(2, false);
    assert_eq!(bench.look(Some(2)), Looked::Admitted);
}
