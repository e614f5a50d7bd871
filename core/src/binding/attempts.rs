//! Calls with their attempts, for packages of other languages.

use super::{Paced, Refused, Slip};
use crate::admit::priority::Priority;
use crate::admit::slots::Slot;
use crate::attempt;
use crate::breaker::CircuitBreaker;
use crate::clock::Nanos;
use crate::error::{ConfigError, Refusal};
use crate::outcome::{Outcome, Settled};
use crate::policy::fallback::Rung;
use crate::policy::flights::Flights;
pub use crate::policy::flights::{Joined, Role};
pub use crate::policy::index::{Place, Stored, Vacant};
use crate::request::{Request, RequestError, Wanted};
use crate::stepping::{Ending, Finished, Step, Steps};
use serde_json::{Value, json};
use std::time::Duration;

/// A call with its attempts, and the permit of the one that is under way: as [`Attempts`](crate::Attempts), without a hold on
/// its breaker, which every method is given. It is to be [abandoned](Course::abandon) before it is dropped in the middle of
/// an attempt.
///
/// A host's loop: while [`next`](Course::next) answers `None`, ask the breaker for a permit, in whatever way the host waits
/// (`acquire_slip_for`, `enter_slip`, with [`wanted`](Course::wanted)), and tell [`admitted`](Course::admitted) or
/// [`refused`](Course::refused); [`ask`](Course::ask) does both where nobody waits in a queue. Else do what it says.
#[derive(Debug)]
pub struct Course(Steps);

impl Course {
    /// A call begins.
    ///
    /// # Errors
    /// As for [`CircuitBreaker::with`].
    #[inline]
    pub fn begin(breaker: &CircuitBreaker, request: &Request<'_>) -> Result<Self, RequestError> {
        Ok(Course(Steps::begin(&breaker.0, request)?))
    }

    /// Counts a call that begins; answers when that is. For hosts that make the first attempt by its slip alone, and put a
    /// course together when that was not all: see [`resume`](Course::resume).
    #[inline]
    pub fn count(breaker: &CircuitBreaker) -> Nanos {
        attempt::Course::count(&breaker.0)
    }

    /// As [`begin`](Course::begin), of a call that was [counted](Course::count) and whose request was checked.
    pub fn resume(breaker: &CircuitBreaker, request: &Request<'_>, wanted: Wanted, begun: Nanos) -> Self {
        Course(Steps::take_up(&breaker.0, request, wanted, begun))
    }

    /// Takes up a call whose first attempt has that permit and was counted, before that attempt is settled. It began
    /// `lasted` nanoseconds ago.
    ///
    /// # Errors
    /// As for [`CircuitBreaker::with`].
    pub fn take_up(
        breaker: &CircuitBreaker,
        request: &Request<'_>,
        slip: &Slip,
        lasted: Nanos,
    ) -> Result<Self, RequestError> {
        let body = &*breaker.0;
        let wanted = body.check(request)?;
        let begun = body.clock().now().saturating_sub(lasted);
        let mut steps = Steps::take_up(body, request, wanted, begun);
        let (engine, ticket) = breaker.ticket(slip);
        steps.admitted(body, engine, ticket);
        Ok(Course(steps))
    }

    /// The call's deadline has passed before its first attempt: there is none, and only rungs answer.
    pub fn lapse(&mut self, breaker: &CircuitBreaker) {
        self.0.course.lapse(&breaker.0);
    }

    /// What its attempts ask for.
    pub fn wanted(&self) -> Wanted {
        *self.0.wanted()
    }

    /// What is to be done now; `None` when the breaker is to be asked.
    pub fn next(&mut self, breaker: &CircuitBreaker) -> Option<Step> {
        self.0.next(&breaker.0)
    }

    /// Asks for a permit; never waits.
    pub fn ask(&mut self, breaker: &CircuitBreaker) {
        self.0.ask(&breaker.0);
    }

    /// The breaker has given a permit. Who is paced need not wait before this: `next` says so.
    pub fn admitted(&mut self, breaker: &CircuitBreaker, (slip, wait): Paced) {
        let (engine, ticket) = breaker.ticket(&slip);
        self.0.admitted(&breaker.0, engine, ticket.that_waits(wait));
    }

    /// The breaker has turned the attempt away.
    pub fn refused(&mut self, breaker: &CircuitBreaker, refused: Refused) {
        self.0.refused(&breaker.0, Refusal::new(refused.reason, refused.retry_after));
    }

