//! The `tower` layer: over a real HTTP service, and against services that hold it to the letter of `Service`.

#![allow(missing_docs)]

use fusewire::tower::CircuitBreakerLayer;
use fusewire::{By, CallError, CircuitBreaker, ManualClock, Outcome, Ramp, Reason, Settled, State};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::TokioExecutor;
use std::convert::Infallible;
use std::future::{Future, Ready, pending, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tower::retry::{Policy, RetryLayer};
use tower::timeout::TimeoutLayer;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};

const SECOND: Duration = Duration::from_secs(1);

fn breaker() -> CircuitBreaker {
    let builder =
        CircuitBreaker::builder().failure_threshold(2).half_open_max_calls(1).clock(ManualClock::new());
    builder.build("upstream").expect("valid")
}

fn outcomes(breaker: &CircuitBreaker) -> (u64, u64, u64) {
    let totals = breaker.snapshot().totals;
    (totals.success, totals.failure, totals.ignored)
}

fn rejected_by<T, E>(answer: Result<T, CallError<E>>) -> Option<Reason> {
    answer.err().and_then(|e| e.rejection().map(fusewire::Rejection::reason))
}

// ---- over a real service ----

/// Answers `/503` with the status 503; counts what it is asked.
async fn upstream() -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let answer = move |axum::extract::Path(status): axum::extract::Path<u16>| {
        count.fetch_add(1, SeqCst);
        ready(StatusCode::from_u16(status).unwrap_or(StatusCode::OK))
    };
    let app = axum::Router::new().route("/{status}", axum::routing::get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, asked)
}

fn request(address: std::net::SocketAddr, status: u16) -> Request<Empty<Bytes>> {
    Request::get(format!("http://{address}/{status}")).body(Empty::new()).expect("a request")
}

fn by_status(answer: &Result<Response<Incoming>, ClientError>) -> Outcome {
    match answer {
        Ok(response) if response.status().is_server_error() => Outcome::Failure,
        Ok(response) if response.status().is_client_error() => Outcome::Ignored,
        Ok(_) => Outcome::Success,
        Err(_) => Outcome::Failure,
    }
}

#[tokio::test]
async fn responses_of_a_real_service_are_judged_by_their_status() {
    let (address, asked) = upstream().await;
    let breaker = breaker();
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let mut service = CircuitBreakerLayer::new(breaker.clone()).classify(by_status).layer(client);
    for (status, outcomes_then) in
        [(200, (1, 0, 0)), (404, (1, 0, 1)), (503, (1, 1, 1)), (204, (2, 1, 1)), (500, (2, 2, 1))]
    {
        let response =
            service.ready().await.expect("ready").call(request(address, status)).await.expect("admitted");
        assert_eq!(response.status().as_u16(), status, "the response is the service's own");
        assert_eq!(outcomes(&breaker), outcomes_then, "after {status}");
    }
    assert_eq!((breaker.state(), asked.load(SeqCst)), (State::Closed, 5));
    let response = service.ready().await.expect("ready").call(request(address, 502)).await.expect("admitted");
    assert_eq!((response.status().as_u16(), breaker.state()), (502, State::Open));
    for _ in 0..3 {
        let answer = service.ready().await.expect("ready").call(request(address, 200)).await;
        assert_eq!(rejected_by(answer), Some(Reason::Open));
    }
    assert_eq!(asked.load(SeqCst), 6, "nothing reaches the service while the breaker is open");
    breaker.half_open(By::default());
    let answer = service.ready().await.expect("ready").call(request(address, 200)).await;
    assert!(answer.is_ok() && breaker.state() == State::Closed);
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_fails() {
    let nobody =
        tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let breaker = breaker();
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let service = CircuitBreakerLayer::new(breaker.clone()).classify(by_status).layer(client);
    for _ in 0..2 {
        let e = service.clone().oneshot(request(nobody, 200)).await.expect_err("nobody is there");
        assert!(matches!(e, CallError::Inner(e) if e.is_connect()), "the client's own error");
    }
    assert_eq!((outcomes(&breaker), breaker.state()), ((0, 2, 0), State::Open));
}

// ---- readiness ----

/// A service that must be polled ready before each call, in the very instance that is called.
#[derive(Default)]
struct Strict {
    is_ready: bool,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    polled: AtomicUsize,
    called: AtomicUsize,
    busy: AtomicBool,
    broken: AtomicBool,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Strict { is_ready: false, shared: Arc::clone(&self.shared) }
    }
}

