//! Random documents of the policies around the call: what is right comes back as it was told, what is wrong is refused by
//! name, and nothing panics.

use crate::config;
use crate::documents::{Key, detector, key, length, number, share_of, table};
#[cfg(feature = "binding")]
use fusewire::Builder;
use fusewire::{CircuitBreaker, Error, Registry};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

const NAMES: [&str; 4] = ["search", "cart", "reports", "é"];
const CATEGORIES: [&str; 7] = [
    "timeout",
    "rate_limit",
    "resource_exhausted",
    "network_error",
    "internal_error",
    "invalid_request",
    "unknown",
];

fn one_of<T: Clone + Into<Value> + std::fmt::Debug + 'static>(
    values: &'static [T],
) -> impl Strategy<Value = Value> {
    (0..values.len()).prop_map(|i| values[i].clone().into())
}

fn object(keys: Vec<BoxedStrategy<Key>>) -> impl Strategy<Value = Value> {
    keys.prop_map(|keys| Value::Object(table(keys)))
}

fn share() -> impl Strategy<Value = Value> {
    (1u64..=9_999).prop_map(share_of)
}

fn timeout() -> impl Strategy<Value = Value> {
    let learned = |kind| {
        let percentile = if kind == "adaptive" { Just(None).boxed() } else { key("percentile", share()) };
        object(vec![
            Just(Some(("kind", json!(kind)))).boxed(),
            percentile,
            key("factor", number(1..=10u64)),
            key("min", one_of(&["1ms", "100ms"])),
            key("max", one_of(&["5s", "1m"])),
            key("window", number(10..=10_000u64)),
            key("initial", one_of(&["500ms", "2s"])),
        ])
    };
    prop_oneof![length(), learned("percentile"), learned("adaptive"), learned("hybrid")]
}

fn backoff() -> impl Strategy<Value = Value> {
    let kinds = ["linear", "exponential", "resource_sensitive", "pattern_based", "adaptive", "fibonacci"];
    (0..kinds.len(), any::<bool>(), key("base", one_of(&["1ms", "2s"])), key("jitter", share())).prop_map(
        move |(i, grows, base, jitter)| {
            let grows = grows && !matches!(kinds[i], "linear" | "fibonacci");
            let multiplier = grows.then(|| ("multiplier", json!(1.5)));
            let keys =
                [Some(("kind", json!(kinds[i]))), Some(("max", json!("1m"))), base, jitter, multiplier];
            Value::Object(table(keys))
        },
    )
}

fn retry() -> impl Strategy<Value = Value> {
    let methods = vec(1u64..=100, 2).prop_map(|n| json!({"GET": n[0], "PATCH": n[1]}));
    let on = subsequence(&CATEGORIES[..], 0..=CATEGORIES.len()).prop_map(|on| json!(on));
    let budget = object(vec![
        key("ratio", share()),
        key("min_per_second", number(0..=1_000_000u64)),
        key("window", one_of(&["1s", "10s", "24h"])),
    ]);
    object(vec![
        key("max_attempts", number(1..=100u64)),
        key("backoff", backoff()),
        key("on", on),
        key("per_method", methods),
        key("max_elapsed", length()),
        key("budget", prop_oneof![Just(json!(false)), budget]),
        key("rejected", one_of(&[true, false])),
    ])
}

fn cache(mode: &'static str) -> impl Strategy<Value = Value> {
    object(vec![
        Just(Some(("mode", json!(mode)))).boxed(),
        key("ttl", length()),
        key("stale_ttl", length()),
        key("max_entries", number(1..=1_000_000u64)),
        key("coalesce", one_of(&[true, false])),
    ])
}

/// The rung `cache` is written only where it may be.
fn falling() -> impl Strategy<Value = Map<String, Value>> {
    let rungs = subsequence(&["breaker:replica", "local", "é", "none"][..], 1..=4);
    let cache = prop_oneof![
        Just(None).boxed(),
        cache("on_failure").prop_map(|cache| Some((cache, false))).boxed(),
        (cache("read_through"), any::<bool>()).prop_map(Some).boxed(),
    ];
    (proptest::option::of(rungs), cache).prop_map(|(rungs, cache)| {
        let is_rung = cache.as_ref().is_some_and(|(_, is_rung)| *is_rung);
        let rungs = rungs.map(|rungs| {
            let first = is_rung.then_some("cache");
            ("fallback", json!(first.into_iter().chain(rungs).collect::<Vec<_>>()))
        });
        table([rungs, cache.map(|(cache, _)| ("cache", cache))])
    })
}

fn hedge() -> impl Strategy<Value = Value> {
    object(vec![key("after", one_of(&["1ms", "1s", "p95"])), key("max", number(1..=10u64))])
}

