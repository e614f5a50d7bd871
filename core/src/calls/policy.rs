//! A breaker with what its document's policies need of the host: how results are judged, what answers in a call's place,
//! and where values are kept.

use super::answer::Miss;
use super::keep::{Ended, Kept};
#[cfg(feature = "tokio")]
use super::rungs::Answering;
use super::rungs::{Registered, Source};
use super::shared::Shared;
use crate::breaker::CircuitBreaker;
use crate::descent::cycle_error;
use crate::error::{ConfigError, Error};
use crate::policy::coalesce::Coalesced;
use crate::policy::fallback::{Rung, find_cycle};
use crate::stepping::Ending;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Calls that recover: what the document's `timeout`, `retry`, `fallback`, `cache` and `hedge` say, carried out. Built once
/// from a breaker; clones are the same.
///
/// ```
/// use fusewire::{CircuitBreaker, Ending, Fallback, Policy, Request, Retry};
/// use std::io;
///
/// let breaker = CircuitBreaker::builder()
///     .retry(Retry::new().max_attempts(3))
///     .fallback(Fallback::new().named("empty"))
///     .build("search")?;
/// let policy = Policy::builder(&breaker)
///     .describe(|error: &io::Error| Ending::from(error))
///     .fallback("empty", |_| Ok(Vec::<String>::new()))
///     .build()?;
///
/// # fn search() -> io::Result<Vec<String>> { Err(io::ErrorKind::PermissionDenied.into()) }
/// let answer = policy.call(Request::new().method("GET"), || search()).expect("a constant answers at last");
/// assert!(answer.value.is_empty());
/// assert_eq!(answer.degraded.expect("a rung has answered").error.attempts(), 1);
/// # Ok::<(), fusewire::Error>(())
/// ```
///
/// A breaker whose document has none of these policies is called as by [`CircuitBreaker::call`].
pub struct Policy<T, E>(Arc<Shared<T, E>>);

/// The keys that a policy may not fit.
const FALLBACK: &str = "fallback";
const CACHE: &str = "cache";
const COALESCE: &str = "cache.coalesce";

impl<T, E> Policy<T, E> {
    /// Begins to build a policy over a breaker.
    pub fn builder(breaker: &CircuitBreaker) -> PolicyBuilder<T, E> {
        PolicyBuilder(Shared::of(breaker))
    }

    /// The breaker.
    pub fn breaker(&self) -> &CircuitBreaker {
        &self.0.breaker
    }

    /// Drops what is cached under a key.
    pub fn forget(&self, key: &str) {
        if let Some(kept) = &self.0.kept {
            kept.forget(&self.0.breaker.0, key);
        }
    }

    /// Drops everything that is cached, also what other policies over the same breaker have.
    pub fn clear_cache(&self) {
        if let Some(kept) = &self.0.kept {
            kept.clear(&self.0.breaker.0);
        }
    }

    #[inline]
    pub(crate) fn shared(&self) -> &Shared<T, E> {
        &self.0
    }
}

impl<T, E> Clone for Policy<T, E> {
    fn clone(&self) -> Self {
        Policy(Arc::clone(&self.0))
    }
}

impl<T, E> fmt::Debug for Policy<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("breaker", &self.0.breaker).finish_non_exhaustive()
    }
}

/// Builds a [`Policy`]. Closures are called by any thread, and may panic: that is reported, a judge is then left out of
/// account, and a rung has failed.
pub struct PolicyBuilder<T, E>(Shared<T, E>);

impl<T, E> PolicyBuilder<T, E> {
    /// How errors are described: their outcome, error type or HTTP status (which tell whether to retry), how long they ask
    /// to wait, and whether they stand without a fallback. Default: a failure of unknown type, which is not retried unless
    /// `retry.on` has `unknown`. A value is a success.
    ///
    /// ```
    /// # use fusewire::{CircuitBreaker, Ending, Policy};
    /// enum Failure {
    ///     Busy,
    ///     NotFound,
    /// }
    ///
    /// # let breaker = CircuitBreaker::builder().build("search")?;
    /// let policy = Policy::<String, Failure>::builder(&breaker)
    ///     .describe(|error| match error {
    ///         Failure::Busy => Ending::failure("resource_exhausted"),
    ///         Failure::NotFound => Ending::ignored(),
    ///     })
    ///     .build()?;
    /// # let _ = policy;
    /// # Ok::<(), fusewire::Error>(())
    /// ```
    #[must_use]
    pub fn describe(mut self, f: impl Fn(&E) -> Ending<'_> + Send + Sync + 'static) -> Self {
        self.0.judge.errors(f);
        self
    }

    /// How results are judged, where a value may be a failure, too: a response of status 503, say. It may be asked more
    /// than once about the same result.
    #[must_use]
    pub fn judge(mut self, f: impl Fn(&Result<T, E>) -> Ending<'_> + Send + Sync + 'static) -> Self {
        self.0.judge.results(f);
        self
    }

