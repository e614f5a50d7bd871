//! The `tower` layer for calls that recover: over a real HTTP service, and against services that hold it to the letter of
//! `Service`.

#![allow(missing_docs)]

use fusewire::tower::{CircuitBreakerLayer, PolicyLayer, of_response, retry_after};
use fusewire::{By, CircuitBreaker, Clock, Ending, Failure, Policy, Request as Call};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::TokioExecutor;
use std::future::{Future, Ready, pending, ready};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service, ServiceExt, service_fn};

type Http = Request<Full<Bytes>>;

/// Retries at once, or nearly: what is waited for is real time here.
const QUICK: &str = r#"{
    "failure_threshold": 1000,
    "retry": {"max_attempts": 3, "backoff": {"kind": "fixed", "base": "1ms", "jitter": 0}}
}"#;

fn breaker(document: &str) -> CircuitBreaker {
    CircuitBreaker::from_json("upstream", document).expect("a valid document")
}

fn judge(result: &Result<Response<Incoming>, ClientError>) -> Ending<'_> {
    match result {
        Ok(response) => {
            let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
            of_response(response.status().as_u16(), header)
        }
        Err(_) => Ending::failure("connection_error"),
    }
}

fn describe(request: &Http) -> Call<'_> {
    let call = Call::new().method(request.method().as_str());
    if request.headers().contains_key("idempotency-key") { call.idempotent() } else { call }
}

/// Fails every request but each third, with a `Retry-After` that has come; counts what it is asked.
async fn upstream() -> (SocketAddr, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let answer = move |body: Bytes| {
        let n = count.fetch_add(1, SeqCst) + 1;
        let status = if n.is_multiple_of(3) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let after = if n % 3 == 1 { "0" } else { "Fri, 31 Dec 1999 23:59:59 GMT" };
        ready((status, [("retry-after", after)], body))
    };
    let app = axum::Router::new().fallback(answer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, asked)
}

fn request(address: SocketAddr, method: Method) -> Http {
    let request = Request::builder().method(method).uri(format!("http://{address}/"));
    request.body(Full::from("body")).expect("a request")
}

#[tokio::test]
async fn what_a_real_service_fails_is_sent_again_where_it_may_be() {
    let (address, asked) = upstream().await;
    let breaker = breaker(QUICK);
    let policy = Policy::builder(&breaker).judge(judge).build().expect("valid");
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let mut service = PolicyLayer::new(policy).request(describe).layer(client);
    let mut send = async |request: Http| {
        let response = service.ready().await.expect("ready").call(request).await.expect("a response");
        (response.status().as_u16(), asked.swap(0, SeqCst))
    };
    assert_eq!(send(request(address, Method::GET)).await, (200, 3));
    // Named methods that are not in the table are tried once, unless the request says that it may be made again.
    assert_eq!(send(request(address, Method::POST)).await, (503, 1));
    let mut keyed = request(address, Method::POST);
    keyed.headers_mut().insert("idempotency-key", "1".parse().expect("a value"));
    assert_eq!(send(keyed).await, (200, 3));
    assert_eq!(send(request(address, Method::PUT)).await, (503, 2));
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.success, totals.failure), (2, 7));
}

#[tokio::test]
async fn a_body_that_cannot_be_sent_again_is_sent_once() {
    let (address, asked) = upstream().await;
    let policy = Policy::builder(&breaker(QUICK)).judge(judge).build().expect("valid");
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let layer = PolicyLayer::new(policy).request(describe).clone_request(|_: &Http| None);
    let response = layer.layer(client).oneshot(request(address, Method::GET)).await.expect("a response");
    assert_eq!((response.status().as_u16(), asked.load(SeqCst)), (503, 1));
}

#[tokio::test]
async fn a_service_that_is_not_there_is_an_error_of_the_client() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let policy = Policy::builder(&breaker(QUICK)).judge(judge).build().expect("valid");
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let service = PolicyLayer::new(policy).layer(client);
    let error = service.oneshot(request(address, Method::GET)).await.expect_err("nobody listens");
    assert_eq!((error.attempts(), error.into_inner().is_some_and(|e| e.is_connect())), (3, true));
}

