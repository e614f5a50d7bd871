//! Every promise, broken by a made-up breaker.

use super::*;
use crate::args::Args;
use crate::client::Stats;
use crate::ledger::Ledger;
use crate::load::Call;
use clap::Parser;
use std::time::Duration;

/// A run of a made-up breaker: its spells, and what the upstream received in each.
struct Made {
    ledger: Ledger,
    received: Stats,
    calls: Vec<Call>,
    totals: Totals,
}

impl Made {
    fn new() -> Self {
        Self {
            ledger: Ledger::new(),
            received: Stats::default(),
            calls: Vec::new(),
            totals: Totals::default(),
        }
    }

    fn turns(mut self, state: State) -> Self {
        let generation = self.ledger.spells().len() as u64;
        self.ledger.transition(state, generation);
        self
    }

    /// Calls in this phase, all of which the upstream receives.
    fn calls(mut self, count: u64, phase: &str, answered: bool) -> Self {
        for _ in 0..count {
            let admission = self.ledger.admit();
            *self.received.by_tag.entry(admission.tag.clone()).or_default() += 1;
            *self.received.by_phase.entry(phase.into()).or_default() += 1;
            self.received.total += 1;
            self.ledger.settle(&admission, answered);
            let ending = if answered { Ending::Answered } else { Ending::Failed };
            self.calls.push(Call { planned: Duration::ZERO, latency: Duration::ZERO, ending });
        }
        *(if answered { &mut self.totals.success } else { &mut self.totals.failure }) += count;
        self
    }

    /// The promises that were broken.
    fn broken(mut self) -> Vec<String> {
        let setting = Setting::new(&Args::parse_from(["demo"])).unwrap();
        let run = |made: &mut Made| Run {
            calls: std::mem::take(&mut made.calls),
            samples: Vec::new(),
            received: std::mem::take(&mut made.received),
        };
        let bare = run(&mut Made::new().calls(1_000, "errors", false));
        let findings = verify(&setting, &bare, &run(&mut self), self.ledger.spells(), &self.totals);
        findings.into_iter().filter(|finding| !finding.kept).map(|finding| finding.text).collect()
    }

    fn opened() -> Self {
        Self::new().calls(9, "healthy", true).calls(5, "errors", false).turns(State::Open)
    }

    fn recovers(self) -> Self {
        let probed = self.turns(State::HalfOpen).calls(3, "recovered", true);
        probed.turns(State::Closed).calls(9, "recovered", true)
    }
}

fn assert_broken(made: Made, words: &str) {
    let broken = made.broken();
    assert!(broken.iter().any(|text| text.contains(words)), "{words:?} is not among {broken:?}");
}

#[test]
fn a_breaker_that_keeps_its_promises_passes() {
    let probed = Made::opened().turns(State::HalfOpen).calls(3, "errors", false).turns(State::Open);
    assert_eq!(probed.recovers().broken(), Vec::<String>::new());
}

#[test]
fn an_event_that_was_lost_is_found_out() {
    let mut made = Made::opened();
    made.ledger.transition(State::HalfOpen, 3);
    assert_broken(made, "each of the 2 transitions was told");
}

#[test]
fn a_breaker_that_never_opens_is_found_out() {
    let made = || Made::new().calls(9, "healthy", true).calls(100, "errors", false);
    assert_broken(made(), "the breaker opened in the outage");
    assert_broken(made(), "but it saw 100 in spell 0");
}

#[test]
fn a_breaker_that_opens_early_or_late_is_found_out() {
    let opens_after = |failures| Made::new().calls(failures, "errors", false).turns(State::Open).recovers();
    assert_broken(opens_after(4), "but it saw 4 in spell 0");
    assert_broken(opens_after(6), "but it saw 6 in spell 0");
}

#[test]
fn a_breaker_that_does_not_close_is_found_out() {
    assert_broken(Made::opened(), "in the end open");
}

#[test]
fn a_call_let_through_while_open_is_found_out() {
    assert_broken(Made::opened().calls(1, "errors", false).recovers(), "but it received 1 in spell 1");
}

#[test]
fn a_probe_too_many_is_found_out() {
    let probed = Made::opened().turns(State::HalfOpen).calls(4, "errors", false).turns(State::Open);
    assert_broken(probed.recovers(), "but it received 4 in spell 2");
}

#[test]
fn calls_past_the_breaker_are_found_out() {
    let mut made = Made::opened().recovers();
    made.received.total += 1;
    assert_broken(made, "the upstream received 27");

    let mut made = Made::opened().recovers();
    *made.received.by_phase.entry("slow".into()).or_default() += 9;
    assert_broken(made, "allowed were 8");
}

#[test]
fn a_call_that_the_breaker_did_not_count_is_found_out() {
    let mut made = Made::opened().recovers();
    made.totals.success -= 1;
    assert_broken(made, "the breaker counted 20 successes");
}
