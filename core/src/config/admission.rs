//! The gates before the machine, from the document (policies §2 and §3).

use super::keys::{self, Default};
use super::table::{Limit, OWN, Table};
use super::value::Value;
use crate::admit::priority::{LEVELS, Priority};
use crate::admit::{Pace, PriorityRules, RateRules};
use crate::clock::Nanos;
use crate::error::ConfigError;

type Result<T> = std::result::Result<T, ConfigError>;

const fn is(default: Default) -> Nanos {
    match default {
        Default::Is(d) => d,
        _ => 0,
    }
}

/// `rate_limit`.
pub(super) fn rate_limit(value: &Value) -> Result<RateRules> {
    let mut t = Table::new(keys::RATE_LIMIT, value)?;
    let rules = match t.choice(keys::ALGORITHM, &keys::ALGORITHMS)?.unwrap_or(keys::ALGORITHMS[0]) {
        "leaky_bucket" => {
            let rate = t.number(&keys::RATE)?.unwrap_or(keys::RATE.default);
            let max_wait = t.length(&keys::MAX_WAIT, OWN)?.unwrap_or(is(keys::MAX_WAIT.default));
            RateRules::Leaky { rate, max_wait, pace: pace(&mut t, rate)? }
        }
        "fixed_window" => {
            let limit = t.integer(&keys::FIXED_LIMIT, OWN)?.unwrap_or(keys::FIXED_LIMIT.default);
            RateRules::Fixed { limit, window: rate_window(&mut t)? }
        }
        "sliding_window" => {
            let limit = t.integer(&keys::SLIDING_LIMIT, OWN)?.unwrap_or(keys::SLIDING_LIMIT.default);
            RateRules::Sliding { limit, window: rate_window(&mut t)? }
        }
        _ => {
            let rate = t.number(&keys::RATE)?.unwrap_or(keys::RATE.default);
            let burst = t.integer(&keys::BURST, OWN)?.unwrap_or(keys::BURST.default);
            let reserve = reserve(&mut t, burst)?;
            RateRules::Token { rate, burst, reserve, pace: pace(&mut t, rate)? }
        }
    };
    t.finish()?;
    Ok(rules)
}

fn rate_window(t: &mut Table<'_>) -> Result<Nanos> {
    Ok(t.length(&keys::RATE_WINDOW, OWN)?.unwrap_or(is(keys::RATE_WINDOW.default)))
}

fn reserve(t: &mut Table<'_>, burst: u64) -> Result<[u64; LEVELS]> {
    let Some(value) = t.get(keys::RESERVE)? else { return Ok([0; LEVELS]) };
    let mut levels = Table::new("rate_limit.reserve", value)?;
    let mut reserve = [0; LEVELS];
    for level in Priority::ALL.into_iter().rev() {
        let spec = keys::Integer {
            key: level.name(),
            default: 0,
            min: 0,
            max: keys::BURST.max,
            meaning: "Tokens for calls of this level and above.",
        };
        reserve[level as usize] = levels.integer(&spec, OWN)?.unwrap_or(0);
    }
    levels.finish()?;
    match reserve.iter().sum::<u64>() {
        sum if sum < burst => Ok(reserve),
        _ => Err(t.error(
            keys::RESERVE,
            value,
            format!("tokens that are together less than `burst` ({burst})"),
        )),
    }
}

