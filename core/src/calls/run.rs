//! One call under way, and what it has come to so far.

use super::answer::{Answer, Degraded, Failure, Miss, PolicyError, RungError};
use super::keep::Ended;
use super::shared::Shared;
use crate::attempt::Course;
use crate::body::Body;
use crate::clock::Nanos;
use crate::engine::Engine;
#[cfg(feature = "tokio")]
use crate::ledger::TIMEOUT;
use crate::outcome::{Outcome, Ticket};
use crate::permit::PANIC;
use crate::policy::fallback::Rung;
use crate::request::{Request, Wanted};
use crate::stepping::{Ending, Finished, Step, Steps};
use std::time::Duration;

/// A call that has begun. One that succeeds at once is never more than this: what is to be known about all others is put
/// together when its first attempt has come to something else.
pub(crate) struct First<'p, T, E> {
    pub(super) shared: &'p Shared<T, E>,
    request: &'p Request<'p>,
    pub(super) wanted: Wanted,
    begun: Nanos,
}

impl<'p, T, E> First<'p, T, E> {
    #[inline(always)]
    pub(super) fn begin(shared: &'p Shared<T, E>, request: &'p Request<'p>) -> Result<Self, PolicyError<E>> {
        let body = &shared.breaker.0;
        match body.check(request) {
            Ok(wanted) => Ok(First { shared, request, wanted, begun: Course::count(body) }),
            Err(e) => Err(PolicyError::new(Failure::Request(e), 0, None, Vec::new())),
        }
    }

    /// The call, if its deadline has passed before it could begin: no attempt is made.
    #[inline]
    pub(super) fn lapsed(&self) -> Option<Run<'p, T, E>> {
        if self.wanted.is_too_late(&self.shared.breaker.0) { Some(Run::lapsed(self)) } else { None }
    }

    /// Whether an attempt with that permit may be made at once, and says nothing to anybody but the breaker.
    #[inline]
    pub(super) fn is_simple(&self, ticket: &Ticket) -> bool {
        ticket.wait() == 0 && self.shared.breaker.0.hedging().is_none()
    }

    /// Settles an attempt that has succeeded beyond doubt; any other result is given back.
    #[inline]
    pub(super) fn succeed(
        &self,
        engine: &Engine,
        ticket: &Ticket,
        result: Result<T, E>,
    ) -> Result<Answer<T, E>, Result<T, E>> {
        match result {
            Ok(value) if self.shared.judge.trusts_values() => {
                self.shared.breaker.0.succeed(engine, ticket);
                self.shared.keep(self.request, &value);
                Ok(Answer::new(value, 1))
            }
            result => Err(result),
        }
    }
}

/// A call under way. Dropped in the middle of an attempt it drops that attempt's permit; when it was the function that
/// panicked, the attempt is a failure.
pub(crate) struct Run<'p, T, E> {
    pub(super) shared: &'p Shared<T, E>,
    request: &'p Request<'p>,
    pub(super) steps: Steps,
    /// Of the last attempt that ran.
    failure: Option<Failure<E>>,
    /// The value of the last attempt, if it was judged something else than a success.
    value: Option<T>,
    rungs: Vec<(Rung, RungError<E>)>,
    /// The function runs: who leaves now has panicked.
    is_inside: bool,
}

impl<'p, T, E> Run<'p, T, E> {
    /// A call that has begun and was counted; its first attempt is to be told of.
    pub(super) fn take_up(first: &First<'p, T, E>) -> Self {
        let First { shared, request, wanted, begun } = *first;
        let steps = Steps::take_up(&shared.breaker.0, request, wanted, begun);
        Run { shared, request, steps, failure: None, value: None, rungs: Vec::new(), is_inside: false }
    }

    /// A call whose deadline has passed before its first attempt.
    #[cold]
    fn lapsed(first: &First<'p, T, E>) -> Self {
        let mut run = Run::take_up(first);
        run.steps.course.lapse(run.body());
        run.failure = Some(Failure::TimedOut { limit: Duration::ZERO });
        run
    }

