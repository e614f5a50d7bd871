//! The command line of the programs.

use std::time::Duration;

use crate::measure::Effort;

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
