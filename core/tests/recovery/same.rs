//! The same random scripts through the stepper, `call` and `call_async`: every attempt, rung and end at the same time; and
//! what no script may bring about.

use crate::{Broken, TokioClock, builder, describe, ms};
use fusewire::{
    Answer, Attempts, CircuitBreaker, Clock, Ending, Failure, FallbackCounts, ManualClock, Outcome, Policy,
    PolicyError, Reason, Request, RetryCounts, State, Step, Totals,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::sleep;

/// What an attempt does: how many milliseconds it takes, and its error type if it fails.
type Act = (u64, Option<&'static str>);

/// One call: its method, whether it is idempotent, how many milliseconds it is of use, what its attempts do (the last
/// again and again), and which of its rungs answer.
#[derive(Clone, Debug)]
struct Call {
    method: Option<&'static str>,
    idempotent: bool,
    deadline: Option<u64>,
    acts: Vec<Act>,
    rungs: [bool; 2],
    /// How long nobody calls after it.
    pause: u64,
}

#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Begun { at: u64 },
    Used { rung: String, at: u64 },
    Over { end: End, at: u64 },
}

/// How a call ended, in words that all three have.
#[derive(Clone, Debug, PartialEq)]
struct End {
    answered: bool,
    rung: Option<String>,
    attempts: u32,
    error: Option<String>,
    rejected: Option<Reason>,
}

const ERRORS: [&str; 5] = ["network_error", "rate_limit", "invalid_request", "ignored", "strange"];

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let act = (0..400u64, prop_oneof![Just(None), (0..ERRORS.len()).prop_map(|n| Some(ERRORS[n]))]);
    let method = prop_oneof![Just(None), Just(Some("GET")), Just(Some("PUT")), Just(Some("POST"))];
    let call = (
        method,
        any::<bool>(),
        prop::option::of(1..1_500u64),
        vec(act, 1..5),
        any::<[bool; 2]>(),
        0..3_000u64,
    );
    let call = call.prop_map(|(method, idempotent, deadline, acts, rungs, pause)| Call {
        method,
        idempotent,
        deadline,
        acts,
        rungs,
        pause,
    });
    vec(call, 1..8)
}

