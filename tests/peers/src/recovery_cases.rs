//! Calls that recover (policies): with a timeout, retries and a fallback configured, of a function that succeeds at once.
//!
//! What they cost is what a call costs more than one through a breaker without them, in the same group.

use std::convert::Infallible;
use std::future::{self, Future};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use fusewire::{Answer, CircuitBreaker, Policy, PolicyError, Request};
use tower::Layer;
use tower::retry::RetryLayer;
use tower::timeout::TimeoutLayer;

use crate::cases::{Group, entry, on, share};
use crate::guard::{Batch, Guard, Maker, Scenario};
use crate::reference;
use crate::styles::ByClosure;
use crate::tower_cases::{self, Inner, Refusal};
use crate::work::{Failure, GOOD, work};

/// A blocking call and one that is awaited.
const BLOCKING: &str = "recovering";
const AWAITED: &str = "async_recovering";

/// The peer's package.
pub const PACKAGE: &str = "tower";

/// Whether a case is one of these, which have a table of their own.
pub fn has(case: &str) -> bool {
    [BLOCKING, AWAITED].contains(&case)
}

/// Every group on so many threads.
pub fn groups(threads: usize) -> Vec<Group> {
    let ours: [(&str, fn() -> Maker); 2] = [
        ("without", || Scenario::Success.maker(|| ByClosure(breaker("")))),
        ("fusewire", || Scenario::Success.maker(|| ByPolicy(policy()))),
    ];
    let blocking = vec![entry("bare", BLOCKING, "", reference::bare(Scenario::Success))];
    let mut groups = vec![group(blocking, BLOCKING, ours, threads)];
    let ours: [(&str, fn() -> Maker); 2] = [("without", awaited_without), ("fusewire", awaited)];
    let awaited = vec![entry("bare", AWAITED, "", awaited_bare())];
    let mut awaited = group(awaited, AWAITED, ours, threads);
    if threads == 1 {
        let note = "its Retry around its Timeout, no breaker";
        awaited.entries.push(entry(PACKAGE, AWAITED, note, retry_and_timeout()));
    }
    groups.push(awaited);
    groups
}

fn group(
    mut entries: Vec<crate::cases::Entry>,
    case: &'static str,
    ours: [(&'static str, fn() -> Maker); 2],
    threads: usize,
) -> Group {
    for (column, make) in ours {
        share(&mut entries, threads, || {
            let mut entry = entry("fusewire", case, "", make());
            entry.place.column = column;
            Some(entry)
        });
    }
    on(threads, entries)
}

fn breaker(keys: &str) -> CircuitBreaker {
    let document = format!(r#"{{"sample_durations_every":0{keys}}}"#);
    CircuitBreaker::from_json("bench", black_box(&document)).expect("the document is valid")
}

fn policy() -> Policy<u64, Failure> {
    let breaker = breaker(r#","timeout":"1s","retry":{},"fallback":["none"]"#);
    Policy::builder(&breaker).fallback_value("none", 0).build().expect("every rung is registered")
}

/// A call through a policy.
struct ByPolicy(Policy<u64, Failure>);

impl Guard for ByPolicy {
    type Answer<'a> = Result<Answer<u64, Failure>, PolicyError<Failure>>;

    #[inline(always)]
    fn run(&self, request: u64) -> Self::Answer<'_> {
        self.0.call(Request::new().method("GET"), || work(request))
    }

    fn rejected(answer: &Self::Answer<'_>) -> bool {
        answer.as_ref().map_or(true, Answer::is_degraded)
    }
}

/// Polls a future that is ready at once.
#[inline(always)]
fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing waits"),
    }
}

fn awaited_bare() -> Maker {
    Box::new(|| -> Batch {
        Box::new(|calls| {
            for _ in 0..calls {
                let _ = black_box(at_once(async { work(black_box(GOOD)) }));
            }
        })
    })
}

fn awaited_without() -> Maker {
    Box::new(|| -> Batch {
        let breaker = breaker("");
        Box::new(move |calls| {
            for _ in 0..calls {
                let call = black_box(&breaker).call_async(async { work(black_box(GOOD)) });
                let _ = black_box(at_once(call));
            }
        })
    })
}

fn awaited() -> Maker {
    Box::new(|| -> Batch {
        let policy = policy();
        Box::new(move |calls| {
            for _ in 0..calls {
                let request = Request::new().method("GET");
                let call = black_box(&policy).call_async(request, || async { work(black_box(GOOD)) });
                assert!(black_box(at_once(call)).is_ok(), "every call succeeds");
            }
        })
    })
}

/// Tries three times.
#[derive(Clone)]
struct Thrice(u32);

impl<T, E> tower::retry::Policy<u64, T, E> for Thrice {
    type Future = future::Ready<()>;

    fn retry(&mut self, _: &mut u64, result: &mut Result<T, E>) -> Option<Self::Future> {
        let again = result.is_err() && self.0 > 0;
        self.0 -= u32::from(again);
        again.then(|| future::ready(()))
    }

    fn clone_request(&mut self, request: &u64) -> Option<u64> {
        Some(*request)
    }
}

impl Refusal for Box<dyn std::error::Error + Send + Sync> {
    fn is_refusal(&self) -> bool {
        false
    }
}

/// The timer of its timeout is made with a runtime at hand.
fn retry_and_timeout() -> Maker {
    let wrap = |inner: Inner| {
        let boxed =
            tower::util::MapErrLayer::new(|e: Failure| -> Infallible { unreachable!("{e:?}") }).layer(inner);
        RetryLayer::new(Thrice(2)).layer(TimeoutLayer::new(Duration::from_secs(1)).layer(boxed))
    };
    let make = tower_cases::maker(false, wrap);
    Box::new(move || -> Batch {
        let (batch, runtime) = (make(), tokio::runtime::Builder::new_current_thread().enable_time().build());
        let runtime = runtime.expect("a runtime");
        Box::new(move |calls| {
            let _here = runtime.enter();
            batch(calls);
        })
    })
}
