//! What the ways through the crate share: the breaker, requests, errors, and what operators do.

use crate::script::{Act, Call, ms};
use fusewire::{
    Answer, By, CircuitBreaker, Clock, Ending, Failure, Mode, Outcome, PolicyError, Registry, Request,
};
use serde_json::{Value, json};

/// The same name in all languages: metrics have it.
pub const NAME: &str = "case";

pub fn breaker(document: &str, clock: impl Clock) -> Result<(Registry, CircuitBreaker), String> {
    let registry = Registry::with_clock(clock);
    let breaker = registry.get_or_create_json(NAME, document).map_err(|e| e.to_string())?;
    Ok((registry, breaker))
}

pub fn request(call: &Call, now: u64) -> Request<'_> {
    let mut request = Request::new();
    if let Some(method) = call.request["method"].as_str() {
        request = request.method(method);
    }
    if let Some(feature) = call.request["feature"].as_str() {
        request = request.feature(feature);
    }
    if let Some(key) = call.request["key"].as_str() {
        request = request.key(key);
    }
    if call.request["idempotent"] == true {
        request = request.idempotent();
    }
    match call.request["deadline"].as_u64() {
        Some(after) => request.deadline(now + ms(after).as_nanos() as u64),
        None => request,
    }
}

/// What the function fails with.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The how manieth call of the function it was.
    pub n: usize,
    pub act: Act,
}

/// How an error is shown in reports.
pub fn shown(n: usize, act: &Act) -> String {
    match (&act.error_type, act.status) {
        (Some(kind), _) => format!("{n}: {kind}"),
        (None, Some(status)) => format!("{n}: {status}"),
        (None, None) => format!("{n}: {}", act.outcome),
    }
}

pub fn outcome(act: &Act) -> Outcome {
    match act.outcome.as_str() {
        "success" => Outcome::Success,
        "ignored" => Outcome::Ignored,
        _ => Outcome::Failure,
    }
}

pub fn ending(act: &Act) -> Ending<'_> {
    let outcome = outcome(act);
    let mut ending = Ending::new(outcome, act.error_type.as_deref());
    if let Some(status) = act.status {
        ending = ending.status(status);
    }
    match act.retry_after {
        Some(wait) => ending.retry_after(wait),
        None => ending,
    }
}

/// What the function comes to.
pub fn result(n: usize, act: &Act) -> Result<String, Broken> {
    match outcome(act) {
        Outcome::Success => Ok(n.to_string()),
        _ => Err(Broken { n, act: act.clone() }),
    }
}

/// What who called has in the end.
pub fn ended(ended: Result<Answer<String, Broken>, PolicyError<Broken>>) -> Value {
    let (value, attempts, error) = match &ended {
        Ok(answer) => (Some(&answer.value), answer.attempts, answer.degraded.as_ref().map(|d| &d.error)),
        Err(error) => (None, error.attempts(), Some(error)),
    };
    let why = error.map(|error| match error.failure() {
        Failure::Inner(broken) => shown(broken.n, &broken.act),
        Failure::TimedOut { limit } => format!("timeout of {}", limit.as_nanos()),
        Failure::Rejected(rejection) => format!("rejected: {}", rejection.reason()),
        other => format!("{other:?}"),
    });
    let ran = error.is_some_and(|error| !matches!(error.failure(), Failure::Rejected(_)));
    let rejected = error.filter(|_| ran).and_then(|error| error.rejection()).map(|r| r.reason().name());
    json!({ "value": value, "attempts": attempts, "error": why, "rejected": rejected })
}

/// What an operator does; a clock that is to be moved is not moved here.
pub fn by_hand(breaker: &CircuitBreaker, step: &Value) {
    let to = &step["to"];
    match step["do"].as_str().expect("a step says what to do") {
        "trip" => breaker.trip(to.as_u64().map(ms), By::default()).expect("a duration within bounds"),
        "reset" => breaker.reset(By::default()),
        "half_open" => breaker.half_open(By::default()),
        "poll" => breaker.poll(),
        "mode" => breaker.set_mode(to.as_str().and_then(Mode::parse).expect("a mode"), By::default()),
        "utilisation" => breaker.set_utilisation(to.as_f64().expect("a share")).expect("a share"),
        other => panic!("unknown step {other}"),
    }
}

/// How far a step moves the clock.
pub fn pause(step: &Value) -> Option<std::time::Duration> {
    (step["do"] == "advance").then(|| ms(step["to"].as_u64().expect("milliseconds")))
}
