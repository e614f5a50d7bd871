//! Calls that block the thread. Pauses move the clock.

use crate::{Broken, IGNORED, NETWORK, RETRY, Script, WRONG, builder, describe, ms, totals};
use fusewire::{
    By, CircuitBreaker, Degraded, Ending, Failure, ManualClock, Outcome, Policy, PolicyBuilder, Reason,
    Request, Rung, RungError, Step,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

/// A policy whose pauses move its breaker's clock.
fn begin(document: &str) -> (CircuitBreaker, ManualClock, PolicyBuilder<u32, Broken>) {
    let clock = ManualClock::new();
    let breaker = builder(document).clock(clock.clone()).build("search").expect("a valid document");
    let pauses = clock.clone();
    let policy = Policy::builder(&breaker).describe(describe).pause_with(move |wait| pauses.advance(wait));
    (breaker, clock, policy)
}

fn get<'a>() -> Request<'a> {
    Request::new().method("GET")
}

#[test]
fn a_call_that_succeeds_at_once_answers_after_one_attempt() {
    let (breaker, _, policy) = begin(RETRY);
    let answer = policy.build().expect("valid").call(get(), || Ok(7)).expect("it succeeds");
    assert_eq!((answer.value, answer.attempts, answer.degraded), (7, 1, None));
    assert_eq!(totals(&breaker), (1, 0, 0, 0));
}

#[test]
fn a_failure_is_tried_once_more_after_its_wait() {
    let (breaker, _, _) = begin(RETRY);
    let waits = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&waits);
    let clock = ManualClock::new();
    let breaker_of = builder(RETRY).clock(clock.clone()).build("search").expect("valid");
    let policy = Policy::builder(&breaker_of).describe(describe).pause_with(move |wait| {
        seen.lock().expect("no panic").push(wait);
        clock.advance(wait);
    });
    let script = Script::new([Err(NETWORK), Err(NETWORK), Ok(3)]);
    let answer = policy.build().expect("valid").call(get(), || script.next()).expect("the third succeeds");
    assert_eq!((answer.value, answer.attempts), (3, 3));
    assert_eq!(*waits.lock().expect("no panic"), [ms(100), ms(200)]);
    assert_eq!((totals(&breaker_of), totals(&breaker)), ((1, 2, 0, 0), (0, 0, 0, 0)));
}

