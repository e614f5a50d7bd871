//! Durations as vectors write them.

use serde_json::Value;

/// Nanoseconds of a duration as vectors write it: text with a unit, or a number of seconds.
pub fn nanos(value: &Value) -> Result<u64, String> {
    if let Some(seconds) = value.as_f64() {
        return Ok((seconds * 1e9).round() as u64);
    }
    let text = value.as_str().ok_or(format!("{value} is no duration"))?;
    let end = text.find(|c: char| c.is_ascii_alphabetic()).ok_or(format!("{text} has no unit"))?;
    let (number, unit) = text.split_at(end);
    let unit: u128 = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        other => return Err(format!("unknown unit {other}")),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let parse = |s: &str| if s.is_empty() { Ok(0) } else { s.parse::<u128>().map_err(|e| e.to_string()) };
    let ns = parse(whole)? * unit + parse(fraction)? * unit / 10u128.pow(fraction.len() as u32);
    u64::try_from(ns).map_err(|e| e.to_string())
}
