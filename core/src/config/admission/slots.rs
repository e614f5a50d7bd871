//! `bulkhead` and `concurrency_limit`, from the document.

use super::level::by_level;
use super::{Result, keys};
use crate::admit::bulkhead::MOST;
use crate::admit::priority::{LEVELS, Priority};
use crate::admit::{BulkheadRules, LimitKind, LimitRules, QueueRules};
use crate::backoff::ONE_BP;
use crate::clock::Nanos;
use crate::config::keys::Bound::Inclusive;
use crate::config::keys::{self as shared, Integer, Length, Share};
use crate::config::table::{Limit, OWN, Table};
use crate::config::value::Value;
use crate::error::ConfigError;

/// `bulkhead`.
pub(super) fn bulkhead(value: &Value) -> Result<BulkheadRules> {
    let mut t = Table::new(keys::BULKHEAD, value)?;
    let spec = &keys::MAX_CONCURRENT;
    let Some(max_concurrent) = t.integer(spec, OWN)? else {
        return Err(t.error(spec.key, "missing", format!("a whole number in {}..={}", spec.min, spec.max)));
    };
    let reserved = reserved_slots(&mut t, "bulkhead.reserved", max_concurrent)?;
    let queue = queue(&mut t, "bulkhead.queue_timeout")?;
    t.finish()?;
    Ok(BulkheadRules { max_concurrent, reserved, queue })
}

/// A table of slots by hand: `max_concurrent`, `max` where that is left out, and `reserved`.
#[cfg(feature = "binding")]
pub(crate) fn slot_table(value: &Value, max: u64) -> Result<(u64, [u64; LEVELS])> {
    let mut t = Table::new("", value)?;
    let max_concurrent = t.integer(&keys::MAX_CONCURRENT, OWN)?.unwrap_or(max);
    let reserved = reserved_slots(&mut t, keys::RESERVED, max_concurrent)?;
    t.finish()?;
    Ok((max_concurrent, reserved))
}

fn reserved_slots(t: &mut Table<'_>, path: &'static str, max_concurrent: u64) -> Result<[u64; LEVELS]> {
    let Some(value) = t.get(keys::RESERVED)? else { return Ok([0; LEVELS]) };
    let spec = |key| Integer { key, default: 0, min: 0, max: keys::MAX_CONCURRENT.max, meaning: "" };
    let reserved = by_level(path, value, |t, key| t.integer(&spec(key), OWN))?;
    match unfit(max_concurrent, &reserved) {
        Some(allowed) => Err(t.error(keys::RESERVED, value, allowed)),
        None => Ok(reserved),
    }
}

/// What would be allowed in place of a reservation that does not fit.
fn unfit(max_concurrent: u64, reserved: &[u64; LEVELS]) -> Option<String> {
    let max = format!("`{}` ({max_concurrent})", keys::MAX_CONCURRENT.key);
    match reserved.iter().fold(0u64, |sum, slots| sum.saturating_add(*slots)) {
        sum if sum > max_concurrent => Some(format!("slots that are together at most {max}")),
        sum if sum > 0 && max_concurrent > MOST => Some(format!("absent, unless {max} is at most {MOST}")),
        _ => None,
    }
}

/// The same for a table that is not a document.
pub(crate) fn check_slots(max_concurrent: u64, reserved: &[u64; LEVELS]) -> Result<()> {
    let spec = &keys::MAX_CONCURRENT;
    if !(spec.min..=spec.max).contains(&max_concurrent) {
        let allowed = format!("a whole number in {}..={}", spec.min, spec.max);
        return Err(ConfigError::new(spec.key, max_concurrent.to_string(), allowed));
    }
    match unfit(max_concurrent, reserved) {
        Some(allowed) => Err(ConfigError::new(keys::RESERVED, format!("{reserved:?}"), allowed)),
        None => Ok(()),
    }
}

/// `concurrency_limit`.
pub(super) fn concurrency_limit(value: &Value) -> Result<LimitRules> {
    let mut t = Table::new(keys::CONCURRENCY_LIMIT, value)?;
    let kind = t.choice(shared::KIND, &keys::LIMIT_KINDS)?.unwrap_or(keys::LIMIT_KINDS[0]);
    let is_aimd = kind == keys::LIMIT_KINDS[0];
    let (initial, min, max) = range(&mut t, if is_aimd { &keys::AIMD_MIN } else { &keys::GRADIENT_MIN })?;
    let kind = if is_aimd {
        LimitKind::Aimd { backoff_bp: t.share_or_default(&keys::BACKOFF_RATIO, OWN)? }
    } else {
        LimitKind::Gradient {
            tolerance_bp: t.share_or_default(&keys::TOLERANCE, OWN)?,
            queue: t.integer(&keys::LIMIT_QUEUE, OWN)?.unwrap_or(keys::LIMIT_QUEUE.default),
            smoothing_bp: t.share_or_default(&keys::SMOOTHING, OWN)?,
            long_window: t.integer(&keys::LONG_WINDOW, OWN)?.unwrap_or(keys::LONG_WINDOW.default),
        }
    };
    let reserved_bp = reserved_shares(&mut t)?;
    let queue = queue(&mut t, "concurrency_limit.queue_timeout")?;
    t.finish()?;
    Ok(LimitRules { kind, initial, min, max, reserved_bp, queue })
}