/// Each requires earlier ones alone: there is no cycle.
fn features() -> impl Strategy<Value = Value> {
    let feature = object(vec![
        key("priority", number(0..=1_000u64)),
        key("min_health", share()),
        key("test_duration", length()),
        key("min_calls", number(1..=50u64)),
        key("required", one_of(&[true, false])),
    ]);
    (vec((feature, any::<u8>()), 1..=NAMES.len())).prop_map(|features| {
        let mut all = Map::new();
        for (i, (mut feature, requires)) in features.into_iter().enumerate() {
            let earlier = NAMES[..i].iter().enumerate().filter(|(j, _)| requires & (1 << j) != 0);
            feature["requires"] = json!(earlier.map(|(_, name)| *name).collect::<Vec<_>>());
            all.insert(NAMES[i].to_owned(), feature);
        }
        Value::Object(all)
    })
}

fn around() -> impl Strategy<Value = Map<String, Value>> {
    let keys = vec![
        key("timeout", timeout()),
        key("retry", retry()),
        key("hedge", hedge()),
        key("features", features()),
    ];
    (detector(), keys, falling()).prop_map(|(mut document, keys, falling)| {
        document.extend(table(keys));
        document.extend(falling);
        document
    })
}

/// What may stand in the place of any value.
fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        one_of(&[
            "",
            "cache",
            "p95",
            "1s",
            "-1s",
            "1ns",
            "999999h",
            "search",
            "exponential",
            "breaker:a",
            "\u{0}"
        ]),
        one_of(&[0.0, -1.0, 0.5, 1.0, 1e9, 1e300, -0.0]),
        any::<i64>().prop_map(Value::from),
        one_of(&[true, false]),
        Just(Value::Null),
        Just(json!([])),
        Just(json!(["timeout", 1])),
        Just(json!({})),
        Just(json!({"kind": "fixed", "search": {"requires": ["search"]}})),
    ]
}

/// Puts `value` in the place of the `n`th value of a document, tables and lists included.
fn replace(document: &mut Value, n: &mut usize, value: &Value) -> bool {
    if *n == 0 {
        *document = value.clone();
        return true;
    }
    *n -= 1;
    match document {
        Value::Object(table) => table.values_mut().any(|inner| replace(inner, n, value)),
        Value::Array(items) => items.iter_mut().any(|inner| replace(inner, n, value)),
        _ => false,
    }
}

fn runs<S: Strategy>(strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { cases: config().cases / 4, ..config() };
    if let Err(e) = TestRunner::new(config).run(&strategy, test) {
        panic!("{e}");
    }
}

#[test]
fn a_document_of_policies_is_told_and_builds_the_same_breaker() {
    runs(around(), |document| {
        let (written, registry) = (Value::Object(document).to_string(), Registry::new());
        let breaker = registry.get_or_create_json("props", &written);
        prop_assert!(breaker.is_ok(), "{written}: {breaker:?}");
        let full = breaker.map(|b| b.document()).unwrap_or_default();
        let again = registry.get_or_create_json("props", &full);
        prop_assert!(again.is_ok(), "{written} became {full}: {again:?}");
        prop_assert_eq!(again.map(|b| b.document()).unwrap_or_default(), full);
        Ok(())
    });
}

#[test]
fn a_document_with_a_wrong_value_is_refused_by_name_and_never_panics() {
    runs((around(), vec((0usize..60, anything()), 1..=3)), |(document, wrong)| {
        let mut document = Value::Object(document);
        for (mut at, value) in wrong {
            replace(&mut document, &mut at, &value);
        }
        let written = document.to_string();
        match CircuitBreaker::from_json("props", &written) {
            Ok(breaker) => {
                let full = breaker.document();
                prop_assert_eq!(
                    CircuitBreaker::from_json("props", &full).map(|b| b.document()).ok(),
                    Some(full)
                );
            }
            Err(Error::Config(e)) => {
                let key = e.key().split('.').next().unwrap_or_default();
                let is_known = key.is_empty() || document.get(key).is_some();
                prop_assert!(is_known && !e.allowed().is_empty(), "{written}: {e}");
            }
            Err(other) => prop_assert!(false, "{written}: {other:?}"),
        }
        Ok(())
    });
}

#[cfg(feature = "binding")]
fn merged(mine: &mut Map<String, Value>, other: &Map<String, Value>) {
    for (key, value) in other {
        match (mine.get_mut(key), value) {
            (Some(Value::Object(mine)), Value::Object(other)) => merged(mine, other),
            _ => _ = mine.insert(key.clone(), value.clone()),
        }
    }
}

#[cfg(feature = "binding")]
#[test]
fn a_document_over_another_is_the_document_with_both_their_keys() {
    runs((around(), around()), |(mut mine, other)| {
        let builder = |document: &Map<String, Value>| {
            Builder::from_json(&Value::Object(document.clone()).to_string()).expect("JSON")
        };
        let both = builder(&mine).with_keys_of(&builder(&other)).build("props");
        merged(&mut mine, &other);
        let by_hand = builder(&mine).build("props");
        match (both, by_hand) {
            (Ok(both), Ok(by_hand)) => prop_assert_eq!(both.document(), by_hand.document()),
            (Err(Error::Config(both)), Err(Error::Config(by_hand))) => {
                prop_assert_eq!(both.key(), by_hand.key());
            }
            (both, by_hand) => prop_assert!(false, "{both:?} is not {by_hand:?}"),
        }
        Ok(())
    });
}
