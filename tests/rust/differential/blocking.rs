//! A script by `Policy::call`.

use crate::made::{Broken, breaker, by_hand, ended, ending, pause, request, result};
use crate::script::Script;
use crate::seen::Seen;
use fusewire::{CircuitBreaker, Clock, ManualClock, Policy, PolicyBuilder};
use std::sync::{Arc, Mutex};

/// The rungs of the call that is under way that answer.
pub type Rungs = Arc<Mutex<Vec<String>>>;

/// A policy whose rungs note when they are used.
pub fn noting(
    breaker: &CircuitBreaker,
    seen: &Seen,
    rungs: &Rungs,
    now: impl Fn() -> u64 + Clone + Send + Sync + 'static,
) -> PolicyBuilder<String, Broken> {
    let mut policy = Policy::builder(breaker).describe(|error: &Broken| ending(&error.act));
    for rung in crate::document::RUNGS {
        let (seen, rungs, now) = (seen.clone(), Arc::clone(rungs), now.clone());
        policy = policy.fallback(rung, move |_| {
            seen.uses(now(), rung);
            let answers = rungs.lock().expect("nobody panics with it").iter().any(|name| name == rung);
            if answers { Ok(rung.to_owned()) } else { result(0, &crate::document::EMPTY) }
        });
    }
    if breaker.snapshot().cache.is_some() { policy.coalesced() } else { policy }
}

pub fn run(script: &Script) -> Seen {
    let (clock, seen, rungs) = (ManualClock::new(), Seen::default(), Rungs::default());
    let (registry, breaker) = breaker(&script.document, clock.clone()).expect("a valid document");
    let (now, pauses, waits) = (clock.clone(), clock.clone(), seen.clone());
    let policy = noting(&breaker, &seen, &rungs, move || now.now()).pause_with(move |wait| {
        waits.waits(pauses.now(), wait.as_nanos() as u64);
        pauses.advance(wait);
    });
    let policy = policy.build().expect("all rungs are registered");
    for call in &script.calls {
        rungs.lock().expect("nobody panics with it").clone_from(&call.rungs);
        let mut n = 0;
        let answer = policy.call(request(call, clock.now()), || {
            seen.called(clock.now());
            n += 1;
            clock.advance(call.act(n).takes);
            result(n, call.act(n))
        });
        seen.over(clock.now(), ended(answer));
        seen.reads(clock.now(), &registry);
        for step in &call.then {
            match pause(step) {
                Some(long) => clock.advance(long),
                None => by_hand(&breaker, step),
            }
        }
    }
    seen
}
