//! What a policy consists of, as its calls use it.

use super::answer::Answer;
use super::judge::Judge;
use super::keep::{Ended, Follow, Join, Joined, Keep, Lead, land};
use super::rungs::Registered;
use crate::breaker::CircuitBreaker;
use crate::policy::fallback::Rung;
use crate::request::Request;
use std::time::Duration;

/// What a policy consists of.
pub(crate) struct Shared<T, E> {
    pub breaker: CircuitBreaker,
    pub judge: Judge<T, E>,
    pub rungs: Vec<Registered<T, E>>,
    pub kept: Option<Box<dyn Keep<T>>>,
    pub joins: Option<Box<dyn Join<T, E>>>,
    pub pause: Option<Box<dyn Fn(Duration) + Send + Sync>>,
}

/// How a call begins that may find its value, or others of its key.
pub(crate) enum Start<T, E> {
    Go,
    Answered(Ended<T, E>),
    Leads(Box<dyn Lead<T, E>>),
    Follows(Follow<T, E>),
}

impl<T, E> Shared<T, E> {
    pub(crate) fn of(breaker: &CircuitBreaker) -> Self {
        Shared {
            breaker: breaker.clone(),
            judge: Judge::by_result(breaker.0.name.clone()),
            rungs: Vec::new(),
            kept: None,
            joins: None,
            pause: None,
        }
    }

    pub(crate) fn registered(&self, rung: &Rung) -> Option<&Registered<T, E>> {
        self.rungs.iter().find(|registered| registered.rung == *rung)
    }

    /// Whether a call of that request finds nothing, and nobody to join.
    #[inline]
    pub(crate) fn is_plain(&self, request: &Request<'_>) -> bool {
        self.kept.is_none() || request.key.is_none()
    }

    /// Looks for a fresh value, then for calls of the same key. Apart, so that a plain call has nothing of it.
    #[inline(never)]
    pub(crate) fn start(&self, request: &Request<'_>) -> Start<T, E> {
        let (Some(kept), Some(key), body) = (&self.kept, request.key, &self.breaker.0) else {
            return Start::Go;
        };
        if let Some(value) = kept.fresh(body, key) {
            return Start::Answered(Ok(Answer::new(value, 0)));
        }
        let joins = self.joins.as_ref().filter(|_| body.caching().is_some_and(|c| c.rules.coalesce));
        match joins.map(|joins| joins.join(key, request.priority)) {
            None => Start::Go,
            // Another may have kept a value and landed since the look above.
            Some(Joined::Leads(lead)) => match kept.fresh(body, key) {
                None => Start::Leads(lead),
                Some(value) => Start::Answered(land(Some(lead), Ok(Answer::new(value, 0)))),
            },
            Some(Joined::Follows(follow)) => Start::Follows(follow),
        }
    }

    /// Keeps a success for later calls.
    #[inline]
    pub(crate) fn keep(&self, request: &Request<'_>, value: &T) {
        if let (Some(kept), Some(key)) = (&self.kept, request.key) {
            kept.store(&self.breaker.0, key, value);
        }
    }

    pub(crate) fn pause(&self, wait: Duration) {
        match &self.pause {
            None => std::thread::sleep(wait),
            Some(pause) => pause(wait),
        }
    }
}
