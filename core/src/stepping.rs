//! A call with its attempts, step by step: for who makes the calls and the waits in a way of its own.

use crate::attempt::{Course, Done, Ended, Next};
use crate::body::Body;
use crate::breaker::CircuitBreaker;
use crate::clock::{Nanos, nanos};
use crate::engine::Engine;
use crate::error::{Refusal, Rejection};
use crate::ledger::TIMEOUT;
use crate::outcome::{Kind, Outcome, Settled, Ticket};
use crate::policy::fallback::Rung;
use crate::request::{Request, RequestError, Wanted};
use std::time::Duration;

/// What is to be done next.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Make the call, then [`settle`](Attempts::settle).
    Call {
        /// The attempt's number, from 1: how often the breaker was asked.
        attempt: u32,
        /// How long it may take: end it then, and settle it as a failure of error type `timeout`.
        timeout: Option<Duration>,
    },
    /// Wait so long, then ask again.
    Wait(Duration),
    /// Answer from that rung, then tell whether it has [answered](Attempts::answered).
    Use(Rung),
    /// It is over.
    Done(Finished),
}

/// How a call with its attempts ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finished {
    /// Of the last attempt that ran, or success when a rung has answered; `None`: nothing ran, and nothing has answered.
    /// A failure after no attempts: the deadline had passed.
    pub outcome: Option<Outcome>,
    /// The rung that has answered: the answer is degraded.
    pub rung: Option<Rung>,
    /// How often the breaker was asked.
    pub attempts: u32,
    /// Why the last attempt was turned away, if it was.
    pub rejected: Option<Rejection>,
    /// Of the last attempt that failed; `timeout` also where the deadline left none.
    pub error_type: Option<String>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Ending<'a> {
    told: Ended<'a>,
    lasted: Option<Nanos>,
}

impl<'a> Ending<'a> {
    const fn of(outcome: Outcome, error_type: Option<&'a str>) -> Self {
        let told =
            Ended { outcome, error_type, status: None, retry_after: None, stands: false, teaches: None };
        Ending { told, lasted: None }
    }

    /// The dependency did what it should.
    pub const fn success() -> Self {
        Ending::of(Outcome::Success, None)
    }

    /// The dependency failed, with an error type: its [`Category`](crate::Category) tells whether it is tried once more.
    pub const fn failure(error_type: &'a str) -> Self {
        Ending::of(Outcome::Failure, Some(error_type))
    }

    /// The attempt says nothing about the dependency; it is not tried once more, and nothing answers in its place.
    pub const fn ignored() -> Self {
        Ending::of(Outcome::Ignored, None)
    }

    /// Any outcome, with an error type or without.
    pub const fn new(outcome: Outcome, error_type: Option<&'a str>) -> Self {
        Ending::of(outcome, error_type)
    }

    /// The HTTP status of the answer: it tells the category where the error type does not.
    pub const fn status(mut self, status: u16) -> Self {
        self.told.status = Some(status);
        self
    }

    /// How long the dependency asks to wait: a retry waits at least as long.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.told.retry_after = Some(nanos(wait));
        self
    }

    /// How long it took, as the caller measured it; else the clock tells, if the call is one that is timed.
    pub fn lasted(mut self, duration: Duration) -> Self {
        self.lasted = Some(nanos(duration));
        self
    }

    pub(crate) const fn outcome(&self) -> Outcome {
        self.told.outcome
    }

    pub(crate) const fn error_type(&self) -> Option<&'a str> {
        self.told.error_type
    }

    /// The failure stands: no rung answers in its place.
    pub const fn without_fallback(mut self) -> Self {
        self.told.stands = true;
        self
    }
}

/// What an I/O error says: a failure of the error type that its kind has, and of none where the kind says nothing.
impl From<&std::io::Error> for Ending<'_> {
    fn from(error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let error_type = match error.kind() {
            ErrorKind::TimedOut => TIMEOUT,
            ErrorKind::ConnectionRefused => "connection_refused",
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
                "connection_reset"
            }
            ErrorKind::NotConnected
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::UnexpectedEof => "connection_error",
            ErrorKind::OutOfMemory => "out_of_memory",
            _ => return Ending::of(Outcome::Failure, None),
        };
        Ending::failure(error_type)
    }
}

