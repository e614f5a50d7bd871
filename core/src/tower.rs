//! A `tower` layer.
//!
//! `poll_ready` asks the breaker first: while it would turn the call away the inner service is left alone, the
//! service is ready, and `call` answers with the rejection. Otherwise the inner service is made ready, and `call` uses
//! the very instance that was. Should the breaker open between the two, or a ramp not admit this call, `call` answers
//! with the rejection and keeps the ready instance for the next one.
//!
//! ## Order of layers
//!
//! From the outside in: fallback, retry, **circuit breaker**, timeout, the service. The timeout lies inside, so that
//! each attempt that takes too long is an error the breaker sees; the retry lies outside, so that each attempt asks the
//! breaker and counts as one outcome, and a rejection ends the attempts at once if the retry policy lets it; the
//! fallback lies outside of all, so that it answers for rejections, too. A timeout that must lie outside drops the
//! call: set `cancelled_after`, or a service that hangs is never seen as failing.
//!
//! A breaker whose document has `timeout`, `retry`, `fallback`, `cache` or `hedge` does all of that by itself, in one layer:
//! [`PolicyLayer`] over a [`Policy`](crate::Policy). [`CircuitBreakerLayer`] leaves them alone.
//!
//! ## Gates
//!
//! [`CircuitBreakerLayer::priority`] says how much a request matters. The layer waits for no slot, for it holds the inner
//! service ready meanwhile: with a queue put `tower`'s buffer outside, or call [`CircuitBreaker::call_async`]. A leaky
//! bucket's turn is waited for before the response is polled, by tokio's timer.

mod http;
mod policy;

pub use http::{of_response, retry_after};
pub use policy::{Anything, CloneRequest, Cloned, Describe, PolicyLayer, PolicyService};

use crate::admit::priority::Priority;
use crate::breaker::CircuitBreaker;
use crate::error::{CallError, Refusal, Rejection};
use crate::outcome::Outcome;
use crate::permit::{OwnedPermit, judge};
use crate::tokio::{Guarded, Held};
use pin_project_lite::pin_project;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

/// Decides what the result of a call says of the dependency. Closures and functions do, too.
pub trait Classify<T, E> {
    /// What `result` says.
    fn classify(&self, result: &Result<T, E>) -> Outcome;

    /// Whether `classify` is known not to panic, so that nothing need stand by.
    #[doc(hidden)]
    const IS_CALM: bool = false;
}

impl<T, E, F: Fn(&Result<T, E>) -> Outcome> Classify<T, E> for F {
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        self(result)
    }
}

/// `Ok` is a success, `Err` a failure.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByResult;

impl<T, E> Classify<T, E> for ByResult {
    const IS_CALM: bool = true;

    fn classify(&self, result: &Result<T, E>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Failure,
        }
    }
}

/// Says how much a request matters. Closures and functions do, too.
pub trait Prioritize<Q> {
    /// The priority of `request`.
    fn priority(&self, request: &Q) -> Priority;

    /// Whether every request is of priority `normal`.
    #[doc(hidden)]
    const IS_PLAIN: bool = false;
}

impl<Q, F: Fn(&Q) -> Priority> Prioritize<Q> for F {
    fn priority(&self, request: &Q) -> Priority {
        self(request)
    }
}

/// Every request is of priority `normal`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Normal;

impl<Q> Prioritize<Q> for Normal {
    const IS_PLAIN: bool = true;

    fn priority(&self, _: &Q) -> Priority {
        Priority::Normal
    }
}

/// Puts a breaker around a service. All services that one layer makes share its breaker. The service's `call` panics
/// when `poll_ready` did not say before that the service is ready, as the contract of `tower` has it.
///
/// ```
/// use fusewire::tower::CircuitBreakerLayer;
/// use fusewire::{CircuitBreaker, Outcome};
///
/// let breaker = CircuitBreaker::builder().build("inventory")?;
/// let layer = CircuitBreakerLayer::new(breaker).classify(|response: &Result<u16, std::io::Error>| match response {
///     Ok(status) if *status < 500 => Outcome::Success,
///     _ => Outcome::Failure,
/// });
/// # let _ = layer;
/// # Ok::<(), fusewire::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CircuitBreakerLayer<C = ByResult, P = Normal> {
    breaker: CircuitBreaker,
    classify: C,
    prioritize: P,
}

