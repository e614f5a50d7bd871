//! `timeout`, from the document.

use super::{Result, keys};
use crate::config::keys as shared;
use crate::config::keys::Length;
use crate::config::table::{Limit, OWN, Table};
use crate::config::value::Value;
use crate::error::ConfigError;
use crate::policy::timeout::{LearnKind, LearnRules, TimeoutRules};

/// `timeout`: a duration, or a table that learns one.
pub(super) fn timeout(t: &mut Table<'_>, value: &Value) -> Result<TimeoutRules> {
    if let Value::Table(_) = value {
        return learned(value).map(TimeoutRules::Learned);
    }
    match t.length(&keys::TIMEOUT, OWN) {
        Ok(length) => Ok(TimeoutRules::Fixed(length.unwrap_or(keys::TIMEOUT.max))),
        Err(e) => Err(ConfigError::new(e.key(), e.value(), format!("an object, or {}", e.allowed()))),
    }
}

fn learned(value: &Value) -> Result<LearnRules> {
    let mut t = Table::new(keys::TIMEOUT.key, value)?;
    let kind = match t.choice(shared::KIND, &keys::TIMEOUT_KINDS)?.unwrap_or(keys::TIMEOUT_KINDS[0]) {
        "adaptive" => LearnKind::Adaptive,
        "hybrid" => LearnKind::Hybrid,
        _ => LearnKind::Percentile,
    };
    let percentile_bp = match kind {
        LearnKind::Adaptive => 0,
        _ => t.share_or_default(&keys::PERCENTILE, OWN)?,
    };
    let factor_bp = t.share_or_default(&keys::FACTOR, OWN)?;
    let (min, max) = range(&mut t)?;
    let window = t.integer(&keys::TIMEOUT_WINDOW, OWN)?.unwrap_or(keys::TIMEOUT_WINDOW.default);
    let initial = t.length_between(
        &keys::TIMEOUT_INITIAL,
        Limit::by(keys::TIMEOUT_MIN.key, min),
        Limit::by(keys::TIMEOUT_MAX.key, max),
    )?;
    let initial = initial.unwrap_or(keys::TIMEOUT_INITIAL.default.length());
    t.finish()?;
    Ok(LearnRules { kind, percentile_bp, factor_bp, min, max, window, initial })
}

