//! How long a call may take (policies §6).
//!
//! A limit that is learned is computed anew with every tenth sample, by the thread that took it. Others go on: who finds
//! a computation going on leaves its own to that thread, which looks again when it is done.

use super::spread::{MOST, spread};
use crate::backoff::ONE_BP;
use crate::clock::Nanos;
use crate::sync::{AtomicU64, Mutex, Ordering, fence};
use Ordering::{AcqRel, Acquire, Release, SeqCst};

/// How a limit follows from the durations of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum LearnKind {
    Percentile,
    Adaptive,
    Hybrid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LearnRules {
    pub kind: LearnKind,
    pub percentile_bp: u64,
    pub factor_bp: u64,
    pub min: Nanos,
    pub max: Nanos,
    /// Over so many calls.
    pub window: u64,
    /// Until ten are known.
    pub initial: Nanos,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeoutRules {
    Fixed(Nanos),
    Learned(LearnRules),
}

/// The limit follows with every so many samples, and not before there are as many.
const EVERY: u64 = 10;

/// When fewer attempts than this share are in time, `adaptive` is longer.
const MOSTLY_IN_TIME: f64 = 0.95;

impl LearnRules {
    /// The limit that follows from these samples, `timed_out` of which are the limits of attempts that had timed out.
    /// Without any it is `initial`. Their order is lost.
    pub(crate) fn limit(&self, samples: &mut [Nanos], timed_out: usize) -> Nanos {
        if samples.is_empty() {
            return self.initial;
        }
        let in_time = (samples.len() - timed_out) as f64 / samples.len() as f64;
        let limit = match self.kind {
            LearnKind::Percentile => self.percentile(samples),
            LearnKind::Adaptive => self.adaptive(samples, in_time),
            LearnKind::Hybrid => {
                in_time * self.percentile(samples) + (1.0 - in_time) * self.adaptive(samples, in_time)
            }
        };
        (limit as Nanos).clamp(self.min, self.max)
    }

    fn factor(&self) -> f64 {
        self.factor_bp as f64 / ONE_BP as f64
    }

    fn percentile(&self, samples: &mut [Nanos]) -> f64 {
        let rank = (self.percentile_bp * samples.len() as u64).div_ceil(ONE_BP) as usize;
        let (_, at_rank, _) = samples.select_nth_unstable(rank.clamp(1, samples.len()) - 1);
        *at_rank as f64 * self.factor()
    }

    fn adaptive(&self, samples: &[Nanos], in_time: f64) -> f64 {
        let (mean, deviation) = spread(samples);
        let limit = self.factor() * (mean + 2.0 * deviation);
        if in_time < MOSTLY_IN_TIME { limit * (2.0 - in_time) } else { limit }
    }
}

/// A limit that is learned, of one breaker.
pub(crate) struct Learned {
    rules: LearnRules,
    limit: AtomicU64,
    taken: Taken,
    /// The last samples: see [`mark`].
    ring: Box<[AtomicU64]>,
    computed: Mutex<Computed>,
}

/// How many samples were ever taken. On lines of its own, those that are fetched in pairs: every call reads the limit.
#[repr(align(128))]
struct Taken(AtomicU64);

/// What only a computation touches.
struct Computed {
    /// With so many samples.
    at: u64,
    /// Room for all samples.
    samples: Vec<Nanos>,
}

impl Learned {
    pub(crate) fn new(rules: LearnRules) -> Self {
        let window = rules.window.clamp(1, MOST as u64) as usize;
        Learned {
            rules,
            limit: AtomicU64::new(rules.initial),
            taken: Taken(AtomicU64::new(0)),
            ring: (0..window).map(|_| AtomicU64::new(0)).collect(),
            computed: Mutex::new(Computed { at: 0, samples: Vec::with_capacity(window) }),
        }
    }

    pub(crate) fn rules(&self) -> &LearnRules {
        &self.rules
    }

    /// The limit in force.
    #[inline]
    pub(crate) fn limit(&self) -> Nanos {
        self.limit.load(Acquire)
    }

    /// Takes a sample: how long a success lasted, or the limit of an attempt that has `timed_out`.
    pub(crate) fn sample(&self, duration: Nanos, timed_out: bool) {
        let before = self.taken.0.fetch_add(1, AcqRel);
        let slot = (before % self.ring.len() as u64) as usize;
        self.ring[slot].store(mark(duration, timed_out), Release);
        if (before + 1).is_multiple_of(EVERY) {
            self.learn();
        }
    }

    /// With how many samples the limit in force should have been computed.
    fn due(&self) -> u64 {
        let taken = self.taken.0.load(Acquire);
        taken - taken % EVERY
    }

    /// Computes the limit, unless somebody does. The fences see to it that of one who finds the lock taken and the one
    /// who gives it back at least one sees what the other did.
    #[cold]
    fn learn(&self) {
        loop {
            fence(SeqCst);
            let Some(mut computed) = self.computed.try_lock() else { return };
            let due = self.due();
            if due > computed.at {
                computed.at = due;
                let limit = self.compute(&mut computed.samples);
                self.limit.store(limit, Release);
            }
            drop(computed);
            fence(SeqCst);
            if self.due() == due {
                return;
            }
        }
    }

    /// A sample that is being written just now may be missing, or still be the one before it.
    fn compute(&self, samples: &mut Vec<Nanos>) -> Nanos {
        samples.clear();
        let mut timed_out = 0;
        for word in &self.ring {
            if let Some((duration, has_timed_out)) = unmark(word.load(Acquire)) {
                samples.push(duration);
                timed_out += usize::from(has_timed_out);
            }
        }
        self.rules.limit(samples, timed_out)
    }
}

/// Longer ones count as this.
const LONGEST: Nanos = (1 << 62) - 1;

/// A sample as a word that is not 0.
fn mark(duration: Nanos, timed_out: bool) -> u64 {
    (duration.min(LONGEST) + 1) << 1 | u64::from(timed_out)
}

fn unmark(word: u64) -> Option<(Nanos, bool)> {
    (word >> 1).checked_sub(1).map(|duration| (duration, word & 1 == 1))
}
