//! Async calls. They need no runtime of their own: any executor polls them.

use crate::breaker::CircuitBreaker;
use crate::error::CallError;
use crate::outcome::Outcome;
use crate::permit::{OwnedPermit, Permit};
use pin_project_lite::pin_project;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

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
pub(crate) trait Held {
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

impl<F: Future, P: Held> Future for Guarded<F, P> {
    /// The output, and the permit to settle with it.
    type Output = (F::Output, Option<P>);

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match catch_unwind(AssertUnwindSafe(|| this.future.poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready((output, this.permit.take())),
            Err(panic) => {
                if let Some(permit) = this.permit.take() {
                    permit.panicked();
                }
                resume_unwind(panic)
            }
        }
    }
}

impl CircuitBreaker {
    /// Awaits `future` under the breaker: `Ok` is a success, `Err` a failure, a panic a failure that goes on. The
    /// breaker is asked when this is first polled.
    ///
    /// Dropping the call, as a timeout or `select!` around it does, is ignored or, when it lasted at least
    /// `cancelled_after`, a failure: a timeout must not hide a service that hangs.
    ///
    /// # Errors
    /// The future's own error, or the rejection when it was not polled.
    pub async fn call_async<T, E>(
        &self,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError<E>> {
        let permit = self.try_acquire().map_err(CallError::Rejected)?;
        let (result, permit) = Guarded::new(future, permit).await;
        if let Some(permit) = permit {
            permit.record(&result);
        }
        result.map_err(CallError::Inner)
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
        let permit = self.try_acquire().map_err(CallError::Rejected)?;
        let (result, permit) = Guarded::new(future, permit).await;
        if let Some(permit) = permit {
            permit.classify(&result, classify);
        }
        result.map_err(CallError::Inner)
    }
}
