//! The command line.

use std::time::Duration;

use crate::measure::Effort;

/// What `--help` prints.
pub const HELP: &str = "\
bench-rust: what a call through a circuit breaker costs, fusewire and its peers side by side

Usage: bench-rust [--quick] [--case TEXT] [--help]

  --quick       fewer and shorter rounds: a first look, with more noise
  --case TEXT   only the cases whose name contains TEXT
  --help        this text

Prints one table of nanoseconds a call over the bare call (median, and minimum in brackets), then the targets.
Writes what it measured to build/bench/rust.jsonl. The exit code says that it ran, not what it found.";

/// The options that were given.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Args {
    /// Print the help and do nothing else.
    pub help: bool,
    /// Measure briefly.
    pub quick: bool,
    /// Only the cases whose name contains this.
    pub case: Option<String>,
}

impl Args {
    /// Reads the options; an error is what to tell the user.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Args, String> {
        let mut args = Args::default();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--help" | "-h" => args.help = true,
                "--quick" => args.quick = true,
                "--case" => args.case = Some(words.next().ok_or("--case needs a text")?),
                other => return Err(format!("unknown option {other}; see --help")),
            }
        }
        Ok(args)
    }

    /// Whether a case is to be measured.
    pub fn wants(&self, case: &str) -> bool {
        self.case.as_deref().is_none_or(|text| case.contains(text))
    }

    /// How long to measure.
    pub fn effort(&self) -> Effort {
        match self.quick {
            true => Effort { passes: 1, rounds: 7, turn: Duration::from_micros(500) },
            false => Effort { passes: 3, rounds: 15, turn: Duration::from_millis(2) },
        }
    }
}
