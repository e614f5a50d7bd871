//! What lies behind the lock of slots: who has them when the word does not say, who waits, and the rules by which slots
//! are given and waits end. Sequential; `slots` holds the lock, and calls the wakers when it is free.

use super::bulkhead::{Counts, Slots, Tally};
use super::priority::Priority;
use super::queue::{Queue, Ticket, Waiting};
use super::wake::Wakers;
use crate::clock::{Nanos, Near};
use crate::fork;

/// What a call that would wait is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a slot must be given back, and a ticket cancelled or fetched"]
pub(crate) enum Asked<R> {
    Taken(Slot),
    /// There is none, and it waits.
    Waits(Ticket),
    /// There is none, and no room to wait.
    Full,
    /// There is none, and a gate refuses it.
    Refused(R),
    /// There is none, and by what has changed meanwhile the call is not to wait for one: it is to ask once more.
    Again,
    Closed,
}

/// What the caller knows and a grant needs. Called with the lock held: not to come back to the bulkhead. A panic leaves
/// the bulkhead whole; who would have been granted waits on.
pub(crate) trait Gates<A, T, R> {
    /// The time; `near` is for whose clock is dear, and nobody else's.
    fn now(&mut self, near: &mut Near) -> Nanos;

    /// The time to the nanosecond: who comes in time must not hear that it is too early.
    fn exactly(&mut self) -> Nanos {
        self.now(&mut Near::default())
    }

    /// Looks, right before a call of that level begins to wait, whether it may: what is refused here does not wait, nor what
    /// is to ask once more, `None`. Whatever would end its wait comes either before this, and is seen, or after it has its
    /// place.
    fn look(&mut self, level: Priority) -> Result<(), Option<R>>;

    /// Looks at every other gate again and takes what is to be taken, for a waiter that `slot` is there for, and writes
    /// what the waiter is given. When it refuses, the waiter is refused with that and the slot is the next one's.
    fn take(&mut self, waiting: &Waiting<A>, slot: Slot, given: &mut T) -> Result<(), R>;

    /// A wait ended without a grant, for counting; cancelled ones are not told.
    fn ended(&mut self, waiting: &Waiting<A>, how: Without<R>);
}

/// How a wait ends without a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Without<R> {
    /// By a gate at the grant, displaced, or flushed.
    Refused(R),
    TimedOut,
    Closed,
}

/// How a wait ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a grant that nobody uses must be undone"]
pub(crate) enum End<T, R> {
    /// What `Gates::take` gave; the slot is the waiter's until it is given back.
    Granted(Slot, T),
    /// Let go without a slot.
    Passed(T),
    Not(Without<R>),
    /// The ticket names nobody: how it ended was fetched before, or this is a child and the parent's call waits.
    Gone,
}

impl<T: Copy, R> End<&T, R> {
    /// With what was given.
    pub(crate) fn copied(self) -> End<T, R> {
        match self {
            End::Granted(slot, given) => End::Granted(slot, *given),
            End::Passed(given) => End::Passed(*given),
            End::Not(how) => End::Not(how),
            End::Gone => End::Gone,
        }
    }
}

/// How a wait has ended, until that is fetched.
pub(crate) struct Ended<T, R> {
    how: How<R>,
    given: T,
}

#[derive(Clone, Copy)]
enum How<R> {
    Granted(Slot),
    Passed,
    Not(Without<R>),
}

impl<T: Default, R> Default for Ended<T, R> {
    fn default() -> Self {
        Ended { how: How::Passed, given: T::default() }
    }
}

impl<T, R: Copy> Ended<T, R> {
    #[inline]
    pub(crate) fn end(&self) -> End<&T, R> {
        match self.how {
            How::Granted(slot) => End::Granted(slot, &self.given),
            How::Passed => End::Passed(&self.given),
            How::Not(how) => End::Not(how),
        }
    }
}

/// A slot that somebody has: a level, and the process, modulo 32, that it was taken in. Not given back when dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(u8);

impl Slot {
    #[inline]
    pub(crate) fn new(level: Priority, process: u32) -> Self {
        Slot((process as u8) << 3 | level as u8)
    }

    /// The level it is counted under.
    #[inline]
    pub(crate) fn level(self) -> Priority {
        match self.0 & 7 {
            0 => Priority::Bulk,
            1 => Priority::Low,
            2 => Priority::Normal,
            3 => Priority::High,
            _ => Priority::Critical,
        }
    }

    /// For keeping it in a permit.
    #[inline]
    pub(crate) fn code(self) -> u8 {
        self.0
    }

    /// From [`code`](Self::code).
    #[inline]
    pub(crate) fn of_code(code: u8) -> Self {
        Slot(code)
    }
}

/// The table of slots, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    /// `bulkhead`.
    Slots(Slots),
    /// `concurrency_limit`: shares, in ten-thousandths, of a limit that moves.
    Shares(u64, Counts),
}

