//! The overload scene: three times more calls than the upstream can answer, of all levels, once as they come and once
//! through a breaker that admits by priority.

mod check;
mod gate;
mod plan;
mod plot;
mod report;
mod run;

use crate::args::OverloadOptions;
use crate::client::Client;
use crate::service::serve_beside;
use fusewire_upstream::{Behaviour, Script};
use gate::{Admission, Gate};
use plan::Plan;
use run::{Run, run};
use std::sync::Arc;
use std::time::Duration;

/// Calls that the upstream answers at once, and how long each takes: 200 a second.
const WORKERS: u32 = 10;
const LATENCY: Duration = Duration::from_millis(50);
const CAPACITY: f64 = 200.0;
/// Offered load over capacity.
const OVERLOAD: f64 = 3.0;
/// The same while the service is not loaded, for comparison.
const LEISURE: f64 = 0.25;
/// How long a user waits for an answer.
const TIMEOUT: Duration = Duration::from_millis(500);
/// Of each run, what is not judged: connections are made, and the bucket's burst is spent.
const WARM_UP: Duration = Duration::from_secs(1);

/// The three runs.
struct Runs {
    unloaded: Run,
    bare: Run,
    admitted: Run,
}

/// Whether what it checked holds.
pub fn scene(options: &OverloadOptions) -> Result<bool, String> {
    if let Some(path) = &options.plot {
        // Now rather than after the runs.
        std::fs::File::create(path).map_err(|e| format!("--plot {}: {e}", path.display()))?;
    }
    let crowded = Behaviour::Crowded { latency_ms: LATENCY.as_millis() as u64, workers: WORKERS };
    let url = serve_beside(Script::always("crowded", crowded).map_err(|e| e.to_string())?)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("no runtime: {e}"))?;
    runtime.block_on(async {
        let client = Arc::new(Client::new(&url, TIMEOUT));
        let seconds = WARM_UP + Duration::from_secs(options.seconds.into());
        println!(
            "{url} answers {WORKERS} calls at once, each after {} ms: {CAPACITY} a second. Users give up after {} ms.",
            LATENCY.as_millis(),
            TIMEOUT.as_millis()
        );
        println!("First run: a quarter of that, to see what the service does unloaded");
        let calm = Plan::new(CAPACITY * LEISURE, seconds.min(Duration::from_secs(5)), options.seed);
        let unloaded = run(&client, &calm, &Arc::new(Admission::None)).await?;
        println!("Second run: three times the capacity, and every call goes to the upstream");
        let crowd = Plan::new(CAPACITY * OVERLOAD, seconds, options.seed);
        let bare = run(&client, &crowd, &Arc::new(Admission::None)).await?;
        println!("Third run: the same calls through a breaker that admits by priority");
        let gate = Gate::new()?;
        let admitted = run(&client, &crowd, &Arc::new(Admission::Gate(gate.clone()))).await?;

        let runs = Runs { unloaded, bare, admitted };
        println!("\n{}", report::table(&runs));
        if let Some(path) = &options.plot {
            plot::draw(path, &runs)?;
            println!("Goodput and p99 are drawn in {}", path.display());
        }
        Ok(!options.check || crate::check::report(&check::verify(&runs, &gate.snapshot())))
    })
}
