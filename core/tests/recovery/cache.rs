//! Values of earlier calls, and calls that share one attempt.

use crate::{Broken, NETWORK, WRONG, breaker, builder, describe, ms, paused, totals};
use fusewire::{Degraded, ManualClock, Policy, Priority, Request, Rung, RungError};
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::Duration;
use tokio::time::sleep;

fn cached(document: &str) -> (Policy<u32, Broken>, ManualClock) {
    let clock = ManualClock::new();
    let breaker = builder(document).clock(clock.clone()).build("search").expect("a valid document");
    (Policy::builder(&breaker).describe(describe).cached().build().expect("valid"), clock)
}

fn of(key: &str) -> Request<'_> {
    Request::new().key(key)
}

#[test]
fn a_failure_answers_from_the_cache_while_its_value_lives() {
    let (policy, clock) = cached(r#"{"cache": {"ttl": "10s", "stale_ttl": "50s"}}"#);
    assert_eq!(policy.call(of("a"), || Ok(1)).expect("it succeeds").attempts, 1);
    clock.advance(Duration::from_secs(59));
    let answer = policy.call(of("a"), || Err(WRONG)).expect("the cache answers");
    let Degraded { rung, error, .. } = *answer.degraded.expect("from the cache");
    assert_eq!((answer.value, rung, error.into_inner()), (1, Rung::Cache, Some(WRONG)));
    let error = policy.call(of("b"), || Err(WRONG)).expect_err("nothing is known of it");
    assert_eq!(error.rungs(), [(Rung::Cache, RungError::Absent)]);
    let error = policy.call(Request::new(), || Err(WRONG)).expect_err("it has no key");
    assert_eq!(error.rungs(), []);
    clock.advance(Duration::from_secs(1));
    assert!(policy.call(of("a"), || Err(WRONG)).is_err());
}

#[test]
fn a_fresh_value_answers_before_anything_is_called() {
    let (policy, clock) = cached(r#"{"cache": {"mode": "read_through", "ttl": "10s", "stale_ttl": "50s"}}"#);
    policy.call(of("a"), || Ok(1)).expect("it succeeds");
    let answer = policy.call(of("a"), || unreachable!("it is fresh")).expect("the cache answers");
    assert_eq!((answer.value, answer.attempts, answer.is_degraded()), (1, 0, false));
    assert_eq!(totals(policy.breaker()), (1, 0, 0, 0));
    clock.advance(Duration::from_secs(10));
    assert_eq!(policy.call(of("a"), || Ok(2)).expect("it is stale").value, 2);
    clock.advance(Duration::from_secs(10));
    assert!(policy.call(of("a"), || Err(WRONG)).expect("the cache answers").is_degraded());
    policy.forget("a");
    assert!(policy.call(of("a"), || Err(WRONG)).is_err());
    policy.call(of("b"), || Ok(3)).expect("it succeeds");
    policy.clear_cache();
    assert!(policy.call(of("b"), || Err(WRONG)).is_err());
    assert_eq!(policy.breaker().snapshot().cache.expect("it has one").entries, 0);
}

#[test]
fn policies_over_one_breaker_have_values_of_their_own() {
    let (numbers, _) = cached(r#"{"cache": {"mode": "read_through"}}"#);
    let texts: Policy<String, Broken> = Policy::builder(numbers.breaker()).cached().build().expect("valid");
    numbers.call(of("a"), || Ok(1)).expect("it succeeds");
    let answer = texts.call(of("a"), || Ok("one".to_owned())).expect("it finds no number");
    assert_eq!((answer.value.as_str(), answer.attempts), ("one", 1));
    assert_eq!(numbers.call(of("a"), || Ok(2)).expect("its place was taken").value, 2);
}

#[test]
fn a_cache_that_went_and_came_again_has_nothing() {
    let document = r#"{"cache": {"mode": "read_through"}}"#;
    let (policy, _) = cached(document);
    policy.call(of("a"), || Ok(1)).expect("it succeeds");
    let by = fusewire::By::default;
    policy.breaker().reconfigure(builder("{}"), by()).expect("valid");
    assert_eq!(policy.call(of("a"), || Ok(2)).expect("no cache").value, 2);
    policy.breaker().reconfigure(builder(document), by()).expect("valid");
    assert_eq!(policy.call(of("a"), || Ok(3)).expect("nothing is cached").value, 3);
    assert_eq!(policy.call(of("a"), || Ok(4)).expect("fresh").value, 3);
}

/// Calls of one key share one attempt.
fn coalesced() -> Policy<u32, Broken> {
    let breaker = breaker(r#"{"cache": {"coalesce": true}}"#);
    Policy::builder(&breaker).describe(describe).coalesced().build().expect("valid")
}

async fn slow(result: Result<u32, Broken>) -> Result<u32, Broken> {
    sleep(ms(100)).await;
    result
}

#[test]
fn concurrent_calls_of_one_key_make_one_attempt() {
    paused(async {
        let policy = coalesced();
        let call = |n| policy.call_async(of("a"), move || slow(Ok(n)));
        let other = policy.call_async(of("b"), || slow(Ok(9)));
        let (first, second, third, other) = tokio::join!(call(1), call(2), call(3), other);
        let values = [first, second, third, other].map(|ended| ended.expect("it succeeds").value);
        assert_eq!((values, totals(policy.breaker())), ([1, 1, 1, 9], (2, 0, 0, 0)));
        let call = |n| policy.call_async(of("c"), move || slow(Err(Broken(n))));
        let (first, second) = tokio::join!(call("first"), call("second"));
        let errors = [first, second].map(|ended| ended.expect_err("it fails").into_inner());
        assert_eq!((errors, totals(policy.breaker())), ([Some(Broken("first")); 2], (2, 1, 0, 0)));
    });
}

#[test]
fn when_the_one_that_leads_is_dropped_the_first_that_follows_leads() {
    paused(async {
        let policy = coalesced();
        let leader = tokio::time::timeout(ms(50), policy.call_async(of("a"), || slow(Ok(1))));
        let call = |n| policy.call_async(of("a"), move || slow(Ok(n)));
        let (first, second, third) = tokio::join!(leader, call(2), call(3));
        assert!(first.is_err(), "it was dropped");
        let values = [second, third].map(|ended| ended.expect("it succeeds").value);
        assert_eq!((values, totals(policy.breaker())), ([2, 2], (1, 0, 1, 0)));
    });
}

#[test]
fn a_call_joins_none_of_a_lower_level() {
    paused(async {
        let policy = coalesced();
        let at = |n, level| policy.call_async(of("a").priority(level), move || slow(Ok(n)));
        let ended = tokio::join!(at(1, Priority::Low), at(2, Priority::High), at(3, Priority::Normal));
        let values = [ended.0, ended.1, ended.2].map(|ended| ended.expect("it succeeds").value);
        assert_eq!(values, [1, 2, 2]);
    });
}

#[test]
fn threads_wait_for_the_one_that_leads() {
    let breaker = builder(r#"{"cache": {"coalesce": true}}"#).build("search").expect("valid");
    let policy: Policy<u32, Broken> = Policy::builder(&breaker).coalesced().build().expect("valid");
    let (begun, calls) = (Arc::new(AtomicU32::new(0)), 4);
    let led = Arc::new(AtomicU32::new(0));
    thread::scope(|scope| {
        let all: Vec<_> = (0..calls)
            .map(|_| {
                let (policy, begun, led) = (policy.clone(), Arc::clone(&begun), Arc::clone(&led));
                scope.spawn(move || {
                    begun.fetch_add(1, SeqCst);
                    policy.call(of("a"), || {
                        led.fetch_add(1, SeqCst);
                        while begun.load(SeqCst) < calls {
                            thread::yield_now();
                        }
                        Ok(7)
                    })
                })
            })
            .collect();
        for call in all {
            assert_eq!(call.join().expect("no panic").expect("it succeeds").value, 7);
        }
    });
    // Who comes when the first has landed makes a call of its own.
    assert_eq!(u64::from(led.load(SeqCst)), totals(&breaker).0);
}

#[test]
fn a_rung_answers_for_all_that_share_an_attempt() {
    paused(async {
        let breaker = breaker(r#"{"fallback": ["one"], "cache": {"coalesce": true}}"#);
        let asked = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&asked);
        let policy: Policy<u32, Broken> = Policy::builder(&breaker)
            .coalesced()
            .fallback("one", move |_| Ok(seen.fetch_add(1, SeqCst)))
            .build()
            .expect("valid");
        let call = || policy.call_async(of("a"), || slow(Err(NETWORK)));
        let (first, second) = tokio::join!(call(), call());
        let answers = [first, second].map(|ended| ended.expect("the rung answers"));
        assert!(answers.iter().all(|answer| answer.value == 0 && answer.is_degraded()));
        let alone = policy.call_async(of("a"), || ready(Err(NETWORK))).await.expect("the rung answers");
        assert_eq!((alone.value, asked.load(SeqCst)), (1, 2));
    });
}

#[test]
fn what_narrower_rules_have_no_room_for_goes_with_the_next_store() {
    let breaker = builder(r#"{"cache": {}}"#).build("search").expect("valid");
    let policy: Policy<Arc<str>, Broken> = Policy::builder(&breaker).cached().build().expect("valid");
    let keep = |key| policy.call(of(key), || Ok(Arc::from(key))).expect("it succeeds").value;
    let values: Vec<Arc<str>> = ["a", "b", "c", "d"].into_iter().map(keep).collect();
    let kept = || values.iter().filter(|value| Arc::strong_count(value) > 1).count();
    assert_eq!(kept(), 4);
    let narrow = builder(r#"{"cache": {"max_entries": 2}}"#);
    assert_eq!(breaker.reconfigure(narrow, fusewire::By::default()), Ok(true));
    keep("e");
    assert_eq!(kept(), 1, "and the new one");
    assert_eq!(breaker.snapshot().cache.expect("it caches").entries, 2);
}

#[test]
fn the_values_of_a_cache_that_came_back_are_let_go_when_another_is_kept() {
    let document = r#"{"cache": {"mode": "read_through"}}"#;
    let clock = ManualClock::new();
    let breaker = builder(document).clock(clock).build("search").expect("valid");
    let policy: Policy<Arc<u32>, Broken> = Policy::builder(&breaker).cached().build().expect("valid");
    let kept =
        ["a", "b", "c"].map(|key| policy.call(of(key), || Ok(Arc::new(1))).expect("it succeeds").value);
    assert_eq!(kept.each_ref().map(Arc::strong_count), [2; 3]);
    for document in ["{}", document] {
        breaker.reconfigure(builder(document), fusewire::By::default()).expect("valid");
    }
    policy.call(of("d"), || Ok(Arc::new(2))).expect("it succeeds");
    assert_eq!(kept.each_ref().map(Arc::strong_count), [1; 3]);
}
