//! What answers in a call's place: functions and constants under the names that the document's `fallback` has.

use super::answer::{Miss, RungError};
use super::judge::Judge;
use crate::admit::priority::Priority;
use crate::breaker::{CircuitBreaker, wait_for_turn};
use crate::descent::Descent;
#[cfg(feature = "tokio")]
use crate::ledger::TIMEOUT;
use crate::outcome::Outcome;
use crate::permit::Permit;
use crate::policy::fallback::Rung;
use std::any::Any;
#[cfg(feature = "tokio")]
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(feature = "tokio")]
use std::pin::Pin;
#[cfg(feature = "tokio")]
use std::task::Poll;

/// A future that a rung's function gives.
#[cfg(feature = "tokio")]
pub(crate) type Answering<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

type Blocking<T, E> = dyn Fn(Miss<'_, E>) -> Result<T, E> + Send + Sync;
#[cfg(feature = "tokio")]
type Async<T, E> = dyn for<'a> Fn(Miss<'a, E>) -> Answering<'a, T, E> + Send + Sync;

/// A rung's function.
pub(crate) enum Source<T, E> {
    Blocking(Box<Blocking<T, E>>),
    #[cfg(feature = "tokio")]
    Async(Box<Async<T, E>>),
}

/// A function under a rung's name, and the breaker that its calls go through, if that is another's.
pub(crate) struct Registered<T, E> {
    pub rung: Rung,
    pub breaker: Option<CircuitBreaker>,
    pub source: Source<T, E>,
}

type Answered<T, E> = Result<T, RungError<E>>;
type Panic = Box<dyn Any + Send>;

impl<T, E> Registered<T, E> {
    /// Answers at once, for a call of the breaker `from`.
    pub(crate) fn answer(
        &self,
        from: &CircuitBreaker,
        judge: &Judge<T, E>,
        level: Priority,
        miss: Miss<'_, E>,
    ) -> Answered<T, E> {
        #[cfg_attr(
            not(feature = "tokio"),
            expect(clippy::infallible_destructuring_match, reason = "others may be async")
        )]
        let f = match &self.source {
            Source::Blocking(f) => f,
            #[cfg(feature = "tokio")]
            Source::Async(_) => return Err(RungError::IsAsync),
        };
        let descent = self.descend(from)?;
        let permit = self.ask(level)?;
        permit.iter().for_each(|permit| wait_for_turn(&permit.ticket));
        let result = descent.within(|| catch_unwind(AssertUnwindSafe(|| f(miss))));
        settle(judge, permit, result)
    }

    /// Goes down from `from`, unless that leads round in a circle.
    pub(crate) fn descend(&self, from: &CircuitBreaker) -> Result<Descent, RungError<E>> {
        Descent::enter(from, self.breaker.as_ref()).map_err(RungError::Cycle)
    }

    /// Leave of its breaker, if it has one of its own.
    fn ask(&self, level: Priority) -> Result<Option<Permit<'_>>, RungError<E>> {
        let asked = self.breaker.as_ref().map(|breaker| breaker.at(level).try_acquire());
        asked.transpose().map_err(RungError::Rejected)
    }

    /// The same, waiting for it where calls wait.
    #[cfg(feature = "tokio")]
    pub(crate) async fn ask_async(&self, level: Priority) -> Result<Option<Permit<'_>>, RungError<E>> {
        let Some(breaker) = &self.breaker else { return Ok(None) };
        let permit = breaker.at(level).turn().await.map_err(RungError::Rejected)?;
        Ok(Some(permit))
    }

    /// Calls the function. What it is told of the call is not kept: only a future of its own has it.
    #[cfg(feature = "tokio")]
    pub(crate) fn begin<'a>(&self, descent: Descent, miss: Miss<'a, E>) -> Begun<'a, T, E> {
        match &self.source {
            Source::Blocking(f) => {
                Begun::Ended(descent.within(|| catch_unwind(AssertUnwindSafe(|| f(miss)))))
            }
            Source::Async(f) => match descent.within(|| catch_unwind(AssertUnwindSafe(|| f(miss)))) {
                Ok(future) => Begun::Goes(descent, future),
                Err(panic) => Begun::Ended(Err(panic)),
            },
        }
    }
}

/// What calling a rung's function has come to.
#[cfg(feature = "tokio")]
pub(crate) enum Begun<'a, T, E> {
    Ended(Result<Result<T, E>, Panic>),
    Goes(Descent, Answering<'a, T, E>),
}

#[cfg(feature = "tokio")]
impl<T, E> Begun<'_, T, E> {
    /// Awaits the answer, as long as the breaker allows whose permit it is.
    pub(crate) async fn end(self, judge: &Judge<T, E>, permit: Option<Permit<'_>>) -> Answered<T, E> {
        let (descent, mut future) = match self {
            Begun::Ended(result) => return settle(judge, permit, result),
            Begun::Goes(descent, future) => (descent, future),
        };
        let calm = poll_fn(|cx| {
            let polled = descent.within(|| catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))));
            match polled {
                Ok(polled) => polled.map(Ok),
                Err(panic) => Poll::Ready(Err(panic)),
            }
        });
        let limit = permit.as_ref().and_then(Permit::timeout);
        let result = match limit {
            None => Ok(calm.await),
            Some(limit) => tokio::time::timeout(limit, calm).await.map_err(|_| limit),
        };
        drop(future);
        match result {
            Ok(result) => settle(judge, permit, result),
            Err(limit) => {
                permit.map(|permit| permit.failure(TIMEOUT));
                Err(RungError::TimedOut { limit })
            }
        }
    }
}

/// Settles the permit with what came of the call, and says whether that is an answer.
fn settle<T, E>(
    judge: &Judge<T, E>,
    permit: Option<Permit<'_>>,
    result: Result<Result<T, E>, Panic>,
) -> Answered<T, E> {
    let result = match result {
        Ok(result) => result,
        Err(panic) => {
            crate::report::panicked("fallback", &judge.name, &*panic);
            permit.into_iter().for_each(Permit::panicked);
            return Err(RungError::Panicked);
        }
    };
    let judged = judge.judge(&result);
    let (outcome, error_type) = (judged.outcome(), judged.error_type());
    permit.map(|permit| permit.settle(outcome, None, error_type));
    let error_type = error_type.map(Box::from);
    match result {
        Ok(value) if outcome == Outcome::Success => Ok(value),
        Ok(_) => Err(RungError::Judged { error_type }),
        Err(e) => Err(RungError::Inner(e)),
    }
}
