//! The document's JSON schema, made from the same keys that the parser reads.

use super::property::{choice, integer, length, object, share, without_default};
use super::{admission, keys, policy};
use crate::word::Mode;
use serde_json::{Value, json};

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
    let gates = admission::schema::properties();
    let properties = properties.into_iter().chain(gates).chain(policy::schema::properties());
    let mut schema = object("Configuration of one circuit breaker.", properties);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("fusewire circuit breaker");
    let pairs = [
        [keys::FAILURE_THRESHOLD.key, keys::WINDOW],
        [admission::keys::BULKHEAD, admission::keys::CONCURRENCY_LIMIT],
    ];
    schema["not"] = json!({ "anyOf": pairs.map(|pair| json!({ "required": pair })) });
    let mut text = format!("{schema:#}");
    text.push('\n');
    text
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
