//! Rungs: what texts they are, whether they fit, in what order they are tried, and when they go round in a circle.

use crate::Outcome;
use crate::policy::cache::{CacheMode, CacheRules};
use crate::policy::fallback::{
    ChainError, Ended, FallbackRules, Rung, Walk, breakers, falls_back, find_cycle,
};
use std::collections::BTreeMap;

fn rungs(texts: &[&str]) -> FallbackRules {
    FallbackRules { rungs: texts.iter().map(|text| Rung::parse(text).expect("a rung")).collect() }
}

fn cache(mode: CacheMode) -> CacheRules {
    CacheRules { mode, ttl: 1, stale_ttl: 1, max_entries: 1, coalesce: false }
}

#[test]
fn a_rung_reads_as_it_is_written() {
    let texts = ["cache", "breaker:billing", "breaker:cache", "breaker", "caches", "default-price", "ä:b"];
    for text in texts {
        assert_eq!(Rung::parse(text).map(|rung| rung.to_string()).as_deref(), Some(text));
    }
    assert_eq!(Rung::parse("breaker:a"), Some(Rung::Breaker("a".into())));
    assert_eq!(Rung::parse(&format!("breaker:{}", "n".repeat(255))).map(|_| ()), Some(()));
}

#[test]
fn a_text_that_names_nothing_is_no_rung() {
    let [long, longer] = [64, 65].map(|n| "n".repeat(n));
    assert!(Rung::parse(&long).is_some());
    for text in ["", "breaker:", "a\nb", "breaker:a\u{7f}", &longer, &format!("breaker:{}", "n".repeat(256))]
    {
        assert_eq!(Rung::parse(text), None, "{text:?}");
    }
}

#[test]
fn rungs_must_fit_each_other_and_the_cache() {
    use CacheMode::{OnFailure, ReadThrough};
    let check = |texts: &[&str], mode: Option<CacheMode>| rungs(texts).check(mode.map(cache).as_ref());
    assert_eq!(check(&["a", "breaker:a", "cache"], Some(ReadThrough)), Ok(()));
    assert_eq!(check(&["a"], Some(OnFailure)), Ok(()));
    assert_eq!(check(&["a", "cache"], None), Err(ChainError::NoCache));
    assert_eq!(check(&["a", "cache"], Some(OnFailure)), Err(ChainError::CacheTwice));
    assert_eq!(check(&["a", "b", "a"], None), Err(ChainError::Twice(Rung::Named("a".into()))));
    assert_eq!(check(&[], None), Err(ChainError::Length(0)));
    let many: Vec<String> = (0..17).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!((check(&many[1..], None), check(&many, None)), (Ok(()), Err(ChainError::Length(17))));
}

#[test]
fn rejections_and_failures_fall_back_and_ignored_outcomes_do_not() {
    let all = [Ended::Rejected, Ended::Settled(Outcome::Failure)];
    assert!(all.into_iter().all(falls_back));
    assert!(![Outcome::Success, Outcome::Ignored].map(Ended::Settled).into_iter().any(falls_back));
}

/// Every rung in the order of trying.
fn tried(texts: Option<&[&str]>, mode: Option<CacheMode>, has_key: bool) -> Vec<String> {
    let (fallback, cache, mut walk) = (texts.map(rungs), mode.map(cache), Walk::default());
    let next = || walk.next(fallback.as_ref(), cache.as_ref(), has_key).map(Rung::to_string);
    std::iter::from_fn(next).collect()
}

#[test]
fn rungs_are_tried_in_order_and_then_there_are_none() {
    assert_eq!(tried(Some(&["b", "breaker:x", "a"]), None, true), ["b", "breaker:x", "a"]);
    assert_eq!(tried(None, None, true), [""; 0]);
    let (rules, mut walk) = (rungs(&["a"]), Walk::default());
    assert!(walk.next(Some(&rules), None, true).is_some());
    assert_eq!((0..300).find_map(|_| walk.next(Some(&rules), None, true)), None);
}

#[test]
fn the_cache_comes_first_where_it_is_not_written_elsewhere() {
    use CacheMode::{OnFailure, ReadThrough};
    assert_eq!(tried(Some(&["a"]), Some(OnFailure), true), ["cache", "a"]);
    assert_eq!(tried(None, Some(OnFailure), true), ["cache"]);
    assert_eq!(tried(Some(&["a"]), Some(ReadThrough), true), ["cache", "a"]);
    assert_eq!(tried(Some(&["a", "cache", "b"]), Some(ReadThrough), true), ["a", "cache", "b"]);
}

#[test]
fn a_call_without_a_key_passes_the_cache_over() {
    assert_eq!(tried(Some(&["a"]), Some(CacheMode::OnFailure), false), ["a"]);
    assert_eq!(tried(Some(&["cache", "a"]), Some(CacheMode::ReadThrough), false), ["a"]);
    assert_eq!(tried(None, Some(CacheMode::OnFailure), false), [""; 0]);
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
