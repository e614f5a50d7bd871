//! Whether a runner of the vectors finds what is wrong: `wrong-vectors [--vectors DIR] COMMAND...`, such as
//! `wrong-vectors tests/run-vectors --lang c`.
//!
//! In every file, a few expectations of each kind are written wrong, one at a time, and some otherwise but right. The
//! command runs these cases: each wrong one must fail, at the step that is wrong, and each right one must pass.

mod expectations;
mod variants;

#[path = "../run_vectors/files.rs"]
mod files;
#[path = "../run_vectors/nanos.rs"]
mod nanos;

use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use variants::{Seen, Variant};

/// How many complaints are printed.
const SHOWN: usize = 20;

/// What the command line asks for.
struct Options {
    vectors: PathBuf,
    command: Vec<String>,
}

fn options() -> Result<Options, String> {
    let mut command: Vec<String> = std::env::args().skip(1).collect();
    let mut vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors").into();
    if command.first().is_some_and(|first| first == "--vectors") {
        vectors = command.get(1).ok_or("--vectors needs a value")?.into();
        command.drain(..2);
    }
    if command.is_empty() {
        return Err("usage: wrong-vectors [--vectors DIR] COMMAND...".to_owned());
    }
    Ok(Options { vectors, command })
}

/// Writes the variants of each file below `folder`, under the file's name; each is named by its number.
fn write(vectors: &Path, folder: &Path) -> Result<Vec<Variant>, String> {
    let mut all = Vec::new();
    let files = files::files(vectors)?;
    for file in &files {
        let document = files::read(&vectors.join(file))?;
        let (mut cases, mut seen) = (Vec::new(), Seen::default());
        let cases_there = document["cases"].as_array().ok_or(format!("{file}: no cases"))?;
        // What some language skips is left out: which language the command runs is its own affair.
        for case in cases_there.iter().filter(|case| case.get("skip").is_none()) {
            for mut variant in variants::of(case, &mut seen)? {
                variant.case["name"] = format!("#{}#", all.len()).into();
                variant.what =
                    format!("{file}: {}: {}", case["name"].as_str().unwrap_or("unnamed"), variant.what);
                cases.push(std::mem::take(&mut variant.case));
                all.push(variant);
            }
        }
        save(
            &folder.join(file),
            &json!({ "topic": "wrong", "why": "a runner must see it", "cases": cases }),
        )?;
    }
    save(&folder.join("index.json"), &json!({ "files": files }))?;
    Ok(all)
}

fn save(path: &Path, value: &Value) -> Result<(), String> {
    std::fs::write(path, value.to_string()).map_err(|e| format!("{}: {e}", path.display()))
}

/// What the runner says of each case that failed, by its number.
fn failures(output: &str) -> HashMap<usize, &str> {
    let lines = output.lines().filter(|line| line.contains("FAILED "));
    lines
        .filter_map(|line| {
            let (_, rest) = line.split_once(": #")?;
            let (number, said) = rest.split_once("#: ")?;
            Some((number.parse().ok()?, said))
        })
        .collect()
}

/// What is wrong with the answer about one case, if anything is.
fn complaint(variant: &Variant, said: Option<&str>) -> Option<String> {
    let prefix = variant.step.map(|step| format!("step {step}: ")).unwrap_or_default();
    // A step that cannot be made may be told as the language tells it, without its number.
    let is_there = |said: &str| said.starts_with(&prefix) || !said.starts_with("step ");
    match (variant.is_wrong, said) {
        (true, Some(said)) if is_there(said) => None,
        (false, None) => None,
        (true, Some(said)) => Some(format!("{}: should fail at {prefix}failed at {said}", variant.what)),
        (true, None) => Some(format!("{}: passes", variant.what)),
        (false, Some(said)) => Some(format!("{}: should pass: {said}", variant.what)),
    }
}

fn run(options: &Options, folder: &Path) -> Result<bool, String> {
    let variants = write(&options.vectors, folder)?;
    let program = &options.command[0];
    let ran = Command::new(program).args(&options.command[1..]).arg("--vectors").arg(folder).output();
    let ran = ran.map_err(|e| format!("{program}: {e}"))?;
    if ran.status.code() == Some(2) {
        return Err(format!("{program} could not run: {}", String::from_utf8_lossy(&ran.stderr)));
    }
    let output = String::from_utf8_lossy(&ran.stdout);
    let said = failures(&output);
    let complaints: Vec<String> =
        variants.iter().enumerate().filter_map(|(i, v)| complaint(v, said.get(&i).copied())).collect();
    for line in complaints.iter().take(SHOWN) {
        println!("{line}");
    }
    let wrong = variants.iter().filter(|v| v.is_wrong).count();
    let (right, end) = (variants.len() - wrong, output.lines().last().unwrap_or_default());
    let counted = format!("{right} passed, {wrong} failed, 0 skipped");
    println!("{wrong} wrong cases, {right} right ones, {} complaints", complaints.len());
    if !end.ends_with(&counted) {
        println!(
            "it should end with {counted}, and ended with {end}\n{}",
            String::from_utf8_lossy(&ran.stderr)
        );
        return Ok(false);
    }
    if ran.status.code() != Some(1) {
        println!("it should exit with 1: {}", ran.status);
        return Ok(false);
    }
    Ok(complaints.is_empty() && wrong > 0 && right > 0)
}

fn main() -> ExitCode {
    let folder = std::env::temp_dir().join(format!("fusewire-wrong-vectors-{}", std::process::id()));
    let created = std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()));
    let outcome = options().and_then(|options| created.and_then(|()| run(&options, &folder)));
    let _ = std::fs::remove_dir_all(&folder);
    match outcome {
        Ok(found_all) => ExitCode::from(u8::from(!found_all)),
        Err(e) => {
            eprintln!("wrong-vectors: {e}");
            ExitCode::from(2)
        }
    }
}
