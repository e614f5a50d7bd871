//! The parts that the document's JSON schema is put together from.

use super::keys::{self, Bound, Default, Integer, Length, Number, Share};
use super::table::show_length;
use crate::backoff::ONE_BP;
use serde_json::{Map, Value, json};

/// A key and its schema.
pub(crate) type Property = (&'static str, Value);

pub(crate) fn object(meaning: &str, properties: impl IntoIterator<Item = Property>) -> Value {
    object_of(meaning, properties.into_iter().collect())
}

// One copy for all: a map that is collected sorts, and a sort of its own for each list is 6 KB of code.
fn object_of(meaning: &str, properties: Vec<Property>) -> Value {
    let properties: Map<String, Value> = properties.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    json!({
        "type": "object",
        "description": meaning,
        "additionalProperties": false,
        "properties": properties,
    })
}

pub(crate) fn integer(spec: &Integer) -> Property {
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
pub(crate) fn without_default((key, mut value): Property) -> Property {
    if let Value::Object(map) = &mut value {
        map.remove("default");
    }
    (key, value)
}

pub(crate) fn length(spec: &Length) -> Property {
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

pub(crate) fn share(spec: &Share) -> Property {
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

pub(crate) fn choice(key: &'static str, meaning: &str, names: &[&str], default: Option<&str>) -> Property {
    let mut value = json!({ "description": meaning, "enum": names });
    if let Some(default) = default {
        value["default"] = json!(default);
    }
    (key, value)
}

pub(crate) fn number(spec: &Number) -> Property {
    let value = json!({
        "type": "number",
        "description": spec.meaning,
        "minimum": spec.min,
        "maximum": spec.max,
        "default": spec.default,
    });
    (spec.key, value)
}

pub(crate) fn flag(key: &'static str, meaning: &str, default: bool) -> Property {
    (key, json!({ "type": "boolean", "description": meaning, "default": default }))
}

/// One of several tables, told apart by the name under `key`; the first is meant when that is left out.
pub(crate) fn one_of(meaning: &str, key: &str, mut tables: Vec<Value>) -> Value {
    for (i, table) in tables.iter_mut().enumerate() {
        match i {
            0 => table["properties"][key]["default"] = table["properties"][key]["const"].clone(),
            _ => table["required"] = json!([key]),
        }
    }
    json!({ "description": meaning, "oneOf": tables })
}
