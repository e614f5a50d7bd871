//! What an expectation may be written as instead, given that it is right as it stands.

use crate::nanos::nanos;
use serde_json::{Value, json};

/// What stands there instead.
pub struct Other {
    pub value: Value,
    pub is_wrong: bool,
    /// What place it is, and the how-manieth way to write it.
    pub kind: String,
}

fn wrong(value: impl Into<Value>) -> Other {
    Other { value: value.into(), is_wrong: true, kind: String::new() }
}

fn right(value: impl Into<Value>) -> Other {
    Other { value: value.into(), is_wrong: false, kind: String::new() }
}

/// All of them at and below a place, each with the place it belongs to.
pub fn others(pointer: &str, expected: &Value) -> Result<Vec<(String, Other)>, String> {
    let names: Vec<&str> = pointer.split('/').filter(|part| part.parse::<usize>().is_err()).collect();
    let mut found = Vec::new();
    for (way, mut other) in here(&names, expected)?.into_iter().enumerate() {
        other.kind = format!("{} {} {way}", names.join("/"), type_of(expected));
        if other.value != *expected {
            found.push((pointer.to_owned(), other));
        }
    }
    let inside: Vec<(String, &Value)> = match expected {
        Value::Object(range) if is_range(range) => Vec::new(),
        Value::Object(keys) => keys.iter().map(|(k, v)| (k.clone(), v)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, v)| (i.to_string(), v)).collect(),
        _ => Vec::new(),
    };
    for (part, value) in inside {
        found.extend(others(&format!("{pointer}/{part}"), value)?);
    }
    Ok(found)
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "share",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "table",
    }
}

fn is_range(keys: &serde_json::Map<String, Value>) -> bool {
    keys.contains_key("min") && keys.contains_key("max")
}

fn here(names: &[&str], expected: &Value) -> Result<Vec<Other>, String> {
    let key = names.last().copied().unwrap_or_default();
    let is_of_error = names.contains(&"error");
    match (key, expected) {
        ("retry_after" | "at" | "wait" | "timeout", _) => duration(expected),
        ("contains", Value::String(text)) if is_of_error => {
            Ok(vec![wrong(format!("{text}\u{7f}")), right(without_last(text))])
        }
        // Whole lines are asked for: a piece of one is wrong.
        ("contains", Value::String(text)) => {
            Ok(vec![wrong(without_last(text)), wrong(format!("{text}0")), wrong(&text[1..])])
        }
        // A piece of any line is wrong.
        ("lacks", Value::String(_)) => {
            Ok(["# EOF", "# TYPE circuit_breaker_state gauge", "EO"].map(wrong).into())
        }
        ("key", Value::String(text)) => {
            Ok(vec![wrong(format!("{text}_")), wrong(without_last(text)), wrong("")])
        }
        // How a permit settles.
        ("expect", Value::String(_)) => Ok(["ok", "late", "already_settled", "settled"].map(wrong).into()),
        (_, Value::String(text)) => {
            Ok(vec![wrong(format!("{text}_")), wrong(""), wrong(Value::Null), wrong(1)])
        }
        (_, Value::Number(number)) => Ok(match number.as_i64() {
            Some(n) => whole(n),
            None => share(number.as_f64().ok_or("a number")?),
        }),
        (_, Value::Bool(is)) => Ok(vec![wrong(!is), wrong(Value::Null), wrong(u8::from(*is))]),
        (_, Value::Null) => Ok(vec![wrong(0), wrong("open"), wrong(false), wrong(json!({ "total": 0 }))]),
        ("refused", Value::Object(calls)) => Ok(refused(calls)),
        (_, Value::Object(keys)) if !is_of_error => Ok(table(key, keys)),
        ("expect", Value::Array(events)) if events.iter().all(is_event) => Ok(list(events, json!({}))),
        ("granted" | "timed_out", Value::Array(calls)) => Ok(calls_in_order(calls)),
        _ => Ok(Vec::new()),
    }
}

fn without_last(text: &str) -> &str {
    &text[..text.char_indices().last().map_or(0, |(at, _)| at)]
}

