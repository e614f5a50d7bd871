//! A script by `Policy::call_async`, in tokio's paused time: it goes on when everybody waits.

use crate::blocking::{Rungs, noting};
use crate::made::{breaker, by_hand, ended, pause, request, result};
use crate::script::Script;
use crate::seen::Seen;
use fusewire::Clock;
use std::cell::Cell;
use tokio::time::{Instant, sleep};

/// The breaker's time is tokio's.
#[derive(Clone, Copy)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

pub fn run(script: &Script) -> Seen {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().expect("a runtime").block_on(lead(script))
}

async fn lead(script: &Script) -> Seen {
    let (clock, seen, rungs) = (TokioClock(Instant::now()), Seen::default(), Rungs::default());
    let (registry, breaker) = breaker(&script.document, clock).expect("a valid document");
    let policy = noting(&breaker, &seen, &rungs, move || clock.now());
    let policy = policy.build().expect("all rungs are registered");
    for call in &script.calls {
        rungs.lock().expect("nobody panics with it").clone_from(&call.rungs);
        let made = Cell::new(0);
        let answer = policy.call_async(request(call, clock.now()), || {
            seen.called(clock.now());
            made.set(made.get() + 1);
            let n = made.get();
            async move {
                let act = call.act(n);
                if !act.takes.is_zero() {
                    sleep(act.takes).await;
                }
                result(n, act)
            }
        });
        let answer = answer.await;
        seen.over(clock.now(), ended(answer));
        seen.reads(clock.now(), &registry);
        for step in &call.then {
            match pause(step) {
                Some(long) => sleep(long).await,
                None => by_hand(&breaker, step),
            }
        }
    }
    seen
}
