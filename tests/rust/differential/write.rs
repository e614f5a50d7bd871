//! Writes scripts.

use crate::document::{APART, RUNGS, document, is_around};
use crate::random::Random;
use crate::script::Script;
use crate::stepped::{self, Host};
use serde_json::{Map, Value, json};

const ERRORS: [&str; 11] = [
    "network_error",
    "connection_refused",
    "dns",
    "rate_limit",
    "timeout",
    "resource_exhausted",
    "out_of_memory",
    "internal_error",
    "invalid_request",
    "http_503",
    "strange",
];
const STATUSES: [u16; 7] = [404, 408, 429, 500, 503, 504, 507];
const METHODS: [&str; 4] = ["GET", "PUT", "POST", "DELETE"];
const MODES: [&str; 4] = ["auto", "forced_open", "forced_closed", "shadow"];

/// So many scripts; the same for the same seed. Left out are those in which two things happen in the same millisecond:
/// which of them is first is nobody's promise.
pub fn scripts(seed: u64, count: u64) -> Vec<Value> {
    let mut r = Random::new(seed);
    let mut all = Vec::new();
    while (all.len() as u64) < count {
        let script = script(&mut r);
        let read = Script::read(&script).expect("it was written to be read");
        if !stepped::run(&read, Host::Task).is_tied() {
            all.push(script);
        }
    }
    all
}

fn script(r: &mut Random) -> Value {
    let document = document(r);
    let calls: Vec<Value> = (0..r.within(1..=7)).map(|_| call(r, &document)).collect();
    json!({ "document": document, "calls": calls })
}

fn call(r: &mut Random, document: &Value) -> Value {
    let mut acts: Vec<Value> = (0..r.within(1..=4)).map(|_| act(r)).collect();
    if document.get("hedge").is_some() {
        for (n, act) in acts.iter_mut().enumerate() {
            act["takes"] = (r.within(0..=12) * APART + (1 << n)).into();
        }
    }
    let mut rungs: Vec<&str> = RUNGS.to_vec();
    rungs.retain(|_| r.chance(50));
    let then: Vec<Value> = (0..r.within(0..=2)).map(|_| then(r)).collect();
    json!({ "request": request(r, document), "acts": acts, "rungs": rungs, "then": then })
}

fn request(r: &mut Random, document: &Value) -> Value {
    let mut request = Map::new();
    if r.chance(50) {
        request.insert("method".to_owned(), (*r.pick(&METHODS)).into());
    }
    if r.chance(40) {
        request.insert("idempotent".to_owned(), true.into());
    }
    // Without policies around it a call of Python's knows no deadline.
    if is_around(document) && document.get("hedge").is_none() && r.chance(25) {
        request.insert("deadline".to_owned(), r.within(1..=1_500).into());
    }
    if r.chance(60) {
        request.insert("key".to_owned(), (*r.pick(&["a", "b"])).into());
    }
    let features: Vec<&String> = document["features"].as_object().into_iter().flat_map(Map::keys).collect();
    if !features.is_empty() && r.chance(80) {
        request.insert("feature".to_owned(), r.pick(&features).as_str().into());
    }
    Value::Object(request)
}

fn act(r: &mut Random) -> Value {
    let takes = if r.chance(25) { 0 } else { r.within(1..=400) };
    let mut act = json!({ "takes": takes, "outcome": "success" });
    if r.chance(40) {
        return act;
    }
    if r.chance(10) {
        act["outcome"] = "ignored".into();
        return act;
    }
    act["outcome"] = "failure".into();
    // A status tells something where the type does not, or there is none.
    if r.chance(75) {
        act["error_type"] = (*r.pick(&ERRORS)).into();
    }
    if act.get("error_type").is_none() || r.chance(20) {
        act["status"] = (*r.pick(&STATUSES)).into();
        if r.chance(30) {
            // Whole seconds, as `Retry-After` has them.
            act["retry_after"] = (r.within(0..=2) * 1_000).into();
        }
    }
    act
}

fn then(r: &mut Random) -> Value {
    match r.within(0..=99) {
        0..=74 => json!({ "do": "advance", "to": r.within(1..=3_000) }),
        75..=79 => json!({ "do": "trip", "to": if r.chance(50) { Some(r.within(1..=2_000)) } else { None } }),
        80..=83 => json!({ "do": "reset" }),
        84..=86 => json!({ "do": "half_open" }),
        87..=89 => json!({ "do": "poll" }),
        90..=92 => json!({ "do": "mode", "to": *r.pick(&MODES) }),
        _ => json!({ "do": "utilisation", "to": *r.pick(&[0.0, 0.25, 0.5, 1.0]) }),
    }
}