impl CircuitBreakerLayer {
    /// A layer for which an error is a failure and a response a success.
    pub fn new(breaker: CircuitBreaker) -> Self {
        CircuitBreakerLayer { breaker, classify: ByResult, prioritize: Normal }
    }
}

impl<C, P> CircuitBreakerLayer<C, P> {
    /// The same with `classify` deciding, which may look at the response: a status of 500, say.
    pub fn classify<D>(self, classify: D) -> CircuitBreakerLayer<D, P> {
        CircuitBreakerLayer { breaker: self.breaker, classify, prioritize: self.prioritize }
    }

    /// The same with `prioritize` saying how much a request matters: by its header [`Priority::HEADER`], say.
    ///
    /// ```
    /// use fusewire::tower::CircuitBreakerLayer;
    /// use fusewire::{CircuitBreaker, Priority};
    ///
    /// # struct Request { priority: Option<String> }
    /// let breaker = CircuitBreaker::builder().build("inventory")?;
    /// let layer = CircuitBreakerLayer::new(breaker).priority(|request: &Request| match &request.priority {
    ///     Some(value) => Priority::of_header(value),
    ///     None => Priority::Normal,
    /// });
    /// # let _ = layer;
    /// # Ok::<(), fusewire::Error>(())
    /// ```
    pub fn priority<D>(self, prioritize: D) -> CircuitBreakerLayer<C, D> {
        CircuitBreakerLayer { breaker: self.breaker, classify: self.classify, prioritize }
    }
}

impl<S, C: Clone, P: Clone> Layer<S> for CircuitBreakerLayer<C, P> {
    type Service = CircuitBreakerService<S, C, P>;

    fn layer(&self, inner: S) -> Self::Service {
        CircuitBreakerService {
            inner,
            breaker: self.breaker.clone(),
            classify: self.classify.clone(),
            prioritize: self.prioritize.clone(),
            readiness: Readiness::Unknown,
        }
    }
}

/// What `poll_ready` has found.
#[derive(Debug, Clone, Copy)]
enum Readiness {
    Unknown,
    /// The breaker would reject; the inner service was left alone.
    Rejects(Refusal),
    /// The inner service is ready.
    Ready,
}

/// A service behind a breaker; see [`CircuitBreakerLayer`].
#[derive(Debug)]
pub struct CircuitBreakerService<S, C = ByResult, P = Normal> {
    inner: S,
    breaker: CircuitBreaker,
    classify: C,
    prioritize: P,
    readiness: Readiness,
}

/// A clone was not polled ready, whatever the original was.
impl<S: Clone, C: Clone, P: Clone> Clone for CircuitBreakerService<S, C, P> {
    fn clone(&self) -> Self {
        CircuitBreakerService {
            inner: self.inner.clone(),
            breaker: self.breaker.clone(),
            classify: self.classify.clone(),
            prioritize: self.prioritize.clone(),
            readiness: Readiness::Unknown,
        }
    }
}

impl<S, C, P, Q> Service<Q> for CircuitBreakerService<S, C, P>
where
    P: Prioritize<Q>,
    S: Service<Q>,
    C: Classify<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = CallError<S::Error>;
    type Future = ResponseFuture<S::Future, C>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if let Some(refusal) = self.breaker.0.would_reject() {
            self.readiness = Readiness::Rejects(refusal);
            return Poll::Ready(Ok(()));
        }
        let is_ready = ready!(self.inner.poll_ready(cx));
        self.readiness = if is_ready.is_ok() { Readiness::Ready } else { Readiness::Unknown };
        Poll::Ready(is_ready.map_err(CallError::Inner))
    }

    #[inline]
    fn call(&mut self, request: Q) -> Self::Future {
        match self.readiness {
            Readiness::Rejects(refusal) => {
                self.readiness = Readiness::Unknown;
                ResponseFuture::rejected(self.breaker.0.turn_away(refusal))
            }
            Readiness::Ready => match if P::IS_PLAIN { self.breaker.acquire_plainly() } else { None } {
                Some(permit) => self.run(permit, None, request),
                None => self.call_at_length(request),
            },
            Readiness::Unknown => panic!("`call` before `poll_ready` said that the service is ready"),
        }
    }
}

