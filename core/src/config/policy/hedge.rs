//! `hedge`, from the document.

use super::{Result, keys};
use crate::config::table::{OWN, Table};
use crate::config::value::Value;
use crate::error::ConfigError;
use crate::policy::hedge::{After, HedgeRules};

/// `hedge`.
pub(super) fn hedge(value: &Value) -> Result<HedgeRules> {
    let mut t = Table::new(keys::HEDGE, value)?;
    let after = after(&mut t)?;
    let max = t.integer(&keys::HEDGE_MAX, OWN)?.unwrap_or(keys::HEDGE_MAX.default);
    t.finish()?;
    Ok(HedgeRules { after, max })
}

fn after(t: &mut Table<'_>) -> Result<After> {
    if let Some(Value::Text(text)) = t.get(keys::AFTER.key)?
        && text == keys::AFTER_P95
    {
        return Ok(After::P95);
    }
    match t.length(&keys::AFTER, OWN) {
        Ok(length) => Ok(After::Fixed(length.unwrap_or(keys::AFTER.default.length()))),
        Err(e) => {
            let allowed = format!("\"{}\", or {}", keys::AFTER_P95, e.allowed());
            Err(ConfigError::new(e.key(), e.value(), allowed))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{HOUR, MS};

    fn parse(json: &str) -> std::result::Result<HedgeRules, String> {
        hedge(&crate::config::value::parse(json).expect("JSON")).map_err(|e| e.to_string())
    }

    #[test]
    fn a_hedge_begins_after_a_duration_or_the_percentile() {
        assert_eq!(parse("{}"), Ok(HedgeRules { after: After::Fixed(100 * MS), max: 1 }));
        assert_eq!(parse(r#"{"after": "p95", "max": 10}"#), Ok(HedgeRules { after: After::P95, max: 10 }));
        assert_eq!(parse(r#"{"after": 3600}"#), Ok(HedgeRules { after: After::Fixed(HOUR), max: 1 }));
        for (json, told) in [
            (r#"{"after": "p99"}"#, "`hedge.after` is \"p99\"; allowed: \"p95\", or a duration"),
            (r#"{"after": "2h"}"#, "in 1ms..=3600s"),
            (r#"{"after": "0s"}"#, "in 1ms..=3600s"),
            (
                r#"{"after": "p95", "after": "p95"}"#,
                "`hedge.after` is \"p95\"; allowed: a key is written once",
            ),
            (r#"{"max": 0}"#, "`hedge.max` is 0"),
            (r#"{"max": 11}"#, "1..=10"),
            (r#"{"methods": []}"#, "`hedge.methods` is []; allowed: no such key here; known: after, max"),
            ("true", "`hedge` is true; allowed: an object"),
        ] {
            let error = parse(json).expect_err(json);
            assert!(error.contains(told), "{json}: {error}");
        }
    }
}
