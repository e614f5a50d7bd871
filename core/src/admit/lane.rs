//! A lane of a sliding window's ring: slots that are used by turns, and where the next turn is.
//!
//! ```text
//! head    0..16  the slot that is looked at first     16  out of order     17  known to be the oldest     18..64  version
//! slot    when a call was admitted, plus one; 0: never
//! ```
//!
//! The head only saves looking for the oldest slot. A thread moves it on before it writes the slot, so that nobody who
//! is interrupted in between makes others meet a slot of its own. What leaves a slot behind that is not in its place, a
//! call that is given back or a younger slot that is passed over, marks the lane as out of order; then a refusal looks
//! at all slots once, sets the head to the oldest, and later ones rely on it until a call is admitted.

use super::rate::SlidingWindow;
use crate::clock::Nanos;
use crate::sync::{AtomicU64, Ordering, load_to_swap};
use Ordering::{AcqRel, Acquire};

/// A lane's words, wherever they lie; all zeros are one that no call has used.
#[derive(Clone, Copy)]
pub(super) struct Lane<'a> {
    head: &'a AtomicU64,
    /// 1 to 65,536.
    slots: &'a [AtomicU64],
}

/// A call's slot, and what it takes to give it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) struct Taken {
    slot: u16,
    before: u64,
    mark: u64,
    /// The head as the call left it.
    left: Head,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head(u64);

const DISORDER: u64 = 1 << 16;
const OLDEST: u64 = 1 << 17;
const VERSION_AT: u32 = 18;
/// Of a slot's word, beside its time: younger than any call. No clock comes so far.
pub(super) const BLOCKED: u64 = 1 << 63;

impl Head {
    fn slot(self) -> usize {
        (self.0 & 0xFFFF) as usize
    }

    fn is_ordered(self) -> bool {
        self.0 & DISORDER == 0
    }

    fn is_oldest(self) -> bool {
        self.0 & OLDEST != 0
    }

    /// The head at that slot, of the next version; `flags` in place of those that it had.
    fn moved(self, slot: usize, flags: u64) -> Self {
        Head(((self.0 >> VERSION_AT) + 1) << VERSION_AT | flags | slot as u64)
    }

    fn flags(self) -> u64 {
        self.0 & DISORDER
    }
}

/// A head whose slot is free.
#[derive(Clone, Copy)]
pub(super) struct First {
    head: Head,
    before: u64,
}

/// What a look at a lane finds.
enum Found {
    Free {
        slot: usize,
        before: u64,
        next: Head,
    },
    /// All slots are taken, for so long at least.
    Full(Nanos),
    /// Others have moved the head meanwhile: that what they took is young says nothing of the slots behind.
    Moved,
    /// Only a look at all slots can tell.
    Unknown,
}

impl<'a> Lane<'a> {
    /// At least one slot, and no more than a head can tell apart.
    #[inline]
    pub(super) fn new(head: &'a AtomicU64, slots: &'a [AtomicU64]) -> Self {
        debug_assert!((1..=1 << 16).contains(&slots.len()), "a lane of {} slots", slots.len());
        Lane { head, slots }
    }

    /// Admits a call, or says how long there is no room for one.
    pub(super) fn take(&self, now: Nanos, window: Nanos) -> Result<Taken, Nanos> {
        let rule = self.rule(window);
        loop {
            let head = Head(load_to_swap(self.head));
            match self.find(head, now, &rule) {
                Found::Free { slot, before, next } => {
                    if let Some(taken) = self.claim(head, next, slot, before, now) {
                        return Ok(taken);
                    }
                }
                Found::Full(left) => return Err(left),
                Found::Moved => {}
                Found::Unknown => {
                    if let Some(found) = self.search(head, now, &rule) {
                        return found;
                    }
                }
            }
        }
    }

    /// The head's slot, where that is free.
    #[inline(always)]
    pub(super) fn first_free(&self, now: Nanos, window: Nanos) -> Option<First> {
        let head = Head(load_to_swap(self.head));
        let before = self.slots[head.slot()].load(Acquire);
        self.rule(window).busy_for(before, now).is_none().then_some(First { head, before })
    }

    /// Takes that slot, for good; `false` when it is another's by now.
    #[inline(always)]
    pub(super) fn take_free(&self, first: First, at: Nanos) -> bool {
        let First { head, before } = first;
        let slot = head.slot();
        self.claim(head, head.moved(self.after(slot), head.flags()), slot, before, at).is_some()
    }

