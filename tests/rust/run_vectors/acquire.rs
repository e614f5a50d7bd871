//! Asking for permits, and for places in a queue.

use crate::case::{Bench, Wrong, came_out};
use crate::steps::{Result, times};
use crate::{expect, request};
use fusewire::{Clock, Entered, OwnedPermit, Rejection, Request};
use serde_json::{Value, json};

pub fn acquire(b: &mut Bench, step: &Value) -> Result {
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
        acquire_one(b, step, name, &expected)
            .map_err(|e| if n > 1 { format!("acquire {i}: {e}") } else { e })?;
    }
    Ok(())
}

/// Asks in the form that the step names: most calls name no request and do not wait.
fn ask(b: &Bench, step: &Value) -> std::result::Result<std::result::Result<Entered, Rejection>, Wrong> {
    let waits = step["wait"].as_bool().unwrap_or_default();
    let request = request::of(step).transpose()?;
    Ok(match (request, waits) {
        (None, false) => b.breaker.try_acquire_owned().map(Entered::Admitted),
        (Some(request), false) => b.breaker.with(request)?.try_acquire_owned().map(Entered::Admitted),
        (request, true) => b.breaker.with(request.unwrap_or_else(Request::new))?.enter(),
    })
}

fn acquire_one(b: &mut Bench, step: &Value, name: Option<String>, expected: &Value) -> Result {
    b.acquires += 1;
    let answer = match (ask(b, step), expected.get("error")) {
        (Ok(answer), None) => answer,
        (asked, error) => return came_out(asked, error),
    };
    let got = tell(b, &answer);
    match answer {
        Ok(Entered::Admitted(permit)) => keep(b, name, permit, expected)?,
        Ok(Entered::Waiting(waiting)) => b.waits.begin(name.ok_or("a wait without a name")?, waiting),
        Err(_) => {}
    }
    for (key, value) in expected.as_object().into_iter().flatten() {
        let found = got.get(key).ok_or(format!("expected {key} {value}, got {got}"))?;
        match key.as_str() {
            "retry_after" | "wait" | "timeout" => expect::duration(key, value, found.as_u64())?,
            _ => expect::equal(key, value, found)?,
        }
    }
    Ok(())
}

fn tell(b: &mut Bench, answer: &std::result::Result<Entered, Rejection>) -> Value {
    match answer {
        Ok(Entered::Admitted(permit)) => json!({
            "admitted": true,
            "would_reject": permit.would_reject().map(|r| r.name()),
            "wait": permit.wait().as_nanos() as u64,
            "bypassed": permit.is_bypassed(),
            "timeout": permit.timeout().map(|d| d.as_nanos() as u64),
        }),
        Ok(Entered::Waiting(_)) => json!({ "admitted": false, "queued": true }),
        Err(rejection) => {
            let after = rejection.retry_after().map(|d| d.as_nanos() as u64);
            b.retry_at = after.map(|d| b.clock.now().saturating_add(d));
            json!({ "admitted": false, "rejected": rejection.reason().name(), "retry_after": after })
        }
    }
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
