//! Async calls: what a future comes to, and what a future that is dropped comes to.

#![allow(missing_docs)]

use fusewire::{Bulkhead, By, CallError, CircuitBreaker, ManualClock, Outcome, Reason, State};
use std::convert::Infallible;
use std::future::{Future, pending, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::timeout;

const SECOND: Duration = Duration::from_secs(1);

fn breaker(clock: &ManualClock) -> CircuitBreaker {
    CircuitBreaker::builder().failure_threshold(2).clock(clock.clone()).build("async").expect("valid")
}

fn outcomes(breaker: &CircuitBreaker) -> (u64, u64, u64) {
    let totals = breaker.snapshot().totals;
    (totals.success, totals.failure, totals.ignored)
}

/// Polls once, with nobody to wake.
fn poll_once<F: Future + ?Sized>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn results_count_as_what_they_are_and_errors_reach_the_caller_unchanged() {
    let breaker = breaker(&ManualClock::new());
    assert_eq!(breaker.call_async(ready(Ok::<_, Infallible>(42))).await, Ok(42));
    assert_eq!(breaker.call_async(ready(Err::<(), _>("its own"))).await, Err(CallError::Inner("its own")));
    assert_eq!(outcomes(&breaker), (1, 1, 0));
    let as_status = |result: &Result<u16, &str>| match result {
        Ok(404) => Outcome::Ignored,
        Ok(status) if *status < 500 => Outcome::Success,
        _ => Outcome::Failure,
    };
    for status in [200, 404, 503] {
        assert_eq!(breaker.call_async_classified(as_status, ready(Ok(status))).await, Ok(status));
    }
    assert_eq!(outcomes(&breaker), (2, 2, 1));
    assert_eq!(breaker.state(), State::Closed, "the success stood between the failures");
}

#[tokio::test]
async fn a_rejected_call_is_never_polled() {
    let breaker = breaker(&ManualClock::new());
    breaker.trip(None, By::default()).expect("no duration");
    let polled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&polled);
    let future = async move { Ok::<_, Infallible>(count.fetch_add(1, SeqCst)) };
    let Err(CallError::Rejected(rejection)) = breaker.call_async(future).await else {
        panic!("it was admitted")
    };
    assert_eq!((rejection.reason(), rejection.name()), (Reason::Open, "async"));
    assert_eq!(rejection.retry_after(), Some(60 * SECOND));
    assert_eq!(polled.load(SeqCst), 0);
}

#[tokio::test]
async fn the_breaker_is_asked_when_the_call_is_first_polled() {
    let breaker = breaker(&ManualClock::new());
    let early = breaker.call_async(ready(Ok::<_, Infallible>(())));
    let never = breaker.call_async(pending::<Result<(), Infallible>>());
    breaker.trip(None, By::default()).expect("no duration");
    assert!(early.await.is_err());
    drop(never);
    assert_eq!(outcomes(&breaker), (0, 0, 0), "what was never polled asked nobody");
}

#[tokio::test]
async fn a_panic_is_a_failure_and_goes_on() {
    let breaker = breaker(&ManualClock::new());
    for is_late in [false, true] {
        let inner = breaker.clone();
        let task = tokio::spawn(async move {
            let future = async {
                if is_late {
                    tokio::task::yield_now().await;
                }
                std::panic::resume_unwind(Box::new("its own"));
                #[expect(unreachable_code, reason = "gives the block its type")]
                Ok::<(), Infallible>(())
            };
            inner.call_async(future).await
        });
        let panic = task.await.expect_err("it goes on").into_panic();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"its own"));
    }
    assert_eq!(outcomes(&breaker), (0, 2, 0));
    assert_eq!(breaker.snapshot().failures_by_type, [("panic".to_owned(), 2)]);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test]
