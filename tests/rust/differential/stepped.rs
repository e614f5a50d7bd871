//! A script by the stepper, `CircuitBreaker::attempts`.

use crate::made::{breaker, by_hand, ending, pause, request, shown};
use crate::script::{Act, Call, Script};
use crate::seen::Seen;
use fusewire::{Attempts, CircuitBreaker, Clock, Ending, Finished, ManualClock, Outcome, Registry, Step};
use serde_json::{Value, json};
use std::time::Duration;

/// Who waits: a thread, which nobody stops and which wakes on time, or a task, whose timer ends what takes too long and
/// rings at whole milliseconds.
#[derive(Clone, Copy, PartialEq)]
pub enum Host {
    Thread,
    Task,
}

const MILLISECOND: u64 = 1_000_000;

struct Stepper {
    registry: Registry,
    breaker: CircuitBreaker,
    clock: ManualClock,
    host: Host,
    seen: Seen,
}

/// What the function did so far.
#[derive(Default)]
struct Made {
    calls: usize,
    /// Why the last attempt that ran has failed.
    error: Option<String>,
}

pub fn run(script: &Script, host: Host) -> Seen {
    let clock = ManualClock::new();
    let (registry, breaker) = breaker(&script.document, clock.clone()).expect("a valid document");
    let stepper = Stepper { registry, breaker, clock, host, seen: Seen::default() };
    for call in &script.calls {
        stepper.call(call);
    }
    stepper.seen
}

impl Stepper {
    fn pass(&self, wait: Duration) {
        let until = self.clock.now() + wait.as_nanos() as u64;
        self.clock.set(match self.host {
            Host::Thread => until,
            Host::Task => until.div_ceil(MILLISECOND) * MILLISECOND,
        });
    }

    fn call(&self, call: &Call) {
        let mut attempts = self.breaker.attempts(request(call, self.clock.now())).expect("what can be");
        let mut made = Made::default();
        loop {
            let at = self.clock.now();
            match attempts.next() {
                Step::Call { attempt, timeout } => {
                    self.seen.to_call(at, attempt, timeout.map(|timeout| timeout.as_nanos() as u64));
                    made.calls += 1;
                    made.error = self.act(&mut attempts, made.calls, call.act(made.calls), timeout);
                }
                Step::Wait(wait) => {
                    self.seen.waits(at, wait.as_nanos() as u64);
                    self.pass(wait);
                }
                Step::Use(rung) => {
                    let rung = rung.to_string();
                    self.seen.uses(at, &rung);
                    attempts.answered(call.rungs.contains(&rung));
                }
                Step::Done(finished) => {
                    self.seen.done(at, told(&finished));
                    self.seen.over(at, over(&finished, &made));
                    break;
                }
                other => panic!("an unknown step: {other:?}"),
            }
        }
        drop(attempts);
        self.seen.reads(self.clock.now(), &self.registry);
        for step in &call.then {
            match pause(step) {
                Some(long) => self.pass(long),
                None => by_hand(&self.breaker, step),
            }
        }
    }

    /// Makes an attempt, and settles it; why it has failed.
    fn act(
        &self,
        attempts: &mut Attempts<'_>,
        n: usize,
        act: &Act,
        timeout: Option<Duration>,
    ) -> Option<String> {
        if let Some(limit) = timeout.filter(|_| self.host == Host::Task) {
            let rings = (limit.as_nanos() as u64).div_ceil(MILLISECOND);
            if u128::from(rings) == act.takes.as_millis() {
                self.seen.ties();
            }
            if u128::from(rings) < act.takes.as_millis() {
                self.pass(limit);
                attempts.settle(Ending::failure("timeout"));
                return Some(format!("timeout of {}", limit.as_nanos()));
            }
        }
        self.pass(act.takes);
        attempts.settle(ending(act));
        (act.outcome != "success").then(|| shown(n, act))
    }
}

fn told(done: &Finished) -> Value {
    let rejected = done.rejected.as_ref();
    json!({
        "outcome": done.outcome.map_or("rejected", Outcome::name),
        "rung": done.rung.as_ref().map(ToString::to_string),
        "attempts": done.attempts,
        "rejected": rejected.map(|rejection| rejection.reason().name()),
        "retry_after": rejected.and_then(|r| r.retry_after()).map(|after| after.as_nanos() as u64),
        "error_type": done.error_type,
    })
}

/// What a loop is to make of it for who called.
fn over(done: &Finished, made: &Made) -> Value {
    let reason = done.rejected.as_ref().map(|rejection| rejection.reason().name());
    let has_run = made.calls > 0;
    let value = match &done.rung {
        Some(rung) => Some(rung.to_string()),
        None if has_run && made.error.is_none() => Some(made.calls.to_string()),
        None => None,
    };
    let error = if has_run { made.error.clone() } else { reason.map(|reason| format!("rejected: {reason}")) };
    let rejected = reason.filter(|_| has_run);
    json!({ "value": value, "attempts": done.attempts, "error": error, "rejected": rejected })
}
