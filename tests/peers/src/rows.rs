//! One row for each figure, and the file they are written to.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Always `rust`.
    pub lang: &'static str,
    /// The package, or `bare` or `noop`.
    pub peer: &'static str,
    /// The package's version.
    pub version: Option<&'static str>,
    /// What was measured.
    pub case: &'static str,
    /// On how many threads at once.
    pub threads: usize,
    /// The overhead over the bare call; for the bare call, rejections and texts the whole cost.
    pub ns: Option<f64>,
    /// The same of the fastest rounds.
    pub ns_min: Option<f64>,
    /// The whole cost of one call on one thread.
    pub ns_total: Option<f64>,
    /// Bytes of one breaker, or of a text.
    pub bytes: Option<u64>,
    /// What a reader should know.
    pub note: Option<String>,
    /// Where it stands in the table.
    #[serde(skip)]
    pub place: Place,
}

/// A cell of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: String,
    /// The column.
    pub column: &'static str,
}

impl Place {
    /// The cell of a peer in a line.
    pub fn of(peer: &'static str, line: String) -> Place {
        let column = match peer {
            "noop" => "bare",
            "tower-resilience-circuitbreaker"
            | "tower-resilience-ratelimiter"
            | "tower-resilience-bulkhead" => "tower-resilience",
            other => other,
        };
        Place { line, column }
    }
}

/// Where the rows go: `build/bench/rust.jsonl` in the repository.
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../build/bench/rust.jsonl")
}

/// Writes the rows, one JSON object a line.
pub fn write(path: &Path, rows: &[Row]) -> io::Result<()> {
    fs::create_dir_all(path.parent().expect("the file lies in a folder"))?;
    let mut file = io::BufWriter::new(fs::File::create(path)?);
    for row in rows {
        serde_json::to_writer(&mut file, row)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}

/// Thousandths are enough.
pub fn round(figure: f64) -> f64 {
    (figure * 1_000.0).round() / 1_000.0
}
