//! What operators do, and the events that tell of it.

use crate::case::{Bench, Wrong, came_out, document, refused};
use crate::request::level;
use crate::steps::{Result, duration, in_order};
use fusewire::{By, Mode, PolicyChange, PolicyEvent, Priority, SlotTable, json};
use serde_json::{Map, Value, json};

/// Runs a step by hand.
pub fn run(b: &mut Bench, step: &Value, kind: &str) -> Result {
    let error = step.get("error");
    match kind {
        "trip" => came_out(b.breaker.trip(duration(step)?, by(step)), error),
        "half_open" => {
            b.breaker.half_open(by(step));
            Ok(())
        }
        "reset" => {
            b.breaker.reset(by(step));
            Ok(())
        }
        "mode" => {
            let mode = step["to"].as_str().and_then(Mode::parse).ok_or("no such mode")?;
            b.breaker.set_mode(mode, by(step));
            Ok(())
        }
        "reconfigure" => reconfigure(b, step),
        "set_min_priority" => came_out(set_min_priority(b, step), error),
        "set_reserved" => came_out(set_reserved(b, step), error),
        "set_rate" => {
            let to = step["to"].as_f64().ok_or("no rate")?;
            came_out(b.breaker.set_rate(to, by(step)), error)
        }
        "set_limit" => {
            let to = step["to"].as_u64().ok_or("no limit")?;
            came_out(b.breaker.set_limit(to, by(step)), error)
        }
        "set_utilisation" => {
            let to = step["to"].as_f64().ok_or("no share")?;
            came_out(b.breaker.set_utilisation(to), error)
        }
        "close" => {
            b.breaker.close(by(step));
            Ok(())
        }
        other => Err(format!("unknown step {other}")),
    }
}

fn by(step: &Value) -> By {
    By::parts(step["actor"].as_str(), step["reason"].as_str())
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

fn set_min_priority(b: &Bench, step: &Value) -> std::result::Result<bool, Wrong> {
    Ok(b.breaker.set_min_priority(level(&step["to"])?, by(step))?)
}

fn set_reserved(b: &Bench, step: &Value) -> std::result::Result<bool, Wrong> {
    let mut reserved = [0; 5];
    for (name, slots) in step["reserved"].as_object().into_iter().flatten() {
        let key = || format!("reserved.{name}");
        let level: Priority =
            name.parse().map_err(|e: fusewire::RequestError| Wrong { key: key(), message: e.to_string() })?;
        let slots =
            slots.as_u64().ok_or_else(|| Wrong { key: key(), message: format!("{slots} is no u64") })?;
        reserved[level as usize] = slots;
    }
    // Left out it stays; a breaker without slots refuses any number.
    let now = || json(&b.breaker.snapshot())["bulkhead"]["limit"].as_u64().unwrap_or(1);
    let max_concurrent = step["max_concurrent"].as_u64().unwrap_or_else(now);
    Ok(b.breaker.set_slots(SlotTable { max_concurrent, reserved }, by(step))?)
}

/// The policies' events since the last such step.
pub fn policy_events(b: &Bench, expected: &Value) -> Result {
    in_order(expected, &b.policy_events.drain().iter().map(told).collect::<Vec<_>>())
}

fn told(event: &PolicyEvent) -> Value {
    let (from, to) = match &event.change {
        PolicyChange::MinPriority { from, to } => (json!(from.name()), json!(to.name())),
        PolicyChange::Slots { from, to } => (slots(from), slots(to)),
        PolicyChange::Limit { from, to } => (json!(from), json!(to)),
        PolicyChange::Rate { from, to } => (json!(from), json!(to)),
        PolicyChange::Feature { from, to, .. } => (json!(from.name()), json!(to.name())),
        _ => (Value::Null, Value::Null),
    };
    let mut told = json!({
        "kind": event.change.kind(),
        "from": from,
        "to": to,
        "actor": event.actor.as_deref(),
        "reason": event.reason.as_deref(),
        "generation": event.generation,
        "sequence": event.sequence,
        "at": event.at,
    });
    if let PolicyChange::Feature { feature, cause, health, .. } = &event.change {
        told["feature"] = json!(&**feature);
        told["cause"] = json!(cause.name());
        told["health"] = json!(health);
    }
    told
}

fn slots(table: &SlotTable) -> Value {
    let reserved: Map<String, Value> =
        Priority::ALL.iter().map(|p| (p.name().to_owned(), table.reserved[*p as usize].into())).collect();
    json!({ "max_concurrent": table.max_concurrent, "reserved": reserved })
}
