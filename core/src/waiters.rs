//! Who waits for a slot: how waits are granted, and how they end (policies §4).

use crate::admit::QueueRules;
use crate::admit::priority::Priority;
use crate::admit::queue::Waiting;
use crate::admit::slots::{Asked, Gates as Keep, Slot, Without};
use crate::body::Body;
use crate::clock::{Nanos, Near};
use crate::engine::Engine;
use crate::error::{Reason, Refusal};
use crate::gates::{Ask, Gates, Grant, Queue, Set};
use crate::machine::Drawn;
use crate::outcome::{Kind, Ticket};
use crate::request::Wanted;
use crate::way::{Stop, Way, Wish, refused};
use crate::word::{Mode, State};
use std::task::Waker;

/// Stands for the rest of the gates while the queue has its lock.
///
/// It is of one operation, and knows one time: the clock is read when that is first asked for.
pub(crate) struct Keeper<'b> {
    body: &'b Body,
    now: Option<Nanos>,
    pub(crate) owes: bool,
    #[cfg(feature = "tracing")]
    _quiet: crate::trace::Quiet,
}

impl<'b> Keeper<'b> {
    pub(crate) fn new(body: &'b Body) -> Self {
        Keeper {
            body,
            now: None,
            owes: false,
            #[cfg(feature = "tracing")]
            _quiet: crate::trace::Quiet::begin(),
        }
    }

    /// Through all the gates, for a waiter that `slot` is there for.
    #[inline(never)]
    fn take_at_length(
        &mut self,
        waiting: &Waiting<Ask>,
        slot: Slot,
        given: &mut Grant,
    ) -> Result<(), Refusal> {
        let (request, drawn) = (waiting.wanted(), waiting.ask.drawn);
        let Some(set) = self.body.gate_set() else { return Err(refused(Reason::Closed, None)) };
        let mut way = Way { body: self.body, set, request, drawn, waker: None, owes: false, low: 0 };
        let answer = loop {
            let engine = self.body.engine();
            let word = engine.load();
            if word.is_moved() {
                self.body.follow(engine);
                way.set = self.body.gate_set().unwrap_or(way.set);
                continue;
            }
            match way.go(engine, word, Wish::Has(slot)) {
                Ok(ticket) => {
                    engine.count_admitted(waiting.level);
                    self.note_wait(waiting);
                    *given = Grant { ticket, engine: self.body.number_of(engine) };
                    break Ok(());
                }
                Err(Stop::Moved) => {}
                Err(Stop::Refused(refusal)) => break Err(refusal),
                Err(Stop::Waits(_)) => unreachable!("it has a slot"),
            }
        };
        self.owes |= way.owes;
        answer
    }

    fn note_wait(&mut self, waiting: &Waiting<Ask>) {
        let now = *self.now.get_or_insert_with(|| self.body.clock().now());
        let waited = now.saturating_sub(waiting.since);
        self.body.gates().note_wait(self.body.bounds(), waited);
    }
}

impl Keep<Ask, Grant, Refusal> for Keeper<'_> {
    fn now(&mut self, near: &mut Near) -> Nanos {
        let clock = self.body.clock();
        *self.now.get_or_insert_with(|| clock.near(near))
    }

    #[inline]
    fn look(&mut self, level: Priority) -> Result<(), Option<Refusal>> {
        let word = self.body.engine().load();
        if word.is_calm() {
            return Ok(());
        }
        // In shadow nobody waits, and a breaker that has moved has other rules.
        if word.is_moved() || word.mode() == Mode::Shadow && !word.is_ended() {
            return Err(None);
        }
        let spared = self.body.gate_set().and_then(Set::spared);
        match self.body.flushes() {
            Some(refusal) if refusal.reason() != Reason::Open => Err(Some(refusal)),
            Some(refusal) if spared.is_none_or(|least| level < least) => Err(Some(refusal)),
            _ => Ok(()),
        }
    }

    fn take(&mut self, waiting: &Waiting<Ask>, slot: Slot, given: &mut Grant) -> Result<(), Refusal> {
        let engine = self.body.engine();
        if self.body.ticket_in_slot(engine, engine.load(), waiting, slot, &mut given.ticket) {
            self.note_wait(waiting);
            given.engine = self.body.number_of(engine);
            return Ok(());
        }
        self.take_at_length(waiting, slot, given)
    }

    fn ended(&mut self, waiting: &Waiting<Ask>, how: Without<Refusal>) {
        let reason = match how {
            Without::Refused(refusal) => refusal.reason(),
            Without::TimedOut => Reason::QueueTimeout,
            Without::Closed => Reason::Closed,
        };
        self.note_wait(waiting);
        self.body.count_refused(reason, waiting.level);
    }
}

