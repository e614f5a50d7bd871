//! Compares what a vector expects with what there is.

use crate::nanos::nanos;
use serde_json::Value;

/// A duration, absent or in a range.
pub fn duration(what: &str, expected: &Value, got: Option<u64>) -> Result<(), String> {
    let fits = match (expected, got) {
        (Value::Null, got) => got.is_none(),
        (Value::Object(range), Some(got)) => {
            let min = range.get("min").map_or(Ok(0), nanos)?;
            let max = range.get("max").map_or(Ok(u64::MAX), nanos)?;
            (min..=max).contains(&got)
        }
        (value, Some(got)) => nanos(value)? == got,
        (_, None) => false,
    };
    if fits {
        return Ok(());
    }
    let got = got.map_or("null".to_owned(), |ns| format!("{ns}ns"));
    Err(format!("{what}: expected {expected}, got {got}"))
}

/// A value that must be equal; numbers within 1e-9, or in a range.
pub fn equal(what: &str, expected: &Value, got: &Value) -> Result<(), String> {
    let fits = match (expected, got) {
        (Value::Number(a), Value::Number(b)) => match (a.as_u64(), b.as_u64()) {
            (Some(a), Some(b)) => a == b,
            _ => (a.as_f64().unwrap_or(f64::NAN) - b.as_f64().unwrap_or(f64::NAN)).abs() <= 1e-9,
        },
        (Value::Object(range), Value::Number(n)) => {
            let n = n.as_f64().unwrap_or(f64::NAN);
            let bound = |key, default| range.get(key).and_then(Value::as_f64).unwrap_or(default);
            n >= bound("min", f64::NEG_INFINITY) && n <= bound("max", f64::INFINITY)
        }
        (a, b) => a == b,
    };
    if fits { Ok(()) } else { Err(format!("{what}: expected {expected}, got {got}")) }
}

/// Every key that is written must be as it is written; what is left out is not checked.
pub fn part(what: &str, expected: &Value, got: &Value) -> Result<(), String> {
    let Value::Object(keys) = expected else { return equal(what, expected, got) };
    if got.is_number() {
        return equal(what, expected, got);
    }
    for (key, value) in keys {
        let path = format!("{what}.{key}");
        match (key.as_str(), got.get(key)) {
            ("retry_after" | "at" | "wait" | "timeout", Some(found)) => {
                duration(&path, value, found.as_u64())?
            }
            ("rejected" | "would_reject" | "reserved", Some(found)) => counts(&path, value, found)?,
            (_, Some(found)) => part(&path, value, found)?,
            (_, None) => return Err(format!("{path}: there is no such key in {got}")),
        }
    }
    Ok(())
}

/// Counts by reason or by level: what is left out is 0.
fn counts(what: &str, expected: &Value, got: &Value) -> Result<(), String> {
    let counts = got.as_object().ok_or(format!("{what}: no counts"))?;
    for (reason, count) in counts {
        let wanted = expected.get(reason).cloned().unwrap_or_else(|| 0.into());
        equal(&format!("{what}.{reason}"), &wanted, count)?;
    }
    match expected.as_object().and_then(|e| e.keys().find(|key| !counts.contains_key(*key))) {
        Some(unknown) => Err(format!("{what}: there is no {unknown}")),
        None => Ok(()),
    }
}
