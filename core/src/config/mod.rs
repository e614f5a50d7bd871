//! The configuration document: parsed, checked and defaulted here alone, into an immutable plan (semantics §2).

#[expect(dead_code, reason = "the gates come next")]
mod admission;
mod builder;
mod document;
mod keys;
mod plan;
mod schema;
mod table;
mod value;

pub use builder::{Backoff, Builder, Ramp, Window};
#[cfg(feature = "binding")]
pub(crate) use document::trip_length_text;
pub(crate) use document::{check_name, document, intern, trip_length};
pub(crate) use plan::Plan;
pub use schema::schema;
use table::{Limit, OWN, Table, show_bp, show_length};
pub(crate) use value::Value;

use crate::backoff::{self, Growth};
use crate::clock::Nanos;
use crate::detect::adaptive::Adaptive;
use crate::detect::time::Period;
use crate::detect::{Detector, Rates};
use crate::error::ConfigError;
use crate::machine::Rules;
use crate::recover::{ProbeRules, RampRules};
use crate::word::Mode;

type Result<T> = std::result::Result<T, ConfigError>;

/// Reads a JSON document.
pub(crate) fn parse(json: &str) -> Result<Value> {
    serde_json::from_str(json).map_err(|e| ConfigError::new("", e.to_string(), "a JSON object"))
}

/// Checks a document and fills in its defaults.
pub(crate) fn plan(document: &Value) -> Result<Plan> {
    let mut t = Table::new("", document)?;

    let threshold = t.integer(&keys::FAILURE_THRESHOLD, OWN)?;
    let detector = match t.get(keys::WINDOW)? {
        Some(window) if threshold.is_some() => {
            return Err(t.error(keys::WINDOW, window, "absent beside `failure_threshold`"));
        }
        Some(window) => self::window(window, t.has(keys::SLOW_CALL_DURATION.key))?,
        None => {
            Detector::Consecutive { threshold: threshold.unwrap_or(keys::FAILURE_THRESHOLD.default) as u32 }
        }
    };
    let slow_call_duration = t.length(&keys::SLOW_CALL_DURATION, OWN)?;
    let sample_durations_every = sampling(&mut t, slow_call_duration.is_some())?;
    let cancelled_after = t.length(&keys::CANCELLED_AFTER, OWN)?.or(slow_call_duration);

    let recovery_timeout =
        t.length(&keys::RECOVERY_TIMEOUT, OWN)?.unwrap_or(match keys::RECOVERY_TIMEOUT.default {
            keys::Default::Is(d) => d,
            _ => 0,
        });
    let nothing = Value::table();
    let backoff = backoff(t.get(keys::BACKOFF)?.unwrap_or(&nothing), recovery_timeout)?;

    let calls = |n: Option<u64>, default: u64| n.unwrap_or(default) as u32;
    let max_calls = calls(t.integer(&keys::HALF_OPEN_MAX_CALLS, OWN)?, keys::HALF_OPEN_MAX_CALLS.default);
    let at_most_all = Limit::by(keys::HALF_OPEN_MAX_CALLS.key, max_calls.into());
    let probes = ProbeRules {
        max_calls,
        concurrency: calls(t.integer(&keys::HALF_OPEN_CONCURRENCY, at_most_all)?, max_calls.into()),
        success_threshold: calls(t.integer(&keys::SUCCESS_THRESHOLD, at_most_all)?, max_calls.into()),
        lease: t.length(&keys::HALF_OPEN_TIMEOUT, OWN)?.unwrap_or(recovery_timeout),
    };
    let ramp = t.get(keys::RAMP)?.map(|ramp| self::ramp(ramp, recovery_timeout)).transpose()?;
    let mode = t.choice(keys::MODE, &Mode::ALL.map(Mode::name))?.and_then(Mode::parse);
    let seed = t.integer(&keys::SEED, OWN)?;
    t.finish()?;

    let slow_fails = detector.rates().is_some_and(|r| r.slow_bp.is_some());
    Ok(Plan {
        detector,
        slow_call_duration,
        sample_durations_every,
        cancelled_after,
        rules: Rules { recovery_timeout, backoff, probes, ramp, slow_fails, seed: seed.unwrap_or(0) },
        mode: mode.unwrap_or_default(),
        seed,
        writes_mode: mode.is_some(),
    })
}

/// `sample_durations_every`, which two other keys make 1. Of two keys that do not fit, the later one is named.
fn sampling(t: &mut Table<'_>, judges_slowness: bool) -> Result<u32> {
    let spec = &keys::SAMPLE_DURATIONS_EVERY;
    let written = t.integer(spec, OWN)?;
    let needs_all = judges_slowness || t.has(keys::CANCELLED_AFTER.key);
    match written {
        Some(n) if n != 1 && judges_slowness => Err(t.error(spec.key, n, "1 beside `slow_call_duration`")),
        Some(n) if n != 1 && needs_all => match t.get(keys::CANCELLED_AFTER.key)? {
            Some(value) => {
                let allowed = format!("absent, unless `{}` is 1 (it is {n})", spec.key);
                Err(t.error(keys::CANCELLED_AFTER.key, value, allowed))
            }
            None => Ok(n as u32),
        },
        Some(n) => Ok(n as u32),
        None => Ok(if needs_all { 1 } else { spec.default as u32 }),
    }
}