async fn a_classifier_that_panics_harms_nobody() {
    let breaker = breaker(&ManualClock::new());
    let bad = |_: &Result<i32, Infallible>| -> Outcome { std::panic::resume_unwind(Box::new("no idea")) };
    assert_eq!(breaker.call_async_classified(bad, ready(Ok(1))).await, Ok(1));
    assert_eq!(outcomes(&breaker), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_is_ignored() {
    let breaker = breaker(&ManualClock::new());
    let forever = || breaker.call_async(pending::<Result<(), Infallible>>());
    assert!(timeout(SECOND, forever()).await.is_err());
    assert_eq!(outcomes(&breaker), (0, 0, 1), "timeout");
    tokio::select! {
        biased;
        _ = forever() => unreachable!("it never ends"),
        () = ready(()) => {}
    }
    assert_eq!(outcomes(&breaker), (0, 0, 2), "select!");
    let owner = breaker.clone();
    let task = tokio::spawn(async move { owner.call_async(pending::<Result<(), Infallible>>()).await });
    tokio::task::yield_now().await;
    task.abort();
    assert!(task.await.expect_err("aborted").is_cancelled());
    assert_eq!(outcomes(&breaker), (0, 0, 3), "abort");
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_after_cancelled_after_is_a_failure() {
    let clock = ManualClock::new();
    let builder = CircuitBreaker::builder().failure_threshold(2).cancelled_after(SECOND).clock(clock.clone());
    let breaker = builder.build("async").expect("valid");
    let hang = |lasts: Duration| {
        let (clock, breaker) = (clock.clone(), breaker.clone());
        async move {
            let call = async {
                clock.advance(lasts);
                pending::<Result<(), Infallible>>().await
            };
            timeout(SECOND, breaker.call_async(call)).await
        }
    };
    assert!(hang(SECOND - Duration::from_nanos(1)).await.is_err());
    assert_eq!(outcomes(&breaker), (0, 0, 1), "not yet");
    assert!(hang(SECOND).await.is_err());
    assert!(hang(SECOND).await.is_err());
    assert_eq!(outcomes(&breaker), (0, 2, 1), "a timeout around the call does not hide a service that hangs");
    assert_eq!(breaker.snapshot().failures_by_type, [("timeout".to_owned(), 2)]);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a_dropped_probe_gives_its_place_back() {
    let clock = ManualClock::new();
    let builder = CircuitBreaker::builder().half_open_max_calls(1).clock(clock.clone());
    let breaker = builder.build("async").expect("valid");
    breaker.half_open(By::default());
    let mut probe = Box::pin(breaker.call_async(pending::<Result<(), Infallible>>()));
    assert!(poll_once(probe.as_mut()).is_pending());
    assert_eq!(breaker.snapshot().half_open.in_flight, 1);
    let full = pin!(breaker.call_async(ready(Ok::<_, Infallible>(()))));
    let Poll::Ready(Err(CallError::Rejected(rejection))) = poll_once(full) else {
        panic!("the probe is given")
    };
    assert_eq!(rejection.reason(), Reason::HalfOpenFull);
    drop(probe);
    let next = pin!(breaker.call_async(ready(Ok::<_, Infallible>(()))));
    assert_eq!(poll_once(next), Poll::Ready(Ok(())), "any executor will do, also none");
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_call_that_outlives_every_handle_settles_harmlessly() {
    let breaker = breaker(&ManualClock::new());
    let owned = breaker.clone();
    let mut call = Box::pin(async move { owned.call_async(pending::<Result<(), Infallible>>()).await });
    assert!(poll_once(call.as_mut()).is_pending());
    drop(breaker);
    drop(call);
}

/// Ready at once, and holds a connection, say, until it is dropped.
struct Holds<'b>(&'b CircuitBreaker, &'b AtomicUsize);

impl Future for Holds<'_> {
    type Output = Result<(), Infallible>;

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Holds<'_> {
    fn drop(&mut self) {
        self.1.fetch_add(usize::from(self.0.try_acquire().is_ok()), SeqCst);
    }
}

#[tokio::test]
async fn a_slot_is_given_back_when_the_future_is_gone() {
    let breaker = CircuitBreaker::builder().bulkhead(Bulkhead::new(1)).build("async").expect("valid");
    let admitted = AtomicUsize::new(0);
    let as_status = |_: &Result<(), Infallible>| Outcome::Success;
    assert_eq!(breaker.call_async(Holds(&breaker, &admitted)).await, Ok(()));
    assert_eq!(breaker.call_async_classified(as_status, Holds(&breaker, &admitted)).await, Ok(()));
    assert_eq!(admitted.load(SeqCst), 0, "a second call began while the first held what it had");
    assert!(breaker.try_acquire().is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_that_move_between_threads_are_counted_once() {
    let builder = CircuitBreaker::builder().failure_threshold(1_000_000).sample_durations_every(1);
    let breaker = builder.build("async").expect("valid");
    let moved = Arc::new(AtomicUsize::new(0));
    let mut rounds = 0;
    // A busy machine may leave every task where it is for a while.
    while moved.load(SeqCst) == 0 {
        rounds += 1;
        assert!(rounds <= 1_000, "no call ended on another thread than it began on");
        let tasks: Vec<_> = (0..64)
            .map(|i| {
                let (breaker, moved) = (breaker.clone(), Arc::clone(&moved));
                tokio::spawn(async move {
                    for call in 0..50 {
                        let future = async {
                            let before = std::thread::current().id();
                            for _ in 0..4 {
                                tokio::task::yield_now().await;
                            }
                            moved.fetch_add(usize::from(before != std::thread::current().id()), SeqCst);
                            if (i + call) % 2 == 0 { Ok(()) } else { Err("x") }
                        };
                        let _ = breaker.call_async(future).await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
    }
    assert_eq!(outcomes(&breaker), (rounds * 32 * 50, rounds * 32 * 50, 0));
    let timed: u64 = breaker.snapshot().durations.iter().map(fusewire::Distribution::count).sum();
    assert_eq!(timed, rounds * 64 * 50);
}

#[test]
fn a_call_can_be_sent() {
    fn is_send<T: Send>(_: &T) {}
    let breaker = breaker(&ManualClock::new());
    is_send(&breaker.call_async(ready(Ok::<_, Infallible>(()))));
}
