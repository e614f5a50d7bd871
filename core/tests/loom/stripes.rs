//! Stripes: whoever counts where, nothing is lost. Two threads have stripes of their own, the others share two.

use super::{at_once, model, runs, set_number, small_model};
use crate::cell::Layout;
use crate::outcome::{Outcome, Totals};
use crate::stripe::{Lines, Stripes};
use loom::sync::Arc;

const LAYOUT: Layout = Layout { leases: 1, blocks: 0, buckets: 0, adaptive: false, gated: false, ring: 0 };

struct Memory {
    cell: Lines,
    stripes: Stripes,
}

impl Memory {
    fn new() -> Arc<Self> {
        Arc::new(Memory { cell: Lines::new(LAYOUT.stripe_words()), stripes: Stripes::new() })
    }

    fn count(&self) {
        self.stripes.with(self.cell.words(), |stripe| stripe.count(Outcome::Success));
    }

    fn successes(&self) -> u64 {
        let mut totals = Totals::default();
        self.stripes.add_totals(self.cell.words(), &mut totals);
        totals.success
    }
}

/// Counts `times` as thread `number`.
fn count(memory: &Arc<Memory>, number: u32, times: u64) -> impl FnOnce() + Send + 'static {
    let memory = Arc::clone(memory);
    move || {
        set_number(number);
        (0..times).for_each(|_| memory.count());
    }
}

#[test]
fn two_threads_that_use_a_breaker_first_count_in_stripes_of_their_own() {
    small_model(|| {
        let memory = Memory::new();
        at_once(runs![count(&memory, 1, 2), count(&memory, 2, 2)]);
        assert_eq!(memory.successes(), 4);
    });
}

#[test]
fn two_threads_that_need_the_same_block_find_one() {
    small_model(|| {
        let memory = Memory::new();
        count(&memory, 9, 1)();
        at_once(runs![count(&memory, 1, 1), count(&memory, 2, 1)]);
        assert_eq!(memory.successes(), 3);
    });
}

#[test]
fn threads_without_a_stripe_of_their_own_share_by_turns() {
    small_model(|| {
        let memory = Memory::new();
        count(&memory, 9, 1)();
        at_once(runs![count(&memory, 3, 2), count(&memory, 5, 2)]);
        assert_eq!(memory.successes(), 5);
    });
}

#[test]
fn three_threads_share_two_stripes() {
    model(|| {
        let memory = Memory::new();
        count(&memory, 9, 1)();
        at_once(runs![count(&memory, 3, 1), count(&memory, 5, 1), count(&memory, 7, 1)]);
        assert_eq!(memory.successes(), 4);
    });
}

#[test]
fn a_reader_never_sees_more_than_was_counted() {
    small_model(|| {
        let memory = Memory::new();
        count(&memory, 9, 1)();
        let reader = Arc::clone(&memory);
        let reading = loom::thread::spawn(move || reader.successes());
        count(&memory, 1, 2)();
        assert!((1..=3).contains(&reading.join().expect("the reader panicked")));
        assert_eq!(memory.successes(), 3);
    });
}
