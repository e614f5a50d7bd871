//! The queue of calls that wait for a slot (policies §4): who stands where, and how each wait ended. Sequential;
//! `slots` has it behind a lock and decides.
//!
//! A level's waiters are a list through the entries, oldest first, so that whoever leaves does so at once; when each is
//! due is in a heap. Entries are used again, and an ended wait keeps its own until somebody fetches how it ended.

use super::deadlines::Deadlines;
use super::priority::{LEVELS, Priority};
use crate::clock::Nanos;
use std::cmp::Reverse;
use std::task::Waker;

/// A call that waits, or is about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting<A> {
    pub level: Priority,
    /// The first instant at which it waits no longer.
    pub deadline: Nanos,
    /// When it came.
    pub since: Nanos,
    /// What else the gates must know of it.
    pub ask: A,
}

impl<A: Default> Default for Waiting<A> {
    fn default() -> Self {
        Waiting { level: Priority::Bulk, deadline: 0, since: 0, ask: A::default() }
    }
}

/// A waiter's place, in one word: the low half of its number, a mark that is its holder's, and its entry. Names it also
/// after it has ended, until four thousand million others have come; not checked to be of this queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ticket(u64);

impl Ticket {
    const MARK: u64 = 1 << 31;

    #[inline]
    fn new(number: u64, at: u32) -> Self {
        Ticket(number << 32 | u64::from(at))
    }

    #[inline]
    fn at(self) -> u32 {
        (self.0 & (Self::MARK - 1)) as u32
    }

    #[inline]
    fn is_of(self, number: u64) -> bool {
        self.0 >> 32 == number & u64::from(u32::MAX)
    }

    /// The same, marked or not.
    #[inline]
    #[must_use]
    pub(crate) fn marked(self, is_marked: bool) -> Self {
        Ticket(self.0 & !Self::MARK | if is_marked { Self::MARK } else { 0 })
    }

    #[inline]
    pub(crate) fn is_marked(self) -> bool {
        self.0 & Self::MARK != 0
    }
}

/// What there is of a ticket.
pub(crate) enum Found {
    /// It waits, at this entry.
    Waits(u32),
    /// It has ended; this entry says how, and is to be freed once that is known.
    Ended(u32),
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Free,
    Waits,
    Ended,
}

/// A waiter, and how its wait has ended: written field by field where it lies. What is that large and is passed on by
/// value is copied at each step, in other pieces than it was written in.
struct Entry<A, E> {
    /// Of its last waiter.
    number: u64,
    stage: Stage,
    older: u32,
    /// Of a free one the next that is free, or [`NONE`].
    newer: u32,
    waker: Option<Waker>,
    waiting: Waiting<A>,
    end: E,
}

const NONE: u32 = u32::MAX;

/// Waiters of one level.
#[derive(Clone, Copy)]
struct List {
    oldest: u32,
    newest: u32,
    len: u64,
}

/// An idle queue gives the memory of more entries than these back.
const KEPT: usize = 1_024;

pub(crate) struct Queue<A, E> {
    entries: Vec<Entry<A, E>>,
    /// The first free one, or [`NONE`].
    first_free: u32,
    /// Entries that are not free.
    used: usize,
    /// Entries of waiters.
    len: u64,
    levels: [List; LEVELS],
    /// A bit for each level that anybody waits in.
    waiting_levels: u8,
    deadlines: Deadlines,
    /// Of the next waiter. Who has the lower number came first.
    next: u64,
}

impl<A: Copy + Default, E: Default> Queue<A, E> {
    pub(crate) fn new() -> Self {
        Queue::from_number(0)
    }

    fn from_number(next: u64) -> Self {
        let levels = [List { oldest: NONE, newest: NONE, len: 0 }; LEVELS];
        Queue {
            entries: Vec::new(),
            first_free: NONE,
            used: 0,
            len: 0,
            levels,
            waiting_levels: 0,
            deadlines: Deadlines::default(),
            next,
        }
    }

    /// Empty; tickets of the old one name nobody. Answers what was there.
    pub(crate) fn renew(&mut self) -> Self {
        std::mem::replace(self, Queue::from_number(self.next))
    }

