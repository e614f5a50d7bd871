//! The state of the gates: the limit that finds itself, the sliding window's ring, the rate that follows the outcomes.

use super::{at_once, model, outcomes, runs, small_model};
use crate::admit::limit::LimitState;
use crate::admit::pace::PacedRate;
use crate::admit::ring::{Ring, halvings, words_before};
use crate::admit::{LimitKind, LimitRules, Pace, QueueRules};
use crate::outcome::Outcome::{self, Failure, Success};
use crate::sync::AtomicU64;
use loom::sync::Arc;

/// Runs the closures at the same time, and answers what all of them say.
fn together<R: Send + 'static>(runs: Vec<Box<dyn FnOnce() -> Vec<R> + Send>>) -> Vec<R> {
    at_once(runs).into_iter().flatten().collect()
}

// ---- the limit ----

const SECOND: u64 = 1_000_000_000;

fn limit(kind: LimitKind, initial: u64) -> Arc<LimitState> {
    let queue = QueueRules { max_queue: 0, timeouts: [SECOND; 5] };
    let rules = LimitRules { kind, initial, min: 1, max: 100, reserved_bp: [0; 5], queue };
    Arc::new(LimitState::new(rules, 0))
}

const HALVES: LimitKind = LimitKind::Aimd { backoff_bp: 5_000 };

/// Settles these one after the other, with so many calls in flight, and answers the floors it is told.
fn settle<const N: usize>(
    state: &Arc<LimitState>,
    all: [Outcome; N],
    in_flight: u64,
) -> impl FnOnce() -> Vec<u64> + Send + 'static {
    let state = Arc::clone(state);
    move || all.into_iter().filter_map(|o| state.settle(o, false, in_flight, Some(10), SECOND)).collect()
}

#[test]
fn of_two_failures_at_once_the_first_cuts() {
    small_model(|| {
        let state = limit(HALVES, 8);
        let told: Vec<u64> = together(runs![settle(&state, [Failure], 1), settle(&state, [Failure], 1)]);
        assert_eq!((told, state.limit()), (vec![4], 4));
    });
}

#[test]
fn between_two_cuts_settle_as_many_as_the_limit() {
    model(|| {
        let state = limit(HALVES, 8);
        settle(&state, [Failure], 1)();
        // Four are in force: the fourth failure cuts, whoever it is, and no other.
        let told: Vec<u64> =
            together(runs![settle(&state, [Failure; 2], 1), settle(&state, [Failure; 2], 1)]);
        assert_eq!((told, state.limit()), (vec![2], 2));
        assert_eq!(settle(&state, [Failure], 1)(), [0; 0], "the count began afresh");
        assert_eq!(settle(&state, [Failure], 1)(), [1]);
    });
}

#[test]
fn successes_count_between_two_cuts() {
    outcomes(0, vec![(4, vec![2]), (2, vec![])], || {
        let state = limit(HALVES, 8);
        settle(&state, [Failure], 1)();
        at_once(runs![settle(&state, [Failure, Success], 1), settle(&state, [Success, Failure], 1)]);
        // Four are counted, or the fourth was a failure that has cut already.
        let before = state.limit();
        (before, settle(&state, [Failure], 1)())
    });
}

#[test]
fn an_outcome_beside_a_cut_is_counted_after_it_or_before() {
    outcomes(0, vec![0, 1, 2], || {
        let state = limit(HALVES, 8);
        // One of them cuts, and the free cut is the first: the successes count from then on.
        at_once(runs![settle(&state, [Failure], 1), settle(&state, [Success; 2], 1)]);
        assert_eq!(state.limit(), 4);
        let cuts_with = (1..).find(|_| settle(&state, [Failure], 1)() == [2]);
        4 - cuts_with.expect("a cut")
    });
    model(|| {
        let state = limit(HALVES, 8);
        at_once(runs![settle(&state, [Failure], 1), settle(&state, [Failure; 2], 1)]);
        assert_eq!(settle(&state, [Failure; 2], 1)(), [2], "two were counted after the first cut");
    });
}

#[test]
fn a_cut_and_a_raise_at_once_are_both_made() {
    small_model(|| {
        let state = limit(HALVES, 4);
        let told: Vec<u64> = together(runs![settle(&state, [Failure], 4), settle(&state, [Success; 2], 4)]);
        // (4 + 1/4 + 1/4.25) / 2, or raised by a quarter or a half after it was cut: 2.24, 2.6, 2.9.
        assert_eq!((told, state.limit()), (vec![2], 2));
        assert_eq!(state.set(9), Some(9));
    });
}

