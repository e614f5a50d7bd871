//! How long first attempts last, against a sorted list.

use super::cases;
use crate::policy::hedge::{After, HedgeRules, Pace};
use proptest::collection::vec;
use proptest::prelude::*;

const P95: HedgeRules = HedgeRules { after: After::P95, max: 1 };

#[test]
fn a_fixed_time_needs_no_samples() {
    let rules = HedgeRules { after: After::Fixed(100), max: 1 };
    assert_eq!(Pace::new().after(&rules), Some(100));
}

#[test]
fn ten_attempts_are_enough_and_nine_are_not() {
    let pace = Pace::new();
    (1..=9).for_each(|lasted| pace.record(lasted));
    assert_eq!(pace.after(&P95), None);
    pace.record(0);
    assert_eq!(pace.after(&P95), Some(9));
}

#[test]
fn of_a_hundred_it_is_the_95th() {
    let pace = Pace::new();
    (1..=100).rev().for_each(|lasted| pace.record(lasted));
    assert_eq!(pace.after(&P95), Some(95));
    (0..100).for_each(|_| pace.record(0));
    assert_eq!(pace.after(&P95), Some(0));
    (0..6).for_each(|_| pace.record(u64::MAX));
    assert_eq!(pace.after(&P95), Some(u64::MAX - 1));
}

#[test]
fn threads_record_at_once_and_none_is_lost() {
    let pace = Pace::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let pace = &pace;
            scope.spawn(move || (0..25).for_each(|n| pace.record(thread * 25 + n)));
        }
    });
    assert_eq!(pace.after(&P95), Some(94));
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn it_is_the_ceil_of_p_n_th_smallest_of_the_last_hundred(all in vec(0u64..50, 0..250)) {
        let pace = Pace::new();
        for (n, lasted) in (1..).zip(&all) {
            pace.record(*lasted);
            let mut last = all[n.max(100) - 100..n].to_vec();
            last.sort_unstable();
            let expected = (last.len() >= 10).then(|| last[(last.len() * 95).div_ceil(100) - 1]);
            prop_assert_eq!(pace.after(&P95), expected);
        }
    }
}
