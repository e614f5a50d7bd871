//! Asking a breaker that has gates (policies §1 to §5).

use crate::admit::priority::Priority;
use crate::admit::queue::Ticket as Place;
use crate::body::Body;
use crate::engine::Engine;
use crate::error::{Reason, Refusal};
use crate::gates::Set;
use crate::outcome::{Kind, Ticket};
use crate::request::{Request, RequestError};
use crate::way::{Stop, Way, Wish, refused};
use crate::word::{Mode, Word};
use std::task::Waker;

/// What a call that may wait is answered.
pub(crate) enum Answered<'b> {
    Given(&'b Engine, Ticket),
    /// It has a place in the queue.
    Waits(Place),
}

impl Body {
    /// The gates in force; `None` before the first plan that has any.
    #[inline]
    pub(crate) fn gate_set(&self) -> Option<&Set> {
        self.gates.get()?.set()
    }

    /// Whether calls must go through gates, or the breaker has ended.
    #[inline]
    pub(crate) fn is_gated(&self) -> bool {
        let word = self.engine().load();
        word.is_gated() || word.is_ended()
    }

    /// Whether a request can be at all.
    pub(crate) fn check(&self, request: &Request) -> Result<(), RequestError> {
        let most = self.gate_set().and_then(|set| set.limiter.as_ref()?.most());
        let (bound, why) = most.map_or((u64::MAX, ""), |(bound, why)| (bound, why));
        match u64::from(request.cost) {
            cost if (1..=bound).contains(&cost) => Ok(()),
            cost => Err(match most {
                Some(_) => RequestError::new("cost", cost.to_string(), format!("1..={bound} ({why})")),
                None => RequestError::cost(cost.to_string()),
            }),
        }
    }

    /// Asks a breaker that has gates or has ended, as its word says. As `Body::acquire`.
    #[inline(never)]
    pub(crate) fn acquire_gated<'b>(
        &'b self,
        engine: &'b Engine,
        word: Word,
        request: &Request,
        ticket: &mut Ticket,
    ) -> Result<&'b Engine, Refusal> {
        match self.pass_gates(engine, word, request, ticket) {
            true => Ok(engine),
            false => self.acquire_gated_at_length(request, ticket),
        }
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn acquire_gated_at_length(
        &self,
        request: &Request,
        ticket: &mut Ticket,
    ) -> Result<&Engine, Refusal> {
        match self.ask_gates(request, Wish::Try, None)? {
            Answered::Given(engine, given) => {
                *ticket = given;
                Ok(engine)
            }
            Answered::Waits(_) => unreachable!("it did not wish to wait"),
        }
    }

    /// The same, of any breaker.
    pub(crate) fn acquire_for(&self, request: &Request, ticket: &mut Ticket) -> Result<&Engine, Refusal> {
        let engine = self.engine();
        let word = engine.load();
        match word.is_gated() || word.is_ended() {
            true => self.acquire_gated(engine, word, request, ticket),
            false => self.acquire(ticket),
        }
    }

    /// The same, for a call that would wait for a slot.
    pub(crate) fn acquire_or_wait<'b>(
        &'b self,
        request: &Request,
        waker: Option<&'b Waker>,
    ) -> Result<Answered<'b>, Refusal> {
        if self.is_gated() {
            return match self.pass_at_once(request) {
                Some((engine, ticket)) => Ok(Answered::Given(engine, ticket)),
                None => match self.wait_at_once(request, waker) {
                    Some(place) => Ok(Answered::Waits(place)),
                    None => self.ask_gates(request, Wish::Wait, waker),
                },
            };
        }
        let mut ticket = Ticket::plain(0);
        let engine = self.acquire(&mut ticket)?;
        Ok(Answered::Given(engine, ticket))
    }

    /// The short way through the gates once more: who would wait is not in such a hurry that it is worth the room.
    #[inline(never)]
    fn pass_at_once(&self, request: &Request) -> Option<(&Engine, Ticket)> {
        let (engine, mut ticket) = (self.engine(), Ticket::plain(0));
        self.pass_gates(engine, engine.load(), request, &mut ticket).then_some((engine, ticket))
    }

    #[inline(never)]
    fn ask_gates<'b>(
        &'b self,
        request: &Request,
        wish: Wish,
        waker: Option<&'b Waker>,
    ) -> Result<Answered<'b>, Refusal> {
        let Some(set) = self.gate_set() else {
            return Err(self.turn_away_for_good());
        };
        let mut way = Way { body: self, set, request: *request, drawn: None, waker, owes: false, low: 0 };
        let (engine, answer) = loop {
            let engine = self.engine();
            let word = engine.load();
            if word.is_moved() {
                self.follow(engine);
                // What was drawn from the gates before would not count.
                way.set = self.gate_set().unwrap_or(way.set);
                continue;
            }
            let wish = if word.mode() == Mode::Shadow { Wish::Try } else { wish };
            match way.go(engine, word, wish) {
                Ok(ticket) => break (engine, Ok(Answered::Given(engine, ticket))),
                Err(Stop::Moved) => {}
                Err(Stop::Waits(place)) => break (engine, Ok(Answered::Waits(place))),
                Err(Stop::Refused(refusal)) => break (engine, self.refuse(&way, engine, word, refusal)),
            }
        };
        if let Ok(Answered::Given(..)) = answer {
            engine.count_admitted(request.priority);
        }
        if way.owes {
            self.deliver();
        }
        answer
    }

    /// Counts and answers that the breaker was closed for good.
    fn turn_away_for_good(&self) -> Refusal {
        self.engine().cell().count_closed();
        refused(Reason::Closed, None)
    }

    /// Counts a refusal by a breaker with gates.
    pub(crate) fn count_refused(&self, reason: Reason, level: Priority) {
        let engine = self.engine();
        match reason {
            Reason::Closed => engine.cell().count_closed(),
            _ => engine.count_refused(reason, level),
        }
    }

    /// A refusal, counted; in mode `shadow` a permit that is marked with it.
    #[cold]
    fn refuse<'b>(
        &'b self,
        way: &Way<'b>,
        engine: &'b Engine,
        word: Word,
        refusal: Refusal,
    ) -> Result<Answered<'b>, Refusal> {
        let reason = refusal.reason();
        if word.mode() != Mode::Shadow || reason == Reason::Closed {
            self.count_refused(reason, way.request.priority);
            #[cfg(feature = "tracing")]
            crate::trace::rejected(word, reason);
            return Err(refusal);
        }
        engine.cell().count_shadowed(reason);
        way.set.words.count_shadowed(reason);
        let ticket = Ticket::new(way.low, Kind::Shadowed(reason));
        Ok(Answered::Given(engine, self.sample(engine).map_or(ticket, |start| ticket.timed(start))))
    }
}
