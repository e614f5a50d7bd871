//! Async calls. They need no runtime of their own, any executor polls them; but for calls that wait for a slot or for
//! their turn, which need tokio's timer.

use crate::admit::priority::Priority;
use crate::asking::{Asking, Entered, Waiting};
use crate::body::Body;
use crate::breaker::CircuitBreaker;
use crate::error::{CallError, Refusal, Rejection};
use crate::outcome::Outcome;
use crate::permit::{OwnedPermit, Permit};
use pin_project_lite::pin_project;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

pin_project! {
    /// A future that holds a permit, `P`. If it panics the call is a failure; if it is dropped the permit is.
    pub(crate) struct Guarded<F, P> {
        #[pin]
        future: F,
        permit: Option<P>,
    }
}

impl<F, P> Guarded<F, P> {
    pub(crate) fn new(future: F, permit: P) -> Self {
        Guarded { future, permit: Some(permit) }
    }
}

/// Either permit.
pub(crate) trait Held: Sized {
    /// The call panicked.
    fn panicked(self);
}

impl Held for Permit<'_> {
    fn panicked(self) {
        self.panicked();
    }
}

impl Held for OwnedPermit {
    fn panicked(self) {
        self.with(|permit| permit.panicked());
    }
}

impl<F: Future, P: Held> Guarded<F, P> {
    /// The output, and the permit to settle with it where it lies.
    #[inline]
    pub(crate) fn poll_call<'p>(
        self: Pin<&'p mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<(F::Output, &'p mut Option<P>)> {
        let this = self.project();
        match catch_unwind(AssertUnwindSafe(|| this.future.poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready((output, this.permit)),
            Err(panic) => {
                if let Some(permit) = this.permit.take() {
                    permit.panicked();
                }
                resume_unwind(panic)
            }
        }
    }
}

impl Waiting {
    /// Waits, and ends the wait when its deadline has come.
    pub(crate) async fn until_its_deadline<E>(
        mut self,
        refuse: fn(&Body, Refusal) -> E,
    ) -> Result<OwnedPermit, E> {
        let mut timer = pin!(tokio::time::sleep(self.left()));
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(answer) = self.poll_end(cx, refuse) {
                    return Poll::Ready(answer);
                }
                ready!(timer.as_mut().poll(cx));
                // The breaker's clock need not be tokio's.
                if !self.expire() {
                    let left = self.left().max(LEAST);
                    timer.as_mut().reset(tokio::time::Instant::now() + left);
                }
            }
        })
        .await
    }
}

/// A timer is not set anew to less: tokio counts in milliseconds.
const LEAST: Duration = Duration::from_millis(1);

impl<'b> Asking<'b> {
    /// Leave to make the call; where all slots are taken, the task waits for one in the queue. Dropping the future while
    /// it waits leaves nothing behind.
    ///
    /// Once granted, a leaky bucket may still want the call to begin later: see [`Permit::wait`].
    ///
    /// # Errors
    /// When the breaker turns the call away, at once or while it waits.
    ///
    /// # Panics
    /// When it has to wait and there is no tokio runtime with a timer. Elsewhere use [`enter`](Asking::enter).
    pub async fn acquire(&self) -> Result<OwnedPermit, Rejection> {
        match poll_fn(|cx| Poll::Ready(self.enter_with(Some(cx.waker())))).await? {
            Entered::Admitted(permit) => Ok(permit),
            Entered::Waiting(waiting) => waiting.until_its_deadline(Body::rejection).await,
        }
    }

    /// The same, after the wait for the call's turn.
    pub(crate) async fn turn(&self) -> Result<Permit<'b>, Rejection> {
        let permit = self.breaker.borrow(self.acquire().await?);
        let wait = permit.wait();
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(permit)
    }

    /// As [`CircuitBreaker::call_async`].
    ///
    /// # Errors
    /// As there.
    pub async fn call_async<T, E>(
        &self,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError<E>> {
        let permit = self.turn().await.map_err(CallError::Rejected)?;
        run(permit, future).await
    }

    /// As [`CircuitBreaker::call_async_classified`].
    ///
    /// # Errors
    /// As there.
    pub async fn call_async_classified<T, E>(
        &self,
        classify: impl FnOnce(&Result<T, E>) -> Outcome,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError<E>> {
        let permit = self.turn().await.map_err(CallError::Rejected)?;
        run_classified(permit, classify, future).await
    }
}

async fn run<T, E>(
    permit: Permit<'_>,
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, CallError<E>> {
    // When the permit is settled the future is gone, with all that it held. What changes nothing but counts gives nothing
    // back, and is settled where it lies.
    let (result, permit) = {
        let mut guarded = pin!(Guarded::new(future, permit));
        poll_fn(|cx| {
            let (result, permit) = ready!(guarded.as_mut().poll_call(cx));
            let _ = result.is_ok() && Permit::succeed_in_place(permit);
            Poll::Ready((result, permit.take()))
        })
        .await
    };
    if let Some(permit) = permit {
        permit.record(&result);
    }
    result.map_err(CallError::Inner)
}

async fn run_classified<T, E>(
    permit: Permit<'_>,
    classify: impl FnOnce(&Result<T, E>) -> Outcome,
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, CallError<E>> {
    let (result, permit) = {
        let mut guarded = pin!(Guarded::new(future, permit));
        poll_fn(|cx| guarded.as_mut().poll_call(cx).map(|(result, permit)| (result, permit.take()))).await
    };
    if let Some(permit) = permit {
        permit.classify(&result, classify);
    }
    result.map_err(CallError::Inner)
}

impl CircuitBreaker {
    /// As [`Asking::acquire`], of priority `normal` and cost 1.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    pub async fn acquire(&self) -> Result<OwnedPermit, Rejection> {
        self.at(Priority::Normal).acquire().await
    }

    /// A breaker without gates makes nobody wait.
    async fn admit_async(&self) -> Result<Permit<'_>, Rejection> {
        match self.0.is_gated() {
            false => self.try_acquire(),
            true => self.at(Priority::Normal).turn().await,
        }
    }

    /// Awaits `future` under the breaker: `Ok` is a success, `Err` a failure, a panic a failure that goes on. The
    /// breaker is asked when this is first polled.
    ///
    /// Dropping the call, as a timeout or `select!` around it does, is ignored or, when it lasted at least
    /// `cancelled_after`, a failure: a timeout must not hide a service that hangs.
    ///
    /// With a `bulkhead` or a `concurrency_limit` that has a queue it waits there for a slot, and with a leaky bucket for
    /// its turn; see [`Asking::acquire`]. A call that is dropped while it waits leaves nothing behind.
    ///
    /// # Errors
    /// The future's own error, or the rejection when it was not polled.
    pub async fn call_async<T, E>(
        &self,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError<E>> {
        let permit = self.admit_async().await.map_err(CallError::Rejected)?;
        run(permit, future).await
    }

    /// Like [`call_async`](Self::call_async), with `classify` deciding what the result says of the dependency.
    ///
    /// # Errors
    /// As there.
    pub async fn call_async_classified<T, E>(
        &self,
        classify: impl FnOnce(&Result<T, E>) -> Outcome,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError<E>> {
        let permit = self.admit_async().await.map_err(CallError::Rejected)?;
        run_classified(permit, classify, future).await
    }
}
