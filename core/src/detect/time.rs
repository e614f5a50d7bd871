//! The time window: every thread counts in buckets of its own, readers add them up.
//!
//! A thread's buckets are a ring by time; only that thread writes there, with plain loads and stores. A bucket begins
//! with its key, the generation and the number of the stretch of time that it counts; while it is given to another
//! stretch the key is [`VACANT`], so a reader that finds the same key before and after has read one bucket.
//!
//! ```text
//! stripe  cursor: [low half of the word, or 0] [begin of the stretch] [index of the bucket]  [evaluate every outcome]
//!         buckets: [key] [total] [failures] [slow], `buckets` times
//! key     0..40  stretch: time / width     40..64  generation whose outcomes these are
//! ```

use super::{Mark, Sums};
use crate::clock::Nanos;
use crate::sync::{AtomicU64, Ordering, bump, fence};
use crate::word::is_later;

/// A bucket that is being given to another stretch. No stretch has this number.
const VACANT: u64 = u64::MAX;
const STRETCH_MASK: u64 = (1 << 40) - 1;
const PER_BUCKET: usize = 4;
const CURSOR: usize = 4;
/// Tells the low half 0 of a word from a cursor that was never set.
const CURSOR_SET: u64 = 1 << 32;

/// What a window of time is divided into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    /// Length of a bucket.
    pub width: Nanos,
    pub buckets: u32,
}

impl Period {
    pub(crate) fn stretch(&self, now: Nanos) -> u64 {
        now / self.width
    }

    /// How many words a stripe needs for its cursor and buckets.
    pub(crate) const fn words(buckets: u32) -> usize {
        CURSOR + PER_BUCKET * buckets as usize
    }
}

pub(crate) fn key(since: u64, stretch: u64) -> u64 {
    since << 40 | (stretch & STRETCH_MASK)
}

/// The generation that a key bears.
pub(crate) fn generation(key: u64) -> u64 {
    key >> 40
}

/// The buckets of one thread.
#[derive(Clone, Copy)]
pub(crate) struct TimeStripe<'a>(pub &'a [AtomicU64]);

/// Credits a success that is not slow to the bucket of the cursor, the happy path; `false` when that is not the
/// bucket, or when the window must be evaluated after it, and nothing was done.
///
/// # Safety
/// At `stripe` lie the words of a [`TimeStripe`] with so many buckets, and the calling thread owns it.
#[inline(always)]
pub(crate) unsafe fn credit_quietly(
    stripe: *const AtomicU64,
    buckets: u64,
    low: u32,
    now: Nanos,
    width: Nanos,
) -> bool {
    // SAFETY: a stripe begins with its cursor.
    let [cursor_low, begin, index, watchful] = unsafe { &*stripe.cast::<[AtomicU64; CURSOR]>() };
    let index = index.load(Ordering::Relaxed);
    let is_quiet = cursor_low.load(Ordering::Relaxed) == u64::from(low) | CURSOR_SET
        && now.wrapping_sub(begin.load(Ordering::Relaxed)) < width
        && watchful.load(Ordering::Relaxed) == 0
        && index < buckets;
    if is_quiet {
        // SAFETY: the buckets follow the cursor, and `index` is the number of one.
        bump(unsafe { &*stripe.add(CURSOR + PER_BUCKET * index as usize + 1) });
    }
    is_quiet
}

/// What became of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Credited {
    /// Counted; the window must be evaluated.
    Evaluate,
    /// The bucket already belongs to a later generation.
    Late,
    /// The bucket already belongs to a later stretch: the outcome came too late to be seen by any window.
    Passed,
}

