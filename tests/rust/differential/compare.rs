//! Compares reports: every way must have seen what the crate's stepper of the same host has, or its loop.

use serde_json::Value;
use std::collections::BTreeMap;

/// What loops need not tell: of a call what only a stepper knows, of the end how often it was tried, and why; an answer
/// alone does not say why a rung has given it.
const OF_CALLS: [&str; 2] = ["attempt", "timeout"];
const OF_ENDS: [&str; 2] = ["attempts", "rejected"];
const OF_ANSWERS: [&str; 3] = ["attempts", "rejected", "error"];

/// What steppers leave to who goes by them: where values are kept, and what runs beside an attempt.
const BEYOND: [&str; 2] = ["cache", "hedge"];

struct Report {
    /// Language and way.
    who: String,
    host: String,
    sees: String,
    steps: Vec<Value>,
}

pub fn run(scripts: &[Value], files: &[&str]) -> Result<bool, String> {
    let mut by_script: BTreeMap<u64, Vec<Report>> = BTreeMap::new();
    let mut ways: BTreeMap<String, usize> = BTreeMap::new();
    for file in files {
        let (language, path) = file.split_once('=').ok_or(format!("{file}: write NAME=REPORT"))?;
        for line in crate::lines(path)? {
            let report = read(language, &line).ok_or(format!("{path}: {line} is no report"))?;
            *ways.entry(format!("{} ({})", report.who, report.host)).or_default() += 1;
            by_script.entry(line["script"].as_u64().unwrap_or(u64::MAX)).or_default().push(report);
        }
    }
    let mut differ: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, script) in scripts.iter().enumerate() {
        let reports = by_script.get(&(number as u64)).map_or(&[][..], Vec::as_slice);
        for report in reports {
            let who = reference_of(&script["document"], report);
            let reference = reports.iter().find(|other| other.who == who && other.host == report.host);
            let reference = reference.ok_or(format!("script {number}: no report of {who}"))?;
            if let Err(wrong) = same(reference, report) {
                if differ.is_empty() {
                    println!("script {number}: {script}\n{wrong}");
                }
                *differ.entry(&report.who).or_default() += 1;
            }
        }
    }
    if !differ.is_empty() {
        println!("of {} scripts, so many are not the same: {differ:?}", scripts.len());
        return Ok(false);
    }
    let missing: Vec<&String> =
        ways.iter().filter(|(_, seen)| **seen != scripts.len()).map(|(way, _)| way).collect();
    if !missing.is_empty() {
        println!("not all of {} scripts were reported by: {missing:?}", scripts.len());
        return Ok(false);
    }
    let steps: usize = by_script.values().flatten().map(|report| report.steps.len()).sum();
    let shown: Vec<&str> = ways.keys().map(String::as_str).collect();
    println!("{} scripts, {steps} steps, the same by {}", scripts.len(), shown.join(", "));
    Ok(!scripts.is_empty())
}

/// What a stepper leaves to who goes by it, a loop is held against.
fn reference_of(document: &Value, report: &Report) -> &'static str {
    let is_left = BEYOND.iter().any(|policy| document.get(policy).is_some());
    match report.host.as_str() {
        _ if !is_left || report.sees == "steps" => "rust stepper",
        "thread" => "rust call",
        _ => "rust call_async",
    }
}

fn read(language: &str, line: &Value) -> Option<Report> {
    Some(Report {
        who: format!("{language} {}", line["way"].as_str()?),
        host: line["host"].as_str()?.to_owned(),
        sees: line["sees"].as_str()?.to_owned(),
        steps: line["steps"].as_array()?.clone(),
    })
}

fn same(reference: &Report, report: &Report) -> Result<(), String> {
    let expected: Vec<&Value> = reference.steps.iter().filter(|step| sees(&report.sees, step)).collect();
    for number in 0..expected.len().max(report.steps.len()) {
        let (expected, got) = (expected.get(number).copied(), report.steps.get(number));
        let fits = match (expected, got) {
            (Some(expected), Some(got)) => is_same(&report.sees, expected, got),
            _ => false,
        };
        if !fits {
            let (who, host) = (&report.who, &report.host);
            return Err(format!(
                "step {}, {who} of a {host}:\n  {}: {}\n  {who}: {}",
                number + 1,
                reference.who,
                shown(expected, got),
                shown(got, expected)
            ));
        }
    }
    Ok(())
}

/// A step; of what was counted only what the other has not.
fn shown(step: Option<&Value>, other: Option<&Value>) -> String {
    let Some(step) = step else { return "nothing more".to_owned() };
    let lines = |step: &Value| step["metrics"].as_array().cloned().unwrap_or_default();
    let others = other.map(lines).unwrap_or_default();
    let mut shown = step.clone();
    if step["is"] == "read" {
        shown["metrics"] = lines(step).into_iter().filter(|line| !others.contains(line)).collect();
    }
    shown.to_string()
}

/// Whether who sees only that sees the step.
fn sees(what: &str, step: &Value) -> bool {
    match step["is"].as_str() {
        Some("done") => what == "steps",
        Some("wait") => what != "times",
        _ => true,
    }
}

fn is_same(what: &str, expected: &Value, got: &Value) -> bool {
    let (Some(expected), Some(got)) = (expected.as_object(), got.as_object()) else { return false };
    let may_lack: &[&str] = match expected.get("is").and_then(Value::as_str) {
        Some("call") if what != "steps" => &OF_CALLS,
        Some("over") if what != "steps" && expected.get("value") == Some(&Value::Null) => &OF_ENDS,
        Some("over") if what != "steps" => &OF_ANSWERS,
        _ => &[],
    };
    got.keys().all(|key| expected.contains_key(key))
        && expected.iter().all(|(key, value)| match got.get(key) {
            Some(found) => found == value,
            None => may_lack.contains(&key.as_str()),
        })
}
