//! The table of the scene: each level in each run.

use super::Runs;
use super::plan::MIX;
use super::run::{LevelCall, Run};
use crate::load::Ending;
use crate::timeline::{Latencies, millis};
use fusewire::Reason;
use std::fmt::Write;
use std::time::Duration;

const HEAD: &str = "level     run        calls  answered  goodput/s  given up  turned away       p50       p99  turned away because";

/// Every level, the runs one below the other, and all of them.
pub fn table(runs: &Runs) -> String {
    let mut text = format!("{HEAD}\n");
    let named = [("unloaded", &runs.unloaded), ("as it comes", &runs.bare), ("admitted", &runs.admitted)];
    for (level, _) in MIX {
        for (name, run) in named {
            row(&mut text, level.name(), name, run, run.of(level).collect());
        }
    }
    for (name, run) in named {
        row(&mut text, "all", name, run, run.judged().collect());
    }
    text.push_str(
        "\np50 and p99 are of the calls that were made, answered or given up: turned away, a user knows at once. goodput: \
         answers in time. unloaded: at a quarter of the capacity.",
    );
    text
}

fn row(text: &mut String, level: &str, name: &str, run: &Run, calls: Vec<&LevelCall>) {
    let count = |ending| calls.iter().filter(|call| call.call.ending == ending).count();
    let latencies = made(calls.iter().copied());
    let _ = writeln!(
        text,
        "{level:<8}  {name:<11}{:>5}  {:>8}  {:>9.1}  {:>8}  {:>11}  {:>8}  {:>8}  {}",
        calls.len(),
        count(Ending::Answered),
        run.goodput(calls.iter().copied()),
        count(Ending::Failed),
        count(Ending::Rejected),
        millis(latencies.percentile(50)),
        millis(latencies.percentile(99)),
        reasons(&calls),
    );
}

/// Latencies of the calls that were not turned away.
fn made<'a>(calls: impl Iterator<Item = &'a LevelCall>) -> Latencies {
    Latencies::new(calls.map(|call| &call.call).filter(|call| call.ending != Ending::Rejected))
}

/// The same, of one level or of all: 99 of 100 took no longer.
pub fn p99<'a>(calls: impl Iterator<Item = &'a LevelCall>) -> Option<Duration> {
    made(calls).percentile(99)
}

fn reasons(calls: &[&LevelCall]) -> String {
    let said = Reason::ALL.into_iter().filter_map(|reason| {
        let count = calls.iter().filter(|call| call.refused == Some(reason)).count();
        (count > 0).then(|| format!("{} {count}", reason.name()))
    });
    said.collect::<Vec<_>>().join(", ")
}
