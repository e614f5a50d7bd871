//! A call that is dropped after each of its polls, one after the other: no permit is lost, and no attempt has two outcomes.

use crate::{Broken, NETWORK, Script, breaker, describe, ms, paused};
use fusewire::{By, CircuitBreaker, Outcome, Policy, Request, State};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::sleep;

/// Polls so often, then drops what it polls.
struct Polls<F> {
    future: Option<Pin<Box<F>>>,
    left: usize,
}

impl<F: Future> Future for Polls<F> {
    /// `None`: it was dropped.
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.left -= 1;
        let Some(future) = &mut self.future else { return Poll::Ready(None) };
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.left > 0 => Poll::Pending,
            Poll::Pending => {
                self.future = None;
                Poll::Ready(None)
            }
        }
    }
}

/// What one attempt does: how long it takes, and what it comes to.
type Act = (u64, Result<u32, Broken>);

/// Everything at once: a queue, turns, a timeout, retries, hedges, a shared attempt, and rungs that are awaited.
const ALL: &str = r#"{
    "timeout": "250ms",
    "retry": {"max_attempts": 4, "backoff": {"jitter": 0}},
    "fallback": ["breaker:replica", "last"],
    "cache": {"coalesce": true},
    "hedge": {"after": "50ms", "max": 2},
    "rate_limit": {"algorithm": "leaky_bucket", "rate": 20},
    "bulkhead": {"max_concurrent": 2, "max_queue": 5, "queue_timeout": "1s"}
}"#;

struct Bench {
    main: CircuitBreaker,
    replica: CircuitBreaker,
    policy: Policy<u32, Broken>,
}

impl Bench {
    fn new(document: &str) -> Self {
        let (main, clock) = (breaker(document), crate::TokioClock::begin());
        let replica = crate::builder(r#"{"bulkhead": {"max_concurrent": 1}}"#);
        let replica = replica.clock(clock).build("replica").expect("valid");
        let policy = Policy::builder(&main)
            .describe(describe)
            .coalesced()
            .fallback_breaker_async(&replica, |_| {
                Box::pin(async {
                    sleep(ms(10)).await;
                    Err(NETWORK)
                })
            })
            .fallback_async("last", |_| {
                Box::pin(async {
                    sleep(ms(10)).await;
                    Ok(9)
                })
            })
            .build()
            .expect("all are registered");
        Bench { main, replica, policy }
    }

    async fn call(&self, acts: Vec<Act>) -> Option<u32> {
        let script = Script::new(acts);
        let f = || {
            let (long, result) = script.next();
            async move {
                sleep(ms(long)).await;
                result
            }
        };
        self.policy.call_async(Request::new().key("a").method("GET"), f).await.ok().map(|answer| answer.value)
    }

    /// Everything that was admitted has one outcome, and nothing is held.
    fn check(&self, what: &str) {
        for breaker in [&self.main, &self.replica] {
            let snapshot = breaker.snapshot();
            let slots = snapshot.bulkhead.expect("it has slots");
            assert_eq!((slots.in_flight(), slots.waiting()), (0, 0), "{what}: slots of {}", snapshot.name);
            assert_eq!(snapshot.half_open.in_flight, 0, "{what}: leases of {}", snapshot.name);
            let admitted: u64 = snapshot.gates.expect("it has gates").admitted.iter().sum();
            let totals = snapshot.totals;
            let outcomes = totals.success + totals.failure + totals.ignored;
            assert_eq!(outcomes, admitted, "{what}: outcomes of {}", snapshot.name);
            assert_eq!(totals.expired, 0, "{what}: leases of {}", snapshot.name);
        }
    }
}

fn acts() -> Vec<Act> {
    vec![(10_000, Ok(1)), (60, Err(NETWORK)), (10_000, Ok(1)), (20, Err(NETWORK)), (10_000, Ok(1))]
}

/// Drops the call after the first poll, the second and so on, until it ends by itself; answers after how many it did.
fn drop_everywhere(document: &str, prepare: fn(&Bench), hold: bool) -> usize {
    for polls in 1..1_000 {
        let ended = paused(async {
            let bench = Bench::new(document);
            prepare(&bench);
            // So that the call begins in the queue.
            let holding = async {
                let held = bench.main.acquire().await;
                let others = bench.main.acquire().await;
                sleep(ms(75)).await;
                [held, others].into_iter().flatten().for_each(|permit| _ = permit.success());
            };
            let future = Some(Box::pin(bench.call(acts())));
            let dropped = Polls { future, left: polls };
            let follower = async {
                sleep(ms(1)).await;
                bench.call(vec![(5, Ok(3))]).await
            };
            let ended = match hold {
                true => {
                    let (_, ended, follower) = tokio::join!(holding, dropped, follower);
                    assert!(
                        follower.is_some(),
                        "dropped after poll {polls}: it leads, or has what the other came to"
                    );
                    ended
                }
                false => dropped.await,
            };
            bench.check(&format!("dropped after poll {polls}"));
            ended
        });
        if ended.is_some() {
            return polls;
        }
    }
    panic!("it never ends");
}

#[test]
fn a_call_that_is_dropped_at_any_point_leaves_nothing_behind() {
    let polls = drop_everywhere(ALL, |_| (), true);
    assert!(polls > 12, "only {polls} polls: queue, turn, attempts, hedges, waits and rungs are to be met");
}

#[test]
fn a_probe_that_is_dropped_at_any_point_gives_its_place_back() {
    let document = ALL.replacen('{', r#"{"half_open_max_calls": 1, "failure_threshold": 100, "#, 1);
    let polls = drop_everywhere(&document, |bench| bench.main.half_open(By::default()), false);
    assert!(polls > 3, "only {polls} polls");
    paused(async {
        let bench = Bench::new(&document);
        bench.main.half_open(By::default());
        let ended = Polls { future: Some(Box::pin(bench.call(acts()))), left: 1 }.await;
        assert_eq!(ended, None, "it was dropped");
        assert_eq!(bench.main.snapshot().half_open.in_flight, 0);
        assert_eq!(bench.call(vec![(5, Ok(3))]).await, Some(3));
        assert_eq!(bench.main.state(), State::Closed);
    });
}

#[test]
fn a_call_that_is_dropped_is_ignored_or_a_timeout_as_a_dropped_permit_is() {
    paused(async {
        let document = r#"{"cancelled_after": "100ms", "retry": {}}"#;
        for (after, outcome) in [(50, Outcome::Ignored), (150, Outcome::Failure)] {
            let policy = crate::policy(document);
            let call = policy.call_async(Request::new(), std::future::pending);
            assert!(tokio::time::timeout(ms(after), call).await.is_err());
            let totals = policy.breaker().snapshot().totals;
            let found = (totals.success, totals.failure, totals.ignored);
            let expected = if outcome == Outcome::Ignored { (0, 0, 1) } else { (0, 1, 0) };
            assert_eq!(found, expected, "after {after} ms");
        }
    });
}

#[test]
fn what_was_never_polled_was_never_asked() {
    paused(async {
        let bench = Bench::new(ALL);
        drop(bench.call(acts()));
        bench.check("never polled");
        assert_eq!(bench.main.snapshot().totals.rejected.iter().sum::<u64>(), 0);
    });
}
