//! The budget: any row of calls and retries against a list of their times, and threads at once.

use super::{SECOND, config};
use crate::policy::budget::{Budget, BudgetRules};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Barrier;
use std::thread;

#[derive(Clone, Debug)]
enum Step {
    Advance(u64),
    First(u64),
    Withdraw,
}

/// Instants fall on both sides of the ends of buckets, and now and then a window or two pass.
fn step(window: u64) -> impl Strategy<Value = Step> {
    let width = window / 10;
    let by = prop_oneof![
        4 => 0..width,
        3 => Just(width),
        2 => (0..=4 * width).prop_map(move |d| d / width * width + width - 1),
        1 => 9 * width - 1..=11 * width,
        1 => 0..3 * window,
    ];
    prop_oneof![
        4 => by.prop_map(Step::Advance),
        5 => (1..8u64).prop_map(Step::First),
        6 => Just(Step::Withdraw),
    ]
}

struct Model {
    ratio: f64,
    per_second: f64,
    window: u64,
    firsts: Vec<u64>,
    begun: Vec<u64>,
}

impl Model {
    /// How many of these lie in the bucket of `now` and the nine before it.
    fn recent(&self, times: &[u64], now: u64) -> u64 {
        let bucket = |at: u64| at / (self.window / 10);
        times.iter().filter(|at| bucket(**at) <= bucket(now) && bucket(**at) + 10 > bucket(now)).count()
            as u64
    }

    fn left(&self, now: u64) -> u64 {
        // A share of ten-thousandths: what is lost when it is multiplied is far less than one of them.
        let share = (self.ratio * self.recent(&self.firsts, now) as f64 + 1e-6).floor() as u64;
        let least = (self.per_second * (self.window as f64 / 1e9) + 1e-6).floor() as u64;
        (share + least).saturating_sub(self.recent(&self.begun, now))
    }
}

fn check(ratio_bp: u64, tenths_per_second: u64, window: u64, steps: &[Step]) -> Result<(), TestCaseError> {
    let min_per_second = tenths_per_second as f64 / 10.0;
    let budget = Budget::new(BudgetRules { ratio_bp, min_per_second, window });
    let ratio = ratio_bp as f64 / 10_000.0;
    let mut model = Model { ratio, per_second: min_per_second, window, firsts: vec![], begun: vec![] };
    let mut now = 0;
    for (i, step) in steps.iter().enumerate() {
        match step {
            Step::Advance(by) => now += by,
            Step::First(times) => {
                for _ in 0..*times {
                    budget.first(now);
                    model.firsts.push(now);
                }
            }
            Step::Withdraw => {
                let may_begin = model.left(now) > 0;
                prop_assert_eq!(budget.withdraw(now), may_begin, "step {}, at {}", i, now);
                if may_begin {
                    model.begun.push(now);
                }
            }
        }
        prop_assert_eq!(budget.left(now, 0), model.left(now), "step {}, at {}", i, now);
    }
    Ok(())
}

fn scenario() -> impl Strategy<Value = (u64, Vec<Step>)> {
    prop_oneof![Just(SECOND), Just(10 * SECOND), Just(24 * 3_600 * SECOND)]
        .prop_flat_map(|window| (Just(window), vec(step(window), 0..200)))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_budget_does_what_the_policy_says(
        ratio_bp in prop_oneof![Just(0u64), Just(2_000), Just(10_000), 0..=10_000u64],
        tenths in prop_oneof![Just(0u64), Just(10), 0..40u64],
        (window, steps) in scenario(),
    ) {
        check(ratio_bp, if window > 10 * SECOND { tenths / 10 } else { tenths }, window, &steps)?;
    }
}

fn budget(ratio_bp: u64, min_per_second: f64) -> Budget {
    Budget::new(BudgetRules { ratio_bp, min_per_second, window: SECOND })
}

#[test]
fn the_allowance_is_rounded_down_in_both_its_parts() {
    let rules = |min_per_second, window| BudgetRules { ratio_bp: 2_000, min_per_second, window };
    assert_eq!([0, 4, 5, 9, 10].map(|n| rules(0.0, SECOND).allowance(n)), [0, 0, 1, 1, 2]);
    for (min_per_second, window, least) in [
        (1.0, 10, 10),
        (0.3, 10, 3),
        (0.1, 10, 1),
        (0.7, 10, 7),
        (0.09, 10, 0),
        (1e6, 86_400, 86_400_000_000),
    ] {
        assert_eq!(rules(min_per_second, window * SECOND).allowance(0), least, "{min_per_second}");
    }
    assert_eq!(rules(1e6, 86_400 * SECOND).allowance(u64::MAX), u64::MAX / 5 + 86_400_000_000);
}

#[test]
fn looking_changes_nothing() {
    let budget = budget(0, 1.0);
    assert!(budget.withdraw(0));
    assert_eq!([3 * SECOND, 0].map(|now| budget.left(now, 0)), [1, 0]);
    assert!(!budget.withdraw(0));
}

#[test]
fn who_comes_with_an_older_instant_withdraws_from_the_latest_window() {
    let budget = budget(0, 1.0);
    assert!(budget.withdraw(5 * SECOND));
    assert!(!budget.withdraw(0));
    assert_eq!((budget.left(0, 0), budget.rules().window), (0, SECOND));
}

#[test]
fn a_first_attempt_of_an_older_stretch_than_its_bucket_is_not_counted() {
    let budget = budget(10_000, 0.0);
    [SECOND, 0, 50, SECOND / 2].into_iter().for_each(|now| budget.first(now));
    assert_eq!([SECOND, SECOND / 2].map(|now| budget.left(now, 0)), [2, 1]);
}

#[test]
fn the_last_instants_of_a_clock_have_a_budget() {
    let budget = budget(10_000, 1.0);
    (0..3).for_each(|_| budget.first(u64::MAX));
    assert_eq!(budget.left(u64::MAX, 0), 4);
    assert!(budget.withdraw(u64::MAX));
    assert_eq!((budget.left(u64::MAX, 0), budget.left(0, 0)), (3, 3));
}

#[test]
fn threads_at_once_lose_no_first_attempt_and_begin_no_retry_too_many() {
    // More than have a stripe of their own.
    const THREADS: u64 = 72;
    let budget = budget(5_000, 0.0);
    let barrier = Barrier::new(THREADS as usize);
    let begun: u64 = thread::scope(|scope| {
        let run = || {
            barrier.wait();
            let begun = (0..500).map(|_| {
                budget.first(SECOND);
                u64::from(budget.withdraw(SECOND))
            });
            let begun = begun.sum::<u64>();
            // Nobody ends before all have begun: an ended thread's stripe would be another's.
            barrier.wait();
            begun
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|t| t.join().expect("a thread panicked")).sum()
    });
    assert_eq!(begun + budget.left(SECOND, 0), THREADS * 500 / 2);
}
