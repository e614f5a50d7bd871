//! §4 and §5: who has a slot, who waits for one, and a limit that finds itself.

use super::plan::{SlotKind, SlotPlan};
use super::{Levels, Waiter};
use crate::model::config::WHOLE;

pub struct Slots {
    /// `None` once a document has no slots any more.
    pub plan: Option<SlotPlan>,
    pub held: Levels,
    /// Higher levels first, then by when they came to their level.
    pub queue: Vec<Waiter>,
    /// Slots in force, and what is reserved of them.
    pub max: u64,
    pub reserved: Levels,
    /// Of a limit that finds itself.
    limit: f64,
    since_cut: Option<u64>,
}

impl Slots {
    pub fn new() -> Slots {
        Slots {
            plan: None,
            held: [0; 5],
            queue: Vec::new(),
            max: 0,
            reserved: [0; 5],
            limit: 0.0,
            since_cut: None,
        }
    }

    /// Puts a plan in force. What was changed by hand, or found, stays where it says the same as the one before.
    pub fn put(&mut self, plan: Option<SlotPlan>) {
        if plan == self.plan {
            return;
        }
        self.plan = plan;
        match self.plan.as_ref().map(|plan| &plan.kind) {
            Some(SlotKind::Bulkhead { max, reserved }) => (self.max, self.reserved) = (*max, *reserved),
            Some(SlotKind::Aimd { initial, .. }) => {
                self.since_cut = None;
                self.set_limit(*initial as f64);
            }
            None => {}
        }
    }

    pub fn full(&self) -> &'static str {
        match self.plan.as_ref().map(|plan| &plan.kind) {
            Some(SlotKind::Aimd { .. }) => "limit_reached",
            _ => "bulkhead_full",
        }
    }

    pub fn in_flight(&self) -> u64 {
        self.held.iter().sum()
    }

    /// The formula of §4.
    pub fn gives(&self, level: usize) -> bool {
        let kept: u64 =
            (0..5).filter(|p| *p != level).map(|p| self.reserved[p].saturating_sub(self.held[p])).sum();
        self.in_flight() + kept < self.max
    }

    /// Whether a newcomer may have a slot: none that a waiter of its own or a higher level could take.
    pub fn gives_newcomer(&self, level: usize) -> bool {
        self.gives(level) && !self.queue.iter().any(|w| w.level >= level && self.gives(w.level))
    }

    /// Places a waiter at the end of its level.
    pub fn enqueue(&mut self, waiter: Waiter) {
        let place = self.queue.partition_point(|other| other.level >= waiter.level);
        self.queue.insert(place, waiter);
    }

    /// The first waiter in order whom the formula admits.
    pub fn next(&self) -> Option<usize> {
        if self.plan.is_none() {
            return (!self.queue.is_empty()).then_some(0);
        }
        self.queue.iter().position(|waiter| self.gives(waiter.level))
    }

    pub fn find(&self, id: u64) -> Option<usize> {
        self.queue.iter().position(|waiter| waiter.id == id)
    }

    pub fn set_limit(&mut self, to: f64) {
        let Some(plan) = &self.plan else { return };
        self.limit = to;
        self.max = to.floor() as u64;
        self.reserved = plan.reserved(self.max);
    }

    /// AIMD takes an outcome of a call that still has its slot.
    pub fn settled(&mut self, failed_or_slow: bool) {
        let kind = self.plan.as_ref().map(|plan| plan.kind.clone());
        let Some(SlotKind::Aimd { min, max, backoff_ratio, .. }) = kind else { return };
        let since = self.since_cut.map(|n| n + 1);
        self.since_cut = since;
        let limit = self.limit;
        if failed_or_slow {
            if since.is_none_or(|n| n >= limit.floor() as u64) {
                self.since_cut = Some(0);
                self.set_limit((limit * (backoff_ratio as f64 / WHOLE as f64)).max(min as f64));
            }
        } else if 2.0 * self.in_flight() as f64 >= limit {
            self.set_limit((limit + 1.0 / limit).min(max as f64));
        }
    }
}
