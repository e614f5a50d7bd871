//! The configuration document: parsed, checked and defaulted here alone, into an immutable plan (semantics §2).

mod admission;
mod builder;
mod document;
mod keys;
mod plan;
mod policy;
mod property;
mod sampling;
mod schema;
mod table;
mod value;
mod write;

pub use admission::builder::{AdaptiveRate, Bulkhead, ConcurrencyLimit, PriorityPolicy, RateLimit};
pub(crate) use admission::check_slots;
#[cfg(feature = "binding")]
pub(crate) use admission::slot_table;
pub use builder::{Backoff, Builder, Ramp, Window};
#[cfg(feature = "binding")]
pub(crate) use document::trip_length_text;
pub(crate) use document::{check_name, document, intern, trip_length};
pub(crate) use plan::Plan;
pub use policy::beside::{Cache, Feature, Hedge};
pub use policy::builder::{Fallback, Retry, RetryBackoff, RetryBudget, Timeout};
pub(crate) use policy::check_rungs;
use sampling::Sampling;
pub use schema::schema;
use table::{Limit, OWN, Table, show_bp, show_length};
pub(crate) use value::{Value, parse};

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
    let mut sampling = Sampling::new(&mut t, slow_call_duration.is_some())?;
    let cancelled_after = t.length(&keys::CANCELLED_AFTER, OWN)?.or(slow_call_duration);

    let recovery_timeout =
        t.length(&keys::RECOVERY_TIMEOUT, OWN)?.unwrap_or(keys::RECOVERY_TIMEOUT.default.length());
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
    let admission = admission::admission(&mut t)?;
    if admission.as_ref().is_some_and(|admission| admission.needs_every_duration()) {
        let key = admission::keys::CONCURRENCY_LIMIT;
        if let Some(limit) = t.get(key)? {
            sampling.needs_all(&t, key, limit, "of kind aimd")?;
        }
    }
    let policies = policy::policies(&mut t, &mut sampling)?;
    t.finish()?;

    let slow_fails = detector.rates().is_some_and(|r| r.slow_bp.is_some());
    Ok(Plan {
        detector,
        slow_call_duration,
        sample_durations_every: sampling.every,
        cancelled_after,
        rules: Rules { recovery_timeout, backoff, probes, ramp, slow_fails, seed: seed.unwrap_or(0) },
        mode: mode.unwrap_or_default(),
        seed,
        writes_mode: mode.is_some(),
        admission,
        policies,
    })
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
    let period = t.length(&keys::PERIOD, OWN)?.unwrap_or(keys::PERIOD.default.length());
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
    let failure_bp = t.share_or_default(&keys::FAILURE_RATE, OWN)?;
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
        floor_bp: t.share_or_default(&keys::FLOOR, at_most_rate)?,
        sensitivity_bp: t.share_or_default(&keys::SENSITIVITY, OWN)?,
        baseline_bp: t.share_or_default(&keys::BASELINE, at_most_rate)?,
        memory_calls: t.integer(&keys::MEMORY_CALLS, OWN)?.unwrap_or(keys::MEMORY_CALLS.default),
    })
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
        "exponential" => Growth::Exponential { multiplier_bp: t.share_or_default(&keys::MULTIPLIER, OWN)? },
        "fibonacci" => Growth::Fibonacci,
        "decorrelated_jitter" => Growth::DecorrelatedJitter,
        _ => Growth::Fixed,
    };
    let reset_after = t.length(&keys::RESET_AFTER, OWN)?.unwrap_or(recovery_timeout);
    let jitter_bp = t.share_or_default(&keys::JITTER, OWN)?;
    t.finish()?;
    Ok(backoff::Backoff { growth, max, jitter_bp, reset_after })
}

