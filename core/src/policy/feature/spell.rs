//! One feature's word: its state with the outcomes of its calls in this state, and how many others there were before.
//!
//! ```text
//! bit  0..50   outcomes, the newest in bit 0; 1: a success
//!     50..56   how many they are
//!     56..58   state: enabled 0, testing 1, disabled 2
//!     58..64   tag: another one for each spell in a state
//! ```
//!
//! State and outcomes change together, by compare-and-swap, so an outcome never counts in a spell other than the one that
//! it met, and a test is judged by all the outcomes that it had.

use super::{FeatureState, Health};

const OUTCOMES: u32 = 50;
const OUTCOME_MASK: u64 = (1 << OUTCOMES) - 1;
const NUMBER_AT: u32 = OUTCOMES;
const NUMBER_MASK: u64 = (1 << 6) - 1;
const STATE_AT: u32 = 56;
const TAG_AT: u32 = 58;

/// A value of the word. All zeros: enabled, without outcomes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spell(pub u64);

impl Spell {
    pub(crate) const fn state(self) -> FeatureState {
        match self.0 >> STATE_AT & 3 {
            0 => FeatureState::Enabled,
            1 => FeatureState::Testing,
            _ => FeatureState::Disabled,
        }
    }

    const fn total(self) -> u64 {
        self.0 >> NUMBER_AT & NUMBER_MASK
    }

    pub(crate) const fn health(self) -> Health {
        Health { successes: (self.0 & OUTCOME_MASK).count_ones() as u64, total: self.total() }
    }

    /// The same with one more outcome; of more than 50 the oldest is forgotten.
    #[must_use]
    pub(crate) const fn with(self, failed: bool) -> Self {
        let total = if self.total() < OUTCOMES as u64 { self.total() + 1 } else { OUTCOMES as u64 };
        let outcomes = (self.0 << 1 | !failed as u64) & OUTCOME_MASK;
        Spell(self.0 >> STATE_AT << STATE_AT | total << NUMBER_AT | outcomes)
    }

    /// The spell that follows, in another state.
    #[must_use]
    pub(crate) const fn next(self, state: FeatureState) -> Self {
        let tag = (self.0 >> TAG_AT).wrapping_add(1);
        Spell(tag << TAG_AT | (state as u64) << STATE_AT)
    }

    /// Whether both are of one spell.
    pub(crate) const fn is_of(self, other: Spell) -> bool {
        self.0 >> STATE_AT == other.0 >> STATE_AT
    }
}

impl std::fmt::Debug for Spell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Health { successes, total } = self.health();
        write!(f, "{} {successes}/{total} #{}", self.state(), self.0 >> TAG_AT)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_word_remembers_the_last_fifty_outcomes() {
        let mut spell = Spell(0).next(FeatureState::Testing);
        let mut all = Vec::new();
        for n in 0..200u64 {
            let failed = n * n % 7 < 3;
            all.push(!failed);
            let before = spell;
            spell = spell.with(failed);
            let last = &all[all.len().saturating_sub(50)..];
            let successes = last.iter().filter(|good| **good).count() as u64;
            assert_eq!(spell.health(), Health { successes, total: last.len() as u64 });
            assert!(spell.is_of(before) && spell.state() == FeatureState::Testing);
        }
    }

    #[test]
    fn fifty_successes_are_not_changed_by_another() {
        let full = (0..50).fold(Spell(0), |spell, _| spell.with(false));
        assert_eq!(full.with(false), full);
    }

    #[test]
    fn each_spell_differs_from_the_one_before_and_begins_without_outcomes() {
        let mut spell = Spell(0);
        for n in 0..200 {
            let next = spell.with(n % 3 == 0).next(FeatureState::ALL[n % 3]);
            assert!(!next.is_of(spell) && next.health() == Health::default());
            assert_eq!(next.state(), FeatureState::ALL[n % 3]);
            spell = next;
        }
    }
}
