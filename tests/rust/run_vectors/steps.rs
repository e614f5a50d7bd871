//! The steps of a case, each through the crate's public API.

use crate::case::{Bench, config_refused, document, refused, settled_name};
use crate::expect;
use crate::nanos::nanos;
use fusewire::{By, Clock, Mode, Outcome, OwnedPermit, json};
use serde_json::{Value, json};
use std::time::Duration;

type Result<T = ()> = std::result::Result<T, String>;

/// Runs one step and checks what it expects.
pub fn run(b: &mut Bench, step: &Value) -> Result {
    let expected = step.get("expect");
    match step["do"].as_str() {
        None => snapshot(b, expected.ok_or("a step without `do` needs `expect`")?),
        Some("advance") => advance(b, step),
        Some("call") => call(b, step),
        Some("acquire") => acquire(b, step),
        Some("settle") => settle(b, step),
        Some("drop") => drop_permit(b, step),
        Some("trip") => trip(b, step),
        Some("half_open") => {
            b.breaker.half_open(by(step));
            Ok(())
        }
        Some("reset") => {
            b.breaker.reset(by(step));
            Ok(())
        }
        Some("mode") => {
            let mode = step["to"].as_str().and_then(Mode::parse).ok_or("no such mode")?;
            b.breaker.set_mode(mode, by(step));
            Ok(())
        }
        Some("poll") => {
            b.breaker.poll();
            Ok(())
        }
        Some("reconfigure") => reconfigure(b, step),
        Some("events") => events(b, expected.unwrap_or(&Value::Null)),
        Some("metrics") => metrics(b, step),
        Some(other) => Err(format!("unknown step {other}")),
    }?;
    match (step["do"].as_str(), expected) {
        (Some("advance" | "call" | "drop" | "trip" | "half_open" | "reset" | "mode" | "poll"), Some(e)) => {
            snapshot(b, e)
        }
        _ => Ok(()),
    }
}

fn by(step: &Value) -> By {
    By::parts(step["actor"].as_str(), step["reason"].as_str())
}

fn outcome(step: &Value) -> Result<Outcome> {
    let name = step["outcome"].as_str().ok_or("no outcome")?;
    Outcome::ALL.into_iter().find(|o| o.name() == name).ok_or(format!("unknown outcome {name}"))
}

fn times(step: &Value) -> u64 {
    step["times"].as_u64().unwrap_or(1)
}

fn duration(step: &Value) -> Result<Option<Duration>> {
    step.get("duration").map(|d| nanos(d).map(Duration::from_nanos)).transpose()
}

fn advance(b: &mut Bench, step: &Value) -> Result {
    if let Some(by) = step.get("by") {
        b.clock.advance_nanos(nanos(by)?);
        return Ok(());
    }
    let now = b.clock.now();
    let by_snapshot = || b.breaker.snapshot().retry_after.map(|d| now.saturating_add(d));
    let at = b.retry_at.filter(|at| *at > now).or_else(by_snapshot).ok_or("there is no retry_after")?;
    b.clock.set(at);
    Ok(())
}

fn call(b: &mut Bench, step: &Value) -> Result {
    for _ in 0..times(step) {
        let permit = b.breaker.try_acquire().map_err(|r| format!("expected to be admitted, got {r}"))?;
        b.clock.advance(duration(step)?.unwrap_or_default());
        match outcome(step)? {
            // The way that most calls go is one of its own.
            Outcome::Success => permit.success(),
            other => permit.settle(other, None, step["error_type"].as_str()),
        };
    }
    Ok(())
}

fn acquire(b: &mut Bench, step: &Value) -> Result {
    let n = times(step);
    for i in 1..=n {
        let expected = match &step["expect"] {
            Value::Array(list) => list.get(i as usize - 1).cloned().unwrap_or_default(),
            one => one.clone(),
        };
        let name = match step["as"].as_str() {
            Some(name) if n > 1 => Some(format!("{name}{i}")),
            name => name.map(str::to_owned),
        };
        acquire_one(b, name, &expected).map_err(|e| if n > 1 { format!("acquire {i}: {e}") } else { e })?;
    }
    Ok(())
}

