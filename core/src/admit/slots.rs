//! Slots and the calls that wait for one (policies §4), for `bulkhead` and `concurrency_limit`: a structure of one
//! process.
//!
//! **The word.** While nobody waits, the counts of who has slots are in one word: a call takes a slot, and gives it
//! back, with one compare-and-swap. Who is about to wait, and whoever changes more than a count, takes the lock and
//! moves the counts behind it, in one step by which the word says so: every later call comes to the lock, and every
//! earlier one has been counted. So a slot that became free before is seen, and one that becomes free later finds who
//! waits. When nobody waits any more the counts go back into the word. More of them than it has room for stay behind the
//! lock until half of that would fit: exact, and slower, from 4,096 calls in flight on.
//!
//! **Transfer.** A slot that is given back goes to the first waiter in order whom the formula admits before the lock is
//! free again; no newcomer comes between. So nobody who waits could be given one while nobody has the lock, and a
//! newcomer asks the formula alone.
//!
//! **Gates.** What else a grant needs, the rest of the gates, the caller brings as [`Gates`]. It is called with the lock
//! held: it must not come back to the same bulkhead, and should not run code of others. Wakers are called when the lock
//! is free.
//!
//! **Forks.** A child has none of the threads that had slots or waited, and its slots are its own: with the first thing
//! it does, nobody has a slot and nobody waits. A slot that its one thread took before the fork is the parent's; given
//! back in the child it changes nothing, and a ticket from before names nobody there. What lies in the waiters' entries
//! is left where it is, not dropped: their wakers belong to runtimes whose threads are gone. The table of slots stays.

use super::bulkhead::{Held, MOST, Slots, Tally};
use super::limits::Limits;
use super::line::Line;
pub(crate) use super::line::{Asked, End, Gates, Look, Slot, Table, Without};
use super::priority::Priority;
use super::queue::{Found, Queue, Ticket, Waiting};
use super::wake::Wakers;
use crate::clock::{Nanos, Near};
use crate::fork;
use crate::lock::ProcessMutex;
use crate::name::Name;
use crate::sync::{AtomicU64, Ordering, UnmodelledU64, load_to_swap};
use std::task::{Context, Poll, Waker};

/// Slots, and the calls that wait for one. `A`: what a call asks for, for the gates; `T`: what a grant gives; `R`: why
/// one is refused.
pub(crate) struct Bulkhead<A, T, R> {
    word: AtomicU64,
    limits: Limits,
    /// The process whose calls are counted.
    home: UnmodelledU64,
    line: ProcessMutex<Line<A, T, R>>,
    breaker: Name,
}

impl<A: Copy + Default, T: Copy + Default, R: Copy> Bulkhead<A, T, R> {
    /// Nobody has a slot. The breaker's name is for the report of a waker that panics.
    pub(crate) fn new(breaker: Name, table: Table) -> Self {
        let slots = table.slots();
        let line = Line {
            held: Tally::default(),
            table,
            slots,
            queue: Queue::new(),
            is_closed: false,
            near: Near::default(),
        };
        Bulkhead {
            word: AtomicU64::new(0),
            limits: Limits::new(&slots),
            home: UnmodelledU64::new(fork::process().into()),
            line: ProcessMutex::new(line),
            breaker,
        }
    }

    /// A slot, if one is there for a newcomer of that level. Never waits for one.
    #[inline]
    pub(crate) fn try_take(&self, level: Priority) -> Option<Slot> {
        let process = fork::process();
        let held = Held(self.word.load(Ordering::Acquire));
        if !held.is_locked() && held.total() < self.limits.plain() && self.is_home(process) {
            let more = held.with_one_more(level);
            if self.swap(held, more) {
                return Some(Slot::new(level, process));
            }
        } else if held.total() >= self.limits.max() && self.is_home(process) {
            return None;
        }
        self.try_take_slowly(level, process)
    }

    #[inline]
    fn is_home(&self, process: u32) -> bool {
        self.home.load(Ordering::Acquire) == u64::from(process)
    }