fn window(value: &Value, has_slow_duration: bool) -> Result<Detector> {
    let mut t = Table::new(keys::WINDOW, value)?;
    let Some(kind) = t.choice(keys::KIND, &keys::WINDOW_KINDS)? else {
        return Err(t.error(keys::KIND, "missing", format!("one of {}", keys::WINDOW_KINDS.join(", "))));
    };
    let detector = if kind == "count" {
        let size = t.integer(&keys::SIZE, OWN)?.unwrap_or(keys::SIZE.default);
        let rates = rates(&mut t, Limit::by(keys::SIZE.key, size), has_slow_duration)?;
        Detector::Count { size: size as u32, rates }
    } else {
        let window = period(&mut t)?;
        let rates = rates(&mut t, OWN, has_slow_duration)?;
        let adaptive = if kind == "adaptive" { Some(adaptive(&mut t, &rates)?) } else { None };
        Detector::Time { window, rates, adaptive }
    };
    t.finish()?;
    Ok(detector)
}

fn period(t: &mut Table<'_>) -> Result<Period> {
    let default = match keys::PERIOD.default {
        keys::Default::Is(d) => d,
        _ => 0,
    };
    let period = t.length(&keys::PERIOD, OWN)?.unwrap_or(default);
    let written = t.integer(&keys::BUCKETS, OWN)?;
    let buckets = written.unwrap_or(keys::BUCKETS.default);
    if period % buckets != 0 {
        let (key, value) = match written {
            Some(n) => (keys::BUCKETS.key, n.to_string()),
            None => (keys::PERIOD.key, show_length(period)),
        };
        return Err(t.error(
            key,
            value,
            format!("`buckets` ({buckets}) must divide `period` ({period}ns) into whole ns"),
        ));
    }
    Ok(Period { width: period / buckets, buckets: buckets as u32 })
}

fn rates(t: &mut Table<'_>, limit: Limit, has_slow_duration: bool) -> Result<Rates> {
    let min_calls = t.integer(&keys::MIN_CALLS, limit)?.unwrap_or(keys::MIN_CALLS.default.min(limit.bound));
    let failure_bp = share(t, &keys::FAILURE_RATE, OWN)?;
    let slow_bp = t.share(&keys::SLOW_CALL_RATE, OWN)?;
    if let (Some(bp), false) = (slow_bp, has_slow_duration) {
        return Err(t.error(
            keys::SLOW_CALL_RATE.key,
            show_bp(bp),
            "absent, unless `slow_call_duration` is set",
        ));
    }
    Ok(Rates { min_calls, failure_bp, slow_bp })
}

fn adaptive(t: &mut Table<'_>, rates: &Rates) -> Result<Adaptive> {
    let at_most_rate = Limit::by(keys::FAILURE_RATE.key, rates.failure_bp);
    Ok(Adaptive {
        min_failures: t.integer(&keys::MIN_FAILURES, OWN)?.unwrap_or(keys::MIN_FAILURES.default),
        floor_bp: share(t, &keys::FLOOR, at_most_rate)?,
        sensitivity_bp: share(t, &keys::SENSITIVITY, OWN)?,
        baseline_bp: share(t, &keys::BASELINE, at_most_rate)?,
        memory_calls: t.integer(&keys::MEMORY_CALLS, OWN)?.unwrap_or(keys::MEMORY_CALLS.default),
    })
}

/// A share, or its default, which another key's value may lower.
fn share(t: &mut Table<'_>, spec: &keys::Share, limit: Limit) -> Result<u64> {
    Ok(t.share(spec, limit)?.unwrap_or(spec.default.unwrap_or(0).min(limit.bound)))
}

fn backoff(value: &Value, recovery_timeout: Nanos) -> Result<backoff::Backoff> {
    let mut t = Table::new(keys::BACKOFF, value)?;
    let kind = t.choice(keys::KIND, &keys::BACKOFF_KINDS)?.unwrap_or("fixed");
    let max = match kind {
        "fixed" => recovery_timeout,
        _ => t
            .length(&keys::BACKOFF_MAX, Limit::by(keys::RECOVERY_TIMEOUT.key, recovery_timeout))?
            .unwrap_or(10 * recovery_timeout),
    };
    let growth = match kind {
        "linear" => Growth::Linear,
        "exponential" => Growth::Exponential { multiplier_bp: share(&mut t, &keys::MULTIPLIER, OWN)? },
        "fibonacci" => Growth::Fibonacci,
        "decorrelated_jitter" => Growth::DecorrelatedJitter,
        _ => Growth::Fixed,
    };
    let reset_after = t.length(&keys::RESET_AFTER, OWN)?.unwrap_or(recovery_timeout);
    let jitter_bp = share(&mut t, &keys::JITTER, OWN)?;
    t.finish()?;
    Ok(backoff::Backoff { growth, max, jitter_bp, reset_after })
}

fn ramp(value: &Value, recovery_timeout: Nanos) -> Result<RampRules> {
    let mut t = Table::new(keys::RAMP, value)?;
    let rules = RampRules {
        initial_bp: share(&mut t, &keys::RAMP_INITIAL, OWN)?,
        step_bp: share(&mut t, &keys::RAMP_STEP, OWN)?,
        window_calls: t.integer(&keys::RAMP_WINDOW_CALLS, OWN)?.unwrap_or(keys::RAMP_WINDOW_CALLS.default)
            as u32,
        max_failure_bp: share(&mut t, &keys::RAMP_MAX_FAILURE_RATE, OWN)?,
        step_timeout: t.length(&keys::RAMP_STEP_TIMEOUT, OWN)?.unwrap_or(recovery_timeout),
    };
    t.finish()?;
    Ok(rules)
}
