//! The feature scene: a service of several features behind one breaker. Its upstream fails, and the features come back one
//! after the other; a required one fails its test and takes all back once. Then one of them fails alone.

mod check;
mod director;
mod log;
mod plot;
mod report;
mod run;
mod shop;

use crate::args::FeaturesOptions;
use crate::client::Client;
use crate::service::serve_beside;
use director::Director;
use fusewire_upstream::{Behaviour, Phase, Script};
use run::run;
use shop::Shop;
use std::sync::Arc;
use std::time::Duration;

/// The features, in the order of their priorities, and what they are in the scene.
const CATALOGUE: &str = "catalogue";
/// Is required, and fails its first test.
const SEARCH: &str = "search";
/// Fails alone in the end.
const RECOMMENDATIONS: &str = "recommendations";
const REVIEWS: &str = "reviews";
const NAMES: [&str; 4] = [CATALOGUE, SEARCH, RECOMMENDATIONS, REVIEWS];

/// How long the breaker is open, and how long a feature that failed waits for its next test.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(1);
const TEST_DURATION: Duration = Duration::from_millis(600);
/// One call of each feature.
const TICK: Duration = Duration::from_millis(20);
/// How long the upstream takes for an answer.
const LATENCY: Duration = Duration::from_millis(5);
/// What a call waits for its answer: so long that only errors fail, however busy the machine is.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The scene ends then, whatever has happened.
const LIMIT: Duration = Duration::from_secs(20);

/// Phases of the upstream.
const UP: &str = "up";
const DOWN: &str = "down";

/// Whether what it checked holds.
pub fn scene(options: &FeaturesOptions) -> Result<bool, String> {
    if let Some(path) = &options.plot {
        // Now rather than after the run.
        std::fs::File::create(path).map_err(|e| format!("--plot {}: {e}", path.display()))?;
    }
    let url = serve_beside(script()?)?;
    // One thread makes the order of calls and events exact, which is what lets the check be exact.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("no runtime: {e}"))?;
    runtime.block_on(async {
        println!("{}\n\n{}", describe(&url), report::HEAD);
        let director = Arc::new(Director::new());
        let shop = Arc::new(Shop::new(&director)?);
        let run = run(Arc::new(Client::new(&url, TIMEOUT)), shop, director).await?;
        println!("\n{}", report::table(&run));
        if let Some(path) = &options.plot {
            plot::draw(path, &run)?;
            println!("The timeline is drawn in {}", path.display());
        }
        Ok(!options.check || crate::check::report(&check::verify(&run)))
    })
}

/// The first phase lasts until another is forced.
fn script() -> Result<Script, String> {
    let phase = |name: &str, behaviour| Phase { name: name.into(), seconds: 3_600.0, behaviour };
    let up = Behaviour::Ok { latency_ms: LATENCY.as_millis() as u64 };
    Script::new(vec![phase(UP, up), phase(DOWN, Behaviour::Error { status: 503 })]).map_err(|e| e.to_string())
}

fn describe(url: &str) -> String {
    format!(
        "A shop calls {url} for {}: each {} times a second, all through one breaker.\n\
         It opens when nearly all calls fail, probes {} s later, and when it closes tests the features by priority, each for \
         {} ms. {CATALOGUE} and {SEARCH} are required, and the others, too, require {CATALOGUE}.",
        NAMES.join(", "),
        Duration::from_secs(1).as_millis() / TICK.as_millis(),
        RECOVERY_TIMEOUT.as_secs_f64(),
        TEST_DURATION.as_millis(),
    )
}
