//! Benchmarks of the C library, called from C, beside the Rust crate: one process, interleaved, one table.
//!
//! The loops around the C calls are C themselves (`c/loops.c`), in a library that links libfusewire.so as a program does;
//! `FUSEWIRE_LOOPS` names it. The loops around the Rust calls are Rust.

#[path = "../args.rs"]
mod args;
mod cases;
#[path = "../gates.rs"]
mod gates;
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

use args::Args;
use cases::Case;
use loops::Loops;
use measure::{Effort, Sample, Subject, measure};
use table::Row;

const HELP: &str = "\
bench-c: what a call through the C library costs, beside the Rust crate

Usage: bench-c [--quick] [--case TEXT] [--help]

  --quick       fewer and shorter rounds: a first look, with more noise
  --case TEXT   only the cases whose name contains TEXT
  --help        this text

Prints nanoseconds a call over the bare call of the same language (median, and minimum in brackets; rejections: the whole
cost), then the targets. Writes build/bench/c.jsonl. The exit code says that it ran, not what it found.";

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(why) => {
            eprintln!("bench-c: {why}");
            return ExitCode::from(2);
        }
    };
    if args.help {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match bench(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench-c: {why}");
            ExitCode::FAILURE
        }
    }
}

fn bench(args: &Args) -> Result<(), String> {
    measure::end_all_threads_on_panic();
    let loops = Loops::load()?;
    let cases: Vec<Case> = cases::all().into_iter().filter(|case| args.wants(case.name)).collect();
    if cases.is_empty() {
        return Err("no case has that text in its name".to_owned());
    }
    let mut rows = Vec::new();
    for threads in [1, 2] {
        for case in &cases {
            rows.extend(run(&loops, case, threads, args.effort()));
        }
    }
    table::tell(&rows).map_err(|e| e.to_string())
}

fn run(loops: &Loops, case: &Case, threads: usize, effort: Effort) -> Vec<Row> {
    let ways = case.ways(loops);
    let effort =
        Effort { turn: case.longest_turn.map_or(effort.turn, |longest| longest.min(effort.turn)), ..effort };
    let mut pools = vec![Vec::new(); ways.len()];
    for pass in 1..=effort.passes {
        eprintln!("measuring {}, threads: {threads} ({pass} of {})", case.name, effort.passes);
        let subjects: Vec<&Subject> = ways.iter().map(|(_, subject)| subject).collect();
        for (pool, rounds) in pools.iter_mut().zip(measure(&subjects, threads, effort)) {
            pool.extend(rounds);
        }
    }
    let samples: Vec<Sample> = pools.iter_mut().map(|pool| Sample::of(pool)).collect();
    let named = ways.iter().zip(&samples).map(|((way, _), sample)| (*way, *sample));
    named.map(|(way, sample)| Row::new(way, case.name, threads, sample, bare(&ways, &samples, way))).collect()
}

/// The figure of the bare call of a way's own language.
fn bare(ways: &[(&str, Subject)], samples: &[Sample], way: &str) -> Sample {
    let is_rust = |way: &str| way.contains("Rust");
    let bare = ways.iter().position(|(other, _)| other.starts_with("bare") && is_rust(other) == is_rust(way));
    samples[bare.expect("both bare calls are among them")]
}