    /// The function of the rung that the document calls `name`.
    #[must_use]
    pub fn fallback(
        self,
        name: &str,
        f: impl Fn(Miss<'_, E>) -> Result<T, E> + Send + Sync + 'static,
    ) -> Self {
        self.register(Rung::Named(name.into()), None, Source::Blocking(Box::new(f)))
    }

    /// The same, of one that answers with a constant.
    #[must_use]
    pub fn fallback_value(self, name: &str, value: T) -> Self
    where
        T: Clone + Send + Sync + 'static,
    {
        self.fallback(name, move |_| Ok(value.clone()))
    }

    /// The same, of one that is awaited. For [`call`](Policy::call), which cannot, it is a rung that has failed.
    ///
    /// ```
    /// # use fusewire::{CircuitBreaker, Fallback, Policy};
    /// # async fn replica(key: Option<&str>) -> Result<String, std::io::Error> { Ok(String::new()) }
    /// let breaker = CircuitBreaker::builder().fallback(Fallback::new().named("replica")).build("search")?;
    /// let policy = Policy::builder(&breaker)
    ///     .fallback_async("replica", |miss| Box::pin(async move { replica(miss.key()).await }))
    ///     .build()?;
    /// # let _ = policy;
    /// # Ok::<(), fusewire::Error>(())
    /// ```
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn fallback_async(
        self,
        name: &str,
        f: impl for<'a> Fn(Miss<'a, E>) -> Answering<'a, T, E> + Send + Sync + 'static,
    ) -> Self {
        self.register(Rung::Named(name.into()), None, Source::Async(Box::new(f)))
    }

    /// The alternative function of the rung `breaker:<name>`: its calls go through `other`, of that name, and are judged
    /// as the function's are.
    #[must_use]
    pub fn fallback_breaker(
        self,
        other: &CircuitBreaker,
        f: impl Fn(Miss<'_, E>) -> Result<T, E> + Send + Sync + 'static,
    ) -> Self {
        self.register(Rung::Breaker(other.name().into()), Some(other), Source::Blocking(Box::new(f)))
    }

    /// The same, of one that is awaited; see [`fallback_async`](Self::fallback_async). The other breaker's timeout ends it.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn fallback_breaker_async(
        self,
        other: &CircuitBreaker,
        f: impl for<'a> Fn(Miss<'a, E>) -> Answering<'a, T, E> + Send + Sync + 'static,
    ) -> Self {
        self.register(Rung::Breaker(other.name().into()), Some(other), Source::Async(Box::new(f)))
    }

    /// Keeps values for the document's `cache`: by clones, in this policy's memory, under the request's key.
    #[must_use]
    pub fn cached(mut self) -> Self
    where
        T: Clone + Send + Sync + 'static,
    {
        self.0.kept = Some(Box::new(Kept::new()));
        self
    }

    /// The same, and lets concurrent calls of one key share one attempt where the document says `cache.coalesce`: they
    /// have clones of the result, whatever that is. When the call that makes it is dropped, the first that waits makes
    /// another. A call must not wait for another call of its own key.
    #[must_use]
    pub fn coalesced(mut self) -> Self
    where
        T: Clone + Send + Sync + 'static,
        E: Clone + Send + Sync + 'static,
    {
        let calls: Arc<Coalesced<Ended<T, E>>> = Coalesced::new(self.0.breaker.0.name.clone());
        self.0.joins = Some(Box::new(calls));
        self.cached()
    }

    /// How [`call`](Policy::call) lets time pass; default: the thread sleeps. For tests whose clock is moved by hand.
    #[must_use]
    pub fn pause_with(mut self, pause: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        self.0.pause = Some(Box::new(pause));
        self
    }

    fn register(mut self, rung: Rung, breaker: Option<&CircuitBreaker>, source: Source<T, E>) -> Self {
        self.0.rungs.retain(|registered| registered.rung != rung);
        self.0.rungs.push(Registered { rung, breaker: breaker.cloned(), source });
        self
    }

    /// Builds the policy.
    ///
    /// # Errors
    /// When the document has a rung that is registered nowhere, a cache without [`cached`](Self::cached) or `coalesce`
    /// without [`coalesced`](Self::coalesced), or when a breaker that was registered falls back to this one.
    pub fn build(self) -> Result<Policy<T, E>, Error> {
        let shared = self.0;
        shared.check_cache()?;
        shared.check_rungs()?;
        Ok(Policy(Arc::new(shared)))
    }
}

impl<T, E> fmt::Debug for PolicyBuilder<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyBuilder").field("breaker", &self.0.breaker).finish_non_exhaustive()
    }
}

impl<T, E> Shared<T, E> {
    fn check_cache(&self) -> Result<(), ConfigError> {
        let Some(caching) = self.breaker.0.caching() else { return Ok(()) };
        if caching.rules.coalesce && self.joins.is_none() {
            let allowed =
                "true for a policy that is built with `coalesced()`, whose values and errors can be cloned";
            return Err(ConfigError::new(COALESCE, "true", allowed));
        }
        if self.kept.is_none() {
            let allowed = "there for a policy that is built with `cached()`, whose values can be cloned";
            return Err(ConfigError::new(CACHE, "there", allowed));
        }
        Ok(())
    }

    fn check_rungs(&self) -> Result<(), ConfigError> {
        let rungs = self.rungs_of(&self.breaker);
        let missing = rungs.iter().find(|rung| **rung != Rung::Cache && self.registered(rung).is_none());
        if let Some(rung) = missing {
            let how = match rung {
                Rung::Breaker(_) => "`fallback_breaker`",
                _ => "`fallback`, `fallback_value` or `fallback_async`",
            };
            let allowed = format!("rungs that are registered with {how}");
            return Err(ConfigError::new(FALLBACK, format!("{:?}", rung.to_string()), allowed));
        }
        let breaker_of = |name: &str| {
            let known = self.rungs.iter().filter_map(|registered| registered.breaker.as_ref());
            known.into_iter().find(|breaker| breaker.name() == name).map(|breaker| self.rungs_of(breaker))
        };
        match find_cycle(self.breaker.name(), &rungs, breaker_of) {
            None => Ok(()),
            Some(cycle) => Err(cycle_error(&cycle)),
        }
    }

    fn rungs_of(&self, breaker: &CircuitBreaker) -> Box<[Rung]> {
        breaker.0.falling().map(|falling| falling.rungs().into()).unwrap_or_default()
    }
}