    /// Whether there is room for a call, and if not, how long there is none. Changes nothing.
    pub(super) fn look(&self, now: Nanos, window: Nanos) -> Result<(), Nanos> {
        let rule = self.rule(window);
        loop {
            match self.find(Head(self.head.load(Acquire)), now, &rule) {
                Found::Free { .. } => return Ok(()),
                Found::Full(left) => return Err(left),
                Found::Moved => {}
                Found::Unknown => {
                    let (_, oldest) = self.oldest();
                    return oldest.and_then(|oldest| rule.busy_for(oldest, now)).map_or(Ok(()), Err);
                }
            }
        }
    }

    /// Takes a call back that was not made after all; `false` when its slot is another's by now.
    pub(super) fn give_back(&self, taken: Taken) -> bool {
        let slot = &self.slots[usize::from(taken.slot)];
        if slot.compare_exchange(taken.mark, taken.before, AcqRel, Acquire).is_err() {
            return false;
        }
        let mut head = Head(load_to_swap(self.head));
        loop {
            let next = if taken.left == head {
                head.moved(taken.slot.into(), head.flags())
            } else {
                head.moved(head.slot(), DISORDER)
            };
            match self.head.compare_exchange(head.0, next.0, AcqRel, Acquire) {
                Ok(_) => return true,
                Err(now) => head = Head(now),
            }
        }
    }

    /// Marks the lane as out of order.
    pub(super) fn shuffle(&self) {
        let mut head = Head(load_to_swap(self.head));
        loop {
            let next = head.moved(head.slot(), DISORDER);
            match self.head.compare_exchange(head.0, next.0, AcqRel, Acquire) {
                Ok(_) => return,
                Err(now) => head = Head(now),
            }
        }
    }

    #[inline]
    fn rule(&self, window: Nanos) -> SlidingWindow {
        SlidingWindow { limit: self.slots.len() as u64, window }
    }

    #[inline]
    fn after(&self, slot: usize) -> usize {
        if slot + 1 == self.slots.len() { 0 } else { slot + 1 }
    }

    /// Looks at the head's slot and, where that is taken, at the next: the head may stand on a slot that is younger.
    #[inline]
    fn find(&self, head: Head, now: Nanos, rule: &SlidingWindow) -> Found {
        let slot = head.slot();
        let before = self.slots[slot].load(Acquire);
        let Some(left) = rule.busy_for(before, now) else {
            return Found::Free { slot, before, next: head.moved(self.after(slot), head.flags()) };
        };
        let second = self.after(slot);
        let before = self.slots[second].load(Acquire);
        match rule.busy_for(before, now) {
            None => Found::Free { slot: second, before, next: head.moved(self.after(second), DISORDER) },
            // Whoever wrote what was read here had moved the head before.
            Some(_) if self.head.load(Acquire) != head.0 => Found::Moved,
            Some(other) if head.is_ordered() || head.is_oldest() => Found::Full(left.min(other)),
            Some(_) => Found::Unknown,
        }
    }

    /// Moves the head on and writes the slot; `None` when somebody else did either.
    #[inline]
    fn claim(&self, head: Head, next: Head, slot: usize, before: u64, now: Nanos) -> Option<Taken> {
        self.head.compare_exchange(head.0, next.0, AcqRel, Acquire).ok()?;
        let mark = SlidingWindow::mark(now);
        self.slots[slot].compare_exchange(before, mark, AcqRel, Acquire).ok()?;
        Some(Taken { slot: slot as u16, before, mark, left: next })
    }

    /// Looks at all slots of a lane that is out of order, and sets the head to the oldest; `None` when somebody has moved
    /// the head meanwhile.
    #[cold]
    fn search(&self, head: Head, now: Nanos, rule: &SlidingWindow) -> Option<Result<Taken, Nanos>> {
        let (slot, oldest) = self.oldest();
        let before = oldest.unwrap_or(0);
        let Some(left) = rule.busy_for(before, now) else {
            let next = head.moved(self.after(slot), DISORDER);
            return self.claim(head, next, slot, before, now).map(Ok);
        };
        let flags = OLDEST | if self.is_sorted_from(slot) { 0 } else { DISORDER };
        let next = head.moved(slot, flags);
        self.head.compare_exchange(head.0, next.0, AcqRel, Acquire).ok().map(|_| Err(left))
    }

    /// The slot that becomes free first, and what it has.
    fn oldest(&self) -> (usize, Option<u64>) {
        let all = self.slots.iter().enumerate().map(|(i, slot)| (i, slot.load(Acquire)));
        let oldest = all.min_by_key(|(_, mark)| *mark);
        (oldest.map_or(0, |(i, _)| i), oldest.map(|(_, mark)| mark))
    }

    fn is_sorted_from(&self, first: usize) -> bool {
        let (end, start) = self.slots.split_at(first);
        let marks = || start.iter().chain(end).map(|slot| slot.load(Acquire));
        marks().is_sorted() && marks().all(|mark| mark & BLOCKED == 0)
    }
}