/// `initial`, `min` and `max`. Beside a `max` that is left out it is `initial` that does not fit.
fn range(t: &mut Table<'_>, min: &Integer) -> Result<(u64, u64, u64)> {
    let (spec, max) = (&keys::LIMIT_INITIAL, &keys::LIMIT_MAX);
    let highest = if t.has(max.key) { OWN } else { Limit::by(max.key, max.default) };
    let initial = t.integer(spec, highest)?.unwrap_or(spec.default);
    let lowest = t.integer(min, Limit::by(spec.key, initial))?.unwrap_or(min.default.min(initial));
    let highest = t.integer(max, OWN)?.unwrap_or(max.default);
    if highest < initial {
        let allowed = format!("a whole number in {initial}..={} (bound by `{}`)", max.max, spec.key);
        return Err(t.error(max.key, highest, allowed));
    }
    Ok((initial, lowest, highest))
}

fn reserved_shares(t: &mut Table<'_>) -> Result<[u64; LEVELS]> {
    let Some(value) = t.get(keys::RESERVED)? else { return Ok([0; LEVELS]) };
    let spec = |key| Share { key, default: None, low: Inclusive(0), high: Inclusive(ONE_BP), meaning: "" };
    let reserved = by_level("concurrency_limit.reserved", value, |t, key| t.share(&spec(key), OWN))?;
    match reserved.iter().sum::<u64>() {
        ..=ONE_BP => Ok(reserved),
        _ => Err(t.error(keys::RESERVED, value, "shares that are together at most 1")),
    }
}

fn queue(t: &mut Table<'_>, path: &'static str) -> Result<QueueRules> {
    let max_queue = t.integer(&keys::MAX_QUEUE, OWN)?.unwrap_or(keys::MAX_QUEUE.default);
    Ok(QueueRules { max_queue, timeouts: timeouts(t, path)? })
}

