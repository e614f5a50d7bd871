//! One run: every call of the plan begins when the plan says so, however long the others take.

use super::WARM_UP;
use super::gate::Admission;
use super::plan::Plan;
use crate::client::{Client, Stats};
use crate::load::{Call, Ending};
use fusewire::{CallError, Priority, Reason};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// One call as its user saw it.
#[derive(Clone, Copy, Debug)]
pub struct LevelCall {
    pub level: Priority,
    pub call: Call,
    /// Why it was turned away.
    pub refused: Option<Reason>,
}

/// What a run leaves behind.
pub struct Run {
    pub calls: Vec<LevelCall>,
    /// How long the part of it was that is judged.
    pub judged: Duration,
    /// What the upstream received, by its own account.
    pub received: Stats,
}

impl Run {
    /// The calls of a level, without those of the warm-up.
    pub fn of(&self, level: Priority) -> impl Iterator<Item = &LevelCall> {
        self.judged().filter(move |call| call.level == level)
    }

    /// Calls of any level, without those of the warm-up.
    pub fn judged(&self) -> impl Iterator<Item = &LevelCall> {
        self.calls.iter().filter(|call| call.call.planned >= WARM_UP)
    }

    /// Answers a second.
    pub fn goodput<'a>(&self, calls: impl Iterator<Item = &'a LevelCall>) -> f64 {
        calls.filter(|call| call.call.ending == Ending::Answered).count() as f64 / self.judged.as_secs_f64()
    }
}

pub async fn run(client: &Arc<Client>, plan: &Plan, admission: &Arc<Admission>) -> Result<Run, String> {
    client.start().await?;
    let ended: Arc<Mutex<Vec<LevelCall>>> = Arc::default();
    let began = Instant::now();
    let mut running = JoinSet::new();
    let mut sheds = matches!(**admission, Admission::Gate(_));
    for &(planned, level) in &plan.calls {
        tokio::time::sleep_until(began + planned).await;
        if sheds && planned >= (WARM_UP + plan.length) / 2 {
            sheds = false;
            shed(admission)?;
        }
        let (client, admission, ended) = (Arc::clone(client), Arc::clone(admission), Arc::clone(&ended));
        running.spawn(async move {
            let (ending, refused) = one(&client, &admission, level).await;
            let call = Call { planned, latency: began.elapsed().saturating_sub(planned), ending };
            ended.lock().unwrap_or_else(PoisonError::into_inner).push(LevelCall { level, call, refused });
        });
    }
    running.join_all().await;
    let calls = std::mem::take(&mut *ended.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Run { calls, judged: plan.length.saturating_sub(WARM_UP), received: client.stats().await? })
}

fn shed(admission: &Admission) -> Result<(), String> {
    let Admission::Gate(gate) = admission else { return Ok(()) };
    println!("In the middle of it an operator sheds bulk by hand");
    gate.shed_bulk()
}

async fn one(client: &Client, admission: &Admission, level: Priority) -> (Ending, Option<Reason>) {
    let Admission::Gate(gate) = admission else {
        let answer = client.work(level.name()).await;
        return (answer.map_or(Ending::Failed, |()| Ending::Answered), None);
    };
    match gate.call(level, client).await {
        Ok(()) => (Ending::Answered, None),
        Err(CallError::Inner(_)) => (Ending::Failed, None),
        Err(CallError::Rejected(rejection)) => (Ending::Rejected, Some(rejection.reason())),
    }
}
