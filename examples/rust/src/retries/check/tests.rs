//! The check finds what it says it finds.

use super::*;
use crate::client::Stats;
use crate::load::{Call, Ending};
use crate::retries::run::RetriedCall;
use crate::retries::shield::{Kind, Shield};
use fusewire::Snapshot;
use std::collections::BTreeMap;
use std::time::Duration;

fn plan() -> Plan {
    Plan::new(Duration::from_secs(5))
}

fn fresh() -> Snapshot {
    Shield::new(Kind::Breaker).unwrap().snapshot()
}

/// A run in which of each phase's calls one of `each` was answered, with so many attempts for each ten calls.
fn of(answered: [usize; 3], attempts_of_ten: [u32; 3]) -> Run {
    let plan = plan();
    let mut by_tag = BTreeMap::new();
    let calls: Vec<RetriedCall> = plan
        .calls()
        .into_iter()
        .enumerate()
        .map(|(number, (planned, phase))| {
            let ending = if number % answered[phase] == 0 { Ending::Answered } else { Ending::Failed };
            let more = (number % 10) < attempts_of_ten[phase] as usize % 10;
            let attempts = attempts_of_ten[phase] / 10 + u32::from(more);
            *by_tag.entry(plan.phases[phase].name.to_owned()).or_insert(0) += u64::from(attempts);
            RetriedCall { phase, call: Call { planned, latency: Duration::ZERO, ending }, attempts }
        })
        .collect();
    let total: u64 = by_tag.values().sum();
    let mut breaker = fresh();
    breaker.totals.success = calls.iter().filter(|call| call.call.ending == Ending::Answered).count() as u64;
    breaker.totals.failure = total - breaker.totals.success;
    let received = Stats { total, by_tag, ..Stats::default() };
    Run { calls, received_by: Vec::new(), received, breaker }
}

fn naive() -> Run {
    of([1, 5, 20], [10, 38, 40])
}

fn budget() -> Run {
    of([1, 5, 1], [10, 12, 11])
}

fn breaker() -> Run {
    let mut run = of([1, 2, 1], [10, 8, 9]);
    run.breaker.opened = 2;
    run
}

fn broken(runs: &Runs) -> Vec<usize> {
    let findings = verify(&plan(), runs);
    (0..findings.len()).filter(|place| !findings[*place].kept).collect()
}

#[test]
fn runs_as_they_should_be_break_nothing() {
    let runs = Runs { naive: naive(), budget: budget(), breaker: breaker() };
    assert_eq!(broken(&runs), [0; 0]);
}

#[test]
fn a_budget_that_bounds_nothing_is_found_out() {
    let runs = Runs { naive: naive(), budget: naive(), breaker: breaker() };
    assert_eq!(broken(&runs), [0, 1, 3, 4], "no difference, too many retries, no more answers, no recovery");
}

#[test]
fn a_budget_that_is_slightly_exceeded_is_found_out() {
    let runs = Runs { naive: naive(), budget: of([1, 5, 1], [13, 12, 13]), breaker: breaker() };
    assert_eq!(broken(&runs), [1]);
}

#[test]
fn a_breaker_that_never_opens_is_found_out() {
    let runs = Runs { naive: naive(), budget: budget(), breaker: budget() };
    assert_eq!(broken(&runs), [5]);
}

#[test]
fn requests_that_nobody_made_are_found_out() {
    let mut runs = Runs { naive: naive(), budget: budget(), breaker: breaker() };
    runs.breaker.received.total += 1;
    assert_eq!(broken(&runs), [8]);
}
