//! `fusewire-upstream`: serves a scripted outage until it is told to end.

use clap::Parser;
use fusewire_upstream::cli::{self, Options};
use std::process::ExitCode;

/// An HTTP service that fails on command: it plays a script of healthy and broken phases.
#[derive(Parser)]
#[command(name = "fusewire-upstream", version)]
struct Args {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    match cli::run(Args::parse().options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("fusewire-upstream: {message}");
            ExitCode::from(2)
        }
    }
}
