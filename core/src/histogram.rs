//! Durations in buckets. One thread writes a histogram, with plain stores; readers add several up.

use crate::clock::Nanos;
use crate::outcome::Outcome;
use crate::sync::{AtomicU64, OnceBox, Ordering, bump};

const MS: Nanos = 1_000_000;
const SECOND: Nanos = 1_000 * MS;
const MINUTE: Nanos = 60 * SECOND;

/// Upper bounds of the call durations unless the registry sets others (semantics §10).
pub const DURATION_BOUNDS: [Nanos; 15] = [
    MS,
    2_500_000,
    5 * MS,
    10 * MS,
    25 * MS,
    50 * MS,
    100 * MS,
    250 * MS,
    500 * MS,
    SECOND,
    2_500 * MS,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    60 * SECOND,
];

/// Upper bounds of the recovery times (semantics §10).
pub(crate) const RECOVERY_BOUNDS: [Nanos; 10] = [
    SECOND,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    60 * MINUTE,
];

/// Which bucket `d` belongs to: the first whose bound it does not exceed.
#[inline]
pub(crate) fn bucket_of(bounds: &[Nanos], d: Nanos) -> usize {
    // Short calls are the ones whose price counts, and they are found first.
    bounds.iter().position(|bound| d <= *bound).unwrap_or(bounds.len())
}

/// The durations of a thread's first successes, in five words of its stripe: sixteen counters of sixteen bits, and the
/// sum. One thread writes, with plain stores.
#[repr(C)]
pub(crate) struct Brief {
    counts: [AtomicU64; 4],
    sum: AtomicU64,
}

impl Brief {
    const BITS: usize = 16;
    const FULL: u64 = (1 << Self::BITS) - 1;
    const IN_WORD: usize = 64 / Self::BITS;

    /// Counts `d` in `bucket`; `false` when its counter is full, or there is none here.
    #[inline]
    pub(crate) fn record(&self, bucket: usize, d: Nanos) -> bool {
        let Some(word) = self.counts.get(bucket / Self::IN_WORD) else { return false };
        let (counts, shift) = (word.load(Ordering::Relaxed), bucket % Self::IN_WORD * Self::BITS);
        if counts >> shift & Self::FULL == Self::FULL {
            return false;
        }
        word.store(counts + (1 << shift), Ordering::Relaxed);
        self.sum.store(self.sum.load(Ordering::Relaxed).saturating_add(d), Ordering::Relaxed);
        true
    }

    pub(crate) fn add_to(&self, sum: &mut Distribution) {
        for (bucket, count) in sum.counts.iter_mut().enumerate() {
            let word = self.counts.get(bucket / Self::IN_WORD).map_or(0, |w| w.load(Ordering::Relaxed));
            *count += word >> (bucket % Self::IN_WORD * Self::BITS) & Self::FULL;
        }
        sum.sum = sum.sum.saturating_add(self.sum.load(Ordering::Relaxed));
    }
}

/// A counter for each bucket, one for what exceeds them all, and the sum.
type Row = Box<[AtomicU64]>;

/// The durations of one thread's calls, by outcome: those that `Brief` has no room for.
pub(crate) struct Durations([OnceBox<Row>; 3]);

impl Durations {
    fn new() -> Self {
        Durations([(); 3].map(|()| OnceBox::new()))
    }

    fn record(&self, bounds: &[Nanos], outcome: Outcome, bucket: usize, d: Nanos) {
        let new_row = || Box::new((0..bounds.len() + 2).map(|_| AtomicU64::new(0)).collect());
        let row: &Row = self.0[outcome as usize].get_or_init(new_row);
        bump(&row[bucket]);
        let sum = &row[bounds.len() + 1];
        sum.store(sum.load(Ordering::Relaxed).saturating_add(d), Ordering::Relaxed);
    }

    pub(crate) fn add_to(&self, sums: &mut [Distribution; 3]) {
        for (sum, row) in sums.iter_mut().zip(&self.0) {
            let Some((last, counts)) = row.get().and_then(|row| row.split_last()) else { continue };
            for (count, word) in sum.counts.iter_mut().zip(counts) {
                *count += word.load(Ordering::Relaxed);
            }
            sum.sum = sum.sum.saturating_add(last.load(Ordering::Relaxed));
        }
    }
}

/// Records how long a call took. By the thread that owns both.
#[inline]
pub(crate) fn record(brief: &Brief, more: &OnceBox<Durations>, bounds: &[Nanos], outcome: Outcome, d: Nanos) {
    let bucket = bucket_of(bounds, d);
    if outcome != Outcome::Success || !brief.record(bucket, d) {
        more.get_or_init(|| Box::new(Durations::new())).record(bounds, outcome, bucket, d);
    }
}

/// What a histogram holds, for readers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// How many fell into each bucket; the last counts what exceeds every bound.
    pub counts: Vec<u64>,
    /// The sum of all, in nanoseconds.
    pub sum: Nanos,
}

impl Distribution {
    pub(crate) fn new(bounds: &[Nanos]) -> Self {
        Distribution { counts: vec![0; bounds.len() + 1], sum: 0 }
    }

    /// How many in all.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn durations_are_all_there_when_the_brief_counters_are_full() {
        let brief = Brief { counts: Default::default(), sum: AtomicU64::new(0) };
        let more = OnceBox::new();
        for i in 0..70_000 {
            record(&brief, &more, &DURATION_BOUNDS, Outcome::Success, if i < 3 { 2 * MS } else { MS });
        }
        assert!(more.get().is_some(), "66,000 do not fit sixteen bits");
        record(&brief, &more, &DURATION_BOUNDS, Outcome::Failure, 61 * SECOND);
        let mut sums = [(); 3].map(|()| Distribution::new(&DURATION_BOUNDS));
        brief.add_to(&mut sums[0]);
        more.get().into_iter().for_each(|more| more.add_to(&mut sums));
        assert_eq!((sums[0].counts[0], sums[0].counts[1], sums[0].count()), (69_997, 3, 70_000));
        assert_eq!(sums[0].sum, 70_003 * MS);
        assert_eq!((sums[1].counts[15], sums[1].sum), (1, 61 * SECOND));
    }

    #[test]
    fn more_bounds_than_the_brief_counters_know_are_counted_too() {
        let bounds: Vec<Nanos> = (1..=40).map(|i| i * MS).collect();
        let (brief, more) = (Brief { counts: Default::default(), sum: AtomicU64::new(0) }, OnceBox::new());
        bounds.iter().for_each(|d| record(&brief, &more, &bounds, Outcome::Success, *d));
        let mut sums = [(); 3].map(|()| Distribution::new(&bounds));
        brief.add_to(&mut sums[0]);
        more.get().into_iter().for_each(|more| more.add_to(&mut sums));
        assert_eq!(sums[0].counts[..40], [1; 40]);
    }
}
