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

/// A waiter's place. Names it for ever, also after it has ended; not checked to be of this queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ticket {
    at: u32,
    number: u64,
}

/// What there is of a ticket.
pub(crate) enum Found<E> {
    /// It waits, at this entry.
    Waits(u32),
    /// It had ended, and this is taken out: the next to ask finds nothing.
    Ended(E),
    Nothing,
}

enum Entry<A, E> {
    /// The next free one, or [`NONE`].
    Free(u32),
    Waits(Node<A>),
    Ended(u64, E),
}

struct Node<A> {
    number: u64,
    waiting: Waiting<A>,
    waker: Option<Waker>,
    older: u32,
    newer: u32,
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
    deadlines: Deadlines,
    /// Of the next waiter. Who has the lower number came first.
    next: u64,
}

impl<A, E: Copy> Queue<A, E> {
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

    fn node(&self, at: u32) -> &Node<A> {
        match &self.entries[at as usize] {
            Entry::Waits(node) => node,
            _ => unreachable!("only places of waiters are told"),
        }
    }

    fn node_mut(&mut self, at: u32) -> &mut Node<A> {
        match &mut self.entries[at as usize] {
            Entry::Waits(node) => node,
            _ => unreachable!("only places of waiters are told"),
        }
    }

    /// Lets a call wait behind those of its level.
    pub(crate) fn push(&mut self, waiting: Waiting<A>, waker: Option<Waker>) -> Ticket {
        let (number, level) = (self.next, waiting.level);
        self.next += 1;
        let due = (waiting.deadline, Reverse(level), number);
        let at = self.put(Entry::Waits(Node { number, waiting, waker, older: NONE, newer: NONE }));
        self.link(at, level);
        self.deadlines.insert(at, due);
        Ticket { at, number }
    }

    fn put(&mut self, entry: Entry<A, E>) -> u32 {
        self.used += 1;
        let at = self.first_free;
        match self.entries.get_mut(at as usize) {
            Some(place) => {
                let Entry::Free(next) = *place else { unreachable!("the free list holds free entries") };
                (*place, self.first_free) = (entry, next);
                at
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        }
    }

    /// Frees an entry. What it held is fetched before: it is large, and not moved about.
    fn free(&mut self, at: u32) {
        self.entries[at as usize] = Entry::Free(self.first_free);
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

    /// Ends a wait; how, stays until it is fetched. Answers who is to be woken.
    #[must_use = "who waits is to be woken"]
    pub(crate) fn end(&mut self, at: u32, end: E) -> Option<Waker> {
        self.unlink(at);
        self.deadlines.remove(at);
        let node = self.node_mut(at);
        let (number, waker) = (node.number, node.waker.take());
        self.entries[at as usize] = Entry::Ended(number, end);
        waker
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
        let is_it = |entry: &Entry<A, E>| matches!(entry, Entry::Waits(node) if node.number == ticket.number);
        self.entries.get(ticket.at as usize).is_some_and(is_it).then_some(ticket.at)
    }

    /// What became of a ticket.
    pub(crate) fn find(&mut self, ticket: Ticket) -> Found<E> {
        match self.entries.get(ticket.at as usize) {
            Some(Entry::Waits(node)) if node.number == ticket.number => Found::Waits(ticket.at),
            Some(Entry::Ended(number, end)) if *number == ticket.number => {
                let end = *end;
                self.free(ticket.at);
                Found::Ended(end)
            }
            _ => Found::Nothing,
        }
    }

    /// Who is to be woken when a wait ends.
    pub(crate) fn waker(&mut self, at: u32) -> &mut Option<Waker> {
        &mut self.node_mut(at).waker
    }
}
