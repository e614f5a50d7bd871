//! How results are judged.

use crate::name::Name;
use crate::outcome::Outcome;
use crate::stepping::Ending;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Judges results; one that panics is reported and left out of account.
pub(crate) struct Judge<T, E> {
    how: How<T, E>,
    /// Of the breaker, for reports.
    pub name: Name,
}

type OfError<E> = dyn Fn(&E) -> Ending<'_> + Send + Sync;
type OfResult<T, E> = dyn Fn(&Result<T, E>) -> Ending<'_> + Send + Sync;

enum How<T, E> {
    /// `Ok` is a success, `Err` a failure.
    ByResult,
    /// `Ok` is a success.
    Errors(Box<OfError<E>>),
    Results(Box<OfResult<T, E>>),
}

impl<T, E> Judge<T, E> {
    pub(crate) fn by_result(name: Name) -> Self {
        Judge { how: How::ByResult, name }
    }

    pub(crate) fn errors(&mut self, f: impl Fn(&E) -> Ending<'_> + Send + Sync + 'static) {
        self.how = How::Errors(Box::new(f));
    }

    pub(crate) fn results(&mut self, f: impl Fn(&Result<T, E>) -> Ending<'_> + Send + Sync + 'static) {
        self.how = How::Results(Box::new(f));
    }

    /// Whether every value is a success.
    #[inline]
    pub(crate) fn trusts_values(&self) -> bool {
        !matches!(self.how, How::Results(_))
    }

    /// What a result says.
    pub(crate) fn judge<'r>(&self, result: &'r Result<T, E>) -> Ending<'r> {
        let judged = match (&self.how, result) {
            (How::ByResult, _) | (How::Errors(_), Ok(_)) => return by_result(result),
            (How::Errors(f), Err(e)) => catch_unwind(AssertUnwindSafe(|| f(e))),
            (How::Results(f), result) => catch_unwind(AssertUnwindSafe(|| f(result))),
        };
        judged.unwrap_or_else(|panic| {
            crate::report::panicked("judge", &self.name, &*panic);
            by_result(result)
        })
    }
}

fn by_result<T, E>(result: &Result<T, E>) -> Ending<'_> {
    match result {
        Ok(_) => Ending::success(),
        Err(_) => Ending::new(Outcome::Failure, None),
    }
}
