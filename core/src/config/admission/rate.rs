//! `rate_limit`, from the document.

use super::level::by_level;
use super::{Result, keys};
use crate::admit::priority::LEVELS;
use crate::admit::{Pace, RateRules};
use crate::clock::Nanos;
use crate::config::keys::Integer;
use crate::config::table::{Limit, OWN, Table, show_bp};
use crate::config::value::Value;

/// `rate_limit`.
pub(super) fn rate_limit(value: &Value) -> Result<RateRules> {
    let mut t = Table::new(keys::RATE_LIMIT, value)?;
    let rules = match t.choice(keys::ALGORITHM, &keys::ALGORITHMS)?.unwrap_or(keys::ALGORITHMS[0]) {
        "leaky_bucket" => {
            let rate = t.number(&keys::RATE)?.unwrap_or(keys::RATE.default);
            let max_wait = t.length(&keys::MAX_WAIT, OWN)?.unwrap_or(keys::MAX_WAIT.default.length());
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
    Ok(t.length(&keys::RATE_WINDOW, OWN)?.unwrap_or(keys::RATE_WINDOW.default.length()))
}

fn reserve(t: &mut Table<'_>, burst: u64) -> Result<[u64; LEVELS]> {
    let Some(value) = t.get(keys::RESERVE)? else { return Ok([0; LEVELS]) };
    let spec = |key| Integer { key, default: 0, min: 0, max: keys::BURST.max, meaning: "" };
    let reserve = by_level("rate_limit.reserve", value, |t, key| t.integer(&spec(key), OWN))?;
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
    let scale_bp = a.share_or_default(&keys::RATE_SCALE, OWN)?;
    let cooldown = a.length(&keys::RATE_COOLDOWN, OWN)?.unwrap_or(keys::RATE_COOLDOWN.default.length());
    let lower_above_bp = a.share_or_default(&keys::LOWER_ABOVE, OWN)?;
    let below = Limit::by(keys::LOWER_ABOVE.key, lower_above_bp);
    let raise_below_bp = a.share(&keys::RAISE_BELOW, OWN)?.unwrap_or(100.min(lower_above_bp - 1));
    if raise_below_bp >= lower_above_bp {
        let value = show_bp(raise_below_bp);
        return Err(a.error(keys::RAISE_BELOW.key, value, format!("less than `lower_above`{below}")));
    }
    a.finish()?;
    Ok(Some(Pace { min, max, scale_bp, cooldown, lower_above_bp, raise_below_bp }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> std::result::Result<RateRules, String> {
        rate_limit(&crate::config::value::parse(json).expect("JSON")).map_err(|e| e.to_string())
    }

    #[test]
    fn a_rate_limit_takes_its_algorithms_keys_and_no_others() {
        let default = RateRules::Token { rate: 100.0, burst: 50, reserve: [0; LEVELS], pace: None };
        assert_eq!(parse("{}"), Ok(default));
        let fixed = RateRules::Fixed { limit: 5, window: 2_000_000_000 };
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
}
