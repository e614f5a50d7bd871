//! The variants of one case: what is expected, and what is done.

use crate::expectations::{self, Other};
use serde_json::{Value, json};
use std::collections::HashMap;

/// A case that is written otherwise.
pub struct Variant {
    pub case: Value,
    /// What was changed.
    pub what: String,
    /// The step that must fail, counted from 1; `None` when building the breaker decides.
    pub step: Option<usize>,
    pub is_wrong: bool,
}

/// How often a place is written otherwise in one file.
const OFTEN: usize = 3;

/// Steps without an answer of their own: a look at the snapshot may follow them.
const SILENT: [&str; 14] = [
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
    "raise",
    "close",
];

/// What became of calls that waited; what is left out has not happened.
const ENDS: [&str; 3] = ["granted", "timed_out", "refused"];

/// Kinds of places that were written otherwise before, in the same file.
#[derive(Default)]
pub struct Seen(HashMap<String, usize>);

impl Seen {
    fn is_enough(&mut self, kind: String) -> bool {
        let often = self.0.entry(kind).or_default();
        *often += 1;
        *often > OFTEN
    }

    /// As `expectations::others`, without the places of which there are enough.
    fn others(
        &mut self,
        kind: &str,
        pointer: &str,
        expected: &Value,
    ) -> Result<Vec<(String, Other)>, String> {
        let mut found = expectations::others(pointer, expected)?;
        found.retain(|(_, other)| !self.is_enough(format!("{kind} {}", other.kind)));
        Ok(found)
    }
}

pub fn of(case: &Value, seen: &mut Seen) -> Result<Vec<Variant>, String> {
    let mut found = Vec::new();
    if case.get("invalid_config").is_some() {
        for (pointer, other) in seen.others("build", "/error", &case["error"])? {
            found.push(replaced(case, pointer, other, None)?);
        }
        found.push(wrong(case, None, "invalid_config becomes {}", |c| c["invalid_config"] = json!({})));
        return Ok(found);
    }
    let unheard = json!({ "unheard_of": 1 });
    found.push(wrong(case, None, "config becomes one that is refused", |c| c["config"] = unheard.clone()));
    let steps = case["steps"].as_array().ok_or("no steps")?;
    let waits = steps.iter().any(|step| step.get("wait").is_some());
    for (i, step) in steps.iter().enumerate() {
        let kind = step["do"].as_str().unwrap_or("look");
        for key in ["expect", "error", "contains", "lacks", "granted", "timed_out", "refused"] {
            if let Some(expected) = step.get(key) {
                for (pointer, other) in seen.others(kind, &format!("/steps/{i}/{key}"), expected)? {
                    found.push(replaced(case, pointer, other, Some(i + 1))?);
                }
            }
        }
        if !seen.is_enough(kind.to_owned()) {
            found.extend(of_kind(case, i, kind));
        }
        if waits && !seen.is_enough(format!("{kind} ends waits")) {
            found.extend(ends(case, i));
        }
        found.extend(refusable(case, i, kind));
    }
    let nothing_to_wait_for = json!({ "do": "advance", "to": "retry_after" });
    found.push(wrong(case, Some(1), "a wait for nothing comes first", |c| insert(c, 0, nothing_to_wait_for)));
    Ok(found)
}

fn replaced(case: &Value, pointer: String, other: Other, step: Option<usize>) -> Result<Variant, String> {
    let mut case = case.clone();
    let place = case.pointer_mut(&pointer).ok_or(format!("{pointer}: there is no such place"))?;
    let what = format!("{pointer} becomes {}", other.value);
    *place = other.value;
    Ok(Variant { case, what, step, is_wrong: other.is_wrong })
}

fn wrong(case: &Value, step: Option<usize>, what: &str, change: impl FnOnce(&mut Value)) -> Variant {
    let mut case = case.clone();
    change(&mut case);
    let place = step.map(|step| format!(", step {step}")).unwrap_or_default();
    Variant { case, what: format!("{what}{place}"), step, is_wrong: true }
}

fn insert(case: &mut Value, at: usize, step: Value) {
    case["steps"].as_array_mut().expect("steps were there").insert(at, step);
}

/// What is wrong with a step whatever it expects.
fn of_kind(case: &Value, i: usize, kind: &str) -> Vec<Variant> {
    let set = |key: &'static str, value: Value| {
        wrong(case, Some(i + 1), &format!("{kind}: {key} becomes {value}"), |c| c["steps"][i][key] = value)
    };
    let forced = json!({ "do": "mode", "to": "forced_open" });
    let mut found = match kind {
        "look" => vec![wrong(case, Some(i + 1), "a look at nothing", |c| c["steps"][i] = json!({}))],
        "call" => vec![wrong(case, Some(i + 2), "a call is turned away", |c| insert(c, i, forced))],
        "settle" | "drop" => vec![set("permit", "nobody".into())],
        "raise" => vec![set("permit", "nobody".into()), set("to", "sideways".into())],
        "mode" => vec![set("to", "sideways".into())],
        "events" | "policy_events" => vec![set("expect", Value::Null)],
        _ => Vec::new(),
    };
    found.push(set("do", "dance".into()));
    if SILENT.contains(&kind) {
        found.push(set("expect", json!({ "state": "sideways" })));
    }
    found
}

/// Of a case in which calls wait: each end of a wait is told where it happens, and only there.
fn ends(case: &Value, i: usize) -> Vec<Variant> {
    let step = Some(i + 1);
    ENDS.iter()
        .map(|&key| match case["steps"][i].get(key) {
            Some(_) => wrong(case, step, &format!("{key} is left out"), |c| {
                drop(c["steps"][i].as_object_mut().map(|step| step.remove(key)))
            }),
            None => wrong(case, step, &format!("nobody was {key}"), |c| {
                let nobody = if key == "refused" { json!({ "nobody": "open" }) } else { json!(["nobody"]) };
                c["steps"][i][key] = nobody;
            }),
        })
        .collect()
}

/// A step that may be refused: expected where it is not, and not expected where it is.
fn refusable(case: &Value, i: usize, kind: &str) -> Vec<Variant> {
    let step = &case["steps"][i];
    let bad = match kind {
        "trip" => ("duration", json!("0ns")),
        "reconfigure" => ("config", json!({ "unheard_of": 1 })),
        "set_min_priority" => ("to", json!("unheard_of")),
        "set_reserved" => ("max_concurrent", json!(0)),
        "set_rate" | "set_limit" => ("to", json!(0)),
        _ => return Vec::new(),
    };
    if step.get("error").is_some() {
        let silent = |c: &mut Value| drop(c["steps"][i].as_object_mut().map(|step| step.remove("error")));
        return vec![wrong(case, Some(i + 1), "no error is expected", silent)];
    }
    let error = json!({ "key": bad.0 });
    vec![
        wrong(case, Some(i + 1), "an error is expected", |c| c["steps"][i]["error"] = error),
        wrong(case, Some(i + 1), "what is asked for is refused", |c| c["steps"][i][bad.0] = bad.1),
    ]
}
