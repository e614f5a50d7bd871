//! `demo`: a service under steady load lives through an outage, once without and once with a circuit breaker.

mod args;
mod check;
mod client;
mod features;
mod guard;
mod ledger;
mod load;
mod overload;
mod plot;
mod report;
mod retries;
mod run;
mod service;
mod setting;
mod timeline;

use args::{Args, Command};
use clap::Parser;
use client::Client;
use guard::Guard;
use load::Protection;
use run::run;
use setting::Setting;
use std::process::ExitCode;
use std::sync::Arc;

const LEGEND: &str = "\
upstream/s: calls that reached the upstream, by its own account. failures/s: calls that failed for their users.
rejected/s: those of them that the breaker turned away at once.";

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.command {
        Some(Command::Upstream(options)) => fusewire_upstream::cli::run(options).map(|()| true),
        Some(Command::Overload(options)) => overload::scene(&options),
        Some(Command::Features(options)) => features::scene(&options),
        Some(Command::Retries(options)) => retries::scene(&options),
        None => demo(&args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("demo: {message}");
            ExitCode::from(2)
        }
    }
}

/// Whether what it checked holds.
fn demo(args: &Args) -> Result<bool, String> {
    let setting = Setting::new(args)?;
    if let Some(path) = &args.plot {
        // Now rather than after the runs.
        std::fs::File::create(path).map_err(|e| format!("--plot {}: {e}", path.display()))?;
    }
    // One thread makes the order of calls and events exact, which is what lets the check be exact.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("no runtime: {e}"))?;
    runtime.block_on(async {
        let service = service::start(args.scale)?;
        let client = Arc::new(Client::new(&service.url, setting.timeout));
        println!("{}", setting.describe(&service.url));

        println!("{LEGEND}");
        println!("\nFirst run: every call goes to the upstream");
        let bare = run(&setting, &client, &Arc::new(Protection::None)).await?;

        println!("\nSecond run: the same load through a breaker");
        let guard = Arc::new(Guard::new(&setting)?);
        let protected = run(&setting, &client, &Arc::new(Protection::Breaker(Arc::clone(&guard)))).await?;

        println!("\n{}", report::table(&setting, &bare, &protected));
        println!("Metrics of the second run\n\n{}", guard.metrics());
        let spells = guard.spells();
        if let Some(path) = &args.plot {
            plot::draw(path, &setting, &bare, &protected, &spells)?;
            println!("The timeline is drawn in {}", path.display());
        }
        Ok(!args.check
            || check::report(&check::verify(&setting, &bare, &protected, &spells, &guard.totals())))
    })
}
