//! `priority`, from the document.

use super::level::level;
use super::{Result, keys};
use crate::admit::PriorityRules;
use crate::admit::priority::Priority;
use crate::config::table::Table;
use crate::config::value::Value;

/// `priority`.
pub(super) fn priority(value: &Value) -> Result<PriorityRules> {
    let mut t = Table::new(keys::PRIORITY, value)?;
    let rules = PriorityRules {
        min: level(&mut t, keys::PRIORITY_MIN)?.unwrap_or(Priority::Bulk),
        half_open_min: level(&mut t, keys::HALF_OPEN_MIN)?,
        open_bypass: level(&mut t, keys::OPEN_BYPASS)?,
    };
    t.finish()?;
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<PriorityRules> {
        priority(&crate::config::value::parse(json).expect("JSON"))
    }

    #[test]
    fn levels_are_named_or_numbered() {
        let expected =
            PriorityRules { min: Priority::Low, half_open_min: None, open_bypass: Some(Priority::Critical) };
        assert_eq!(parse(r#"{"min": 30, "open_bypass": "critical"}"#), Ok(expected));
        let error = parse(r#"{"min": "urgent"}"#).expect_err("no level");
        assert!(error.to_string().contains("bulk, low, normal, high, critical"), "{error}");
    }
}