/// A call with its attempts: retries with their waits and budget, timeouts, and the rungs that answer when it fails. It says
/// what is to be done, one step after the other, and does none of it but asking the breaker for permits.
///
/// ```
/// use fusewire::{CircuitBreaker, Ending, Request, Retry, Step};
///
/// # fn fetch() -> Result<u32, std::io::Error> { Ok(7) }
/// let breaker = CircuitBreaker::builder().retry(Retry::new().max_attempts(3)).build("search")?;
/// let mut attempts = breaker.attempts(Request::new().method("GET")).expect("it has no cost and no feature");
/// let answer = loop {
///     match attempts.next() {
///         Step::Call { .. } => match fetch() {
///             Ok(rows) => {
///                 attempts.settle(Ending::success());
///                 break Some(rows);
///             }
///             Err(_) => _ = attempts.settle(Ending::failure("network_error")),
///         },
///         Step::Wait(pause) => std::thread::sleep(pause),
///         Step::Use(_) => attempts.answered(false),
///         _ => break None,
///     }
/// };
/// assert_eq!(answer, Some(7));
/// # Ok::<(), fusewire::Error>(())
/// ```
///
/// Dropped in the middle of an attempt it drops that attempt's permit.
#[derive(Debug)]
pub struct Attempts<'b> {
    breaker: &'b CircuitBreaker,
    steps: Steps,
}

impl CircuitBreaker {
    /// Begins a call that is made step by step.
    ///
    /// # Errors
    /// As for [`with`](CircuitBreaker::with). Nothing counts then.
    pub fn attempts(&self, request: Request<'_>) -> Result<Attempts<'_>, RequestError> {
        Ok(Attempts { breaker: self, steps: Steps::begin(&self.0, &request)? })
    }
}

impl Attempts<'_> {
    /// What is to be done now. Asks the breaker for a permit when it is time to; never waits.
    #[expect(clippy::should_implement_trait, reason = "it ends with a step, and may answer the same twice")]
    pub fn next(&mut self) -> Step {
        let body = &self.breaker.0;
        loop {
            match self.steps.next(body) {
                Some(step) => return step,
                None => self.steps.ask(body),
            }
        }
    }

    /// The attempt has ended; answers what became of settling it, or `None` when none was under way.
    pub fn settle(&mut self, ending: Ending<'_>) -> Option<Settled> {
        self.steps.settle(&self.breaker.0, &ending)
    }

    /// The rung that was to be used has answered, or could not.
    pub fn answered(&mut self, has_answered: bool) {
        self.steps.answered(&self.breaker.0, has_answered);
    }
}

impl Drop for Attempts<'_> {
    fn drop(&mut self) {
        self.steps.abandon(&self.breaker.0);
    }
}

/// A call with its attempts, and the permit of the one that is under way; without a hold on its breaker.
#[derive(Debug)]
pub(crate) struct Steps {
    pub(crate) course: Course,
    /// The number of the engine that gave it, and the ticket.
    permit: Option<(u32, Ticket)>,
    /// When the call's turn comes, where calls are paced; else 0.
    turn: Nanos,
    error_type: Option<String>,
    /// The last failure at the last rejection; see `Rejection`.
    failure: u64,
}

impl Steps {
    #[inline]
    pub(crate) fn begin(body: &Body, request: &Request<'_>) -> Result<Self, RequestError> {
        let wanted = body.check(request)?;
        let course = Course::begin(body, request, wanted);
        Ok(Steps { course, permit: None, turn: 0, error_type: None, failure: 0 })
    }

    /// Takes up a call that has begun and was counted; its first attempt is to be told of.
    pub(crate) fn take_up(body: &Body, request: &Request<'_>, wanted: Wanted, begun: Nanos) -> Self {
        let course = Course::begun_at(body, request, wanted, begun);
        Steps { course, permit: None, turn: 0, error_type: None, failure: 0 }
    }

    /// What its attempts ask for.
    #[cfg(any(feature = "tokio", feature = "binding"))]
    pub(crate) fn wanted(&self) -> &Wanted {
        self.course.wanted()
    }

    /// What is to be done now; `None` when the breaker is to be asked.
    pub(crate) fn next(&mut self, body: &Body) -> Option<Step> {
        let next = match self.course.next(body) {
            Next::Wait(0) => self.course.resume(body),
            next => next,
        };
        match next {
            Next::Ask => None,
            Next::Call => Some(self.call(body)),
            Next::Wait(wait) => Some(Step::Wait(Duration::from_nanos(wait))),
            Next::Use(rung) => Some(match self.course.rung(body, rung) {
                Some(rung) => Step::Use(rung.clone()),
                None => unreachable!("it goes down the chain of a plan that stays"),
            }),
            Next::Done(done) => Some(Step::Done(self.finished(body, done))),
        }
    }