fn pace(t: &mut Table<'_>, rate: f64) -> Result<Option<Pace>> {
    let Some(value) = t.get(keys::RATE_ADAPTIVE)? else { return Ok(None) };
    let mut a = Table::new("rate_limit.adaptive", value)?;
    let min = a.number(&keys::RATE_MIN)?.unwrap_or(keys::RATE_MIN.default.min(rate));
    if min > rate {
        return Err(a.error(keys::RATE_MIN.key, min, format!("at most `rate` ({rate})")));
    }
    let max = a.number(&keys::RATE_MAX)?.unwrap_or(keys::RATE_MAX.default.max(rate));
    if max < rate {
        return Err(a.error(keys::RATE_MAX.key, max, format!("at least `rate` ({rate})")));
    }
    let scale_bp = super::share(&mut a, &keys::RATE_SCALE, OWN)?;
    let cooldown = a.length(&keys::RATE_COOLDOWN, OWN)?.unwrap_or(is(keys::RATE_COOLDOWN.default));
    let lower_above_bp = super::share(&mut a, &keys::LOWER_ABOVE, OWN)?;
    let below = Limit::by(keys::LOWER_ABOVE.key, lower_above_bp);
    let raise_below_bp = a.share(&keys::RAISE_BELOW, OWN)?.unwrap_or(100.min(lower_above_bp - 1));
    if raise_below_bp >= lower_above_bp {
        let value = super::show_bp(raise_below_bp);
        return Err(a.error(keys::RAISE_BELOW.key, value, format!("less than `lower_above`{below}")));
    }
    a.finish()?;
    Ok(Some(Pace { min, max, scale_bp, cooldown, lower_above_bp, raise_below_bp }))
}

/// `priority`.
pub(super) fn priority(value: &Value) -> Result<PriorityRules> {
    let mut t = Table::new(keys::PRIORITY, value)?;
    let rules = PriorityRules {
        min: level(&mut t, keys::PRIORITY_MIN)?.unwrap_or(Priority::Bulk),
        half_open_min: level(&mut t, keys::HALF_OPEN_MIN)?,
        open_bypass: level(&mut t, keys::OPEN_BYPASS)?,
    };
    t.finish()?;
    Ok(rules)
}

/// A level's name, or a number that is taken as the next lower level.
fn level(t: &mut Table<'_>, key: &'static str) -> Result<Option<Priority>> {
    let Some(value) = t.get(key)? else { return Ok(None) };
    let found = match value {
        Value::Text(text) => Priority::parse(text),
        Value::Int(n) => u32::try_from(*n).ok().and_then(Priority::of_number),
        Value::Float(x) if x.fract() == 0.0 && (0.0..=100.0).contains(x) => Priority::of_number(*x as u32),
        _ => None,
    };
    let names = Priority::ALL.map(Priority::name).join(", ");
    found
        .map(Some)
        .ok_or_else(|| t.error(key, value, format!("one of {names}, or a whole number in 0..=100")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> std::result::Result<RateRules, String> {
        rate_limit(&super::super::parse(json).expect("JSON")).map_err(|e| e.to_string())
    }

    #[test]
    fn a_rate_limit_takes_its_algorithms_keys_and_no_others() {
        let default = RateRules::Token { rate: 100.0, burst: 50, reserve: [0; LEVELS], pace: None };
        assert_eq!(parse("{}"), Ok(default));
        let fixed = RateRules::Fixed { limit: 5, window: 2 * keys::SECOND };
        assert_eq!(parse(r#"{"algorithm": "fixed_window", "limit": 5, "window": "2s"}"#), Ok(fixed));
        for (json, told) in [
            (r#"{"algorithm": "sliding_window", "rate": 3}"#, "`rate_limit.rate` is 3"),
            (r#"{"burst": 3, "reserve": {"critical": 2, "high": 1}}"#, "together less than `burst` (3)"),
            (
                r#"{"adaptive": {"min": 200}}"#,
                "`rate_limit.adaptive.min` is 200; allowed: at most `rate` (100)",
            ),
            (r#"{"rate": 0}"#, "`rate_limit.rate` is 0"),
            (r#"{"algorithm": "sliding_window", "limit": 65537}"#, "1..=65536"),
        ] {
            let error = parse(json).expect_err(json);
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn levels_are_named_or_numbered() {
        let rules =
            priority(&super::super::parse(r#"{"min": 30, "open_bypass": "critical"}"#).expect("JSON"));
        let expected =
            PriorityRules { min: Priority::Low, half_open_min: None, open_bypass: Some(Priority::Critical) };
        assert_eq!(rules, Ok(expected));
        let error =
            priority(&super::super::parse(r#"{"min": "urgent"}"#).expect("JSON")).expect_err("no level");
        assert!(error.to_string().contains("bulk, low, normal, high, critical"), "{error}");
    }
}
