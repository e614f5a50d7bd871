//! Runs the conformance vectors against the Rust crate: `run-vectors-rust [--vectors DIR] [--filter TEXT]`.

mod acquire;
mod attempt;
mod case;
mod expect;
mod files;
mod hand;
mod nanos;
mod request;
mod steps;
mod waits;

use files::{files, read};
use serde_json::Value;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What the command line asks for.
struct Options {
    vectors: PathBuf,
    filter: String,
}

fn options() -> Result<Options, String> {
    let mut options =
        Options { vectors: concat!(env!("CARGO_MANIFEST_DIR"), "/vectors").into(), filter: String::new() };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--vectors" => options.vectors = value()?.into(),
            "--filter" => options.filter = value()?,
            _ => return Err(format!("unknown argument {arg}; known: --vectors DIR, --filter TEXT")),
        }
    }
    Ok(options)
}

#[derive(Default)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
}

/// What came of a case; one that panics has failed, and those after it run.
fn outcome(case: &Value) -> Result<(), String> {
    catch_unwind(|| case::run(case)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without a text");
        Err(format!("panicked: {text}"))
    })
}

fn run_file(folder: &Path, file: &str, filter: &str, counts: &mut Counts) -> Result<(), String> {
    let document = read(&folder.join(file))?;
    let topic = document["topic"].as_str().unwrap_or_default();
    let cases = document["cases"].as_array().ok_or(format!("{file}: no cases"))?;
    for case in cases {
        let name = case["name"].as_str().unwrap_or("unnamed");
        if ![file, topic, name].iter().any(|text| text.contains(filter)) {
            continue;
        }
        if let Some(reason) = case["skip"]["rust"].as_str() {
            counts.skipped += 1;
            println!("skipped {file}: {name}: {reason}");
            continue;
        }
        match outcome(case) {
            Ok(()) => counts.passed += 1,
            Err(e) => {
                counts.failed += 1;
                println!("FAILED {file}: {name}: {e}");
            }
        }
    }
    Ok(())
}

fn run() -> Result<Counts, String> {
    let options = options()?;
    let mut counts = Counts::default();
    for file in files(&options.vectors)? {
        run_file(&options.vectors, &file, &options.filter, &mut counts)?;
    }
    Ok(counts)
}

fn main() -> ExitCode {
    match run() {
        Ok(c) => {
            println!("{} passed, {} failed, {} skipped", c.passed, c.failed, c.skipped);
            ExitCode::from(u8::from(c.failed > 0 || c.passed + c.skipped == 0))
        }
        Err(e) => {
            eprintln!("run-vectors: {e}");
            ExitCode::from(2)
        }
    }
}
