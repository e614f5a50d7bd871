//! One run: the script from its start to its end, under load, with a line for every tick.

use crate::client::{Client, Stats};
use crate::load::{self, Call, Ended, Protection};
use crate::setting::Setting;
use crate::timeline::{self, Sample};
use fusewire::State;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What a run leaves behind.
pub struct Run {
    pub calls: Vec<Call>,
    pub samples: Vec<Sample>,
    /// What the upstream received, by its own account.
    pub received: Stats,
}

pub async fn run(
    setting: &Setting,
    client: &Arc<Client>,
    protection: &Arc<Protection>,
) -> Result<Run, String> {
    client.start().await?;
    let began = Instant::now();
    let ended = Arc::new(Ended::default());
    let mut load = load::start(setting, began, client, protection, &ended);

    println!("{}", timeline::HEAD);
    let mut samples: Vec<Sample> = Vec::new();
    let (mut seen, mut received) = (0, 0);
    let mut next = began + setting.tick;
    while !load.is_empty() {
        tokio::select! {
            Some(task) = load.join_next() => task.map_err(|e| format!("a task of the load: {e}"))?,
            () = tokio::time::sleep_until(next) => {
                next += setting.tick;
                let total = client.stats().await?.total;
                let calls = ended.since(seen);
                let before = samples.last().map_or(Duration::ZERO, |sample| sample.at);
                let at = began.elapsed();
                let sample = Sample::new(setting.phase((before + at) / 2), protection, before..at, total - received, &calls);
                println!("{sample}");
                (seen, received) = (seen + calls.len(), total);
                samples.push(sample);
            }
        }
    }
    close(began, client, protection, &ended).await;
    Ok(Run { calls: ended.since(0), samples, received: client.stats().await? })
}

/// On a machine with other work the script may be over before the last probes are: the upstream is well now, so a few
/// more calls bring the breaker back.
async fn close(began: Instant, client: &Client, protection: &Protection, ended: &Ended) {
    let Protection::Breaker(guard) = protection else { return };
    let patience = Instant::now() + Duration::from_secs(10);
    while guard.state() != State::Closed && Instant::now() < patience {
        load::one(began, began.elapsed(), client, protection, ended).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