impl Service<bool> for Strict {
    type Response = ();
    type Error = &'static str;
    type Future = Ready<Result<(), &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        self.shared.polled.fetch_add(1, SeqCst);
        if self.shared.broken.load(SeqCst) {
            return Poll::Ready(Err("broken"));
        }
        if self.shared.busy.load(SeqCst) {
            return Poll::Pending;
        }
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, succeeds: bool) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called without being polled ready");
        self.shared.called.fetch_add(1, SeqCst);
        ready(if succeeds { Ok(()) } else { Err("failed") })
    }
}

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn now<F: Future>(future: F) -> F::Output {
    match std::pin::pin!(future).poll(&mut context()) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it is not ready"),
    }
}

#[test]
fn while_it_would_reject_the_inner_service_is_left_alone() {
    let (breaker, strict) = (breaker(), Strict::default());
    let shared = Arc::clone(&strict.shared);
    shared.busy.store(true, SeqCst);
    let mut service = CircuitBreakerLayer::new(breaker.clone()).layer(strict);
    assert!(
        service.poll_ready(&mut context()).is_pending(),
        "the inner service's readiness counts while closed"
    );
    breaker.trip(None, By::default()).expect("no duration");
    assert_eq!(service.poll_ready(&mut context()), Poll::Ready(Ok(())), "a rejection needs no inner service");
    assert_eq!(service.poll_ready(&mut context()), Poll::Ready(Ok(())), "asking twice does no harm");
    assert_eq!(rejected_by(now(service.call(true))), Some(Reason::Open));
    assert_eq!((shared.polled.load(SeqCst), shared.called.load(SeqCst)), (1, 0));
    assert_eq!(breaker.snapshot().totals.rejected_by(Reason::Open), 1, "one call, one rejection");
    breaker.reset(By::default());
    shared.broken.store(true, SeqCst);
    assert_eq!(service.poll_ready(&mut context()), Poll::Ready(Err(CallError::Inner("broken"))));
    assert_eq!(outcomes(&breaker), (0, 0, 0), "no call was made");
}

#[test]
fn only_the_instance_that_was_polled_ready_is_called() {
    let (breaker, strict) = (breaker(), Strict::default());
    let shared = Arc::clone(&strict.shared);
    let mut service = CircuitBreakerLayer::new(breaker.clone()).layer(strict);
    for i in 0..3 {
        assert!(service.poll_ready(&mut context()).is_ready());
        // A clone must be polled itself; making one takes nothing from the original.
        let mut clone = service.clone();
        assert!(clone.poll_ready(&mut context()).is_ready());
        assert_eq!(now(clone.call(true)), Ok(()));
        assert_eq!(now(service.call(true)), Ok(()), "round {i}");
    }
    assert_eq!((shared.called.load(SeqCst), outcomes(&breaker)), (6, (6, 0, 0)));
}

#[test]
#[should_panic(expected = "before `poll_ready`")]
fn a_clone_of_a_ready_service_is_not_ready() {
    let mut service = CircuitBreakerLayer::new(breaker()).layer(Strict::default());
    assert!(service.poll_ready(&mut context()).is_ready());
    drop(service.clone().call(true));
}

#[test]
fn a_breaker_that_opens_between_ready_and_call_rejects_and_keeps_the_ready_instance() {
    let (breaker, strict) = (breaker(), Strict::default());
    let shared = Arc::clone(&strict.shared);
    let mut service = CircuitBreakerLayer::new(breaker.clone()).layer(strict);
    assert!(service.poll_ready(&mut context()).is_ready());
    breaker.trip(None, By::default()).expect("no duration");
    assert_eq!(rejected_by(now(service.call(true))), Some(Reason::Open));
    assert_eq!(shared.called.load(SeqCst), 0);
    breaker.reset(By::default());
    assert_eq!(now(service.call(true)), Ok(()), "the instance is still the one that was polled ready");
    assert_eq!((shared.polled.load(SeqCst), shared.called.load(SeqCst)), (1, 1));
}