/// `min` and `max`. Beside a key that is left out it is the written one that does not fit.
fn range(t: &mut Table<'_>) -> Result<(u64, u64)> {
    let left_out = |t: &Table<'_>, spec: &Length| match t.has(spec.key) {
        true => OWN,
        false => Limit::by(spec.key, spec.default.length()),
    };
    // `initial` lies below `max` where both are left out.
    let initial = left_out(t, &keys::TIMEOUT_INITIAL);
    let highest = if initial.key.is_some() { initial } else { left_out(t, &keys::TIMEOUT_MAX) };
    let min = t.length_between(&keys::TIMEOUT_MIN, OWN, highest)?;
    let min = min.unwrap_or(keys::TIMEOUT_MIN.default.length());
    let lowest = match initial.key {
        Some(_) if initial.bound > min => initial,
        _ => Limit::by(keys::TIMEOUT_MIN.key, min),
    };
    let max = t.length_between(&keys::TIMEOUT_MAX, lowest, OWN)?;
    Ok((min, max.unwrap_or(keys::TIMEOUT_MAX.default.length())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{HOUR, MS, SECOND};

    fn parse(json: &str) -> std::result::Result<TimeoutRules, String> {
        let document = crate::config::value::parse(&format!(r#"{{"timeout": {json}}}"#)).expect("JSON");
        let mut t = Table::new("", &document).expect("a table");
        let value = t.get("timeout").expect("once").expect("there");
        timeout(&mut t, value).map_err(|e| e.to_string())
    }

    fn refuses(cases: &[(&str, &str)]) {
        for (json, told) in cases {
            let error = parse(json).expect_err(json);
            assert!(error.contains(told), "{json}: {error}");
        }
    }

    const DEFAULT: LearnRules = LearnRules {
        kind: LearnKind::Percentile,
        percentile_bp: 9_500,
        factor_bp: 15_000,
        min: 100 * MS,
        max: 30 * SECOND,
        window: 100,
        initial: SECOND,
    };

    #[test]
    fn a_timeout_is_a_duration_of_a_millisecond_to_a_day() {
        assert_eq!(parse(r#""250ms""#), Ok(TimeoutRules::Fixed(250 * MS)));
        assert_eq!(parse("86400"), Ok(TimeoutRules::Fixed(24 * HOUR)));
        refuses(&[
            ("0", "`timeout` is 0; allowed: an object, or a duration"),
            (r#""24.1h""#, "in 1ms..=24h"),
            ("null", "`timeout` is null"),
            (r#"["1s"]"#, "`timeout` is [\"1s\"]"),
        ]);
    }

    #[test]
    fn a_timeout_that_is_learned_takes_its_kinds_keys_and_no_others() {
        assert_eq!(parse("{}"), Ok(TimeoutRules::Learned(DEFAULT)));
        let hybrid = LearnRules { kind: LearnKind::Hybrid, percentile_bp: 5_000, ..DEFAULT };
        assert_eq!(parse(r#"{"kind": "hybrid", "percentile": 0.5}"#), Ok(TimeoutRules::Learned(hybrid)));
        let adaptive = LearnRules {
            kind: LearnKind::Adaptive,
            percentile_bp: 0,
            factor_bp: 10_000,
            window: 10,
            ..DEFAULT
        };
        let adaptive = TimeoutRules::Learned(adaptive);
        assert_eq!(parse(r#"{"kind": "adaptive", "factor": 1, "window": 10}"#), Ok(adaptive));
        refuses(&[
            (r#"{"kind": "fixed"}"#, "one of percentile, adaptive, hybrid"),
            (
                r#"{"kind": "adaptive", "percentile": 0.9}"#,
                "`timeout.percentile` is 0.9; allowed: no such key here",
            ),
            (r#"{"percentile": 1}"#, "(0, 1)"),
            (r#"{"percentile": 0}"#, "(0, 1)"),
            (r#"{"factor": 0.9}"#, "`timeout.factor` is 0.9; allowed: a number in [1, 10]"),
            (r#"{"window": 9}"#, "10..=10000"),
            (r#"{"window": 10001}"#, "10..=10000"),
            (r#"{"min": "2h", "max": "3h", "initial": "2h"}"#, "in 1ms..=3600s"),
            (r#"{"max": "25h"}"#, "in 1s..=24h"),
        ]);
    }

    #[test]
    fn a_learned_timeouts_range_holds_its_first_value() {
        let range = |json: &str| match parse(json) {
            Ok(TimeoutRules::Learned(rules)) => Ok((rules.min, rules.initial, rules.max)),
            other => Err(other),
        };
        assert_eq!(range(r#"{"min": "1s"}"#), Ok((SECOND, SECOND, 30 * SECOND)));
        assert_eq!(range(r#"{"max": "1s"}"#), Ok((100 * MS, SECOND, SECOND)));
        assert_eq!(range(r#"{"min": "5ms", "max": "5ms", "initial": "5ms"}"#), Ok((5 * MS, 5 * MS, 5 * MS)));
        refuses(&[
            (r#"{"min": "2s"}"#, "`timeout.min` is \"2s\"; allowed: a duration"),
            (r#"{"min": "2s", "max": "5s"}"#, "in 1ms..=1s (bound by `initial`)"),
            (r#"{"max": "999ms"}"#, "`timeout.max` is \"999ms\""),
            (r#"{"max": "50ms", "initial": "50ms"}"#, "in 100ms..=24h (bound by `min`)"),
            (r#"{"min": "31s", "initial": "31s"}"#, "in 1ms..=30s (bound by `max`)"),
            (r#"{"min": "9s", "max": "8s", "initial": "9s"}"#, "`timeout.max` is \"8s\""),
            (r#"{"initial": "99ms"}"#, "`timeout.initial` is \"99ms\""),
            (r#"{"initial": "31s"}"#, "in 100ms..=30s (bound by `min` and `max`)"),
        ]);
    }
}
