//! The sliding window: any row of calls and calls given back against a list of their times, and threads at once.

use super::config;
use crate::admit::ring::{Ring, Taken, halvings, words_before};
use crate::sync::{AtomicU64, Ordering};
use proptest::collection::vec;
use proptest::prelude::*;

const WINDOW: u64 = 10;

#[derive(Clone, Debug)]
enum Step {
    Advance(u64),
    Take,
    /// Of the calls that were admitted and not given back yet, the n-th from the last.
    GiveBack(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..=WINDOW + 1).prop_map(|d| Step::Advance(d / 2)),
        6 => Just(Step::Take),
        2 => (0..4usize).prop_map(Step::GiveBack),
    ]
}

fn words(limit: u64) -> Vec<AtomicU64> {
    words_of(limit, halvings(limit))
}

/// Of a ring whose slots are halved so often.
fn words_of(limit: u64, halvings: u32) -> Vec<AtomicU64> {
    (0..words_before(halvings) + limit as usize).map(|_| AtomicU64::new(0)).collect()
}

/// In one lane.
fn whole(words: &[AtomicU64]) -> Ring<'_> {
    Ring::new(words, 0)
}

/// Admission times of calls that count.
#[derive(Default)]
struct Model(Vec<u64>);

impl Model {
    fn young(&self, now: u64) -> impl Iterator<Item = u64> {
        self.0.iter().copied().filter(move |at| now < at + WINDOW)
    }

    fn look(&self, limit: u64, now: u64) -> Result<(), u64> {
        match self.young(now).count() as u64 {
            n if n < limit => Ok(()),
            _ => Err(self.young(now).min().map_or(0, |at| at + WINDOW - now)),
        }
    }
}