    #[inline]
    fn swap(&self, held: Held, new: Held) -> bool {
        self.word.compare_exchange(held.0, new.0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Where slots are reserved, others came between, or there is none.
    #[cold]
    fn try_take_slowly(&self, level: Priority, process: u32) -> Option<Slot> {
        while self.is_home(process) {
            let held = Held(load_to_swap(&self.word));
            if held.total() >= self.limits.max() {
                return None;
            }
            let Some(slots) = self.limits.read().filter(|_| !held.is_locked()) else { break };
            if !slots.admits(&held.tally(), level) {
                return None;
            }
            if held.total() == MOST {
                break;
            }
            if self.swap(held, held.with_one_more(level)) {
                return Some(Slot::new(level, process));
            }
        }
        self.with_line(|line, _| line.take(level))
    }

    /// A slot if one is there, without a lock, else as [`wait_in_line`](Bulkhead::wait_in_line).
    #[cfg(test)]
    pub(crate) fn acquire(
        &self,
        waiting: Waiting<A>,
        waker: Option<&Waker>,
        max_queue: u64,
        displaced: R,
        gates: &mut impl Gates<A, T, R>,
    ) -> Asked<R> {
        match self.try_take(waiting.level) {
            Some(slot) => Asked::Taken(slot),
            None if max_queue == 0 => Asked::Full,
            None => self.wait_in_line(
                waiting.level,
                |_, place| *place = waiting,
                waker,
                max_queue,
                displaced,
                gates,
            ),
        }
    }

    /// For a call that has just found no slot, where there is a queue: a slot if one came free meanwhile, else a place in
    /// the queue, if fewer than `max_queue` wait: as `begin` writes, at
    /// that time. To a full one a newcomer of a higher level than some waiter comes all the
    /// same, and the newest waiter of the lowest level is refused with `displaced`. `waker` is called when the wait has
    /// ended; without one, or after it was called, `poll` tells.
    pub(crate) fn wait_in_line(
        &self,
        level: Priority,
        begin: impl FnOnce(Nanos, &mut Waiting<A>),
        waker: Option<&Waker>,
        max_queue: u64,
        displaced: R,
        gates: &mut impl Gates<A, T, R>,
    ) -> Asked<R> {
        // Here its own code may run.
        let mut waker = waker.cloned();
        self.with_line(|line, wakers| {
            let now = gates.now(&mut line.near);
            line.end_due(now, gates, wakers);
            if line.is_closed {
                return Asked::Closed;
            }
            if let Some(slot) = line.take(level) {
                return Asked::Taken(slot);
            }
            if let Err(refused) = gates.look(level) {
                return refused.map_or(Asked::Again, Asked::Refused);
            }
            if line.queue.len() >= max_queue {
                match line.queue.newest_below(level) {
                    Some(at) => line.end(at, Without::Refused(displaced), gates, wakers),
                    None => return Asked::Full,
                }
            }
            Asked::Waits(line.queue.push(|waiting| begin(now, waiting), waker.take()))
        })
    }

    /// Gives a slot back, once.
    #[inline]
    pub(crate) fn release(&self, slot: Slot, gates: &mut impl Gates<A, T, R>) {
        let level = slot.level();
        if slot != Slot::new(level, fork::process()) {
            return;
        }
        loop {
            let held = Held(load_to_swap(&self.word));
            if held.is_locked() {
                return self.release_to_waiters(level, gates);
            }
            if self.swap(held, held.with_one_less(level)) {
                return;
            }
        }
    }

    #[cold]
    fn release_to_waiters(&self, level: Priority, gates: &mut impl Gates<A, T, R>) {
        self.with_line(|line, wakers| {
            line.held.remove(level);
            line.grant(gates, wakers);
        });
    }

    /// Puts another table in force and grants what has become free. Who is to be woken is answered: that is for when the
    /// caller has no lock of its own.
    pub(crate) fn set(&self, table: Table, gates: &mut impl Gates<A, T, R>) -> Wakers<'_> {
        let mut wakers = Wakers::new(&self.breaker);
        self.with_line_and(&mut wakers, |line, wakers| self.put_in_force(table, line, gates, wakers));
        wakers
    }

    /// Changes the number of slots alone, if it is another. `read` is called with the lock held, so that of two who
    /// follow a limit that moves the one who comes last finds it as it is: whoever changed it must come.
    pub(crate) fn set_max(&self, read: impl FnOnce() -> u64, gates: &mut impl Gates<A, T, R>) {
        self.with_line(|line, wakers| {
            let max = read();
            if max != line.slots.max {
                let table = match line.table {
                    Table::Slots(slots) => Table::Slots(Slots { max, ..slots }),
                    Table::Shares(_, shares) => Table::Shares(max, shares),
                };
                self.put_in_force(table, line, gates, wakers);
            }
        });
    }

    fn put_in_force(
        &self,
        table: Table,
        line: &mut Line<A, T, R>,
        gates: &mut impl Gates<A, T, R>,
        wakers: &mut Wakers<'_>,
    ) {
        // A forked child keeps the table.
        let _hold = fork::hold();
        (line.table, line.slots) = (table, table.slots());
        self.limits.write(&line.slots);
        line.grant(gates, wakers);
    }

    /// Puts a waiter at the end of a higher level; it keeps its deadline. Nothing when it does not wait, or not below.
    pub(crate) fn raise(&self, ticket: Ticket, level: Priority, gates: &mut impl Gates<A, T, R>) {
        self.with_line(|line, wakers| {
            if let Some(at) = line.queue.place(ticket)
                && line.queue.waiting(at).level < level
            {
                line.queue.raise(at, level);
                line.grant(gates, wakers);
            }
        });
    }

    /// What `fetch` says of how a wait ended, once; while it goes on, who is to be woken when it ends. `fetch` is called
    /// with the lock held.
    #[inline]
    pub(crate) fn poll<X>(
        &self,
        ticket: Ticket,
        context: &mut Context<'_>,
        mut fetch: impl FnMut(End<&T, R>) -> X,
    ) -> Poll<X> {
        let is_known =
            |known: &mut Option<Waker>| known.as_ref().is_some_and(|known| known.will_wake(context.waker()));
        match self.ended_or(ticket, &mut fetch, is_known) {
            Some(answer) => answer,
            None => self.poll_with_another(ticket, context, fetch),
        }
    }

    /// The same, for a waker that is not the one that was known before.
    pub(crate) fn poll_with_another<X>(
        &self,
        ticket: Ticket,
        context: &mut Context<'_>,
        mut fetch: impl FnMut(End<&T, R>) -> X,
    ) -> Poll<X> {
        // A waker's own code runs when it is cloned and dropped.
        let mut waker = Some(context.waker().clone());
        let swapped = self.ended_or(ticket, &mut fetch, |known| {
            std::mem::swap(known, &mut waker);
            true
        });
        swapped.unwrap_or(Poll::Pending)
    }

    /// How a wait ended; of one that goes on `None`, or `Pending` when that is what `is_well` says of its waker.
    #[inline]
    fn ended_or<X>(
        &self,
        ticket: Ticket,
        fetch: &mut impl FnMut(End<&T, R>) -> X,
        is_well: impl FnOnce(&mut Option<Waker>) -> bool,
    ) -> Option<Poll<X>> {
        let mut line = self.line.lock();
        self.settle_in(&mut line);
        match line.queue.find(ticket) {
            Found::Ended(at) => {
                let fetched = fetch(line.queue.how_ended(at).end());
                line.queue.free(at);
                Some(Poll::Ready(fetched))
            }
            Found::Nothing => Some(Poll::Ready(fetch(End::Gone))),
            Found::Waits(at) => is_well(line.queue.waker(at)).then_some(Poll::Pending),
        }
    }

    /// When a wait is due; `None` once it has ended.
    pub(crate) fn deadline(&self, ticket: Ticket) -> Option<Nanos> {
        let mut line = self.line.lock();
        self.settle_in(&mut line);
        line.queue.place(ticket).map(|at| line.queue.waiting(at).deadline)
    }

    /// Ends a wait that is due. Whether it has ended, in whatever way.
    pub(crate) fn expire(&self, ticket: Ticket, gates: &mut impl Gates<A, T, R>) -> bool {
        self.with_line(|line, wakers| {
            let Some(at) = line.queue.place(ticket) else { return true };
            let is_due = line.queue.waiting(at).deadline <= gates.exactly();
            if is_due {
                line.end(at, Without::TimedOut, gates, wakers);
            }
            is_due
        })
    }

    /// Ends every wait that is due: by deadline, then the higher level, then the older.
    pub(crate) fn expire_due(&self, gates: &mut impl Gates<A, T, R>) {
        self.with_line(|line, wakers| line.end_due(gates.exactly(), gates, wakers));
    }

    /// Ends a wait for good, as its waiter wishes. What is answered, if it had ended before and that was not fetched, is
    /// the caller's to undo: a grant with its slot.
    pub(crate) fn cancel(&self, ticket: Ticket) -> Option<End<T, R>> {
        let (end, _waker) = self.with_line(|line, _| match line.queue.find(ticket) {
            Found::Waits(at) => (None, line.queue.strike_off(at)),
            Found::Ended(at) => {
                let end = line.queue.how_ended(at).end().copied();
                line.queue.free(at);
                (Some(end), None)
            }
            Found::Nothing => (None, None),
        });
        end
    }

    /// Refuses everybody who waits, but for levels from `spared` up.
    pub(crate) fn flush(&self, reason: R, spared: Option<Priority>, gates: &mut impl Gates<A, T, R>) {
        self.with_line(|line, wakers| {
            let is_flushed = |level: &Priority| spared.is_none_or(|spared| *level < spared);
            line.end_all(Without::Refused(reason), is_flushed, gates, wakers);
        });
    }

    /// Lets everybody go who waits, without a slot; `give` is called with the lock held.
    pub(crate) fn let_go(&self, mut give: impl FnMut(&Waiting<A>) -> T) {
        self.with_line(|line, wakers| {
            for level in Priority::ALL.into_iter().rev() {
                while let Some(at) = line.queue.oldest(level) {
                    line.let_go(at, &mut give, wakers);
                }
            }
        });
    }

    /// Ends every wait, and lets nobody wait from now on.
    pub(crate) fn close(&self, gates: &mut impl Gates<A, T, R>) {
        self.with_line(|line, wakers| {
            line.is_closed = true;
            line.end_all(Without::Closed, |_| true, gates, wakers);
        });
    }

    /// How many have slots.
    #[inline]
    pub(crate) fn in_flight(&self) -> u64 {
        let held = Held(self.word.load(Ordering::Acquire));
        if self.is_home(fork::process()) { held.total() } else { 0 }
    }

    /// Slots, whoever they are for.
    #[cfg(test)]
    pub(crate) fn limit(&self) -> u64 {
        self.limits.max()
    }

    /// One instant of it.
    pub(crate) fn look(&self) -> Look {
        self.with_line(|line, _| Look {
            in_flight: *line.held.counts(),
            queued: line.queue.counts(),
            slots: line.slots,
            next_due: line.queue.first_due().map(|(deadline, _)| deadline),
        })
    }

    /// Does something with the lock held and the counts behind it, then wakes whose waits it ended.
    fn with_line<X>(&self, act: impl FnOnce(&mut Line<A, T, R>, &mut Wakers<'_>) -> X) -> X {
        self.with_line_and(&mut Wakers::new(&self.breaker), act)
    }

    /// The same; whose waits it ended is for the caller to wake.
    fn with_line_and<'b, X>(
        &'b self,
        wakers: &mut Wakers<'b>,
        act: impl FnOnce(&mut Line<A, T, R>, &mut Wakers<'_>) -> X,
    ) -> X {
        let mut line = self.line.lock();
        self.settle_in(&mut line);
        self.fetch_counts(&mut line);
        let answer = act(&mut line, wakers);
        self.return_counts(&line);
        answer
    }

    fn fetch_counts(&self, line: &mut Line<A, T, R>) {
        loop {
            let held = Held(load_to_swap(&self.word));
            if held.is_locked() {
                return;
            }
            if self.swap(held, Held::locked(held.total())) {
                line.held = held.tally();
                return;
            }
        }
    }

    fn return_counts(&self, line: &Line<A, T, R>) {
        let total = line.held.total();
        let room = if line.slots.max <= MOST { MOST } else { MOST / 2 };
        let stays = line.queue.len() > 0 || total > room;
        let held = if stays { Held::locked(total) } else { Held::of(line.held.counts()) };
        self.word.store(held.0, Ordering::Release);
    }

    /// In a child of the process whose calls are counted, begins afresh.
    fn settle_in(&self, line: &mut Line<A, T, R>) {
        let process = fork::process();
        if !self.is_home(process) {
            std::mem::forget(line.queue.renew());
            line.held = Tally::default();
            self.word.store(0, Ordering::Release);
            self.home.store(process.into(), Ordering::Release);
        }
    }
}
