//! What answers in a call's place: functions and constants under the names that the document's `fallback` has.

use super::answer::{Miss, RungError};
use super::policy::Shared;
use crate::admit::priority::Priority;
use crate::breaker::{CircuitBreaker, wait_for_turn};
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

/// A rung's function.
pub(crate) enum Source<T, E> {
    Blocking(Box<dyn Fn(Miss<'_, E>) -> Result<T, E> + Send + Sync>),
    #[cfg(feature = "tokio")]
    Async(Box<dyn for<'a> Fn(Miss<'a, E>) -> Answering<'a, T, E> + Send + Sync>),
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
    /// Answers at once.
    pub(crate) fn answer(&self, shared: &Shared<T, E>, level: Priority, miss: Miss<'_, E>) -> Answered<T, E> {
        let f = match &self.source {
            Source::Blocking(f) => f,
            #[cfg(feature = "tokio")]
            Source::Async(_) => return Err(RungError::IsAsync),
        };
        let permit = self.ask(level)?;
        permit.iter().for_each(|permit| wait_for_turn(&permit.ticket));
        let result = catch_unwind(AssertUnwindSafe(|| f(miss)));
        settle(shared, permit, result)
    }

    /// Leave of its breaker, if it has one of its own.
    fn ask(&self, level: Priority) -> Result<Option<Permit<'_>>, RungError<E>> {
        let asked = self.breaker.as_ref().map(|breaker| breaker.at(level).try_acquire());
        asked.transpose().map_err(RungError::Rejected)
    }

    /// Awaits the answer; a function that is not async is called on the spot.
    #[cfg(feature = "tokio")]
    pub(crate) async fn answer_async(
        &self,
        shared: &Shared<T, E>,
        level: Priority,
        miss: Miss<'_, E>,
    ) -> Answered<T, E> {
        let permit = match &self.breaker {
            None => None,
            Some(breaker) => {
                let permit = breaker.at(level).acquire().await.map_err(RungError::Rejected)?;
                let permit = breaker.borrow(permit);
                if !permit.wait().is_zero() {
                    tokio::time::sleep(permit.wait()).await;
                }
                Some(permit)
            }
        };
        let f = match &self.source {
            Source::Blocking(f) => return settle(shared, permit, catch_unwind(AssertUnwindSafe(|| f(miss)))),
            Source::Async(f) => f,
        };
        let mut future = match catch_unwind(AssertUnwindSafe(|| f(miss))) {
            Ok(future) => future,
            Err(panic) => return settle(shared, permit, Err(panic)),
        };
        let calm = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        });
        let limit = permit.as_ref().and_then(Permit::timeout);
        let result = match limit {
            None => calm.await,
            Some(limit) => match tokio::time::timeout(limit, calm).await {
                Ok(result) => result,
                Err(_) => {
                    drop(future);
                    permit.map(|permit| permit.failure(crate::ledger::TIMEOUT));
                    return Err(RungError::TimedOut { limit });
                }
            },
        };
        settle(shared, permit, result)
    }
}

/// Settles the permit with what came of the call, and says whether that is an answer.
fn settle<T, E>(
    shared: &Shared<T, E>,
    permit: Option<Permit<'_>>,
    result: Result<Result<T, E>, Panic>,
) -> Answered<T, E> {
    let result = match result {
        Ok(result) => result,
        Err(panic) => {
            crate::report::panicked("fallback", &shared.breaker.0.name, &*panic);
            permit.into_iter().for_each(Permit::panicked);
            return Err(RungError::Panicked);
        }
    };
    let judged = shared.judge(&result);
    let (outcome, error_type) = (judged.outcome(), judged.error_type());
    permit.map(|permit| permit.settle(outcome, None, error_type));
    let error_type = error_type.map(Box::from);
    match result {
        Ok(value) if outcome == Outcome::Success => Ok(value),
        Ok(_) => Err(RungError::Judged { error_type }),
        Err(e) => Err(RungError::Inner(e)),
    }
}