#[test]
fn probes_that_all_leak_open_the_breaker_through_the_layer_too() {
    let clock = ManualClock::new();
    let builder =
        CircuitBreaker::builder().half_open_max_calls(1).half_open_timeout(SECOND).clock(clock.clone());
    let breaker = builder.recovery_timeout(2 * SECOND).build("upstream").expect("valid");
    let mut service = CircuitBreakerLayer::new(breaker.clone()).layer(Strict::default());
    breaker.half_open(By::default());
    std::mem::forget(breaker.try_acquire().expect("the probe"));
    let ask = |service: &mut dyn FnMut() -> Option<Reason>| service();
    let mut call = || {
        assert!(service.poll_ready(&mut context()).is_ready());
        rejected_by(now(service.call(true)))
    };
    assert_eq!(ask(&mut call), Some(Reason::HalfOpenFull));
    clock.advance(SECOND);
    assert_eq!(ask(&mut call), Some(Reason::Open), "its lease has ended");
    assert_eq!((breaker.state(), breaker.snapshot().totals.expired), (State::Open, 1));
    clock.advance(2 * SECOND);
    assert_eq!(ask(&mut call), None, "the next probe");
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_ramp_admits_its_share_through_the_layer() {
    let builder = CircuitBreaker::builder().half_open_max_calls(1).clock(ManualClock::new());
    let ramp = Ramp::new().initial(0.25).step(0.25).window_calls(3);
    let breaker = builder.ramp(ramp).build("upstream").expect("valid");
    let mut service = CircuitBreakerLayer::new(breaker.clone()).layer(Strict::default());
    breaker.half_open(By::default());
    let mut answers = String::new();
    for _ in 0..1 + 12 + 6 + 4 {
        assert!(service.poll_ready(&mut context()).is_ready());
        answers.push(match rejected_by(now(service.call(true))) {
            None => '+',
            Some(reason) => {
                assert_eq!(reason, Reason::Ramp);
                '.'
            }
        });
    }
    assert_eq!(answers, "+...+...+...+.+.+.+.+++", "a probe, a quarter, a half, three quarters");
    assert_eq!(breaker.snapshot().totals.rejected_by(Reason::Ramp), 9 + 3 + 1);
}

// ---- futures that do not end well ----

/// A service whose calls never end.
fn hanging()
-> impl Service<(), Response = (), Error = Infallible, Future = impl Future<Output = Result<(), Infallible>>>
{
    service_fn(|()| pending::<Result<(), Infallible>>())
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_dropped_is_ignored_or_timed_out() {
    let clock = ManualClock::new();
    let builder = CircuitBreaker::builder().failure_threshold(2).cancelled_after(SECOND).clock(clock.clone());
    let breaker = builder.build("upstream").expect("valid");
    let mut service = CircuitBreakerLayer::new(breaker.clone()).layer(hanging());
    let response = service.ready().await.expect("ready").call(());
    drop(response);
    assert_eq!(outcomes(&breaker), (0, 0, 1), "dropped before it was polled");
    let response = service.ready().await.expect("ready").call(());
    assert!(tokio::time::timeout(SECOND, response).await.is_err());
    assert_eq!(outcomes(&breaker), (0, 0, 2), "timeout");
    let response = service.ready().await.expect("ready").call(());
    tokio::select! {
        biased;
        _ = response => unreachable!("it never ends"),
        () = ready(()) => {}
    }
    assert_eq!(outcomes(&breaker), (0, 0, 3), "select!");
    for late in 1..=2 {
        let response = service.ready().await.expect("ready").call(());
        let task = tokio::spawn(response);
        tokio::task::yield_now().await;
        clock.advance(SECOND);
        task.abort();
        assert!(task.await.expect_err("aborted").is_cancelled());
        assert_eq!(outcomes(&breaker), (0, late, 3), "abort, after `cancelled_after`");
    }
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.snapshot().failures_by_type, [("timeout".to_owned(), 2)]);
}

#[tokio::test]
async fn a_panic_of_the_service_is_a_failure_and_goes_on() {
    let breaker = breaker();
    let panics = |at_once: bool| -> Pin<Box<dyn Future<Output = Result<(), Infallible>> + Send>> {
        if at_once {
            std::panic::resume_unwind(Box::new("in `call`"));
        }
        Box::pin(async { std::panic::resume_unwind(Box::new("in the future")) })
    };
    let layer = CircuitBreakerLayer::new(breaker.clone());
    for (at_once, words) in [(false, "in the future"), (true, "in `call`")] {
        let mut service = layer.layer(service_fn(panics));
        let task = tokio::spawn(async move { service.ready().await.expect("ready").call(at_once).await });
        let panic = task.await.expect_err("it goes on").into_panic();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&words));
    }
    assert_eq!((outcomes(&breaker), breaker.state()), ((0, 2, 0), State::Open));
    assert_eq!(breaker.snapshot().failures_by_type, [("panic".to_owned(), 2)]);
}

#[test]
fn a_classifier_that_panics_leaves_the_response_unharmed() {
    let breaker = breaker();
    let bad = |_: &Result<(), &str>| -> Outcome { std::panic::resume_unwind(Box::new("no idea")) };
    let mut service = CircuitBreakerLayer::new(breaker.clone()).classify(bad).layer(Strict::default());
    assert!(service.poll_ready(&mut context()).is_ready());
    assert_eq!(now(service.call(true)), Ok(()));
    assert_eq!(outcomes(&breaker), (1, 0, 0));
}

// ---- the order of layers ----

/// Tries again up to three times, but not when the breaker has turned the call away.
#[derive(Clone)]
struct ThreeTimes(usize);

