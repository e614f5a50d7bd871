//! The policies' part of the document's JSON schema.

use super::keys;
use crate::config::keys as shared;
use crate::config::property::{
    Property, choice, flag, integer, length, number, object, one_of, share, without_default,
};
use crate::policy::category::Category;
use serde_json::{Value, json};

/// The policies' keys, in their order.
pub(crate) fn properties() -> [Property; 6] {
    [
        timeout(),
        (keys::RETRY, retry()),
        (keys::FALLBACK, fallback()),
        (keys::CACHE, cache()),
        (keys::HEDGE, hedge()),
        (keys::FEATURES, features()),
    ]
}

/// Adds another form to those that a duration has.
fn also(property: &mut Value, form: Value) {
    if let Value::Array(forms) = &mut property["anyOf"] {
        forms.push(form);
    }
}

fn timeout() -> Property {
    let kind = |i: usize| (shared::KIND, json!({ "const": keys::TIMEOUT_KINDS[i] }));
    let rest = || {
        [
            share(&keys::FACTOR),
            length(&keys::TIMEOUT_MIN),
            length(&keys::TIMEOUT_MAX),
            integer(&keys::TIMEOUT_WINDOW),
            length(&keys::TIMEOUT_INITIAL),
        ]
    };
    let percentile = [kind(0), share(&keys::PERCENTILE)].into_iter().chain(rest());
    let adaptive = [kind(1)].into_iter().chain(rest());
    let hybrid = [kind(2), share(&keys::PERCENTILE)].into_iter().chain(rest());
    let tables = vec![
        object("From a percentile of the durations.", percentile),
        object("From their mean and standard deviation, and more while calls time out.", adaptive),
        object("Between the two, by the share of calls that do not time out.", hybrid),
    ];
    let (key, mut timeout) = length(&keys::TIMEOUT);
    also(&mut timeout, one_of("Learned from the durations of calls.", shared::KIND, tables));
    (key, timeout)
}

fn retry() -> Value {
    let names = Category::ALL.map(Category::name);
    let on_by_default: Vec<&str> = Category::ALL
        .into_iter()
        .filter(|category| keys::ON_DEFAULT.has(*category))
        .map(Category::name)
        .collect();
    let on = json!({
        "type": "array",
        "description": keys::ON_MEANING,
        "items": { "enum": names },
        "default": on_by_default,
    });
    object(
        keys::RETRY_MEANING,
        [
            integer(&keys::MAX_ATTEMPTS),
            (keys::BACKOFF, backoff()),
            (keys::ON, on),
            (keys::PER_METHOD, per_method()),
            length(&keys::MAX_ELAPSED),
            (keys::BUDGET, budget()),
            flag(keys::REJECTED, keys::REJECTED_MEANING, keys::REJECTED_DEFAULT),
        ],
    )
}

fn backoff() -> Value {
    object(
        keys::BACKOFF_MEANING,
        [
            choice(
                shared::KIND,
                "How the wait grows.",
                &keys::BACKOFF_KINDS,
                Some(keys::DEFAULT_BACKOFF_KIND),
            ),
            length(&keys::BASE),
            length(&keys::BACKOFF_MAX),
            share(&keys::MULTIPLIER),
            share(&keys::JITTER),
        ],
    )
}

fn per_method() -> Value {
    let mut table = object(keys::PER_METHOD_MEANING, keys::METHODS.iter().map(integer));
    table["additionalProperties"] = without_default(integer(&keys::method("", 0))).1;
    table
}

fn budget() -> Value {
    let table = object(
        "What it is made of.",
        [share(&keys::RATIO), number(&keys::MIN_PER_SECOND), length(&keys::BUDGET_WINDOW)],
    );
    json!({ "description": keys::BUDGET_MEANING, "anyOf": [table, { "const": false }] })
}

fn fallback() -> Value {
    let breaker = format!("^{}", keys::RUNG_BREAKER);
    let name = json!({
        "type": "string",
        "minLength": 1,
        "maxLength": keys::LONGEST_NAME,
        "not": { "pattern": breaker },
    });
    let breaker = json!({ "type": "string", "pattern": format!("{breaker}.") });
    json!({
        "type": "array",
        "description": keys::FALLBACK_MEANING,
        "items": { "anyOf": [name, breaker] },
        "minItems": 1,
        "maxItems": keys::MOST_RUNGS,
        "uniqueItems": true,
    })
}

fn cache() -> Value {
    object(
        keys::CACHE_MEANING,
        [
            choice(
                keys::CACHE_MODE,
                keys::CACHE_MODE_MEANING,
                &keys::CACHE_MODES,
                Some(keys::CACHE_MODES[0]),
            ),
            length(&keys::TTL),
            length(&keys::STALE_TTL),
            integer(&keys::MAX_ENTRIES),
            flag(keys::COALESCE, keys::COALESCE_MEANING, keys::COALESCE_DEFAULT),
        ],
    )
}

fn hedge() -> Value {
    let (key, mut after) = length(&keys::AFTER);
    also(&mut after, json!({ "const": keys::AFTER_P95 }));
    object(keys::HEDGE_MEANING, [(key, after), integer(&keys::HEDGE_MAX)])
}

fn features() -> Value {
    let name = json!({ "type": "string", "minLength": 1, "maxLength": keys::LONGEST_NAME });
    let requires = json!({
        "type": "array",
        "description": keys::REQUIRES_MEANING,
        "items": { "type": "string" },
        "default": [],
    });
    let feature = object(
        keys::FEATURE_MEANING,
        [
            integer(&keys::FEATURE_PRIORITY),
            (keys::REQUIRES, requires),
            share(&keys::MIN_HEALTH),
            length(&keys::TEST_DURATION),
            integer(&keys::MIN_CALLS),
            flag(keys::REQUIRED, keys::REQUIRED_MEANING, keys::REQUIRED_DEFAULT),
        ],
    );
    json!({
        "type": "object",
        "description": keys::FEATURES_MEANING,
        "additionalProperties": feature,
        "propertyNames": name,
        "maxProperties": keys::MOST_FEATURES,
    })
}
