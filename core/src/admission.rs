//! Asking a breaker that has gates (policies §1 to §5).

use crate::admit::priority::Priority;
use crate::around::Limit;
use crate::body::Body;
use crate::clock::Nanos;
use crate::engine::Engine;
use crate::error::{Reason, Refusal};
use crate::gates::Set;
use crate::outcome::{Kind, Ticket};
use crate::passage::Answered;
use crate::request::{Request, RequestError, Wanted};
use crate::way::{Stop, Way, Wish, refused};
use crate::word::{Mode, Word};
use std::task::Waker;

impl Body {
    /// The gates in force; `None` before the first plan that has any.
    #[inline]
    pub(crate) fn gate_set(&self) -> Option<&Set> {
        self.gates.get()?.set()
    }

    /// Whether calls must go through gates, or the breaker has ended.
    #[cfg(any(feature = "binding", feature = "tokio"))]
    #[inline]
    pub(crate) fn is_gated(&self) -> bool {
        let word = self.engine().load();
        word.is_gated() || word.is_ended()
    }

    /// Whether a request can be at all.
    pub(crate) fn check(&self, request: &Request<'_>) -> Result<Wanted, RequestError> {
        let most = self.gate_set().and_then(|set| set.limiter.as_ref()?.most());
        let (bound, why) = most.map_or((u64::MAX, ""), |(bound, why)| (bound, why));
        match u64::from(request.cost) {
            cost if (1..=bound).contains(&cost) => {}
            cost => {
                return Err(match most {
                    Some(_) => RequestError::new("cost", cost.to_string(), format!("1..={bound} ({why})")),
                    None => RequestError::cost(cost.to_string()),
                });
            }
        }
        let feature = request.feature.map_or(Ok(0), |name| self.feature(name))?;
        let Request { priority, cost, deadline, .. } = *request;
        Ok(Wanted { priority, cost, deadline, feature })
    }

    /// Asks a breaker that has gates or has ended, as its word says. As `Body::acquire`.
    #[inline(never)]
    pub(crate) fn acquire_gated<'b>(
        &'b self,
        engine: &'b Engine,
        word: Word,
        request: &Wanted,
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
        request: &Wanted,
        ticket: &mut Ticket,
    ) -> Result<&Engine, Refusal> {
        if let Some(engine) = self.pass_around(request, ticket) {
            return Ok(engine);
        }
        match self.ask_gates(request, Wish::Try, None, ticket)? {
            Answered::Given(engine) => Ok(engine),
            Answered::Waits(_) => unreachable!("it did not wish to wait"),
        }
    }

    /// The same, of any breaker.
    pub(crate) fn acquire_for(&self, request: &Wanted, ticket: &mut Ticket) -> Result<&Engine, Refusal> {
        let engine = self.engine();
        let word = engine.load();
        match word.is_gated() || word.is_ended() {
            true => self.acquire_gated(engine, word, request, ticket),
            false => {
                let engine = self.acquire(ticket)?;
                *ticket = self.until_deadline(*ticket, request);
                Ok(engine)
            }
        }
    }

    /// The ticket of a call that begins after `wait`: timed if it is one that is, with its timeout if it has one.
    pub(crate) fn start(
        &self,
        engine: &Engine,
        set: &Set,
        request: &Wanted,
        ticket: Ticket,
        wait: Nanos,
    ) -> Ticket {
        let ticket = if request.feature == 0 { ticket } else { self.of_feature(set, request, ticket) };
        let (sampled, limit) = (self.sample(engine), set.around.timeout.as_ref());
        if limit.is_none() && request.deadline.is_none() {
            return sampled.map_or(ticket, |start| ticket.timed(self.clock().later(start, wait)));
        }
        let start = self.clock().later(sampled.unwrap_or_else(|| self.clock().tick()), wait);
        let left = request.deadline.map(|at| at.saturating_sub(self.clock().now().saturating_add(wait)));
        let timeout = limit.map_or(Nanos::MAX, Limit::now).min(left.unwrap_or(Nanos::MAX));
        let ticket = if sampled.is_some() { ticket.timed(start) } else { ticket };
        ticket.limited(start, timeout)
    }

    /// The ticket of a call of a feature.
    fn of_feature(&self, set: &Set, request: &Wanted, ticket: Ticket) -> Ticket {
        let Some(featured) = &set.around.features else { return ticket };
        featured.place(request.feature).into_iter().for_each(|place| featured.features.count_admitted(place));
        ticket.of_feature(request.feature)
    }

    /// The ticket of a breaker without gates, whose call has until its deadline.
    fn until_deadline(&self, ticket: Ticket, request: &Wanted) -> Ticket {
        let Some(at) = request.deadline else { return ticket };
        let left = at.saturating_sub(self.clock().now());
        ticket.limited(ticket.start().unwrap_or_else(|| self.clock().tick()), left)
    }

    /// The same, for a call that would wait for a slot.
    #[inline(never)]
    pub(crate) fn acquire_or_wait<'b>(
        &'b self,
        request: &Wanted,
        waker: Option<&'b Waker>,
        ticket: &mut Ticket,
    ) -> Result<Answered<'b>, Refusal> {
        let engine = self.engine();
        let word = engine.load();
        if !word.is_gated() && !word.is_ended() {
            let engine = self.acquire(ticket)?;
            *ticket = self.until_deadline(*ticket, request);
            return Ok(Answered::Given(engine));
        }
        match self.pass_or_wait(engine, word, request, waker, ticket) {
            Some(answer) => Ok(answer),
            None => self.ask_gates(request, Wish::Wait, waker, ticket),
        }
    }

    #[inline(never)]
    fn ask_gates<'b>(
        &'b self,
        request: &Wanted,
        wish: Wish,
        waker: Option<&'b Waker>,
        ticket: &mut Ticket,
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
                Ok(given) => {
                    *ticket = given;
                    break (engine, Ok(Answered::Given(engine)));
                }
                Err(Stop::Moved) => {}
                Err(Stop::Waits(place)) => break (engine, Ok(Answered::Waits(place))),
                Err(Stop::Refused(refusal)) => {
                    break (engine, self.refuse(&way, engine, word, refusal, ticket));
                }
            }
        };
        if let Ok(Answered::Given(_)) = answer {
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
        ticket: &mut Ticket,
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
        let given = Ticket::new(way.low, Kind::Shadowed(reason));
        *ticket = self.start(engine, way.set, &way.request, given, 0);
        Ok(Answered::Given(engine))
    }
}
