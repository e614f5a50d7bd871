//! The count window: two outcomes in a block, two or four blocks.

use super::{at_once, model, runs, small_model};
use crate::detect::count::{Recorded, Ring, blocks};
use crate::detect::{Exceeded, Mark, Rates, Sums};
use crate::settle::{Judged, record_in_ring};
use crate::sync::{AtomicU64, Ordering};
use loom::sync::Arc;

const GOOD: Mark = Mark { failure: false, slow: false };
const BAD: Mark = Mark { failure: true, slow: false };

struct Memory {
    head: AtomicU64,
    margin: AtomicU64,
    blocks: Vec<AtomicU64>,
}

impl Memory {
    /// With `recorded` successes in generation 0.
    fn new(size: u32, recorded: u64) -> Arc<Self> {
        let blocks = (0..blocks(size)).map(|_| AtomicU64::new(0)).collect();
        let memory = Memory { head: AtomicU64::new(0), margin: AtomicU64::new(0), blocks };
        (1..=recorded).for_each(|n| assert_eq!(memory.ring().record(0, GOOD), Recorded::Nth(n)));
        Arc::new(memory)
    }

    fn ring(&self) -> Ring<'_> {
        Ring { head: &self.head, margin: &self.margin, blocks: &self.blocks }
    }
}

/// Records `n` times; answers the places.
fn record(
    memory: &Arc<Memory>,
    since: u64,
    m: Mark,
    n: usize,
) -> impl FnOnce() -> Vec<Recorded> + Send + 'static {
    let memory = Arc::clone(memory);
    move || (0..n).map(|_| memory.ring().record(since, m)).collect()
}

fn places(recorded: Vec<Vec<Recorded>>) -> Vec<u64> {
    let mut all = Vec::new();
    for one in recorded {
        let nth = |r: &Recorded| if let Recorded::Nth(n) = r { *n } else { panic!("late") };
        let own: Vec<u64> = one.iter().map(nth).collect();
        assert!(own.is_sorted());
        all.extend(own);
    }
    all.sort_unstable();
    all
}

#[test]
fn two_threads_record_over_the_ends_of_blocks_and_each_outcome_has_one_place() {
    for recorded in 0..4 {
        small_model(move || {
            let memory = Memory::new(2, recorded);
            let runs = runs![record(&memory, 0, BAD, 2), record(&memory, 0, BAD, 2)];
            let expected: Vec<u64> = (recorded + 1..=recorded + 4).collect();
            assert_eq!(places(at_once(runs)), expected);
            assert_eq!(memory.ring().sums(0, 2), Sums { total: 2, failures: 2, slow: 0 });
            assert_eq!(memory.ring().outcomes(0, 2), [BAD, BAD]);
        });
    }
}

