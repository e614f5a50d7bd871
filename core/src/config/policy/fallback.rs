//! `fallback` and `cache`, from the document.

use super::{Result, keys};
use crate::config::plan::Plan;
use crate::config::table::{OWN, Table};
use crate::config::value::Value;
use crate::error::ConfigError;
use crate::policy::cache::{CacheMode, CacheRules};
use crate::policy::fallback::{FallbackRules, Rung, find_cycle};
use std::sync::Arc;

/// `fallback`.
pub(super) fn fallback(t: &mut Table<'_>) -> Result<Option<FallbackRules>> {
    let Some(value) = t.get(keys::FALLBACK)? else { return Ok(None) };
    let allowed = match rungs(value) {
        Ok(rungs) if rungs.contains(&Rung::Cache) && !t.has(keys::CACHE) => {
            format!("without `{}`, unless the key `{}` is set", keys::RUNG_CACHE, keys::CACHE)
        }
        Ok(rungs) => return Ok(Some(FallbackRules { rungs })),
        Err(allowed) => allowed,
    };
    Err(t.error(keys::FALLBACK, value, allowed))
}

/// The rungs, or what would be allowed in their place.
fn rungs(value: &Value) -> std::result::Result<Box<[Rung]>, String> {
    let most = keys::MOST_RUNGS;
    let Value::List(items) = value else { return Err(format!("a list of 1 to {most} names")) };
    if !(1..=most).contains(&items.len()) {
        return Err(format!("a list of 1 to {most} names"));
    }
    let mut rungs = Vec::with_capacity(items.len());
    for item in items {
        let Some(rung) = rung(item) else {
            return Err(format!(
                "a list of names, each \"{}\", \"{}NAME\" with a breaker's name, or a name of 1 to {} bytes without \
                 control characters, which {item} is not",
                keys::RUNG_CACHE,
                keys::RUNG_BREAKER,
                keys::LONGEST_NAME
            ));
        };
        if rungs.contains(&rung) {
            return Err(format!("each name once ({item} is there twice)"));
        }
        rungs.push(rung);
    }
    Ok(rungs.into())
}

fn rung(item: &Value) -> Option<Rung> {
    let Value::Text(text) = item else { return None };
    if text == keys::RUNG_CACHE {
        return Some(Rung::Cache);
    }
    match text.strip_prefix(keys::RUNG_BREAKER) {
        Some(name) => crate::name::is_allowed(name).then(|| Rung::Breaker(name.into())),
        None => is_name(text).then(|| Rung::Named(text.as_str().into())),
    }
}

