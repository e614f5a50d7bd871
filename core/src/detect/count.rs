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
    /// The ring in the words of a count window.
    #[inline]
    pub(crate) fn of(window: &'a [AtomicU64]) -> Self {
        match window {
            [head, margin, blocks @ ..] => Ring { head, margin, blocks },
            _ => unreachable!("a cell without a count window"),
        }
    }

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
#[path = "../../tests/inner/count.rs"]
mod tests;
