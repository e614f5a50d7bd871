//! The policies of a plan with every default filled in.

use super::keys;
use crate::config::keys as shared;
use crate::config::value::Value;
use crate::config::write::{length, share, text, whole};
use crate::policy::Policies;
use crate::policy::budget::BudgetRules;
use crate::policy::cache::{CacheMode, CacheRules};
use crate::policy::category::Category;
use crate::policy::fallback::{FallbackRules, Rung};
use crate::policy::feature::{FeatureRule, FeatureRules};
use crate::policy::hedge::{After, HedgeRules};
use crate::policy::retry::RetryRules;
use crate::policy::timeout::{LearnKind, LearnRules, TimeoutRules};
use crate::policy::wait::{WaitKind, WaitRules};

/// Sets the key of each policy that there is.
pub(crate) fn set(t: &mut Value, policies: &Policies) {
    if let Some(rules) = &policies.timeout {
        t.set(keys::TIMEOUT.key, timeout(rules));
    }
    if let Some(rules) = &policies.retry {
        t.set(keys::RETRY, retry(rules));
    }
    if let Some(rules) = &policies.fallback {
        t.set(keys::FALLBACK, fallback(rules));
    }
    if let Some(rules) = &policies.cache {
        t.set(keys::CACHE, cache(rules));
    }
    if let Some(rules) = &policies.hedge {
        t.set(keys::HEDGE, hedge(rules));
    }
    if let Some(rules) = &policies.features {
        t.set(keys::FEATURES, features(rules));
    }
}

fn timeout(rules: &TimeoutRules) -> Value {
    match rules {
        TimeoutRules::Fixed(limit) => length(*limit),
        TimeoutRules::Learned(rules) => learned(rules),
    }
}

fn learned(rules: &LearnRules) -> Value {
    let kind = match rules.kind {
        LearnKind::Percentile => keys::TIMEOUT_KINDS[0],
        LearnKind::Adaptive => keys::TIMEOUT_KINDS[1],
        LearnKind::Hybrid => keys::TIMEOUT_KINDS[2],
    };
    let mut t = Value::table();
    t.set(shared::KIND, text(kind));
    if rules.kind != LearnKind::Adaptive {
        t.set(keys::PERCENTILE.key, share(rules.percentile_bp));
    }
    t.set(keys::FACTOR.key, share(rules.factor_bp));
    t.set(keys::TIMEOUT_MIN.key, length(rules.min));
    t.set(keys::TIMEOUT_MAX.key, length(rules.max));
    t.set(keys::TIMEOUT_WINDOW.key, whole(rules.window));
    t.set(keys::TIMEOUT_INITIAL.key, length(rules.initial));
    t
}

fn retry(rules: &RetryRules) -> Value {
    let mut t = Value::table();
    t.set(keys::MAX_ATTEMPTS.key, whole(rules.max_attempts));
    t.set(keys::BACKOFF, backoff(&rules.backoff));
    let on = Category::ALL.into_iter().filter(|category| rules.on.has(*category));
    t.set(keys::ON, Value::List(on.map(|category| text(category.name())).collect()));
    let mut per_method = Value::table();
    for (method, attempts) in &rules.per_method {
        per_method.set(method, whole(*attempts));
    }
    t.set(keys::PER_METHOD, per_method);
    t.set(keys::MAX_ELAPSED.key, length(rules.max_elapsed));
    t.set(keys::BUDGET, rules.budget.as_ref().map_or(Value::Bool(false), budget));
    t.set(keys::REJECTED, Value::Bool(rules.rejected));
    t
}

fn backoff(rules: &WaitRules) -> Value {
    let kind = match rules.kind {
        WaitKind::Fixed => keys::BACKOFF_KINDS[0],
        WaitKind::Linear => keys::BACKOFF_KINDS[1],
        WaitKind::Exponential => keys::BACKOFF_KINDS[2],
        WaitKind::Fibonacci => keys::BACKOFF_KINDS[3],
        WaitKind::DecorrelatedJitter => keys::BACKOFF_KINDS[4],
        WaitKind::ResourceSensitive => keys::BACKOFF_KINDS[5],
        WaitKind::PatternBased => keys::BACKOFF_KINDS[6],
        WaitKind::Adaptive => keys::BACKOFF_KINDS[7],
    };
    let mut t = Value::table();
    t.set(shared::KIND, text(kind));
    t.set(keys::BASE.key, length(rules.base));
    // The kinds that do not use a key have 0 there, which nobody can write.
    if rules.max > 0 {
        t.set(keys::BACKOFF_MAX.key, length(rules.max));
    }
    if rules.multiplier_bp > 0 {
        t.set(keys::MULTIPLIER.key, share(rules.multiplier_bp));
    }
    t.set(keys::JITTER.key, share(rules.jitter_bp));
    t
}

fn budget(rules: &BudgetRules) -> Value {
    let mut t = Value::table();
    t.set(keys::RATIO.key, share(rules.ratio_bp));
    t.set(keys::MIN_PER_SECOND.key, Value::Float(rules.min_per_second));
    t.set(keys::BUDGET_WINDOW.key, length(rules.window));
    t
}

fn fallback(rules: &FallbackRules) -> Value {
    let rungs = rules.rungs.iter().map(|rung| match rung {
        Rung::Cache => text(keys::RUNG_CACHE),
        Rung::Breaker(name) => Value::Text(format!("{}{name}", keys::RUNG_BREAKER)),
        Rung::Named(name) => text(name),
    });
    Value::List(rungs.collect())
}

fn cache(rules: &CacheRules) -> Value {
    let mode = match rules.mode {
        CacheMode::OnFailure => keys::CACHE_MODES[0],
        CacheMode::ReadThrough => keys::CACHE_MODES[1],
    };
    let mut t = Value::table();
    t.set(keys::CACHE_MODE, text(mode));
    t.set(keys::TTL.key, length(rules.ttl));
    t.set(keys::STALE_TTL.key, length(rules.stale_ttl));
    t.set(keys::MAX_ENTRIES.key, whole(rules.max_entries));
    t.set(keys::COALESCE, Value::Bool(rules.coalesce));
    t
}

fn hedge(rules: &HedgeRules) -> Value {
    let mut t = Value::table();
    let after = match rules.after {
        After::Fixed(after) => length(after),
        After::P95 => text(keys::AFTER_P95),
    };
    t.set(keys::AFTER.key, after);
    t.set(keys::HEDGE_MAX.key, whole(rules.max));
    t
}

fn features(rules: &FeatureRules) -> Value {
    let mut t = Value::table();
    for rule in &rules.features {
        t.set(&rule.name, feature(rule, &rules.features));
    }
    t
}

fn feature(rule: &FeatureRule, all: &[FeatureRule]) -> Value {
    let mut t = Value::table();
    t.set(keys::FEATURE_PRIORITY.key, whole(rule.priority));
    let requires = rule.requires.iter().map(|place| text(&all[*place].name));
    t.set(keys::REQUIRES, Value::List(requires.collect()));
    t.set(keys::MIN_HEALTH.key, share(rule.min_health_bp));
    t.set(keys::TEST_DURATION.key, length(rule.test_duration));
    t.set(keys::MIN_CALLS.key, whole(rule.min_calls));
    t.set(keys::REQUIRED, Value::Bool(rule.required));
    t
}
