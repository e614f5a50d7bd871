//! The count window: the last `size` outcomes, in one order for all threads.
//!
//! The ring consists of blocks of sixteen outcomes, a word each. An outcome is recorded by one compare-and-swap on the
//! word of the head block, which both gives it its place in the order and writes it there; so a thread that dies loses
//! nothing and leaves nothing half-written. Sums are taken from the blocks; there are none to go wrong.
//!
//! ```text
//! head    0..40  number of the head block in its generation      40..64  generation whose outcomes these are
//! block   0..16  failures    16..32  slow    32..37  how many outcomes    37..44  lap    44..64  generation
//! margin  0..20  failures and slow calls that need no evaluation  20..40  version    40..64  generation
//! ```
//!
//! A block that bears another generation or lap is empty. A head of an earlier generation is set on by whoever meets it.
//! One that was left more than half a round of 24 bits ago looks later: see [`Ring::revive`].

use super::{Exceeded, Mark, Rates, Sums};
use crate::sync::{AtomicU64, Ordering, load_to_swap};
use crate::word::is_later;

/// Outcomes in a block. A model's blocks are small, so that it sees them run over and their slots used again.
const PER_BLOCK: u64 = if cfg!(loom) { 2 } else { 16 };
const SEQUENCE_MASK: u64 = (1 << 40) - 1;
const SLOW_AT: u32 = 16;
const FILL_AT: u32 = 32;
const TAG_AT: u32 = 37;
const LOW_20: u64 = (1 << 20) - 1;

/// How many blocks a window of `size` needs: a power of two, one block more than can be seen at a time.
pub(crate) const fn blocks(size: u32) -> u32 {
    (size.div_ceil(PER_BLOCK as u32) + 1).next_power_of_two()
}

/// The window's words, wherever they lie.
#[derive(Clone, Copy)]
pub(crate) struct Ring<'a> {
    pub head: &'a AtomicU64,
    pub margin: &'a AtomicU64,
    /// A power of two of them.
    pub blocks: &'a [AtomicU64],
}

/// What became of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Recorded {
    /// The ring already belongs to a later generation.
    Late,
    /// It is the n-th of its generation, from 1.
    Nth(u64),
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Block(u64);

impl Block {
    fn mark(m: Mark, place: u64) -> u64 {
        (u64::from(m.failure) << place) | (u64::from(m.slow) << (place + SLOW_AT as u64))
    }

    fn begun(tag: u64, m: Mark) -> Self {
        Block(tag << TAG_AT | 1 << FILL_AT | Self::mark(m, 0))
    }

    fn fill(self) -> u64 {
        self.0 >> FILL_AT & 0x1F
    }

    fn tag(self) -> u64 {
        self.0 >> TAG_AT
    }

    fn with(self, m: Mark) -> Self {
        Block((self.0 + (1 << FILL_AT)) | Self::mark(m, self.fill()))
    }

    fn at(self, place: u64) -> Mark {
        Mark { failure: self.0 >> place & 1 == 1, slow: self.0 >> (place + u64::from(SLOW_AT)) & 1 == 1 }
    }

    /// The newest `n` outcomes of the block.
    fn newest(self, n: u64) -> Sums {
        let n = n.min(self.fill());
        let mask = ((1u64 << n) - 1) << (self.fill() - n);
        Sums {
            total: n,
            failures: u64::from((self.0 & mask).count_ones()),
            slow: u64::from((self.0 >> SLOW_AT & mask).count_ones()),
        }
    }
}

impl<'a> Ring<'a> {
    fn generation(head: u64) -> u64 {
        head >> 40
    }

