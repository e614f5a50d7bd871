//! Breakers that fall back on each other although nobody could see it when they were built.

use crate::{Broken, NETWORK, WRONG, builder, describe, paused, totals};
use fusewire::{By, CircuitBreaker, Failure, Policy, PolicyError, Request, Rung, RungError};
use std::sync::{Arc, OnceLock};

type Shared = Arc<OnceLock<Policy<u32, Broken>>>;

/// Two breakers: `a` falls back on `b`, and so does `b` on `a` as soon as it is told.
struct Bench {
    a: CircuitBreaker,
    b: CircuitBreaker,
    policies: [Shared; 2],
}

const CYCLE: &str = "a -> b -> a";

impl Bench {
    fn new() -> Self {
        let a = builder(r#"{"fallback": ["breaker:b"]}"#).build("a").expect("valid");
        let b = builder("{}").build("b").expect("valid");
        Bench { a, b, policies: Default::default() }
    }

    fn close_the_circle(&self) {
        let document = builder(r#"{"fallback": ["breaker:a"]}"#);
        assert_eq!(self.b.reconfigure(document, By::default()), Ok(true));
    }

    fn is_told(&self, error: &PolicyError<Broken>) {
        assert_eq!(error.failure(), &Failure::Inner(NETWORK), "the original error");
        let [(Rung::Breaker(name), RungError::Inner(within))] = error.rungs() else {
            panic!("{:?}", error.rungs());
        };
        assert_eq!((&**name, *within), ("b", WRONG));
        // Each is left as often as it was entered.
        assert_eq!((totals(&self.a), totals(&self.b)), ((0, 1, 0, 0), (0, 2, 0, 0)));
    }
}

fn policy(of: &Shared) -> &Policy<u32, Broken> {
    of.get().expect("it is built")
}

/// Of the innermost call: its only rung has led back.
fn leads_back(error: &PolicyError<Broken>) {
    let [(_, RungError::Cycle(cycle))] = error.rungs() else { panic!("{:?}", error.rungs()) };
    assert_eq!((cycle.key(), cycle.value()), ("fallback", CYCLE));
    assert!(error.to_string().contains(CYCLE), "{error}");
}

#[test]
fn a_call_that_would_come_back_to_a_breaker_ends_there() {
    let bench = Bench::new();
    let [first, second] = bench.policies.clone();
    let answering = Policy::builder(&bench.a).describe(describe).fallback_breaker(&bench.b, move |_| {
        let ended = policy(&second).call(Request::new(), || Err(WRONG));
        Err(ended.inspect_err(leads_back).expect_err("nothing answers").into_inner().expect("its own"))
    });
    bench.policies[0].set(answering.build().expect("no circle yet")).expect("the first");
    let answering = Policy::builder(&bench.b).describe(describe).fallback_breaker(&bench.a, move |_| {
        let ended = policy(&first).call(Request::new(), || Err(NETWORK));
        Ok(ended.expect("it is never called").value)
    });
    bench.policies[1].set(answering.build().expect("no circle yet")).expect("the first");
    bench.close_the_circle();
    let ended = policy(&bench.policies[0]).call(Request::new(), || Err(NETWORK));
    bench.is_told(&ended.expect_err("nothing answers"));
}

#[test]
fn an_awaited_call_that_would_come_back_ends_there_although_it_waits_in_between() {
    let bench = Bench::new();
    let [first, second] = bench.policies.clone();
    let pause = || tokio::time::sleep(crate::ms(10));
    let answering =
        Policy::builder(&bench.a).describe(describe).fallback_breaker_async(&bench.b, move |_| {
            let second = Arc::clone(&second);
            Box::pin(async move {
                pause().await;
                let call = policy(&second).call_async(Request::new(), || async { Err(WRONG) });
                Err(call.await.inspect_err(leads_back).expect_err("none").into_inner().expect("its own"))
            })
        });
    bench.policies[0].set(answering.build().expect("no circle yet")).expect("the first");
    let answering =
        Policy::builder(&bench.b).describe(describe).fallback_breaker_async(&bench.a, move |_| {
            let first = Arc::clone(&first);
            Box::pin(async move {
                let call = policy(&first).call_async(Request::new(), || async { Err(NETWORK) });
                Ok(call.await.expect("it is never called").value)
            })
        });
    bench.policies[1].set(answering.build().expect("no circle yet")).expect("the first");
    bench.close_the_circle();
    paused(async {
        let ended = policy(&bench.policies[0]).call_async(Request::new(), || async { Err(NETWORK) }).await;
        bench.is_told(&ended.expect_err("nothing answers"));
        // The circle was that call's alone.
        let other = policy(&bench.policies[1]).call_async(Request::new(), || async { Ok(1) }).await;
        assert_eq!(other.expect("it is let through").value, 1);
    });
}

#[test]
fn calls_beside_each_other_are_no_circle() {
    let bench = Bench::new();
    let answering = Policy::builder(&bench.a).describe(describe).fallback_breaker(&bench.b, |_| Ok(2));
    let policy = answering.build().expect("no circle");
    for _ in 0..2 {
        let answer = policy.call(Request::new(), || Err(NETWORK)).expect("b answers");
        assert_eq!((answer.value, answer.is_degraded()), (2, true));
    }
}
