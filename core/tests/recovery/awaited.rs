//! Calls that are awaited, in tokio's paused time.

use crate::{
    Broken, NETWORK, RETRY, Script, WRONG, breaker, describe, ms, paused, policy, rejected_by, totals,
};
use fusewire::{Ending, Failure, Policy, Reason, Request, RungError};
use std::future::{Future, pending, ready};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::time::{Instant, sleep};

fn get<'a>() -> Request<'a> {
    Request::new().method("GET")
}

fn travels<T: Send>(it: T) -> T {
    it
}

#[test]
fn a_call_that_succeeds_at_once_needs_no_runtime() {
    let policy: Policy<u32, Broken> =
        Policy::builder(&crate::builder(r#"{"retry": {}, "timeout": "1s"}"#).build("search").expect("valid"))
            .build()
            .expect("valid");
    let call = travels(policy.call_async(get(), || ready(Ok(7))));
    let polled = pin!(call).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, std::task::Poll::Ready(Ok(answer)) if answer.value == 7));
}

#[test]
fn a_failure_is_tried_once_more_after_its_wait() {
    paused(async {
        let policy = policy(RETRY);
        let (script, begun) = (Script::new([Err(NETWORK), Err(NETWORK), Ok(3)]), Instant::now());
        let answer = policy.call_async(get(), || ready(script.next())).await.expect("the third succeeds");
        assert_eq!((answer.value, answer.attempts, begun.elapsed()), (3, 3, ms(300)));
    });
}