fn check(limit: u64, halvings: u32, steps: &[Step]) -> Result<(), TestCaseError> {
    let words = words_of(limit, halvings);
    let (ring, mut model, mut now) = (Ring::new(&words, halvings), Model::default(), 0);
    let mut live: Vec<(u64, Taken)> = Vec::new();
    for step in steps {
        match step {
            Step::Advance(by) => now += by,
            Step::Take => {
                let taken = ring.take(now, WINDOW);
                prop_assert_eq!(taken.map(|_| ()), model.look(limit, now));
                if let Ok(taken) = taken {
                    live.push((now, taken));
                    model.0.push(now);
                }
            }
            Step::GiveBack(n) => {
                let Some(i) = live.len().checked_sub(1 + n) else { continue };
                let (at, taken) = live.remove(i);
                let is_young = now < at + WINDOW;
                prop_assert!(ring.give_back(taken) || !is_young);
                let i = model.0.iter().position(|t| *t == at);
                if let Some(i) = i {
                    model.0.remove(i);
                }
            }
        }
        prop_assert_eq!(ring.available(now, WINDOW), limit - model.young(now).count() as u64);
        prop_assert_eq!(ring.look(now, WINDOW), model.look(limit, now));
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_ring_admits_what_a_list_of_times_admits(limit in 1..6u64, steps in vec(step(), 0..120)) {
        check(limit, 0, &steps)?;
    }

    #[test]
    fn a_ring_that_is_cut_into_lanes_admits_the_same(limit in 8..13u64, halvings in 1..4u32, steps in vec(step(), 0..200)) {
        check(limit, halvings, &steps)?;
    }

    /// Each call with a clock of its own: threads read theirs and come late. Nothing is promised of who is refused.
    #[test]
    fn a_ring_never_admits_too_many_whatever_the_clocks_say(limit in 2..5u64, halvings in 0..2u32, lags in vec((0..3u64, 0..6u64), 0..120)) {
        let (words, mut now) = (words_of(limit, halvings), 10);
        let mut admitted = Vec::new();
        for (by, lag) in lags {
            now += by;
            admitted.extend(Ring::new(&words, halvings).take(now - lag, WINDOW).map(|_| now - lag));
        }
        assert_spread(&mut admitted, limit, WINDOW);
    }
}

/// No span of `window` has more than `limit` of the times.
fn assert_spread(times: &mut [u64], limit: u64, window: u64) {
    times.sort_unstable();
    for span in times.windows(limit as usize + 1) {
        assert!(span[span.len() - 1] - span[0] >= window, "{span:?}");
    }
}

#[test]
fn a_full_ring_says_when_its_first_call_is_a_window_old() {
    let words = words(65_536);
    let ring = Ring::new(&words, halvings(65_536));
    for i in 0..65_536 {
        assert!(ring.take(i / 10_000, WINDOW).is_ok());
    }
    assert_eq!(
        (ring.take(7, WINDOW), ring.look(9, WINDOW), ring.available(10, WINDOW)),
        (Err(3), Err(1), 10_000)
    );
    assert_eq!((0..20_000).filter(|_| ring.take(10, WINDOW).is_ok()).count(), 10_000);
}

#[test]
fn a_younger_slot_that_was_passed_over_is_found_when_it_is_free() {
    let words = words(5);
    let ring = whole(&words);
    // The second comes from a thread that read its clock long before.
    for now in [10, 5, 11, 12, 13] {
        assert!(ring.take(now, WINDOW).is_ok());
    }
    assert!(ring.take(15, WINDOW).is_ok(), "the second slot, past the first");
    assert_eq!((ring.look(19, WINDOW), ring.take(19, WINDOW)), (Err(1), Err(1)));
    assert!(ring.take(20, WINDOW).is_ok(), "the first slot");
    assert_eq!(ring.take(20, WINDOW), Err(1));
}

#[test]
fn a_limit_that_is_lowered_and_raised_again_forgets_no_call() {
    for halvings in 0..3 {
        lower_and_raise(halvings);
    }
}

fn lower_and_raise(halvings: u32) {
    let words = words_of(4, halvings);
    let ring = Ring::new(&words, halvings);
    for now in [0, 2, 4, 6] {
        assert!(ring.take(now, WINDOW).is_ok());
    }
    ring.set_limit(1);
    assert_eq!((ring.take(9, WINDOW), ring.available(9, WINDOW)), (Err(7), 0));
    ring.set_limit(3);
    assert_eq!(ring.take(9, WINDOW), Err(3), "of three, the one at 2 is the oldest");
    ring.set_limit(4);
    assert_eq!((ring.take(9, WINDOW), ring.available(9, WINDOW)), (Err(1), 0));
    assert!(ring.take(10, WINDOW).is_ok());
    assert_eq!(ring.take(10, WINDOW), Err(2));
}

#[test]
fn threads_at_once_never_admit_too_many_and_lose_no_slot() {
    (0..3).for_each(threads_at_once);
}

fn threads_at_once(halvings: u32) {
    const LIMIT: u64 = 7;
    let (words, clock, window) = (words_of(LIMIT, halvings), AtomicU64::new(0), 50);
    let run = || {
        let (ring, mut admitted) = (Ring::new(&words, halvings), Vec::new());
        for i in 0..20_000u32 {
            let now = clock.fetch_add(u64::from(i % 3 == 0), Ordering::AcqRel);
            match ring.take(now, window) {
                Ok(taken) if i % 5 == 0 => {
                    // Whether or not its slot is its own still.
                    ring.give_back(taken);
                }
                Ok(_) => admitted.push(now),
                Err(_) => {}
            }
        }
        admitted
    };
    let mut admitted = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        threads.into_iter().flat_map(|t| t.join().expect("a thread panicked")).collect::<Vec<_>>()
    });
    assert!(admitted.len() > 100, "only {}", admitted.len());
    assert_spread(&mut admitted, LIMIT, window);
    let (ring, later) = (Ring::new(&words, halvings), clock.load(Ordering::Acquire) + window);
    assert_eq!((0..20).filter(|_| ring.take(later, window).is_ok()).count() as u64, LIMIT);
}

#[test]
fn a_thread_that_finds_its_lane_full_goes_on_to_the_next_and_begins_there() {
    const LIMIT: u64 = 8;
    let words = words_of(LIMIT, 2);
    let ring = Ring::new(&words, 2);
    let mut at_once = 0;
    for now in 0..LIMIT {
        match ring.first_free(now, 100) {
            Some(first) if first.take(now) => at_once += 1,
            _ => assert!(ring.take(now, 100).is_ok()),
        }
    }
    assert_eq!((at_once, ring.take(8, 100), ring.available(100, 100)), (5, Err(92), 1));
}

#[test]
fn a_large_limit_is_lowered_in_no_time() {
    let words = words(65_536);
    let ring = Ring::new(&words, halvings(65_536));
    assert!((0..65_536).all(|now| ring.take(now, 1 << 40).is_ok()));
    ring.set_limit(1);
    assert_eq!(ring.look(65_536, 1 << 40), Err((1 << 40) - 1));
    ring.set_limit(65_536);
    assert_eq!(ring.look(65_536, 1 << 40), Err((1 << 40) - 65_536));
}
