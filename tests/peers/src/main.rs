//! Benchmarks of fusewire beside its peers: one process, interleaved, one table. See `--help`.

mod alloc;
mod args;
mod cases;
mod fusewire_cases;
mod gate_cases;
mod gates;
mod guard;
mod measure;
mod memory;
mod peers;
mod recovery_cases;
mod reference;
mod rows;
mod run;
mod styles;
mod table;
mod targets;
mod tower_cases;
mod versions;
mod work;

use std::io;
use std::process::ExitCode;

use args::Args;

/// What `--help` prints.
const HELP: &str = "\
bench-rust: what a call through a circuit breaker costs, fusewire and its peers side by side

Usage: bench-rust [--quick] [--case TEXT] [--help]

  --quick       fewer and shorter rounds: a first look, with more noise
  --case TEXT   only the cases whose name contains TEXT
  --help        this text

Prints one table of nanoseconds a call over the bare call (median, and minimum in brackets), then the targets.
Writes what it measured to build/bench/rust.jsonl. The exit code says that it ran, not what it found.";

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

fn main() -> ExitCode {
    match Args::parse(std::env::args().skip(1)) {
        Err(why) => {
            eprintln!("bench-rust: {why}");
            ExitCode::from(2)
        }
        Ok(args) if args.help => {
            println!("{}", HELP);
            ExitCode::SUCCESS
        }
        Ok(args) => match bench(&args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("bench-rust: {why}");
                ExitCode::FAILURE
            }
        },
    }
}

fn bench(args: &Args) -> io::Result<()> {
    measure::end_all_threads_on_panic();
    let rows = run::all(args);
    if rows.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no case has that text in its name"));
    }
    let mut out = io::stdout().lock();
    table::print(&mut out, &rows)?;
    targets::print(&mut out, &rows)?;
    rows::write(&rows::path(), &rows)
}
