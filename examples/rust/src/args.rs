//! The command line.

use clap::{Parser, Subcommand};
use fusewire_upstream::cli;
use std::path::PathBuf;

/// A service under steady load lives through an outage, once without and once with a circuit breaker.
#[derive(Parser)]
#[command(name = "demo", version, args_conflicts_with_subcommands = true)]
pub struct Args {
    /// Multiplies the outage's durations and the breaker's recovery timeout (0.1 to 10); at 1 a run lasts 45 s
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = scale)]
    pub scale: f64,

    /// Calls per second (10 to 1000)
    #[arg(long, value_name = "CALLS", default_value_t = 100, value_parser = clap::value_parser!(u32).range(10..=1_000))]
    pub rate: u32,

    /// Tasks that share the rate (1 to 64)
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub tasks: u32,

    /// Draw the timeline of both runs
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,

    /// Verify what the breaker promises from what the upstream received; exit with 1 if it does not hold
    #[arg(long)]
    pub check: bool,

    /// Let the breaker only watch: it rejects nothing, and --check finds that out
    #[arg(long)]
    pub shadow: bool,

    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Serve the upstream alone; the demo starts itself this way for a process of its own
    Upstream(cli::Options),
    /// Three times more calls than the upstream can answer, of all priorities, without and with admission
    Overload(OverloadOptions),
    /// A fifth more calls than the upstream can answer, for some seconds, with naive retries, a budget, and a breaker
    Retries(RetriesOptions),
    /// A service recovers feature by feature, is taken back once, and loses one feature alone
    Features(FeaturesOptions),
}

#[derive(clap::Args)]
pub struct OverloadOptions {
    /// How long each of the two loaded runs is judged, in seconds (2 to 60)
    #[arg(long, value_name = "SECONDS", default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..=60))]
    pub seconds: u32,

    /// Draws when which calls come; the same seed draws the same
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,

    /// Draw goodput and p99 of each level
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,

    /// Verify what admission promises; exit with 1 if it does not hold
    #[arg(long)]
    pub check: bool,
}

#[derive(clap::Args)]
pub struct RetriesOptions {
    /// How long the brown-out lasts, in seconds (2 to 8); six more are calm
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=8))]
    pub seconds: u32,

    /// Draw load, goodput, amplification and p99 of the three runs
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,

    /// Verify what the budget and the breaker promise; exit with 1 if it does not hold
    #[arg(long)]
    pub check: bool,
}

#[derive(clap::Args)]
pub struct FeaturesOptions {
    /// Draw the states of the breaker and of each feature over time
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,

    /// Verify the order of events, and that only calls that may be made are; exit with 1 if it does not hold
    #[arg(long)]
    pub check: bool,
}

fn scale(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if (0.1..=10.0).contains(&factor) => Ok(factor),
        _ => Err("allowed are numbers from 0.1 to 10".into()),
    }
}