#[test]
fn a_batch_that_two_end_at_once_is_one_update() {
    let kind = LimitKind::Gradient { tolerance_bp: 10_000, queue: 8, smoothing_bp: 5_000, long_window: 10 };
    small_model(move || {
        let state = limit(kind, 4);
        let told: Vec<u64> = together(runs![settle(&state, [Success], 4), settle(&state, [Success], 4)]);
        assert_eq!((told, state.limit()), (vec![8], 8));
    });
}

#[test]
fn an_update_sees_number_and_sum_of_the_same_calls() {
    let kind = LimitKind::Gradient { tolerance_bp: 10_000, queue: 0, smoothing_bp: 10_000, long_window: 10 };
    model(move || {
        let state = limit(kind, 64);
        // Every call lasts as long as every other: any other mean would lower the limit sooner or later.
        at_once(runs![settle(&state, [Success; 2], 64), settle(&state, [Success; 2], 64)]);
        let state = &state;
        let later = (2..4).flat_map(|s| [s; 2]).map(|s| s * SECOND);
        later.for_each(|now| assert_eq!(state.settle(Success, false, 64, Some(10), now), None));
        assert_eq!(state.limit(), 64);
    });
}

// ---- the ring ----

type Words = Arc<Vec<AtomicU64>>;

fn words(n: usize) -> Words {
    Arc::new((0..n).map(|_| AtomicU64::new(0)).collect())
}

/// Models cut a ring of four slots into two lanes.
fn ring(words: &[AtomicU64]) -> Ring<'_> {
    let cut = halvings(4);
    let is_cut = words.len() >= words_before(cut) + 4;
    Ring::new(words, if is_cut { cut } else { 0 })
}

const WINDOW: u64 = 10;

/// Takes at these instants, one after the other, and answers those that are admitted.
fn take<const N: usize>(words: &Words, at: [u64; N]) -> impl FnOnce() -> Vec<u64> + Send + 'static {
    let words = Arc::clone(words);
    move || at.into_iter().filter(|now| ring(&words).take(*now, WINDOW).is_ok()).collect()
}

#[track_caller]
fn assert_spread(mut times: Vec<u64>, limit: usize) {
    times.sort_unstable();
    assert!(times.windows(limit + 1).all(|span| span[limit] - span[0] >= WINDOW), "{times:?}");
}

#[test]
fn two_calls_for_the_last_slot_of_a_ring_are_one_too_many() {
    small_model(|| {
        let words = words(Ring::words(1));
        let admitted: Vec<u64> = together(runs![take(&words, [3]), take(&words, [3])]);
        assert_eq!(admitted, [3]);
        assert_eq!(ring(&words).take(3, WINDOW), Err(WINDOW));
    });
}

#[test]
fn a_ring_admits_as_many_as_it_has_slots() {
    model(|| {
        let words = words(Ring::words(2));
        let admitted: Vec<u64> = together(runs![take(&words, [3]), take(&words, [3]), take(&words, [3])]);
        assert_eq!(admitted, [3, 3]);
    });
}

#[test]
fn who_is_overtaken_between_head_and_slots_is_not_refused_while_there_is_room() {
    model(|| {
        let words = words(Ring::words(3));
        assert_eq!(together::<u64>(runs![take(&words, [3, 3]), take(&words, [3])]), [3, 3, 3]);
    });
    model(|| {
        let words = words(Ring::words(3));
        let looking = Arc::clone(&words);
        let look = move || Ring::new(&looking, 0).look(3, WINDOW).err().into_iter().collect();
        let refused: Vec<u64> = together(runs![
            move || {
                let _ = take(&words, [3, 3])();
                Vec::new()
            },
            look
        ]);
        assert!(refused.is_empty(), "{refused:?}");
    });
}

#[test]
fn slots_that_are_free_again_are_given_once() {
    model(|| {
        let words = words(Ring::words(2));
        let mut times = take(&words, [0, 5])();
        times.extend(together::<u64>(runs![take(&words, [10, 15]), take(&words, [11, 15])]));
        assert_eq!(times.len(), 4, "{times:?}");
        assert_spread(times, 2);
    });
}

#[test]
fn clocks_that_differ_do_not_admit_too_many() {
    model(|| {
        let words = words(Ring::words(2));
        let mut times = take(&words, [0, 4])();
        times.extend(together::<u64>(runs![take(&words, [14, 19]), take(&words, [10, 21])]));
        assert_spread(times, 2);
    });
}

