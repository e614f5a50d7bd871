//! What operators do, and the events of it.

use super::plan::{GatePlan, SlotKind};
use super::{Gated, Levels};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Floor(usize, usize),
    Slots((u64, Levels), (u64, Levels)),
    Limit(u64, u64),
    Rate(f64, f64),
    Close,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PolicyEvent {
    pub change: Change,
    pub generation: u64,
    /// From 1, without gaps.
    pub sequence: u64,
    pub at: u64,
    pub actor: Option<&'static str>,
}

/// Whether something changed; `None` when the document has no such policy, or the value is out of its range.
type Done = Option<bool>;

pub const OPERATOR: &str = "operator";

impl Gated {
    pub(super) fn note(&mut self, change: Change, actor: Option<&'static str>, at: u64) {
        let sequence = self.policy_events.len() as u64 + 1;
        let generation = self.machine.generation();
        self.policy_events.push(PolicyEvent { change, generation, sequence, at, actor });
    }

    pub fn set_min_priority(&mut self, to: usize, now: u64) -> Done {
        self.plan.priority.as_ref()?;
        let from = std::mem::replace(&mut self.floor, to);
        if from != to {
            self.note(Change::Floor(from, to), Some(OPERATOR), now);
        }
        Some(from != to)
    }

    pub fn set_slots(&mut self, max: u64, reserved: Levels, now: u64) -> Done {
        let SlotKind::Bulkhead { .. } = self.slots.plan.as_ref()?.kind else { return None };
        if reserved.iter().sum::<u64>() > max {
            return None;
        }
        let from = (self.slots.max, self.slots.reserved);
        (self.slots.max, self.slots.reserved) = (max, reserved);
        if from != (max, reserved) {
            self.note(Change::Slots(from, (max, reserved)), Some(OPERATOR), now);
        }
        self.grant(now);
        Some(from != (max, reserved))
    }

    pub fn set_limit(&mut self, to: u64, now: u64) -> Done {
        let SlotKind::Aimd { min, max, .. } = self.slots.plan.as_ref()?.kind else { return None };
        if to < min || to > max {
            return None;
        }
        let from = self.slots.max;
        self.slots.set_limit(to as f64);
        if from != to {
            self.note(Change::Limit(from, to), Some(OPERATOR), now);
        }
        self.grant(now);
        Some(from != to)
    }

    pub fn set_rate(&mut self, to: f64, now: u64) -> Done {
        let rate = self.rate.as_mut()?;
        let from = rate.in_force;
        rate.change(to, now);
        if from != to {
            self.note(Change::Rate(from, to), Some(OPERATOR), now);
        }
        Some(from != to)
    }

    pub fn close(&mut self, now: u64) -> bool {
        if std::mem::replace(&mut self.is_closed, true) {
            return false;
        }
        self.note(Change::Close, Some(OPERATOR), now);
        while !self.slots.queue.is_empty() {
            self.end(0, ("closed", None));
        }
        true
    }

    /// What the machine does by hand, or is asked to do; then whoever may not wait any more goes.
    pub fn with_machine(&mut self, act: impl FnOnce(&mut super::Model), now: u64) {
        act(&mut self.machine);
        self.flush(now);
    }

    /// New rules, in one step: what has become free is granted by them, and the mode follows.
    pub fn reconfigure(&mut self, document: &Value, now: u64) -> bool {
        let plan = GatePlan::new(document);
        if !self.machine.swap(document, plan != self.plan, now) {
            return false;
        }
        self.put(plan, now);
        self.flush(now);
        self.grant(now);
        if let Some(mode) = document["mode"].as_str() {
            self.machine.set_mode(mode, now);
        }
        self.flush(now);
        true
    }
}