/// `queue_timeout`: one for all levels, or some by level.
fn timeouts(t: &mut Table<'_>, path: &'static str) -> Result<[Nanos; LEVELS]> {
    let mut timeouts = keys::QUEUE_TIMEOUTS.map(|spec| spec.default.length());
    if let Some(table @ Value::Table(_)) = t.get(keys::QUEUE_TIMEOUT)? {
        let mut levels = Table::new(path, table)?;
        for level in Priority::ALL.into_iter().rev() {
            let found = levels.length(&keys::QUEUE_TIMEOUTS[level as usize], OWN)?;
            timeouts[level as usize] = found.unwrap_or(timeouts[level as usize]);
        }
        levels.finish()?;
    } else {
        let spec = Length { key: keys::QUEUE_TIMEOUT, ..keys::QUEUE_TIMEOUTS[0] };
        timeouts = t.length(&spec, OWN)?.map_or(timeouts, |all| [all; LEVELS]);
    }
    Ok(timeouts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{MS, SECOND};

    const QUEUE: QueueRules =
        QueueRules { max_queue: 0, timeouts: [100 * MS, 500 * MS, SECOND, 2 * SECOND, 5 * SECOND] };

    fn value(json: &str) -> Value {
        crate::config::value::parse(json).expect("JSON")
    }

    fn refuses<T: std::fmt::Debug>(parse: fn(&Value) -> Result<T>, cases: &[(&str, &str)]) {
        for (json, told) in cases {
            let error = parse(&value(json)).expect_err(json).to_string();
            assert!(error.contains(told), "{json}: {error}");
        }
    }

    #[test]
    fn a_bulkhead_needs_its_number_of_slots_and_no_more() {
        let rules = BulkheadRules { max_concurrent: 10, reserved: [0; LEVELS], queue: QUEUE };
        assert_eq!(bulkhead(&value(r#"{"max_concurrent": 10}"#)), Ok(rules));
        refuses(
            bulkhead,
            &[
                ("{}", "`bulkhead.max_concurrent` is missing; allowed: a whole number in 1..=1000000"),
                (r#"{"max_concurrent": 0}"#, "`bulkhead.max_concurrent` is 0"),
                (
                    r#"{"max_concurrent": 4, "reserved": {"high": 3, "low": 2}}"#,
                    "at most `max_concurrent` (4)",
                ),
                (r#"{"max_concurrent": 4096, "reserved": {"high": 1}}"#, "is at most 4095"),
                (r#"{"max_concurrent": 4, "reserved": {"urgent": 1}}"#, "`bulkhead.reserved.urgent` is 1"),
                (r#"{"max_concurrent": 4, "max_queue": 1000001}"#, "`bulkhead.max_queue` is 1000001"),
                (r#"{"max_concurrent": 4, "initial": 4}"#, "`bulkhead.initial` is 4; allowed: no such key"),
            ],
        );
    }

    #[test]
    fn nothing_is_reserved_by_a_table_of_nothing() {
        let rules = bulkhead(&value(r#"{"max_concurrent": 1000000, "reserved": {"critical": 0}}"#));
        assert_eq!(rules.map(|rules| rules.reserved), Ok([0; LEVELS]));
    }

    #[test]
    fn a_queue_timeout_is_one_for_all_or_by_level() {
        let timeouts = |json: &str| {
            bulkhead(&value(&format!(r#"{{"max_concurrent": 1, "queue_timeout": {json}}}"#)))
                .map(|rules| rules.queue.timeouts)
        };
        assert_eq!(timeouts(r#""2ms""#), Ok([2 * MS; LEVELS]));
        assert_eq!(timeouts("3"), Ok([3 * SECOND; LEVELS]));
        let mut some = QUEUE.timeouts;
        some[Priority::High as usize] = 7 * MS;
        assert_eq!(timeouts(r#"{"high": "7ms"}"#), Ok(some));
        assert_eq!(timeouts("{}"), Ok(QUEUE.timeouts));
        for (json, key) in [
            (r#""0ms""#, "queue_timeout"),
            ("true", "queue_timeout"),
            (r#"{"low": "2h"}"#, "queue_timeout.low"),
            (r#"{"low": "1s", "lower": "1s"}"#, "queue_timeout.lower"),
        ] {
            let error = timeouts(json).expect_err(json).to_string();
            assert!(error.contains(&format!("`bulkhead.{key}`")), "{error}");
        }
    }

    #[test]
    fn a_limit_takes_its_kinds_keys_and_no_others() {
        let aimd = LimitRules {
            kind: LimitKind::Aimd { backoff_bp: 9_000 },
            initial: 20,
            min: 1,
            max: 200,
            reserved_bp: [0; LEVELS],
            queue: QUEUE,
        };
        assert_eq!(concurrency_limit(&value("{}")), Ok(aimd.clone()));
        let kind =
            LimitKind::Gradient { tolerance_bp: 15_000, queue: 4, smoothing_bp: 2_000, long_window: 600 };
        let gradient = LimitRules { kind, min: 20, ..aimd };
        assert_eq!(concurrency_limit(&value(r#"{"kind": "gradient"}"#)), Ok(gradient));
        refuses(
            concurrency_limit,
            &[
                (r#"{"kind": "vegas"}"#, "one of aimd, gradient"),
                (r#"{"kind": "gradient", "backoff_ratio": 0.9}"#, "`concurrency_limit.backoff_ratio` is 0.9"),
                (r#"{"backoff_ratio": 1}"#, "[0.5, 1)"),
                (r#"{"reserved": {"high": 0.6, "low": 0.5}}"#, "together at most 1"),
                (r#"{"reserved": {"high": 2}}"#, "`concurrency_limit.reserved.high` is 2"),
            ],
        );
    }

    #[test]
    fn a_limits_range_holds_its_first_value() {
        let range = |json: &str| concurrency_limit(&value(json)).map(|r| (r.initial, r.min, r.max));
        assert_eq!(range(r#"{"kind": "gradient", "initial": 5}"#), Ok((5, 5, 200)));
        assert_eq!(range(r#"{"initial": 500, "max": 500, "min": 500}"#), Ok((500, 500, 500)));
        refuses(
            concurrency_limit,
            &[
                (
                    r#"{"initial": 201}"#,
                    "`concurrency_limit.initial` is 201; allowed: a whole number in 1..=200 (bound by `max`)",
                ),
                (
                    r#"{"min": 21}"#,
                    "`concurrency_limit.min` is 21; allowed: a whole number in 1..=20 (bound by `initial`)",
                ),
                (
                    r#"{"max": 19}"#,
                    "`concurrency_limit.max` is 19; allowed: a whole number in 20..=100000 (bound by `initial`)",
                ),
            ],
        );
    }
}
