//! The table of both runs.

use crate::load::{Call, Ending};
use crate::run::Run;
use crate::setting::Setting;
use crate::timeline::{Latencies, millis};
use std::fmt::Write;

const HEAD: &str = "phase      run          calls  answered  failures  of these rejected  upstream received  wasted       p50       p99";

/// Every phase, both runs one below the other, and the sums.
pub fn table(setting: &Setting, bare: &Run, protected: &Run) -> String {
    let mut text = format!("{HEAD}\n");
    let runs = [("unprotected", bare), ("protected", protected)];
    for phase in setting.script.phases() {
        for (name, run) in runs {
            let calls = run.calls.iter().filter(|call| setting.phase(call.planned).name == phase.name);
            let received = run.received.by_phase.get(&phase.name).copied().unwrap_or(0);
            row(&mut text, &phase.name, name, calls.collect(), received);
        }
    }
    for (name, run) in runs {
        row(&mut text, "all", name, run.calls.iter().collect(), run.received.total);
    }
    text.push_str(
        "\nA rejected call is a failure for its user too, but one known at once, which can be answered with something \
         else.\nwasted: calls that the upstream received in vain, with an error or no answer in time; their users waited.",
    );
    text
}

fn row(text: &mut String, phase: &str, run: &str, calls: Vec<&Call>, received: u64) {
    let count = |ending| calls.iter().filter(|call| call.ending == ending).count();
    let (wasted, rejected) = (count(Ending::Failed), count(Ending::Rejected));
    let latencies = Latencies::new(calls.iter().copied());
    let _ = writeln!(
        text,
        "{phase:<9}  {run:<11}  {:>5}  {:>8}  {:>8}  {rejected:>17}  {received:>17}  {wasted:>6}  {:>8}  {:>8}",
        calls.len(),
        count(Ending::Answered),
        wasted + rejected,
        millis(latencies.percentile(50)),
        millis(latencies.percentile(99))
    );
}
