//! The ring of the count window, alone and in one thread; its child, so that it reaches the words.

use super::*;

struct Memory {
    head: AtomicU64,
    margin: AtomicU64,
    blocks: Vec<AtomicU64>,
}

impl Memory {
    fn new(size: u32) -> Self {
        let blocks = (0..blocks(size)).map(|_| AtomicU64::new(0)).collect();
        Memory { head: AtomicU64::new(0), margin: AtomicU64::new(0), blocks }
    }

    fn ring(&self) -> Ring<'_> {
        Ring { head: &self.head, margin: &self.margin, blocks: &self.blocks }
    }

    /// Every word.
    fn content(&self) -> Vec<u64> {
        let words = [&self.head, &self.margin].into_iter().chain(&self.blocks);
        words.map(|word| word.load(Ordering::Acquire)).collect()
    }

    fn margin(&self) -> Margin {
        Margin(self.margin.load(Ordering::Acquire))
    }
}

const GOOD: Mark = Mark { failure: false, slow: false };
const BAD: Mark = Mark { failure: true, slow: false };
const HALF: Rates = Rates { min_calls: 10, failure_bp: 5_000, slow_bp: None };

fn plain_sums(outcomes: &[Mark], size: u32) -> Sums {
    let last = &outcomes[outcomes.len().saturating_sub(size as usize)..];
    Sums {
        total: last.len() as u64,
        failures: last.iter().filter(|m| m.failure).count() as u64,
        slow: last.iter().filter(|m| m.slow).count() as u64,
    }
}

#[test]
fn holds_the_last_outcomes_at_every_size_and_over_generations() {
    for size in [1, 2, 15, 16, 17, 31, 32, 33, 100] {
        let memory = Memory::new(size);
        let mut since = 0;
        for generation in 0..3u64 {
            let mut outcomes = Vec::new();
            for i in 0..u64::from(size) * 3 + 40 {
                let m = Mark { failure: (i * 7 + generation) % 3 == 0, slow: i % 5 == 0 };
                outcomes.push(m);
                assert_eq!(memory.ring().record(since, m), Recorded::Nth(i + 1));
                assert_eq!(
                    memory.ring().sums(since, size),
                    plain_sums(&outcomes, size),
                    "size {size}, after {i}"
                );
            }
            let last = &outcomes[outcomes.len() - size as usize..];
            assert_eq!(memory.ring().outcomes(since, size), last);
            since += 2;
        }
        assert_eq!(memory.ring().record(0, Mark { failure: true, slow: false }), Recorded::Late);
    }
}

#[test]
fn the_margin_never_hides_an_outcome_that_opens() {
    let (size, rates) = (50, Rates { min_calls: 10, failure_bp: 3_000, slow_bp: Some(6_000) });
    let memory = Memory::new(size);
    let (ring, mut outcomes) = (memory.ring(), Vec::new());
    for i in 0u64..5_000 {
        let m = Mark { failure: crate::rng::mix(i) % 100 < 28, slow: crate::rng::mix(i + 9_999) % 100 < 40 };
        let taken = if m.is_good() { None } else { ring.take_margin(0) };
        outcomes.push(m);
        let Recorded::Nth(n) = ring.record(0, m) else { panic!("late") };
        let expected = rates.judge(plain_sums(&outcomes, size));
        if let Some(taken) = taken {
            assert!(ring.confirm(taken));
        }
        let evaluates = (!m.is_good() && taken.is_none()) || n == rates.min_calls;
        let found = if evaluates { ring.evaluate(0, size, &rates) } else { None };
        if evaluates {
            assert_eq!(found, expected);
        } else if !m.is_good() {
            assert_eq!(expected, None, "outcome {i} opens and was not evaluated");
        }
    }
}

