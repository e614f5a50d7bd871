//! A plan as a document with every default filled in, and the one copy of it that all breakers share.

use super::keys::{self, SECOND};
use super::table::show_length;
use super::write::{length, share, text, whole};
use super::{Plan, Value, admission, policy};
use crate::backoff::Growth;
use crate::clock::Nanos;
use crate::detect::Detector;
use crate::error::{ConfigError, Error};
use crate::sync::UnmodelledMutex;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

/// The document of a plan: all keys, in the order of the tables.
pub(crate) fn document(plan: &Plan) -> String {
    let mut t = Value::table();
    match &plan.detector {
        Detector::Consecutive { threshold } => t.set(keys::FAILURE_THRESHOLD.key, whole(*threshold)),
        windowed => t.set(keys::WINDOW, window(windowed)),
    }
    if let Some(d) = plan.slow_call_duration {
        t.set(keys::SLOW_CALL_DURATION.key, length(d));
    }
    t.set(keys::SAMPLE_DURATIONS_EVERY.key, whole(plan.sample_durations_every));
    if let Some(d) = plan.cancelled_after {
        t.set(keys::CANCELLED_AFTER.key, length(d));
    }
    let rules = &plan.rules;
    t.set(keys::RECOVERY_TIMEOUT.key, length(rules.recovery_timeout));
    t.set(keys::BACKOFF, backoff(plan));
    t.set(keys::HALF_OPEN_MAX_CALLS.key, whole(rules.probes.max_calls));
    t.set(keys::HALF_OPEN_CONCURRENCY.key, whole(rules.probes.concurrency));
    t.set(keys::SUCCESS_THRESHOLD.key, whole(rules.probes.success_threshold));
    t.set(keys::HALF_OPEN_TIMEOUT.key, length(rules.probes.lease));
    if let Some(r) = &rules.ramp {
        let mut ramp = Value::table();
        ramp.set(keys::RAMP_INITIAL.key, share(r.initial_bp));
        ramp.set(keys::RAMP_STEP.key, share(r.step_bp));
        ramp.set(keys::RAMP_WINDOW_CALLS.key, whole(r.window_calls));
        ramp.set(keys::RAMP_MAX_FAILURE_RATE.key, share(r.max_failure_bp));
        ramp.set(keys::RAMP_STEP_TIMEOUT.key, length(r.step_timeout));
        t.set(keys::RAMP, ramp);
    }
    t.set(keys::MODE, text(plan.mode.name()));
    if let Some(seed) = plan.seed {
        t.set(keys::SEED.key, whole(seed));
    }
    if let Some(admission) = &plan.admission {
        admission::document::set(&mut t, admission);
    }
    if let Some(policies) = &plan.policies {
        policy::document::set(&mut t, policies);
    }
    t.to_string()
}

fn window(detector: &Detector) -> Value {
    let mut t = Value::table();
    let rates = match detector {
        Detector::Consecutive { .. } => return t,
        Detector::Count { size, rates } => {
            t.set(keys::KIND, text("count"));
            t.set(keys::SIZE.key, whole(*size));
            rates
        }
        Detector::Time { window, rates, adaptive } => {
            t.set(keys::KIND, text(if adaptive.is_some() { "adaptive" } else { "time" }));
            t.set(keys::PERIOD.key, length(window.width * u64::from(window.buckets)));
            t.set(keys::BUCKETS.key, whole(window.buckets));
            rates
        }
    };
    t.set(keys::MIN_CALLS.key, whole(rates.min_calls));
    t.set(keys::FAILURE_RATE.key, share(rates.failure_bp));
    if let Some(bp) = rates.slow_bp {
        t.set(keys::SLOW_CALL_RATE.key, share(bp));
    }
    if let Detector::Time { adaptive: Some(a), .. } = detector {
        t.set(keys::MIN_FAILURES.key, whole(a.min_failures));
        t.set(keys::FLOOR.key, share(a.floor_bp));
        t.set(keys::SENSITIVITY.key, share(a.sensitivity_bp));
        t.set(keys::BASELINE.key, share(a.baseline_bp));
        t.set(keys::MEMORY_CALLS.key, whole(a.memory_calls));
    }
    t
}

fn backoff(plan: &Plan) -> Value {
    let b = &plan.rules.backoff;
    let kind = match b.growth {
        Growth::Fixed => "fixed",
        Growth::Linear => "linear",
        Growth::Exponential { .. } => "exponential",
        Growth::Fibonacci => "fibonacci",
        Growth::DecorrelatedJitter => "decorrelated_jitter",
    };
    let mut t = Value::table();
    t.set(keys::KIND, text(kind));
    if b.growth != Growth::Fixed {
        t.set(keys::BACKOFF_MAX.key, length(b.max));
    }
    if let Growth::Exponential { multiplier_bp } = b.growth {
        t.set(keys::MULTIPLIER.key, share(multiplier_bp));
    }
    t.set(keys::RESET_AFTER.key, length(b.reset_after));
    t.set(keys::JITTER.key, share(b.jitter_bp));
    t
}

/// One copy of each plan for all breakers that have it.
pub(crate) fn intern(plan: Plan) -> Arc<Plan> {
    static PLANS: UnmodelledMutex<BTreeMap<String, Weak<Plan>>> = UnmodelledMutex::new(BTreeMap::new());
    let key = format!("{}{}", document(&plan), plan.writes_mode);
    let mut plans = PLANS.lock();
    if let Some(found) = plans.get(&key).and_then(Weak::upgrade) {
        return found;
    }
    if plans.len().is_power_of_two() {
        plans.retain(|_, plan| plan.strong_count() > 0);
    }
    let plan = Arc::new(plan);
    plans.insert(key, Arc::downgrade(&plan));
    plan
}

/// A breaker's name, if it is allowed.
pub(crate) fn check_name(name: &str) -> Result<&str, Error> {
    if crate::name::is_allowed(name) {
        Ok(name)
    } else {
        Err(Error::Name { name: crate::name::cut(name, 255).to_owned() })
    }
}

/// The duration of `trip`, if it is allowed.
pub(crate) fn trip_length(d: std::time::Duration) -> Result<Nanos, ConfigError> {
    let ns = crate::clock::nanos(d);
    in_trip_range(Some(ns)).ok_or_else(|| wrong_trip_length(format!("{}s", ns as f64 / SECOND as f64)))
}

/// The same, from text.
#[cfg(feature = "binding")]
pub(crate) fn trip_length_text(text: &str) -> Result<Nanos, ConfigError> {
    in_trip_range(super::table::parse_length_text(text)).ok_or_else(|| wrong_trip_length(text.to_owned()))
}

const TRIP_LENGTH: std::ops::RangeInclusive<Nanos> = keys::MS..=168 * keys::HOUR;

fn in_trip_range(ns: Option<Nanos>) -> Option<Nanos> {
    ns.filter(|ns| TRIP_LENGTH.contains(ns))
}

fn wrong_trip_length(value: String) -> ConfigError {
    let (min, max) = (show_length(*TRIP_LENGTH.start()), show_length(*TRIP_LENGTH.end()));
    ConfigError::new("duration", value, format!("a duration in {min}..={max}"))
}