    /// The attempt has ended; settles its permit. `None` when none was under way.
    pub fn settle(&mut self, breaker: &CircuitBreaker, ending: &Ending<'_>) -> Option<Settled> {
        self.0.settle(&breaker.0, ending)
    }

    /// Before an attempt is settled that goes on although nobody waits for it any more: the slot that it holds stays taken
    /// until it is [given back](CircuitBreaker::give_back_slot). `None` when it holds none.
    pub fn keep_slot(&mut self) -> Option<u8> {
        self.0.keep_slot()
    }

    /// The rung that was to be used has answered, or could not.
    pub fn answered(&mut self, breaker: &CircuitBreaker, has_answered: bool) {
        self.0.answered(&breaker.0, has_answered);
    }

    /// It is given up: what is under way is as if its permit was dropped.
    pub fn abandon(&mut self, breaker: &CircuitBreaker) {
        self.0.abandon(&breaker.0);
    }

    /// How long after the attempt, or after the hedge before, another is to be started beside it, in nanoseconds; `None`:
    /// none is.
    pub fn hedge_after(&self, breaker: &CircuitBreaker) -> Option<Nanos> {
        self.0.hedge_after(&breaker.0)
    }

    /// The permit of an attempt beside the one that is under way, when that time has passed; `None` when there is to be
    /// none. Settle it like any other, but for one that answers first: see [`hedge_won`](Course::hedge_won).
    pub fn hedge(&mut self, breaker: &CircuitBreaker) -> Option<Slip> {
        let (engine, ticket) = self.0.hedge(&breaker.0)?;
        Some(breaker.slip(engine, ticket))
    }

    /// The attempt that is under way has failed while hedges of it go on: settles its permit. No hedge begins after that.
    /// Then a [hedge wins](Course::hedge_won), or, when all have failed, the same failure is [settled](Course::settle) once
    /// more, for the call. `None`, and nothing is done, when no attempt is under way, or this is no failure: that decides
    /// the attempt.
    pub fn primary_failed(&mut self, breaker: &CircuitBreaker, ending: &Ending<'_>) -> Option<Settled> {
        self.0.primary_failed(&breaker.0, ending)
    }

    /// Whether an attempt is under way, or hedges of one that has failed.
    pub fn is_under_way(&self) -> bool {
        self.0.is_under_way()
    }

    /// The hedge with that permit has answered first: it is the attempt from here on, to be [settled](Course::settle), and
    /// the permit of the one before is dropped, unless it [has failed](Course::primary_failed).
    pub fn hedge_won(&mut self, breaker: &CircuitBreaker, slip: &Slip) {
        let (engine, ticket) = breaker.ticket(slip);
        self.0.hedge_won(&breaker.0, engine, ticket);
    }

    /// Forgets the error type of the last attempt, the one thing that it has on the heap: for hosts that keep that
    /// themselves, and a course where nobody is sure to drop it.
    pub fn forget_error_type(&mut self) {
        self.0.forget_error_type();
    }

    /// The permit of the attempt that is under way.
    pub fn slip(&self, breaker: &CircuitBreaker) -> Option<Slip> {
        let (number, ticket) = self.0.permit()?;
        Some(breaker.slip(breaker.0.engine_number(number), ticket))
    }
}

impl CircuitBreaker {
    /// Whether calls through a [`Course`] differ from others: the document has `retry`, `fallback`, `cache` or `hedge`.
    pub fn has_course(&self) -> bool {
        self.0.gate_set().is_some_and(|set| set.around.has_course())
    }

    /// Whether the deadline of what is asked for has passed already.
    #[inline]
    pub fn is_too_late(&self, wanted: &Wanted) -> bool {
        wanted.is_too_late(&self.0)
    }

    /// Whether attempts may be hedged: then it matters how long first ones take, which a course notes.
    #[inline]
    pub fn has_hedge(&self) -> bool {
        self.0.hedging().is_some()
    }

    /// Whether attempts have a timeout of the document's.
    pub fn has_timeout(&self) -> bool {
        self.0.gate_set().is_some_and(|set| set.around.timeout.is_some())
    }

    /// Gives a slot back that was [kept](Course::keep_slot), once.
    pub fn give_back_slot(&self, code: u8) {
        if self.0.give_slot_back(Slot::of_code(code)) {
            self.0.deliver();
        }
    }

