//! The check finds what it says it finds.

use super::*;
use crate::client::Stats;
use crate::features::director::Director;
use crate::features::log::Entry;
use crate::features::shop::Shop;
use fusewire::{FeatureState, State};
use std::sync::Arc;
use std::time::Duration;

fn state<T: Copy + ToString>(all: &[T], name: &str) -> T {
    *all.iter().find(|state| state.to_string() == name).unwrap()
}

/// A line of the expected order, as what happened.
fn what(line: &str) -> What {
    let (who, rest) = line.split_once(": ").unwrap();
    let Some((from, rest)) = rest.split_once(" -> ") else {
        let (phase, feature) = rest.split_once(" for ").map_or((rest, None), |(phase, of)| (phase, Some(of)));
        let known = |names: &[&'static str], name| *names.iter().find(|known| **known == name).unwrap();
        let feature = feature.map(|feature| known(&NAMES, feature));
        return What::Upstream { phase: known(&["up", "down"], phase), feature };
    };
    let (to, cause) = rest.split_once(" (").unwrap();
    let cause = cause.trim_end_matches(')').to_owned();
    if who == "breaker" {
        let all = [State::Closed, State::Open, State::HalfOpen];
        return What::Breaker { from: state(&all, from), to: state(&all, to), cause };
    }
    let all = FeatureState::ALL;
    What::Feature { name: who.into(), from: state(&all, from), to: state(&all, to), cause, health: None }
}

/// A run of these events, in which no call was made.
fn run(lines: &[&str]) -> Run {
    let entries = lines.iter().map(|line| Entry { at: Duration::ZERO, what: what(line) }).collect();
    let breaker = Shop::new(&Arc::new(Director::new())).unwrap().snapshot();
    let (calls, received) = (Vec::new(), Stats::default());
    Run { entries, calls, received, breaker, lasted: Duration::ZERO, is_over: true }
}

fn expected() -> Vec<&'static str> {
    EXPECTED.lines().collect()
}

#[test]
fn the_expected_order_breaks_nothing() {
    assert!(order_holds(&run(&expected())).kept);
}

#[test]
fn two_events_the_other_way_round_are_found_out() {
    for place in 1..expected().len() {
        let mut lines = expected();
        lines.swap(place - 1, place);
        assert!(!order_holds(&run(&lines)).kept, "{place}");
    }
}

#[test]
fn a_failed_test_comes_before_what_the_breaker_made_of_it_whoever_tells_first() {
    let [failed, back] =
        ["search: testing -> disabled (failed)", "catalogue: enabled -> disabled (rolled_back)"];
    let opened = "breaker: closed -> open (feature_failed)";
    for told in [[failed, back, opened], [failed, opened, back], [opened, failed, back]] {
        let director = Director::new();
        for line in told {
            director.notes(if line == opened { 1 } else { 0 }, what(line));
        }
        let entries: Vec<String> = director.entries().iter().map(|entry| entry.what.to_string()).collect();
        assert_eq!(entries, [failed, back, opened], "{told:?}");
    }
}

#[test]
fn an_event_too_few_or_too_many_is_found_out() {
    let (mut fewer, mut more) = (expected(), expected());
    fewer.pop();
    more.push("breaker: closed -> open (failure_rate)");
    assert!(!order_holds(&run(&fewer)).kept);
    assert!(!order_holds(&run(&more)).kept);
}

#[test]
fn a_scene_that_was_cut_short_is_found_out() {
    let mut run = run(&expected());
    run.is_over = false;
    assert!(!order_holds(&run).kept);
}

#[test]
fn calls_of_a_disabled_feature_that_are_let_in_and_others_that_fail_are_found_out() {
    let lines = expected();
    let disabled = lines.iter().position(|line| line.ends_with("(unhealthy)")).unwrap();
    let call = |name: &str, ending| {
        let refused = (ending == Ending::Rejected).then_some(Reason::FeatureDisabled);
        let feature = NAMES.iter().position(|known| *known == name).unwrap();
        FeatureCall { feature, ending, refused, seen: disabled + 1 }
    };
    let kept = |its, others| {
        let calls = vec![call(RECOMMENDATIONS, its), call("search", others)];
        the_others_go_on(&Run { calls, ..run(&expected()) }).kept
    };
    assert!(kept(Ending::Rejected, Ending::Answered));
    assert!(!kept(Ending::Answered, Ending::Answered));
    assert!(!kept(Ending::Rejected, Ending::Rejected));
    assert!(!kept(Ending::Rejected, Ending::Failed));
}

#[test]
fn a_request_that_nobody_made_is_found_out() {
    let mut run = run(&expected());
    assert!(only_what_was_let_in_arrives(&run).kept);
    run.received.by_tag.insert("reviews".into(), 1);
    assert!(!only_what_was_let_in_arrives(&run).kept);
}

#[test]
fn a_call_that_the_breaker_did_not_count_is_found_out() {
    let mut run = run(&expected());
    assert!(accounts_agree(&run).kept);
    run.calls.push(FeatureCall { feature: 0, ending: Ending::Answered, refused: None, seen: 0 });
    assert!(!accounts_agree(&run).kept);
}