#[test]
fn a_ring_that_went_round_more_often_than_a_block_can_tell_holds_its_own_outcomes_alone() {
    // Between two laps, two generations, and a lap of one and a lap of another that look alike but for a mask.
    for size in [1, 100, 200, 500] {
        let memory = Memory::new(size);
        let round = memory.blocks.len() as u64 * PER_BLOCK;
        for since in [0, 1, 2, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 1 << 23, (1 << 24) - 1] {
            for i in 0..128 * round + 5 {
                assert_eq!(
                    memory.ring().record(since, GOOD),
                    Recorded::Nth(i + 1),
                    "size {size}, since {since}"
                );
                if i <= u64::from(size) + 1 {
                    assert_eq!(memory.ring().sums(since, size).total, (i + 1).min(size.into()));
                }
            }
            assert_eq!(memory.ring().sums(since, size).total, u64::from(size));
        }
    }
}

#[test]
fn a_block_that_a_thread_died_before_it_began_is_empty() {
    let (size, memory) = (40, Memory::new(40));
    for since in [0, 1] {
        // The head stands on a block of the generation before.
        memory.head.store(since << 40, Ordering::Release);
        assert_eq!(memory.ring().sums(since, size), Sums::default());
        assert_eq!(memory.ring().outcomes(since, size), []);
        let mut outcomes = Vec::new();
        for n in 1..=30 * PER_BLOCK {
            let m = Mark { failure: n % 3 == since, slow: n % 7 == 0 };
            outcomes.push(m);
            assert_eq!(memory.ring().record(since, m), Recorded::Nth(n));
            if n % PER_BLOCK == 0 {
                // Or on one of the lap before.
                memory.head.store(since << 40 | (n / PER_BLOCK), Ordering::Release);
            }
            assert_eq!(memory.ring().sums(since, size), plain_sums(&outcomes, size));
            let last = &outcomes[outcomes.len().saturating_sub(size as usize)..];
            assert_eq!(memory.ring().outcomes(since, size), last);
        }
    }
}

#[test]
fn a_success_is_recorded_quietly_unless_it_begins_a_block_or_reaches_the_minimum() {
    for since in [0, 3, (1 << 20) + 3, (1 << 24) - 1] {
        for min_calls in [2, 16, 17, 20, 40] {
            let memory = Memory::new(40);
            memory.ring().revive(since, || true);
            assert_eq!(memory.ring().record(since, BAD), Recorded::Nth(1));
            for n in 2..200 {
                let before = memory.content();
                let is_quiet = memory.ring().record_quietly(since, min_calls);
                assert_eq!(is_quiet, n % PER_BLOCK != 1 && n != min_calls, "{n}, {since}, {min_calls}");
                if !is_quiet {
                    assert_eq!(memory.content(), before);
                    assert_eq!(memory.ring().record(since, GOOD), Recorded::Nth(n));
                }
                let failures = u64::from(n <= 40);
                assert_eq!(memory.ring().sums(since, 40), Sums { total: n.min(40), failures, slow: 0 });
            }
        }
    }
}

#[test]
fn a_success_of_another_generation_is_not_recorded_quietly() {
    let memory = Memory::new(1);
    let refuses = |since| {
        let before = memory.content();
        assert!(!memory.ring().record_quietly(since, 99), "since {since}");
        assert_eq!(memory.content(), before);
    };
    for n in 1..=3 {
        assert_eq!(memory.ring().record(0, GOOD), Recorded::Nth(n));
    }
    // A block bears 20 bits of the generation, the head all 24.
    refuses(1);
    refuses(1 << 20);
    // The next generation has begun, its first block has not: what is there is of the old one.
    memory.head.store(1 << 40, Ordering::Release);
    refuses(0);
    refuses(1);
    assert_eq!(memory.ring().record(1, GOOD), Recorded::Nth(1));
    refuses(0);
}

#[test]
fn a_failure_is_judged_only_when_it_may_reach_the_threshold() {
    for since in [0, 1, 2, (1 << 24) - 1] {
        let memory = Memory::new(100);
        memory.ring().revive(since, || true);
        for n in 1..=100 {
            assert_eq!(memory.ring().record(since, GOOD), Recorded::Nth(n));
        }
        for failures in 1..=50 {
            let taken = memory.ring().take_margin(since);
            assert!(matches!(memory.ring().record(since, BAD), Recorded::Nth(_)));
            match taken {
                Some(taken) => assert!(memory.ring().confirm(taken)),
                None => {
                    let exceeded = memory.ring().evaluate(since, 100, &HALF);
                    assert_eq!(exceeded.is_some(), failures == 50);
                }
            }
            assert_eq!(taken.is_none(), failures == 1 || failures == 50, "{failures}, since {since}");
        }
    }
}

