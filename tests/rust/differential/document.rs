//! Random documents: policies around the call, some in front of it, and a machine that opens.

use crate::random::Random;
use crate::script::Act;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The names of the rungs that a document may have.
pub const RUNGS: [&str; 2] = ["first", "second"];

/// Beside hedges, what an attempt takes is a multiple of so many milliseconds and a number that no other act has; the times
/// of hedges are multiples, and timeouts are in the middle: what attempts come to is never a matter of the same instant.
pub const APART: u64 = 32;

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

/// Whole numbers that now and then are the smallest there is.
fn few(r: &mut Random, most: u64) -> Value {
    r.within(1..=most).into()
}

pub fn document(r: &mut Random) -> Value {
    let mut document = machine(r);
    let mut set = |key: &str, value: Value| _ = document.insert(key.to_owned(), value);
    if r.chance(90) {
        set("retry", retry(r));
    }
    if r.chance(60) {
        set("timeout", timeout(r));
    }
    if r.chance(20) {
        set("hedge", json!({ "after": milliseconds(r.within(1..=6) * APART), "max": r.within(1..=3) }));
        // Neither ends in the millisecond in which something else does.
        set("timeout", milliseconds(r.within(1..=12) * APART + APART / 2));
    }
    if r.chance(50) {
        set("fallback", RUNGS[..r.within(1..=2) as usize].to_vec().into());
    }
    if r.chance(20) {
        set("cache", cache(r));
    }
    if r.chance(30) {
        set("features", features(r));
    }
    if r.chance(15) {
        // It paces, by whole milliseconds: of a turn that a timer rings late a stepper counts the timeout from then.
        let most = milliseconds(r.within(0..=1_500));
        set(
            "rate_limit",
            json!({ "algorithm": "leaky_bucket", "rate": *r.pick(&[2, 5, 25]), "max_wait": most }),
        );
    } else if r.chance(10) {
        set("rate_limit", json!({ "rate": *r.pick(&[0.5, 2.0, 5.0]), "burst": few(r, 3) }));
    }
    let mut document = Value::Object(document);
    if document.get("hedge").is_some() {
        // A window may open by a success: whether a loser is let go before or after it is each host's own.
        document.as_object_mut().map(|keys| keys.remove("window"));
    }
    // A timeout that learns has all calls timed, and Node's lanes count for themselves which are.
    if !is_around(&document) {
        document["sample_durations_every"] = 1.into();
    } else if document.get("timeout").is_none() && r.chance(50) {
        document["sample_durations_every"] = few(r, 3);
    }
    document
}

/// Whether there are policies around a call.
pub fn is_around(document: &Value) -> bool {
    ["retry", "timeout", "fallback", "cache", "hedge"].iter().any(|policy| document.get(policy).is_some())
}

/// What trips, for how long, and how it closes.
fn machine(r: &mut Random) -> Map<String, Value> {
    let mut machine = Map::new();
    let mut set = |key: &str, value: Value| _ = machine.insert(key.to_owned(), value);
    set("seed", r.within(0..=1_000).into());
    if r.chance(75) {
        set("failure_threshold", few(r, 6));
    } else {
        let kind = if r.chance(50) {
            json!({ "kind": "count", "size": r.within(5..=20) })
        } else {
            json!({ "kind": "time", "period": milliseconds(r.within(1_000..=5_000)), "buckets": *r.pick(&[1, 2, 5]) })
        };
        let mut window = kind;
        window["failure_rate"] = (*r.pick(&[0.25, 0.5, 1.0])).into();
        window["min_calls"] = few(r, 5);
        set("window", window);
    }
    set("recovery_timeout", milliseconds(r.within(100..=2_000)));
    let probes = r.within(1..=3);
    set("half_open_max_calls", probes.into());
    if r.chance(40) {
        set("success_threshold", few(r, probes));
    }
    if r.chance(30) {
        set("half_open_timeout", milliseconds(r.within(50..=500)));
    }
    if r.chance(20) {
        set("ramp", json!({ "initial": 0.25, "step": 0.25, "window_calls": few(r, 4) }));
    }
    machine
}

fn timeout(r: &mut Random) -> Value {
    if r.chance(50) {
        return milliseconds(r.within(1..=400));
    }
    let least = r.within(1..=200);
    let kind = *r.pick(&["percentile", "adaptive", "hybrid"]);
    let mut timeout = json!({
        "kind": kind,
        "factor": *r.pick(&[1.0, 1.1, 1.5, 2.5]),
        "min": milliseconds(least),
        "max": milliseconds(least + r.within(300..=2_000)),
        "window": r.within(10..=20),
        "initial": milliseconds(least + r.within(0..=300)),
    });
    if kind != "adaptive" {
        timeout["percentile"] = (*r.pick(&[0.5, 0.9, 0.95])).into();
    }
    timeout
}

fn cache(r: &mut Random) -> Value {
    json!({
        "mode": *r.pick(&["on_failure", "read_through"]),
        "ttl": milliseconds(r.within(1..=2_000)),
        "stale_ttl": milliseconds(r.within(0..=2_000)),
        "max_entries": few(r, 3),
        "coalesce": r.chance(50),
    })
}

/// Later ones may require earlier ones.
fn features(r: &mut Random) -> Value {
    let mut features = Map::new();
    for name in &["search", "order", "tips"][..r.within(1..=3) as usize] {
        let earlier: Vec<&String> = features.keys().filter(|_| r.chance(40)).collect();
        let feature = json!({
            "priority": *r.pick(&[50, 50, 80, 100]),
            "requires": earlier,
            "min_health": *r.pick(&[0.5, 0.8, 1.0]),
            "test_duration": milliseconds(r.within(100..=1_500)),
            "min_calls": r.within(1..=3),
            "required": r.chance(25),
        });
        features.insert((*name).to_owned(), feature);
    }
    Value::Object(features)
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
