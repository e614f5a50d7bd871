//! §2: a valid document becomes a plan, with defaults filled in and units converted.

use serde_json::Value;

/// A share of 1, in ten-thousandths.
pub const WHOLE: u64 = 10_000;

#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub failure_threshold: u64,
    pub window: Option<WindowPlan>,
    pub slow_call_duration: Option<u64>,
    pub sample_durations_every: u64,
    pub cancelled_after: Option<u64>,
    pub recovery_timeout: u64,
    pub backoff: BackoffPlan,
    pub half_open_max_calls: u64,
    pub half_open_concurrency: u64,
    pub success_threshold: u64,
    pub half_open_timeout: u64,
    pub ramp: Option<RampPlan>,
    pub mode: String,
    pub seed: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct WindowPlan {
    pub kind: WindowKind,
    pub min_calls: u64,
    pub failure_rate: u64,
    pub slow_call_rate: Option<u64>,
    pub adaptive: Option<AdaptivePlan>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum WindowKind {
    Count { size: u64 },
    Time { width: u64, buckets: u64 },
}

#[derive(Clone, Debug, PartialEq)]
pub struct AdaptivePlan {
    pub min_failures: u64,
    pub floor: u64,
    pub sensitivity: u64,
    pub baseline: u64,
    pub memory_calls: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BackoffPlan {
    pub kind: BackoffKind,
    pub reset_after: u64,
    pub jitter: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum BackoffKind {
    Fixed,
    Linear { max: u64 },
    Exponential { max: u64, multiplier: u64 },
    Fibonacci { max: u64 },
    DecorrelatedJitter { max: u64 },
}

#[derive(Clone, Debug, PartialEq)]
pub struct RampPlan {
    pub initial: u64,
    pub step: u64,
    pub window_calls: u64,
    pub max_failure_rate: u64,
    pub step_timeout: u64,
}

impl Plan {
    /// `seed` is what the breaker takes when the document has none.
    pub fn new(document: &Value, seed: u64) -> Plan {
        let slow_call_duration = optional(document, "slow_call_duration", duration);
        let cancelled_after = optional(document, "cancelled_after", duration).or(slow_call_duration);
        let every_duration_needed = slow_call_duration.is_some() || cancelled_after.is_some();
        let recovery_timeout = optional(document, "recovery_timeout", duration).unwrap_or(60 * SECOND);
        let probes = optional(document, "half_open_max_calls", integer).unwrap_or(3);
        Plan {
            failure_threshold: optional(document, "failure_threshold", integer).unwrap_or(5),
            window: document.get("window").map(WindowPlan::new),
            slow_call_duration,
            sample_durations_every: optional(document, "sample_durations_every", integer)
                .unwrap_or(if every_duration_needed { 1 } else { 16 }),
            cancelled_after,
            recovery_timeout,
            backoff: BackoffPlan::new(document.get("backoff").unwrap_or(&Value::Null), recovery_timeout),
            half_open_max_calls: probes,
            half_open_concurrency: optional(document, "half_open_concurrency", integer).unwrap_or(probes),
            success_threshold: optional(document, "success_threshold", integer).unwrap_or(probes),
            half_open_timeout: optional(document, "half_open_timeout", duration).unwrap_or(recovery_timeout),
            ramp: document.get("ramp").map(|ramp| RampPlan::new(ramp, recovery_timeout)),
            mode: document.get("mode").and_then(Value::as_str).unwrap_or("auto").to_owned(),
            seed: optional(document, "seed", integer).unwrap_or(seed),
        }
    }

    /// Whether counts made under `other` still mean the same under this plan (§11).
    pub fn has_detector_of(&self, other: &Plan) -> bool {
        self.failure_threshold == other.failure_threshold
            && self.window == other.window
            && self.slow_call_duration == other.slow_call_duration
    }

    pub fn slow_probes_fail(&self) -> bool {
        self.window.as_ref().is_some_and(|window| window.slow_call_rate.is_some())
    }
}

impl WindowPlan {
    fn new(window: &Value) -> WindowPlan {
        let name = window["kind"].as_str().expect("`kind` is required");
        let failure_rate = optional(window, "failure_rate", share).unwrap_or(5_000);
        let kind = if name == "count" {
            WindowKind::Count { size: optional(window, "size", integer).unwrap_or(100) }
        } else {
            let buckets = optional(window, "buckets", integer).unwrap_or(10);
            let period = optional(window, "period", duration).unwrap_or(60 * SECOND);
            WindowKind::Time { width: period / buckets, buckets }
        };
        let most_min_calls = match kind {
            WindowKind::Count { size } => size,
            WindowKind::Time { .. } => 1_000_000,
        };
        let adaptive = (name == "adaptive").then(|| AdaptivePlan {
            min_failures: optional(window, "min_failures", integer).unwrap_or(5),
            floor: optional(window, "floor", share).unwrap_or(failure_rate.min(500)),
            sensitivity: optional(window, "sensitivity", share).unwrap_or(3 * WHOLE),
            baseline: optional(window, "baseline", share).unwrap_or(failure_rate.min(100)),
            memory_calls: optional(window, "memory_calls", integer).unwrap_or(1_000),
        });
        WindowPlan {
            min_calls: optional(window, "min_calls", integer).unwrap_or(most_min_calls.min(20)),
            failure_rate,
            slow_call_rate: optional(window, "slow_call_rate", share),
            kind,
            adaptive,
        }
    }
}

impl BackoffPlan {
    fn new(backoff: &Value, recovery_timeout: u64) -> BackoffPlan {
        let max = optional(backoff, "max", duration).unwrap_or(10 * recovery_timeout);
        let kind = match backoff.get("kind").and_then(Value::as_str).unwrap_or("fixed") {
            "fixed" => BackoffKind::Fixed,
            "linear" => BackoffKind::Linear { max },
            "exponential" => BackoffKind::Exponential {
                max,
                multiplier: optional(backoff, "multiplier", share).unwrap_or(2 * WHOLE),
            },
            "fibonacci" => BackoffKind::Fibonacci { max },
            "decorrelated_jitter" => BackoffKind::DecorrelatedJitter { max },
            other => panic!("no backoff of kind {other}"),
        };
        BackoffPlan {
            kind,
            reset_after: optional(backoff, "reset_after", duration).unwrap_or(recovery_timeout),
            jitter: optional(backoff, "jitter", share).unwrap_or(0),
        }
    }
}

impl RampPlan {
    fn new(ramp: &Value, recovery_timeout: u64) -> RampPlan {
        RampPlan {
            initial: optional(ramp, "initial", share).unwrap_or(1_000),
            step: optional(ramp, "step", share).unwrap_or(1_000),
            window_calls: optional(ramp, "window_calls", integer).unwrap_or(10),
            max_failure_rate: optional(ramp, "max_failure_rate", share).unwrap_or(1_000),
            step_timeout: optional(ramp, "step_timeout", duration).unwrap_or(recovery_timeout),
        }
    }
}

const SECOND: u64 = 1_000_000_000;

pub fn optional<T>(table: &Value, key: &str, read: fn(&Value) -> T) -> Option<T> {
    table.get(key).map(read)
}

pub fn integer(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| value.as_f64().expect("a number") as u64)
}

/// Ten-thousandths, rounded to the nearest.
pub fn share(value: &Value) -> u64 {
    (value.as_f64().expect("a number") * WHOLE as f64).round() as u64
}

/// Nanoseconds: of a text with a unit, or of a number of seconds.
pub fn duration(value: &Value) -> u64 {
    let Some(text) = value.as_str() else {
        return (value.as_f64().expect("a text or a number") * SECOND as f64).round() as u64;
    };
    let end_of_number = text.find(|c: char| c.is_ascii_alphabetic()).expect("a unit");
    let (number, unit) = text.split_at(end_of_number);
    let nanoseconds_of_unit: u128 = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        other => panic!("no unit {other}"),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: u128 = format!("{whole}{fraction}").parse().expect("digits");
    let nanoseconds = digits * nanoseconds_of_unit / 10_u128.pow(fraction.len() as u32);
    u64::try_from(nanoseconds).expect("a duration that fits")
}