impl Policy<&'static str, &'static str, CallError<BoxError>> for ThreeTimes {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut &'static str,
        answer: &mut Result<&'static str, CallError<BoxError>>,
    ) -> Option<Ready<()>> {
        match answer {
            Err(CallError::Inner(_)) if self.0 < 3 => {
                self.0 += 1;
                Some(ready(()))
            }
            _ => None,
        }
    }

    fn clone_request(&mut self, request: &&'static str) -> Option<&'static str> {
        Some(request)
    }
}

#[tokio::test(start_paused = true)]
async fn fallback_retry_breaker_and_timeout_compose_in_that_order() {
    let builder = CircuitBreaker::builder().failure_threshold(4).clock(ManualClock::new());
    let breaker = builder.build("upstream").expect("valid");
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let upstream = service_fn(move |request: &'static str| {
        let n = count.fetch_add(1, SeqCst);
        async move {
            match request {
                "hang" => pending().await,
                "flaky" if n.is_multiple_of(2) => Err(BoxError::from("refused")),
                "flaky" => Ok("answer"),
                other => Ok(other),
            }
        }
    });
    let service = ServiceBuilder::new()
        .map_result(|answer: Result<&'static str, CallError<BoxError>>| match answer {
            Ok(text) => Ok::<_, CallError<BoxError>>(text.to_owned()),
            Err(CallError::Rejected(rejection)) => Ok(format!("fallback: {}", rejection.reason())),
            Err(CallError::Inner(e)) => Ok(format!("fallback: {e}")),
        })
        .layer(RetryLayer::new(ThreeTimes(0)))
        .layer(CircuitBreakerLayer::new(breaker.clone()))
        .layer(TimeoutLayer::new(SECOND))
        .service(upstream);
    let ask = |request| service.clone().oneshot(request);

    assert_eq!(ask("flaky").await.expect("never an error"), "answer");
    assert_eq!((outcomes(&breaker), asked.load(SeqCst)), ((1, 1, 0), 2), "each attempt is one outcome");
    // Four attempts that take too long open the breaker: the timeout inside makes each a failure it sees.
    let answer = ask("hang").await.expect("never an error");
    assert!(answer.starts_with("fallback: ") && answer.contains("timed out"), "{answer}");
    assert_eq!((outcomes(&breaker), breaker.state()), ((1, 5, 0), State::Open));
    assert_eq!(asked.load(SeqCst), 6);
    // A rejection ends the attempts at once, and the fallback answers.
    assert_eq!(ask("fine").await.expect("never an error"), "fallback: open");
    assert_eq!(breaker.snapshot().totals.rejected_by(Reason::Open), 1);
    assert_eq!(asked.load(SeqCst), 6);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_hides_a_hanging_service_unless_cancelled_after_is_set() {
    for is_set in [false, true] {
        let clock = ManualClock::new();
        let mut builder = CircuitBreaker::builder().failure_threshold(3).clock(clock.clone());
        if is_set {
            builder = builder.cancelled_after(SECOND);
        }
        let breaker = builder.build("upstream").expect("valid");
        let moving = clock.clone();
        let upstream = service_fn(move |()| {
            moving.advance(SECOND);
            pending::<Result<(), Infallible>>()
        });
        let service = ServiceBuilder::new()
            .layer(TimeoutLayer::new(SECOND))
            .layer(CircuitBreakerLayer::new(breaker.clone()))
            .service(upstream);
        for _ in 0..3 {
            let e: BoxError = service.clone().oneshot(()).await.expect_err("too long");
            assert!(e.is::<tower::timeout::error::Elapsed>());
        }
        let (expected, state) = if is_set { ((0, 3, 0), State::Open) } else { ((0, 0, 3), State::Closed) };
        assert_eq!((outcomes(&breaker), breaker.state()), (expected, state));
    }
}

#[tokio::test]
async fn an_inner_limit_is_not_used_up_by_rejections() {
    let breaker = breaker();
    let service = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(breaker.clone()))
        .concurrency_limit(1)
        .service_fn(|()| ready(Ok::<_, Infallible>(())));
    breaker.trip(None, By::default()).expect("no duration");
    let mut kept = Vec::new();
    for _ in 0..3 {
        let mut clone = service.clone();
        assert_eq!(rejected_by(clone.ready().await.expect("ready").call(()).await), Some(Reason::Open));
        kept.push(clone);
    }
    breaker.reset(By::default());
    let mut one = service.clone();
    assert_eq!(one.ready().await.expect("the only place is free").call(()).await, Ok(()));
}

#[test]
fn one_layer_makes_services_that_share_its_breaker() {
    let breaker = breaker();
    let layer = CircuitBreakerLayer::new(breaker.clone());
    for _ in 0..2 {
        let mut service = layer.layer(Strict::default());
        assert!(service.poll_ready(&mut context()).is_ready());
        assert_eq!(now(service.call(false)), Err(CallError::Inner("failed")));
    }
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.try_acquire().map(fusewire::Permit::success).ok(), None::<Settled>);
}