    fn call(&self, body: &Body) -> Step {
        match self.turn.saturating_sub(if self.turn == 0 { 0 } else { body.clock().now() }) {
            0 => {
                let timeout = self.permit.and_then(|(_, ticket)| ticket.timeout());
                Step::Call { attempt: self.course.made(), timeout: timeout.map(Duration::from_nanos) }
            }
            left => Step::Wait(Duration::from_nanos(left)),
        }
    }

    fn finished(&self, body: &Body, done: Done) -> Finished {
        let rejection = |refusal| Rejection::new(body.name.clone(), refusal, self.failure);
        let lapsed = self.course.has_lapsed().then(|| TIMEOUT.to_owned());
        Finished {
            outcome: done.outcome,
            rung: done.rung.and_then(|rung| self.course.rung(body, rung)).cloned(),
            attempts: done.attempts,
            rejected: done.rejected.map(rejection),
            error_type: lapsed.or_else(|| self.error_type.clone()),
        }
    }

    /// How it would end now.
    pub(crate) fn now_finished(&self, body: &Body) -> Finished {
        match self.course.next(body) {
            Next::Done(done) => self.finished(body, done),
            _ => self.finished(body, self.course.done()),
        }
    }

    /// Why the last attempt was turned away, if it was.
    pub(crate) fn rejection(&self, body: &Body) -> Option<Rejection> {
        let rejected = self.course.done().rejected;
        rejected.map(|refusal| Rejection::new(body.name.clone(), refusal, self.failure))
    }

    /// How often the breaker was asked.
    pub(crate) fn made(&self) -> u32 {
        self.course.made()
    }

    /// Of the last attempt that failed or was ignored.
    pub(crate) fn error_type(&self) -> Option<&str> {
        self.error_type.as_deref()
    }

