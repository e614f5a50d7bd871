//! Slots: who may have one (policies §4), and the word that counts who does. Pure; `slots` swaps the word.

use crate::admit::priority::{LEVELS, Priority};

/// Counts by level.
pub(crate) type Counts = [u64; LEVELS];

/// How many slots there are, and how many of them are kept for each level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slots {
    pub max: u64,
    pub reserved: Counts,
}

/// The unit of `concurrency_limit`'s shares: ten-thousandths.
const WHOLE: u64 = 10_000;

impl Slots {
    /// As many slots as a limit in force has, with shares of them in ten-thousandths, rounded down.
    pub(crate) fn of_shares(max: u64, shares: &Counts) -> Self {
        Slots { max, reserved: shares.map(|share| share * max / WHOLE) }
    }

    /// Whether a call of that level is given a slot.
    #[inline]
    pub(crate) fn admits(&self, held: &Tally, level: Priority) -> bool {
        let total = held.total;
        total < self.max && (!self.has_reserved() || total + self.kept_from(&held.counts, level) < self.max)
    }

    /// So many of them nobody of that level may have: reservations of the others that are not in use.
    fn kept_from(&self, held: &Counts, level: Priority) -> u64 {
        let kept = |other: Priority| match other == level {
            true => 0,
            false => self.reserved[other as usize].saturating_sub(held[other as usize]),
        };
        Priority::ALL.into_iter().map(kept).sum()
    }

    #[inline]
    pub(crate) fn has_reserved(&self) -> bool {
        self.reserved.iter().fold(0, |any, slots| any | slots) != 0
    }
}

/// Who has slots, by level, and their sum: adding up what was just written piece by piece would stall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    counts: Counts,
    total: u64,
}

impl Tally {
    #[inline]
    pub(crate) fn add(&mut self, level: Priority) {
        self.counts[level as usize] += 1;
        self.total += 1;
    }

    /// Of a level that somebody has a slot of.
    #[inline]
    pub(crate) fn remove(&mut self, level: Priority) {
        self.counts[level as usize] -= 1;
        self.total -= 1;
    }

    #[inline]
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    #[inline]
    pub(crate) fn total(&self) -> u64 {
        self.total
    }
}

/// The largest number of slots whose holders one word counts by level.
pub(crate) const MOST: u64 = (1 << COUNT_BITS) - 1;

const COUNT_BITS: u32 = 12;
const LOCKED: u64 = 1 << 60;
/// A one in the place of each count: times this, the highest place has the sum of all.
const EACH: u64 = 0x0001_0010_0100_1001;

/// Five counts, as long as their sum is at most [`MOST`] and nobody waits; else the flag that says that the counts are
/// behind the lock, and their sum when the lock was last given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held(pub u64);

impl Held {
    /// What the word holds while the counts are behind the lock.
    pub(crate) fn locked(total: u64) -> Self {
        Held(LOCKED | total)
    }

    /// The word of these counts, which are at most [`MOST`] together.
    pub(crate) fn of(counts: &Counts) -> Self {
        Held(counts.iter().rev().fold(0, |word, count| word << COUNT_BITS | count))
    }

    #[inline]
    pub(crate) fn is_locked(self) -> bool {
        self.0 & LOCKED != 0
    }

    #[inline]
    pub(crate) fn total(self) -> u64 {
        match self.is_locked() {
            true => self.0 & !LOCKED,
            false => self.0.wrapping_mul(EACH) >> (COUNT_BITS * (LEVELS as u32 - 1)) & MOST,
        }
    }

    /// The counts of a word that is not locked.
    #[inline]
    pub(crate) fn tally(self) -> Tally {
        let counts = [0, 1, 2, 3, 4].map(|code| self.0 >> (COUNT_BITS * code) & MOST);
        Tally { counts, total: self.total() }
    }

    /// Of a word that is not locked, and whose sum is below [`MOST`].
    #[inline]
    #[must_use]
    pub(crate) fn with_one_more(self, level: Priority) -> Self {
        Held(self.0 + (1 << (COUNT_BITS * level as u32)))
    }

    /// Of a word that is not locked, after a slot of that level is given back.
    #[inline]
    #[must_use]
    pub(crate) fn with_one_less(self, level: Priority) -> Self {
        Held(self.0 - (1 << (COUNT_BITS * level as u32)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Priority::{Bulk, Critical, High, Normal};

    #[test]
    fn what_is_kept_for_a_level_is_given_to_it_alone() {
        let slots = Slots { max: 3, reserved: [0, 0, 0, 0, 2] };
        let mut held = Tally::default();
        assert!(slots.admits(&held, Bulk), "one is free for all");
        held.add(Bulk);
        assert!(!slots.admits(&held, Normal));
        for _ in 0..2 {
            assert!(slots.admits(&held, Critical), "kept");
            held.add(Critical);
        }
        assert!(!slots.admits(&held, Critical));
        held.remove(Bulk);
        assert!(slots.admits(&held, Normal), "what is kept is in use");
    }

    #[test]
    fn shares_are_rounded_down_to_slots() {
        let slots = Slots::of_shares(19, &[0, 0, 0, 2_500, 1_000]);
        assert_eq!(slots, Slots { max: 19, reserved: [0, 0, 0, 4, 1] });
        assert_eq!(Slots::of_shares(100_000, &[WHOLE, 0, 0, 0, 0]).reserved[0], 100_000);
    }

    #[test]
    fn a_word_counts_each_level_and_all_of_them() {
        let mut held = Held::default();
        for (level, times) in [(Bulk, 4_000), (Normal, 1), (High, 93), (Critical, 1)] {
            held = (0..times).fold(held, |held, _| held.with_one_more(level));
        }
        assert_eq!((*held.tally().counts(), held.total()), ([4_000, 0, 1, 93, 1], MOST));
        assert_eq!(Held::of(held.tally().counts()), held);
        assert_eq!(*held.with_one_less(Critical).tally().counts(), [4_000, 0, 1, 93, 0]);
        for level in Priority::ALL {
            let held = (0..MOST).fold(Held::default(), |held, _| held.with_one_more(level));
            assert_eq!((held.tally().total(), held.tally().counts()[level as usize]), (MOST, MOST));
        }
    }

    #[test]
    fn a_word_whose_counts_are_elsewhere_tells_their_sum() {
        let held = Held::locked(1_000_000);
        assert_eq!((held.is_locked(), held.total()), (true, 1_000_000));
        assert!(!Held::of(&[MOST, 0, 0, 0, 0]).is_locked() && !Held::of(&[0, 0, 0, 0, MOST]).is_locked());
    }
}
