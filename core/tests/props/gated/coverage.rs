//! What the scenarios with gates have shown.

use fusewire::{Reason, Snapshot};
use std::collections::BTreeSet;

/// Below so many scenarios nothing is asked of them.
pub const CASES: u32 = 1_000;

#[derive(Default)]
pub struct Coverage {
    seen: BTreeSet<String>,
}

impl Coverage {
    pub fn see(&mut self, what: impl Into<String>) {
        self.seen.insert(what.into());
    }

    pub fn note(&mut self, snapshot: &Snapshot) {
        for reason in Reason::ALL {
            if snapshot.totals.rejected_by(reason) > 0 {
                self.see(format!("rejected: {reason}"));
            }
            if snapshot.totals.would_reject_by(reason) > 0 {
                self.see(format!("would reject: {reason}"));
            }
        }
    }

    pub fn assert_complete(&self) {
        let unseen = self.missing();
        assert!(unseen.is_empty(), "no scenario has shown {unseen:?}");
    }

    /// What no scenario has shown yet.
    pub fn missing(&self) -> Vec<String> {
        // Features have scenarios of their own.
        let reasons = Reason::ALL.into_iter().filter(|reason| *reason != Reason::FeatureDisabled);
        let rejected = reasons.map(|reason| format!("rejected: {reason}"));
        let gates = [Reason::Shed, Reason::RateLimited, Reason::BulkheadFull, Reason::LimitReached];
        let shadow = gates.map(|reason| format!("would reject: {reason}"));
        let waits = [
            "granted",
            "left",
            "bulkhead_full",
            "limit_reached",
            "queue_timeout",
            "open",
            "forced_open",
            "closed",
            "rate_limited",
            "shed",
            "half_open_full",
            "cancelled",
            "raised",
        ];
        let waits = waits.map(|end| format!("wait: {end}"));
        let changes = ["min_priority", "slots", "limit", "rate", "close", "rate by itself"];
        let changes = changes.map(|kind| format!("changed: {kind}"));
        let calls = ["bypassed", "paced", "wrong"].map(|call| format!("call: {call}"));
        let wanted = rejected.chain(shadow).chain(waits).chain(changes).chain(calls);
        wanted.filter(|what| !self.seen.contains(what)).collect()
    }
}
