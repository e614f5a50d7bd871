//! What the header says of the options is what the core's schema says of their keys.

use serde_json::Value;

/// A field, and where the schema has its key.
const FIELDS: [(&str, &str); 8] = [
    ("failure_threshold", "/failure_threshold"),
    ("half_open_max_calls", "/half_open_max_calls"),
    ("recovery_timeout_ns", "/recovery_timeout"),
    ("slow_call_duration_ns", "/slow_call_duration"),
    ("window_size", "/window/oneOf/0/properties/size"),
    ("window_period_ns", "/window/oneOf/1/properties/period"),
    ("window_min_calls", "/window/oneOf/0/properties/min_calls"),
    ("window_failure_rate", "/window/oneOf/0/properties/failure_rate"),
];

/// The comment on a field, in one line.
fn comment(field: &str) -> String {
    let source = include_str!("../src/options.rs");
    let before = source.split_once(&format!("    pub {field}:")).expect("a field").0;
    let lines: Vec<&str> = before.lines().rev().map_while(|line| line.trim().strip_prefix("/// ")).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" ")
}

/// 1000000 as people write it.
fn grouped(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        _ => format!("{},{:03}", grouped(n / 1_000), n % 1_000),
    }
}

/// The schema tells ranges of durations in its description, `1ms to 168h`.
fn range_of_duration(key: &Value) -> String {
    let text = key["description"].as_str().expect("a description");
    let range = text.split_once("; default").expect("a range").0.rsplit(". ").next().expect("a sentence");
    range.replace("ms", " ms").replace('h', " h").replace("1s", "1 s")
}

#[test]
fn ranges_and_defaults_of_the_header_are_those_of_the_schema() {
    let schema: Value = serde_json::from_str(&fusewire::schema()).expect("JSON");
    for (field, path) in FIELDS {
        let (key, comment) = (schema.pointer(&format!("/properties{path}")).expect(path), comment(field));
        let says =
            |text: String| assert!(comment.contains(&text), "{field}: {comment:?} does not say {text:?}");
        match &key["default"] {
            Value::Null => says("default: none".to_owned()),
            Value::String(length) => says(format!("default {}", length.replace('s', " s"))),
            number => says(format!("default {number}")),
        }
        match (key["minimum"].as_u64(), key["maximum"].as_u64()) {
            (Some(min), Some(max)) => says(format!("{} to {}", grouped(min), grouped(max))),
            _ if key["anyOf"].is_array() => says(range_of_duration(key)),
            _ => says("above 0 and at most 1".to_owned()),
        }
    }
}

/// What the header says of the whole struct.
fn comment_of_struct() -> String {
    let source = include_str!("../src/options.rs");
    let before = source
        .split_once("#[repr(C)]\n#[derive(Clone, Copy, Debug)]\npub struct fusewire_options")
        .expect("it")
        .0;
    let lines: Vec<&str> = before.lines().rev().map_while(|line| line.strip_prefix("/// ")).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" ")
}

#[test]
fn tables_but_the_window_are_given_by_document_and_the_header_names_them() {
    let schema: Value = serde_json::from_str(&fusewire::schema()).expect("JSON");
    let (fields, says) = (include_str!("../src/options.rs"), comment_of_struct());
    let has_keys = |key: &Value| key["properties"].is_object() || key["oneOf"].is_array();
    let keys = schema["properties"].as_object().expect("keys");
    let tables: Vec<&String> =
        keys.iter().filter(|(name, key)| *name != "window" && has_keys(key)).map(|(name, _)| name).collect();
    assert_eq!(
        tables,
        [
            "backoff",
            "bulkhead",
            "cache",
            "concurrency_limit",
            "hedge",
            "priority",
            "ramp",
            "rate_limit",
            "retry"
        ]
    );
    for table in tables {
        assert!(!fields.contains(&format!("pub {table}")), "{table} has a field");
        assert!(says.contains(&format!("`{table}`")), "{says:?} does not name {table}");
    }
}
