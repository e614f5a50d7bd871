//! The sliding window's ring: when the last `limit` calls were admitted (policies §2).
//!
//! A call is admitted by replacing a slot that is free, by compare-and-swap, with its own time. So the times that one
//! slot has had are a window apart, and no span of a window has more of them than there are slots: whatever a head
//! says, in whatever order threads come, and however their clocks differ.
//!
//! A large ring is cut into lanes, each with a head on a line of its own, so that threads that begin at different ones
//! do not wait for each other. Whose lane is full looks at the others: a call is refused when all of them are full.
//!
//! ```text
//! turn     where threads begin: a hint, and nothing hangs on it        a large ring's alone, with the rest of its line
//! heads    one for each lane, in a large ring each with the rest of its line
//! slots    of all lanes, one after the other: see `lane`
//! ```
//!
//! A limit that is lowered by hand blocks slots: those that are free, then those that will be first. A blocked slot keeps
//! its time, so that a limit that is raised again finds the calls that were admitted before: the youngest come back first.

use super::lane::{self, BLOCKED, Lane};
use super::rate::SlidingWindow;
use crate::clock::Nanos;
use crate::sync::{AtomicU64, Ordering};
use crate::thread;
use Ordering::{AcqRel, Acquire, Relaxed};

/// The ring's words, wherever they lie; all zeros are a ring that no call has used.
#[derive(Clone, Copy)]
pub(crate) struct Ring<'a> {
    /// The turn, if there are several lanes, and the heads.
    heads: &'a [AtomicU64],
    /// As many as the limit, 1 to 65,536.
    slots: &'a [AtomicU64],
    /// How often the slots were halved.
    halvings: u32,
}

/// A call's slot, and what it takes to give it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Taken {
    lane: u8,
    taken: lane::Taken,
}

/// A slot that a call may take.
#[derive(Clone, Copy)]
pub(crate) struct First<'a> {
    lane: Lane<'a>,
    first: lane::First,
}

/// Words of a line.
const LINE: usize = 8;

/// Slots of a lane, at least, in a ring that is cut into some: who makes so few calls a window does not meet others often.
#[cfg(not(loom))]
const LEAST: usize = 512;
#[cfg(loom)]
const LEAST: usize = 2;

/// Lanes at most, as halvings: a refusal looks at each of them.
const MOST: u32 = 3;

/// How often the slots of a ring of that limit are halved.
pub(crate) const fn halvings(limit: u64) -> u32 {
    let mut halvings = 0;
    while halvings < MOST && limit as usize >= LEAST << (halvings + 1) {
        halvings += 1;
    }
    halvings
}

/// Words before the slots.
pub(crate) const fn words_before(halvings: u32) -> usize {
    if halvings == 0 { 1 } else { LINE * (1 + (1 << halvings)) }
}

impl First<'_> {
    /// Takes the slot, for good; `false` when it is another's by now.
    #[inline(always)]
    pub(crate) fn take(self, at: Nanos) -> bool {
        self.lane.take_free(self.first, at)
    }
}

impl<'a> Ring<'a> {
    /// How many words a ring of that limit needs.
    pub(crate) const fn words(limit: u64) -> usize {
        words_before(halvings(limit)) + limit as usize
    }

    /// Over as many words as [`words`](Ring::words) says, whose slots are halved as often as [`halvings`] says.
    ///
    /// # Panics
    /// Without a word for each head.
    #[inline]
    pub(crate) fn new(words: &'a [AtomicU64], halvings: u32) -> Self {
        let (heads, slots) = words.split_at(words_before(halvings));
        Ring { heads, slots, halvings }
    }

    fn lanes(&self) -> usize {
        1 << self.halvings
    }

