//! Random scripts of calls, for the loops and steppers of every language, and the comparison of what they did:
//!
//! - `differential write --seed N --scripts N` prints scripts, one to a line;
//! - `differential run FILE` leads the crate through them, by its stepper and by its loops, and prints what happened;
//! - `differential compare FILE NAME=REPORT...` compares the reports of all languages, step by step.
//!
//! A script is `{document, calls: [{request, acts, rungs, then}]}`, in whole milliseconds; see `script.rs`. For each way of
//! its own to make these calls a language prints `{script, way, host, sees, steps}`: the script's number, the way's name,
//! whether a `thread` or a `task` waits, how much can be seen (`steps`, from outside `waits` or only `times`), and what
//! happened, in nanoseconds on the clock:
//!
//! - `{is: "call", at, attempt, timeout}`: the function is called;
//! - `{is: "wait", at, for}`;
//! - `{is: "use", at, rung}`;
//! - `{is: "done", at, outcome, rung, attempts, rejected, retry_after, error_type}`: a stepper's own word for the end;
//! - `{is: "over", at, value, error, attempts, rejected}`: what who called has. A value is the number of the function's call
//!   that returned it, or the rung's name; an error begins with that number, or is `rejected: REASON` or `timeout of NS`;
//! - `{is: "read", at, metrics}`: after each call the lines of the metrics that are not 0.

mod awaited;
mod blocking;
mod compare;
mod document;
mod made;
mod random;
mod script;
mod seen;
mod stepped;
mod write;

use serde_json::Value;
use std::io::Write;
use std::process::ExitCode;

const USAGE: &str =
    "usage: differential write --seed N --scripts N | run SCRIPTS | compare SCRIPTS NAME=REPORT...";

fn lines(file: &str) -> Result<Vec<Value>, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
    text.lines().map(|line| serde_json::from_str(line).map_err(|e| format!("{file}: {e}"))).collect()
}

fn print(all: impl IntoIterator<Item = Value>) -> Result<(), String> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    all.into_iter().try_for_each(|line| writeln!(out, "{line}")).map_err(|e| e.to_string())?;
    out.flush().map_err(|e| e.to_string())
}

fn run(file: &str) -> Result<(), String> {
    let mut reports = Vec::new();
    for (number, given) in lines(file)?.iter().enumerate() {
        let script = script::Script::read(given)?;
        let ways = [
            ("stepper", "thread", stepped::run(&script, stepped::Host::Thread)),
            ("stepper", "task", stepped::run(&script, stepped::Host::Task)),
            ("call", "thread", blocking::run(&script)),
            ("call_async", "task", awaited::run(&script)),
        ];
        reports.extend(ways.into_iter().map(|(way, host, seen)| seen.report(number, way, host)));
    }
    print(reports)
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text} is no whole number; {USAGE}"))
}

fn act(args: &[&str]) -> Result<bool, String> {
    match args {
        ["write", "--seed", seed, "--scripts", scripts] => {
            print(write::scripts(number(seed)?, number(scripts)?)).map(|()| true)
        }
        ["run", file] => run(file).map(|()| true),
        ["compare", scripts, reports @ ..] if !reports.is_empty() => compare::run(&lines(scripts)?, reports),
        _ => Err(USAGE.to_owned()),
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match act(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("differential: {e}");
            ExitCode::from(2)
        }
    }
}