#[test]
fn an_error_is_the_functions_own_and_tells_how_often_it_was_tried() {
    let (_, _, policy) = begin(r#"{"retry": {"max_attempts": 2}}"#);
    let policy = policy.build().expect("valid");
    let error = policy.call(Request::new(), || Err(NETWORK)).expect_err("it fails");
    assert_eq!((error.failure(), error.attempts()), (&Failure::Inner(NETWORK), 2));
    assert_eq!(error.to_string(), "network_error; after 2 attempts");
    assert_eq!(error.into_inner(), Some(NETWORK));
    let error = policy.call(Request::new(), || Err(WRONG)).expect_err("it fails");
    assert_eq!((error.attempts(), error.to_string()), (1, "invalid_request".to_owned()));
}

#[test]
fn what_is_ignored_is_neither_tried_again_nor_replaced() {
    let (breaker, _, policy) = begin(r#"{"retry": {}, "fallback": ["none"]}"#);
    let policy = policy.fallback_value("none", 0).build().expect("valid");
    let error = policy.call(get(), || Err(IGNORED)).expect_err("it fails");
    assert_eq!((error.failure(), error.attempts()), (&Failure::Inner(IGNORED), 1));
    assert_eq!(totals(&breaker), (0, 0, 1, 0));
}

#[test]
fn an_error_without_a_description_is_of_unknown_type() {
    let clock = ManualClock::new();
    let document = r#"{"retry": {"on": ["unknown"], "max_attempts": 2}}"#;
    let breaker = builder(document).clock(clock.clone()).build("search").expect("valid");
    let policy: Policy<(), ()> =
        Policy::builder(&breaker).pause_with(move |wait| clock.advance(wait)).build().expect("valid");
    assert_eq!(policy.call(Request::new(), || Err(())).expect_err("it fails").attempts(), 2);
}

#[test]
fn the_hint_of_an_error_lengthens_the_wait() {
    let (_, clock, policy) = begin(RETRY);
    let policy = policy.describe(|e| Ending::failure(e.0).retry_after(Duration::from_secs(3)));
    let script = Script::new([Err(NETWORK), Ok(1)]);
    policy.build().expect("valid").call(get(), || script.next()).expect("the second succeeds");
    assert_eq!(clock_now(&clock), 3_000_000_000);
}

fn clock_now(clock: &ManualClock) -> u64 {
    fusewire::Clock::now(clock)
}

#[test]
fn a_retry_that_is_rejected_leaves_the_functions_error_with_the_rejection_beside_it() {
    let (_, _, policy) = begin(r#"{"failure_threshold": 1, "retry": {}}"#);
    let error = policy.build().expect("valid").call(get(), || Err(NETWORK)).expect_err("it fails");
    assert_eq!((error.failure(), error.attempts()), (&Failure::Inner(NETWORK), 2));
    assert_eq!(error.rejection().map(|rejection| rejection.reason()), Some(Reason::Open));
    assert!(error.to_string().contains("the next one: circuit breaker 'search' is open"), "{error}");
}

#[test]
fn a_call_that_never_ran_returns_the_rejection() {
    let (breaker, _, policy) = begin(RETRY);
    breaker.trip(None, By::default()).expect("no duration");
    let error = policy.build().expect("valid").call(get(), || unreachable!("it is open")).expect_err("open");
    assert!(matches!(error.failure(), Failure::Rejected(rejection) if rejection.reason() == Reason::Open));
    assert_eq!((error.attempts(), error.rungs()), (1, &[][..]));
}

#[test]
fn a_late_success_is_passed_on_and_counts_as_a_timeout() {
    let (breaker, clock, policy) = begin(r#"{"timeout": "1s", "retry": {}}"#);
    let slow = || {
        clock.advance(Duration::from_secs(2));
        Ok(9)
    };
    let answer = policy.build().expect("valid").call(get(), slow).expect("it was late, not lost");
    assert_eq!((answer.value, answer.attempts), (9, 1));
    let failure = breaker.snapshot().last_failure.expect("it counts");
    assert_eq!((totals(&breaker), failure.error_type.as_deref()), ((0, 1, 0, 0), Some("timeout")));
}

#[test]
fn rungs_answer_in_their_order_and_the_answer_tells_which_and_why() {
    let (_, _, policy) = begin(r#"{"fallback": ["first", "second", "third"]}"#);
    let policy = policy
        .fallback("first", |miss| {
            assert_eq!(miss.failure(), &Failure::Inner(WRONG));
            Err(Broken("also"))
        })
        .fallback("second", |miss| Ok(miss.key().map_or(0, |key| key.len() as u32)))
        .fallback_value("third", 3)
        .build()
        .expect("all are registered");
    let answer = policy.call(Request::new().key("four"), || Err(WRONG)).expect("the second answers");
    assert_eq!(answer.value, 4);
    let Degraded { rung, error, .. } = *answer.degraded.expect("it does not answer itself");
    assert_eq!((rung.to_string().as_str(), error.failure()), ("second", &Failure::Inner(WRONG)));
    assert_eq!(error.rungs(), [(Rung::Named("first".into()), RungError::Inner(Broken("also")))]);
}

#[test]
fn when_every_rung_fails_the_original_error_is_returned_with_theirs() {
    let (breaker, _, policy) = begin(r#"{"fallback": ["panics", "fails"]}"#);
    let policy = policy
        .fallback("panics", |_| panic!("this one is for the test"))
        .fallback("fails", |_| Err(Broken("empty")))
        .build()
        .expect("both are registered");
    let error = policy.call(Request::new(), || Err(WRONG)).expect_err("nothing answers");
    let errors: Vec<_> = error.rungs().iter().map(|(_, error)| error.clone()).collect();
    assert_eq!(errors, [RungError::Panicked, RungError::Inner(Broken("empty"))]);
    assert_eq!(error.to_string(), "invalid_request; fallback `panics`: it panicked; fallback `fails`: empty");
    let counts = breaker.snapshot().fallbacks.iter().map(|c| (c.answered, c.failed)).collect::<Vec<_>>();
    assert_eq!(counts, [(0, 1), (0, 1)]);
}

#[test]
fn a_rung_of_another_breaker_goes_through_that_breaker() {
    let clock = ManualClock::new();
    let replica = builder(r#"{"failure_threshold": 1}"#).clock(clock).build("replica").expect("valid");
    let (_, _, policy) = begin(r#"{"fallback": ["breaker:replica"]}"#);
    let working = std::sync::Arc::new(AtomicU32::new(1));
    let seen = std::sync::Arc::clone(&working);
    let policy = policy
        .fallback_breaker(&replica, move |_| match seen.load(SeqCst) {
            1 => Ok(5),
            _ => Err(NETWORK),
        })
        .build()
        .expect("it is registered");
    let answer = policy.call(Request::new(), || Err(WRONG)).expect("the replica answers");
    assert_eq!((answer.value, totals(&replica)), (5, (1, 0, 0, 0)));
    working.store(0, SeqCst);
    let errors = [(); 2].map(|()| {
        let error = policy.call(Request::new(), || Err(WRONG)).expect_err("neither answers");
        error.rungs()[0].1.clone()
    });
    assert_eq!(errors[0], RungError::Inner(NETWORK));
    assert!(matches!(&errors[1], RungError::Rejected(rejection) if rejection.name() == "replica"));
    let last = replica.snapshot().last_failure.expect("it has failed");
    assert_eq!((totals(&replica), last.error_type.as_deref()), ((1, 1, 0, 1), Some("network_error")));
}

#[test]
fn a_value_that_is_judged_a_failure_is_tried_again_and_returned_at_last() {
    let (breaker, _, policy) = begin(r#"{"retry": {"max_attempts": 2}}"#);
    let policy = policy.judge(|result| match result {
        Ok(status) if *status >= 500 => Ending::new(Outcome::Failure, None).status(*status as u16),
        Ok(_) => Ending::success(),
        Err(e) => Ending::failure(e.0),
    });
    let policy = policy.build().expect("valid");
    let script = Script::new([Ok(503), Ok(200)]);
    assert_eq!(policy.call(Request::new(), || script.next()).expect("a value").value, 200);
    let answer = policy.call(Request::new(), || Ok(503)).expect("the value itself");
    assert_eq!((answer.value, answer.attempts, totals(&breaker)), (503, 2, (1, 3, 0, 0)));
}

#[test]
fn an_error_that_is_judged_a_success_is_returned_as_it_is() {
    let (breaker, _, policy) = begin(r#"{"retry": {}, "fallback": ["none"]}"#);
    let policy = policy.describe(|_| Ending::success()).fallback_value("none", 0).build().expect("valid");
    let error = policy.call(get(), || Err(WRONG)).expect_err("it is an error all the same");
    assert_eq!((error.into_inner(), totals(&breaker)), (Some(WRONG), (1, 0, 0, 0)));
}

#[test]
fn a_judge_that_panics_is_left_out_of_account() {
    let (breaker, _, policy) = begin("{}");
    let policy = policy.describe(|_| panic!("this one is for the test")).build().expect("valid");
    assert_eq!(policy.call(get(), || Err(WRONG)).expect_err("it fails").into_inner(), Some(WRONG));
    assert_eq!(totals(&breaker), (0, 1, 0, 0));
}

#[test]
fn a_panic_is_a_failure_that_goes_on() {
    let (breaker, _, policy) =
        begin(r#"{"retry": {}, "fallback": ["none"], "bulkhead": {"max_concurrent": 1}}"#);
    let policy = policy.fallback_value("none", 0).build().expect("valid");
    let call = || policy.call(get(), || panic!("this one is for the test"));
    assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
    let snapshot = breaker.snapshot();
    let kind = snapshot.last_failure.expect("it counts").error_type;
    assert_eq!((totals(&breaker), kind.as_deref()), ((0, 1, 0, 0), Some("panic")));
    assert_eq!(snapshot.bulkhead.expect("it has slots").in_flight(), 0);
}

#[test]
fn a_request_that_cannot_be_asks_nobody() {
    let (breaker, _, policy) = begin(RETRY);
    let error = policy.build().expect("valid").call(get().cost(0), || Ok(1)).expect_err("it costs nothing");
    assert!(matches!(error.failure(), Failure::Request(e) if e.field() == "cost"), "{error}");
    assert_eq!((error.attempts(), totals(&breaker)), (0, (0, 0, 0, 0)));
}

#[test]
fn a_paced_call_waits_for_its_turn() {
    let document = r#"{"retry": {}, "rate_limit": {"algorithm": "leaky_bucket", "rate": 10}}"#;
    let (_, clock, policy) = begin(document);
    let policy = policy.build().expect("valid");
    let begun =
        [(); 3].map(|()| policy.call(get(), || Ok(clock_now(&clock) as u32)).expect("admitted").value);
    assert_eq!(begun, [0, 100_000_000, 200_000_000]);
}

#[test]
fn a_rung_that_nobody_registered_is_an_error_that_says_what_to_write() {
    let (_, _, policy) = begin(r#"{"fallback": ["none", "breaker:replica"]}"#);
    let error = policy.fallback_value("none", 0).build().expect_err("one is missing");
    assert_eq!(
        error.to_string(),
        "configuration: `fallback` is \"breaker:replica\"; allowed: rungs that are registered with `fallback_breaker`"
    );
    let (_, _, policy) = begin(r#"{"cache": {}}"#);
    assert!(policy.build().expect_err("no cache").to_string().contains("`cached()`"));
    let (_, _, policy) = begin(r#"{"cache": {"coalesce": true}}"#);
    assert!(policy.cached().build().expect_err("not shared").to_string().contains("`coalesced()`"));
}

#[test]
fn breakers_that_fall_back_on_each_other_are_an_error() {
    let replica = builder(r#"{"fallback": ["breaker:search"]}"#).build("replica").expect("valid");
    let (_, _, policy) = begin(r#"{"fallback": ["breaker:replica"]}"#);
    let error = policy.fallback_breaker(&replica, |_| Ok(1)).build().expect_err("a cycle");
    assert!(
        error.to_string().contains("search -> breaker")
            || error.to_string().contains("search -> replica -> search"),
        "{error}"
    );
}

#[test]
fn a_chain_that_is_replaced_while_a_rung_runs_is_gone_down_to_its_end() {
    let (breaker, ..) = begin(r#"{"fallback": ["a", "b"]}"#);
    let named = |name: &str| Step::Use(Rung::Named(name.into()));
    let mut attempts = breaker.attempts(Request::new()).expect("nothing is asked for");
    let _ = (attempts.next(), attempts.settle(Ending::failure("network_error")));
    assert_eq!(attempts.next(), named("a"));
    breaker.reconfigure(builder(r#"{"fallback": ["c", "a"]}"#), By::default()).expect("valid");
    assert_eq!(attempts.next(), named("a"));
    attempts.answered(false);
    assert_eq!(attempts.next(), named("b"));
    attempts.answered(true);
    let Step::Done(done) = attempts.next() else { panic!("it has answered") };
    assert_eq!(done.rung, Some(Rung::Named("b".into())));
    let counts = breaker.snapshot().fallbacks.into_iter().map(|f| (f.rung, f.answered, f.failed));
    assert_eq!(counts.collect::<Vec<_>>(), [("c".to_owned(), 0, 0), ("a".to_owned(), 0, 1)]);
}
