//! First attempts that most likely are the last: what a host decides alone, or asks for in one step.

use super::{Grant, Slip, calls_until_timed};
use crate::attempt;
use crate::body::Body;
use crate::breaker::CircuitBreaker;
use crate::clock::Nanos;
use crate::engine::Lane;
use crate::gates::Set;
use crate::outcome::Ticket;
use crate::request::{Request, RequestError};

/// What a lane may do alone of calls with attempts; see `side`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FirstGrant {
    /// Under which word it may admit how many.
    pub grant: Grant,
    /// How long each of them may take, in nanoseconds.
    pub timeout: Option<Nanos>,
    /// Whether a budget waits to be told of them.
    pub has_budget: bool,
}

/// The permit of a first attempt, and how long it may take in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct First {
    /// The permit.
    pub slip: Slip,
    /// Its timeout.
    pub timeout: Option<Nanos>,
}

impl Body {
    /// The policies of a breaker whose calls with attempts meet no gate, and are of no consequence to any policy but the
    /// budget when they succeed at once.
    fn simple_set(&self) -> Option<&Set> {
        let set = self.gate_set()?;
        let has_gates = set.limiter.is_some() || set.rules.slots.is_some() || set.rules.priority.is_some();
        (!has_gates && set.around.is_simple()).then_some(set)
    }
}

impl CircuitBreaker {
    /// Grants the calling thread's lane which first attempts it may admit alone.
    pub fn grant_first(&self) -> FirstGrant {
        let (engine, word) = (self.0.engine(), self.0.engine().load());
        let is_first = std::ptr::eq(engine, &self.0.first);
        let may = is_first && engine.lane() == Lane::Consecutive && word.is_calm();
        let Some(set) = self.0.simple_set().filter(|_| may) else { return FirstGrant::default() };
        let timeout = set.around.timeout.as_ref().map(|limit| limit.now());
        let has_budget = set.around.has_budget();
        // What was read of the policies is of the plan that the word is of.
        if self.0.engine().load().low() != word.low() {
            return FirstGrant::default();
        }
        let grant = Grant { low: word.low(), calls: calls_until_timed(engine) };
        FirstGrant { grant, timeout, has_budget }
    }

    /// Tells budgets of what lanes have admitted, as of now.
    pub fn fold_lanes(&self) {
        self.0.fold_lanes();
    }

    /// Begins a call with attempts whose first one the closed breaker admits at once: nothing is kept of it but the permit,
    /// which is settled as any other when it is a success, and else [taken up](super::Course::take_up). `None`: there is more to
    /// it, and nothing was done.
    ///
    /// # Errors
    /// As for [`CircuitBreaker::with`].
    pub fn begin_first(&self, request: &Request<'_>) -> Result<Option<First>, RequestError> {
        let body = &*self.0;
        let (engine, word) = (body.engine(), body.engine().load());
        let Some(set) = body.simple_set().filter(|_| word.is_calm()) else { return Ok(None) };
        let wanted = body.check(request)?;
        attempt::Course::count(body);
        let ticket = body.start(engine, set, &wanted, Ticket::plain(word.low()), 0);
        engine.count_admitted(wanted.priority);
        Ok(Some(First { slip: self.slip(engine, ticket), timeout: ticket.timeout() }))
    }

    /// The permit of a call that a lane has admitted under a word with that low half.
    pub fn lane_slip(&self, low: u32, lasted: Nanos, timeout: Option<Nanos>) -> Slip {
        let ticket = Ticket::plain(low);
        let clock = self.0.clock();
        let limited = |timeout| ticket.limited(clock.earlier(clock.tick(), lasted), timeout);
        self.slip(&self.0.first, timeout.map_or(ticket, limited))
    }
}
