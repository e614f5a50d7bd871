//! What a call asks for, as vectors write it.

use crate::case::Wrong;
use crate::nanos::nanos;
use fusewire::{Priority, Request};
use serde_json::Value;

type Result<T> = std::result::Result<T, Wrong>;

fn unwritten(key: &str, message: impl Into<String>) -> Wrong {
    Wrong { key: key.to_owned(), message: message.into() }
}

/// The request of a step; `None` when it says nothing of one.
pub fn of(step: &Value) -> Option<Result<Request<'_>>> {
    step.get("request").map(read)
}

pub fn read(written: &Value) -> Result<Request<'_>> {
    let mut request = Request::new();
    if let Some(priority) = written.get("priority") {
        request = request.priority(level(priority)?);
    }
    if let Some(cost) = written.get("cost") {
        let whole = cost.as_f64().filter(|c| c.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(c));
        request = request.cost(whole.ok_or_else(|| unwritten("cost", format!("{cost} is no u32")))? as u32);
    }
    if let Some(deadline) = written.get("deadline") {
        request = request.deadline(nanos(deadline).map_err(|e| unwritten("deadline", e))?);
    }
    if let Some(feature) = written["feature"].as_str() {
        request = request.feature(feature);
    }
    if let Some(method) = written["method"].as_str() {
        request = request.method(method);
    }
    if let Some(key) = written["key"].as_str() {
        request = request.key(key);
    }
    if written["once"] == true {
        request = request.once();
    }
    match written["idempotent"].as_bool() {
        Some(true) => request = request.idempotent(),
        Some(false) => request = request.once(),
        None => {}
    }
    Ok(request)
}

/// A level, by its name or a number.
pub fn level(written: &Value) -> Result<Priority> {
    match (written.as_str(), written.as_u64().and_then(|n| u32::try_from(n).ok())) {
        (Some(name), _) => Ok(name.parse::<Priority>()?),
        (_, Some(number)) => Ok(Priority::try_from(number)?),
        _ => Err(unwritten("priority", format!("{written} is no level"))),
    }
}