    /// The last one has what the others leave.
    #[inline]
    fn lane(&self, at: usize) -> Lane<'a> {
        if self.halvings == 0 {
            return Lane::new(&self.heads[0], self.slots);
        }
        let (length, is_last) = (self.slots.len() >> self.halvings, at + 1 == self.lanes());
        let end = if is_last { self.slots.len() } else { (at + 1) * length };
        Lane::new(&self.heads[LINE * (1 + at)], &self.slots[at * length..end])
    }

    fn all(&self) -> impl Iterator<Item = Lane<'a>> {
        (0..self.lanes()).map(|at| self.lane(at))
    }

    /// The lane that the calling thread looks at first.
    #[inline]
    fn first(&self) -> usize {
        match self.halvings {
            0 => 0,
            _ => {
                (thread::number() as usize).wrapping_add(self.heads[0].load(Relaxed) as usize)
                    & (self.lanes() - 1)
            }
        }
    }

    /// Lets threads begin so many lanes further on. Not added in one step: it is a hint.
    fn turn(&self, by: usize) {
        let turn = self.heads[0].load(Relaxed);
        self.heads[0].store((turn + by as u64) & (self.lanes() - 1) as u64, Relaxed);
    }

    /// Admits a call, or says how long there is no room for one.
    pub(crate) fn take(&self, now: Nanos, window: Nanos) -> Result<Taken, Nanos> {
        let (first, mut least) = (self.first(), Nanos::MAX);
        for by in 0..self.lanes() {
            let at = (first + by) & (self.lanes() - 1);
            match self.lane(at).take(now, window) {
                Ok(taken) => {
                    if by > 0 {
                        self.turn(by);
                    }
                    return Ok(Taken { lane: at as u8, taken });
                }
                Err(left) => least = least.min(left),
            }
        }
        Err(least)
    }

    /// The slot that the calling thread would take, where that is free.
    #[inline(always)]
    pub(crate) fn first_free(&self, now: Nanos, window: Nanos) -> Option<First<'a>> {
        let lane = self.lane(self.first());
        lane.first_free(now, window).map(|first| First { lane, first })
    }

    /// Whether there is room for a call, and if not, how long there is none. Changes nothing.
    pub(crate) fn look(&self, now: Nanos, window: Nanos) -> Result<(), Nanos> {
        let mut least = Nanos::MAX;
        for lane in self.all() {
            least = least.min(match lane.look(now, window) {
                Ok(()) => return Ok(()),
                Err(left) => left,
            });
        }
        Err(least)
    }

    /// For how many calls there is room.
    pub(crate) fn available(&self, now: Nanos, window: Nanos) -> u64 {
        let rule = SlidingWindow { limit: self.slots.len() as u64, window };
        let is_free = |slot: &&AtomicU64| rule.busy_for(slot.load(Acquire), now).is_none();
        self.slots.iter().filter(is_free).count() as u64
    }

    /// Takes a call back that was not made after all; `false` when its slot is another's by now.
    pub(crate) fn give_back(&self, taken: Taken) -> bool {
        self.lane(taken.lane.into()).give_back(taken.taken)
    }

    /// Leaves as many slots as that, at least one and at most all. By one thread at a time.
    pub(crate) fn set_limit(&self, limit: u64) {
        let blocked = self.slots.len().saturating_sub(limit.max(1) as usize);
        self.all().for_each(|lane| lane.shuffle());
        loop {
            let marks = self.slots.iter().map(|slot| (slot.load(Acquire), slot));
            let (mut held_back, mut left): (Vec<_>, Vec<_>) =
                marks.partition(|(mark, _)| mark & BLOCKED != 0);
            let chosen = match held_back.len().checked_sub(blocked) {
                Some(0) => break,
                Some(more) => {
                    held_back.sort_unstable_by_key(|(mark, _)| std::cmp::Reverse(*mark));
                    held_back.into_iter().take(more)
                }
                None => {
                    let missing = blocked - held_back.len();
                    left.sort_unstable_by_key(|(mark, _)| *mark);
                    left.into_iter().take(missing)
                }
            };
            chosen.for_each(|(mark, slot)| {
                let _ = slot.compare_exchange(mark, mark ^ BLOCKED, AcqRel, Acquire);
            });
        }
        self.all().for_each(|lane| lane.shuffle());
    }
}
