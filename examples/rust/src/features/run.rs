//! The load: each feature is called at a steady pace, one call at a time, until the director has played the script.

use super::director::Director;
use super::log::Entry;
use super::shop::Shop;
use super::{LIMIT, NAMES, TICK};
use crate::client::{Client, Failure, Stats};
use crate::load::Ending;
use fusewire::{CallError, Reason, Snapshot};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

/// One call as its user saw it.
#[derive(Clone, Copy, Debug)]
pub struct FeatureCall {
    /// The place of its feature.
    pub feature: usize,
    pub ending: Ending,
    /// Why it was turned away.
    pub refused: Option<Reason>,
    /// How many entries there were when it began.
    pub seen: usize,
}

/// What the run leaves behind.
pub struct Run {
    pub entries: Vec<Entry>,
    pub calls: Vec<FeatureCall>,
    /// What the upstream received, by its own account; its tags are the features.
    pub received: Stats,
    pub breaker: Snapshot,
    pub lasted: Duration,
    /// The script was played to its end.
    pub is_over: bool,
}

impl Run {
    pub fn count(&self, feature: usize, is: impl Fn(&FeatureCall) -> bool) -> usize {
        self.calls.iter().filter(|call| call.feature == feature && is(call)).count()
    }
}

pub async fn run(client: Arc<Client>, shop: Arc<Shop>, director: Arc<Director>) -> Result<Run, String> {
    client.start().await?;
    let began = Instant::now();
    let mut running: JoinSet<Result<Vec<FeatureCall>, String>> = JoinSet::new();
    for feature in 0..NAMES.len() {
        let (client, shop, director) = (Arc::clone(&client), Arc::clone(&shop), Arc::clone(&director));
        running.spawn(async move {
            let mut ticks = tokio::time::interval_at(began + TICK * feature as u32 / 4, TICK);
            // After a pause of the machine no more calls than before.
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut calls = Vec::new();
            while !director.is_over() && began.elapsed() < LIMIT {
                ticks.tick().await;
                calls.push(one(feature, &client, &shop, &director).await?);
            }
            Ok(calls)
        });
    }
    let mut calls = Vec::new();
    for task in running.join_all().await {
        calls.extend(task?);
    }
    Ok(Run {
        entries: director.entries(),
        calls,
        received: client.stats().await?,
        breaker: shop.snapshot(),
        lasted: began.elapsed(),
        is_over: director.is_over(),
    })
}

async fn one(
    feature: usize,
    client: &Client,
    shop: &Shop,
    director: &Director,
) -> Result<FeatureCall, String> {
    let seen = director.seen();
    let call = |ending, refused| FeatureCall { feature, ending, refused, seen };
    match shop.call(feature, client, director).await {
        Ok(()) => {
            director.answered(feature);
            Ok(call(Ending::Answered, None))
        }
        Err(CallError::Inner(Failure::Connection(why))) => Err(format!("{}: {why}", NAMES[feature])),
        Err(CallError::Inner(_)) => Ok(call(Ending::Failed, None)),
        Err(CallError::Rejected(rejection)) => Ok(call(Ending::Rejected, Some(rejection.reason()))),
    }
}
