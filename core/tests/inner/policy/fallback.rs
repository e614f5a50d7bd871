//! When breakers fall back on each other in a circle.

use crate::policy::fallback::{FallbackRules, Rung, breakers, find_cycle};
use std::collections::BTreeMap;

fn rungs(texts: &[&str]) -> FallbackRules {
    let rung = |text: &&str| match text.strip_prefix("breaker:") {
        Some(name) => Rung::Breaker(name.into()),
        None => Rung::Named((*text).into()),
    };
    FallbackRules { rungs: texts.iter().map(rung).collect() }
}

fn cycle(name: &str, texts: &[&str], others: &[(&str, &[&str])]) -> Option<String> {
    let others: BTreeMap<&str, _> = others.iter().map(|(name, texts)| (*name, rungs(texts).rungs)).collect();
    find_cycle(name, &rungs(texts).rungs, |name| others.get(name).cloned()).map(|cycle| cycle.to_string())
}

#[test]
fn breakers_that_fall_back_on_each_other_are_named_in_order() {
    assert_eq!(cycle("a", &["breaker:a"], &[]).as_deref(), Some("a -> a"));
    let others: &[(&str, &[&str])] =
        &[("b", &["x", "breaker:d", "breaker:c"]), ("c", &["breaker:d", "breaker:a"]), ("d", &["breaker:e"])];
    assert_eq!(cycle("a", &["f", "breaker:b"], others).as_deref(), Some("a -> b -> c -> a"));
}

#[test]
fn a_chain_that_ends_is_no_cycle() {
    let others: &[(&str, &[&str])] = &[("b", &["breaker:d"]), ("c", &["breaker:d"]), ("d", &["cache", "a"])];
    assert_eq!(cycle("a", &["breaker:b", "breaker:c", "breaker:not-built"], others), None);
    // One that others are in already is not this breaker's.
    let others: &[(&str, &[&str])] = &[("b", &["breaker:c"]), ("c", &["breaker:b"])];
    assert_eq!(cycle("a", &["breaker:b"], others), None);
}

#[test]
fn a_chain_of_thousands_needs_no_stack() {
    let rungs_of = |name: &str| {
        let n: u32 = name.parse().expect("a number");
        (n < 5_000).then(|| rungs(&[&format!("breaker:{}", n + 1)]).rungs)
    };
    assert_eq!(find_cycle("0", &rungs(&["breaker:1"]).rungs, rungs_of), None);
}

#[test]
fn the_breakers_of_a_chain_are_its_rungs_through_them() {
    assert_eq!(breakers(&rungs(&["cache", "breaker:a", "b"]).rungs).collect::<Vec<_>>(), ["a"]);
}