#[test]
fn a_thread_that_sleeps_while_the_ring_goes_round_records_in_its_turn() {
    small_model(|| {
        let memory = Memory::new(2, 1);
        let runs = runs![record(&memory, 0, BAD, 1), record(&memory, 0, GOOD, 6)];
        assert_eq!(places(at_once(runs)), [2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(memory.ring().sums(0, 2).total, 2);
    });
}

#[test]
fn three_threads_begin_one_block() {
    model(|| {
        let memory = Memory::new(2, 2);
        let one = |m| record(&memory, 0, m, 1);
        assert_eq!(places(at_once(runs![one(BAD), one(BAD), one(GOOD)])), [3, 4, 5]);
        assert_eq!(memory.ring().sums(0, 2).total, 2);
    });
}

#[test]
fn an_outcome_of_the_old_generation_is_late_or_was_in_time_and_never_in_the_new_one() {
    for recorded in 0..4 {
        small_model(move || {
            let memory = Memory::new(2, recorded);
            let said: Vec<Vec<Recorded>> =
                at_once(runs![record(&memory, 0, BAD, 1), record(&memory, 2, GOOD, 3)]);
            assert!(matches!(said[0][..], [Recorded::Late] | [Recorded::Nth(_)]));
            assert_eq!(places(vec![said[1].clone()]), [1, 2, 3]);
            assert_eq!(memory.ring().sums(2, 2), Sums { total: 2, failures: 0, slow: 0 });
            assert_eq!(memory.ring().record(0, BAD), Recorded::Late);
            assert_eq!(memory.ring().outcomes(2, 2), [GOOD, GOOD]);
        });
    }
}

#[test]
fn two_threads_begin_a_new_generation() {
    small_model(|| {
        let memory = Memory::new(2, 3);
        let said: Vec<Vec<Recorded>> =
            at_once(runs![record(&memory, 1, BAD, 1), record(&memory, 1, GOOD, 2)]);
        assert_eq!(places(said), [1, 2, 3]);
        assert_eq!(memory.ring().sums(1, 2).total, 2);
        assert_eq!(memory.ring().sums(0, 2).total, 0);
    });
}

/// Records in the generation that `word` holds, as a settling does: a ring that looks later is asked about again.
fn settle(memory: &Memory, word: &AtomicU64, since: u64) -> Recorded {
    loop {
        match memory.ring().record(since, GOOD) {
            Recorded::Late if memory.ring().revive(since, || word.load(Ordering::Acquire) == since) => {}
            recorded => return recorded,
        }
    }
}

#[test]
fn a_ring_of_long_ago_that_looks_later_is_taken_by_the_present_generation_and_kept_from_the_one_before() {
    small_model(|| {
        let memory = Memory::new(2, 0);
        assert!(memory.ring().revive(1 << 22, || true));
        assert_eq!(memory.ring().record(1 << 22, BAD), Recorded::Nth(1));
        let word = Arc::new(AtomicU64::new(2));
        let (before, now) = (Arc::clone(&word), Arc::clone(&word));
        let (old, new) = (Arc::clone(&memory), Arc::clone(&memory));
        let said = at_once(runs![move || settle(&old, &before, 2), move || {
            now.store(3, Ordering::Release);
            settle(&new, &now, 3)
        }]);
        assert!(matches!(said[0], Recorded::Late | Recorded::Nth(1)));
        assert_eq!(said[1], Recorded::Nth(1));
        assert_eq!(memory.ring().sums(3, 2), Sums { total: 1, failures: 0, slow: 0 });
        assert_eq!(settle(&memory, &word, 2), Recorded::Late);
    });
}

#[test]
fn two_threads_that_find_a_ring_of_long_ago_are_both_counted() {
    small_model(|| {
        let memory = Memory::new(2, 0);
        assert!(memory.ring().revive(1 << 22, || true));
        let word = Arc::new(AtomicU64::new(2));
        let one = || {
            let (memory, word) = (Arc::clone(&memory), Arc::clone(&word));
            move || vec![settle(&memory, &word, 2)]
        };
        assert_eq!(places(at_once(runs![one(), one()])), [1, 2]);
        assert_eq!(memory.ring().sums(2, 2), Sums { total: 2, failures: 0, slow: 0 });
    });
}

#[test]
fn a_quiet_success_is_recorded_whole_or_not_at_all() {
    for recorded in 0..4 {
        small_model(move || {
            let memory = Memory::new(2, recorded);
            let quiet = Arc::clone(&memory);
            let said: Vec<u64> = at_once(runs![move || u64::from(quiet.ring().record_quietly(0, 99)), {
                let memory = Arc::clone(&memory);
                move || (0..3).filter(|_| memory.ring().record(0, BAD) != Recorded::Late).count() as u64
            },]);
            assert_eq!(memory.ring().record(0, BAD), Recorded::Nth(recorded + said[0] + said[1] + 1));
            assert_eq!(memory.ring().sums(0, 2).total, 2);
        });
    }
}

#[test]
fn a_reader_sees_no_more_than_the_window_and_nothing_of_another_lap() {
    small_model(|| {
        let memory = Memory::new(2, 1);
        let reader = Arc::clone(&memory);
        let reading = loom::thread::spawn(move || reader.ring().sums(0, 2));
        for m in [BAD, GOOD, GOOD, BAD, GOOD] {
            assert_ne!(memory.ring().record(0, m), Recorded::Late);
        }
        let sums = reading.join().expect("the reader panicked");
        assert!(sums.total <= 2 && sums.failures <= sums.total, "{sums:?}");
    });
}

/// Failures by two or three threads, together just enough to reach the threshold: one of them must find that.
fn reach_the_threshold(
    size: u32,
    before: &'static [Mark],
    at_a_time: &'static [&'static [Mark]],
    rates: Rates,
) {
    model(move || {
        let memory = Memory::new(size, 0);
        for m in before {
            assert_eq!(record_in_ring(memory.ring(), 0, *m, size, &rates), Judged::Below);
        }
        let runs = at_a_time.iter().map(|marks| {
            let memory = Arc::clone(&memory);
            let judge = move || {
                let judged = marks.iter().map(|m| record_in_ring(memory.ring(), 0, *m, size, &rates));
                judged.filter(|j| *j == Judged::Exceeded(Exceeded::FailureRate)).count()
            };
            Box::new(judge) as Box<dyn FnOnce() -> usize + Send>
        });
        let found: usize = at_once(runs.collect()).into_iter().sum();
        assert!(rates.judge(memory.ring().sums(0, size)).is_some());
        assert!(found > 0, "nobody saw that the window is over its threshold");
    });
}

const HALF: Rates = Rates { min_calls: 2, failure_bp: 5_000, slow_bp: None };

#[test]
fn of_two_failures_that_reach_the_threshold_together_one_sees_it() {
    reach_the_threshold(6, &[GOOD, GOOD, GOOD, GOOD, GOOD, BAD], &[&[BAD], &[BAD]], HALF);
}

#[test]
fn of_three_failures_that_reach_the_threshold_together_one_sees_it() {
    reach_the_threshold(6, &[GOOD; 6], &[&[BAD], &[BAD], &[BAD]], HALF);
}

#[test]
fn a_failure_beside_two_others_that_reach_the_threshold_with_it_is_not_hidden() {
    reach_the_threshold(6, &[GOOD; 6], &[&[BAD], &[BAD, BAD]], HALF);
}

#[test]
fn a_success_that_reaches_the_minimum_beside_a_failure_opens() {
    let rates = Rates { min_calls: 4, ..HALF };
    reach_the_threshold(6, &[BAD, GOOD], &[&[BAD], &[GOOD]], rates);
}
