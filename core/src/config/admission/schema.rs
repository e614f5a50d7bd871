//! The gates' part of the document's JSON schema.

use super::keys;
use crate::admit::priority::Priority;
use crate::backoff::ONE_BP;
use crate::config::keys as shared;
use crate::config::keys::Bound::Inclusive;
use crate::config::keys::{Integer, Length, Share};
use crate::config::property::{Property, integer, length, number, object, one_of, share, without_default};
use serde_json::{Value, json};

/// The tables of the gates, in their order.
pub(crate) fn properties() -> [Property; 4] {
    [
        (keys::RATE_LIMIT, rate_limit()),
        (keys::PRIORITY, priority()),
        (keys::BULKHEAD, bulkhead()),
        (keys::CONCURRENCY_LIMIT, concurrency_limit()),
    ]
}

fn rate_limit() -> Value {
    let algorithm = |i: usize| (keys::ALGORITHM, json!({ "const": keys::ALGORITHMS[i] }));
    let reserve = by_level(keys::RESERVE_MEANING, |key| {
        let meaning = "Tokens for calls of this level and above.";
        integer(&Integer { key, default: 0, min: 0, max: keys::BURST.max, meaning })
    });
    let token = [
        algorithm(0),
        number(&keys::RATE),
        integer(&keys::BURST),
        (keys::RESERVE, reserve),
        (keys::RATE_ADAPTIVE, adaptive()),
    ];
    let leaky =
        [algorithm(1), number(&keys::RATE), length(&keys::MAX_WAIT), (keys::RATE_ADAPTIVE, adaptive())];
    let fixed = [algorithm(2), integer(&keys::FIXED_LIMIT), length(&keys::RATE_WINDOW)];
    let sliding = [algorithm(3), integer(&keys::SLIDING_LIMIT), length(&keys::RATE_WINDOW)];
    let tables = vec![
        object("A bucket that tokens are added to.", token),
        object("Calls one after the other, at even distances.", leaky),
        object("So many calls in each stretch of the clock.", fixed),
        object("So many calls in any stretch of time.", sliding),
    ];
    one_of(keys::RATE_LIMIT_MEANING, keys::ALGORITHM, tables)
}

fn adaptive() -> Value {
    object(
        keys::RATE_ADAPTIVE_MEANING,
        [
            number(&keys::RATE_MIN),
            number(&keys::RATE_MAX),
            share(&keys::RATE_SCALE),
            length(&keys::RATE_COOLDOWN),
            share(&keys::LOWER_ABOVE),
            share(&keys::RAISE_BELOW),
        ],
    )
}

fn priority() -> Value {
    object(
        keys::PRIORITY_MEANING,
        [
            level(keys::PRIORITY_MIN, keys::PRIORITY_MIN_MEANING, Some(Priority::Bulk)),
            level(keys::HALF_OPEN_MIN, keys::HALF_OPEN_MIN_MEANING, None),
            level(keys::OPEN_BYPASS, keys::OPEN_BYPASS_MEANING, None),
        ],
    )
}

/// A level by its name, or by a number.
fn level(key: &'static str, meaning: &str, default: Option<Priority>) -> Property {
    let names = Priority::ALL.map(Priority::name);
    let mut value = json!({
        "description": meaning,
        "anyOf": [{ "enum": names }, { "type": "integer", "minimum": 0, "maximum": 100 }],
    });
    if let Some(default) = default {
        value["default"] = json!(default.name());
    }
    (key, value)
}

fn bulkhead() -> Value {
    let reserved = by_level(keys::RESERVED_MEANING, |key| {
        let meaning = "Slots for calls of this level.";
        integer(&Integer { key, default: 0, min: 0, max: keys::MAX_CONCURRENT.max, meaning })
    });
    let own = [without_default(integer(&keys::MAX_CONCURRENT)), (keys::RESERVED, reserved)];
    let mut bulkhead = object(keys::BULKHEAD_MEANING, own.into_iter().chain(queue()));
    bulkhead["required"] = json!([keys::MAX_CONCURRENT.key]);
    bulkhead
}

fn concurrency_limit() -> Value {
    let reserved = by_level(keys::RESERVED_SHARES_MEANING, |key| {
        let meaning = "Share of the limit for calls of this level.";
        share(&Share { key, default: Some(0), low: Inclusive(0), high: Inclusive(ONE_BP), meaning })
    });
    let kind = |i: usize| (shared::KIND, json!({ "const": keys::LIMIT_KINDS[i] }));
    let range = |min: &Integer| [integer(&keys::LIMIT_INITIAL), integer(min), integer(&keys::LIMIT_MAX)];
    let slots = || [(keys::RESERVED, reserved.clone())].into_iter().chain(queue());
    let aimd = [kind(0), share(&keys::BACKOFF_RATIO)].into_iter().chain(range(&keys::AIMD_MIN));
    let gradient = [
        kind(1),
        share(&keys::TOLERANCE),
        integer(&keys::LIMIT_QUEUE),
        share(&keys::SMOOTHING),
        integer(&keys::LONG_WINDOW),
    ];
    let gradient = gradient.into_iter().chain(range(&keys::GRADIENT_MIN));
    let tables = vec![
        object("One more after a full round of successes, a cut after a failure.", aimd.chain(slots())),
        object("What the durations of calls leave room for.", gradient.chain(slots())),
    ];
    one_of(keys::CONCURRENCY_LIMIT_MEANING, shared::KIND, tables)
}

fn queue() -> [Property; 2] {
    let all = Length { key: keys::QUEUE_TIMEOUT, ..keys::QUEUE_TIMEOUTS[0] };
    let (_, mut timeout) = length(&all);
    let levels = by_level("By level.", |name| {
        let spec = keys::QUEUE_TIMEOUTS.iter().find(|spec| spec.key == name);
        length(spec.unwrap_or(&all))
    });
    if let Value::Array(forms) = &mut timeout["anyOf"] {
        forms.push(levels);
    }
    let defaults = Priority::ALL.map(|level| {
        let spec = &keys::QUEUE_TIMEOUTS[level as usize];
        (spec.key.to_owned(), length(spec).1["default"].clone())
    });
    timeout["description"] = json!(keys::QUEUE_TIMEOUT_MEANING);
    timeout["default"] = Value::Object(defaults.into_iter().collect());
    [integer(&keys::MAX_QUEUE), (keys::QUEUE_TIMEOUT, timeout)]
}

/// A table of levels, which by default is empty.
fn by_level(meaning: &str, property: impl Fn(&'static str) -> Property) -> Value {
    object(meaning, Priority::ALL.into_iter().rev().map(|level| property(level.name())))
}
