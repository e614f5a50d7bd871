//! Random gates, all of them valid, with limits so small that they are met.

use crate::documents::{Key, key, length, number, share_of, table, written};
use crate::model::gates::LEVELS;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn level() -> impl Strategy<Value = Value> {
    (0usize..5).prop_map(|i| json!(LEVELS[i]))
}

/// Shares of `all` for some levels, of at most `most` in all.
fn by_level(draws: &[u64], most: u64) -> Value {
    let mut left = most;
    let mut table = Map::new();
    for (level, draw) in LEVELS.iter().zip(draws) {
        let n = (draw % 4).min(left);
        if draw / 4 % 2 == 1 && n > 0 {
            table.insert((*level).to_owned(), json!(n));
            left -= n;
        }
    }
    Value::Object(table)
}

fn rate() -> impl Strategy<Value = u64> {
    prop_oneof![Just(1u64), Just(3), Just(7), Just(40), Just(1_000)]
}

fn adaptive() -> impl Strategy<Value = Key> {
    let table = (length(), 2u64..=4, any::<bool>()).prop_map(|(cooldown, scale, writes_range)| {
        let range = writes_range.then(|| ("min", json!(0.5)));
        table([
            Some(("cooldown", cooldown)),
            Some(("scale", json!(scale as f64 / 2.0 + 0.5))),
            Some(("lower_above", share_of(600))),
            Some(("raise_below", share_of(500))),
            range,
        ])
    });
    proptest::option::weighted(0.4, table).prop_map(|table| table.map(|t| ("adaptive", Value::Object(t))))
}

fn rate_limit() -> impl Strategy<Value = Value> {
    let token =
        (rate(), 1u64..=6, vec(any::<u64>(), 5), adaptive()).prop_map(|(rate, burst, draws, adaptive)| {
            // A rate looks at twenty outcomes and more.
            let burst = if adaptive.is_some() { 30 + burst } else { burst };
            let reserve = by_level(&draws, burst - 1);
            table([
                Some(("rate", json!(rate))),
                Some(("burst", json!(burst))),
                Some(("reserve", reserve)),
                adaptive,
            ])
        });
    let leaky = (rate(), length(), adaptive()).prop_map(|(rate, max_wait, adaptive)| {
        let algorithm = Some(("algorithm", json!("leaky_bucket")));
        table([algorithm, Some(("rate", json!(rate))), Some(("max_wait", max_wait)), adaptive])
    });
    let kinds = prop_oneof![Just("fixed_window"), Just("sliding_window")];
    let window = (kinds, 1u64..=6, length()).prop_map(|(algorithm, limit, window)| {
        let algorithm = Some(("algorithm", json!(algorithm)));
        table([algorithm, Some(("limit", json!(limit))), Some(("window", window))])
    });
    prop_oneof![2 => token, 2 => leaky, 2 => window].prop_map(Value::Object)
}

fn priority() -> impl Strategy<Value = Value> {
    let levels = (proptest::option::weighted(0.3, level()), proptest::option::of(level()));
    (levels, proptest::option::of(level())).prop_map(|((min, half_open_min), open_bypass)| {
        let named = |name, value: Option<Value>| value.map(|value| (name, value));
        Value::Object(table([
            named("min", min),
            named("half_open_min", half_open_min),
            named("open_bypass", open_bypass),
        ]))
    })
}

fn queue() -> impl Strategy<Value = Vec<Key>> {
    let timeout = prop_oneof![length(), length().prop_map(|length| json!({ "high": length })),];
    vec![
        written("max_queue", prop_oneof![1 => Just(0u64), 6 => 1u64..=4].prop_map(Value::from)),
        key("queue_timeout", timeout),
    ]
}

fn slots() -> impl Strategy<Value = (&'static str, Value)> {
    let bulkhead = (1u64..=4, vec(any::<u64>(), 5), queue()).prop_map(|(max, draws, queue)| {
        let own = [Some(("max_concurrent", json!(max))), Some(("reserved", by_level(&draws, max)))];
        ("bulkhead", Value::Object(table(own.into_iter().chain(queue))))
    });
    let limit = (1u64..=6, any::<bool>(), number(5_000..=9_999u64), queue()).prop_map(
        |(initial, reserves, ratio, queue)| {
            let reserved = reserves.then(|| ("reserved", json!({ "critical": 0.25, "low": 0.5 })));
            let ratio = share_of(ratio.as_u64().unwrap_or(9_000));
            let own = [
                Some(("kind", json!("aimd"))),
                Some(("initial", json!(initial))),
                Some(("max", json!(8))),
                Some(("backoff_ratio", ratio)),
                reserved,
            ];
            ("concurrency_limit", Value::Object(table(own.into_iter().chain(queue))))
        },
    );
    prop_oneof![3 => bulkhead, 2 => limit]
}

/// The gates of one document.
pub fn gates() -> impl Strategy<Value = Map<String, Value>> {
    let keys = (
        proptest::option::weighted(0.5, rate_limit()),
        proptest::option::weighted(0.6, priority()),
        proptest::option::weighted(0.8, slots()),
    );
    keys.prop_map(|(rate, priority, slots)| {
        table([rate.map(|rate| ("rate_limit", rate)), priority.map(|p| ("priority", p)), slots])
    })
}