fn ramp(value: &Value, recovery_timeout: Nanos) -> Result<RampRules> {
    let mut t = Table::new(keys::RAMP, value)?;
    let rules = RampRules {
        initial_bp: t.share_or_default(&keys::RAMP_INITIAL, OWN)?,
        step_bp: t.share_or_default(&keys::RAMP_STEP, OWN)?,
        window_calls: t.integer(&keys::RAMP_WINDOW_CALLS, OWN)?.unwrap_or(keys::RAMP_WINDOW_CALLS.default)
            as u32,
        max_failure_bp: t.share_or_default(&keys::RAMP_MAX_FAILURE_RATE, OWN)?,
        step_timeout: t.length(&keys::RAMP_STEP_TIMEOUT, OWN)?.unwrap_or(recovery_timeout),
    };
    t.finish()?;
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admit::priority::Priority::{Critical, High};
    use std::time::Duration;

    fn read(json: &str) -> Result<Plan> {
        parse(json).and_then(|document| plan(&document))
    }

    fn refuses(json: &str, told: &str) {
        let error = read(json).expect_err(json).to_string();
        assert!(error.contains(told), "{json}: {error}");
    }

    #[test]
    fn a_document_without_gates_has_no_admission_and_an_empty_table_is_a_gate() {
        assert_eq!(read("{}").map(|plan| plan.admission), Ok(None));
        for (json, key) in [
            (r#"{"rate_limit": {}}"#, "rate_limit"),
            (r#"{"priority": {}}"#, "priority"),
            (r#"{"concurrency_limit": {}}"#, "concurrency_limit"),
        ] {
            let plan = read(json).expect(json);
            let full = parse(&document(&plan)).expect("JSON");
            assert!(plan.admission.is_some() && full.find(key).is_some(), "{full}");
        }
    }

    #[test]
    fn a_full_document_of_gates_gives_the_same_plan() {
        for json in [
            r#"{"rate_limit": {"reserve": {"high": 3}, "adaptive": {"max": 1e6}}, "priority": {"open_bypass": 100}}"#,
            r#"{"rate_limit": {"algorithm": "leaky_bucket", "rate": 0.3, "adaptive": {}}, "bulkhead": {"max_concurrent": 9}}"#,
            r#"{"rate_limit": {"algorithm": "fixed_window"}, "priority": {"half_open_min": "high"}}"#,
            r#"{"rate_limit": {"algorithm": "sliding_window", "window": "1.5s"}, "concurrency_limit": {"reserved": {"low": 0.25}}}"#,
            r#"{"bulkhead": {"max_concurrent": 9, "reserved": {"bulk": 9}, "queue_timeout": "3s", "max_queue": 7}}"#,
            r#"{"concurrency_limit": {"kind": "gradient", "initial": 3, "queue_timeout": {"low": "1ms"}}}"#,
        ] {
            let plan = read(json).expect(json);
            let full = document(&plan);
            assert_eq!(read(&full).as_ref(), Ok(&plan), "{full}");
            assert_ne!(read("{}").as_ref(), Ok(&plan));
        }
    }

    #[test]
    fn the_gates_come_after_seed_in_their_order_and_before_unknown_keys() {
        let gates = [
            r#""seed": -1"#,
            r#""rate_limit": {"rate": 0}"#,
            r#""priority": {"min": "none"}"#,
            r#""bulkhead": {}"#,
            r#""concurrency_limit": 5"#,
            r#""aaa": 1"#,
        ];
        let keys = [
            "seed",
            "rate_limit.rate",
            "priority.min",
            "bulkhead.max_concurrent",
            "concurrency_limit",
            "aaa",
        ];
        for (first, key) in keys.into_iter().enumerate() {
            let later_first: Vec<_> = gates[first..].iter().rev().copied().collect();
            refuses(&format!("{{{}}}", later_first.join(", ")), &format!("`{key}` is"));
        }
    }

    #[test]
    fn a_bulkhead_and_a_concurrency_limit_do_not_fit_together() {
        refuses(
            r#"{"concurrency_limit": {"kind": "none"}, "bulkhead": {"max_concurrent": 3}}"#,
            "`concurrency_limit` is {\"kind\":\"none\"}; allowed: absent beside `bulkhead`",
        );
    }

    #[test]
    fn a_gradient_times_every_call() {
        let every = |json: &str| read(json).map(|plan| plan.sample_durations_every);
        assert_eq!(every(r#"{"concurrency_limit": {}}"#), Ok(16));
        assert_eq!(every(r#"{"concurrency_limit": {"kind": "aimd"}, "sample_durations_every": 7}"#), Ok(7));
        assert_eq!(every(r#"{"concurrency_limit": {"kind": "gradient"}}"#), Ok(1));
        assert_eq!(
            every(r#"{"concurrency_limit": {"kind": "gradient"}, "sample_durations_every": 1}"#),
            Ok(1)
        );
        refuses(
            r#"{"concurrency_limit": {"kind": "gradient"}, "sample_durations_every": 0}"#,
            "`concurrency_limit` is {\"kind\":\"gradient\"}; allowed: of kind aimd, \
             unless `sample_durations_every` is 1 (it is 0)",
        );
    }

    #[test]
    fn a_document_without_policies_has_none_and_an_empty_table_is_a_policy() {
        assert_eq!(read("{}").map(|plan| plan.policies), Ok(None));
        for key in ["timeout", "retry", "cache", "hedge", "features"] {
            let plan = read(&format!(r#"{{"{key}": {{}}}}"#)).expect(key);
            let full = parse(&document(&plan)).expect("JSON");
            assert!(plan.policies.is_some() && full.find(key).is_some(), "{full}");
        }
    }

    #[test]
    fn a_full_document_of_policies_gives_the_same_plan() {
        for json in [
            r#"{"timeout": "1.5s", "retry": {}, "cache": {}, "hedge": {}, "features": {"a": {}}, "fallback": ["x"]}"#,
            r#"{"timeout": {}, "retry": {"budget": false, "rejected": true, "on": [], "per_method": {"LOCK": 2}}}"#,
            r#"{"timeout": {"kind": "adaptive", "factor": 1.25}, "retry": {"backoff": {"kind": "fixed"}}}"#,
            r#"{"timeout": {"kind": "hybrid"}, "retry": {"budget": {"min_per_second": 0.3}, "on": ["unknown"]}}"#,
            r#"{"retry": {"backoff": {"kind": "linear", "max": "168h"}}, "hedge": {"after": "p95", "max": 2}}"#,
            r#"{"retry": {"backoff": {"kind": "adaptive", "jitter": 0}}, "hedge": {"after": "1000us"}}"#,
            r#"{"fallback": ["breaker:\"west\"", "cache", "none"], "cache": {"mode": "read_through", "stale_ttl": 0}}"#,
            r#"{"features": {"b": {"requires": ["a"], "required": true}, "a": {"min_health": 0.6666}}}"#,
        ] {
            let plan = read(json).expect(json);
            let full = document(&plan);
            assert_eq!(read(&full).as_ref(), Ok(&plan), "{full}");
            assert_ne!(read("{}").as_ref(), Ok(&plan));
        }
    }

    #[test]
    fn the_policies_come_after_the_gates_in_their_order_and_before_unknown_keys() {
        let wrong = [
            r#""concurrency_limit": 5"#,
            r#""timeout": 0"#,
            r#""retry": {"max_attempts": 0}"#,
            r#""fallback": []"#,
            r#""cache": {"ttl": 0}"#,
            r#""hedge": {"max": 0}"#,
            r#""features": {"a": {"priority": -1}}"#,
            r#""aaa": 1"#,
        ];
        let keys = [
            "concurrency_limit",
            "timeout",
            "retry.max_attempts",
            "fallback",
            "cache.ttl",
            "hedge.max",
            "features.a.priority",
            "aaa",
        ];
        for (first, key) in keys.into_iter().enumerate() {
            let later_first: Vec<_> = wrong[first..].iter().rev().copied().collect();
            refuses(&format!("{{{}}}", later_first.join(", ")), &format!("`{key}` is"));
        }
    }

    #[test]
    fn policies_that_learn_from_durations_time_every_call() {
        let every = |json: &str| read(json).map(|plan| plan.sample_durations_every);
        assert_eq!(every(r#"{"timeout": "1s", "hedge": {}, "retry": {}}"#), Ok(16));
        assert_eq!(every(r#"{"timeout": {}}"#), Ok(1));
        assert_eq!(every(r#"{"hedge": {"after": "p95"}, "sample_durations_every": 1}"#), Ok(1));
        for (json, told) in [
            (
                r#"{"sample_durations_every": 2, "timeout": {}}"#,
                "`timeout` is {}; allowed: a duration, unless `sample_durations_every` is 1 (it is 2)",
            ),
            (
                r#"{"sample_durations_every": 0, "hedge": {"after": "p95"}}"#,
                "`hedge` is {\"after\":\"p95\"}; allowed: with a duration as `after`, \
                 unless `sample_durations_every` is 1 (it is 0)",
            ),
            (r#"{"sample_durations_every": 2, "timeout": {}, "retry": 5}"#, "`timeout` is"),
            (
                r#"{"sample_durations_every": 2, "timeout": {}, "concurrency_limit": {"kind": "gradient"}}"#,
                "`conc",
            ),
        ] {
            refuses(json, told);
        }
    }

    #[test]
    fn a_hedge_has_a_budget_and_methods_without_retry() {
        let hedging = |json: &str| {
            let policies = read(json).expect(json).policies.expect(json);
            policies.retry.or(policies.default_retry).map(|retry| (retry.budget, retry.per_method.len()))
        };
        let default = hedging(r#"{"retry": {}}"#);
        assert!(default.is_some_and(|(budget, methods)| budget.is_some() && methods == 5));
        assert_eq!(hedging(r#"{"hedge": {}}"#), default);
        assert_eq!(hedging(r#"{"hedge": {}, "retry": {"budget": false}}"#), Some((None, 5)));
        assert_eq!(hedging(r#"{"timeout": 1}"#), None);
    }

    #[cfg(feature = "binding")]
    #[test]
    fn a_document_over_another_changes_single_keys_of_a_gate() {
        let mut document = parse(
            r#"{"rate_limit": {"rate": 9, "reserve": {"high": 3}},
                "bulkhead": {"max_concurrent": 4, "queue_timeout": {"low": "1s"}}}"#,
        )
        .expect("JSON");
        let over =
            r#"{"rate_limit": {"reserve": {"low": 1}}, "bulkhead": {"queue_timeout": {"high": "3s"}}}"#;
        document.set_all(&parse(over).expect("JSON"));
        let both = r#"{"rate_limit": {"rate": 9, "reserve": {"high": 3, "low": 1}},
                       "bulkhead": {"max_concurrent": 4, "queue_timeout": {"low": "1s", "high": "3s"}}}"#;
        assert_eq!(plan(&document), read(both));
    }

    #[test]
    fn the_builder_writes_what_the_parser_reads() {
        let (second, builder) = (Duration::from_secs(1), Builder::default);
        let adaptive = AdaptiveRate::new().min(5.0).max(500.0).scale(2.0).cooldown(second);
        let adaptive = adaptive.lower_above(0.2).raise_below(0.05);
        let token =
            RateLimit::token_bucket(50.0).burst(20).reserve(Critical, 3).reserve(High, 2).adaptive(adaptive);
        let priority = PriorityPolicy::new().min(High).half_open_min(High).open_bypass(Critical);
        let bulkhead = Bulkhead::new(10).reserve(Critical, 2).max_queue(5).queue_timeout(second);
        let aimd = ConcurrencyLimit::aimd().initial(9).min(3).max(90).backoff_ratio(0.5).reserve(High, 0.5);
        let aimd = aimd.max_queue(4).queue_timeout(second).queue_timeout_of(High, second);
        let gradient = ConcurrencyLimit::gradient().tolerance(2.0).queue(9).smoothing(0.5).long_window(60);
        for (builder, json) in [
            (
                builder().rate_limit(token).priority(priority).bulkhead(bulkhead),
                r#"{"rate_limit": {"rate": 50, "burst": 20, "reserve": {"critical": 3, "high": 2}, "adaptive": {"min": 5,
                    "max": 500, "scale": 2, "cooldown": 1, "lower_above": 0.2, "raise_below": 0.05}},
                    "priority": {"min": "high", "half_open_min": "high", "open_bypass": "critical"},
                    "bulkhead": {"max_concurrent": 10, "reserved": {"critical": 2}, "max_queue": 5, "queue_timeout": 1}}"#,
            ),
            (
                builder().rate_limit(RateLimit::leaky_bucket(3.0).max_wait(second)).concurrency_limit(aimd),
                r#"{"rate_limit": {"algorithm": "leaky_bucket", "rate": 3}, "concurrency_limit": {"initial": 9, "min": 3,
                    "max": 90, "backoff_ratio": 0.5, "reserved": {"high": 0.5}, "max_queue": 4,
                    "queue_timeout": {"high": 1}}}"#,
            ),
            (
                builder().rate_limit(RateLimit::fixed_window(7, second)).concurrency_limit(gradient),
                r#"{"rate_limit": {"algorithm": "fixed_window", "limit": 7}, "concurrency_limit": {"kind": "gradient",
                    "tolerance": 2, "queue": 9, "smoothing": 0.5, "long_window": 60}}"#,
            ),
            (
                builder().rate_limit(RateLimit::sliding_window(7, 2 * second)),
                r#"{"rate_limit": {"algorithm": "sliding_window", "limit": 7, "window": "2s"}}"#,
            ),
        ] {
            assert_eq!(builder.plan(), read(json), "{}", builder.to_json());
        }
    }
}