#[test]
fn an_attempt_that_takes_too_long_is_dropped_and_the_error_names_the_limit() {
    paused(async {
        let policy =
            policy(r#"{"timeout": "250ms", "retry": {"max_attempts": 2, "backoff": {"jitter": 0}}}"#);
        let begun = Instant::now();
        let error = policy.call_async(Request::new(), pending).await.expect_err("it never ends");
        assert_eq!((error.timeout(), error.attempts(), begun.elapsed()), (Some(ms(250)), 2, ms(600)));
        assert_eq!(error.to_string(), "the call took longer than its timeout of 250ms; after 2 attempts");
        let last = policy.breaker().snapshot().last_failure.expect("it counts");
        assert_eq!((totals(policy.breaker()), last.error_type.as_deref()), ((0, 2, 0, 0), Some("timeout")));
    });
}

#[test]
fn the_deadline_of_a_request_ends_an_attempt() {
    paused(async {
        let policy = policy(RETRY);
        let request = get().deadline(Duration::from_millis(40).as_nanos() as u64);
        let error = policy.call_async(request, pending).await.expect_err("it never ends");
        assert_eq!((error.timeout(), error.attempts()), (Some(ms(40)), 1));
    });
}

#[test]
fn a_call_waits_for_a_slot_and_for_its_turn() {
    paused(async {
        let document =
            r#"{"retry": {}, "bulkhead": {"max_concurrent": 1, "max_queue": 5, "queue_timeout": "1s"}}"#;
        let policy = policy(document);
        let slow = |n, long| async move {
            sleep(ms(long)).await;
            Ok(n)
        };
        let begun = Instant::now();
        let (first, second) = tokio::join!(
            policy.call_async(get(), || slow(1, 300)),
            policy.call_async(get(), || slow(2, 300))
        );
        let values = (first.expect("it has a slot").value, second.expect("it waits for it").value);
        assert_eq!((values, begun.elapsed()), ((1, 2), ms(600)));
        let (first, second) =
            tokio::join!(policy.call_async(get(), || slow(1, 2000)), policy.call_async(get(), || slow(2, 1)));
        assert_eq!(first.expect("it has a slot").value, 1);
        let error = second.expect_err("it waits for a second");
        assert!(matches!(error.failure(), Failure::Rejected(r) if r.reason() == Reason::QueueTimeout));
        assert_eq!(rejected_by(policy.breaker(), Reason::QueueTimeout), 1);
        assert_eq!(policy.breaker().snapshot().bulkhead.expect("slots").in_flight(), 0);
    });
}

#[test]
fn a_paced_call_waits_for_its_turn_and_its_timeout_begins_with_it() {
    paused(async {
        let document = r#"{"timeout": "50ms", "rate_limit": {"algorithm": "leaky_bucket", "rate": 10}}"#;
        let policy = policy(document);
        let begun = Instant::now();
        policy.call_async(get(), || ready(Ok(1))).await.expect("its turn is now");
        let error = policy.call_async(get(), pending).await.expect_err("it never ends");
        assert_eq!((error.timeout(), begun.elapsed()), (Some(ms(50)), ms(150)));
    });
}

#[test]
fn rungs_may_be_async_and_go_through_breakers() {
    paused(async {
        let replica = breaker(r#"{"timeout": "30ms"}"#);
        let main = crate::builder(r#"{"fallback": ["slow", "breaker:search", "late"]}"#)
            .clock(crate::TokioClock::begin())
            .build("main")
            .expect("valid");
        let policy: Policy<u32, Broken> = Policy::builder(&main)
            .describe(describe)
            .fallback_async("slow", |miss| {
                Box::pin(async move {
                    sleep(ms(10)).await;
                    assert_eq!(miss.failure(), &Failure::Inner(WRONG));
                    Err(Broken("empty"))
                })
            })
            .fallback_breaker_async(&replica, |_| Box::pin(pending()))
            .fallback_async("late", |_| Box::pin(async { panic!("this one is for the test") }))
            .build()
            .expect("all are registered");
        let begun = Instant::now();
        let call = travels(policy.call_async(Request::new(), || ready(Err(WRONG))));
        let error = call.await.expect_err("nothing answers");
        assert_eq!(begun.elapsed(), ms(40));
        let errors: Vec<_> = error.rungs().iter().map(|(_, error)| error.clone()).collect();
        let [first, second, third] =
            [RungError::Inner(Broken("empty")), RungError::TimedOut { limit: ms(30) }, RungError::Panicked];
        assert_eq!(errors, [first, second, third]);
        assert_eq!(totals(&replica), (0, 1, 0, 0));
        let error = policy.call(Request::new(), || Err(WRONG)).expect_err("nothing answers");
        assert!(error.rungs().iter().all(|(_, error)| *error == RungError::IsAsync), "{error}");
    });
}

#[test]
fn a_panic_is_a_failure_that_goes_on() {
    paused(async {
        let policy = policy(RETRY);
        let breaker = policy.breaker().clone();
        let task = tokio::spawn(async move {
            policy
                .call_async(get(), || async {
                    sleep(ms(1)).await;
                    panic!("this one is for the test")
                })
                .await
        });
        assert!(task.await.expect_err("it panics").is_panic());
        let kind = breaker.snapshot().last_failure.expect("it counts").error_type;
        assert_eq!((totals(&breaker), kind.as_deref()), ((0, 1, 0, 0), Some("panic")));
    });
}

#[test]
fn a_breaker_whose_clock_stands_still_ends_what_takes_too_long() {
    paused(async {
        let clock = fusewire::ManualClock::new();
        let breaker = crate::builder(r#"{"timeout": "1s"}"#).clock(clock).build("search").expect("valid");
        let policy: Policy<(), Broken> = Policy::builder(&breaker).build().expect("valid");
        let error = policy.call_async(get(), pending).await.expect_err("it never ends");
        assert_eq!((error.timeout(), totals(&breaker)), (Some(Duration::from_secs(1)), (0, 1, 0, 0)));
    });
}

#[test]
fn an_io_error_is_known_by_its_kind() {
    use std::io::{Error, ErrorKind};
    paused(async {
        let breaker = breaker(RETRY);
        let policy: Policy<(), Error> =
            Policy::builder(&breaker).describe(|error| Ending::from(error)).build().expect("valid");
        for (kind, attempts) in [
            (ErrorKind::ConnectionRefused, 3),
            (ErrorKind::TimedOut, 3),
            (ErrorKind::BrokenPipe, 3),
            (ErrorKind::NotFound, 1),
        ] {
            let call = policy.call_async(Request::new(), || ready(Err(Error::from(kind))));
            assert_eq!(call.await.expect_err("it fails").attempts(), attempts, "{kind}");
            breaker.reset(fusewire::By::default());
        }
    });
}