    #[inline]
    fn block(&self, sequence: u64) -> &'a AtomicU64 {
        &self.blocks[sequence as usize & (self.blocks.len() - 1)]
    }

    /// The lap of the ring and the generation, as a block bears them.
    #[inline]
    fn tag(&self, since: u64, sequence: u64) -> u64 {
        let lap = sequence >> self.blocks.len().trailing_zeros();
        (lap & 0x7F) | (since & 0xF_FFFF) << 7
    }

    /// Records an outcome of the generation whose counts began at `since`.
    #[inline]
    pub(crate) fn record(&self, since: u64, m: Mark) -> Recorded {
        loop {
            let head = self.head.load(Ordering::Acquire);
            if Self::generation(head) != since {
                if is_later(Self::generation(head), since) {
                    return Recorded::Late;
                }
                self.advance(head, since << 40);
                continue;
            }
            let sequence = head & SEQUENCE_MASK;
            let place = self.block(sequence);
            let found = Block(place.load(Ordering::Acquire));
            let is_begun = found.tag() == self.tag(since, sequence);
            if is_begun && found.fill() == PER_BLOCK {
                self.advance(head, head + 1);
                continue;
            }
            // A block is begun only by those who saw, after reading its old content, that the head still stands there.
            if !is_begun && self.head.load(Ordering::Acquire) != head {
                continue;
            }
            let next = if is_begun { found.with(m) } else { Block::begun(self.tag(since, sequence), m) };
            if place.compare_exchange(found.0, next.0, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return Recorded::Nth(sequence * PER_BLOCK + next.fill());
            }
        }
    }

    /// Records a success that is not slow, unless something is out of the ordinary: then nothing was done.
    #[inline]
    pub(crate) fn record_quietly(&self, since: u64, min_calls: u64) -> bool {
        let head = self.head.load(Ordering::Acquire);
        let sequence = head & SEQUENCE_MASK;
        let place = self.block(sequence);
        let found = Block(place.load(Ordering::Acquire));
        let is_ordinary = Self::generation(head) == since
            && found.tag() == self.tag(since, sequence)
            && found.fill() < PER_BLOCK
            && sequence * PER_BLOCK + found.fill() + 1 != min_calls;
        let next = found.0.wrapping_add(1 << FILL_AT);
        is_ordinary && place.compare_exchange(found.0, next, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Sets the head on; whoever is second finds it done.
    fn advance(&self, from: u64, to: u64) {
        let _ = self.head.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Sets the ring on to the generation whose counts began at `since`, if that `is_present`, which is asked after head
    /// and margin were read: what they bear was present before, however late it looks. Answers whether it is.
    #[cold]
    pub(crate) fn revive(&self, since: u64, is_present: impl FnOnce() -> bool) -> bool {
        let head = self.head.load(Ordering::Acquire);
        let margin = Margin(self.margin.load(Ordering::Acquire));
        if !is_present() {
            return false;
        }
        if Self::generation(head) != since {
            self.advance(head, since << 40);
        }
        if is_later(margin.generation(), since) {
            let next = Margin::new(since, margin.version(), 0);
            let _ = self.margin.compare_exchange(margin.0, next.0, Ordering::AcqRel, Ordering::Acquire);
        }
        true
    }

    /// What the last `size` outcomes of the generation hold.
    pub(crate) fn sums(&self, since: u64, size: u32) -> Sums {
        let head = self.head.load(Ordering::Acquire);
        let mut sums = Sums::default();
        if Self::generation(head) != since {
            return sums;
        }
        let newest = head & SEQUENCE_MASK;
        for sequence in (newest.saturating_sub(self.blocks.len() as u64 - 1)..=newest).rev() {
            let left = u64::from(size) - sums.total;
            if left == 0 {
                break;
            }
            let block = Block(self.block(sequence).load(Ordering::Acquire));
            if block.tag() == self.tag(since, sequence) {
                sums.add(block.newest(left));
            }
        }
        sums
    }

    /// The last `size` outcomes of the generation, oldest first, as far as nobody records meanwhile.
    pub(crate) fn outcomes(&self, since: u64, size: u32) -> Vec<Mark> {
        let head = self.head.load(Ordering::Acquire);
        if Self::generation(head) != since {
            return Vec::new();
        }
        let newest = head & SEQUENCE_MASK;
        let all: Vec<Mark> = (newest.saturating_sub(self.blocks.len() as u64 - 1)..=newest)
            .map(|sequence| (sequence, Block(self.block(sequence).load(Ordering::Acquire))))
            .filter(|(sequence, block)| block.tag() == self.tag(since, *sequence))
            .flat_map(|(_, block)| (0..block.fill()).map(move |place| block.at(place)))
            .collect();
        all[all.len().saturating_sub(size as usize)..].to_vec()
    }

    /// Takes one failure or slow call from the margin; `None` when none is left and the window must be evaluated.
    ///
    /// Called before the outcome is recorded, so that a thread that dies in between makes the margin too small, never
    /// too large. After the record the answer goes to [`confirm`](Ring::confirm).
    pub(crate) fn take_margin(&self, since: u64) -> Option<Taken> {
        let mut margin = Margin(self.margin.load(Ordering::Acquire));
        while margin.generation() == since && margin.left() > 0 {
            let next = Margin::new(since, margin.version(), margin.left() - 1);
            match self.margin.compare_exchange(margin.0, next.0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(Taken { since, version: margin.version() }),
                Err(now) => margin = Margin(now),
            }
        }
        None
    }

    /// After the outcome that was taken from the margin was recorded: `true` if nobody has begun to evaluate since it
    /// was taken. Who begins later then sees the outcome; who began before may have missed it, so that it must be
    /// evaluated by itself.
    pub(crate) fn confirm(&self, taken: Taken) -> bool {
        let mut margin = Margin(load_to_swap(self.margin));
        while margin.generation() == taken.since && margin.version() == taken.version {
            // The same value: only the order counts.
            match self.margin.compare_exchange(margin.0, margin.0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(now) => margin = Margin(now),
            }
        }
        false
    }

    /// Judges the window, and notes how many failures and slow calls may pass until it need be judged again.
    ///
    /// Everyone who comes here has recorded its outcome, and so has everyone whose `confirm` came before the margin was
    /// withdrawn; everyone else will come here. So of those who reach a threshold together the last sees them all, and
    /// only if nobody came later is its margin set.
    pub(crate) fn evaluate(&self, since: u64, size: u32, rates: &Rates) -> Option<Exceeded> {
        let withdrawn = self.withdraw_margin(since);
        let sums = self.sums(since, size);
        let exceeded = rates.judge(sums);
        if let (Some(withdrawn), None) = (withdrawn, exceeded) {
            let left = (rates.margin(sums) - 1).min(LOW_20);
            let next = Margin::new(since, withdrawn.version() + 1, left);
            let _ = self.margin.compare_exchange(withdrawn.0, next.0, Ordering::AcqRel, Ordering::Acquire);
        }
        exceeded
    }

    /// Leaves no margin, with the next version; `None` when the margin is one of a later generation.
    fn withdraw_margin(&self, since: u64) -> Option<Margin> {
        let mut margin = Margin(load_to_swap(self.margin));
        while !is_later(margin.generation(), since) {
            let next = Margin::new(since, margin.version() + 1, 0);
            match self.margin.compare_exchange(margin.0, next.0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(next),
                Err(now) => margin = Margin(now),
            }
        }
        None
    }
}

/// One failure or slow call, taken from the margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Taken {
    since: u64,
    version: u64,
}

#[derive(Clone, Copy)]
struct Margin(u64);

impl Margin {
    fn new(since: u64, version: u64, left: u64) -> Self {
        Margin(since << 40 | (version & LOW_20) << 20 | left)
    }

    fn generation(self) -> u64 {
        self.0 >> 40
    }

    fn version(self) -> u64 {
        self.0 >> 20 & LOW_20
    }

    fn left(self) -> u64 {
        self.0 & LOW_20
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
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
            let m =
                Mark { failure: crate::rng::mix(i) % 100 < 28, slow: crate::rng::mix(i + 9_999) % 100 < 40 };
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
                    assert_eq!(
                        (margin.generation(), margin.version(), margin.left()),
                        (since, version, left)
                    );
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
}
