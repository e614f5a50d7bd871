//! The short way through the gates: the machine is calm, every gate lets the call in at once, and none of them is one
//! that looks at outcomes first. What is decided here is decided as at length, in the same order; only what is to be
//! carried along is less. Whatever does not fit goes the long way, as if nothing had been tried.

use crate::admit::SlotRules;
use crate::admit::limiter::Asks;
use crate::admit::queue::{Ticket as Place, Waiting};
use crate::admit::slots::{Asked, Slot};
use crate::body::Body;
use crate::engine::Engine;
use crate::gates::{Ask, Set};
use crate::outcome::Ticket;
use crate::request::Wanted;
use crate::way::refused;
use crate::word::Word;
use std::task::Waker;

/// What a call that may wait is answered.
pub(crate) enum Answered<'b> {
    /// Its ticket was written where it is to be.
    Given(&'b Engine),
    /// It has a place in the queue.
    Waits(Place),
}

impl Body {
    /// Whether all gates let a call in at once; its ticket is written to `ticket`, as by `acquire`. `false`: nothing was
    /// taken, and there is more to it.
    #[inline(always)]
    pub(crate) fn pass_gates(
        &self,
        engine: &Engine,
        word: Word,
        request: &Wanted,
        ticket: &mut Ticket,
    ) -> bool {
        match self.ticket_at_once(engine, word, request) {
            Some(given) => {
                *ticket = given;
                true
            }
            None => false,
        }
    }

