//! The rate that follows the outcomes: any row of them against the policy's sentences, and threads at once.

use super::config;
use crate::admit::Pace;
use crate::admit::pace::{PacedRate, RateChange};
use crate::sync::AtomicU64;
use proptest::collection::vec;
use proptest::prelude::*;

const RULES: Pace = Pace {
    min: 10.0,
    max: 300.0,
    scale_bp: 15_000,
    cooldown: 60,
    lower_above_bp: 1_000,
    raise_below_bp: 500,
};
const INITIAL: f64 = 100.0;

#[derive(Clone, Debug)]
enum Step {
    Settle(bool),
    Acquire,
    RefuseOrPace,
    Advance(u64),
}

fn step(failing: f64) -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::bool::weighted(failing).prop_map(Step::Settle),
        1 => Just(Step::Acquire),
        1 => Just(Step::RefuseOrPace),
        2 => (0..20u64).prop_map(Step::Advance),
    ]
}

#[derive(Default)]
struct Model {
    rate: f64,
    outcomes: Vec<bool>,
    was_held: bool,
    looked: u64,
}

impl Model {
    fn look(&mut self, now: u64) -> Option<RateChange> {
        if now < self.looked + 60 || self.outcomes.len() < 20 {
            return None;
        }
        let from = self.rate;
        let failures = self.outcomes.iter().filter(|failed| **failed).count();
        let share = failures as f64 / self.outcomes.len() as f64;
        if share > 0.1 {
            self.rate = f64::max(10.0, from / 1.5);
        } else if share < 0.05 && self.was_held {
            self.rate = f64::min(300.0, from * 1.5);
        }
        *self = Model { rate: self.rate, looked: now, ..Model::default() };
        (self.rate != from).then_some(RateChange { from, to: self.rate })
    }
}

fn words() -> [AtomicU64; PacedRate::WORDS] {
    [0; PacedRate::WORDS].map(AtomicU64::new)
}

fn scenario() -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![Just(0.0), Just(0.04), Just(0.1), Just(0.5)]
        .prop_flat_map(|failing| vec(step(failing), 0..400))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_rate_does_what_the_policy_says(steps in vec(scenario(), 1..4)) {
        let words = words();
        let (rate, mut model, mut now) = (PacedRate::new(&words), Model { rate: INITIAL, ..Model::default() }, 0);
        for step in steps.iter().flatten() {
            match step {
                Step::Advance(by) => now += by,
                Step::RefuseOrPace => {
                    rate.refused_or_paced();
                    model.was_held = true;
                }
                Step::Acquire => prop_assert_eq!(rate.before_acquire(&RULES, INITIAL, now), model.look(now)),
                Step::Settle(failed) => {
                    model.outcomes.push(*failed);
                    prop_assert_eq!(rate.settle(&RULES, INITIAL, *failed, now), model.look(now));
                }
            }
            prop_assert_eq!(rate.rate(INITIAL), model.rate);
        }
    }
}

#[test]
fn the_first_cooldown_is_reckoned_from_the_beginning() {
    let words = words();
    let rate = PacedRate::new(&words);
    rate.begin(1_000);
    rate.begin(2_000);
    let told: Vec<_> = (0..20).filter_map(|_| rate.settle(&RULES, INITIAL, true, 1_059)).collect();
    assert_eq!(told, []);
    let change = RateChange { from: 100.0, to: 100.0 / 1.5 };
    assert_eq!(rate.before_acquire(&RULES, INITIAL, 1_060), Some(change));
    assert_eq!(rate.before_acquire(&RULES, INITIAL, 9_999), None, "counts start afresh");
}

#[test]
fn a_rate_is_set_by_hand() {
    let words = words();
    let rate = PacedRate::new(&words);
    assert_eq!((rate.set(INITIAL, 7.5), rate.rate(INITIAL)), (INITIAL, 7.5));
}

#[test]
fn counts_that_grow_large_keep_their_share() {
    let words = words();
    let rate = PacedRate::new(&words);
    rate.refused_or_paced();
    // As after 2^31 - 1 outcomes of which a quarter failed.
    words[1].fetch_add((1 << 61) | ((1 << 31) - 1), crate::sync::Ordering::AcqRel);
    for _ in 0..10 {
        assert_eq!(rate.settle(&RULES, INITIAL, false, 0), None);
    }
    let now = words[1].load(crate::sync::Ordering::Acquire);
    assert_eq!((now >> 63, now >> 32 & 0x7FFF_FFFF, now & 0xFFFF_FFFF), (1, 1 << 28, (1 << 30) + 9));
    let change = RateChange { from: 100.0, to: 100.0 / 1.5 };
    assert_eq!(rate.before_acquire(&RULES, INITIAL, 60), Some(change));
}
