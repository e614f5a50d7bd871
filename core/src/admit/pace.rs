//! A rate that follows the outcomes (policies §2, `adaptive`). Its words lie in the cell; all zeros are a rate that
//! nothing has changed yet.
//!
//! ```text
//! rate    bits of a double; 0: the plan's
//! counts  0..32  outcomes since the last look      32..63  failures      63  some call was refused or paced
//! looked  when the last look was
//! ```
//!
//! A look belongs to whoever moves its time on, and takes all counts with one exchange: what is counted later belongs to
//! the next. A thread that dies between the two costs one look, not the counts.

use super::Pace;
use crate::backoff::ONE_BP;
use crate::clock::Nanos;
use crate::sync::{AtomicU64, Ordering, load_to_swap};
use Ordering::{AcqRel, Acquire, Relaxed};

/// Outcomes below which nothing is looked at.
const MIN_OUTCOMES: u64 = if cfg!(loom) { 2 } else { 20 };

const FAILURE_AT: u32 = 32;
const HELD: u64 = 1 << 63;
/// Both counts are halved from here on: their share stays, and neither runs over.
const MANY: u64 = 1 << 31;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts(u64);

impl Counts {
    fn outcomes(self) -> u64 {
        self.0 & u64::from(u32::MAX)
    }

    fn failures(self) -> u64 {
        (self.0 & !HELD) >> FAILURE_AT
    }

    fn was_held(self) -> bool {
        self.0 & HELD != 0
    }

    fn halved(self) -> Self {
        Counts(self.0 & HELD | (self.failures() / 2) << FAILURE_AT | (self.outcomes() / 2))
    }
}

impl Pace {
    /// The rate after a look at those counts.
    fn rate_after(&self, rate: f64, counts: Counts) -> f64 {
        let scale = self.scale_bp as f64 / ONE_BP as f64;
        let failed = counts.failures() * ONE_BP;
        if failed > self.lower_above_bp * counts.outcomes() {
            (rate / scale).max(self.min)
        } else if failed < self.raise_below_bp * counts.outcomes() && counts.was_held() {
            (rate * scale).min(self.max)
        } else {
            rate
        }
    }
}

/// A rate and what it follows, wherever the words lie.
#[derive(Clone, Copy)]
pub(crate) struct PacedRate<'a> {
    rate: &'a AtomicU64,
    counts: &'a AtomicU64,
    looked: &'a AtomicU64,
}

/// A rate that was changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RateChange {
    pub from: f64,
    pub to: f64,
}

impl<'a> PacedRate<'a> {
    pub(crate) const WORDS: usize = 3;

    /// # Panics
    /// With fewer words.
    pub(crate) fn new(words: &'a [AtomicU64]) -> Self {
        match words {
            [rate, counts, looked, ..] => PacedRate { rate, counts, looked },
            _ => panic!("a rate of {} words needs {}", words.len(), Self::WORDS),
        }
    }

    /// Begins at that instant, from which the first cooldown is reckoned, unless it has begun.
    pub(crate) fn begin(&self, now: Nanos) {
        let _ = self.looked.compare_exchange(0, now, AcqRel, Acquire);
    }

    /// The rate in force: `initial` until something changed it.
    #[inline]
    pub(crate) fn rate(&self, initial: f64) -> f64 {
        Self::rate_of(self.rate.load(Acquire), initial)
    }

    fn rate_of(bits: u64, initial: f64) -> f64 {
        if bits == 0 { initial } else { f64::from_bits(bits) }
    }

    /// Sets the rate by hand; answers what it was.
    pub(crate) fn set(&self, initial: f64, to: f64) -> f64 {
        Self::rate_of(self.rate.swap(to.to_bits(), AcqRel), initial)
    }

    /// Counts an outcome, then looks.
    pub(crate) fn settle(&self, rules: &Pace, initial: f64, failed: bool, now: Nanos) -> Option<RateChange> {
        let one = 1 | u64::from(failed) << FAILURE_AT;
        let counts = Counts(self.counts.fetch_add(one, AcqRel).wrapping_add(one));
        if counts.outcomes() >= MANY {
            let _ = self.counts.compare_exchange(counts.0, counts.halved().0, AcqRel, Acquire);
        }
        self.look(rules, initial, counts, now)
    }

    /// Looks before a call asks the rate.
    #[inline]
    pub(crate) fn before_acquire(&self, rules: &Pace, initial: f64, now: Nanos) -> Option<RateChange> {
        self.look(rules, initial, Counts(self.counts.load(Acquire)), now)
    }

    /// Notes that a call was refused or paced.
    #[inline]
    pub(crate) fn refused_or_paced(&self) {
        if !Counts(self.counts.load(Relaxed)).was_held() {
            self.counts.fetch_or(HELD, AcqRel);
        }
    }

    #[inline]
    fn look(&self, rules: &Pace, initial: f64, counts: Counts, now: Nanos) -> Option<RateChange> {
        if counts.outcomes() < MIN_OUTCOMES {
            return None;
        }
        let looked = self.looked.load(Acquire);
        if now < looked.saturating_add(rules.cooldown) {
            return None;
        }
        self.looked.compare_exchange(looked, now, AcqRel, Acquire).ok()?;
        self.apply(rules, initial)
    }

    #[cold]
    fn apply(&self, rules: &Pace, initial: f64) -> Option<RateChange> {
        let counts = Counts(self.counts.swap(0, AcqRel));
        // Somebody who began a look a whole cooldown ago has only now taken the counts: that was this look.
        if counts.outcomes() < MIN_OUTCOMES {
            self.put_back(counts);
            return None;
        }
        let mut bits = load_to_swap(self.rate);
        loop {
            let from = Self::rate_of(bits, initial);
            let to = rules.rate_after(from, counts);
            if to == from {
                return None;
            }
            match self.rate.compare_exchange(bits, to.to_bits(), AcqRel, Acquire) {
                Ok(_) => return Some(RateChange { from, to }),
                Err(now) => bits = now,
            }
        }
    }

    fn put_back(&self, counts: Counts) {
        self.counts.fetch_add(counts.0 & !HELD, AcqRel);
        if counts.was_held() {
            self.refused_or_paced();
        }
    }
}