/// A call that waits from now on. What is absent is written as that: nothing is copied that was not written.
#[inline]
fn begin_to_wait(
    rules: &QueueRules,
    request: &Wanted,
    drawn: Option<&Drawn>,
    now: Nanos,
    waiting: &mut Waiting<Ask>,
) {
    let level = request.priority;
    let patience = now.saturating_add(rules.timeouts[level as usize]);
    (waiting.level, waiting.since) = (level, now);
    let ask = &mut waiting.ask;
    (ask.cost, ask.feature) = (request.cost, request.feature);
    match request.deadline {
        None => (waiting.deadline, ask.deadline) = (patience, None),
        Some(own) => (waiting.deadline, ask.deadline) = (own.min(patience), Some(own)),
    }
    match drawn {
        None => ask.drawn = None,
        Some(drawn) => ask.drawn = Some(*drawn),
    }
}

impl Body {
    /// The slots, once a plan had some.
    #[inline]
    pub(crate) fn slots(&self) -> Option<&Queue> {
        self.gates.get().and_then(Gates::slots)
    }

    #[inline]
    pub(crate) fn number_of(&self, engine: &Engine) -> u32 {
        if std::ptr::eq(engine, &self.first) {
            return 0;
        }
        self.engines().position(|e| std::ptr::eq(e, engine)).unwrap_or_default() as u32
    }

    #[inline]
    pub(crate) fn engine_number(&self, number: u32) -> &Engine {
        if number == 0 { &self.first } else { self.engines().nth(number as usize).unwrap_or(&self.first) }
    }

    /// Why everybody who waits is refused; `None` when nobody is.
    fn flushes(&self) -> Option<Refusal> {
        let word = self.engine().load();
        if word.is_ended() {
            return Some(refused(Reason::Closed, None));
        }
        match word.mode() {
            Mode::ForcedOpen => Some(refused(Reason::ForcedOpen, None)),
            Mode::Auto | Mode::Shadow if word.state() == State::Open => {
                let after = self.machine().1.retry_after(self.clock().now());
                after.filter(|after| *after > 0).map(|after| refused(Reason::Open, Some(after)))
            }
            _ => None,
        }
    }

    /// After an opening: whoever waits is refused. Not while the queue has its lock.
    #[cold]
    pub(crate) fn flush_queue(&self) {
        let Some(slots) = self.slots() else { return };
        let word = self.engine().load();
        if word.mode() == Mode::Shadow && !word.is_ended() {
            return self.let_go(slots);
        }
        let mut keeper = Keeper::new(self);
        if let Some(refusal) = self.flushes() {
            let spared = self.gate_set().and_then(Set::spared);
            let spared = if refusal.reason() == Reason::Open { spared } else { None };
            slots.flush(refusal, spared, &mut keeper);
        }
    }

    /// In shadow nobody waits: whoever does goes on at once, marked with what it waited for.
    fn let_go(&self, slots: &Queue) {
        let Some(set) = self.gate_set() else { return };
        let (engine, reason) = (self.engine(), set.full());
        slots.let_go(|waiting| {
            set.words.count_shadowed(reason);
            engine.count_admitted(waiting.level);
            Keeper::new(self).note_wait(waiting);
            let ticket = Ticket::new(engine.load().low(), Kind::Shadowed(reason));
            let ticket = self.start(engine, set, &waiting.wanted(), ticket, 0);
            Grant { ticket, engine: self.number_of(engine) }
        });
    }

    /// Ends the waits that are due.
    pub(crate) fn end_waits(&self) {
        let Some(slots) = self.slots() else { return };
        let mut keeper = Keeper::new(self);
        slots.expire_due(&mut keeper);
        if keeper.owes {
            self.deliver();
        }
    }

    /// Asks for a slot, or a place in the queue; answers also whether there is something to deliver.
    pub(crate) fn wait_in_line(
        &self,
        slots: &Queue,
        rules: &QueueRules,
        request: &Wanted,
        drawn: Option<&Drawn>,
        waker: Option<&Waker>,
        full: Refusal,
    ) -> (Asked<Refusal>, bool) {
        // A forked child delivers what its parent had not got round to: not under the queue's lock.
        if let Some(hub) = self.hub.get() {
            hub.settle_in();
        }
        let (mut keeper, level) = (Keeper::new(self), request.priority);
        let begin = |now, waiting: &mut _| begin_to_wait(rules, request, drawn, now, waiting);
        let asked = slots.wait_in_line(level, begin, waker, rules.max_queue, full, &mut keeper);
        (asked, keeper.owes)
    }

    /// Gives a slot back, to who waits; answers whether there is something to deliver.
    #[inline]
    pub(crate) fn give_slot_back(&self, slot: Slot) -> bool {
        let mut keeper = Keeper::new(self);
        if let Some(slots) = self.slots() {
            slots.release(slot, &mut keeper);
        }
        keeper.owes
    }
}
