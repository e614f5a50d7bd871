//! Random documents, all of them valid.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A few lengths that meet each other: deadlines fall together, and one passes while another does not.
pub fn length() -> impl Strategy<Value = Value> {
    prop_oneof![Just("1ms"), Just("10ms"), Just("0.25s"), Just("1s"), Just("2500ms"), Just("1m")]
        .prop_map(Value::from)
}

pub fn share_of(bp: u64) -> Value {
    json!(bp as f64 / 10_000.0)
}

fn rate() -> impl Strategy<Value = u64> {
    prop_oneof![Just(2_500u64), Just(3_334), Just(5_000), Just(6_667), Just(10_000), 1u64..=10_000]
}

pub type Key = Option<(&'static str, Value)>;

/// A key that is left out now and then.
pub fn key(name: &'static str, value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Key> {
    proptest::option::of(value).prop_map(move |value| value.map(|value| (name, value))).boxed()
}

pub fn written(name: &'static str, value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Key> {
    value.prop_map(move |value| Some((name, value))).boxed()
}

pub fn number(range: impl Strategy<Value = u64>) -> impl Strategy<Value = Value> {
    range.prop_map(|n| json!(n))
}

pub fn table(keys: impl IntoIterator<Item = Key>) -> Map<String, Value> {
    keys.into_iter().flatten().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The keys that decide whether counts are kept over a reconfigure.
pub fn detector() -> impl Strategy<Value = Map<String, Value>> {
    let consecutive = key("failure_threshold", number(1..=4u64));
    let window = (window(), any::<bool>(), rate()).prop_map(|(mut window, judges_slow, slow_rate)| {
        if judges_slow {
            window.insert("slow_call_rate".into(), share_of(slow_rate));
        }
        Some(("window", Value::Object(window)))
    });
    let detector = prop_oneof![1 => consecutive, 3 => window];
    (detector, key("slow_call_duration", length()), length()).prop_map(|(detector, slow, fallback)| {
        let needs_slow = detector.as_ref().is_some_and(|(_, v)| v.get("slow_call_rate").is_some());
        let slow = slow.or(needs_slow.then_some(("slow_call_duration", fallback)));
        table([detector, slow])
    })
}

fn window() -> impl Strategy<Value = Map<String, Value>> {
    let count = (1u64..=40, any::<u64>(), any::<bool>()).prop_map(|(size, min_calls, writes_min_calls)| {
        let min_calls = json!(1 + min_calls % size.min(8));
        table([
            Some(("kind", json!("count"))),
            Some(("size", json!(size))),
            writes_min_calls.then_some(("min_calls", min_calls)),
        ])
    });
    (prop_oneof![count, timed("time"), timed("adaptive")], rate(), vec(any::<u64>(), 5), any::<bool>())
        .prop_map(|(mut window, rate, draws, writes)| {
            window.insert("failure_rate".into(), share_of(rate));
            if window["kind"] == "adaptive" {
                window.insert("min_failures".into(), json!(1 + draws[0] % 3));
                window.insert("memory_calls".into(), json!(1 + draws[1] % 20));
                if writes {
                    window.insert("floor".into(), share_of(1 + draws[2] % rate));
                    window.insert("baseline".into(), share_of(draws[3] % (rate + 1)));
                    window.insert("sensitivity".into(), json!(1.0 + (draws[4] % 9) as f64 / 2.0));
                }
            }
            window
        })
}

fn timed(kind: &'static str) -> impl Strategy<Value = Map<String, Value>> {
    let period =
        prop_oneof![Just(("1s", 1u64)), Just(("1s", 4)), Just(("2s", 8)), Just(("3s", 3)), Just(("1m", 60))];
    (period, 1u64..=6).prop_map(move |((period, buckets), min_calls)| {
        table([
            Some(("kind", json!(kind))),
            Some(("period", json!(period))),
            Some(("buckets", json!(buckets))),
            Some(("min_calls", json!(min_calls))),
        ])
    })
}

fn backoff() -> impl Strategy<Value = Map<String, Value>> {
    let kind = prop_oneof![
        Just("fixed"),
        Just("linear"),
        Just("exponential"),
        Just("fibonacci"),
        Just("decorrelated_jitter")
    ];
    (
        kind,
        key("jitter", (0u64..=10_000).prop_map(share_of)),
        key("reset_after", length()),
        rate(),
        any::<bool>(),
    )
        .prop_map(|(kind, jitter, reset_after, m, writes)| {
            let multiplier =
                (kind == "exponential" && writes).then(|| ("multiplier", share_of(10_000 + 3 * m)));
            // At least every `recovery_timeout` there is.
            let max = (kind != "fixed" && writes).then(|| ("max", json!(format!("{}ms", 60_000 + m))));
            table([Some(("kind", json!(kind))), max, multiplier, reset_after, jitter])
        })
}

fn ramp() -> impl Strategy<Value = Value> {
    vec![
        key("initial", (1u64..=9_999).prop_map(share_of)),
        key("step", (500u64..=10_000).prop_map(share_of)),
        written("window_calls", number(1..=5u64)),
        key("max_failure_rate", (0u64..=9_999).prop_map(share_of)),
        key("step_timeout", length()),
    ]
    .prop_map(|keys| Value::Object(table(keys)))
}

/// Everything beside the detector.
pub fn rest() -> impl Strategy<Value = Map<String, Value>> {
    let mode = prop_oneof![
        6 => Just("auto"), 2 => Just("shadow"), 1 => Just("forced_open"), 1 => Just("forced_closed")
    ];
    let keys = vec![
        written("recovery_timeout", length()),
        written("backoff", backoff().prop_map(Value::Object)),
        key("half_open_timeout", length()),
        key("ramp", ramp()),
        key("cancelled_after", length()),
        key("sample_durations_every", Just(json!(1))),
        written("seed", number(0..=u64::from(u32::MAX))),
    ];
    let probes = (1u64..=9, any::<u64>(), any::<u64>(), any::<bool>());
    (keys, proptest::option::weighted(0.3, mode), probes).prop_map(|(keys, mode, (n, c, s, writes))| {
        let mut rest = table(keys);
        rest.insert("half_open_max_calls".into(), json!(n));
        if writes {
            rest.insert("half_open_concurrency".into(), json!(1 + c % n));
            rest.insert("success_threshold".into(), json!(1 + s % n));
        }
        if let Some(mode) = mode {
            rest.insert("mode".into(), json!(mode));
        }
        rest
    })
}

/// One document. Each one times either all calls or none, so that what a call's duration makes of it after a
/// reconfigure does not depend on which calls were sampled.
pub fn document(detector: &Map<String, Value>, rest: &Map<String, Value>) -> Value {
    let mut document = detector.clone();
    document.extend(rest.clone());
    let needs_all = document.contains_key("slow_call_duration") || document.contains_key("cancelled_after");
    if !needs_all && !document.contains_key("sample_durations_every") {
        document.insert("sample_durations_every".into(), json!(0));
    }
    Value::Object(document)
}