impl Table {
    pub(crate) fn slots(&self) -> Slots {
        match self {
            Table::Slots(slots) => *slots,
            Table::Shares(max, shares) => Slots::of_shares(*max, shares),
        }
    }
}

/// A bulkhead at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// Who has slots, by level.
    pub in_flight: Counts,
    /// Who waits, by level.
    pub queued: Counts,
    /// The table in force.
    pub slots: Slots,
    /// When the next wait is due.
    pub next_due: Option<Nanos>,
}

/// What the lock is for.
pub(crate) struct Line<A, T, R> {
    /// Who has slots, while the word says that this is known here.
    pub held: Tally,
    pub table: Table,
    pub slots: Slots,
    pub queue: Queue<A, Ended<T, R>>,
    pub is_closed: bool,
    pub near: Near,
}

impl<A: Copy + Default, T: Default, R: Copy> Line<A, T, R> {
    /// A slot for a newcomer, unless the formula has none or a waiter of its own or a higher level could take it.
    #[inline]
    pub(crate) fn take(&mut self, level: Priority) -> Option<Slot> {
        if self.held.total() >= self.slots.max { None } else { self.take_of_free(level) }
    }

    #[inline(never)]
    fn take_of_free(&mut self, level: Priority) -> Option<Slot> {
        let is_given = self.slots.admits(&self.held, level) && self.is_first(level);
        is_given.then(|| {
            self.held.add(level);
            Slot::new(level, fork::process())
        })
    }

    /// Whether no waiter of that or a higher level could take a slot.
    fn is_first(&self, level: Priority) -> bool {
        self.queue.len() == 0 || self.first_admitted().is_none_or(|at| self.queue.waiting(at).level < level)
    }

    /// The first waiter in order whom the formula admits.
    #[inline]
    fn first_admitted(&self) -> Option<u32> {
        if self.slots.has_reserved() {
            return self.first_with_reservations();
        }
        if self.held.total() < self.slots.max { self.queue.first() } else { None }
    }

    #[cold]
    fn first_with_reservations(&self) -> Option<u32> {
        let first = |level| self.queue.oldest(level).filter(|_| self.slots.admits(&self.held, level));
        Priority::ALL.into_iter().rev().find_map(first)
    }

    /// Gives free slots to who waits.
    pub(crate) fn grant(&mut self, gates: &mut impl Gates<A, T, R>, wakers: &mut Wakers<'_>) {
        if self.queue.len() == 0 {
            return;
        }
        let now = gates.now(&mut self.near);
        self.end_due(now, gates, wakers);
        while self.queue.len() > 0
            && let Some(at) = self.first_admitted()
        {
            let (waiting, end) = self.queue.waiting_and_end(at);
            let (level, slot) = (waiting.level, Slot::new(waiting.level, fork::process()));
            match gates.take(waiting, slot, &mut end.given) {
                Ok(()) => {
                    end.how = How::Granted(slot);
                    self.held.add(level);
                    wakers.add(self.queue.end(at));
                }
                Err(refused) => self.end(at, Without::Refused(refused), gates, wakers),
            }
        }
    }

    pub(crate) fn end(
        &mut self,
        at: u32,
        how: Without<R>,
        gates: &mut impl Gates<A, T, R>,
        wakers: &mut Wakers<'_>,
    ) {
        let (waiting, end) = self.queue.waiting_and_end(at);
        let waiting = *waiting;
        end.how = How::Not(how);
        wakers.add(self.queue.end(at));
        gates.ended(&waiting, how);
    }

    pub(crate) fn end_due(&mut self, now: Nanos, gates: &mut impl Gates<A, T, R>, wakers: &mut Wakers<'_>) {
        while let Some((_, at)) = self.queue.first_due().filter(|(deadline, _)| *deadline <= now) {
            self.end(at, Without::TimedOut, gates, wakers);
        }
    }

    /// Ends a wait without a slot, and lets the call go on.
    pub(crate) fn let_go(
        &mut self,
        at: u32,
        give: &mut impl FnMut(&Waiting<A>) -> T,
        wakers: &mut Wakers<'_>,
    ) {
        let (waiting, end) = self.queue.waiting_and_end(at);
        *end = Ended { how: How::Passed, given: give(waiting) };
        wakers.add(self.queue.end(at));
    }

    /// Ends the waits of some levels: the higher level first, the older first.
    pub(crate) fn end_all(
        &mut self,
        how: Without<R>,
        is_meant: impl Fn(&Priority) -> bool,
        gates: &mut impl Gates<A, T, R>,
        wakers: &mut Wakers<'_>,
    ) {
        for level in Priority::ALL.into_iter().rev().filter(is_meant) {
            while let Some(at) = self.queue.oldest(level) {
                self.end(at, how, gates, wakers);
            }
        }
    }
}
