//! Random documents: retries always, what else there is around a call and the machine now and then.

use crate::random::Random;
use crate::script::Act;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The names of the rungs that a document may have.
pub const RUNGS: [&str; 2] = ["first", "second"];

/// What a rung fails with.
pub const EMPTY: Act =
    Act { takes: Duration::ZERO, outcome: String::new(), error_type: None, status: None, retry_after: None };

const KINDS: [&str; 8] = [
    "fixed",
    "linear",
    "exponential",
    "fibonacci",
    "decorrelated_jitter",
    "resource_sensitive",
    "pattern_based",
    "adaptive",
];
const CATEGORIES: [&str; 7] = [
    "timeout",
    "rate_limit",
    "resource_exhausted",
    "network_error",
    "internal_error",
    "invalid_request",
    "unknown",
];

fn milliseconds(n: u64) -> Value {
    format!("{n}ms").into()
}

pub fn document(r: &mut Random) -> Value {
    let mut document = Map::new();
    let mut set = |key: &str, value: Value| _ = document.insert(key.to_owned(), value);
    set("retry", retry(r));
    set("seed", r.within(0..=1_000).into());
    set("failure_threshold", r.within(1..=6).into());
    set("recovery_timeout", milliseconds(r.within(100..=2_000)));
    set("half_open_max_calls", r.within(1..=3).into());
    Value::Object(document)
}

fn retry(r: &mut Random) -> Value {
    let mut on: Vec<&str> = CATEGORIES.to_vec();
    on.retain(|_| r.chance(65));
    let mut retry = json!({
        "max_attempts": r.within(1..=6),
        "backoff": backoff(r),
        "on": on,
        "max_elapsed": milliseconds(r.within(200..=5_000)),
        "budget": budget(r),
        "rejected": r.chance(40),
    });
    if r.chance(30) {
        retry["per_method"] = json!({ "PUT": r.within(1..=4), "POST": r.within(1..=3) });
    }
    retry
}

fn backoff(r: &mut Random) -> Value {
    let kind = *r.pick(&KINDS);
    let base = r.within(1..=300);
    let mut backoff = json!({
        "kind": kind,
        "base": milliseconds(base),
        "jitter": *r.pick(&[0.0, 0.2, 0.5, 1.0]),
    });
    if kind != "fixed" && r.chance(70) {
        backoff["max"] = milliseconds(base + r.within(0..=2_000));
    }
    if kind == "exponential" && r.chance(50) {
        backoff["multiplier"] = (*r.pick(&[1.0, 1.5, 3.0])).into();
    }
    backoff
}

fn budget(r: &mut Random) -> Value {
    if r.chance(40) {
        return false.into();
    }
    json!({
        "ratio": *r.pick(&[0.0, 0.1, 0.5, 1.0]),
        "min_per_second": *r.pick(&[0.0, 0.2, 0.5, 1.0]),
        "window": format!("{}s", r.within(1..=10)),
    })
}
