//! The breaker around the calls: all that this demo needs of fusewire.

use crate::client::{Client, Failure};
use crate::ledger::{Ledger, Spell};
use crate::setting::Setting;
use fusewire::{CallError, CircuitBreaker, Event, Registry, State, Subscription, Totals};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub struct Guard {
    registry: Registry,
    breaker: CircuitBreaker,
    ledger: Arc<Mutex<Ledger>>,
    /// The listener lives as long as this.
    _listening: Subscription,
}

impl Guard {
    pub fn new(setting: &Setting) -> Result<Self, String> {
        let registry = Registry::new();
        let builder = CircuitBreaker::builder()
            .failure_threshold(setting.failure_threshold)
            .recovery_timeout(setting.recovery_timeout);
        let builder = if setting.shadow { builder.mode(fusewire::Mode::Shadow) } else { builder };
        let breaker = registry.get_or_create("upstream", builder).map_err(|e| e.to_string())?;
        let ledger = Arc::new(Mutex::new(Ledger::new()));
        let listener = Arc::clone(&ledger);
        let listening = breaker.subscribe(move |event: &Event| {
            let mut ledger = lock(&listener);
            let spell = ledger.transition(event.to, event.generation);
            println!(
                "{:6.1}  {} -> {} ({}), {} calls in flight",
                spell.began.as_secs_f64(),
                event.from,
                event.to,
                event.cause,
                spell.in_flight
            );
        });
        Ok(Self { registry, breaker, ledger, _listening: listening })
    }

    /// One call through the breaker.
    pub async fn call(&self, client: &Client) -> Result<(), CallError<Failure>> {
        self.breaker
            .call_async(async {
                let admission = lock(&self.ledger).admit();
                let answer = client.work(&admission.tag).await;
                lock(&self.ledger).settle(&admission, answer.is_ok());
                answer
            })
            .await
    }

    pub fn state(&self) -> State {
        self.breaker.state()
    }

    /// The registry's metrics as OpenMetrics text.
    pub fn metrics(&self) -> String {
        self.registry.metrics()
    }

    /// What the breaker itself counted.
    pub fn totals(&self) -> Totals {
        self.breaker.snapshot().totals
    }

    pub fn spells(&self) -> Vec<Spell> {
        lock(&self.ledger).spells().to_vec()
    }
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}
