//! The plan: a document with its defaults filled in and its units converted. Two documents are the same when their
//! plans are.

use crate::admit::{Admission, RateRules};
use crate::backoff::Growth;
use crate::cell::Layout;
use crate::clock::Nanos;
use crate::detect::{Detector, count};
use crate::machine::Rules;
use crate::policy::Policies;
use crate::word::Mode;

/// An immutable plan.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub detector: Detector,
    pub slow_call_duration: Option<Nanos>,
    pub sample_durations_every: u32,
    pub cancelled_after: Option<Nanos>,
    /// Its `seed` is 0 where the document has none.
    pub rules: Rules,
    pub mode: Mode,
    pub seed: Option<u64>,
    /// Whether the document writes the mode out: reconfiguring changes it only then.
    pub writes_mode: bool,
    /// The gates before the machine; `None` when the document has no table of one.
    pub admission: Option<Box<Admission>>,
    /// The policies around the call; `None` when the document has none.
    pub policies: Option<Box<Policies>>,
}

impl PartialEq for Plan {
    fn eq(&self, other: &Self) -> bool {
        self.detector == other.detector
            && self.slow_call_duration == other.slow_call_duration
            && self.sample_durations_every == other.sample_durations_every
            && self.cancelled_after == other.cancelled_after
            && self.rules == other.rules
            && self.mode == other.mode
            && self.seed == other.seed
            && self.admission == other.admission
            && self.policies == other.policies
    }
}

impl Plan {
    /// How large a cell this plan needs. Rooms for leases come in a few sizes, so that most changes of a plan fit the
    /// cell that is there.
    pub(crate) fn layout(&self) -> Layout {
        let leases = match self.rules.probes.concurrency {
            ..=3 => 3,
            4..=8 => 8,
            _ => 64,
        };
        let (blocks, buckets, adaptive) = match &self.detector {
            Detector::Consecutive { .. } => (0, 0, false),
            Detector::Count { size, .. } => (count::blocks(*size) as u16, 0, false),
            Detector::Time { window, adaptive, .. } => (0, window.buckets as u8, adaptive.is_some()),
        };
        let ring = match self.admission.as_deref() {
            Some(Admission { rate: Some(RateRules::Sliding { limit, .. }), .. }) => *limit as u32,
            _ => 0,
        };
        Layout { leases, blocks, buckets, adaptive, gated: self.is_gated(), ring }
    }

    /// Whether calls go through gates: a policy wants to be asked, or to know how calls end.
    pub(crate) fn is_gated(&self) -> bool {
        let wants = |policies: &Policies| policies.timeout.is_some() || policies.features.is_some();
        self.admission.is_some() || self.policies.as_deref().is_some_and(wants)
    }

    /// Whether what one plan's detector counted is worth something to the other's.
    pub(crate) fn counts_alike(&self, other: &Plan) -> bool {
        self.detector == other.detector && self.slow_call_duration == other.slow_call_duration
    }

    /// The machine's rules, with a breaker's own seed where the document has none and one is drawn from.
    pub(crate) fn rules(&self, own_seed: impl FnOnce() -> u64) -> Rules {
        let backoff = &self.rules.backoff;
        let draws = backoff.jitter_bp > 0 || backoff.growth == Growth::DecorrelatedJitter;
        let seed = if draws { self.seed.unwrap_or_else(own_seed) } else { 0 };
        Rules { seed, ..self.rules }
    }
}