fn document() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(vec![
        "fixed",
        "linear",
        "exponential",
        "fibonacci",
        "decorrelated_jitter",
        "resource_sensitive",
        "pattern_based",
        "adaptive",
    ]);
    let timeout =
        prop_oneof![Just(""), Just(r#""timeout": "250ms", "#), Just(r#""timeout": {"kind": "hybrid"}, "#)];
    let budget = prop_oneof![
        Just("false"),
        Just(r#"{"ratio": 0.5, "min_per_second": 0}"#),
        Just(r#"{"ratio": 0.1, "min_per_second": 0.2}"#),
    ];
    let fallback = prop_oneof![Just(""), Just(r#""fallback": ["first", "second"], "#)];
    let paced = prop_oneof![Just(""), Just(r#", "rate_limit": {"algorithm": "leaky_bucket", "rate": 5}"#)];
    (kind, timeout, budget, fallback, paced, 1..6u32, any::<bool>(), 1..4u32, 200..3_000u64).prop_map(
        |(kind, timeout, budget, fallback, paced, attempts, rejected, threshold, elapsed)| {
            format!(
                r#"{{"failure_threshold": {threshold}, "recovery_timeout": "900ms", "seed": 7, {timeout}
                    "retry": {{"max_attempts": {attempts}, "backoff": {{"kind": "{kind}", "jitter": 0.3}},
                    "on": ["network_error", "rate_limit", "timeout"], "max_elapsed": "{elapsed}ms",
                    "budget": {budget}, "rejected": {rejected}}}, {fallback} "half_open_max_calls": 1{paced}}}"#
            )
        },
    )
}

fn request(call: &Call, now: u64) -> Request<'static> {
    let mut request = Request::new();
    if let Some(method) = call.method {
        request = request.method(method);
    }
    if call.idempotent {
        request = request.idempotent();
    }
    match call.deadline {
        Some(after) => request.deadline(now + ms(after).as_nanos() as u64),
        None => request,
    }
}

fn result_of((_, error): Act) -> Result<u32, Broken> {
    error.map_or(Ok(1), |error| Err(Broken(error)))
}

/// Who waits: a thread, which nobody stops and which wakes on time, or a task, whose timer ends what takes too long and
/// rings at whole milliseconds.
#[derive(Clone, Copy, PartialEq)]
enum Host {
    Thread,
    Task,
}

struct Reference {
    breaker: CircuitBreaker,
    clock: ManualClock,
    host: Host,
    seen: Vec<Seen>,
    /// When retries were decided.
    retries: Vec<u64>,
}

impl Reference {
    fn new(document: &str, host: Host) -> Self {
        let clock = ManualClock::new();
        let breaker = builder(document).clock(clock.clone()).build("search").expect("a valid document");
        Reference { breaker, clock, host, seen: Vec::new(), retries: Vec::new() }
    }

    fn pass(&self, wait: Duration) {
        let until = self.clock.now() + wait.as_nanos() as u64;
        let whole = ms(1).as_nanos() as u64;
        self.clock.set(if self.host == Host::Task { until.div_ceil(whole) * whole } else { until });
    }

    /// Answers whether it was ignored.
    fn act(&self, attempts: &mut Attempts<'_>, act: Act, timeout: Option<Duration>) -> bool {
        let (long, error) = (ms(act.0), act.1);
        if self.host == Host::Task && timeout.is_some_and(|timeout| ceil(timeout) < long) {
            self.pass(timeout.unwrap_or_default());
            attempts.settle(Ending::failure("timeout"));
            return false;
        }
        self.pass(long);
        attempts.settle(match error {
            None => Ending::success(),
            Some("ignored") => Ending::new(Outcome::Ignored, None),
            Some(error) => Ending::failure(error),
        });
        error == Some("ignored")
    }

    fn call(&mut self, call: &Call) {
        let breaker = self.breaker.clone();
        let mut attempts = breaker.attempts(request(call, self.clock.now())).expect("it costs 1");
        let (mut made, mut is_settled, mut is_ignored) = (0, false, false);
        loop {
            let at = self.clock.now();
            match attempts.next() {
                Step::Call { timeout, .. } => {
                    self.seen.push(Seen::Begun { at });
                    let act = call.acts[made.min(call.acts.len() - 1)];
                    is_ignored = self.act(&mut attempts, act, timeout);
                    (made, is_settled) = (made + 1, true);
                }
                Step::Wait(wait) => {
                    if is_settled {
                        self.retries.push(at);
                    }
                    is_settled = false;
                    self.pass(wait);
                }
                Step::Use(rung) => {
                    let rung = rung.to_string();
                    attempts.answered(call.rungs[usize::from(rung == "second")]);
                    self.seen.push(Seen::Used { rung, at });
                }
                Step::Done(done) => {
                    let answered = done.outcome == Some(Outcome::Success);
                    let end = End {
                        answered,
                        rung: done.rung.map(|rung| rung.to_string()),
                        attempts: done.attempts,
                        error: if is_ignored { Some("ignored".to_owned()) } else { done.error_type },
                        rejected: done.rejected.map(|rejection| rejection.reason()),
                    };
                    self.seen.push(Seen::Over { end, at });
                    break;
                }
                other => panic!("an unknown step: {other:?}"),
            }
        }
        drop(attempts);
        self.pass(ms(call.pause));
    }
}

fn ceil(d: Duration) -> Duration {
    ms((d.as_nanos() as u64).div_ceil(1_000_000))
}

fn end_of(ended: Result<Answer<u32, Broken>, PolicyError<Broken>>) -> End {
    let of = |error: &PolicyError<Broken>, answered, rung| End {
        answered,
        rung,
        attempts: error.attempts(),
        error: match error.failure() {
            Failure::Inner(Broken(kind)) => Some((*kind).to_owned()),
            Failure::TimedOut { .. } => Some("timeout".to_owned()),
            _ => None,
        },
        rejected: error.rejection().map(|rejection| rejection.reason()),
    };
    match ended {
        Ok(Answer { degraded: Some(degraded), .. }) => {
            of(&degraded.error, true, Some(degraded.rung.to_string()))
        }
        Ok(answer) => {
            End { answered: true, rung: None, attempts: answer.attempts, error: None, rejected: None }
        }
        Err(error) => of(&error, false, None),
    }
}

/// A policy whose rungs note when they are used.
fn noting(
    breaker: &CircuitBreaker,
    seen: &Arc<Mutex<Vec<Seen>>>,
    rungs: &Arc<Mutex<[bool; 2]>>,
    now: impl Fn() -> u64 + Clone + Send + Sync + 'static,
) -> fusewire::PolicyBuilder<u32, Broken> {
    let mut policy = Policy::builder(breaker).describe(describe);
    for (at, rung) in ["first", "second"].into_iter().enumerate() {
        let (seen, rungs, now) = (Arc::clone(seen), Arc::clone(rungs), now.clone());
        policy = policy.fallback(rung, move |_| {
            seen.lock().expect("no panic").push(Seen::Used { rung: rung.to_owned(), at: now() });
            if rungs.lock().expect("no panic")[at] { Ok(2) } else { Err(Broken("empty")) }
        });
    }
    policy
}

fn by_threads(document: &str, calls: &[Call]) -> (Vec<Seen>, Counted) {
    let (clock, seen, rungs) = (ManualClock::new(), Arc::default(), Arc::default());
    let breaker = builder(document).clock(clock.clone()).build("search").expect("a valid document");
    let (now, pauses) = (clock.clone(), clock.clone());
    let policy = noting(&breaker, &seen, &rungs, move || now.now());
    let policy = policy.pause_with(move |wait| pauses.advance(wait)).build().expect("all are registered");
    for call in calls {
        *rungs.lock().expect("no panic") = call.rungs;
        let script = crate::Script::new(call.acts.clone());
        let ended = policy.call(request(call, clock.now()), || {
            seen.lock().expect("no panic").push(Seen::Begun { at: clock.now() });
            let act = script.next();
            clock.advance(ms(act.0));
            result_of(act)
        });
        let at = clock.now();
        seen.lock().expect("no panic").push(Seen::Over { end: end_of(ended), at });
        clock.advance(ms(call.pause));
    }
    let seen = seen.lock().expect("no panic").clone();
    (seen, counted(&breaker))
}

async fn by_tasks(document: &str, calls: &[Call]) -> (Vec<Seen>, Counted) {
    let (clock, seen, rungs) = (Arc::new(TokioClock::begin()), Arc::default(), Arc::default());
    let breaker = builder(document).clock(Shared(Arc::clone(&clock))).build("search").expect("valid");
    let now = Arc::clone(&clock);
    let policy = noting(&breaker, &seen, &rungs, move || now.now()).build().expect("all are registered");
    for call in calls {
        *rungs.lock().expect("no panic") = call.rungs;
        let script = Rc::new(RefCell::new(crate::Script::new(call.acts.clone())));
        let ended = policy.call_async(request(call, clock.now()), || {
            seen.lock().expect("no panic").push(Seen::Begun { at: clock.now() });
            let act = script.borrow().next();
            async move {
                if act.0 > 0 {
                    sleep(ms(act.0)).await;
                }
                result_of(act)
            }
        });
        let ended = ended.await;
        let at = clock.now();
        seen.lock().expect("no panic").push(Seen::Over { end: end_of(ended), at });
        sleep(ms(call.pause)).await;
    }
    let seen = seen.lock().expect("no panic").clone();
    (seen, counted(&breaker))
}

struct Shared(Arc<TokioClock>);

impl Clock for Shared {
    fn now(&self) -> u64 {
        self.0.now()
    }
}

/// What a breaker has counted, and its state.
type Counted = (Totals, State, RetryCounts, Vec<FallbackCounts>, Vec<(String, u64)>);

/// A task's clock is read while its runtime runs.
fn counted(breaker: &CircuitBreaker) -> Counted {
    let snapshot = breaker.snapshot();
    let retry = snapshot.retry.expect("it retries");
    (snapshot.totals, snapshot.state, retry, snapshot.fallbacks, snapshot.failures_by_type)
}

/// What no script may bring about.
fn check_rules(document: &str, calls: &[Call], reference: &Reference) -> Result<(), TestCaseError> {
    let document: serde_json::Value = serde_json::from_str(document).expect("JSON");
    let retry = &document["retry"];
    let most = retry["max_attempts"].as_u64().expect("it is written");
    let elapsed = retry["max_elapsed"].as_str().and_then(|text| text.strip_suffix("ms")?.parse::<u64>().ok());
    let elapsed = elapsed.expect("it is written") * 1_000_000;
    let mut firsts = Vec::new();
    for (call, seen) in
        calls.iter().zip(reference.seen.split_inclusive(|seen| matches!(seen, Seen::Over { .. })))
    {
        let begun: Vec<u64> = seen
            .iter()
            .filter_map(|seen| if let Seen::Begun { at } = seen { Some(*at) } else { None })
            .collect();
        let allowed = match (call.method, call.idempotent) {
            (None, _) | (Some("POST"), true) => most,
            (Some("GET"), _) => 5,
            (Some("PUT"), _) => 2,
            _ => 1,
        };
        let Some(Seen::Over { end, .. }) = seen.last() else { panic!("a call ends") };
        prop_assert!(u64::from(end.attempts) <= allowed && begun.len() as u64 <= allowed);
        if let (Some(first), Some(last)) = (begun.first(), begun.last()) {
            firsts.push(*first);
            // A turn that a leaky bucket gives is waited for as well, up to a second, and a timer may ring late.
            prop_assert!(begun.len() == 1 || last - first <= elapsed + 1_001_000_000, "{begun:?}");
        }
    }
    let totals = reference.breaker.snapshot().totals;
    let begun = reference.seen.iter().filter(|seen| matches!(seen, Seen::Begun { .. })).count() as u64;
    prop_assert_eq!(totals.success + totals.failure + totals.ignored, begun, "one outcome for each attempt");
    if let Some(budget) = retry["budget"].as_object() {
        let (ratio, least) =
            (budget["ratio"].as_f64().expect("it is written"), budget["min_per_second"].as_f64());
        let stretch = |at: &u64| at / 1_000_000_000;
        for now in reference.retries.iter().map(stretch) {
            let inside = |at: &&u64| (now.saturating_sub(9)..=now).contains(&stretch(at));
            let retries = reference.retries.iter().filter(inside).count() as u64;
            // A call that was turned away at once has begun, too.
            let first_attempts = calls.len() as f64;
            prop_assert!(
                retries <= (ratio * first_attempts) as u64 + (least.expect("written") * 10.0) as u64
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn stepper_call_and_awaited_call_take_the_same_steps(document in document(), calls in calls()) {
        let mut reference = Reference::new(&document, Host::Thread);
        calls.iter().for_each(|call| reference.call(call));
        check_rules(&document, &calls, &reference)?;
        let (seen, found) = by_threads(&document, &calls);
        prop_assert_eq!(&seen, &reference.seen);
        prop_assert_eq!(found, counted(&reference.breaker));

        let mut reference = Reference::new(&document, Host::Task);
        calls.iter().for_each(|call| reference.call(call));
        check_rules(&document, &calls, &reference)?;
        let (seen, found) = crate::paused(by_tasks(&document, &calls));
        prop_assert_eq!(&seen, &reference.seen);
        prop_assert_eq!(found, counted(&reference.breaker));
    }
}
