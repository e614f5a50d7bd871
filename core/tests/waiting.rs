//! Calls that wait for a slot or for their turn: as tasks, as threads, and what a wait that is given up leaves behind.

#![allow(missing_docs)]

use fusewire::{
    Bulkhead, By, CallError, CircuitBreaker, ConcurrencyLimit, Entered, ManualClock, OwnedPermit, Priority,
    RateLimit, Reason, Request, Waiting,
};
use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A breaker with so many slots, and a queue in which calls wait for an hour.
fn breaker(slots: u32, clock: &ManualClock) -> CircuitBreaker {
    let bulkhead = Bulkhead::new(slots).max_queue(100_000).queue_timeout(HOUR);
    CircuitBreaker::builder().bulkhead(bulkhead).clock(clock.clone()).build("slots").expect("valid")
}

fn in_flight_and_waiting(breaker: &CircuitBreaker) -> (u64, u64) {
    let counts = breaker.snapshot().bulkhead.expect("it has slots");
    (counts.in_flight(), counts.waiting())
}

fn wait_at(breaker: &CircuitBreaker, priority: Priority) -> Waiting {
    match breaker.at(priority).enter().expect("there is room in the queue") {
        Entered::Waiting(waiting) => waiting,
        Entered::Admitted(_) => panic!("there was a slot"),
    }
}

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Of a wait that has ended.
fn end(waiting: Waiting) -> Result<OwnedPermit, Reason> {
    match poll_once(pin!(waiting)) {
        Poll::Ready(answer) => answer.map_err(|rejection| rejection.reason()),
        Poll::Pending => panic!("it waits"),
    }
}

#[tokio::test]
async fn a_task_waits_for_the_slot_that_another_gives_back() {
    let breaker = breaker(1, &ManualClock::new());
    let first = breaker.acquire().await.expect("a slot is free");
    let other = breaker.clone();
    let second = tokio::spawn(async move { other.acquire().await.map(OwnedPermit::success) });
    while in_flight_and_waiting(&breaker) != (1, 1) {
        tokio::task::yield_now().await;
    }
    first.success();
    assert!(second.await.expect("no panic").is_ok());
    assert_eq!(in_flight_and_waiting(&breaker), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_timer_of_the_runtime_ends_a_wait() {
    let bulkhead = Bulkhead::new(1).max_queue(10).queue_timeout(SECOND);
    let breaker = CircuitBreaker::builder().bulkhead(bulkhead).clock(Paused).build("slots").expect("valid");
    let _first = breaker.acquire().await.expect("a slot is free");
    let began = tokio::time::Instant::now();
    let rejection = breaker.acquire().await.expect_err("nobody gives it back");
    assert_eq!((rejection.reason(), began.elapsed().as_secs()), (Reason::QueueTimeout, 1));
    assert_eq!(in_flight_and_waiting(&breaker), (1, 0));
}

/// The runtime's time, which stands still while a task can run.
struct Paused;

impl fusewire::Clock for Paused {
    fn now(&self) -> fusewire::Nanos {
        thread_local! {
            static START: tokio::time::Instant = tokio::time::Instant::now();
        }
        START.with(|start| start.elapsed().as_nanos() as u64)
    }
}

#[tokio::test(start_paused = true)]
async fn a_paced_call_begins_when_its_turn_comes() {
    let limit = RateLimit::leaky_bucket(1.0).max_wait(HOUR);
    let breaker = CircuitBreaker::builder().rate_limit(limit).clock(Paused).build("paced").expect("valid");
    let began = tokio::time::Instant::now();
    for turn in 0..3 {
        let at = breaker.call_async(async { Ok::<_, Infallible>(began.elapsed().as_secs()) }).await;
        assert_eq!(at, Ok(turn));
    }
    // Three that come together.
    let calls =
        [(); 3].map(|()| breaker.call_async(async { Ok::<_, Infallible>(began.elapsed().as_secs()) }));
    let [a, b, c] = calls;
    assert_eq!(tokio::join!(a, b, c), (Ok(3), Ok(4), Ok(5)));
}

#[test]
fn a_wait_that_is_given_up_leaves_nothing_behind() {
    let breaker = breaker(1, &ManualClock::new());
    let first = breaker.at(Priority::Normal).try_acquire_owned().expect("a slot is free");
    let given_up = wait_at(&breaker, Priority::Critical);
    let patient = wait_at(&breaker, Priority::Normal);
    drop(given_up);
    assert_eq!(in_flight_and_waiting(&breaker), (1, 1));
    first.success();
    assert!(end(patient).is_ok_and(|permit| permit.success() == fusewire::Settled::Ok));
    // Also after the grant.
    let first = breaker.at(Priority::Normal).try_acquire_owned().expect("a slot is free");
    let granted = wait_at(&breaker, Priority::Normal);
    first.success();
    assert_eq!(in_flight_and_waiting(&breaker), (1, 0));
    drop(granted);
    assert_eq!(in_flight_and_waiting(&breaker), (0, 0));
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.rejected.iter().sum::<u64>(), totals.ignored), (0, 1), "a grant that nobody used");
}

#[test]
fn ten_thousand_waits_cost_no_thread_and_end_in_order() {
    let breaker = breaker(1, &ManualClock::new());
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let mut permit = breaker.at(Priority::Normal).try_acquire_owned().expect("a slot is free");
    let levels = [Priority::Low, Priority::High, Priority::Normal];
    let mut waits: Vec<Waiting> = (0..10_000).map(|i| wait_at(&breaker, levels[i % 3])).collect();
    // Those of other tests that run at the same time are few.
    assert!(threads() < 1_000, "{} threads", threads());
    assert_eq!(in_flight_and_waiting(&breaker), (1, 10_000));
    let mut order: Vec<usize> = (0..10_000).collect();
    order.sort_by_key(|i| std::cmp::Reverse(levels[i % 3]));
    let mut waits: Vec<Option<Waiting>> = waits.drain(..).map(Some).collect();
    for i in order {
        permit.success();
        permit = end(waits[i].take().expect("each once")).expect("its turn");
    }
    permit.success();
    assert_eq!(in_flight_and_waiting(&breaker), (0, 0));
}