fn duration(expected: &Value) -> Result<Vec<Other>, String> {
    let between = |min: u64, max: u64| json!({ "min": format!("{min}ns"), "max": format!("{max}ns") });
    if expected.is_null() {
        return Ok(vec![wrong("0s"), wrong(between(0, u64::MAX))]);
    }
    if let Some(range) = expected.as_object() {
        let (min, max) = (nanos(&range["min"])?, nanos(&range["max"])?);
        return Ok(vec![
            wrong(Value::Null),
            wrong(between(max + 1, max + 1)),
            wrong(between(0, min.saturating_sub(1))),
            right(between(min.saturating_sub(1), max + 1)),
        ]);
    }
    let is = nanos(expected)?;
    let mut found = vec![
        wrong(Value::Null),
        wrong(format!("{}ns", is + 1)),
        wrong(between(is + 1, is + 2)),
        right(format!("{is}ns")),
        right(between(is, is)),
        right(between(is, is + 1)),
    ];
    if is > 0 {
        found.extend([wrong(format!("{}ns", is - 1)), wrong(between(0, is - 1)), right(between(is - 1, is))]);
    }
    // What a number of seconds says exactly.
    if is < 1 << 52 {
        found.push(right(is as f64 / 1e9));
    }
    Ok(found)
}

fn whole(n: i64) -> Vec<Other> {
    vec![
        wrong(n + 1),
        wrong(n - 1),
        wrong(n as f64 + 1e-6),
        wrong(n.to_string()),
        wrong(Value::Null),
        wrong(json!({ "min": n + 1, "max": n + 2 })),
        wrong(json!({ "min": n - 2, "max": n - 1 })),
        right(json!({ "min": n, "max": n })),
        right(n as f64),
    ]
}

fn share(x: f64) -> Vec<Other> {
    vec![
        wrong(x + 1e-6),
        wrong(x - 1e-6),
        wrong(Value::Null),
        wrong(json!({ "min": x + 1e-6, "max": 1 })),
        wrong(json!({ "min": 0, "max": x - 1e-6 })),
        right(json!({ "min": x - 1e-6, "max": x + 1e-6 })),
        right(x + 1e-10),
    ]
}

/// Of an object of the snapshot, an event or an answer.
fn table(key: &str, keys: &serde_json::Map<String, Value>) -> Vec<Other> {
    let with = |key: &str, value: Value| {
        let mut keys = keys.clone();
        keys.insert(key.to_owned(), value);
        Value::Object(keys)
    };
    let mut found = vec![wrong(with("unheard_of", json!(1)))];
    if ["rejected", "would_reject", "reserved"].contains(&key) {
        // A reason or a level that is left out is 0.
        for (reason, _) in keys.iter().filter(|(_, count)| count.as_i64().is_some_and(|n| n > 0)) {
            let mut fewer = keys.clone();
            fewer.remove(reason);
            found.push(wrong(fewer));
        }
        return found;
    }
    if key != "expect" {
        found.push(wrong(Value::Null));
    }
    if ["admitted", "queued"].iter().any(|key| keys.contains_key(*key)) {
        found.extend([
            wrong(json!({ "rejected": "open" })),
            wrong(json!({ "error": { "key": "cost", "contains": [] } })),
        ]);
    }
    if keys.contains_key("admitted") {
        found.push(wrong(json!({ "queued": true })));
    }
    if ["queued", "error"].iter().any(|key| keys.contains_key(*key)) {
        found.push(wrong(json!({ "admitted": true })));
    }
    if keys.contains_key("error") {
        found.push(wrong(json!({ "rejected": "rate_limited" })));
    }
    // How a call ended is no answer to an acquire.
    if let Some(reason) = keys.get("rejected").filter(|reason| reason.is_string() && key != "done") {
        found.extend([
            wrong(json!({ "admitted": true })),
            right(json!({ "admitted": false, "rejected": reason })),
        ]);
    }
    found
}

/// Not an answer to one of several calls.
fn is_event(item: &Value) -> bool {
    ["admitted", "queued", "rejected", "error"].iter().all(|key| item.get(key).is_none())
}

fn list(items: &[Value], another: Value) -> Vec<Other> {
    let mut more = items.to_vec();
    more.push(another);
    let mut found = vec![wrong(more)];
    if let Some((_, fewer)) = items.split_last() {
        found.push(wrong(fewer.to_vec()));
    }
    found
}

/// Of calls that waited: nobody is missing, nobody is too much, and the order is told.
fn calls_in_order(calls: &[Value]) -> Vec<Other> {
    let mut found = list(calls, "nobody".into());
    if calls.len() > 1 {
        found.push(wrong(calls.iter().rev().cloned().collect::<Vec<_>>()));
    }
    found
}

/// Of calls that were turned away while they waited.
fn refused(calls: &serde_json::Map<String, Value>) -> Vec<Other> {
    let mut more = calls.clone();
    more.insert("nobody".to_owned(), "open".into());
    let fewer = calls.iter().skip(1).map(|(name, reason)| (name.clone(), reason.clone())).collect();
    vec![wrong(more), wrong(Value::Object(fewer))]
}
