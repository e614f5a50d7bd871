//! Benchmarks of the C library, called from C, beside the Rust crate: one process, interleaved, one table.
//!
//! The loops around the C calls are C themselves (`c/loops.c`), in a library that links libfusewire.so as a program does;
//! `FUSEWIRE_LOOPS` names it. The loops around the Rust calls are Rust.

#[expect(dead_code, reason = "the benchmark of Rust has more scenarios")]
#[path = "../guard.rs"]
mod guard;
mod loops;
#[path = "../measure.rs"]
mod measure;
mod rust;
#[path = "../styles.rs"]
mod styles;
mod table;
#[path = "../versions.rs"]
mod versions;
#[path = "../work.rs"]
mod work;

use std::process::ExitCode;
use std::time::Duration;

use loops::Loops;
use measure::{Effort, Sample, Subject, measure};
use table::Row;

/// Name and document of each case.
const CASES: [(&str, &str); 7] = [
    ("closed_default", "{}"),
    ("closed_consecutive", r#"{"sample_durations_every":0}"#),
    ("closed_count_100", r#"{"window":{"kind":"count","size":100},"sample_durations_every":0}"#),
    ("closed_time", r#"{"window":{"kind":"time"},"sample_durations_every":0}"#),
    ("closed_consecutive_timed", r#"{"sample_durations_every":1}"#),
    ("closed_time_timed", r#"{"window":{"kind":"time"},"sample_durations_every":1}"#),
    ("open_rejected", r#"{"sample_durations_every":0,"recovery_timeout":"1h"}"#),
];

const HELP: &str = "\
bench-c: what a call through the C library costs, beside the Rust crate

Usage: bench-c [--quick] [--help]

  --quick   fewer and shorter rounds: a first look, with more noise

Prints nanoseconds a call over the bare call of the same language (median, and minimum in brackets; rejections: the whole
cost), then the targets. Writes build/bench/c.jsonl. The exit code says that it ran, not what it found.";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let effort = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Effort { passes: 3, rounds: 15, turn: Duration::from_millis(2) },
        ["--quick"] => Effort { passes: 1, rounds: 7, turn: Duration::from_micros(500) },
        ["--help" | "-h"] => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("bench-c: unknown option; see --help");
            return ExitCode::from(2);
        }
    };
    match Loops::load().and_then(|loops| table::tell(&run(&loops, effort)).map_err(|e| e.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench-c: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(loops: &Loops, effort: Effort) -> Vec<Row> {
    let mut rows = Vec::new();
    for threads in [1, 2] {
        for (case, document) in CASES {
            let subjects = subjects(loops, case, document);
            let mut pools = vec![Vec::new(); subjects.len()];
            for pass in 1..=effort.passes {
                eprintln!("measuring {case}, threads: {threads} ({pass} of {})", effort.passes);
                let measured: Vec<&Subject> = subjects.iter().map(|(_, subject)| subject).collect();
                for (pool, rounds) in pools.iter_mut().zip(measure(&measured, threads, effort)) {
                    pool.extend(rounds);
                }
            }
            let samples: Vec<Sample> = pools.iter_mut().map(|pool| Sample::of(pool)).collect();
            for (place, (way, _)) in subjects.iter().enumerate() {
                // Each is compared with the bare call of its own language, which stands before it.
                let bare = if place >= BARE_RUST { BARE_RUST } else { 0 };
                rows.push(Row::new(way, case, threads, samples[place], samples[bare]));
            }
        }
    }
    rows
}

/// Where the bare call of Rust stands among the subjects.
const BARE_RUST: usize = 3;

fn subjects(loops: &Loops, case: &str, document: &'static str) -> Vec<(&'static str, Subject)> {
    let is_rejected = case.ends_with("_rejected");
    let alone = |make| Subject { make, apart: false };
    vec![
        ("bare (C)", alone(loops.bare())),
        ("C permit", alone(if is_rejected { loops.rejected(document) } else { loops.permit(document) })),
        ("C call", alone(if is_rejected { loops.rejected(document) } else { loops.call(document) })),
        ("bare (Rust)", alone(rust::bare())),
        ("Rust permit", alone(rust::by_permit(document, is_rejected))),
        ("Rust call", alone(rust::by_closure(document, is_rejected))),
    ]
}
