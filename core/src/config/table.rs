//! Reads the keys of one table of a document, each against its range.

use super::keys::{Bound, HOUR, Integer, Length, MS, Number, SECOND, Share};
use super::value::Value;
use crate::backoff::ONE_BP;
use crate::clock::Nanos;
use crate::error::ConfigError;
use std::borrow::Cow;
use std::fmt;

type Result<T> = std::result::Result<T, ConfigError>;

/// A table and which of its keys were asked for.
pub(crate) struct Table<'v> {
    path: Cow<'static, str>,
    entries: &'v [(String, Value)],
    known: Vec<&'v str>,
}

impl<'v> Table<'v> {
    /// `path` is empty for the document itself.
    pub(crate) fn new(path: impl Into<Cow<'static, str>>, value: &'v Value) -> Result<Self> {
        let path = path.into();
        match value {
            Value::Table(entries) => Ok(Table { path, entries, known: Vec::new() }),
            other => Err(ConfigError::new(path, other.to_string(), "an object")),
        }
    }

    fn path(&self, key: &str) -> String {
        match (self.path.as_ref(), key) {
            ("", "") => "\"\"".to_owned(),
            ("", key) => key.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    /// An error that names a key of this table.
    pub(crate) fn error(&self, key: &str, value: impl ToString, allowed: impl Into<String>) -> ConfigError {
        ConfigError::new(self.path(key), value.to_string(), allowed)
    }

    /// Whether the key is written, whatever its value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(k, _)| k == key)
    }

    /// The value of a key, which thereby is known; an error when it is written twice.
    pub(crate) fn get(&mut self, key: &'v str) -> Result<Option<&'v Value>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let mut found = self.entries.iter().filter(|(k, _)| k == key).map(|(_, v)| v);
        match (found.next(), found.next()) {
            (_, Some(second)) => Err(self.error(key, second, "a key is written once")),
            (first, None) => Ok(first),
        }
    }

    /// The keys that are written, in byte order: of a table whose keys are names. One that is written twice is there once.
    pub(crate) fn names(&self) -> Vec<&'v str> {
        let mut names: Vec<&str> = self.entries.iter().map(|(key, _)| key.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// After all known keys: an unknown one is an error, the first in byte order.
    pub(crate) fn finish(self) -> Result<()> {
        let unknown = self.entries.iter().filter(|(k, _)| !self.known.contains(&k.as_str()));
        match unknown.min_by(|a, b| a.0.cmp(&b.0)) {
            None => Ok(()),
            Some((key, value)) => {
                let known = self.known.join(", ");
                Err(self.error(key, value, format!("no such key here; known: {known}")))
            }
        }
    }

    /// A whole number; `None` when the key is left out. `limit` may be lower than the key's own.
    pub(crate) fn integer(&mut self, spec: &Integer, limit: Limit) -> Result<Option<u64>> {
        self.integer_named(spec.key, spec, limit)
    }

    /// The same under another name than the specification's.
    pub(crate) fn integer_named(
        &mut self,
        name: &'v str,
        spec: &Integer,
        limit: Limit,
    ) -> Result<Option<u64>> {
        let Some(value) = self.get(name)? else { return Ok(None) };
        let max = spec.max.min(limit.bound);
        let whole = match *value {
            Value::Int(i) => Some(i),
            Value::Float(x) if x.fract() == 0.0 && x.abs() < 1e18 => Some(x as i128),
            _ => None,
        };
        match whole {
            Some(i) if i >= spec.min.into() && i <= max.into() => Ok(Some(i as u64)),
            _ => Err(self.error(name, value, format!("a whole number in {}..={max}{limit}", spec.min))),
        }
    }

    /// A duration; `None` when the key is left out. `limit`, here from below, may be higher than the key's own.
    pub(crate) fn length(&mut self, spec: &Length, limit: Limit) -> Result<Option<Nanos>> {
        self.length_between(spec, limit, OWN)
    }

    /// The same; `high` may be lower than the key's own end.
    pub(crate) fn length_between(&mut self, spec: &Length, low: Limit, high: Limit) -> Result<Option<Nanos>> {
        let Some(value) = self.get(spec.key)? else { return Ok(None) };
        let min = if low.key.is_some() { spec.min.max(low.bound) } else { spec.min };
        let max = spec.max.min(high.bound);
        match parse_length(value) {
            Some(d) if (min..=max).contains(&d) => Ok(Some(d)),
            _ => {
                let range = format!("{}..={}", show_length(min), show_length(max));
                let form = "a duration such as \"500ms\", \"1.5s\", \"2m\", or a number of seconds, in";
                let bounds = match (low.key, high.key) {
                    (Some(low), Some(high)) => format!(" (bound by `{low}` and `{high}`)"),
                    _ => format!("{low}{high}"),
                };
                Err(self.error(spec.key, value, format!("{form} {range}{bounds}")))
            }
        }
    }

    /// A share in ten-thousandths; `None` when the key is left out. `limit` may be lower than the key's own.
    pub(crate) fn share(&mut self, spec: &Share, limit: Limit) -> Result<Option<u64>> {
        let Some(value) = self.get(spec.key)? else { return Ok(None) };
        let high = match spec.high {
            Bound::Inclusive(h) => Bound::Inclusive(h.min(limit.bound)),
            exclusive => exclusive,
        };
        parse_share(value, spec.low, high).map(Some).ok_or_else(|| {
            let range = show_range(spec.low, high);
            self.error(spec.key, value, format!("a number in {range}{limit}, kept in ten-thousandths"))
        })
    }

    /// A share, or its default, which another key's value may lower.
    pub(crate) fn share_or_default(&mut self, spec: &Share, limit: Limit) -> Result<u64> {
        Ok(self.share(spec, limit)?.unwrap_or(spec.default.unwrap_or(0).min(limit.bound)))
    }

    /// A number; `None` when the key is left out.
    pub(crate) fn number(&mut self, spec: &Number) -> Result<Option<f64>> {
        let Some(value) = self.get(spec.key)? else { return Ok(None) };
        let found = match *value {
            Value::Int(i) => Some(i as f64),
            Value::Float(x) => Some(x),
            _ => None,
        };
        match found.filter(|x| (spec.min..=spec.max).contains(x)) {
            Some(x) => Ok(Some(x)),
            None => Err(self.error(spec.key, value, format!("a number in {}..={}", spec.min, spec.max))),
        }
    }

    /// Yes or no; `None` when the key is left out.
    pub(crate) fn flag(&mut self, key: &'static str) -> Result<Option<bool>> {
        match self.get(key)? {
            None => Ok(None),
            Some(Value::Bool(is)) => Ok(Some(*is)),
            Some(value) => Err(self.error(key, value, "true or false")),
        }
    }

    /// One of several names; `None` when the key is left out.
    pub(crate) fn choice(
        &mut self,
        key: &'static str,
        names: &[&'static str],
    ) -> Result<Option<&'static str>> {
        let Some(value) = self.get(key)? else { return Ok(None) };
        let found = match value {
            Value::Text(text) => names.iter().find(|name| *name == text),
            _ => None,
        };
        match found {
            Some(name) => Ok(Some(name)),
            None => Err(self.error(key, value, format!("one of {}", names.join(", ")))),
        }
    }
}

/// A bound of a key's range that another key sets.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    pub bound: u64,
    pub key: Option<&'static str>,
}

/// The key's own range holds.
pub(crate) const OWN: Limit = Limit { bound: u64::MAX, key: None };

impl Limit {
    pub(crate) fn by(key: &'static str, bound: u64) -> Self {
        Limit { bound, key: Some(key) }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.map_or(Ok(()), |key| write!(f, " (bound by `{key}`)"))
    }
}

const UNITS: [(&str, u128); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", MS as u128),
    ("s", SECOND as u128),
    ("m", 60 * SECOND as u128),
    ("h", HOUR as u128),
];

fn parse_length(value: &Value) -> Option<Nanos> {
    match value {
        Value::Text(text) => parse_length_text(text),
        Value::Int(i) => u64::try_from(*i).ok()?.checked_mul(SECOND),
        Value::Float(x) => {
            let ns = (x * SECOND as f64).round();
            (x.is_finite() && *x >= 0.0 && ns < u64::MAX as f64).then_some(ns as u64)
        }
        _ => None,
    }
}

/// `[0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h)`, a whole number of nanoseconds.
pub(crate) fn parse_length_text(text: &str) -> Option<Nanos> {
    let end = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(end);
    let unit = UNITS.iter().find(|(name, _)| *name == unit)?.1;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let whole = whole.parse::<u128>().ok()?.checked_mul(unit)?;
    let part = match fraction {
        "" => 0,
        _ => {
            let scale = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
            let product = fraction.parse::<u128>().ok()?.checked_mul(unit)?;
            (product % scale == 0).then_some(product / scale)?
        }
    };
    u64::try_from(whole.checked_add(part)?).ok()
}

/// A duration in the unit that reads best.
pub(crate) fn show_length(d: Nanos) -> String {
    match d {
        d if d >= 24 * HOUR && d % HOUR == 0 => format!("{}h", d / HOUR),
        d if d >= SECOND && d % SECOND == 0 => format!("{}s", d / SECOND),
        d if d >= MS && d % MS == 0 => format!("{}ms", d / MS),
        d if d >= 1_000 && d % 1_000 == 0 => format!("{}us", d / 1_000),
        d => format!("{d}ns"),
    }
}

/// A number of ten-thousandths as people write it.
pub(crate) fn show_bp(bp: u64) -> String {
    let (whole, part) = (bp / ONE_BP, bp % ONE_BP);
    if part == 0 {
        whole.to_string()
    } else {
        format!("{whole}.{}", format!("{part:04}").trim_end_matches('0'))
    }
}

fn show_range(low: Bound, high: Bound) -> String {
    let low = match low {
        Bound::Inclusive(b) => format!("[{}", show_bp(b)),
        Bound::Exclusive(b) => format!("({}", show_bp(b)),
    };
    match high {
        Bound::Inclusive(b) => format!("{low}, {}]", show_bp(b)),
        Bound::Exclusive(b) => format!("{low}, {})", show_bp(b)),
    }
}

/// The range holds for the number as written and as rounded.
fn parse_share(value: &Value, low: Bound, high: Bound) -> Option<u64> {
    let x = match value {
        Value::Int(i) => *i as f64,
        Value::Float(x) if x.is_finite() => *x,
        _ => return None,
    };
    let rounded = (x * ONE_BP as f64).round();
    let inside = |bp: f64| {
        let above = match low {
            Bound::Inclusive(b) => bp >= b as f64,
            Bound::Exclusive(b) => bp > b as f64,
        };
        let below = match high {
            Bound::Inclusive(b) => bp <= b as f64,
            Bound::Exclusive(b) => bp < b as f64,
        };
        above && below
    };
    let edge = |b: u64| b as f64 / ONE_BP as f64;
    let (Bound::Inclusive(l) | Bound::Exclusive(l)) = low;
    let (Bound::Inclusive(h) | Bound::Exclusive(h)) = high;
    (x >= edge(l) && x <= edge(h) && inside(rounded)).then_some(rounded as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_exactly_or_not_at_all() {
        for (text, ns) in [
            ("0.5s", 500_000_000),
            ("1.5h", 5_400_000_000_000),
            ("1ns", 1),
            ("0.001us", 1),
            ("007ms", 7_000_000),
            ("1.000000000000000000000s", SECOND),
        ] {
            assert_eq!(parse_length_text(text), Some(ns), "{text}");
        }
        for text in [
            "", "s", "1", "-1s", "+1s", "1 s", " 1s", "1.s", ".5s", "1e3s", "1.5ns", "1sec", "1S", "1s ",
            "１s",
        ] {
            assert_eq!(parse_length_text(text), None, "{text}");
        }
        assert_eq!(parse_length(&Value::Float(0.1)), Some(100_000_000));
        for bad in [
            Value::Float(f64::NAN),
            Value::Float(-0.1),
            Value::Int(-1),
            Value::Float(1e300),
            Value::Bool(true),
        ] {
            assert_eq!(parse_length(&bad), None);
        }
    }

    #[test]
    fn shares_hold_their_range_as_written_and_as_rounded() {
        let rate = |x| parse_share(&Value::Float(x), Bound::Exclusive(0), Bound::Inclusive(10_000));
        assert_eq!((rate(0.6666), rate(0.00005), rate(1.0)), (Some(6_666), Some(1), Some(10_000)));
        assert_eq!((rate(0.00004), rate(1.00001), rate(f64::INFINITY), rate(0.0)), (None, None, None, None));
        let initial = |x| parse_share(&Value::Float(x), Bound::Exclusive(0), Bound::Exclusive(10_000));
        assert_eq!((initial(0.99999), initial(0.9999)), (None, Some(9_999)));
    }
}
