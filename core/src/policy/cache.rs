//! Which values of earlier calls may answer (policies §8). The values themselves are the host's.

use crate::clock::Nanos;

/// When a value is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CacheMode {
    /// A failure answers from it: the first rung of the fallback.
    OnFailure,
    /// A fresh value answers before anything is called, a stale one answers a failure.
    ReadThrough,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CacheRules {
    pub mode: CacheMode,
    /// Younger values are fresh.
    pub ttl: Nanos,
    /// For so long after that they are stale.
    pub stale_ttl: Nanos,
    pub max_entries: u64,
    /// Concurrent calls of one key make one attempt.
    pub coalesce: bool,
}

impl CacheRules {
    /// The first instant after `stored` at which the value answers nothing any more.
    pub(crate) fn life(&self) -> Nanos {
        self.ttl.saturating_add(self.stale_ttl)
    }
}
