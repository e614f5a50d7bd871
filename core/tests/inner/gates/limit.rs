//! The limit that finds itself: any row of outcomes against the policy's sentences, one after the other.

use super::config;
use crate::admit::limit::LimitState;
use crate::admit::{LimitKind, LimitRules, QueueRules};
use crate::outcome::Outcome;
use proptest::collection::vec;
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;

fn rules(kind: LimitKind, initial: u64, min: u64, max: u64) -> LimitRules {
    let queue = QueueRules { max_queue: 0, timeouts: [SECOND; 5] };
    LimitRules { kind, initial, min, max, reserved_bp: [0; 5], queue }
}

#[derive(Clone, Debug)]
struct Settling {
    outcome: Outcome,
    slow: bool,
    in_flight: u64,
    duration: u64,
    pass: u64,
}

fn settling() -> impl Strategy<Value = Settling> {
    let outcome =
        prop_oneof![6 => Just(Outcome::Success), 3 => Just(Outcome::Failure), 1 => Just(Outcome::Ignored)];
    let duration = prop_oneof![1 => Just(0u64), 8 => 1..40u64, 2 => 1_000..100_000u64];
    let pass = prop_oneof![4 => Just(0u64), 3 => 1..SECOND / 3, 1 => Just(SECOND)];
    (outcome, prop::bool::weighted(0.1), 1..40u64, duration, pass).prop_map(
        |(outcome, slow, in_flight, duration, pass)| Settling { outcome, slow, in_flight, duration, pass },
    )
}

struct Aimd {
    limit: f64,
    /// Outcomes since the last cut; `None` before the first.
    since: Option<u64>,
}

impl Aimd {
    fn settle(&mut self, s: &Settling, ratio: f64, min: f64, max: f64) {
        if s.outcome == Outcome::Ignored {
            return;
        }
        self.since = self.since.map(|n| n + 1);
        if s.outcome == Outcome::Success && !s.slow {
            if 2.0 * s.in_flight as f64 >= self.limit {
                self.limit = (self.limit + 1.0 / self.limit).min(max);
            }
        } else if self.since.is_none_or(|n| n >= self.limit as u64) {
            self.limit = (self.limit * ratio).max(min);
            self.since = Some(0);
        }
    }
}

#[derive(Default)]
struct Gradient {
    limit: f64,
    last: u64,
    durations: Vec<u64>,
    most: u64,
    samples: Vec<f64>,
    long: f64,
}

impl Gradient {
    fn settle(&mut self, s: &Settling, now: u64, [tolerance, queue, smoothing, window]: [f64; 4]) {
        if s.outcome == Outcome::Ignored {
            return;
        }
        self.most = self.most.max(s.in_flight);
        if s.outcome == Outcome::Success {
            self.durations.push(s.duration);
        }
        if now < self.last + SECOND || self.durations.len() < 10 {
            return;
        }
        let d = self.durations.iter().sum::<u64>() as f64 / self.durations.len() as f64;
        let most = std::mem::replace(&mut self.most, s.in_flight - 1);
        (self.last, self.durations) = (now, Vec::new());
        if d == 0.0 {
            return;
        }
        if self.samples.len() < 10 {
            self.samples.push(d);
            self.long = self.samples.iter().sum::<f64>() / self.samples.len() as f64;
        } else {
            self.long += 2.0 / (window + 1.0) * (d - self.long);
        }
        let g = (tolerance * self.long / d).clamp(0.5, 1.0);
        if self.long > 2.0 * d {
            self.long *= 0.95;
        }
        if 2 * most as u128 >= self.limit.ceil() as u128 {
            self.limit = (self.limit + smoothing * (g * self.limit + queue - self.limit)).clamp(2.0, 50.0);
        }
    }
}

/// Settles at the state and at the model; each change of the floor is told, and only those.
fn compare(
    state: &LimitState,
    steps: &[Settling],
    mut model: impl FnMut(&Settling, u64) -> f64,
) -> Result<(), TestCaseError> {
    let mut now = 0;
    for (i, s) in steps.iter().enumerate() {
        now += s.pass;
        let before = state.limit();
        let told = state.settle(s.outcome, s.slow, s.in_flight, Some(s.duration), now);
        let floor = model(s, now) as u64;
        prop_assert_eq!(state.limit(), floor, "after {} of {:?}", i, s);
        prop_assert_eq!(told, Some(floor).filter(|floor| *floor != before));
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn aimd_does_what_the_policy_says(initial in 2..30u64, bp in 5_000..10_000u64, steps in vec(settling(), 0..300)) {
        let state = LimitState::new(rules(LimitKind::Aimd { backoff_bp: bp }, initial, 2, 35), 0);
        let mut model = Aimd { limit: initial as f64, since: None };
        compare(&state, &steps, |s, _| {
            model.settle(s, bp as f64 / 10_000.0, 2.0, 35.0);
            model.limit
        })?;
    }

    #[test]
    fn a_gradient_does_what_the_policy_says(initial in 2..30u64, tolerance in 10_000..30_000u64, steps in vec(settling(), 0..300)) {
        let kind = LimitKind::Gradient { tolerance_bp: tolerance, queue: 4, smoothing_bp: 5_000, long_window: 10 };
        let state = LimitState::new(rules(kind, initial, 2, 50), 0);
        let mut model = Gradient { limit: initial as f64, ..Gradient::default() };
        compare(&state, &steps, |s, now| {
            model.settle(s, now, [tolerance as f64 / 10_000.0, 4.0, 0.5, 10.0]);
            model.limit
        })?;
    }
}

#[test]
fn the_most_calls_in_flight_are_those_that_were_admitted() {
    let kind = LimitKind::Gradient { tolerance_bp: 15_000, queue: 4, smoothing_bp: 10_000, long_window: 10 };
    let ten_successes = |state: &LimitState, now| {
        (0..10).filter_map(|_| state.settle(Outcome::Success, false, 1, Some(5), now)).last()
    };
    let state = LimitState::new(rules(kind, 20, 2, 50), 0);
    assert_eq!(ten_successes(&state, SECOND), None, "hardly used");
    state.admitted(10);
    assert_eq!(ten_successes(&state, 2 * SECOND), Some(24));
    assert_eq!(ten_successes(&state, 3 * SECOND), None, "they are no longer in flight");
}

#[test]
fn a_limit_is_set_by_hand_within_its_range() {
    let state = LimitState::new(rules(LimitKind::Aimd { backoff_bp: 9_000 }, 20, 2, 35), 0);
    assert_eq!([30, 30, 100, 1].map(|to| state.set(to)), [Some(30), None, Some(35), Some(2)]);
    assert_eq!((state.limit(), state.rules().initial), (2, 20));
}

#[test]
fn every_outcome_of_threads_at_once_is_in_exactly_one_batch() {
    let kind = LimitKind::Gradient { tolerance_bp: 10_000, queue: 0, smoothing_bp: 10_000, long_window: 10 };
    let state = LimitState::new(rules(kind, 40, 2, 50), 0);
    std::thread::scope(|scope| {
        for thread in 1..=4u64 {
            let state = &state;
            scope.spawn(move || {
                for i in 0..5_000 {
                    // Every call lasts as long: a batch whose sum and number do not fit has another mean.
                    let _ = state.settle(Outcome::Success, false, 40, Some(1_000), i * thread * SECOND / 100);
                }
            });
        }
    });
    assert_eq!(state.limit(), 40, "a mean that was none has lowered the limit");
}