impl<'a> TimeStripe<'a> {
    fn low(self) -> &'a AtomicU64 {
        &self.0[0]
    }

    fn begin(self) -> &'a AtomicU64 {
        &self.0[1]
    }

    fn index(self) -> &'a AtomicU64 {
        &self.0[2]
    }

    /// Not 0 while the total is known to be below `min_calls`: any outcome may be the one that reaches it.
    fn watchful(self) -> &'a AtomicU64 {
        &self.0[3]
    }

    fn bucket(self, index: usize) -> &'a [AtomicU64] {
        let at = CURSOR + PER_BUCKET * index;
        &self.0[at..at + PER_BUCKET]
    }

    fn slot(self, stretch: u64, buckets: u32) -> usize {
        (stretch % u64::from(buckets)) as usize
    }

    /// The total first, so that no reader finds more failures than outcomes.
    #[inline]
    fn add(self, index: usize, m: Mark) {
        let bucket = self.bucket(index);
        bump(&bucket[1]);
        for (word, counts) in [(&bucket[2], m.failure), (&bucket[3], m.slow)] {
            if counts {
                word.store(word.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
            }
        }
    }

    /// Whether crediting at `now` gives a bucket to another stretch; answers the key it holds and the one it will hold.
    pub(crate) fn recycles(self, since: u64, now: Nanos, period: &Period) -> Option<(u64, u64)> {
        let stretch = period.stretch(now);
        let held = self.bucket(self.slot(stretch, period.buckets))[0].load(Ordering::Relaxed);
        let wanted = key(since, stretch);
        (held != wanted).then_some((held, wanted))
    }

    /// Takes the bucket of `now` from a generation that looks later and, as the caller has seen after it was called
    /// [`Late`](Credited::Late), is long past: 24 bits go round.
    #[cold]
    pub(crate) fn vacate(self, now: Nanos, period: &Period) {
        self.bucket(self.slot(period.stretch(now), period.buckets))[0].store(VACANT, Ordering::Relaxed);
    }

    /// Credits an outcome of the generation whose counts began at `since`, and puts the cursor there. `low` is the
    /// word's low half, under which later outcomes may be credited without asking.
    pub(crate) fn credit(self, since: u64, low: u32, now: Nanos, period: &Period, m: Mark) -> Credited {
        let stretch = period.stretch(now);
        let slot = self.slot(stretch, period.buckets);
        let bucket = self.bucket(slot);
        let (held, wanted) = (bucket[0].load(Ordering::Relaxed), key(since, stretch));
        if held != wanted {
            if !self.is_fresh(slot) && is_later(held >> 40, since) {
                return Credited::Late;
            }
            if !self.is_fresh(slot) && held >> 40 == since && held & STRETCH_MASK > stretch & STRETCH_MASK {
                return Credited::Passed;
            }
            bucket[0].store(VACANT, Ordering::Relaxed);
            fence(Ordering::Release);
            for word in &bucket[1..] {
                word.store(0, Ordering::Relaxed);
            }
            bucket[0].store(wanted, Ordering::Release);
        }
        self.begin().store(stretch.wrapping_mul(period.width), Ordering::Relaxed);
        self.index().store(slot as u64, Ordering::Relaxed);
        self.low().store(u64::from(low) | CURSOR_SET, Ordering::Relaxed);
        self.watchful().store(1, Ordering::Relaxed);
        self.add(slot, m);
        Credited::Evaluate
    }

    /// Fills a bucket that nobody uses yet.
    pub(crate) fn fill(self, key: u64, slot: usize, sums: Sums) {
        let bucket = self.bucket(slot);
        bucket[1].store(sums.total, Ordering::Relaxed);
        bucket[2].store(sums.failures, Ordering::Relaxed);
        bucket[3].store(sums.slow, Ordering::Relaxed);
        bucket[0].store(key, Ordering::Release);
    }

    /// A bucket that was never used holds key 0 like the very first stretch, but no outcome.
    fn is_fresh(self, slot: usize) -> bool {
        let bucket = self.bucket(slot);
        bucket[0].load(Ordering::Relaxed) == VACANT || bucket[1].load(Ordering::Relaxed) == 0
    }

    /// After an evaluation: whether every outcome is to be evaluated until the next bucket.
    pub(crate) fn watch(self, every: bool) {
        self.watchful().store(u64::from(every), Ordering::Relaxed);
    }

    /// What the bucket of `stretch` holds, by any thread.
    pub(crate) fn read(self, since: u64, stretch: u64, buckets: u32) -> Sums {
        self.read_key(key(since, stretch), self.slot(stretch, buckets))
    }

    /// What the bucket holds if it bears `key`.
    pub(crate) fn read_key(self, key: u64, slot: usize) -> Sums {
        let bucket = self.bucket(slot);
        loop {
            if bucket[0].load(Ordering::Acquire) != key {
                return Sums::default();
            }
            let failures = bucket[2].load(Ordering::Acquire);
            let slow = bucket[3].load(Ordering::Acquire);
            let total = bucket[1].load(Ordering::Relaxed);
            fence(Ordering::Acquire);
            if bucket[0].load(Ordering::Relaxed) == key {
                return Sums { total, failures, slow };
            }
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    const PERIOD: Period = Period { width: 10, buckets: 3 };
    const GOOD: Mark = Mark { failure: false, slow: false };
    const BAD: Mark = Mark { failure: true, slow: false };
    const SLOW: Mark = Mark { failure: false, slow: true };

    /// A stripe, and a bucket behind it that is not its own.
    struct Memory(Vec<AtomicU64>);

    impl Memory {
        fn new() -> Self {
            Memory((0..Period::words(PERIOD.buckets + 1)).map(|_| AtomicU64::new(0)).collect())
        }

        fn stripe(&self) -> TimeStripe<'_> {
            TimeStripe(&self.0[..Period::words(PERIOD.buckets)])
        }

        fn content(&self) -> Vec<u64> {
            self.0.iter().map(|word| word.load(Ordering::Relaxed)).collect()
        }

        fn credit(&self, since: u64, now: Nanos, m: Mark) -> Credited {
            self.stripe().credit(since, (since << 8) as u32, now, &PERIOD, m)
        }

        /// Credits an outcome that is refused and leaves everything as it is.
        fn refuses(&self, since: u64, now: Nanos, because: Credited) {
            let before = self.content();
            assert_eq!(self.credit(since, now, BAD), because, "since {since}, at {now}");
            assert_eq!(self.content(), before);
        }

        fn read(&self, since: u64, stretch: u64) -> Sums {
            self.stripe().read(since, stretch, PERIOD.buckets)
        }

        /// As the happy path does it; when it is refused, everything is as it was.
        fn credit_quietly(&self, low: u32, now: Nanos) -> bool {
            let before = self.content();
            // SAFETY: there lies a stripe of so many buckets, and no other thread has it.
            let is_quiet =
                unsafe { credit_quietly(self.0.as_ptr(), PERIOD.buckets.into(), low, now, PERIOD.width) };
            assert!(is_quiet || self.content() == before);
            is_quiet
        }
    }

    #[test]
    fn a_stripe_has_a_cursor_and_four_words_for_each_bucket() {
        assert_eq!([1, 2, 10, 60].map(Period::words), [8, 12, 44, 244]);
    }

    #[test]
    fn outcomes_are_counted_in_their_stretch_and_generation_alone() {
        let memory = Memory::new();
        for (now, m) in [(40, GOOD), (49, BAD), (45, SLOW), (50, BAD)] {
            assert_eq!(memory.credit(3, now, m), Credited::Evaluate);
        }
        assert_eq!(memory.read(3, 4), Sums { total: 3, failures: 1, slow: 1 });
        assert_eq!(memory.read(3, 5), Sums { total: 1, failures: 1, slow: 0 });
        for (since, stretch) in [(2, 4), (4, 4), (3, 1), (3, 7), (3, 3)] {
            assert_eq!(memory.read(since, stretch), Sums::default());
        }
        assert_eq!(memory.credit(3, 75, GOOD), Credited::Evaluate);
        assert_eq!((memory.read(3, 4).total, memory.read(3, 7).total, memory.read(3, 5).total), (0, 1, 1));
    }

    #[test]
    fn a_success_in_the_stretch_and_generation_of_the_cursor_is_credited_quietly() {
        for since in [0, 3, (1 << 24) - 1] {
            let (memory, low) = (Memory::new(), (since << 8) as u32);
            assert_eq!(memory.credit(since, 47, BAD), Credited::Evaluate);
            assert!(!memory.credit_quietly(low, 47), "not known yet whether the minimum is reached");
            memory.stripe().watch(false);
            for now in 40..50 {
                assert!(memory.credit_quietly(low, now), "since {since}, at {now}");
            }
            assert_eq!(memory.read(since, 4), Sums { total: 11, failures: 1, slow: 0 });
            for now in [0, 39, 50, 70, u64::MAX] {
                assert!(!memory.credit_quietly(low, now), "since {since}, at {now}");
            }
            for other in [low ^ 1 << 8, low ^ 1 << 31, low ^ 1, low ^ 1 << 4] {
                assert!(!memory.credit_quietly(other, 47));
            }
            memory.stripe().watch(true);
            assert!(!memory.credit_quietly(low, 47));
            memory.stripe().watch(false);
            assert!(memory.credit_quietly(low, 47));
            assert_eq!(memory.credit(since, 50, BAD), Credited::Evaluate);
            assert!(!memory.credit_quietly(low, 50), "another bucket has begun");
        }
    }

    #[test]
    fn a_cursor_that_was_never_set_is_not_that_of_the_first_stretch_and_generation() {
        let memory = Memory::new();
        for low in [0, 1 << 8, 1] {
            assert!(!memory.credit_quietly(low, 0));
        }
    }

    #[test]
    fn a_cursor_beyond_the_buckets_credits_nothing() {
        let memory = Memory::new();
        assert_eq!(memory.credit(0, 5, GOOD), Credited::Evaluate);
        memory.stripe().watch(false);
        memory.stripe().index().store(2, Ordering::Relaxed);
        assert!(memory.credit_quietly(0, 5));
        for beyond in [3, 4, u64::MAX] {
            memory.stripe().index().store(beyond, Ordering::Relaxed);
            assert!(!memory.credit_quietly(0, 5));
        }
    }

    #[test]
    fn an_outcome_of_an_earlier_generation_than_its_bucket_is_late() {
        for (earlier, later) in [(0, 1), (2, 3), ((1 << 24) - 1, 0), (7, 7 + (1 << 22))] {
            for now in [40, 49, 10, 70] {
                let memory = Memory::new();
                assert_eq!(memory.credit(later, 40, BAD), Credited::Evaluate);
                memory.refuses(earlier, now, Credited::Late);
                assert_eq!(memory.read(later, 4).total, 1);
            }
            let memory = Memory::new();
            assert_eq!(memory.credit(earlier, 40, BAD), Credited::Evaluate);
            assert_eq!(memory.credit(later, 10, GOOD), Credited::Evaluate);
            assert_eq!(memory.read(later, 1), Sums { total: 1, failures: 0, slow: 0 });
        }
    }

    #[test]
    fn an_outcome_of_an_earlier_stretch_than_its_bucket_has_passed() {
        for since in [0, 1, 6, (1 << 24) - 1] {
            let memory = Memory::new();
            assert_eq!(memory.credit(since, 40, BAD), Credited::Evaluate);
            memory.refuses(since, 10, Credited::Passed);
            assert_eq!(memory.credit(since, 70, BAD), Credited::Evaluate);
            memory.refuses(since, 49, Credited::Passed);
            assert_eq!(memory.read(since, 7).total, 1);
        }
    }

    #[test]
    fn a_bucket_without_outcomes_or_half_given_away_belongs_to_nobody() {
        // Zeros look like generation 0, which is later than the generations of the upper half; a vacant key like the
        // last one, which is later than those of the upper half, too.
        for since in [0, 1, 1 << 22, 1 << 23, 3 << 22, (1 << 24) - 1] {
            let memory = Memory::new();
            assert_eq!(memory.credit(since, 40, BAD), Credited::Evaluate, "since {since}");
            assert_eq!(memory.read(since, 4).total, 1);
            let memory = Memory::new();
            assert_eq!(memory.credit(since, 40, BAD), Credited::Evaluate);
            // Its thread died when it gave the bucket away.
            memory.stripe().bucket(1)[0].store(VACANT, Ordering::Relaxed);
            assert_eq!(memory.credit(since, 40, GOOD), Credited::Evaluate, "since {since}, vacant");
            assert_eq!(memory.read(since, 4), Sums { total: 1, failures: 0, slow: 0 });
        }
        // Carried over from another cell, and nothing was in it: a key alone.
        let memory = Memory::new();
        memory.stripe().fill(key(0, 7), 1, Sums::default());
        assert_eq!(memory.credit(0, 40, BAD), Credited::Evaluate);
        assert_eq!(memory.read(0, 4).total, 1);
    }

    #[test]
    fn a_bucket_that_was_vacated_is_taken_by_an_earlier_generation() {
        let memory = Memory::new();
        assert_eq!(memory.credit(5, 40, BAD), Credited::Evaluate);
        memory.refuses(2, 70, Credited::Late);
        memory.stripe().vacate(70, &PERIOD);
        assert_eq!(memory.read(5, 4), Sums::default());
        assert_eq!(memory.credit(2, 70, GOOD), Credited::Evaluate);
        assert_eq!(memory.read(2, 7), Sums { total: 1, failures: 0, slow: 0 });
    }
}