    #[inline]
    pub(super) fn body(&self) -> &'p Body {
        &self.shared.breaker.0
    }

    pub(super) fn next(&mut self) -> Option<Step> {
        self.steps.next(self.body())
    }

    /// Asks for a permit; never waits.
    pub(super) fn ask(&mut self) {
        self.steps.ask(self.body());
    }

    /// Runs the function's own code.
    #[inline]
    pub(super) fn inside<R>(&mut self, f: impl FnOnce() -> R) -> R {
        self.is_inside = true;
        let result = f();
        self.is_inside = false;
        result
    }

    /// The attempt has ended, and settles; the answer if it has succeeded.
    #[inline]
    pub(super) fn ended(&mut self, result: Result<T, E>) -> Option<Answer<T, E>> {
        let ending = self.shared.judge.judge(&result);
        let outcome = ending.outcome();
        self.steps.settle(self.body(), &ending);
        match result {
            Ok(value) if outcome == Outcome::Success => {
                self.shared.keep(self.request, &value);
                return Some(Answer::new(value, self.steps.made()));
            }
            Ok(value) => {
                let error_type = ending_type(self.steps.error_type());
                (self.failure, self.value) = (Some(Failure::Judged { error_type }), Some(value));
            }
            Err(e) => (self.failure, self.value) = (Some(Failure::Inner(e)), None),
        }
        None
    }

    /// The attempt took too long; its future is gone.
    #[cfg(feature = "tokio")]
    pub(super) fn timed_out(&mut self, limit: Duration) {
        self.steps.settle(self.body(), &Ending::failure(TIMEOUT));
        (self.failure, self.value) = (Some(Failure::TimedOut { limit }), None);
    }

    /// What the rung answers, on the spot.
    pub(super) fn answer(&mut self, rung: &Rung) -> Result<T, RungError<E>> {
        if *rung == Rung::Cache {
            return self.cached();
        }
        let (shared, level) = (self.shared, self.request.priority);
        let registered = shared.registered(rung).ok_or(RungError::Unregistered)?;
        registered.answer(&shared.breaker, &shared.judge, level, self.miss())
    }

    /// The same, awaited.
    #[cfg(feature = "tokio")]
    pub(super) async fn answer_async(&mut self, rung: &Rung) -> Result<T, RungError<E>> {
        if *rung == Rung::Cache {
            return self.cached();
        }
        let (shared, level) = (self.shared, self.request.priority);
        let registered = shared.registered(rung).ok_or(RungError::Unregistered)?;
        let descent = registered.descend(&shared.breaker)?;
        let permit = registered.ask_async(level).await?;
        registered.begin(descent, self.miss()).end(&shared.judge, permit).await
    }

    fn cached(&self) -> Result<T, RungError<E>> {
        let kept = self.shared.kept.as_ref().ok_or(RungError::Unregistered)?;
        self.request.key.and_then(|key| kept.any(self.body(), key)).ok_or(RungError::Absent)
    }

    fn miss(&mut self) -> Miss<'_, E> {
        let (body, steps) = (self.body(), &self.steps);
        let failure = self.failure.get_or_insert_with(|| match steps.rejection(body) {
            Some(rejection) => Failure::Rejected(rejection),
            None => unreachable!("a call that has not failed was turned away"),
        });
        Miss { failure, key: self.request.key }
    }

    /// The rung has answered, or could not; the answer if it has.
    pub(super) fn answered(&mut self, rung: Rung, answered: Result<T, RungError<E>>) -> Option<Answer<T, E>> {
        self.steps.answered(self.body(), answered.is_ok());
        match answered {
            Ok(value) => {
                let mut answer = Answer::new(value, self.steps.made());
                let error = self.error(self.steps.now_finished(self.body()));
                answer.degraded = Some(Box::new(Degraded { rung, error }));
                Some(answer)
            }
            Err(e) => {
                self.rungs.push((rung, e));
                None
            }
        }
    }

    /// It is over, and nothing has answered but perhaps the function itself.
    pub(super) fn end(&mut self, finished: Finished) -> Ended<T, E> {
        match self.value.take() {
            Some(value) => Ok(Answer::new(value, finished.attempts)),
            None => Err(self.error(finished)),
        }
    }

    fn error(&mut self, finished: Finished) -> PolicyError<E> {
        let rungs = std::mem::take(&mut self.rungs);
        let (failure, rejection) = match (self.failure.take(), finished.rejected) {
            (Some(rejected @ Failure::Rejected(_)), _) => (rejected, None),
            (Some(failure), rejection) => (failure, rejection),
            (None, Some(rejection)) => (Failure::Rejected(rejection), None),
            (None, None) => unreachable!("a call that has not failed was turned away"),
        };
        PolicyError::new(failure, finished.attempts, rejection, rungs)
    }
}

fn ending_type(error_type: Option<&str>) -> Option<Box<str>> {
    error_type.map(Box::from)
}

impl<T, E> Drop for Run<'_, T, E> {
    #[inline]
    fn drop(&mut self) {
        match self.is_inside {
            true => _ = self.steps.settle(self.body(), &Ending::failure(PANIC)),
            false => self.steps.abandon(self.body()),
        }
    }
}