/// The same on the short way, by a clock that lags by two and may be one ahead: free at the earliest, marked with the latest.
fn take_at_once<const N: usize>(words: &Words, at: [u64; N]) -> impl FnOnce() -> Vec<u64> + Send + 'static {
    let words = Arc::clone(words);
    let take =
        |ring: Ring<'_>, now: u64| ring.first_free(now - 2, WINDOW).is_some_and(|first| first.take(now + 1));
    move || at.into_iter().filter(|now| take(ring(&words), *now)).collect()
}

#[test]
fn the_short_way_by_a_coarse_clock_does_not_admit_too_many() {
    model(|| {
        let words = words(Ring::words(2));
        let mut times = take_at_once(&words, [2, 5])();
        assert_eq!(times, [2, 5]);
        // At 11 the first would be free if it were marked with the earliest.
        times.extend(together::<u64>(runs![take_at_once(&words, [14, 18]), take(&words, [11, 13])]));
        assert!(times.len() > 2, "nobody came again: {times:?}");
        assert_spread(times, 2);
    });
}

#[test]
fn two_on_the_short_way_do_not_have_the_same_slot() {
    small_model(|| {
        let words = words(Ring::words(1));
        let admitted: Vec<u64> = together(runs![take_at_once(&words, [3]), take_at_once(&words, [3])]);
        assert_eq!(admitted, [3]);
    });
}

#[test]
fn who_slept_through_a_lap_does_not_lead_the_head_astray() {
    model(|| {
        let words = words(Ring::words(3));
        let times: Vec<u64> = together(runs![take(&words, [5]), take(&words, [3, 4, 5])]);
        let oldest = times.iter().copied().min().unwrap_or(0);
        assert!(times.len() == 3 && ring(&words).take(oldest + WINDOW, WINDOW).is_ok(), "{times:?}");
    });
}

#[test]
fn a_slot_that_is_given_back_is_not_lost() {
    model(|| {
        let words = words(Ring::words(2));
        let giving = Arc::clone(&words);
        let gives = move || {
            let ring = ring(&giving);
            let taken = ring.take(3, WINDOW);
            taken.is_ok_and(|taken| !ring.give_back(taken)).then_some(0u64).into_iter().collect()
        };
        let admitted: Vec<u64> = together(runs![gives, take(&words, [3, 3])]);
        let ring = ring(&words);
        let left = (0..3).filter(|_| ring.take(3, WINDOW).is_ok()).count();
        assert_eq!((admitted.len() + left, ring.available(3, WINDOW)), (2, 0), "{admitted:?}");
    });
}

#[test]
fn slots_that_were_left_behind_are_found_once() {
    model(|| {
        let words = words(Ring::words(3));
        let ring = ring(&words);
        let taken: Vec<_> = (0..3).filter_map(|_| ring.take(3, WINDOW).ok()).collect();
        assert!(taken.into_iter().take(2).all(|taken| ring.give_back(taken)));
        let admitted: Vec<u64> = together(runs![take(&words, [3, 3]), take(&words, [3])]);
        assert_eq!((admitted, ring.available(3, WINDOW)), (vec![3, 3], 0));
    });
}

#[test]
fn a_ring_in_lanes_admits_as_many_as_it_has_slots() {
    model(|| {
        let words = words(Ring::words(4));
        assert!(words.len() > 8, "it is in one lane");
        let times = take(&words, [3])();
        let admitted: Vec<u64> = together(runs![take(&words, [3, 3]), take(&words, [3, 3])]);
        assert_eq!((times.len() + admitted.len(), ring(&words).available(3, WINDOW)), (4, 0));
    });
}

#[test]
fn lanes_that_are_free_again_admit_as_many_as_one() {
    model(|| {
        let words = words(Ring::words(4));
        let mut times = take(&words, [0, 5, 5, 5])();
        times.extend(together::<u64>(runs![take(&words, [10, 15]), take_at_once(&words, [13, 18])]));
        assert!(times.len() > 4, "nobody came again: {times:?}");
        assert_spread(times, 4);
    });
}

#[test]
fn a_slot_that_is_given_back_in_one_lane_is_found_from_another() {
    model(|| {
        let words = words(Ring::words(4));
        let all = ring(&words);
        let [first, ..] = [(); 4].map(|()| all.take(3, WINDOW).expect("free"));
        let giving = Arc::clone(&words);
        let gives = move || (!ring(&giving).give_back(first)).then_some(0u64).into_iter().collect();
        let admitted: Vec<u64> = together(runs![gives, take(&words, [3])]);
        let left = u64::from(all.take(3, WINDOW).is_ok());
        assert_eq!((admitted.len() as u64 + left, all.available(3, WINDOW)), (1, 0));
    });
}