#[test]
fn what_was_taken_before_an_evaluation_began_is_not_confirmed_after_it() {
    let memory = Memory::new(100);
    let ring = memory.ring();
    let take = || {
        assert_eq!(ring.evaluate(3, 100, &HALF), None);
        ring.take_margin(3).expect("nothing failed yet")
    };

    let taken = take();
    assert!(ring.take_margin(3).is_some());
    assert!(ring.confirm(taken), "another that is taken is no evaluation");

    let taken = take();
    assert!(ring.withdraw_margin(3).is_some());
    assert!(!ring.confirm(taken), "the evaluation has begun");

    let taken = take();
    assert_eq!(ring.evaluate(3, 100, &HALF), None);
    assert!(!ring.confirm(taken), "the evaluation has set a new margin");

    let taken = take();
    memory.margin.store(Margin::new(4, taken.version, 3).0, Ordering::Release);
    assert!(!ring.confirm(taken), "the margin is another generation's");
}

#[test]
fn a_margin_of_another_generation_is_neither_taken_nor_withdrawn_by_an_earlier_one() {
    let memory = Memory::new(100);
    let margin = Margin::new(4, 7, 5).0;
    memory.margin.store(margin, Ordering::Release);
    assert_eq!(memory.ring().take_margin(3), None);
    assert_eq!(memory.ring().take_margin(5), None);
    assert_eq!(memory.ring().evaluate(3, 100, &HALF), None);
    assert_eq!(memory.margin().0, margin);
    assert_eq!(memory.ring().evaluate(5, 100, &HALF), None);
    assert_eq!((memory.margin().generation(), memory.margin().left()), (5, 4));
}

#[test]
fn the_fields_of_a_margin_do_not_run_into_each_other() {
    for since in [0, 1, 0xAB_CDEF, (1 << 24) - 1] {
        for version in [0, 1, 0xA_BCDE, LOW_20] {
            for left in [0, 1, 0x1_2345, LOW_20] {
                let margin = Margin::new(since, version, left);
                assert_eq!((margin.generation(), margin.version(), margin.left()), (since, version, left));
            }
        }
        let after_the_last = Margin::new(since, LOW_20 + 1, 3);
        assert_eq!((after_the_last.generation(), after_the_last.version()), (since, 0));
    }
}

#[test]
fn a_ring_of_a_generation_that_only_looks_later_is_taken_by_the_present_one() {
    for (left_in, since) in [(0, (1 << 23) + 1), (5, 6 + (1 << 23)), (5, 2), (0, (1 << 24) - 1)] {
        let memory = Memory::new(100);
        memory.ring().revive(left_in, || true);
        for n in 1..=20 {
            assert_eq!(memory.ring().record(left_in, GOOD), Recorded::Nth(n));
        }
        assert_eq!(memory.ring().evaluate(left_in, 100, &HALF), None);
        let before = memory.content();
        assert_eq!(memory.ring().record(since, BAD), Recorded::Late);
        assert!(!memory.ring().revive(since, || false));
        assert_eq!(memory.content(), before);
        assert!(memory.ring().revive(since, || true));
        assert_eq!(memory.ring().record(since, BAD), Recorded::Nth(1));
        assert_eq!(memory.ring().take_margin(since), None);
        assert_eq!(memory.ring().evaluate(since, 100, &HALF), None);
        assert!(memory.ring().take_margin(since).is_some());
        for n in 2..=20 {
            assert_eq!(memory.ring().record(since, GOOD), Recorded::Nth(n));
        }
        let before = memory.content();
        assert!(memory.ring().revive(since, || true), "another thread was first");
        assert_eq!(memory.content(), before);
    }
}