    /// Takes the slot out of a slip that is about to be settled, as [`keep_slot`](Course::keep_slot) does.
    pub fn keep_slot_of(&self, slip: &Slip) -> Option<(Slip, u8)> {
        let (engine, ticket) = self.ticket(slip);
        let slot = ticket.slot()?;
        Some((self.slip(engine, ticket.without_slot()), slot))
    }

    /// The timeout of a slip, in nanoseconds.
    pub fn slip_timeout(&self, slip: &Slip) -> Option<Nanos> {
        self.ticket(slip).1.timeout()
    }

    /// What is left of it.
    pub fn slip_time_left(&self, slip: &Slip) -> Option<Nanos> {
        let ticket = self.ticket(slip).1;
        let passed = ticket.began().map_or(0, |start| self.0.clock().since(start));
        Some(ticket.timeout()?.saturating_sub(passed))
    }

    /// Before anything is called: where a fresh value of that key lies, which then answers; `None` when none does.
    pub fn cache_fresh(&self, key: &str) -> Option<Place> {
        self.0.caching()?.fresh(key, self.now())
    }

    /// For the rung `cache`: where a value of that key lies that may answer.
    pub fn cache_any(&self, key: &str) -> Option<Place> {
        self.0.caching()?.any(key, self.now())
    }

    /// A call of that key has succeeded: where its value is to be kept, in place of what lies there; `None` when it is not.
    pub fn cache_store(&self, key: &str) -> Option<Stored> {
        self.0.caching()?.store(key, self.now())
    }

    /// The places at which nothing lies that is of use any more, where the host clears what it has: asked after the rules
    /// were changed, and when a store tells another epoch. `None` without a cache: all of them.
    pub fn cache_vacant(&self) -> Option<Vacant> {
        Some(self.0.caching()?.vacant())
    }

    /// A call of that key begins: it leads, or follows one that is under way; `None` when calls do not join each other.
    pub fn flight_join(&self, key: &str, level: Priority) -> Option<Joined> {
        let caching = self.0.caching().filter(|caching| caching.rules.coalesce)?;
        Some(caching.lasting.flights.join(key, level))
    }

    /// The leader with that ticket has its answer: the tickets of those that it is to be handed to.
    pub fn flight_land(&self, ticket: u64) -> Vec<u64> {
        self.flights().map(|flights| flights.land(ticket)).unwrap_or_default()
    }

    /// The call with that ticket is given up: the tickets of those that lead from now on.
    pub fn flight_leave(&self, ticket: u64) -> Vec<u64> {
        self.flights().map(|flights| flights.leave(ticket)).unwrap_or_default()
    }

    /// Those under way, though the plan that they began under is not in force any more.
    fn flights(&self) -> Option<&Flights> {
        Some(&self.0.gates.get()?.cached()?.flights)
    }

    /// Whether a rung of a call may go through this breaker. `chain`: the breakers that are in the middle of asking a rung in
    /// that call, the outermost first, with the one that asks now at the end; the host carries it along.
    ///
    /// # Errors
    /// When this breaker is one of them: names the cycle. The rung has failed with that.
    pub fn check_descent(&self, chain: &[CircuitBreaker]) -> Result<(), ConfigError> {
        crate::descent::check(chain, self)
    }

    /// The rungs that answer when a call does not, in their order.
    pub fn rungs(&self) -> Vec<Rung> {
        self.0.falling().map(|falling| falling.rungs().to_vec()).unwrap_or_default()
    }
}

/// A step, as the vectors have it; durations in nanoseconds.
pub fn step_json(step: &Step) -> Value {
    let ns = |d: &Duration| d.as_nanos() as u64;
    match step {
        Step::Call { attempt, timeout } => {
            json!({ "call": { "attempt": attempt, "timeout": timeout.as_ref().map(ns) } })
        }
        Step::Wait(wait) => json!({ "wait": ns(wait) }),
        Step::Use(rung) => json!({ "use": rung.to_string() }),
        Step::Done(done) => json!({ "done": finished_json(done) }),
    }
}

/// How a call with its attempts ended, as the vectors have it.
pub fn finished_json(done: &Finished) -> Value {
    json!({
        "outcome": done.outcome.map_or("rejected", Outcome::name),
        "rung": done.rung.as_ref().map(Rung::to_string),
        "attempts": done.attempts,
        "rejected": done.rejected.as_ref().map(|rejection| rejection.reason().name()),
        "retry_after": done.rejected.as_ref().and_then(|r| r.retry_after()).as_ref().map(|d| d.as_nanos() as u64),
        "error_type": done.error_type,
    })
}
