//! The breaker around the calls, and its features: all that this scene needs of fusewire.

use super::director::Director;
use super::log::What;
use super::{CATALOGUE, NAMES, RECOMMENDATIONS, RECOVERY_TIMEOUT, REVIEWS, SEARCH, TEST_DURATION};
use crate::client::{Client, Failure};
use fusewire::{
    CallError, CircuitBreaker, Event, Feature, PolicyEvent, PolicySubscription, Request, Snapshot,
    Subscription, Window,
};
use std::sync::Arc;

pub struct Shop {
    breaker: CircuitBreaker,
    /// The listeners live as long as these.
    _listening: (Subscription, PolicySubscription),
}

impl Shop {
    pub fn new(director: &Arc<Director>) -> Result<Self, String> {
        let feature = |priority| Feature::new().priority(priority).test_duration(TEST_DURATION);
        let breaker = CircuitBreaker::builder()
            // More than one feature alone brings about, also while only it and another are tried.
            .window(Window::count(20).failure_rate(0.9))
            .recovery_timeout(RECOVERY_TIMEOUT)
            .feature(CATALOGUE, feature(100).required(true))
            .feature(SEARCH, feature(75).requires([CATALOGUE]).required(true))
            .feature(RECOMMENDATIONS, feature(50).requires([CATALOGUE]))
            .feature(REVIEWS, feature(25).requires([CATALOGUE]))
            .build("shop")
            .map_err(|e| e.to_string())?;
        let (machine, features) = (Arc::clone(director), Arc::clone(director));
        let moved =
            breaker.subscribe(move |event: &Event| machine.notes(event.generation, What::breaker(event)));
        let changed = breaker.subscribe_policies(move |event: &PolicyEvent| {
            What::feature(event).into_iter().for_each(|what| features.notes(event.generation, what));
        });
        Ok(Self { breaker, _listening: (moved, changed) })
    }

    /// One call of a feature.
    pub async fn call(
        &self,
        feature: usize,
        client: &Client,
        director: &Director,
    ) -> Result<(), CallError<Failure>> {
        let request = Request::new().feature(NAMES[feature]);
        let asking =
            self.breaker.with(request).map_err(|e| CallError::Inner(Failure::Connection(e.to_string())))?;
        asking
            .call_async(async {
                director.tell(client).await.map_err(Failure::Connection)?;
                client.work(NAMES[feature]).await
            })
            .await
    }

    pub fn snapshot(&self) -> Snapshot {
        self.breaker.snapshot()
    }
}
