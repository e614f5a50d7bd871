//! Calls that begin when their deadline has passed.

use crate::{Broken, NETWORK, builder, describe, paused, policy, totals};
use fusewire::{Failure, ManualClock, Policy, Request, Rung};
use std::time::Duration;

const LATE: Failure<Broken> = Failure::TimedOut { limit: Duration::ZERO };

fn late<'a>() -> Request<'a> {
    Request::new().deadline(0)
}

#[test]
fn a_call_whose_deadline_has_passed_is_not_made_and_the_breaker_does_not_see_it() {
    let breaker = builder(r#"{"failure_threshold": 1, "retry": {}}"#)
        .clock(ManualClock::new())
        .build("search")
        .expect("valid");
    let policy: Policy<u32, Broken> = Policy::builder(&breaker).describe(describe).build().expect("valid");
    for _ in 0..2 {
        let error = policy.call(late(), || panic!("it has no time")).expect_err("nothing answers");
        assert_eq!((error.failure(), error.attempts(), error.timeout()), (&LATE, 0, Some(Duration::ZERO)));
        assert_eq!(error.to_string(), "the call's deadline had passed before it could begin");
    }
    assert_eq!(totals(&breaker), (0, 0, 0, 0));
    assert_eq!(policy.call(Request::new().deadline(1), || Ok(7)).expect("it has a nanosecond").attempts, 1);
}

#[test]
fn an_awaited_call_whose_deadline_has_passed_is_not_made_either() {
    paused(async {
        let policy = policy(r#"{"failure_threshold": 1, "hedge": {}, "bulkhead": {"max_concurrent": 1}}"#);
        let ended = policy.call_async(late(), || async { panic!("it has no time") }).await;
        assert_eq!(ended.expect_err("nothing answers").failure(), &LATE);
        assert_eq!(totals(policy.breaker()), (0, 0, 0, 0));
    });
}

#[test]
fn rungs_answer_for_a_call_that_had_no_time() {
    let breaker = builder(r#"{"fallback": ["fails", "answers"]}"#)
        .clock(ManualClock::new())
        .build("search")
        .expect("valid");
    let policy: Policy<u32, Broken> = Policy::builder(&breaker)
        .describe(describe)
        .fallback("fails", |_| Err(NETWORK))
        .fallback_value("answers", 3)
        .build()
        .expect("valid");
    let answer = policy.call(late(), || panic!("it has no time")).expect("a rung answers");
    let degraded = answer.degraded.expect("it is a rung's");
    assert_eq!((answer.value, answer.attempts), (3, 0));
    assert_eq!((degraded.rung, degraded.error.failure()), (Rung::Named("answers".into()), &LATE));
    assert_eq!(degraded.error.rungs().len(), 1);
    assert_eq!(totals(&breaker), (0, 0, 0, 0));
}

#[test]
fn a_permit_that_is_asked_for_after_its_deadline_has_no_time() {
    let breaker = builder("{}").clock(ManualClock::new()).build("search").expect("valid");
    let permit = breaker.with(late()).expect("a request that can be").try_acquire().expect("it is closed");
    assert_eq!(permit.timeout(), Some(Duration::ZERO));
}
