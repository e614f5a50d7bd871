//! `retry`, from the document.

use super::{Result, keys};
use crate::config::keys as shared;
use crate::config::table::{Limit, OWN, Table, show_length};
use crate::config::value::Value;
use crate::policy::budget::BudgetRules;
use crate::policy::category::{Categories, Category};
use crate::policy::retry::RetryRules;
use crate::policy::wait::{WaitKind, WaitRules};

/// Attempts by method.
type Methods = Box<[(Box<str>, u64)]>;

/// `retry`.
pub(super) fn retry(value: &Value) -> Result<RetryRules> {
    let mut t = Table::new(keys::RETRY, value)?;
    let nothing = Value::table();
    let max_attempts = t.integer(&keys::MAX_ATTEMPTS, OWN)?.unwrap_or(keys::MAX_ATTEMPTS.default);
    let rules = RetryRules {
        max_attempts,
        backoff: backoff(t.get(keys::BACKOFF)?.unwrap_or(&nothing))?,
        on: on(&mut t)?,
        per_method: per_method(t.get(keys::PER_METHOD)?.unwrap_or(&nothing))?,
        max_elapsed: t.length(&keys::MAX_ELAPSED, OWN)?.unwrap_or(keys::MAX_ELAPSED.default.length()),
        budget: budget(&mut t)?,
        rejected: t.flag(keys::REJECTED)?.unwrap_or(keys::REJECTED_DEFAULT),
    };
    t.finish()?;
    Ok(rules)
}

/// What holds for hedges without `retry`: its defaults.
pub(super) fn left_out() -> Result<RetryRules> {
    retry(&Value::table())
}

fn backoff(value: &Value) -> Result<WaitRules> {
    let mut t = Table::new("retry.backoff", value)?;
    let kind = match t.choice(shared::KIND, &keys::BACKOFF_KINDS)?.unwrap_or(keys::DEFAULT_BACKOFF_KIND) {
        "fixed" => WaitKind::Fixed,
        "linear" => WaitKind::Linear,
        "fibonacci" => WaitKind::Fibonacci,
        "decorrelated_jitter" => WaitKind::DecorrelatedJitter,
        "resource_sensitive" => WaitKind::ResourceSensitive,
        "pattern_based" => WaitKind::PatternBased,
        "adaptive" => WaitKind::Adaptive,
        _ => WaitKind::Exponential,
    };
    let (base, max) = base_and_max(&mut t, kind)?;
    let multiplier_bp = match kind {
        WaitKind::Exponential | WaitKind::ResourceSensitive | WaitKind::PatternBased | WaitKind::Adaptive => {
            t.share_or_default(&keys::MULTIPLIER, OWN)?
        }
        WaitKind::Fixed | WaitKind::Linear | WaitKind::Fibonacci | WaitKind::DecorrelatedJitter => 0,
    };
    let jitter_bp = t.share_or_default(&keys::JITTER, OWN)?;
    t.finish()?;
    Ok(WaitRules { kind, base, max, multiplier_bp, jitter_bp })
}

/// Beside a `max` that is left out it is `base` that does not fit.
fn base_and_max(t: &mut Table<'_>, kind: WaitKind) -> Result<(u64, u64)> {
    let spec = &keys::BACKOFF_MAX;
    let is_free = kind == WaitKind::Fixed || t.has(spec.key);
    let highest = if is_free { OWN } else { Limit::by(spec.key, spec.default.length()) };
    let base = t.length_between(&keys::BASE, OWN, highest)?.unwrap_or(keys::BASE.default.length());
    let max = match kind {
        WaitKind::Fixed => 0,
        _ => t.length(spec, Limit::by(keys::BASE.key, base))?.unwrap_or(spec.default.length()),
    };
    Ok((base, max))
}

fn on(t: &mut Table<'_>) -> Result<Categories> {
    let Some(value) = t.get(keys::ON)? else { return Ok(keys::ON_DEFAULT) };
    let category =
        |name: &Value| Category::ALL.into_iter().find(|c| matches!(name, Value::Text(t) if t == c.name()));
    let found = match value {
        Value::List(names) => names.iter().map(category).collect::<Option<Vec<_>>>(),
        _ => None,
    };
    found.map(|all| all.into_iter().fold(Categories::default(), Categories::with)).ok_or_else(|| {
        let names = Category::ALL.map(Category::name).join(", ");
        t.error(keys::ON, value, format!("a list of some of {names}"))
    })
}

/// What is written, over the defaults.
fn per_method(value: &Value) -> Result<Methods> {
    let mut t = Table::new("retry.per_method", value)?;
    let mut attempts: Vec<(&str, u64)> = keys::METHODS.iter().map(|spec| (spec.key, spec.default)).collect();
    for name in t.names() {
        let Some(n) = t.integer_named(name, &keys::METHODS[0], OWN)? else { continue };
        match attempts.iter_mut().find(|(method, _)| *method == name) {
            Some(found) => found.1 = n,
            None => attempts.push((name, n)),
        }
    }
    attempts.sort_unstable();
    Ok(attempts.into_iter().map(|(method, n)| (method.into(), n)).collect())
}