fn acquire_one(b: &mut Bench, name: Option<String>, expected: &Value) -> Result {
    let answer = b.breaker.try_acquire_owned();
    let got = match &answer {
        Ok(permit) => json!({
            "admitted": true,
            "would_reject": permit.would_reject().map(|r| r.name()),
        }),
        Err(rejection) => {
            let after = rejection.retry_after().map(|d| d.as_nanos() as u64);
            b.retry_at = after.map(|d| b.clock.now().saturating_add(d));
            json!({ "admitted": false, "rejected": rejection.reason().name(), "retry_after": after })
        }
    };
    b.acquires += 1;
    if let Ok(permit) = answer {
        keep(b, name, permit, expected)?;
    }
    for (key, value) in expected.as_object().into_iter().flatten() {
        let found = got.get(key).ok_or(format!("expected {key} {value}, got {got}"))?;
        match key.as_str() {
            "retry_after" => expect::duration(key, value, found.as_u64())?,
            _ => expect::equal(key, value, found)?,
        }
    }
    Ok(())
}

fn keep(b: &mut Bench, name: Option<String>, permit: OwnedPermit, expected: &Value) -> Result {
    match name {
        Some(name) => {
            b.permits.insert(name, Some(permit));
            Ok(())
        }
        None if expected["rejected"].is_string() => {
            std::mem::forget(permit);
            Err(format!("expected {expected}, was admitted"))
        }
        None => Err("a permit without a name".to_owned()),
    }
}

fn settle(b: &mut Bench, step: &Value) -> Result {
    let name = step["permit"].as_str().ok_or("no permit")?;
    let place = b.permits.get_mut(name).ok_or(format!("no permit {name}"))?;
    let expected = step["expect"].as_str();
    let Some(permit) = place.take() else {
        // Settling consumes the permit: a second time cannot be written down.
        return match expected {
            None | Some("already_settled") => Ok(()),
            Some(other) => Err(format!("expected {other}, got already_settled")),
        };
    };
    let duration = duration(step)?.or(Some(Duration::ZERO));
    let settled = permit.settle(outcome(step)?, duration, step["error_type"].as_str());
    match expected {
        Some(expected) if expected != settled_name(settled) => {
            Err(format!("expected {expected}, got {}", settled_name(settled)))
        }
        _ => Ok(()),
    }
}

fn drop_permit(b: &mut Bench, step: &Value) -> Result {
    let name = step["permit"].as_str().ok_or("no permit")?;
    let place = b.permits.get_mut(name).ok_or(format!("no permit {name}"))?;
    drop(place.take());
    Ok(())
}

fn trip(b: &mut Bench, step: &Value) -> Result {
    let result = b.breaker.trip(duration(step)?, by(step));
    match (result, step.get("error")) {
        (Ok(()), None) => Ok(()),
        (Err(e), Some(expected)) => config_refused(&e, expected),
        (Ok(()), Some(e)) => Err(format!("expected the error {e}")),
        (Err(e), None) => Err(e.to_string()),
    }
}

fn reconfigure(b: &mut Bench, step: &Value) -> Result {
    let result = document(&step["config"])
        .map_err(Into::into)
        .and_then(|document| b.registry.reconfigure(&b.service, document, by(step)));
    match (result, step.get("error")) {
        (Ok(_), None) => Ok(()),
        (Err(e), Some(expected)) => refused(&e, expected),
        (Ok(_), Some(e)) => Err(format!("expected the error {e}")),
        (Err(e), None) => Err(e.to_string()),
    }
}

fn events(b: &mut Bench, expected: &Value) -> Result {
    let got: Vec<Value> = b
        .events
        .drain()
        .iter()
        .map(|e| {
            json!({
                "from": e.from.name(),
                "to": e.to.name(),
                "cause": e.cause.name(),
                "generation": e.generation,
                "at": e.at,
                "actor": e.actor.as_deref(),
                "reason": e.reason.as_deref(),
            })
        })
        .collect();
    let expected = expected.as_array().ok_or("`events` expects a list")?;
    if expected.len() != got.len() {
        return Err(format!("expected {} events, got {}: {got:?}", expected.len(), got.len()));
    }
    expected
        .iter()
        .zip(&got)
        .enumerate()
        .try_for_each(|(i, (e, g))| expect::part(&format!("event {i}"), e, g))
}

fn metrics(b: &mut Bench, step: &Value) -> Result {
    let text = b.registry.metrics();
    for line in step["contains"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !text.lines().any(|l| l == line) {
            return Err(format!("metrics lack the line {line}\n{text}"));
        }
    }
    for part in step["lacks"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if let Some(line) = text.lines().find(|l| l.contains(part)) {
            return Err(format!("metrics have {part:?} in the line {line}"));
        }
    }
    Ok(())
}

fn snapshot(b: &Bench, expected: &Value) -> Result {
    expect::part("snapshot", expected, &json(&b.breaker.snapshot()))
}