/// Whether it may be the name of a rung or a feature.
pub(super) fn is_name(text: &str) -> bool {
    (1..=keys::LONGEST_NAME).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// An error when a fallback of the breaker of that name leads back to it, over the plans of other breakers as far as
/// `find` knows them.
pub(crate) fn check_rungs(plan: &Plan, name: &str, find: impl Fn(&str) -> Option<Arc<Plan>>) -> Result<()> {
    let Some(cycle) = find_cycle(name, rungs_of(plan), |other| Some(rungs_of(&*find(other)?).into())) else {
        return Ok(());
    };
    let value = Value::Text(format!("{}{}", keys::RUNG_BREAKER, cycle.second())).to_string();
    let allowed =
        format!("names of breakers that do not fall back to `{name}`, at once or over others: {cycle}");
    Err(ConfigError::new(keys::FALLBACK, value, allowed))
}

fn rungs_of(plan: &Plan) -> &[Rung] {
    let rules = plan.policies.as_deref().and_then(|policies| policies.fallback.as_ref());
    rules.map_or(&[], |rules| &rules.rungs)
}

/// `cache`.
pub(super) fn cache(t: &mut Table<'_>, fallback: Option<&FallbackRules>) -> Result<Option<CacheRules>> {
    let Some(value) = t.get(keys::CACHE)? else { return Ok(None) };
    let rules = cache_rules(value)?;
    let is_rung = fallback.is_some_and(|fallback| fallback.rungs.contains(&Rung::Cache));
    if is_rung && rules.mode == CacheMode::OnFailure {
        let allowed = format!(
            "of mode {}, or `{}` without \"{}\", which {} puts first",
            keys::CACHE_MODES[1],
            keys::FALLBACK,
            keys::RUNG_CACHE,
            keys::CACHE_MODES[0],
        );
        return Err(t.error(keys::CACHE, value, allowed));
    }
    Ok(Some(rules))
}

fn cache_rules(value: &Value) -> Result<CacheRules> {
    let mut t = Table::new(keys::CACHE, value)?;
    let mode = match t.choice(keys::CACHE_MODE, &keys::CACHE_MODES)?.unwrap_or(keys::CACHE_MODES[0]) {
        "read_through" => CacheMode::ReadThrough,
        _ => CacheMode::OnFailure,
    };
    let rules = CacheRules {
        mode,
        ttl: t.length(&keys::TTL, OWN)?.unwrap_or(keys::TTL.default.length()),
        stale_ttl: t.length(&keys::STALE_TTL, OWN)?.unwrap_or(keys::STALE_TTL.default.length()),
        max_entries: t.integer(&keys::MAX_ENTRIES, OWN)?.unwrap_or(keys::MAX_ENTRIES.default),
        coalesce: t.flag(keys::COALESCE)?.unwrap_or(keys::COALESCE_DEFAULT),
    };
    t.finish()?;
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{HOUR, SECOND};

    type Rules = (Option<FallbackRules>, Option<CacheRules>);

    fn parse(json: &str) -> std::result::Result<Rules, String> {
        let document = crate::config::value::parse(json).expect("JSON");
        let mut t = Table::new("", &document).map_err(|e| e.to_string())?;
        let fallback = fallback(&mut t).map_err(|e| e.to_string())?;
        let cache = cache(&mut t, fallback.as_ref()).map_err(|e| e.to_string())?;
        Ok((fallback, cache))
    }

    fn refuses(json: &str, told: &str) {
        let error = parse(json).expect_err(json);
        assert!(error.contains(told), "{json}: {error}");
    }

    #[test]
    fn a_fallback_is_a_list_of_names() {
        let long = "x".repeat(keys::LONGEST_NAME);
        let (found, _) =
            parse(&format!(r#"{{"fallback": ["breaker:spare", "Cache", "{long}"]}}"#)).expect("a list");
        let names = [Rung::Named("Cache".into()), Rung::Named(long.as_str().into())];
        let [second, third] = names;
        assert_eq!(
            found,
            Some(FallbackRules { rungs: [Rung::Breaker("spare".into()), second, third].into() })
        );
        for (json, told) in [
            (r#""empty""#, "`fallback` is \"empty\"; allowed: a list of 1 to 16 names"),
            ("[]", "a list of 1 to 16 names"),
            (r#"["a", 1]"#, "which 1 is not"),
            (r#"[""]"#, "which \"\" is not"),
            (r#"["a\nb"]"#, "without control characters"),
            (r#"["breaker:"]"#, "which \"breaker:\" is not"),
            (
                r#"["a", "b", "a"]"#,
                "`fallback` is [\"a\",\"b\",\"a\"]; allowed: each name once (\"a\" is there twice)",
            ),
            ("null", "`fallback` is null"),
        ] {
            refuses(&format!(r#"{{"fallback": {json}}}"#), told);
        }
        refuses(&format!(r#"{{"fallback": ["{long}x"]}}"#), "1 to 64 bytes");
        let seventeen: Vec<String> = (0..17).map(|i| format!("\"{i}\"")).collect();
        refuses(&format!(r#"{{"fallback": [{}]}}"#, seventeen.join(",")), "a list of 1 to 16 names");
    }

    #[test]
    fn an_empty_table_turns_the_cache_on() {
        let on_failure = CacheRules {
            mode: CacheMode::OnFailure,
            ttl: 300 * SECOND,
            stale_ttl: HOUR,
            max_entries: 10_000,
            coalesce: false,
        };
        assert_eq!(parse(r#"{"cache": {}}"#), Ok((None, Some(on_failure))));
        let other = CacheRules { stale_ttl: 0, max_entries: 1, coalesce: true, ..on_failure };
        assert_eq!(
            parse(r#"{"cache": {"mode": "on_failure", "stale_ttl": 0, "max_entries": 1, "coalesce": true}}"#),
            Ok((None, Some(other)))
        );
        for (json, told) in [
            (r#"{"mode": "always"}"#, "`cache.mode` is \"always\"; allowed: one of on_failure, read_through"),
            (r#"{"ttl": 0}"#, "in 1ms..=168h"),
            (r#"{"stale_ttl": "169h"}"#, "in 0ns..=168h"),
            (r#"{"max_entries": 0}"#, "1..=1000000"),
            (r#"{"max_entries": 1000001}"#, "1..=1000000"),
            (r#"{"coalesce": "yes"}"#, "`cache.coalesce` is \"yes\"; allowed: true or false"),
            (r#"{"size": 1}"#, "`cache.size` is 1; allowed: no such key"),
        ] {
            refuses(&format!(r#"{{"cache": {json}}}"#), told);
        }
    }

    #[test]
    fn a_rung_of_the_cache_needs_one_that_is_not_the_first_rung_already() {
        let (fallback, cache) =
            parse(r#"{"fallback": ["a", "cache"], "cache": {"mode": "read_through"}}"#).expect("both");
        assert_eq!(fallback.map(|rules| rules.rungs.len()), Some(2));
        assert_eq!(cache.map(|rules| rules.mode), Some(CacheMode::ReadThrough));
        refuses(
            r#"{"fallback": ["cache"]}"#,
            "`fallback` is [\"cache\"]; allowed: without `cache`, unless the key `cache` is set",
        );
        refuses(
            r#"{"cache": {}, "fallback": ["cache"]}"#,
            "`cache` is {}; allowed: of mode read_through, or `fallback` without \"cache\", which on_failure puts first",
        );
        assert!(parse(r#"{"cache": {}, "fallback": ["a"]}"#).is_ok());
    }
}
