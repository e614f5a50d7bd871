//! The document's JSON schema, made from the same keys that the parser reads.

use super::keys::{self, Bound, Default, Integer, Length, Share};
use super::table::show_length;
use crate::backoff::ONE_BP;
use crate::word::Mode;
use serde_json::{Map, Value, json};

/// The JSON schema (draft 2020-12) of the configuration document, pretty-printed.
///
/// A schema cannot say everything: where two keys must fit together (`min_calls` and `size`, say), the parser's error
/// is the authority.
pub fn schema() -> String {
    let properties = [
        integer(&keys::FAILURE_THRESHOLD),
        (keys::WINDOW, window()),
        length(&keys::SLOW_CALL_DURATION),
        integer(&keys::SAMPLE_DURATIONS_EVERY),
        length(&keys::CANCELLED_AFTER),
        length(&keys::RECOVERY_TIMEOUT),
        (keys::BACKOFF, backoff()),
        integer(&keys::HALF_OPEN_MAX_CALLS),
        without_default(integer(&keys::HALF_OPEN_CONCURRENCY)),
        without_default(integer(&keys::SUCCESS_THRESHOLD)),
        length(&keys::HALF_OPEN_TIMEOUT),
        (keys::RAMP, ramp()),
        choice(keys::MODE, keys::MODE_MEANING, &Mode::ALL.map(Mode::name), Some(Mode::default().name())),
        without_default(integer(&keys::SEED)),
    ];
    let mut schema = object("Configuration of one circuit breaker.", properties);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("fusewire circuit breaker");
    schema["not"] = json!({ "required": [keys::FAILURE_THRESHOLD.key, keys::WINDOW] });
    let mut text = format!("{schema:#}");
    text.push('\n');
    text
}

type Property = (&'static str, Value);

fn object<const N: usize>(meaning: &str, properties: [Property; N]) -> Value {
    let properties: Map<String, Value> = properties.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    json!({
        "type": "object",
        "description": meaning,
        "additionalProperties": false,
        "properties": properties,
    })
}

fn window() -> Value {
    let kind = |name: &str| (keys::KIND, json!({ "const": name }));
    let count = object(
        "The last `size` outcomes.",
        [
            kind("count"),
            integer(&keys::SIZE),
            integer(&keys::MIN_CALLS),
            share(&keys::FAILURE_RATE),
            share(&keys::SLOW_CALL_RATE),
        ],
    );
    let time = object(
        "The outcomes of the last `period`.",
        [
            kind("time"),
            length(&keys::PERIOD),
            integer(&keys::BUCKETS),
            integer(&keys::MIN_CALLS),
            share(&keys::FAILURE_RATE),
            share(&keys::SLOW_CALL_RATE),
        ],
    );
    let adaptive = object(
        "The outcomes of the last `period`, against a threshold that follows the service's own history.",
        [
            kind("adaptive"),
            length(&keys::PERIOD),
            integer(&keys::BUCKETS),
            integer(&keys::MIN_CALLS),
            share(&keys::FAILURE_RATE),
            share(&keys::SLOW_CALL_RATE),
            integer(&keys::MIN_FAILURES),
            share(&keys::FLOOR),
            share(&keys::SENSITIVITY),
            share(&keys::BASELINE),
            integer(&keys::MEMORY_CALLS),
        ],
    );
    let kinds = [count, time, adaptive].map(|mut kind| {
        kind["required"] = json!([keys::KIND]);
        kind
    });
    json!({ "description": keys::WINDOW_MEANING, "oneOf": kinds })
}

fn backoff() -> Value {
    object(
        keys::BACKOFF_MEANING,
        [
            choice(keys::KIND, "How the duration grows.", &keys::BACKOFF_KINDS, Some(keys::BACKOFF_KINDS[0])),
            length(&keys::BACKOFF_MAX),
            share(&keys::MULTIPLIER),
            length(&keys::RESET_AFTER),
            share(&keys::JITTER),
        ],
    )
}

fn ramp() -> Value {
    object(
        keys::RAMP_MEANING,
        [
            share(&keys::RAMP_INITIAL),
            share(&keys::RAMP_STEP),
            integer(&keys::RAMP_WINDOW_CALLS),
            share(&keys::RAMP_MAX_FAILURE_RATE),
            length(&keys::RAMP_STEP_TIMEOUT),
        ],
    )
}

fn integer(spec: &Integer) -> Property {
    let value = json!({
        "type": "integer",
        "description": spec.meaning,
        "minimum": spec.min,
        "maximum": spec.max,
        "default": spec.default,
    });
    (spec.key, value)
}

/// For a key whose default another key decides.
fn without_default((key, mut value): Property) -> Property {
    if let Value::Object(map) = &mut value {
        map.remove("default");
    }
    (key, value)
}

fn length(spec: &Length) -> Property {
    let seconds = |ns: u64| ns as f64 / keys::SECOND as f64;
    let range = format!("{} to {}", show_length(spec.min), show_length(spec.max));
    let (default, words) = match spec.default {
        Default::Absent => (None, "absent".to_owned()),
        Default::Is(d) => (Some(show_length(d)), show_length(d)),
        Default::SameAs(key) => (None, format!("that of `{key}`")),
        Default::Times(n, key) => (None, format!("{n} times `{key}`")),
    };
    let mut value = json!({
        "description": format!("{} {range}; default: {words}.", spec.meaning),
        "anyOf": [
            { "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h)$" },
            { "type": "number", "minimum": seconds(spec.min), "maximum": seconds(spec.max) },
        ],
    });
    if let Some(default) = default {
        value["default"] = json!(default);
    }
    (spec.key, value)
}

fn share(spec: &Share) -> Property {
    let number = |bp: u64| bp as f64 / ONE_BP as f64;
    let mut value = json!({ "type": "number", "description": spec.meaning });
    match spec.low {
        Bound::Inclusive(b) => value["minimum"] = json!(number(b)),
        Bound::Exclusive(b) => value["exclusiveMinimum"] = json!(number(b)),
    }
    match spec.high {
        Bound::Inclusive(b) => value["maximum"] = json!(number(b)),
        Bound::Exclusive(b) => value["exclusiveMaximum"] = json!(number(b)),
    }
    if let Some(default) = spec.default {
        value["default"] = json!(number(default));
    }
    (spec.key, value)
}

fn choice(key: &'static str, meaning: &str, names: &[&str], default: Option<&str>) -> Property {
    let mut value = json!({ "description": meaning, "enum": names });
    if let Some(default) = default {
        value["default"] = json!(default);
    }
    (key, value)
}
