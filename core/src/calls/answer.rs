//! What a call that recovers comes to.

use crate::error::{ConfigError, Rejection};
use crate::policy::fallback::Rung;
use crate::request::RequestError;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A call's value, and how it came about.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Answer<T, E> {
    /// The function's value, or that of a rung.
    pub value: T,
    /// How often the breaker was asked. 0: a fresh value of the cache has answered before anything was called.
    pub attempts: u32,
    /// `Some` when a rung has answered in the function's place.
    pub degraded: Option<Box<Degraded<E>>>,
}

impl<T, E> Answer<T, E> {
    pub(crate) fn new(value: T, attempts: u32) -> Self {
        Answer { value, attempts, degraded: None }
    }

    /// Whether a rung has answered in the function's place.
    pub fn is_degraded(&self) -> bool {
        self.degraded.is_some()
    }
}

/// What has answered when the call did not, and why it had to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Degraded<E> {
    /// The rung that has answered.
    pub rung: Rung,
    /// What the call would have returned without it.
    pub error: PolicyError<E>,
}

/// Why a call has failed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Failure<E> {
    /// The function's own error, unchanged.
    Inner(E),
    /// The last attempt took too long and was dropped, or the request's deadline had passed before the first.
    TimedOut {
        /// How long it was allowed to take; zero: there was none.
        limit: Duration,
    },
    /// The breaker turned the call away; the function did not run.
    Rejected(Rejection),
    /// The function has returned a value that was judged a failure. A call whose value no rung replaces returns it.
    Judged {
        /// The error type that it was given.
        error_type: Option<Box<str>>,
    },
    /// The request cannot be; nothing was asked, and nothing counts.
    Request(RequestError),
}

/// Says that a call took longer than that.
pub(crate) struct TookLonger(pub Duration);

impl fmt::Display for TookLonger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Duration::ZERO => f.write_str("the call's deadline had passed before it could begin"),
            limit => write!(f, "the call took longer than its timeout of {limit:?}"),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Inner(e) => e.fmt(f),
            Failure::TimedOut { limit } => TookLonger(*limit).fmt(f),
            Failure::Rejected(rejection) => rejection.fmt(f),
            Failure::Judged { error_type: Some(kind) } => write!(f, "the value was judged a failure: {kind}"),
            Failure::Judged { error_type: None } => f.write_str("the value was judged a failure"),
            Failure::Request(e) => e.fmt(f),
        }
    }
}

/// What a call returns when nothing has answered: the original error, and what else went wrong on the way.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyError<E> {
    failure: Failure<E>,
    attempts: u32,
    /// Most errors have nothing beside them.
    beside: Option<Box<Beside<E>>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Beside<E> {
    rejection: Option<Rejection>,
    rungs: Vec<(Rung, RungError<E>)>,
}

impl<E> PolicyError<E> {
    pub(crate) fn new(
        failure: Failure<E>,
        attempts: u32,
        rejection: Option<Rejection>,
        rungs: Vec<(Rung, RungError<E>)>,
    ) -> Self {
        let is_alone = rejection.is_none() && rungs.is_empty();
        let beside = (!is_alone).then(|| Box::new(Beside { rejection, rungs }));
        PolicyError { failure, attempts, beside }
    }

    /// Why the call has failed: what the last attempt that ran came to, or the rejection when none did.
    pub fn failure(&self) -> &Failure<E> {
        &self.failure
    }

    /// The same, taken out.
    pub fn into_failure(self) -> Failure<E> {
        self.failure
    }

    /// The function's own error, if that is why.
    pub fn into_inner(self) -> Option<E> {
        match self.failure {
            Failure::Inner(e) => Some(e),
            _ => None,
        }
    }

    /// How long the last attempt was allowed to take, if it took longer.
    pub fn timeout(&self) -> Option<Duration> {
        match self.failure {
            Failure::TimedOut { limit } => Some(limit),
            _ => None,
        }
    }

    /// How the breaker turned the call away, or its last retry.
    pub fn rejection(&self) -> Option<&Rejection> {
        match &self.failure {
            Failure::Rejected(rejection) => Some(rejection),
            _ => self.beside.as_ref()?.rejection.as_ref(),
        }
    }

    /// How often the breaker was asked.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The rungs that could not answer, in the order in which they were tried, and why.
    pub fn rungs(&self) -> &[(Rung, RungError<E>)] {
        self.beside.as_ref().map_or(&[], |beside| &beside.rungs)
    }
}

impl<E: fmt::Display> fmt::Display for PolicyError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure.fmt(f)?;
        if self.attempts > 1 {
            write!(f, "; after {} attempts", self.attempts)?;
        }
        if let Some(rejection) = self.beside.as_ref().and_then(|beside| beside.rejection.as_ref()) {
            write!(f, "; the next one: {rejection}")?;
        }
        self.rungs().iter().try_for_each(|(rung, error)| write!(f, "; fallback `{rung}`: {error}"))
    }
}

impl<E: Error + 'static> Error for PolicyError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.failure {
            Failure::Inner(e) => Some(e),
            Failure::Rejected(rejection) => Some(rejection),
            Failure::Request(e) => Some(e),
            Failure::TimedOut { .. } | Failure::Judged { .. } => None,
        }
    }
}

/// Why a rung could not answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RungError<E> {
    /// Its function's own error.
    Inner(E),
    /// Its function has returned a value that was judged a failure.
    Judged {
        /// The error type that it was given.
        error_type: Option<Box<str>>,
    },
    /// Its breaker turned the call away.
    Rejected(Rejection),
    /// Its breaker's timeout has passed.
    TimedOut {
        /// How long it was allowed to take.
        limit: Duration,
    },
    /// Its breaker is one that falls back in this very call: tells the cycle.
    Cycle(ConfigError),
    /// The cache has nothing that may answer.
    Absent,
    /// Its function panicked; that was reported.
    Panicked,
    /// Its function is async, and the call is not.
    IsAsync,
    /// The breaker was reconfigured, and nothing was registered under that name.
    Unregistered,
}

impl<E: fmt::Display> fmt::Display for RungError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RungError::Inner(e) => e.fmt(f),
            RungError::Judged { error_type: Some(kind) } => {
                write!(f, "its value was judged a failure: {kind}")
            }
            RungError::Judged { error_type: None } => f.write_str("its value was judged a failure"),
            RungError::Rejected(rejection) => rejection.fmt(f),
            RungError::TimedOut { limit } => write!(f, "it took longer than its timeout of {limit:?}"),
            RungError::Cycle(cycle) => cycle.fmt(f),
            RungError::Absent => f.write_str("nothing is cached that may answer"),
            RungError::Panicked => f.write_str("it panicked"),
            RungError::IsAsync => {
                f.write_str("it is async; use `call_async`, or register a function that is not")
            }
            RungError::Unregistered => f.write_str("nothing is registered under that name"),
        }
    }
}

/// What a rung is told of the call in whose place it answers.
#[derive(Debug)]
pub struct Miss<'a, E> {
    pub(crate) failure: &'a Failure<E>,
    pub(crate) key: Option<&'a str>,
}

impl<'a, E> Miss<'a, E> {
    /// Why the call has failed.
    pub fn failure(&self) -> &'a Failure<E> {
        self.failure
    }

    /// The request's key: what was asked for.
    pub fn key(&self) -> Option<&'a str> {
        self.key
    }
}

impl<E> Clone for Miss<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Miss<'_, E> {}
