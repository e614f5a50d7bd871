//! What is known of earlier calls' values.

use crate::clock::Nanos;
use crate::policy::cache::{CacheMode, CacheRules};
#[cfg(feature = "binding")]
use crate::policy::flights::Flights;
use crate::policy::index::{Found, Index, Place};
#[cfg(feature = "binding")]
use crate::policy::index::{Stored, Vacant};
use crate::snapshot::CacheCounts;
use crate::sync::{AtomicU64, Ordering};
use std::sync::Arc;

/// What is known of earlier calls' values, and which calls are under way.
pub(crate) struct Caching {
    pub rules: CacheRules,
    pub lasting: Arc<Cached>,
}

/// What lasts as long as the breaker, whatever its plans say: who follows a call waits for it across them, and a host tells
/// values apart by the versions of one index.
pub(crate) struct Cached {
    pub index: Arc<Index>,
    #[cfg(feature = "binding")]
    pub flights: Flights,
    /// Answers that were fresh, that were stale, and times that there was none.
    counts: [AtomicU64; 3],
}

impl Cached {
    pub(super) fn new() -> Self {
        Cached {
            index: Arc::new(Index::new()),
            #[cfg(feature = "binding")]
            flights: Flights::new(),
            counts: Default::default(),
        }
    }
}

impl Caching {
    /// `goes_on`: the plan before has one, too; one that comes back begins without values.
    pub(super) fn new(rules: CacheRules, lasting: Arc<Cached>, goes_on: bool, now: Nanos) -> Self {
        if goes_on {
            lasting.index.shrink(&rules, now);
        } else {
            lasting.index.clear();
        }
        Caching { rules, lasting }
    }

    fn count(&self, found: &Found) {
        let which = match found {
            Found::Fresh(_) => 0,
            Found::Stale(_) => 1,
            Found::Absent => 2,
        };
        self.lasting.counts[which].fetch_add(1, Ordering::AcqRel);
    }

    /// Before anything is called: where a fresh value lies, if those answer.
    pub(crate) fn fresh(&self, key: &str, now: Nanos) -> Option<Place> {
        if self.rules.mode != CacheMode::ReadThrough {
            return None;
        }
        match self.lasting.index.look(&self.rules, key, now) {
            found @ Found::Fresh(place) => {
                self.count(&found);
                Some(place)
            }
            // It is looked for once more when the call fails.
            _ => None,
        }
    }

    /// When the call has failed: where a value lies that may answer.
    pub(crate) fn any(&self, key: &str, now: Nanos) -> Option<Place> {
        let found = self.lasting.index.look(&self.rules, key, now);
        self.count(&found);
        found.place()
    }

    #[cfg(feature = "binding")]
    pub(crate) fn vacant(&self) -> Vacant {
        self.lasting.index.vacant()
    }

    #[cfg(feature = "binding")]
    pub(crate) fn store(&self, key: &str, now: Nanos) -> Option<Stored> {
        self.lasting.index.store(&self.rules, key, now)
    }

    pub(crate) fn counts(&self) -> CacheCounts {
        let [fresh, stale, absent] = self.lasting.counts.each_ref().map(|n| n.load(Ordering::Acquire));
        CacheCounts { entries: self.lasting.index.len() as u64, fresh, stale, absent }
    }
}
