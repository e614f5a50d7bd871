//! `features`, from the document.

use super::fallback::is_name;
use super::{Result, keys};
use crate::config::table::{OWN, Table};
use crate::config::value::Value;
use crate::error::ConfigError;
use crate::policy::feature::{FeatureRule, FeatureRules};

/// `features`: a table for each name, in byte order of the names.
pub(super) fn features(value: &Value) -> Result<FeatureRules> {
    let mut t = Table::new(keys::FEATURES, value)?;
    let names = t.names();
    if names.len() > keys::MOST_FEATURES {
        let allowed = format!("at most {} features", keys::MOST_FEATURES);
        return Err(ConfigError::new(keys::FEATURES, format!("a table of {}", names.len()), allowed));
    }
    let mut features = Vec::with_capacity(names.len());
    for name in &names {
        let Some(table) = t.get(name)? else { continue };
        if !is_name(name) {
            let allowed =
                format!("under a name of 1 to {} bytes without control characters", keys::LONGEST_NAME);
            return Err(t.error(name, table, allowed));
        }
        features.push(feature(name, table, &names)?);
    }
    match in_a_cycle(&features) {
        None => Ok(FeatureRules { features: features.into() }),
        Some(place) => Err(cycle(value, &features[place].name)),
    }
}

fn feature(name: &str, table: &Value, names: &[&str]) -> Result<FeatureRule> {
    let mut t = Table::new(format!("{}.{name}", keys::FEATURES), table)?;
    let rule = FeatureRule {
        name: name.into(),
        priority: t.integer(&keys::FEATURE_PRIORITY, OWN)?.unwrap_or(keys::FEATURE_PRIORITY.default),
        requires: requires(&mut t, names)?,
        min_health_bp: t.share_or_default(&keys::MIN_HEALTH, OWN)?,
        test_duration: t.length(&keys::TEST_DURATION, OWN)?.unwrap_or(keys::TEST_DURATION.default.length()),
        min_calls: t.integer(&keys::MIN_CALLS, OWN)?.unwrap_or(keys::MIN_CALLS.default),
        required: t.flag(keys::REQUIRED)?.unwrap_or(keys::REQUIRED_DEFAULT),
    };
    t.finish()?;
    Ok(rule)
}

/// The places of the features that one requires, ascending, each once.
fn requires(t: &mut Table<'_>, names: &[&str]) -> Result<Box<[usize]>> {
    let Some(value) = t.get(keys::REQUIRES)? else { return Ok(Box::default()) };
    let place = |name: &Value| match name {
        Value::Text(text) => names.iter().position(|known| known == text),
        _ => None,
    };
    let found = match value {
        Value::List(required) => required.iter().map(place).collect::<Option<Vec<_>>>(),
        _ => None,
    };
    let Some(mut found) = found else {
        let allowed = format!("a list of features; known: {}", names.join(", "));
        return Err(t.error(keys::REQUIRES, value, allowed));
    };
    found.sort_unstable();
    found.dedup();
    Ok(found.into())
}

/// The place of the first feature that requires itself, at once or over others.
fn in_a_cycle(features: &[FeatureRule]) -> Option<usize> {
    (0..features.len()).find(|&feature| all_required(features, feature).contains(&feature))
}

/// What a feature requires, at once or over others.
fn all_required(features: &[FeatureRule], feature: usize) -> Vec<usize> {
    let mut found: Vec<usize> = features[feature].requires.to_vec();
    let mut looked_at = 0;
    while let Some(&next) = found.get(looked_at) {
        looked_at += 1;
        for other in &features[next].requires {
            if !found.contains(other) {
                found.push(*other);
            }
        }
    }
    found
}

