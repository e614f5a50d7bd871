//! A call with its attempts, step by step: for who makes the calls and the waits in a way of its own.

use crate::asking::Asking;
use crate::attempt::{Course, Done, Ended, Next};
use crate::body::Body;
use crate::breaker::CircuitBreaker;
use crate::clock::{Nanos, nanos};
use crate::error::{Refusal, Rejection};
use crate::outcome::{Outcome, Settled};
use crate::permit::Permit;
use crate::policy::fallback::Rung;
use crate::request::{Request, RequestError};
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
    pub outcome: Option<Outcome>,
    /// The rung that has answered: the answer is degraded.
    pub rung: Option<Rung>,
    /// How often the breaker was asked.
    pub attempts: u32,
    /// Why the last attempt was turned away, if it was.
    pub rejected: Option<Rejection>,
    /// Of the last attempt that failed.
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
        let told = Ended { outcome, error_type, status: None, retry_after: None, stands: false, teaches: None };
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

    /// The failure stands: no rung answers in its place.
    pub const fn without_fallback(mut self) -> Self {
        self.told.stands = true;
        self
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
    course: Course,
    permit: Option<Permit<'b>>,
    /// When the call's turn comes, where calls are paced.
    turn: Nanos,
    error_type: Option<String>,
    rejected: Option<Rejection>,
}

impl CircuitBreaker {
    /// Begins a call that is made step by step.
    ///
    /// # Errors
    /// As for [`with`](CircuitBreaker::with). Nothing counts then.
    pub fn attempts(&self, request: Request<'_>) -> Result<Attempts<'_>, RequestError> {
        let wanted = self.0.check(&request)?;
        let course = Course::begin(&self.0, &request, wanted);
        Ok(Attempts { breaker: self, course, permit: None, turn: 0, error_type: None, rejected: None })
    }
}

impl<'b> Attempts<'b> {
    fn body(&self) -> &'b Body {
        &self.breaker.0
    }

    /// What is to be done now. Asks the breaker for a permit when it is time to; never waits.
    #[expect(clippy::should_implement_trait, reason = "it ends with a step, and may answer the same twice")]
    pub fn next(&mut self) -> Step {
        loop {
            let next = self.course.next(self.body());
            if let Some(step) = self.told(next) {
                return step;
            }
            let asked = Asking::of(self.breaker, *self.course.wanted()).try_acquire();
            self.asked(asked);
        }
    }

    /// The breaker has answered.
    pub(crate) fn asked(&mut self, answer: Result<Permit<'b>, Rejection>) {
        match answer {
            Ok(permit) => {
                self.turn = self.body().clock().now().saturating_add(permit.ticket.wait());
                self.course.admitted(permit.is_bypassed());
                self.permit = Some(permit);
            }
            Err(rejection) => {
                let _ = self.course.refused(self.body(), rejection.refusal());
                self.rejected = Some(rejection);
            }
        }
    }

    /// What that means to the caller; `None` when the breaker is to be asked.
    pub(crate) fn told(&mut self, next: Next) -> Option<Step> {
        match next {
            Next::Ask => None,
            Next::Call => Some(self.call()),
            Next::Wait(0) => {
                let next = self.course.resume(self.body());
                self.told(next)
            }
            Next::Wait(wait) => Some(Step::Wait(Duration::from_nanos(wait))),
            Next::Use(rung) => Some(match self.rung(rung) {
                Some(rung) => Step::Use(rung),
                // The rules have changed meanwhile.
                None => Step::Done(self.finished(Done { rung: None, ..self.course.done() })),
            }),
            Next::Done(done) => Some(Step::Done(self.finished(done))),
        }
    }

    fn call(&self) -> Step {
        let left = self.turn.saturating_sub(self.body().clock().now());
        let Some(permit) = self.permit.as_ref().filter(|_| left == 0) else {
            return Step::Wait(Duration::from_nanos(left));
        };
        Step::Call { attempt: self.course.made(), timeout: permit.timeout() }
    }

    fn rung(&self, number: usize) -> Option<Rung> {
        self.body().falling()?.rung(number).cloned()
    }

    fn finished(&self, done: Done) -> Finished {
        Finished {
            outcome: done.outcome,
            rung: done.rung.and_then(|rung| self.rung(rung)),
            attempts: done.attempts,
            rejected: done.rejected.and(self.rejected.clone()),
            error_type: self.error_type.clone(),
        }
    }

    /// The attempt has ended; answers what became of settling it, or `None` when none was under way.
    pub fn settle(&mut self, ending: Ending<'_>) -> Option<Settled> {
        let permit = self.permit.take()?;
        let Ended { outcome, error_type, .. } = ending.told;
        let teaches = permit.teaches(outcome, ending.lasted);
        let settled = permit.settle(outcome, ending.lasted.map(Duration::from_nanos), error_type);
        self.error_type = error_type.filter(|_| outcome != Outcome::Success).map(str::to_owned);
        let teaches = teaches.filter(|_| settled == Settled::Ok);
        let _ = self.course.ended(self.body(), &Ended { teaches, ..ending.told });
        Some(settled)
    }

    /// The rung that was to be used has answered, or could not.
    pub fn answered(&mut self, has_answered: bool) {
        let _ = self.course.answered(self.body(), has_answered);
    }

    /// The permit of the attempt that is under way.
    pub fn permit(&self) -> Option<&Permit<'b>> {
        self.permit.as_ref()
    }
}

impl Rejection {
    fn refusal(&self) -> Refusal {
        Refusal::new(self.reason(), self.retry_after().map(nanos))
    }
}
