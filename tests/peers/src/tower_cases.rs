//! The tower layers over a bare service, polled to the end on the spot.

use std::future::{self, Future};
use std::hint::{black_box, spin_loop};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use tower::Service;

use crate::guard::{Batch, Maker};
use crate::work::{BAD, Failure, GOOD, work};

/// The bare service.
#[derive(Clone)]
pub struct Inner;

impl Service<u64> for Inner {
    type Response = u64;
    type Error = Failure;
    type Future = future::Ready<Result<u64, Failure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        future::ready(work(request))
    }
}

/// What an error of a layer says about the call.
pub trait Refusal {
    /// Whether the layer turned the request away.
    fn is_refusal(&self) -> bool;
}

impl Refusal for Failure {
    fn is_refusal(&self) -> bool {
        false
    }
}

/// The bare service, driven like the others.
pub fn bare() -> Maker {
    maker(false, |inner| inner)
}

/// The maker of batches over the service that `wrap` makes of the bare one, closed or open.
pub fn maker<S>(open: bool, wrap: impl Fn(Inner) -> S + Send + Sync + 'static) -> Maker
where
    S: Service<u64, Response = u64> + Clone + Send + Sync + 'static,
    S::Error: Refusal,
{
    match open {
        true => Box::new(move || rejection(wrap(Inner))),
        false => Box::new(move || success(wrap(Inner))),
    }
}

fn success<S>(service: S) -> Batch
where
    S: Service<u64, Response = u64> + Clone + Send + Sync + 'static,
    S::Error: Refusal,
{
    Box::new(move |calls| {
        let (mut service, waker) = (service.clone(), waker());
        for _ in 0..calls {
            black_box(&one(black_box(&mut service), black_box(GOOD), &waker));
        }
        assert!(!refuses(&mut service, GOOD), "the breaker opened while every call succeeded");
    })
}

fn rejection<S>(mut service: S) -> Batch
where
    S: Service<u64, Response = u64> + Clone + Send + Sync + 'static,
    S::Error: Refusal,
{
    let opened = (0..1_000).any(|_| refuses(&mut service, BAD));
    assert!(opened, "a thousand failures did not open the breaker");
    Box::new(move |calls| {
        let (mut service, waker) = (service.clone(), waker());
        for _ in 0..calls {
            black_box(&one(black_box(&mut service), black_box(GOOD), &waker));
        }
        assert!(refuses(&mut service, GOOD), "the breaker stopped rejecting");
    })
}

fn refuses<S>(service: &mut S, request: u64) -> bool
where
    S: Service<u64, Response = u64>,
    S::Error: Refusal,
{
    matches!(one(service, request, &waker()), Err(error) if error.is_refusal())
}

/// The cheapest executor that keeps the rules: it spins, and polls again only when it was woken.
pub struct Spinner(AtomicBool);

impl Wake for Spinner {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Spinner {
    fn wait(&self) {
        let mut spins = 0_u32;
        while !self.0.swap(false, Ordering::Acquire) {
            spin_loop();
            spins += 1;
            if spins.is_multiple_of(10_000) {
                std::thread::yield_now();
            }
        }
    }
}

/// A spinner and its waker.
pub fn waker() -> (Arc<Spinner>, Waker) {
    let spinner = Arc::new(Spinner(AtomicBool::new(false)));
    (Arc::clone(&spinner), Waker::from(spinner))
}

/// One request: readiness, call, response.
#[inline(always)]
pub fn one<S: Service<u64>>(
    service: &mut S,
    request: u64,
    (spinner, waker): &(Arc<Spinner>, Waker),
) -> Result<S::Response, S::Error> {
    let mut context = Context::from_waker(waker);
    loop {
        match service.poll_ready(&mut context) {
            Poll::Ready(ready) => break ready?,
            Poll::Pending => spinner.wait(),
        }
    }
    let mut response = pin!(service.call(request));
    loop {
        match response.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => spinner.wait(),
        }
    }
}
