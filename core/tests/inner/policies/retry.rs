//! Whether a call is tried once more: the order in which causes are looked for.

use super::{MILLI, SECOND};
use crate::policy::category::{Categories, Category};
use crate::policy::retry::{Asked, Denied, Missed, RetryRules};
use crate::policy::wait::{Wait, WaitKind, WaitRules};
use proptest::prelude::*;

fn rules() -> RetryRules {
    let kind = WaitKind::Fixed;
    RetryRules {
        max_attempts: 3,
        backoff: WaitRules { kind, base: 100 * MILLI, max: 0, multiplier_bp: 0, jitter_bp: 0 },
        on: Categories::default().with(Category::Timeout),
        per_method: [("DELETE", 1), ("GET", 5), ("PUT", 2)].map(|(name, n)| (name.into(), n)).into(),
        max_elapsed: SECOND,
        budget: None,
        rejected: false,
    }
}

fn asked() -> Asked {
    let missed = Missed::Failed(Category::Timeout);
    Asked { attempts: 1, allowed: 3, missed, begun: 5 * SECOND, now: 5 * SECOND, deadline: None }
}

fn waits(ms: u64) -> impl Fn() -> Wait {
    move || Wait { total: ms * MILLI, backoff: None }
}

#[test]
fn the_table_says_how_often_a_method_is_tried() {
    let rules = rules();
    for (method, attempts) in [
        (None, [3, 3]),
        (Some("GET"), [5, 5]),
        (Some("DELETE"), [1, 1]),
        (Some("POST"), [1, 3]),
        (Some("get"), [5, 5]),
    ] {
        assert_eq!([false, true].map(|i| rules.attempts_for(method, i)), attempts, "{method:?}");
    }
}

#[test]
fn a_wait_that_would_end_after_the_longest_time_is_not_begun() {
    let late = Asked { now: 5 * SECOND + 900 * MILLI, ..asked() };
    assert_eq!(rules().decide(&late, waits(100), || true), Ok(waits(100)()));
    assert_eq!(rules().decide(&late, waits(101), || true), Err(Denied::MaxElapsed));
    let endless = || Wait { total: u64::MAX, backoff: None };
    assert_eq!(rules().decide(&late, endless, || true), Err(Denied::MaxElapsed));
}

#[test]
fn at_its_deadline_a_call_has_no_time_left() {
    for (ms, said) in [(99, Ok(waits(99)())), (100, Err(Denied::Deadline)), (101, Err(Denied::Deadline))] {
        let hurried = Asked { deadline: Some(5 * SECOND + 100 * MILLI), ..asked() };
        assert_eq!(rules().decide(&hurried, waits(ms), || true), said);
    }
}

#[test]
fn a_rejection_is_retried_where_the_rules_say_so_whatever_the_categories() {
    let turned_away = Asked { missed: Missed::Rejected, ..asked() };
    assert_eq!(rules().decide(&turned_away, waits(1), || true), Err(Denied::Category));
    let rules = RetryRules { rejected: true, on: Categories::default(), ..rules() };
    assert_eq!(rules.decide(&turned_away, waits(1), || true), Ok(waits(1)()));
    assert_eq!(rules.decide(&asked(), waits(1), || true), Err(Denied::Category));
}

#[test]
fn causes_have_names_in_their_order() {
    let names = ["attempts", "category", "max_elapsed", "deadline", "budget"];
    assert_eq!(Denied::ALL.map(Denied::name), names);
    assert!(Denied::ALL.into_iter().enumerate().all(|(i, cause)| cause as usize == i));
}

proptest! {
    #[test]
    fn the_first_cause_in_order_is_told_and_nothing_is_asked_that_need_not_be(against: [bool; 5]) {
        let [attempts, category, elapsed, deadline, budget] = against;
        let asked = Asked {
            attempts: if attempts { 3 } else { 2 },
            missed: Missed::Failed(if category { Category::Unknown } else { Category::Timeout }),
            now: 5 * SECOND + if elapsed { 901 * MILLI } else { 0 },
            deadline: deadline.then_some(5 * SECOND),
            ..asked()
        };
        let (mut computed, mut withdrawn) = (0, 0);
        let wait = || {
            computed += 1;
            waits(100)()
        };
        let withdraw = || {
            withdrawn += 1;
            !budget
        };
        let said = rules().decide(&asked, wait, withdraw);
        let first = Denied::ALL.into_iter().zip(against).find(|(_, is_against)| *is_against);
        prop_assert_eq!(said.err(), first.map(|(cause, _)| cause));
        prop_assert_eq!(computed, u32::from(!attempts && !category));
        prop_assert_eq!(withdrawn, u32::from(!attempts && !category && !elapsed && !deadline));
    }
}