    /// How long the attempt that is under way may take in all.
    #[cfg(feature = "tokio")]
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.permit.and_then(|(_, ticket)| ticket.timeout()).map(Duration::from_nanos)
    }

    /// How long it may still take.
    #[cfg(feature = "tokio")]
    pub(crate) fn time_left(&self, body: &Body) -> Option<Nanos> {
        let (_, ticket) = self.permit?;
        let passed = ticket.began().map_or(0, |start| body.clock().since(start));
        Some(ticket.timeout()?.saturating_sub(passed))
    }

    /// Asks for a permit; never waits.
    pub(crate) fn ask(&mut self, body: &Body) {
        let mut ticket = Ticket::plain(0);
        match body.acquire_for(self.course.wanted(), &mut ticket) {
            Ok(engine) => self.admitted(body, engine, ticket),
            Err(refusal) => self.refused(body, refusal),
        }
    }

    /// The breaker has given a permit.
    pub(crate) fn admitted(&mut self, body: &Body, engine: &Engine, ticket: Ticket) {
        self.turn = match ticket.wait() {
            0 => 0,
            wait => body.clock().now().saturating_add(wait),
        };
        self.course.admitted(ticket.kind() == Kind::Bypassed);
        self.permit = Some((body.number_of(engine), ticket));
    }

    /// The breaker has turned the attempt away.
    pub(crate) fn refused(&mut self, body: &Body, refusal: Refusal) {
        self.failure = body.failure_word();
        let _ = self.course.refused(body, refusal);
    }

    pub(crate) fn settle(&mut self, body: &Body, ending: &Ending<'_>) -> Option<Settled> {
        let (settled, teaches) = self.settle_permit(body, ending).or_else(|| self.course.failure())?;
        let Ended { outcome, error_type, .. } = ending.told;
        self.error_type = error_type.filter(|_| outcome != Outcome::Success).map(str::to_owned);
        let _ = self.course.ended(body, &Ended { teaches, ..ending.told });
        Some(settled)
    }

    /// What became of it, and what it teaches.
    fn settle_permit(&mut self, body: &Body, ending: &Ending<'_>) -> Option<(Settled, Option<bool>)> {
        let (number, ticket) = self.permit.take()?;
        let (engine, Ended { outcome, error_type, .. }) = (body.engine_number(number), ending.told);
        let learns = self.course.learns();
        let teaches = learns.then(|| body.teaches(engine, &ticket, outcome, ending.lasted)).flatten();
        self.note_pace(body, &ticket, ending.lasted);
        let settled = match (outcome, ending.lasted) {
            (Outcome::Success, None) => body.succeed(engine, &ticket),
            _ => body.settle(engine, &ticket, outcome, ending.lasted, error_type),
        };
        Some((settled, teaches.filter(|_| settled == Settled::Ok)))
    }

    #[cfg(any(feature = "tokio", feature = "binding"))]
    /// The attempt has failed while hedges of it go on: its permit is settled now, and nothing begins beside it any more.
    /// What the call makes of it is told later: by a hedge that wins, or by settling the same failure once more. `None`
    /// when no attempt is under way, or this is no failure: that decides the attempt.
    pub(crate) fn primary_failed(&mut self, body: &Body, ending: &Ending<'_>) -> Option<Settled> {
        if ending.outcome() != Outcome::Failure {
            return None;
        }
        let (settled, teaches) = self.settle_permit(body, ending)?;
        self.course.failed(settled, teaches);
        Some(settled)
    }

    /// Whether an attempt is under way, or hedges of one that has failed.
    #[cfg(feature = "binding")]
    pub(crate) fn is_under_way(&self) -> bool {
        self.permit.is_some() || self.course.failure().is_some()
    }

    /// How long first attempts take tells when to hedge.
    fn note_pace(&self, body: &Body, ticket: &Ticket, lasted: Option<Nanos>) {
        if let Some(hedging) = body.hedging().filter(|_| self.course.is_first())
            && let Some(lasted) = lasted.or_else(|| body.elapsed(ticket))
        {
            hedging.record(lasted);
        }
    }

    #[cfg(any(feature = "tokio", feature = "binding"))]
    /// How long after the attempt, or after the hedge before, another is to be started beside it; `None`: none is.
    pub(crate) fn hedge_after(&self, body: &Body) -> Option<Nanos> {
        self.course.hedge_after(body)
    }

    #[cfg(any(feature = "tokio", feature = "binding"))]
    /// The permit of an attempt beside the one that is under way, if there is to be one.
    pub(crate) fn hedge<'b>(&mut self, body: &'b Body) -> Option<(&'b Engine, Ticket)> {
        let mut ticket = Ticket::plain(0);
        let engine =
            self.course.hedge(body).then(|| body.acquire_for(self.course.wanted(), &mut ticket).ok())??;
        if ticket.wait() > 0 {
            // It would have to wait for its turn: by then it is no help.
            body.abandon(engine, &ticket);
            return None;
        }
        Some((engine, ticket))
    }

    #[cfg(any(feature = "tokio", feature = "binding"))]
    /// The hedge with that permit has answered first: it is the attempt from here on, and the one before is dropped, unless
    /// it [has failed](Steps::primary_failed).
    pub(crate) fn hedge_won(&mut self, body: &Body, engine: &Engine, ticket: Ticket) {
        if let Some(hedging) = body.hedging() {
            hedging.won();
        }
        self.abandon(body);
        self.course.hedge_won();
        self.permit = Some((body.number_of(engine), ticket));
    }

    pub(crate) fn answered(&mut self, body: &Body, has_answered: bool) {
        let _ = self.course.answered(body, has_answered);
    }

    /// It is given up: what is under way is as if its permit was dropped.
    pub(crate) fn abandon(&mut self, body: &Body) {
        if let Some((number, ticket)) = self.permit.take() {
            self.note_pace(body, &ticket, None);
            body.abandon(body.engine_number(number), &ticket);
        }
    }

    #[cfg(feature = "binding")]
    pub(crate) fn forget_error_type(&mut self) {
        self.error_type = None;
    }

    /// Takes the slot out of the permit: it stays taken when that is settled. Answers its code.
    #[cfg(feature = "binding")]
    pub(crate) fn keep_slot(&mut self) -> Option<u8> {
        let (_, ticket) = self.permit.as_mut()?;
        let slot = ticket.slot()?;
        *ticket = ticket.without_slot();
        Some(slot)
    }

    #[cfg(feature = "binding")]
    pub(crate) fn permit(&self) -> Option<(u32, Ticket)> {
        self.permit
    }
}
