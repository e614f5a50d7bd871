//! The steps of a case, each through the crate's public API.

use crate::acquire::acquire;
use crate::case::{Bench, settled_name};
use crate::nanos::nanos;
use crate::{attempt, expect, hand, request, waits};
use fusewire::{Clock, Outcome, json};
use serde_json::{Value, json};
use std::time::Duration;

pub type Result<T = ()> = std::result::Result<T, String>;

/// Steps without an answer of their own: what they expect is the snapshot afterwards.
const SILENT: [&str; 15] = [
    "advance",
    "call",
    "drop",
    "trip",
    "half_open",
    "reset",
    "mode",
    "poll",
    "set_min_priority",
    "set_reserved",
    "set_rate",
    "set_limit",
    "set_utilisation",
    "raise",
    "close",
];

/// Runs one step and checks what it expects, and what became of calls that waited.
pub fn run(b: &mut Bench, step: &Value) -> Result {
    let expected = step.get("expect");
    let kind = step["do"].as_str();
    match kind {
        None => snapshot(b, expected.ok_or("a step without `do` needs `expect`")?),
        Some("advance") => advance(b, step),
        Some("call") => call(b, step),
        Some("acquire") => acquire(b, step),
        Some("settle") => settle(b, step),
        Some("attempt") => attempt::run(b, step),
        Some("drop") => drop_permit(b, step),
        Some("raise") => raise(b, step),
        Some("poll") => {
            b.breaker.poll();
            Ok(())
        }
        Some("events") => events(b, expected.unwrap_or(&Value::Null)),
        Some("policy_events") => hand::policy_events(b, expected.unwrap_or(&Value::Null)),
        Some("metrics") => metrics(b, step),
        Some(other) => hand::run(b, step, other),
    }?;
    waits::collect(b, step)?;
    match (kind, expected) {
        (Some(kind), Some(e)) if SILENT.contains(&kind) => snapshot(b, e),
        _ => Ok(()),
    }
}

pub fn outcome(step: &Value) -> Result<Outcome> {
    let name = step["outcome"].as_str().ok_or("no outcome")?;
    Outcome::ALL.into_iter().find(|o| o.name() == name).ok_or(format!("unknown outcome {name}"))
}

pub fn times(step: &Value) -> u64 {
    step["times"].as_u64().unwrap_or(1)
}

pub fn duration(step: &Value) -> Result<Option<Duration>> {
    step.get("duration").map(|d| nanos(d).map(Duration::from_nanos)).transpose()
}

fn advance(b: &mut Bench, step: &Value) -> Result {
    let now = b.clock.now();
    let by_snapshot = || b.breaker.snapshot().retry_after.map(|d| now.saturating_add(d));
    match step.get("by") {
        Some(by) => b.clock.advance_nanos(nanos(by)?),
        None => {
            let at = b.retry_at.filter(|at| *at > now).or_else(by_snapshot);
            b.clock.set(at.ok_or("there is no retry_after")?);
        }
    }
    // The host's timers are due. Where none is, nobody would poll.
    if b.waits.are_due() {
        b.breaker.poll();
    }
    Ok(())
}

fn call(b: &mut Bench, step: &Value) -> Result {
    for _ in 0..times(step) {
        let admitted = match request::of(step) {
            None => b.breaker.try_acquire(),
            Some(request) => {
                let request = request.map_err(|wrong| wrong.message)?;
                b.breaker.with(request).map_err(|e| e.to_string())?.try_acquire()
            }
        };
        let permit = admitted.map_err(|r| format!("expected to be admitted, got {r}"))?;
        b.clock.advance(permit.wait());
        b.clock.advance(duration(step)?.unwrap_or_default());
        match outcome(step)? {
            // The way that most calls go is one of its own.
            Outcome::Success => permit.success(),
            other => permit.settle(other, None, step["error_type"].as_str()),
        };
    }
    Ok(())
}

fn raise(b: &mut Bench, step: &Value) -> Result {
    let name = step["permit"].as_str().ok_or("no permit")?;
    let level = request::level(&step["to"]).map_err(|wrong| wrong.message)?;
    b.waits.named(name).ok_or(format!("{name} does not wait"))?.raise(level);
    Ok(())
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
    if b.waits.cancel(name) {
        return Ok(());
    }
    let place = b.permits.get_mut(name).ok_or(format!("no permit {name}"))?;
    drop(place.take());
    Ok(())
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
    in_order(expected, &got)
}

/// Events are as many and as they are written.
pub fn in_order(expected: &Value, got: &[Value]) -> Result {
    let expected = expected.as_array().ok_or("events are expected as a list")?;
    if expected.len() != got.len() {
        return Err(format!("expected {} events, got {}: {got:?}", expected.len(), got.len()));
    }
    expected.iter().zip(got).enumerate().try_for_each(|(i, (e, g))| expect::part(&format!("event {i}"), e, g))
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
