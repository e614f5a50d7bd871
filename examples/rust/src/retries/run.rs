//! One run: every call of the plan begins when the plan says so, however long the others take.

use super::TIMEOUT;
use super::plan::Plan;
use super::shield::Shield;
use crate::client::{Client, Stats};
use crate::load::{Call, Ending};
use fusewire::Snapshot;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How often the upstream is asked what it has received.
pub const TICK: Duration = Duration::from_millis(500);

/// One call as its user saw it.
#[derive(Clone, Copy, Debug)]
pub struct RetriedCall {
    /// The place of the phase in which it began.
    pub phase: usize,
    pub call: Call,
    /// Attempts that were made, not those that were turned away.
    pub attempts: u32,
}

/// What a run leaves behind.
pub struct Run {
    pub calls: Vec<RetriedCall>,
    /// What the upstream had received by then, by its own account.
    pub received_by: Vec<(Duration, u64)>,
    /// The same in the end; its tags are the phases in which the calls began.
    pub received: Stats,
    pub breaker: Snapshot,
}

impl Run {
    /// The calls that began in a phase, or all.
    pub fn of(&self, phase: Option<usize>) -> impl Iterator<Item = &RetriedCall> {
        self.calls.iter().filter(move |call| phase.is_none_or(|phase| call.phase == phase))
    }

    /// What the upstream received of them.
    pub fn received_of(&self, plan: &Plan, phase: Option<usize>) -> u64 {
        match phase {
            None => self.received.total,
            Some(phase) => self.received.by_tag.get(plan.phases[phase].name).copied().unwrap_or(0),
        }
    }

    /// Requests at the upstream for each call.
    pub fn amplification(&self, plan: &Plan, phase: Option<usize>) -> f64 {
        self.received_of(plan, phase) as f64 / self.of(phase).count().max(1) as f64
    }

    /// Calls that were answered.
    pub fn answered(&self, phase: Option<usize>) -> usize {
        self.of(phase).filter(|call| call.call.ending == Ending::Answered).count()
    }
}

pub async fn run(url: &str, plan: &Plan, shield: Shield) -> Result<Run, String> {
    let client = Arc::new(Client::new(url, TIMEOUT));
    client.start().await?;
    let began = Instant::now();
    let mut running = JoinSet::new();
    let load = async {
        for (planned, phase) in plan.calls() {
            tokio::time::sleep_until(began + planned).await;
            let (client, shield, tag) = (Arc::clone(&client), shield.clone(), plan.phases[phase].name);
            running.spawn(async move {
                let (ending, attempts) = shield.call(&client, tag).await?;
                let latency = began.elapsed().saturating_sub(planned);
                Ok(RetriedCall { phase, call: Call { planned, latency, ending }, attempts })
            });
        }
        running.join_all().await.into_iter().collect::<Result<Vec<RetriedCall>, String>>()
    };
    let (calls, received_by) = tokio::try_join!(load, watch(&client, began, plan.length()))?;
    Ok(Run { calls, received_by, received: client.stats().await?, breaker: shield.snapshot() })
}

/// What the upstream has received, once each tick.
async fn watch(client: &Client, began: Instant, length: Duration) -> Result<Vec<(Duration, u64)>, String> {
    let mut seen = Vec::new();
    let mut next = TICK;
    while next <= length {
        tokio::time::sleep_until(began + next).await;
        let total = client.stats().await?.total;
        seen.push((began.elapsed(), total));
        next += TICK;
    }
    Ok(seen)
}