// ---- to the letter ----

/// Is called once for each time that it was ready, or panics; every other readiness has to be waited for.
struct Strict {
    is_ready: bool,
    polled: usize,
    calls: Arc<AtomicUsize>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Strict { is_ready: false, polled: 0, calls: Arc::clone(&self.calls) }
    }
}

impl Service<u32> for Strict {
    type Response = u32;
    type Error = &'static str;
    type Future = Ready<Result<u32, &'static str>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        self.polled += 1;
        if self.polled % 2 == 1 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u32) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "it was not ready");
        let n = self.calls.fetch_add(1, SeqCst) + 1;
        ready(if n.is_multiple_of(3) { Ok(request) } else { Err("down") })
    }
}

struct TokioClock(tokio::time::Instant);

impl Clock for TokioClock {
    fn now(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

/// Runs a task whose time is paused.
fn paused<F: Future>(f: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().expect("a runtime").block_on(f)
}

fn on_tokio(document: &str) -> CircuitBreaker {
    let builder = fusewire::Builder::from_json(document).expect("JSON");
    builder.clock(TokioClock(tokio::time::Instant::now())).build("upstream").expect("a valid document")
}

const RETRY: &str =
    r#"{"failure_threshold": 1000, "retry": {"backoff": {"jitter": 0}}, "fallback": ["none"]}"#;

fn strict(breaker: &CircuitBreaker) -> (PolicyLayer<u32, &'static str>, Strict) {
    let policy = Policy::builder(breaker)
        .describe(|_| Ending::failure("network_error"))
        .fallback("none", |_| Ok(0))
        .build()
        .expect("it is registered");
    (PolicyLayer::new(policy), Strict { is_ready: false, polled: 0, calls: Arc::default() })
}

#[test]
fn every_attempt_has_an_instance_that_was_made_ready() {
    paused(async {
        let (layer, inner) = strict(&on_tokio(RETRY));
        let calls = Arc::clone(&inner.calls);
        let mut service = layer.layer(inner);
        for n in 1..4 {
            assert_eq!(service.ready().await.expect("ready").call(7).await, Ok(7));
            assert_eq!(calls.load(SeqCst), 3 * n);
        }
        // Without readiness before it, and by a clone.
        assert_eq!(service.clone().call(8).await, Ok(8));
    });
}

#[test]
fn an_open_breaker_leaves_the_service_alone_and_a_rung_answers() {
    paused(async {
        let breaker = on_tokio(RETRY);
        let (layer, inner) = strict(&breaker);
        let calls = Arc::clone(&inner.calls);
        let mut service = layer.layer(inner);
        breaker.trip(None, By::default()).expect("no duration");
        assert_eq!(service.ready().await.expect("ready").call(7).await, Ok(0));
        assert_eq!(calls.load(SeqCst), 0);
    });
}

#[test]
fn a_service_that_hangs_is_a_timeout() {
    paused(async {
        let policy = Policy::<(), ()>::builder(&on_tokio(r#"{"timeout": "1s"}"#)).build().expect("valid");
        let service = PolicyLayer::new(policy).layer(service_fn(|(): ()| pending()));
        let error = service.oneshot(()).await.expect_err("it never ends");
        assert_eq!(error.failure(), &Failure::TimedOut { limit: Duration::from_secs(1) });
    });
}

#[test]
fn a_retry_waits_as_long_as_the_response_asks() {
    paused(async {
        let policy = Policy::<u16, ()>::builder(&on_tokio(r#"{"retry": {}}"#))
            .judge(|result| of_response(*result.as_ref().unwrap_or(&500), Some("7")))
            .build()
            .expect("valid");
        let begun = tokio::time::Instant::now();
        let n = Arc::new(AtomicUsize::new(0));
        let service =
            service_fn(move |(): ()| ready(Ok(if n.fetch_add(1, SeqCst) == 0 { 429 } else { 200 })));
        assert_eq!(PolicyLayer::new(policy).layer(service).oneshot(()).await, Ok(200));
        assert_eq!(begun.elapsed(), Duration::from_secs(7));
    });
}

#[test]
fn the_layer_of_a_breaker_alone_makes_one_attempt() {
    paused(async {
        let breaker = on_tokio(RETRY);
        let (_, inner) = strict(&breaker);
        let calls = Arc::clone(&inner.calls);
        let mut service = CircuitBreakerLayer::new(breaker).layer(inner);
        assert!(service.ready().await.expect("ready").call(7).await.is_err());
        assert_eq!(calls.load(SeqCst), 1);
    });
}

#[test]
fn a_header_is_seconds_or_a_date() {
    let soon = std::time::SystemTime::now() + Duration::from_secs(3_600);
    let wait = retry_after(&httpdate::fmt_http_date(soon)).expect("a date");
    assert!(wait > Duration::from_secs(3_500) && wait <= Duration::from_secs(3_600), "{wait:?}");
    assert_eq!(retry_after(" 5 "), Some(Duration::from_secs(5)));
    assert_eq!(retry_after("Sunday, 06-Nov-94 08:49:37 GMT"), Some(Duration::ZERO));
    assert_eq!(retry_after("Sun Nov  6 08:49:37 1994"), Some(Duration::ZERO));
    assert_eq!(retry_after("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
    for wrong in ["", "-1", "1.5", "+3", "soon", "Sun, 32 Nov 1994 08:49:37 GMT"] {
        assert_eq!(retry_after(wrong), None, "{wrong:?}");
    }
}

// ---- beside others ----

/// Fails its first request; each takes 10 ms.
async fn fails_once(n: u32, asked: Arc<AtomicUsize>) -> Result<u32, &'static str> {
    let is_first = asked.fetch_add(1, SeqCst) == 0;
    tokio::time::sleep(Duration::from_millis(10)).await;
    if is_first { Err("down") } else { Ok(n) }
}

#[test]
fn who_follows_another_call_takes_no_place_of_the_service() {
    paused(async {
        let breaker = on_tokio(r#"{"retry": {"backoff": {"jitter": 0}}, "cache": {"coalesce": true}}"#);
        let policy =
            Policy::builder(&breaker).describe(|_| Ending::failure("network_error")).coalesced().build();
        let asked = Arc::new(AtomicUsize::new(0));
        let inner = ConcurrencyLimit::new(service_fn(move |n| fails_once(n, Arc::clone(&asked))), 1);
        let layer = PolicyLayer::new(policy.expect("valid")).request(|_: &u32| Call::new().key("a"));
        let service = layer.layer(inner);
        // The second is made ready by the place that the first gives back, and the first needs it for its retry.
        let both = async { tokio::join!(service.clone().oneshot(1), service.clone().oneshot(2)) };
        let ended = tokio::time::timeout(Duration::from_secs(60), both).await;
        assert_eq!(ended.expect("one waits for the other"), (Ok(1), Ok(1)));
    });
}

#[test]
fn who_waits_in_the_queue_takes_no_place_of_the_service() {
    paused(async {
        let breaker = on_tokio(r#"{"bulkhead": {"max_concurrent": 1, "max_queue": 1}}"#);
        let policy = Policy::builder(&breaker).build().expect("valid");
        let asked = Arc::new(AtomicUsize::new(1));
        let inner = ConcurrencyLimit::new(service_fn(move |n| fails_once(n, Arc::clone(&asked))), 2);
        let service = PolicyLayer::new(policy).layer(inner.clone());
        let other = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let ready = tokio::time::timeout(Duration::from_millis(1), inner.clone().ready()).await.is_ok();
            (ready, breaker.snapshot().bulkhead.map(|bulkhead| bulkhead.waiting()))
        };
        let ended = tokio::join!(service.clone().oneshot(1), service.clone().oneshot(2), other);
        assert_eq!(ended, (Ok(1), Ok(2), (true, Some(1))));
    });
}