#[test]
fn threads_wait_in_the_queue_and_never_are_more_inside_than_slots() {
    const SLOTS: usize = 3;
    let breaker = breaker(SLOTS as u32, &ManualClock::new());
    let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let permit =
                        breaker.at(Priority::Normal).acquire_blocking().expect("nobody waits an hour");
                    most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
                    thread::yield_now();
                    inside.fetch_sub(1, SeqCst);
                    permit.success();
                }
            });
        }
    });
    assert_eq!(most.load(SeqCst), SLOTS);
    assert_eq!((in_flight_and_waiting(&breaker), breaker.snapshot().totals.success), ((0, 0), 3_200));
    assert!(breaker.snapshot().bulkhead.expect("slots").waits.count() > 0, "nobody had to wait");
}

#[test]
fn whoever_waits_is_told_when_the_breaker_opens_or_ends() {
    let breaker = breaker(1, &ManualClock::new());
    let _first = breaker.at(Priority::Normal).try_acquire_owned().expect("a slot is free");
    let waiting = wait_at(&breaker, Priority::Normal);
    breaker.trip(None, By::default()).expect("no duration");
    assert_eq!(end(waiting).err(), Some(Reason::Open));
    breaker.reset(By::default());
    let blocked = breaker.clone();
    let thread = thread::spawn(move || {
        blocked.at(Priority::High).acquire_blocking().map(drop).map_err(|rejection| rejection.reason())
    });
    while in_flight_and_waiting(&breaker).1 == 0 {
        thread::yield_now();
    }
    assert!(breaker.close(By::new("ops", "retired")));
    assert_eq!(thread.join().expect("no panic"), Err(Reason::Closed));
    assert!(!breaker.close(By::default()), "once");
    assert_eq!(breaker.try_acquire().map(drop).map_err(|r| r.reason()), Err(Reason::Closed));
}

#[test]
fn a_call_does_not_wait_for_a_slot_unless_it_is_awaited() {
    let breaker = breaker(1, &ManualClock::new());
    let outcome = breaker.at(Priority::High).call(|| {
        let inner = breaker.at(Priority::Critical).call(|| Ok::<_, Infallible>(()));
        assert!(matches!(inner, Err(CallError::Rejected(r)) if r.reason() == Reason::BulkheadFull));
        Err::<(), _>("its own")
    });
    assert_eq!(outcome, Err(CallError::Inner("its own")));
    assert_eq!(in_flight_and_waiting(&breaker), (0, 0));
    let panicking = breaker.clone();
    let result = std::panic::catch_unwind(move || {
        panicking.at(Priority::Normal).call(|| -> Result<(), ()> { std::panic::panic_any("boom") })
    });
    assert!(result.is_err());
    assert_eq!((in_flight_and_waiting(&breaker).0, breaker.snapshot().totals.failure), (0, 2));
}

#[test]
fn a_request_that_cannot_be_is_named_and_counts_nowhere() {
    let limit = RateLimit::token_bucket(1.0).burst(5);
    let breaker = CircuitBreaker::builder().rate_limit(limit).build("limited").expect("valid");
    for (cost, allowed) in [(0, "1..=5"), (6, "`rate_limit.burst`")] {
        let error = breaker.with(Request::new().cost(cost)).expect_err("out of range");
        assert_eq!((error.field(), error.value()), ("cost", cost.to_string().as_str()));
        assert!(error.to_string().contains(allowed), "{error}");
    }
    assert_eq!(breaker.snapshot().totals.rejected, [0; fusewire::Reason::ALL.len()]);
    let answer = breaker.with(Request::new().cost(5)).expect("5 is the burst").call(|| Ok::<_, ()>(1));
    assert_eq!(answer, Ok(1));
}

#[tokio::test]
async fn a_limit_that_finds_itself_follows_what_becomes_of_calls() {
    let limit = ConcurrencyLimit::aimd().initial(4).max(10);
    let breaker = CircuitBreaker::builder().concurrency_limit(limit).build("aimd").expect("valid");
    let held = |n: usize| -> Vec<OwnedPermit> {
        (0..n).map(|_| breaker.at(Priority::Normal).try_acquire_owned().expect("a slot")).collect()
    };
    for _ in 0..20 {
        for permit in held(4) {
            permit.success();
        }
    }
    let raised = breaker.snapshot().bulkhead.expect("slots").limit;
    assert!(raised > 4, "{raised}");
    let _ = breaker.call_async(ready(Err::<(), _>("down"))).await;
    assert!(breaker.snapshot().bulkhead.expect("slots").limit < raised);
}

#[test]
fn a_waiter_whose_waker_is_gone_disturbs_nobody() {
    struct Gone;
    impl std::task::Wake for Gone {
        fn wake(self: Arc<Self>) {
            std::panic::panic_any("the runtime is gone");
        }
    }
    let breaker = breaker(1, &ManualClock::new());
    let first = breaker.at(Priority::Normal).try_acquire_owned().expect("a slot is free");
    let mut lost = Box::pin(wait_at(&breaker, Priority::High));
    let waker = Waker::from(Arc::new(Gone));
    assert!(lost.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let other = wait_at(&breaker, Priority::Normal);
    first.success();
    assert_eq!(in_flight_and_waiting(&breaker), (1, 1), "the slot is the lost one's until it is dropped");
    drop(lost);
    assert!(end(other).is_ok());
}
