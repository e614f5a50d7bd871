//! Calls that are made step by step.

use crate::case::{Bench, came_out};
use crate::nanos::nanos;
use crate::steps::{Result, duration, outcome};
use crate::{expect, request};
use fusewire::{Attempts, Ending, Finished, Outcome, Step};
use serde_json::{Value, json};
use std::time::Duration;

/// Begins a call, tells how an attempt or a rung came out, or asks what is to be done now.
pub fn run(b: &mut Bench, step: &Value) -> Result {
    let name = step["as"].as_str().ok_or("an attempt without a name")?;
    let expected = &step["expect"];
    if let Some(begin) = step.get("begin") {
        let breaker: &'static _ = Box::leak(Box::new(b.breaker.clone()));
        let asked = request::read(&begin["request"]).and_then(|request| Ok(breaker.attempts(request)?));
        match (asked, expected.get("error")) {
            (Ok(attempts), None) => _ = b.attempts.insert(name.to_owned(), attempts),
            (asked, error) => return came_out(asked, error),
        }
    }
    let attempts = b.attempts.get_mut(name).ok_or(format!("{name} was not begun"))?;
    if let Some(result) = step.get("result") {
        tell(attempts, result)?;
    }
    let got = told(&attempts.next());
    for (key, value) in expected.as_object().into_iter().flatten() {
        let found = got.get(key).ok_or(format!("expected {key} {value}, got {got}"))?;
        match key.as_str() {
            "wait" => expect::duration(key, value, found.as_u64())?,
            "done" => {
                let keys = value.as_object().ok_or(format!("expected {key} {value}, got {found}"))?;
                for (key, value) in keys {
                    expect::equal(&format!("done.{key}"), value, &found[key])?;
                }
            }
            _ => expect::part(key, value, found)?,
        }
    }
    Ok(())
}

fn tell(attempts: &mut Attempts<'_>, result: &Value) -> Result {
    let outcome = outcome(result)?;
    if let Step::Use(_) = attempts.next() {
        attempts.answered(outcome == Outcome::Success);
        return Ok(());
    }
    let mut ending = Ending::new(outcome, result["error_type"].as_str());
    if let Some(status) = result["status"].as_u64() {
        ending = ending.status(status as u16);
    }
    if let Some(hint) = result.get("retry_after") {
        ending = ending.retry_after(Duration::from_nanos(nanos(hint)?));
    }
    if let Some(lasted) = duration(result)?.or(Some(Duration::ZERO)) {
        ending = ending.lasted(lasted);
    }
    attempts.settle(ending).map(|_| ()).ok_or("no attempt is under way".to_owned())
}

fn told(step: &Step) -> Value {
    match step {
        Step::Call { attempt, timeout } => {
            json!({ "call": { "attempt": attempt, "timeout": timeout.map(|d| d.as_nanos() as u64) } })
        }
        Step::Wait(wait) => json!({ "wait": wait.as_nanos() as u64 }),
        Step::Use(rung) => json!({ "use": rung.to_string() }),
        Step::Done(done) => json!({ "done": finished(done) }),
        other => json!({ "unknown": format!("{other:?}") }),
    }
}

fn finished(done: &Finished) -> Value {
    json!({
        "outcome": done.outcome.map_or("rejected", Outcome::name),
        "attempts": done.attempts,
        "rejected": done.rejected.as_ref().map(|rejection| rejection.reason().name()),
        "error_type": done.error_type,
    })
}
