//! Slots: who may have one (policies §4). One word holds who has them, by level, and the highest level that waits.

use crate::admit::priority::{LEVELS, Priority};

/// How many slots there are, and how many of them are kept for each level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slots {
    pub max: u64,
    pub reserved: [u64; LEVELS],
}

const COUNT_BITS: u32 = 12;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
const WAITING_AT: u32 = COUNT_BITS * LEVELS as u32;

/// The largest number of slots whose holders are counted by level in one word.
pub(crate) const MOST: u64 = COUNT_MASK;

/// Who has slots: five counts, and the highest level that waits, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held(pub u64);

impl Held {
    pub(crate) fn by(self, level: Priority) -> u64 {
        self.0 >> (COUNT_BITS * level as u32) & COUNT_MASK
    }

    pub(crate) fn all(self) -> u64 {
        Priority::ALL.into_iter().map(|level| self.by(level)).sum()
    }

    /// The highest level of which somebody waits.
    pub(crate) fn waiting(self) -> Option<Priority> {
        let code = (self.0 >> WAITING_AT & 7).checked_sub(1)?;
        Priority::ALL.get(code as usize).copied()
    }

    #[must_use]
    pub(crate) fn with_waiting(self, level: Option<Priority>) -> Self {
        let code = level.map_or(0, |level| level as u64 + 1);
        Held(self.0 & !(7 << WAITING_AT) | code << WAITING_AT)
    }

    #[must_use]
    fn with_one_more(self, level: Priority) -> Self {
        Held(self.0 + (1 << (COUNT_BITS * level as u32)))
    }

    /// After a slot of that level is given back.
    #[must_use]
    pub(crate) fn with_one_less(self, level: Priority) -> Self {
        Held(self.0 - (1 << (COUNT_BITS * level as u32)))
    }
}

impl Slots {
    /// Slots that are kept for other levels and that those do not use.
    fn kept_from(&self, level: Priority, held: Held) -> u64 {
        let kept = |other: Priority| self.reserved[other as usize].saturating_sub(held.by(other));
        Priority::ALL.into_iter().filter(|other| *other != level).map(kept).sum()
    }

    /// A slot for a call of that level, if the formula gives it one.
    pub(crate) fn give(&self, held: Held, level: Priority) -> Option<Held> {
        let is_given = held.all() + self.kept_from(level, held) < self.max;
        is_given.then(|| held.with_one_more(level))
    }

    /// The same for a newcomer, who takes none while somebody of its own or a higher level waits that could have it.
    pub(crate) fn give_newcomer(&self, held: Held, level: Priority) -> Option<Held> {
        match held.waiting() {
            Some(waiting) if waiting >= level => None,
            _ => self.give(held, level),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Priority::{Bulk, Critical, Normal};

    fn slots(max: u64, critical: u64) -> Slots {
        Slots { max, reserved: [0, 0, 0, 0, critical] }
    }

    #[test]
    fn what_is_kept_for_a_level_is_given_to_it_alone() {
        let (slots, mut held) = (slots(3, 2), Held::default());
        held = slots.give(held, Bulk).expect("one is free for all");
        assert_eq!(slots.give(held, Normal), None);
        held = slots.give(held, Critical).expect("kept");
        held = slots.give(held, Critical).expect("kept");
        assert_eq!((slots.give(held, Critical), held.all(), held.by(Critical)), (None, 3, 2));
        held = held.with_one_less(Bulk);
        assert!(slots.give(held, Normal).is_some());
    }

    #[test]
    fn a_newcomer_does_not_pass_who_waits() {
        let (slots, held) = (slots(1, 0), Held::default().with_waiting(Some(Normal)));
        assert_eq!(held.waiting(), Some(Normal));
        assert_eq!(slots.give_newcomer(held, Normal), None);
        assert!(slots.give_newcomer(held, Critical).is_some());
        assert_eq!(held.with_waiting(None), Held::default());
    }
}
