//! A steady load that does not wait: calls begin when the plan says so, however long the others take.

use crate::client::Client;
use crate::guard::Guard;
use crate::setting::Setting;
use fusewire::CallError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Whether the calls of a run go through a breaker.
pub enum Protection {
    None,
    Breaker(Arc<Guard>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Answered,
    /// A failure that the upstream got in vain: an error, or no answer in time.
    Failed,
    /// A failure too, but at once: the breaker turned it away.
    Rejected,
}

/// One call as its user saw it.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// When the plan began it, after the start of the run.
    pub planned: Duration,
    /// From then to its end: a call that began late kept its user waiting too.
    pub latency: Duration,
    pub ending: Ending,
}

/// The calls that have ended, in the order of their ends.
#[derive(Default)]
pub struct Ended(Mutex<Vec<Call>>);

impl Ended {
    fn add(&self, call: Call) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    /// Those after the first `seen`.
    pub fn since(&self, seen: usize) -> Vec<Call> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[seen..].to_vec()
    }
}

impl Protection {
    pub async fn call(&self, client: &Client) -> Ending {
        match self {
            Self::None => client.work("unprotected").await.map_or(Ending::Failed, |()| Ending::Answered),
            Self::Breaker(guard) => match guard.call(client).await {
                Ok(()) => Ending::Answered,
                Err(CallError::Inner(_)) => Ending::Failed,
                Err(CallError::Rejected(_)) => Ending::Rejected,
            },
        }
    }
}

/// Starts the tasks; they end when the script is over and their last call has ended.
pub fn start(
    setting: &Setting,
    began: Instant,
    client: &Arc<Client>,
    protection: &Arc<Protection>,
    ended: &Arc<Ended>,
) -> JoinSet<()> {
    let total = (setting.script.duration().as_secs_f64() * f64::from(setting.rate)) as u32;
    let (rate, tasks) = (setting.rate, setting.tasks);
    let mut running = JoinSet::new();
    for first in 0..tasks {
        let (client, protection, ended) = (Arc::clone(client), Arc::clone(protection), Arc::clone(ended));
        running.spawn(async move {
            let mut calls = JoinSet::new();
            for number in (first..total).step_by(tasks as usize) {
                let planned = Duration::from_secs_f64(f64::from(number) / f64::from(rate));
                tokio::time::sleep_until(began + planned).await;
                let (client, protection, ended) =
                    (Arc::clone(&client), Arc::clone(&protection), Arc::clone(&ended));
                calls.spawn(async move { one(began, planned, &client, &protection, &ended).await });
            }
            calls.join_all().await;
        });
    }
    running
}

/// Makes one call and notes how it ended.
pub async fn one(began: Instant, planned: Duration, client: &Client, protection: &Protection, ended: &Ended) {
    let ending = protection.call(client).await;
    let latency = began.elapsed().saturating_sub(planned);
    ended.add(Call { planned, latency, ending });
}
