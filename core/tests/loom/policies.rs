//! Budget and learned limits: first attempts beside withdrawals, samples beside a computation.

use super::{at_once, model, outcomes, runs, set_number, small_model};
use crate::policy::budget::{Budget, BudgetRules};
use crate::policy::timeout::{LearnKind, LearnRules, Learned};
use loom::sync::Arc;

const SECOND: u64 = 1_000_000_000;
const WIDTH: u64 = SECOND / 10;

// ---- the budget ----

fn budget(ratio_bp: u64, min_per_second: f64) -> Arc<Budget> {
    Arc::new(Budget::new(BudgetRules { ratio_bp, min_per_second, window: SECOND }))
}

/// Withdraws once in each of these stretches; answers what it was told.
fn withdraw<const N: usize>(
    budget: &Arc<Budget>,
    stretches: [u64; N],
) -> impl FnOnce() -> Vec<bool> + Send + 'static {
    let budget = Arc::clone(budget);
    move || stretches.map(|stretch| budget.withdraw(stretch * WIDTH)).to_vec()
}

/// Counts a first attempt in each of these stretches, as thread `number`.
fn first<const N: usize>(
    budget: &Arc<Budget>,
    number: u32,
    stretches: [u64; N],
) -> impl FnOnce() -> Vec<bool> + Send + 'static {
    let budget = Arc::clone(budget);
    move || {
        set_number(number);
        stretches.into_iter().for_each(|stretch| budget.first(stretch * WIDTH));
        Vec::new()
    }
}

#[test]
fn of_two_retries_at_once_one_gets_what_is_left() {
    outcomes(1, vec![vec![true, false], vec![false, true]], || {
        let budget = budget(0, 1.0);
        let said = at_once(runs![withdraw(&budget, [0]), withdraw(&budget, [0])]).concat();
        assert_eq!((budget.left(0, 0), budget.withdraw(0)), (0, false));
        said
    });
}

#[test]
fn a_call_finds_its_own_first_attempt_in_the_budget() {
    small_model(|| {
        let budget = budget(10_000, 0.0);
        let call = |number| {
            let (first, withdraw) = (first(&budget, number, [0]), withdraw(&budget, [0]));
            move || {
                first();
                withdraw()
            }
        };
        assert_eq!(at_once(runs![call(1), call(2)]), [[true], [true]]);
        assert_eq!(budget.left(0, 0), 0);
    });
}

#[test]
fn a_bucket_that_turns_over_counts_for_one_window_or_the_other() {
    // The second first attempt takes the bucket of the first one, which the older window would have seen.
    outcomes(1, vec![(true, 0), (false, 1)], || {
        let budget = budget(10_000, 0.0);
        first(&budget, 1, [0])();
        let said: Vec<bool> = at_once(runs![first(&budget, 1, [10]), withdraw(&budget, [9])]).concat();
        (said[0], budget.left(10 * WIDTH, 0))
    });
}

#[test]
fn threads_that_share_a_stripe_lose_no_first_attempt() {
    small_model(|| {
        let budget = budget(10_000, 0.0);
        at_once(runs![first(&budget, 3, [0, 1]), first(&budget, 4, [0, 1])]);
        assert_eq!(budget.left(WIDTH, 0), 4);
    });
}

#[test]
fn threads_that_share_a_bucket_that_turns_over_count_in_the_later_stretch() {
    small_model(|| {
        let budget = budget(10_000, 0.0);
        at_once(runs![first(&budget, 3, [10]), first(&budget, 4, [0, 10])]);
        assert_eq!((budget.left(10 * WIDTH, 0), budget.left(9 * WIDTH, 0)), (2, 0));
    });
}

#[test]
fn a_retry_that_comes_late_takes_nothing_from_a_window_that_has_passed() {
    model(|| {
        let budget = budget(0, 1.0);
        let said: Vec<bool> =
            at_once(runs![withdraw(&budget, [0, 10]), withdraw(&budget, [0]), withdraw(&budget, [10])])
                .concat();
        // One in the window of 0, unless nobody asked before 10; one in that of 10.
        let begun = said.iter().filter(|begins| **begins).count();
        assert!((1..=2).contains(&begun), "{said:?}");
        assert_eq!(budget.left(10 * WIDTH, 0), 0);
    });
}

// ---- limits ----

/// The longest of the last samples.
fn longest() -> Arc<Learned> {
    Arc::new(Learned::new(LearnRules {
        kind: LearnKind::Percentile,
        percentile_bp: 9_999,
        factor_bp: 10_000,
        min: 0,
        max: SECOND,
        window: 12,
        initial: SECOND,
    }))
}

fn sample<const N: usize>(learned: &Arc<Learned>, durations: [u64; N]) -> impl FnOnce() + Send + 'static {
    let learned = Arc::clone(learned);
    move || durations.into_iter().for_each(|d| learned.sample(d, false))
}

#[test]
fn of_two_samples_at_once_the_limit_has_that_which_was_due() {
    // The one that was the tenth, and the other if it was written by then.
    outcomes(1, vec![20, 30], || {
        let learned = longest();
        sample(&learned, [10; 9])();
        at_once(runs![sample(&learned, [20]), sample(&learned, [30])]);
        learned.limit()
    });
}

#[test]
fn a_computation_may_miss_a_sample_that_is_being_written_and_the_next_has_it() {
    outcomes(1, vec![20, 30], || {
        let learned = longest();
        sample(&learned, [10; 8])();
        at_once(runs![sample(&learned, [20]), sample(&learned, [30])]);
        let limit = learned.limit();
        sample(&learned, [10; 10])();
        assert_eq!(learned.limit(), 30);
        limit
    });
}

#[test]
fn what_comes_due_during_a_computation_is_computed_by_whoever_is_at_it() {
    // Nine samples; ten at a time while one thread computes with its tenth. With the twentieth the limit is 50, unless the
    // twentieth is that thread's own and 50 is still being written.
    outcomes(0, vec![30, 50], || {
        let learned = longest();
        sample(&learned, [10; 9])();
        let slow = sample(&learned, [20]);
        let fast = sample(&learned, [30, 30, 30, 30, 30, 30, 30, 30, 30, 50]);
        at_once(runs![slow, fast]);
        learned.limit()
    });
}

#[test]
fn a_reader_sees_a_limit_that_was_in_force() {
    outcomes(1, vec![10, 20], || {
        let learned = longest();
        sample(&learned, [10; 19])();
        let (writer, reader) = (sample(&learned, [20]), Arc::clone(&learned));
        let writes = move || {
            writer();
            0u64
        };
        let said: Vec<u64> = at_once(runs![writes, move || reader.limit()]);
        said[1]
    });
}