// ---- the rate ----

const RULES: Pace =
    Pace { min: 1.0, max: 1e6, scale_bp: 20_000, cooldown: 10, lower_above_bp: 1_000, raise_below_bp: 100 };

/// Settles at these instants, failures, and answers to what the rate was changed.
fn fail<const N: usize>(words: &Words, at: [u64; N]) -> impl FnOnce() -> Vec<f64> + Send + 'static {
    let words = Arc::clone(words);
    move || {
        let rate = PacedRate::new(&words);
        at.into_iter()
            .filter_map(|now| rate.settle(&RULES, 64.0, true, now))
            .map(|change| change.to)
            .collect()
    }
}

/// Acquires at that instant, and answers to what the rate was changed.
fn acquire(words: &Words, now: u64) -> impl FnOnce() -> Vec<f64> + Send + 'static {
    let words = Arc::clone(words);
    move || {
        PacedRate::new(&words).before_acquire(&RULES, 64.0, now).map(|change| change.to).into_iter().collect()
    }
}

#[test]
fn a_look_that_two_may_take_changes_the_rate_once() {
    small_model(|| {
        let words = words(PacedRate::WORDS);
        let changes: Vec<f64> = together(runs![fail(&words, [10]), fail(&words, [10]), acquire(&words, 10)]);
        // The third may come before the second outcome; whoever comes then looks.
        assert_eq!((changes, PacedRate::new(&words).rate(64.0)), (vec![32.0], 32.0));
    });
}

#[test]
fn outcomes_that_come_while_a_look_is_carried_out_belong_to_the_next() {
    model(|| {
        let words = words(PacedRate::WORDS);
        let changes: Vec<f64> = together(runs![fail(&words, [10, 10]), fail(&words, [10, 10])]);
        assert_eq!(changes, [32.0]);
        // None is in two looks, and none in none: what the first did not take is there, and two make another look.
        let left = PacedRate::new(&words);
        let taken_next = acquire(&words, 20)();
        let more = fail(&words, [20, 20])();
        assert_eq!(taken_next.into_iter().chain(more).collect::<Vec<_>>(), [16.0]);
        assert_eq!(left.rate(64.0), 16.0);
    });
}

#[test]
fn who_comes_late_to_a_look_does_not_look_again() {
    model(|| {
        let words = words(PacedRate::WORDS);
        let changes: Vec<f64> = together(runs![fail(&words, [10; 4]), fail(&words, [10])]);
        assert_eq!(changes, [32.0]);
    });
}

#[test]
fn what_is_counted_after_a_look_is_not_lost_to_one_that_took_a_whole_cooldown() {
    model(|| {
        let words = words(PacedRate::WORDS);
        fail(&words, [0, 0])();
        let counting = Arc::clone(&words);
        let counts = move || {
            let is_later = PacedRate::new(&counting).rate(64.0) == 32.0;
            fail(&counting, [5])();
            Vec::from_iter(is_later.then_some(5.0))
        };
        let said: Vec<f64> = together(runs![acquire(&words, 10), acquire(&words, 20), counts]);
        // One that was counted after the rate was changed, and another, make the next look.
        if said.contains(&5.0) {
            assert_eq!(fail(&words, [40])(), [16.0]);
        }
    });
}

#[test]
fn a_look_that_took_a_whole_cooldown_is_not_two() {
    model(|| {
        let words = words(PacedRate::WORDS);
        fail(&words, [0, 0])();
        let changes: Vec<f64> = together(runs![acquire(&words, 10), acquire(&words, 20)]);
        assert_eq!((changes, fail(&words, [29])().len()), (vec![32.0], 0));
    });
}

#[test]
fn a_refusal_beside_a_look_raises_this_rate_or_the_next() {
    outcomes(0, vec![(128.0, 128.0), (64.0, 128.0)], || {
        let words = words(PacedRate::WORDS);
        let rate = PacedRate::new(&words);
        let succeed = |now| {
            (0..2).for_each(|_| {
                let _ = rate.settle(&RULES, 64.0, false, now);
            })
        };
        succeed(0);
        let refused = Arc::clone(&words);
        let refuse = move || {
            PacedRate::new(&refused).refused_or_paced();
            Vec::new()
        };
        let _: Vec<f64> = together(runs![acquire(&words, 10), refuse]);
        let first = rate.rate(64.0);
        succeed(30);
        (first, rate.rate(64.0))
    });
}