fn cycle(features: &Value, name: &str) -> ConfigError {
    let written = features.find(name).and_then(|feature| feature.find(keys::REQUIRES));
    ConfigError::new(
        format!("{}.{name}.{}", keys::FEATURES, keys::REQUIRES),
        written.map_or_else(String::new, Value::to_string),
        format!("features that do not require `{name}`, at once or over others"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{MS, SECOND};

    fn parse(json: &str) -> std::result::Result<Box<[FeatureRule]>, String> {
        let value = crate::config::value::parse(json).expect("JSON");
        features(&value).map(|rules| rules.features).map_err(|e| e.to_string())
    }

    fn refuses(json: &str, told: &str) {
        let error = parse(json).expect_err(json);
        assert!(error.contains(told), "{json}: {error}");
    }

    #[test]
    fn features_stand_in_byte_order_with_every_default() {
        let login = FeatureRule {
            name: "login".into(),
            priority: 50,
            requires: Box::default(),
            min_health_bp: 8_000,
            test_duration: 30 * SECOND,
            min_calls: 5,
            required: false,
        };
        let search = FeatureRule {
            name: "search".into(),
            priority: 1_000,
            requires: [0].into(),
            min_health_bp: 10_000,
            test_duration: MS,
            min_calls: 50,
            required: true,
        };
        let found = parse(
            r#"{"search": {"priority": 1000, "requires": ["login", "login"], "min_health": 1, "test_duration": "1ms",
                "min_calls": 50, "required": true}, "login": {}}"#,
        );
        assert_eq!(found, Ok([login, search].into()));
        assert_eq!(parse("{}"), Ok(Box::default()));
        assert_eq!(parse(r#"{"b": {}, "a": {}}"#), parse(r#"{"a": {}, "b": {}}"#));
    }

    #[test]
    fn a_feature_takes_its_keys_and_no_others() {
        for (json, told) in [
            (r#"{"priority": 1001}"#, "`features.a.priority` is 1001; allowed: a whole number in 0..=1000"),
            (
                r#"{"requires": "b"}"#,
                "`features.a.requires` is \"b\"; allowed: a list of features; known: a, b",
            ),
            (r#"{"requires": ["b", "c"]}"#, "`features.a.requires` is [\"b\",\"c\"]"),
            (r#"{"min_health": 0}"#, "`features.a.min_health` is 0; allowed: a number in (0, 1]"),
            (r#"{"test_duration": 0}"#, "in 1ms..=168h"),
            (r#"{"min_calls": 0}"#, "1..=50"),
            (r#"{"min_calls": 51}"#, "1..=50"),
            (r#"{"required": 0}"#, "`features.a.required` is 0; allowed: true or false"),
            (r#"{"health": 1}"#, "`features.a.health` is 1; allowed: no such key here"),
            ("5", "`features.a` is 5; allowed: an object"),
        ] {
            refuses(&format!(r#"{{"b": {{}}, "a": {json}}}"#), told);
        }
        refuses(r#"{"b": 1, "a": {"min_calls": 0}}"#, "`features.a.min_calls`");
        refuses(r#"{"a": {}, "a": {}}"#, "`features.a` is {}; allowed: a key is written once");
        refuses("[]", "`features` is []; allowed: an object");
    }

    #[test]
    fn names_of_features_are_short_and_few() {
        let table = |names: &[String]| {
            let tables: Vec<String> = names.iter().map(|name| format!(r#""{name}": {{}}"#)).collect();
            format!("{{{}}}", tables.join(", "))
        };
        let many: Vec<String> = (0..65).map(|i| i.to_string()).collect();
        assert_eq!(parse(&table(&many[..64])).map(|all| all.len()), Ok(64));
        refuses(&table(&many), "`features` is a table of 65; allowed: at most 64 features");
        assert!(parse(&table(&["x".repeat(64)])).is_ok());
        refuses(&table(&["x".repeat(65)]), "x` is {}; allowed: under a name of 1 to 64 bytes");
        refuses(&table(&[String::new()]), "`features.` is {}; allowed: under a name");
        refuses(
            r#"{"a\u0007": {}}"#,
            "is {}; allowed: under a name of 1 to 64 bytes without control characters",
        );
    }

    #[test]
    fn requirements_make_no_cycle() {
        assert!(parse(r#"{"a": {"requires": ["b", "c"]}, "b": {"requires": ["c"]}, "c": {}}"#).is_ok());
        refuses(
            r#"{"a": {"requires": ["a"]}}"#,
            "`features.a.requires` is [\"a\"]; allowed: features that do not require `a`, at once or over others",
        );
        refuses(
            r#"{"a": {"requires": ["c"]}, "d": {"requires": ["b"]}, "c": {"requires": ["d"]}, "b": {"requires": ["c"]}}"#,
            "`features.b.requires` is [\"c\"]",
        );
    }
}
