//! The retry scene: a brown-out. For some seconds an upstream is offered a fifth more than it can answer, while its callers
//! retry: as often as they like, within a budget, and within a budget and through a breaker that opens.

mod check;
mod plan;
mod plot;
mod report;
mod run;
mod shield;

use crate::args::RetriesOptions;
use crate::service::serve_beside;
use fusewire_upstream::{Behaviour, Script};
use plan::Plan;
use run::{Run, run};
use shield::{Kind, Shield};
use std::time::Duration;

/// Calls that the upstream answers at once, and how long each takes: 200 a second.
const WORKERS: u32 = 10;
const LATENCY: Duration = Duration::from_millis(50);
const CAPACITY: f64 = 200.0;
/// How many stand in its line at most. The last of them is answered after 450 ms, when its caller has given up.
const LINE: u32 = 80;
/// Offered load over capacity: in the brown-out, and before and after it.
const OVERLOAD: f64 = 1.2;
const CALM: f64 = 0.5;
/// How long an attempt may take.
const TIMEOUT: Duration = Duration::from_millis(250);
/// How often a call is tried, the first attempt included.
const ATTEMPTS: u32 = 4;
/// What the first retry waits; each further one twice as long.
const BACKOFF: Duration = Duration::from_millis(50);
/// Of the budget: retries for each first attempt and each second, and over which time both are counted.
const RATIO: f64 = 0.2;
const MIN_PER_SECOND: f64 = 1.0;
const WINDOW: Duration = Duration::from_secs(2);

/// The three runs.
struct Runs {
    naive: Run,
    budget: Run,
    breaker: Run,
}

impl Runs {
    fn named(&self) -> [(&'static str, &Run); 3] {
        [
            (Kind::Naive.name(), &self.naive),
            (Kind::Budget.name(), &self.budget),
            (Kind::Breaker.name(), &self.breaker),
        ]
    }
}

/// Whether what it checked holds.
pub fn scene(options: &RetriesOptions) -> Result<bool, String> {
    if let Some(path) = &options.plot {
        // Now rather than after the runs.
        std::fs::File::create(path).map_err(|e| format!("--plot {}: {e}", path.display()))?;
    }
    let plan = Plan::new(Duration::from_secs(options.seconds.into()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("no runtime: {e}"))?;
    runtime.block_on(async {
        println!("{}", describe(&plan));
        // Side by side: what else the machine does is the same for all of them.
        let (naive, budget, breaker) = tokio::try_join!(
            live(Kind::Naive, &plan),
            live(Kind::Budget, &plan),
            live(Kind::Breaker, &plan)
        )?;
        let runs = Runs { naive, budget, breaker };
        println!("\n{}", report::table(&plan, &runs));
        if let Some(path) = &options.plot {
            plot::draw(path, &plan, &runs)?;
            println!("The three runs are drawn in {}", path.display());
        }
        Ok(!options.check || crate::check::report(&check::verify(&plan, &runs)))
    })
}

/// One run against an upstream of its own.
async fn live(kind: Kind, plan: &Plan) -> Result<Run, String> {
    let backlog = Behaviour::Backlog { latency_ms: LATENCY.as_millis() as u64, workers: WORKERS, line: LINE };
    let url = serve_beside(Script::always("backlog", backlog).map_err(|e| e.to_string())?)?;
    run(&url, plan, Shield::new(kind)?).await
}

fn describe(plan: &Plan) -> String {
    format!(
        "An upstream answers {WORKERS} calls at once, each after {} ms: {CAPACITY} a second. {LINE} more stand in line, and \
         are worked off although their callers have gone; the rest gets a 503.\n\
         It is offered {} calls a second, then for {} s {}, then {} again. An attempt has {} ms, a call {ATTEMPTS} attempts.\n\
         Three runs side by side, each with an upstream of its own: retries as they come (naive), with a budget of {RATIO} \
         for each call (budget), and with that and a breaker (breaker).",
        LATENCY.as_millis(),
        CAPACITY * CALM,
        plan.brown_out().as_secs_f64(),
        CAPACITY * OVERLOAD,
        CAPACITY * CALM,
        TIMEOUT.as_millis(),
    )
}
