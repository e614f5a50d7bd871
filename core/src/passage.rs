//! The short way through the gates: the machine is calm, every gate lets the call in at once, and none of them is one
//! that looks at outcomes first. What is decided here is decided as at length, in the same order; only what is to be
//! carried along is less. Whatever does not fit goes the long way, as if nothing had been tried.

use crate::admit::limiter::Asks;
use crate::admit::slots::Slot;
use crate::body::Body;
use crate::engine::Engine;
use crate::outcome::Ticket;
use crate::request::Wanted;
use crate::word::Word;

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
        let level = request.priority;
        if level < set.floor() {
            return None;
        }
        if let Some(featured) = &set.around.features {
            let place = featured.place(request.feature);
            if !featured.features.admits_at_once(word, place, self.clock()) {
                return None;
            }
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
        let mut ticket = Ticket::plain(word.low());
        if let Some(slot) = slot {
            ticket = ticket.with_slot(slot.code());
        }
        if let (Some(limit), Some(slots)) = (&set.limit, self.slots()) {
            limit.admitted(slots.in_flight());
            ticket = ticket.that_feeds();
        }
        engine.count_admitted(level);
        if set.around.is_fed() {
            ticket = ticket.that_feeds();
        }
        if request.deadline.is_some() || request.feature != 0 {
            return Some(self.start(engine, set, request, ticket, 0));
        }
        let sampled = if engine.leaves_untimed() { None } else { self.sample(engine) };
        if let Some(start) = sampled {
            ticket = ticket.timed(start);
        }
        if let Some(limit) = &set.around.timeout {
            ticket = ticket.limited(sampled.unwrap_or_else(|| self.clock().tick()), limit.now());
        }
        Some(ticket)
    }
}