    /// How many wait, by level.
    pub(crate) fn counts(&self) -> [u64; LEVELS] {
        self.levels.map(|list| list.len)
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Who came first of the highest level that anybody waits in.
    #[inline]
    pub(crate) fn first(&self) -> Option<u32> {
        let highest = self.waiting_levels.checked_ilog2()?;
        self.levels.get(highest as usize).map(|list| list.oldest)
    }

    /// Who came first of that level.
    pub(crate) fn oldest(&self, level: Priority) -> Option<u32> {
        Some(self.levels[level as usize].oldest).filter(|at| *at != NONE)
    }

    /// Who came last of the lowest level that anybody waits in, if that is below `level`.
    pub(crate) fn newest_below(&self, level: Priority) -> Option<u32> {
        let lists = &self.levels[..level as usize];
        lists.iter().map(|list| list.newest).find(|at| *at != NONE)
    }

    /// Who is due first, and when.
    pub(crate) fn first_due(&self) -> Option<(Nanos, u32)> {
        self.deadlines.first()
    }

    /// A waiter.
    pub(crate) fn waiting(&self, at: u32) -> &Waiting<A> {
        &self.node(at).waiting
    }

    /// A waiter, and where to write how its wait ends.
    #[inline]
    pub(crate) fn waiting_and_end(&mut self, at: u32) -> (&Waiting<A>, &mut E) {
        let entry = self.node_mut(at);
        (&entry.waiting, &mut entry.end)
    }

    /// How a wait has ended.
    #[inline]
    pub(crate) fn how_ended(&self, at: u32) -> &E {
        &self.entries[at as usize].end
    }

    #[inline]
    fn node(&self, at: u32) -> &Entry<A, E> {
        let entry = &self.entries[at as usize];
        debug_assert_eq!(entry.stage, Stage::Waits, "only places of waiters are told");
        entry
    }

    #[inline]
    fn node_mut(&mut self, at: u32) -> &mut Entry<A, E> {
        let entry = &mut self.entries[at as usize];
        debug_assert_eq!(entry.stage, Stage::Waits, "only places of waiters are told");
        entry
    }

    /// Lets a call wait behind those of its level, as `write` says.
    #[inline]
    pub(crate) fn push(&mut self, write: impl FnOnce(&mut Waiting<A>), waker: Option<Waker>) -> Ticket {
        let (number, at) = (self.next, self.take_free());
        self.next += 1;
        let entry = &mut self.entries[at as usize];
        (entry.number, entry.stage, entry.waker) = (number, Stage::Waits, waker);
        write(&mut entry.waiting);
        let (deadline, level) = (entry.waiting.deadline, entry.waiting.level);
        self.link(at, level);
        self.deadlines.insert(at, (deadline, Reverse(level), number));
        Ticket::new(number, at)
    }

    #[inline]
    fn take_free(&mut self) -> u32 {
        self.used += 1;
        let at = self.first_free;
        let Some(entry) = self.entries.get(at as usize) else { return self.add() };
        self.first_free = entry.newer;
        at
    }

    #[cold]
    fn add(&mut self) -> u32 {
        let (waiting, end) = (Waiting::default(), E::default());
        let (stage, older, newer, waker) = (Stage::Free, NONE, NONE, None);
        self.entries.push(Entry { number: 0, stage, older, newer, waker, waiting, end });
        self.entries.len() as u32 - 1
    }

    /// Frees an entry that nobody waits in.
    #[inline]
    pub(crate) fn free(&mut self, at: u32) {
        let entry = &mut self.entries[at as usize];
        (entry.stage, entry.newer) = (Stage::Free, self.first_free);
        (self.first_free, self.used) = (at, self.used - 1);
        if self.used == 0 && self.entries.len() > KEPT {
            self.renew();
        }
    }

    /// Puts an entry at the end of a level's list.
    fn link(&mut self, at: u32, level: Priority) {
        let older = self.levels[level as usize].newest;
        (self.node_mut(at).older, self.node_mut(at).newer) = (older, NONE);
        if older == NONE {
            self.levels[level as usize].oldest = at;
        } else {
            self.node_mut(older).newer = at;
        }
        let list = &mut self.levels[level as usize];
        (list.newest, list.len) = (at, list.len + 1);
        self.waiting_levels |= 1 << level as u8;
        self.len += 1;
    }

    fn unlink(&mut self, at: u32) {
        let node = self.node(at);
        let (older, newer, level) = (node.older, node.newer, node.waiting.level as usize);
        if older == NONE {
            self.levels[level].oldest = newer;
        } else {
            self.node_mut(older).newer = newer;
        }
        if newer == NONE {
            self.levels[level].newest = older;
        } else {
            self.node_mut(newer).older = older;
        }
        self.levels[level].len -= 1;
        self.waiting_levels &= !(u8::from(self.levels[level].len == 0) << level);
        self.len -= 1;
    }

    /// Puts a waiter at the end of a level; it keeps its age and its deadline.
    pub(crate) fn raise(&mut self, at: u32, level: Priority) {
        self.unlink(at);
        self.deadlines.remove(at);
        let node = self.node_mut(at);
        node.waiting.level = level;
        let due = (node.waiting.deadline, Reverse(level), node.number);
        self.link(at, level);
        self.deadlines.insert(at, due);
    }

    /// Ends a wait; how, was written, and stays until it is fetched. Answers who is to be woken.
    #[must_use = "who waits is to be woken"]
    pub(crate) fn end(&mut self, at: u32) -> Option<Waker> {
        self.unlink(at);
        self.deadlines.remove(at);
        let entry = self.node_mut(at);
        entry.stage = Stage::Ended;
        entry.waker.take()
    }

    /// Takes a waiter out as if it had never come. Answers its waker, to be dropped where code of others may run.
    pub(crate) fn strike_off(&mut self, at: u32) -> Option<Waker> {
        self.unlink(at);
        self.deadlines.remove(at);
        let waker = self.node_mut(at).waker.take();
        self.free(at);
        waker
    }

    /// Where a ticket's waiter stands, if it waits.
    pub(crate) fn place(&self, ticket: Ticket) -> Option<u32> {
        match self.find(ticket) {
            Found::Waits(at) => Some(at),
            Found::Ended(_) | Found::Nothing => None,
        }
    }

    /// What became of a ticket.
    #[inline]
    pub(crate) fn find(&self, ticket: Ticket) -> Found {
        let at = ticket.at();
        match self.entries.get(at as usize).filter(|entry| ticket.is_of(entry.number)) {
            Some(Entry { stage: Stage::Waits, .. }) => Found::Waits(at),
            Some(Entry { stage: Stage::Ended, .. }) => Found::Ended(at),
            _ => Found::Nothing,
        }
    }

    /// Who is to be woken when a wait ends.
    pub(crate) fn waker(&mut self, at: u32) -> &mut Option<Waker> {
        &mut self.node_mut(at).waker
    }
}