    /// The same for a call that may wait: where only a slot is missing, it has a place in the queue.
    #[inline(always)]
    pub(crate) fn pass_or_wait<'b>(
        &'b self,
        engine: &'b Engine,
        word: Word,
        request: &Wanted,
        waker: Option<&Waker>,
        ticket: &mut Ticket,
    ) -> Option<Answered<'b>> {
        if !word.is_calm() {
            return None;
        }
        let set = self.gate_set()?;
        let engine = match set.is_around || request.has_more() {
            true => self.pass_around_at_length(set, request, ticket),
            false => self.pass::<false>(engine, word, set, request).map(|given| {
                *ticket = given;
                engine
            }),
        };
        match engine {
            Some(engine) => Some(Answered::Given(engine)),
            None => self.wait_at_once(request, waker).map(Answered::Waits),
        }
    }

    /// A place in the queue, for a call that only a slot is missing for. `None`: nothing was taken, and there is more to it.
    #[inline]
    fn wait_at_once(&self, request: &Wanted, waker: Option<&Waker>) -> Option<Place> {
        let set = self.gate_set()?;
        let rules = set.rules.slots.as_ref().map(SlotRules::queue).filter(|rules| rules.max_queue > 0)?;
        // Whoever has taken the slots may have changed more before.
        if !self.engine().load().is_calm() || !set.asks_slots_alone() || request.priority < set.floor() {
            return None;
        }
        let full = refused(set.full(), None);
        let (asked, owes) = self.wait_in_line(self.slots()?, rules, request, None, waker, full);
        if owes {
            self.deliver();
        }
        match asked {
            Asked::Waits(place) => Some(place),
            Asked::Taken(slot) => {
                self.unmake(Some(slot));
                None
            }
            Asked::Full | Asked::Refused(_) | Asked::Closed | Asked::Again => None,
        }
    }

    #[cold]
    fn unmake(&self, slot: Option<Slot>) {
        if let Some(slot) = slot
            && self.give_slot_back(slot)
        {
            self.deliver();
        }
    }

    #[inline(always)]
    fn ticket_at_once(&self, engine: &Engine, word: Word, request: &Wanted) -> Option<Ticket> {
        if !word.is_calm() {
            return None;
        }
        let set = self.gate_set()?;
        // Where a policy around the call has a say, it is asked apart: others have nothing of it to carry.
        if set.is_around || request.has_more() {
            return None;
        }
        self.pass::<false>(engine, word, set, request)
    }

    /// The same, where a policy around the call has a say; the engine that gave the ticket.
    #[inline]
    pub(crate) fn pass_around(&self, request: &Wanted, ticket: &mut Ticket) -> Option<&Engine> {
        let set = self.gate_set()?;
        if set.is_around || request.has_more() {
            self.pass_around_at_length(set, request, ticket)
        } else {
            None
        }
    }

    #[inline(never)]
    fn pass_around_at_length(&self, set: &Set, request: &Wanted, ticket: &mut Ticket) -> Option<&Engine> {
        let engine = self.engine();
        let word = engine.load();
        if !word.is_calm() {
            return None;
        }
        if let Some(featured) = &set.around.features {
            let place = featured.place(request.feature);
            if !featured.features.admits_at_once(word, place, self.clock()) {
                return None;
            }
        }
        *ticket = self.pass::<true>(engine, word, set, request)?;
        Some(engine)
    }

    #[inline(always)]
    fn pass<const AROUND: bool>(
        &self,
        engine: &Engine,
        word: Word,
        set: &Set,
        request: &Wanted,
    ) -> Option<Ticket> {
        let level = request.priority;
        if level < set.floor() {
            return None;
        }
        // What is taken fits a register: a ticket that came back through memory would stall who copies it.
        let take_slot = || match set.rules.slots {
            None => Some(None),
            Some(_) => Some(Some(self.slots()?.try_take(level)?)),
        };
        let slot = match &set.limiter {
            None => take_slot()?,
            Some(limiter) => {
                let asks = Asks { level, cost: request.cost.into(), deadline: request.deadline };
                let give_back = |slot: Option<Slot>| self.unmake(slot);
                limiter.draw_at_once(&set.words.rate(), self.clock(), &asks, take_slot, give_back)?
            }
        };
        Some(self.let_in::<AROUND>(engine, word, set, request, slot))
    }

    /// The ticket of a call that has waited, and that nothing but its slot was missing for. `false`: there is more to it.
    #[inline]
    pub(crate) fn ticket_in_slot(
        &self,
        engine: &Engine,
        word: Word,
        waiting: &Waiting<Ask>,
        slot: Slot,
        ticket: &mut Ticket,
    ) -> bool {
        let set = match self.gate_set() {
            Some(set) if word.is_calm() && set.asks_slots_alone() && waiting.level >= set.floor() => set,
            _ => return false,
        };
        if set.is_around || waiting.ask.deadline.is_some() || waiting.ask.feature != 0 {
            *ticket = self.let_in::<true>(engine, word, set, &waiting.wanted(), Some(slot));
        } else {
            let request = Wanted { priority: waiting.level, ..Wanted::plain() };
            *ticket = self.let_in::<false>(engine, word, set, &request, Some(slot));
        }
        true
    }

    #[inline(always)]
    fn let_in<const AROUND: bool>(
        &self,
        engine: &Engine,
        word: Word,
        set: &Set,
        request: &Wanted,
        slot: Option<Slot>,
    ) -> Ticket {
        let mut ticket = Ticket::plain(word.low());
        if let Some(slot) = slot {
            ticket = ticket.with_slot(slot.code());
        }
        if let (Some(limit), Some(slots)) = (&set.limit, self.slots()) {
            limit.admitted(slots.in_flight());
            ticket = ticket.that_feeds();
        }
        engine.count_admitted(request.priority);
        if AROUND && set.around.is_fed() {
            ticket = ticket.that_feeds();
        }
        if AROUND && request.has_more() {
            return self.start(engine, set, request, ticket, 0);
        }
        let sampled = if engine.leaves_untimed() { None } else { self.sample(engine) };
        if let Some(start) = sampled {
            ticket = ticket.timed(start);
        }
        if AROUND && let Some(limit) = &set.around.timeout {
            ticket = ticket.limited(sampled.unwrap_or_else(|| self.clock().tick()), limit.now());
        }
        ticket
    }
}
