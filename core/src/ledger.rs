//! What people read and nothing decides: failures by error type, the last failure, transitions by kind, recovery times.
//! Allocated when a breaker first has something to tell.

use crate::clock::Nanos;
use crate::fork;
use crate::histogram::{Distribution, RECOVERY_BOUNDS, bucket_of};
use crate::machine::{Cause, Machine, NO_ROW};
use crate::name::cut;
use crate::sync::{AtomicU64, Ordering};
use crate::word::State;
use std::sync::OnceLock;

/// Kinds of errors that are counted by name; what comes later is `other`.
const KINDS: usize = 20;
/// Longest name of a kind, in bytes.
const KIND_BYTES: usize = 64;

/// The error type of failures without one, and of those beyond the kinds that are counted by name.
pub(crate) const OTHER: &str = "other";
/// The error type of calls cut off by a timeout.
pub const TIMEOUT: &str = "timeout";

/// The last failure, packed: kind in five bits, time in the rest.
/// As many outages as `pattern_based` looks at.
const MOST_OUTAGES: usize = 10;
const AT_BITS: u32 = 59;
const AT_MASK: u64 = (1 << AT_BITS) - 1;
const NO_KIND: u64 = 31;
const OTHER_KIND: u64 = 30;

/// The last failure that was settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastFailure {
    /// Its error type; `None` when it has none, `other` when the type came after the first twenty.
    pub error_type: Option<String>,
    /// When it was settled, on the breaker's clock.
    pub at: Nanos,
}

#[derive(Default)]
struct Kind {
    name: OnceLock<Box<str>>,
    count: AtomicU64,
}

impl Kind {
    /// The name, which is `new` if there was none.
    fn name_or(&self, new: &str) -> &str {
        match self.name.get() {
            Some(name) => name,
            None => self.give_name(new),
        }
    }

    #[cold]
    fn give_name(&self, new: &str) -> &str {
        // Others wait for who is first.
        let _hold = fork::hold();
        self.name.get_or_init(|| new.into())
    }
}

pub(crate) struct Ledger {
    kinds: [Kind; KINDS],
    /// 0: none yet; else the packed failure, inverted.
    last: AtomicU64,
    changes: [AtomicU64; 9],
    recoveries: [AtomicU64; RECOVERY_BOUNDS.len() + 2],
    /// How long the last outages were, and how many there have been.
    outages: [AtomicU64; MOST_OUTAGES],
    outages_seen: AtomicU64,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Ledger {
            kinds: std::array::from_fn(|_| Kind::default()),
            last: AtomicU64::new(0),
            changes: std::array::from_fn(|_| AtomicU64::new(0)),
            recoveries: std::array::from_fn(|_| AtomicU64::new(0)),
            outages: std::array::from_fn(|_| AtomicU64::new(0)),
            outages_seen: AtomicU64::new(0),
        }
    }

    /// Notes a failure.
    pub(crate) fn failure(&self, error_type: Option<&str>, at: Nanos) {
        let code = match error_type {
            None | Some("") => NO_KIND,
            Some(name) => match self.kind(cut(name, KIND_BYTES)) {
                Some(kind) => {
                    self.kinds[kind].count.fetch_add(1, Ordering::AcqRel);
                    kind as u64
                }
                None => OTHER_KIND,
            },
        };
        self.last.store(!(code << AT_BITS | at.min(AT_MASK)), Ordering::Release);
    }

    fn kind(&self, name: &str) -> Option<usize> {
        if name == OTHER {
            return None;
        }
        self.kinds.iter().position(|kind| *kind.name_or(name) == *name)
    }

    /// The last failure as one word, which means the same for good; 0: none.
    pub(crate) fn last_word(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    /// What such a word says.
    pub(crate) fn failure_of(&self, word: u64) -> Option<LastFailure> {
        let packed = match word {
            0 => return None,
            inverted => !inverted,
        };
        let code = packed >> AT_BITS;
        let name = self.kinds.get(code as usize).and_then(|kind| kind.name.get());
        let error_type = match name {
            Some(name) => Some(name.to_string()),
            None => (code == OTHER_KIND).then(|| OTHER.to_owned()),
        };
        Some(LastFailure { error_type, at: packed & AT_MASK })
    }

    pub(crate) fn last_failure(&self) -> Option<LastFailure> {
        self.failure_of(self.last_word())
    }

    /// Failures by error type, those that have a type and a place.
    pub(crate) fn failures(&self) -> Vec<(String, u64)> {
        let counted = self.kinds.iter().filter_map(|kind| {
            let count = kind.count.load(Ordering::Acquire);
            kind.name.get().filter(|_| count > 0).map(|name| (name.to_string(), count))
        });
        counted.collect()
    }

    /// Notes a transition.
    pub(crate) fn transition(&self, before: &Machine, after: &Machine) {
        let (from, to) = (after.from, after.state());
        if from != to {
            self.changes[from as usize * 3 + to as usize].fetch_add(1, Ordering::AcqRel);
        }
        let recovered = matches!(after.cause, Some(Cause::ProbesSucceeded | Cause::RampCompleted));
        if recovered && to == State::Closed && before.row != NO_ROW {
            let took = after.at.saturating_sub(before.row);
            self.recoveries[bucket_of(&RECOVERY_BOUNDS, took)].fetch_add(1, Ordering::AcqRel);
            self.recoveries[RECOVERY_BOUNDS.len() + 1].fetch_add(took, Ordering::AcqRel);
            let nth = self.outages_seen.fetch_add(1, Ordering::AcqRel) as usize;
            self.outages[nth % MOST_OUTAGES].store(took, Ordering::Release);
        }
    }

    /// How long the last outages were, each from the first opening of a row to the next close by success: ten at most, in
    /// no order.
    pub(crate) fn outages(&self) -> Vec<Nanos> {
        let seen = self.outages_seen.load(Ordering::Acquire).min(MOST_OUTAGES as u64) as usize;
        self.outages[..seen].iter().map(|took| took.load(Ordering::Acquire)).collect()
    }

    pub(crate) fn changes(&self) -> [[u64; 3]; 3] {
        std::array::from_fn(|from| {
            std::array::from_fn(|to| self.changes[from * 3 + to].load(Ordering::Acquire))
        })
    }

    pub(crate) fn recoveries(&self) -> Distribution {
        let (counts, sum) = self.recoveries.split_at(RECOVERY_BOUNDS.len() + 1);
        Distribution {
            counts: counts.iter().map(|c| c.load(Ordering::Acquire)).collect(),
            sum: sum[0].load(Ordering::Acquire),
        }
    }
}
