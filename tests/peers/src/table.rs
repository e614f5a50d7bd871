//! The table: a line for each case, a column for each peer.

use std::io::{self, Write};

use crate::rows::Row;
use crate::{gate_cases, recovery_cases, versions};

/// Heads of the columns, and the packages whose versions stand above the table.
const COLUMNS: [&str; 8] = [
    "fusewire",
    "try_acquire",
    "recloser",
    "failsafe",
    "nobreak",
    "circuitbreaker-rs",
    "tower-resilience",
    "bare",
];
/// The same of the gates' table. `without`: the call through a breaker without the gate.
const GATE_COLUMNS: [&str; 7] =
    ["fusewire", "try_acquire", "without", "governor", "tokio", "tower-resilience", "bare"];
/// The same of the table of calls that recover. `without`: the call through a breaker without these policies.
const RECOVERY_COLUMNS: [&str; 4] = ["fusewire", "without", "tower", "bare"];
const PACKAGES: [&str; 11] = [
    "fusewire",
    "recloser",
    "failsafe",
    "nobreak",
    "circuitbreaker-rs",
    "tower-resilience-circuitbreaker",
    "governor",
    "tokio",
    "tower",
    "tower-resilience-ratelimiter",
    "tower-resilience-bulkhead",
];

/// Prints the versions, the tables and the notes.
pub fn print(out: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    let versions: Vec<String> = PACKAGES
        .iter()
        .map(|package| format!("{package} {}", versions::of(package).unwrap_or("(not locked)")))
        .collect();
    writeln!(out, "{}", versions.join(", "))?;
    writeln!(
        out,
        "ns a call over the bare call: median (minimum). Rejections, texts and the bare call: whole cost."
    )?;
    writeln!(
        out,
        "A dash: the peer has no such case. try_acquire: fusewire by permit instead of closure.\n"
    )?;
    let (gates, others): (Vec<Row>, Vec<Row>) =
        rows.iter().cloned().partition(|row| gate_cases::has(row.case));
    let (recovering, breakers): (Vec<Row>, Vec<Row>) =
        others.into_iter().partition(|row| recovery_cases::has(row.case));
    if !breakers.is_empty() {
        grid(out, &breakers, &COLUMNS)?;
    }
    if !gates.is_empty() {
        writeln!(
            out,
            "\nGates. without: the call through a breaker without the gate; governor, tokio, tower-resilience: \
             their gate around the bare call. queue_...: whole cost.\n"
        )?;
        grid(out, &gates, &GATE_COLUMNS)?;
    }
    if !recovering.is_empty() {
        writeln!(
            out,
            "\nCalls with timeout, retry and fallback that succeed at once. without: the call through a breaker without \
             them; tower: its retry around its timeout around the bare call, no breaker.\n"
        )?;
        grid(out, &recovering, &RECOVERY_COLUMNS)?;
    }
    notes(out, rows)
}

/// A line for each case, a column for each peer.
fn grid(out: &mut impl Write, rows: &[Row], columns: &[&str]) -> io::Result<()> {
    let lines = lines(rows);
    let width = |column: &&str| {
        let cells = lines.iter().map(|line| cell(rows, line, column).len());
        cells.chain([column.len()]).max().unwrap_or(0) + 2
    };
    let widths: Vec<usize> = columns.iter().map(width).collect();
    let head = lines.iter().map(|line| line.len()).max().unwrap_or(0);
    write!(out, "{:head$}", "")?;
    for (column, width) in columns.iter().zip(&widths) {
        write!(out, "{column:>width$}")?;
    }
    writeln!(out)?;
    for line in &lines {
        write!(out, "{line:head$}")?;
        for (column, width) in columns.iter().zip(&widths) {
            write!(out, "{:>width$}", cell(rows, line, column))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn lines(rows: &[Row]) -> Vec<&str> {
    let mut lines: Vec<&str> = Vec::new();
    for row in rows {
        if !lines.contains(&row.place.line.as_str()) {
            lines.push(&row.place.line);
        }
    }
    lines
}

fn cell(rows: &[Row], line: &str, column: &str) -> String {
    let here = rows.iter().find(|row| row.place.line == line && row.place.column == column);
    match here {
        None => "-".to_owned(),
        Some(Row { ns: Some(ns), ns_min: Some(min), .. }) if *ns < 10_000.0 => format!("{ns:.1} ({min:.1})"),
        Some(Row { ns: Some(ns), .. }) => format!("{:.3} ms", ns / 1e6),
        Some(Row { bytes: Some(bytes), .. }) => format!("{bytes} B"),
        Some(_) => "?".to_owned(),
    }
}

/// What stands beside figures of one thread, each remark once.
fn notes(out: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    let mut said: Vec<(&str, &str)> = Vec::new();
    writeln!(out, "\nNotes")?;
    for row in rows.iter().filter(|row| row.threads == 1 && row.place.column != "try_acquire") {
        let Some(note) = row.note.as_deref() else { continue };
        if !said.contains(&(row.peer, note)) {
            said.push((row.peer, note));
            writeln!(out, "  {}, {}: {note}", row.peer, row.place.line)?;
        }
    }
    Ok(())
}
