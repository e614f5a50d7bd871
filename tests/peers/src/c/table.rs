//! The figures as rows, as a table, and held against the targets.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use crate::gates;
use crate::measure::Sample;
use crate::versions;

/// One figure.
pub struct Row {
    way: &'static str,
    case: &'static str,
    threads: usize,
    ns: f64,
    min: f64,
    total: f64,
}

impl Row {
    /// A figure beside that of the bare call of its language. A rejection never makes the call.
    pub fn new(way: &'static str, case: &'static str, threads: usize, sample: Sample, bare: Sample) -> Row {
        let is_whole = way.starts_with("bare") || case.ends_with("_rejected");
        let over = |figure: f64, bare: f64| if is_whole { figure } else { figure - bare };
        Row {
            way,
            case,
            threads,
            ns: over(sample.median, bare.median),
            min: over(sample.min, bare.min),
            total: sample.median,
        }
    }

    fn json(&self) -> serde_json::Value {
        let round = |figure: f64| (figure * 1_000.0).round() / 1_000.0;
        let peer = if self.way.starts_with("bare") { "bare" } else { "fusewire" };
        json!({
            "lang": if self.way.contains("Rust") { "rust" } else { "c" },
            "peer": peer,
            "version": versions::of(peer),
            "case": self.case,
            "threads": self.threads,
            "ns": round(self.ns),
            "ns_min": round(self.min),
            "ns_total": round(self.total),
            "bytes": null,
            "note": self.way,
        })
    }
}

const WAYS: [&str; 6] = ["C permit", "C call", "Rust permit", "Rust call", "bare (C)", "bare (Rust)"];
/// The same of the gates' table. `without`: the call through a breaker without the gate, in C by permit.
const GATE_WAYS: [&str; 8] = [
    "C permit",
    "C call",
    "C without",
    "Rust permit",
    "Rust call",
    "Rust without",
    "bare (C)",
    "bare (Rust)",
];

/// Prints the tables and the targets, and writes the rows.
pub fn tell(rows: &[Row]) -> io::Result<()> {
    let out = &mut io::stdout().lock();
    writeln!(out, "fusewire {}", versions::of("fusewire").unwrap_or_default())?;
    writeln!(out, "ns a call over the bare call of its language: median (minimum). Rejections: whole cost.")?;
    let cases = |of_gates: bool| {
        let mut cases: Vec<(&str, usize)> = Vec::new();
        for row in rows.iter().filter(|row| is_gate(row.case) == of_gates) {
            if !cases.contains(&(row.case, row.threads)) {
                cases.push((row.case, row.threads));
            }
        }
        cases
    };
    grid(out, rows, &cases(false), &WAYS)?;
    if !cases(true).is_empty() {
        writeln!(out, "\nGates. without: the call through a breaker without the gate, in C by permit.")?;
    }
    grid(out, rows, &cases(true), &GATE_WAYS)?;
    targets(out, rows)?;
    write(rows)
}

fn is_gate(case: &str) -> bool {
    gates::ALL.iter().any(|gate| gate.name == case)
}

fn grid(out: &mut impl Write, rows: &[Row], cases: &[(&str, usize)], ways: &[&str]) -> io::Result<()> {
    if cases.is_empty() {
        return Ok(());
    }
    write!(out, "\n{:36}", "")?;
    ways.iter().try_for_each(|way| write!(out, "{way:>16}"))?;
    writeln!(out)?;
    for &(case, threads) in cases {
        let head = if threads == 1 { case.to_owned() } else { format!("{case}, {threads} threads") };
        write!(out, "{head:36}")?;
        for way in ways {
            let found = find(rows, way, case, threads);
            let cell = found.map_or("-".to_owned(), |row| format!("{:.1} ({:.1})", row.ns, row.min));
            write!(out, "{cell:>16}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn find<'a>(rows: &'a [Row], way: &str, case: &str, threads: usize) -> Option<&'a Row> {
    rows.iter().find(|row| row.way == way && row.case == case && row.threads == threads)
}

fn targets(out: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    let ns = |way: &str, case: &str| find(rows, way, case, 1).map(|row| row.ns);
    let (c, rust) = (ns("C permit", "closed_consecutive"), ns("Rust call", "closed_consecutive"));
    let gate =
        |case: &str| ns("C permit", case).zip(ns("C without", case)).map(|(with, without)| with - without);
    let targets = [
        ("acquire and success over the bare call, ns", 12.0, c),
        ("the same, over the call in Rust, ns", 8.0, c.zip(rust).map(|(c, rust)| c - rust)),
        ("rejection, ns", 20.0, ns("C permit", "open_rejected")),
        ("token bucket over the call without it, ns", 14.0, gate("rate_token")),
        ("sliding window over the call without it, ns", 20.0, gate("rate_sliding")),
        ("bulkhead over the call without it, ns", 18.0, gate("bulkhead")),
    ];
    writeln!(out, "\nTargets")?;
    for (what, limit, figure) in targets {
        let Some(figure) = figure else { continue };
        let verdict = if figure <= limit { "met" } else { "missed" };
        writeln!(out, "  {what:48}at most {limit:>4}{figure:>12.2}  {verdict}")?;
    }
    Ok(())
}

fn write(rows: &[Row]) -> io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../build/bench/c.jsonl");
    fs::create_dir_all(path.parent().expect("the file lies in a folder"))?;
    let mut file = io::BufWriter::new(File::create(path)?);
    rows.iter().try_for_each(|row| writeln!(file, "{}", row.json()))?;
    file.flush()
}
