//! The table of the scene: each phase in each run.

use super::Runs;
use super::plan::Plan;
use super::run::Run;
use crate::load::Ending;
use crate::timeline::{Latencies, millis};
use std::fmt::Write;
use std::time::Duration;

const HEAD: &str = "phase      run      calls/s  upstream/s  amplification  goodput/s  failed  turned away       p50        p99";

/// Every phase, the runs one below the other, and all of them.
pub fn table(plan: &Plan, runs: &Runs) -> String {
    let mut text = format!("{HEAD}\n");
    for (place, phase) in plan.phases.iter().enumerate() {
        for (name, run) in runs.named() {
            row(&mut text, (phase.name, name), plan, run, Some(place));
        }
    }
    for (name, run) in runs.named() {
        row(&mut text, ("all", name), plan, run, None);
    }
    text.push_str(
        "\nA call counts in the phase in which it began, and so do its attempts. upstream/s: attempts that the upstream \
         received, by its own account; amplification: for each call. goodput: calls that were answered, at whichever \
         attempt. turned away: the breaker was open at the first one. p50 and p99: from a call's beginning to its end, \
         all its attempts and waits included, of those that were not turned away.",
    );
    text
}

fn row(text: &mut String, (phase, name): (&str, &str), plan: &Plan, run: &Run, place: Option<usize>) {
    let length = place.map_or(plan.length(), |place| plan.phases[place].length).as_secs_f64();
    let count = |ending| run.of(place).filter(|call| call.call.ending == ending).count();
    let latencies = made(run, place);
    let _ = writeln!(
        text,
        "{phase:<9}  {name:<7}  {:>7.1}  {:>10.1}  {:>13.2}  {:>9.1}  {:>6}  {:>11}  {:>8}  {:>9}",
        run.of(place).count() as f64 / length,
        run.received_of(plan, place) as f64 / length,
        run.amplification(plan, place),
        run.answered(place) as f64 / length,
        count(Ending::Failed),
        count(Ending::Rejected),
        millis(latencies.percentile(50)),
        millis(latencies.percentile(99)),
    );
}

fn made(run: &Run, phase: Option<usize>) -> Latencies {
    Latencies::new(run.of(phase).map(|call| &call.call).filter(|call| call.ending != Ending::Rejected))
}

/// 99 of 100 calls that began in that stretch of the run, and were not turned away, took no longer.
pub fn p99(run: &Run, from: Duration, to: Duration) -> Option<Duration> {
    let began = run.calls.iter().map(|call| &call.call).filter(|call| (from..to).contains(&call.planned));
    Latencies::new(began.filter(|call| call.ending != Ending::Rejected)).percentile(99)
}