fn budget(t: &mut Table<'_>) -> Result<Option<BudgetRules>> {
    let nothing = Value::table();
    let table = match t.get(keys::BUDGET)? {
        None => &nothing,
        Some(Value::Bool(false)) => return Ok(None),
        Some(table @ Value::Table(_)) => table,
        Some(other) => return Err(t.error(keys::BUDGET, other, "an object, or false")),
    };
    let mut t = Table::new("retry.budget", table)?;
    let ratio_bp = t.share_or_default(&keys::RATIO, OWN)?;
    let min_per_second = t.number(&keys::MIN_PER_SECOND)?.unwrap_or(keys::MIN_PER_SECOND.default);
    let window = t.length(&keys::BUDGET_WINDOW, OWN)?.unwrap_or(keys::BUDGET_WINDOW.default.length());
    if window % keys::BUDGET_BUCKETS != 0 {
        let allowed = format!("a duration of which a tenth is a whole number of ns (it is {window}ns)");
        return Err(t.error(keys::BUDGET_WINDOW.key, show_length(window), allowed));
    }
    t.finish()?;
    Ok(Some(BudgetRules { ratio_bp, min_per_second, window }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{HOUR, MS, SECOND};

    fn parse(json: &str) -> std::result::Result<RetryRules, String> {
        retry(&crate::config::value::parse(json).expect("JSON")).map_err(|e| e.to_string())
    }

    fn refuses(cases: &[(&str, &str)]) {
        for (json, told) in cases {
            let error = parse(json).expect_err(json);
            assert!(error.contains(told), "{json}: {error}");
        }
    }

    fn attempts(json: &str) -> Vec<(String, u64)> {
        let rules = parse(json).expect(json);
        rules.per_method.iter().map(|(method, n)| (method.to_string(), *n)).collect()
    }

    const WAIT: WaitRules = WaitRules {
        kind: WaitKind::Exponential,
        base: 100 * MS,
        max: 5 * SECOND,
        multiplier_bp: 20_000,
        jitter_bp: 2_000,
    };

    #[test]
    fn an_empty_table_turns_retries_on() {
        let rules = parse("{}").expect("defaults");
        assert_eq!((rules.max_attempts, rules.max_elapsed, rules.rejected), (3, 30 * SECOND, false));
        assert_eq!(rules.backoff, WAIT);
        let budget = BudgetRules { ratio_bp: 2_000, min_per_second: 1.0, window: 10 * SECOND };
        assert_eq!(rules.budget, Some(budget));
        let on = Category::ALL.map(|category| rules.on.has(category));
        assert_eq!(on, [true, true, true, true, false, false, false]);
        let methods = [("DELETE", 1), ("GET", 5), ("HEAD", 5), ("OPTIONS", 5), ("PUT", 2)];
        assert_eq!(attempts("{}"), methods.map(|(method, n)| (method.to_owned(), n)));
        refuses(&[
            ("true", "`retry` is true; allowed: an object"),
            (r#"{"max_attempts": 0}"#, "1..=100"),
            (r#"{"max_attempts": 101}"#, "1..=100"),
            (r#"{"max_elapsed": "169h"}"#, "in 1ms..=168h"),
            (r#"{"rejected": 1}"#, "`retry.rejected` is 1; allowed: true or false"),
            (r#"{"attempts": 3}"#, "`retry.attempts` is 3; allowed: no such key here"),
        ]);
    }

    #[test]
    fn a_backoff_takes_its_kinds_keys_and_no_others() {
        let wait = |json: &str| parse(&format!(r#"{{"backoff": {json}}}"#)).map(|rules| rules.backoff);
        assert_eq!(wait("{}"), Ok(WAIT));
        let fixed = WaitRules { kind: WaitKind::Fixed, base: HOUR, max: 0, multiplier_bp: 0, ..WAIT };
        assert_eq!(wait(r#"{"kind": "fixed", "base": "1h"}"#), Ok(fixed));
        for (name, kind, multiplies) in [
            ("linear", WaitKind::Linear, false),
            ("exponential", WaitKind::Exponential, true),
            ("fibonacci", WaitKind::Fibonacci, false),
            ("decorrelated_jitter", WaitKind::DecorrelatedJitter, false),
            ("resource_sensitive", WaitKind::ResourceSensitive, true),
            ("pattern_based", WaitKind::PatternBased, true),
            ("adaptive", WaitKind::Adaptive, true),
        ] {
            let multiplier_bp = if multiplies { WAIT.multiplier_bp } else { 0 };
            assert_eq!(
                wait(&format!(r#"{{"kind": "{name}"}}"#)),
                Ok(WaitRules { kind, multiplier_bp, ..WAIT })
            );
            let multiplied = wait(&format!(r#"{{"kind": "{name}", "multiplier": 3}}"#));
            assert_eq!(multiplied.is_ok(), multiplies, "{name}: {multiplied:?}");
        }
        refuses(&[
            (
                r#"{"backoff": {"kind": "fixed", "max": "5s"}}"#,
                "`retry.backoff.max` is \"5s\"; allowed: no such key",
            ),
            (
                r#"{"backoff": {"kind": "none"}}"#,
                "`retry.backoff.kind` is \"none\"; allowed: one of fixed, linear,",
            ),
            (
                r#"{"backoff": {"reset_after": "1s"}}"#,
                "`retry.backoff.reset_after` is \"1s\"; allowed: no such key",
            ),
            (r#"{"backoff": {"base": "6s"}}"#, "`retry.backoff.base` is \"6s\"; allowed: a duration"),
            (r#"{"backoff": {"base": "6s"}}"#, "in 1ms..=5s (bound by `max`)"),
            (r#"{"backoff": {"max": "99ms"}}"#, "in 100ms..=168h (bound by `base`)"),
            (r#"{"backoff": {"base": "2h", "max": "3h"}}"#, "in 1ms..=3600s"),
            (r#"{"backoff": {"multiplier": 0.5}}"#, "[1, 100]"),
            (r#"{"backoff": {"jitter": 1.5}}"#, "[0, 1]"),
        ]);
    }

    #[test]
    fn categories_are_a_list_of_names() {
        let on = |json: &str| parse(&format!(r#"{{"on": {json}}}"#)).map(|rules| rules.on);
        assert_eq!(on("[]"), Ok(Categories::default()));
        let two = Categories::default().with(Category::Unknown).with(Category::InternalError);
        assert_eq!(on(r#"["unknown", "internal_error", "unknown"]"#), Ok(two));
        refuses(&[
            (
                r#"{"on": ["timeout", "http_500"]}"#,
                "`retry.on` is [\"timeout\",\"http_500\"]; allowed: a list of some of \
                timeout, rate_limit, resource_exhausted, network_error, internal_error, invalid_request, unknown",
            ),
            (r#"{"on": "timeout"}"#, "`retry.on` is \"timeout\""),
            (r#"{"on": [1]}"#, "`retry.on` is [1]"),
        ]);
    }

    #[test]
    fn methods_are_written_over_the_default_ones() {
        let found = attempts(r#"{"per_method": {"QUERY": 4, "GET": 1, "get": 100}}"#);
        let expected =
            [("DELETE", 1), ("GET", 1), ("HEAD", 5), ("OPTIONS", 5), ("PUT", 2), ("QUERY", 4), ("get", 100)];
        assert_eq!(found, expected.map(|(method, n)| (method.to_owned(), n)));
        refuses(&[
            (
                r#"{"per_method": {"PUT": 0, "GET": 0}}"#,
                "`retry.per_method.GET` is 0; allowed: a whole number in 1..=100",
            ),
            (r#"{"per_method": {"LOCK": 101}}"#, "`retry.per_method.LOCK` is 101"),
            (
                r#"{"per_method": {"GET": 1, "GET": 1}}"#,
                "`retry.per_method.GET` is 1; allowed: a key is written once",
            ),
            (r#"{"per_method": ["GET"]}"#, "`retry.per_method` is [\"GET\"]; allowed: an object"),
        ]);
    }

    #[test]
    fn a_budget_is_a_table_or_switched_off() {
        let budget = |json: &str| parse(&format!(r#"{{"budget": {json}}}"#)).map(|rules| rules.budget);
        assert_eq!(budget("false"), Ok(None));
        let other = BudgetRules { ratio_bp: 0, min_per_second: 0.5, window: SECOND };
        assert_eq!(budget(r#"{"ratio": 0, "min_per_second": 0.5, "window": 1}"#), Ok(Some(other)));
        refuses(&[
            (r#"{"budget": true}"#, "`retry.budget` is true; allowed: an object, or false"),
            (r#"{"budget": {"ratio": 1.5}}"#, "`retry.budget.ratio` is 1.5"),
            (r#"{"budget": {"min_per_second": -1}}"#, "a number in 0..=1000000"),
            (r#"{"budget": {"window": "999ms"}}"#, "in 1s..=24h"),
            (
                r#"{"budget": {"window": "1000000001ns"}}"#,
                "`retry.budget.window` is 1000000001ns; allowed: a duration of which a tenth is a whole number of ns",
            ),
            (r#"{"budget": {"buckets": 5}}"#, "`retry.budget.buckets` is 5"),
        ]);
    }
}
