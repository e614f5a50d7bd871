//! A second attempt beside one that takes long (policies §9).

use crate::clock::Nanos;
use crate::sync::{AtomicU64, Ordering};

/// When the other attempt begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Fixed(Nanos),
    /// The 95th percentile of the last 100 first attempts.
    P95,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HedgeRules {
    pub after: After,
    /// Hedges of one attempt.
    pub max: u64,
}

/// First attempts that are remembered.
const SAMPLES: usize = 100;
/// Fewer say nothing.
const ENOUGH: usize = 10;
/// How many of the largest of up to `SAMPLES` there are from the 95th percentile up: of 100, the 95th to the 100th.
const LARGEST: usize = 6;

/// How long first attempts last, the last 100: those that succeeded, failed or were cut short. The rejected have no
/// duration.
pub(crate) struct Pace {
    /// Samples ever taken.
    taken: AtomicU64,
    /// Durations plus 1; 0 where none was written yet.
    samples: [AtomicU64; SAMPLES],
}

impl Pace {
    pub(crate) fn new() -> Self {
        Pace { taken: AtomicU64::new(0), samples: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    /// A first attempt has ended, or was cancelled, after so long.
    pub(crate) fn record(&self, lasted: Nanos) {
        // The place is taken first: who reads meanwhile sees the sample of a hundred before, or one less.
        let at = self.taken.fetch_add(1, Ordering::AcqRel) % SAMPLES as u64;
        self.samples[at as usize].store(lasted.saturating_add(1), Ordering::Release);
    }

    /// How long an attempt goes on before another is started, and that one until the next; `None` while nothing says so.
    pub(crate) fn after(&self, rules: &HedgeRules) -> Option<Nanos> {
        match rules.after {
            After::Fixed(after) => Some(after),
            After::P95 => self.p95(),
        }
    }

    /// The ceil(0.95 n)-th smallest of n.
    fn p95(&self) -> Option<Nanos> {
        let (mut n, mut largest) = (0, [0; LARGEST]);
        for sample in &self.samples {
            let value = sample.load(Ordering::Acquire);
            n += usize::from(value != 0);
            // Ascending, the smallest of the largest first: most samples end here.
            if value > largest[0] {
                let at = largest.partition_point(|other| *other < value);
                largest.copy_within(1..at, 0);
                largest[at - 1] = value;
            }
        }
        let from_above = n - (n * 95).div_ceil(100);
        (n >= ENOUGH).then(|| largest[LARGEST - 1 - from_above] - 1)
    }
}
