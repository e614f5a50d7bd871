//! Durations in buckets. One thread writes a histogram, with plain stores; readers add several up.

use crate::clock::Nanos;
use crate::outcome::Outcome;
use crate::sync::{AtomicU64, Ordering, bump};

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

/// The durations of one thread's calls, by outcome.
pub(crate) struct Durations(Box<[AtomicU64]>);

impl Durations {
    pub(crate) fn new(bounds: &[Nanos]) -> Self {
        Durations((0..Outcome::ALL.len() * Self::row(bounds)).map(|_| AtomicU64::new(0)).collect())
    }

    /// A counter for each bucket, one for what exceeds them all, and the sum.
    fn row(bounds: &[Nanos]) -> usize {
        bounds.len() + 2
    }

    /// By the thread that owns the histogram.
    #[inline]
    pub(crate) fn record(&self, bounds: &[Nanos], outcome: Outcome, d: Nanos) {
        let row = &self.0[outcome as usize * Self::row(bounds)..][..Self::row(bounds)];
        bump(&row[bucket_of(bounds, d)]);
        let sum = &row[bounds.len() + 1];
        sum.store(sum.load(Ordering::Relaxed).saturating_add(d), Ordering::Relaxed);
    }

    pub(crate) fn add_to(&self, sums: &mut [Distribution; 3]) {
        let row = self.0.len() / sums.len();
        for (sum, words) in sums.iter_mut().zip(self.0.chunks(row)) {
            for (count, word) in sum.counts.iter_mut().zip(words) {
                *count += word.load(Ordering::Relaxed);
            }
            sum.sum = sum.sum.saturating_add(words[row - 1].load(Ordering::Relaxed));
        }
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