impl<S, C: Clone, P> CircuitBreakerService<S, C, P> {
    /// A call that is timed, of a priority, or of a breaker that is not simply closed.
    #[inline(never)]
    fn call_at_length<Q>(&mut self, request: Q) -> ResponseFuture<S::Future, C>
    where
        P: Prioritize<Q>,
        S: Service<Q>,
    {
        let acquired = match P::IS_PLAIN {
            true => self.breaker.try_acquire_owned_at_length(),
            false => self.breaker.at(self.prioritize.priority(&request)).try_acquire_owned(),
        };
        match acquired {
            Ok(permit) => {
                let turn = permit.is_paced().then(|| Box::pin(tokio::time::sleep(permit.wait())));
                self.run(permit, turn, request)
            }
            Err(rejection) => ResponseFuture::rejected(rejection),
        }
    }

    #[inline(always)]
    fn run<Q>(&mut self, permit: OwnedPermit, turn: Turn, request: Q) -> ResponseFuture<S::Future, C>
    where
        S: Service<Q>,
    {
        self.readiness = Readiness::Unknown;
        // What the unwinder might drop has to lie in memory. Nothing unwinds through here, and so it moves in registers.
        let permit = ManuallyDrop::new(permit);
        let called = catch_unwind(AssertUnwindSafe(|| self.inner.call(request)));
        let permit = ManuallyDrop::into_inner(permit);
        let guarded = match called {
            Ok(future) => Guarded::new(future, permit),
            Err(panic) => {
                permit.panicked();
                resume_unwind(panic)
            }
        };
        ResponseFuture { state: State::Running { turn, guarded, classify: self.classify.clone() } }
    }
}

/// The timer of a call that must wait for its turn.
type Turn = Option<Pin<Box<tokio::time::Sleep>>>;

pin_project! {
    /// The response of a [`CircuitBreakerService`].
    pub struct ResponseFuture<F, C> {
        #[pin]
        state: State<F, C>,
    }
}

pin_project! {
    #[project = StateOf]
    enum State<F, C> {
        Rejected { rejection: Option<Rejection> },
        Running { turn: Turn, #[pin] guarded: Guarded<F, OwnedPermit>, classify: C },
    }
}

impl<F, C> ResponseFuture<F, C> {
    fn rejected(rejection: Rejection) -> Self {
        ResponseFuture { state: State::Rejected { rejection: Some(rejection) } }
    }
}

impl<F, C, T, E> Future for ResponseFuture<F, C>
where
    F: Future<Output = Result<T, E>>,
    C: Classify<T, E>,
{
    type Output = Result<T, CallError<E>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateOf::Rejected { rejection } => match rejection.take() {
                Some(rejection) => Poll::Ready(Err(CallError::Rejected(rejection))),
                None => panic!("polled after it was ready"),
            },
            StateOf::Running { turn, guarded, classify } => {
                if let Some(timer) = turn {
                    ready!(wait_for_turn(timer, cx));
                    *turn = None;
                }
                let (result, permit) = ready!(guarded.poll_call(cx));
                settle(permit, classify, &result);
                Poll::Ready(result.map_err(CallError::Inner))
            }
        }
    }
}

#[cold]
fn wait_for_turn(timer: &mut Pin<Box<tokio::time::Sleep>>, cx: &mut Context<'_>) -> Poll<()> {
    timer.as_mut().poll(cx)
}

#[inline]
fn settle<T, E, C: Classify<T, E>>(held: &mut Option<OwnedPermit>, classify: &C, result: &Result<T, E>) {
    let Some(permit) = held.as_ref() else { return };
    let outcome = match C::IS_CALM {
        true => classify.classify(result),
        false => judge(permit.loan.body(), result, |result| classify.classify(result)),
    };
    if outcome == Outcome::Success && OwnedPermit::succeed_in_place(held) {
        return;
    }
    if let Some(permit) = held.take() {
        permit.come_to(outcome);
    }
}
