//! Policies §1 to §5: a call's way through the gates, sequentially. The machine is the model of the semantics.

mod ask;
mod by_hand;
mod leave;
mod plan;
mod rate;
mod slots;

use super::{Drawn, Model};
use plan::GatePlan;
use rate::Rate;
use serde_json::Value;
use slots::Slots;
use std::collections::BTreeMap;

pub use by_hand::{Change, PolicyEvent};
pub use plan::RateRule;

pub const LEVELS: [&str; 5] = ["bulk", "low", "normal", "high", "critical"];

/// Something for each level.
pub type Levels = [u64; 5];

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Request {
    pub level: usize,
    pub cost: u64,
    pub deadline: Option<u64>,
}

/// What a call is told that is let in.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// The model's number of the permit, which nobody else knows.
    pub permit: usize,
    pub would_reject: Option<&'static str>,
    pub bypassed: bool,
    pub wait: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    Admitted(Given),
    Waits(u64),
    Rejected(&'static str, Option<u64>),
    /// The request itself is wrong.
    Wrong,
}

/// How a wait ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    Granted(Given),
    Refused(&'static str, Option<u64>),
}

/// A call that waits.
#[derive(Clone, Debug)]
pub struct Waiter {
    pub id: u64,
    pub level: usize,
    pub ends: u64,
    request: Request,
    drawn: Drawn,
}

/// What the gates note of a permit.
struct Pass {
    /// Its number with the machine.
    number: u64,
    level: usize,
    has_slot: bool,
    /// When it begins, and how long it may take then: until the request's deadline.
    begins: u64,
    timeout: Option<u64>,
    /// Its outcome feeds limits and rates.
    feeds: bool,
    is_settled: bool,
}

impl Pass {
    fn new(number: u64, request: &Request, has_slot: bool, feeds: bool, begins: u64) -> Self {
        let timeout = request.deadline.map(|at| at.saturating_sub(begins));
        Pass { number, level: request.level, has_slot, begins, timeout, feeds, is_settled: false }
    }
}

/// What can be seen of the gates.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The rate in force, what is available, and `retry_after`.
    pub rate: Option<(f64, Option<u64>, Option<u64>)>,
    /// Who has slots and who waits, by level, and the slots in force.
    pub slots: Option<(Levels, Levels, u64)>,
    pub floor: usize,
    pub bypassed: u64,
    pub admitted: Levels,
    pub refused: BTreeMap<(&'static str, usize), u64>,
}

/// A breaker with its gates.
pub struct Gated {
    pub machine: Model,
    /// Waits that have ended since the bench has looked, in order.
    pub ends: Vec<(u64, End)>,
    pub policy_events: Vec<PolicyEvent>,
    plan: GatePlan,
    rate: Option<Rate>,
    slots: Slots,
    floor: usize,
    is_closed: bool,
    passes: Vec<Pass>,
    waiters: u64,
    bypassed: u64,
    admitted: Levels,
    refused: BTreeMap<(&'static str, usize), u64>,
}

impl Gated {
    pub fn new(document: &Value, seed: u64) -> Gated {
        let mut gated = Gated {
            machine: Model::new(document, seed),
            ends: Vec::new(),
            policy_events: Vec::new(),
            plan: GatePlan::default(),
            rate: None,
            slots: Slots::new(),
            floor: 0,
            is_closed: false,
            passes: Vec::new(),
            waiters: 0,
            bypassed: 0,
            admitted: [0; 5],
            refused: BTreeMap::new(),
        };
        gated.put(GatePlan::new(document), 0);
        gated
    }

    /// Puts the gates of a plan in force.
    fn put(&mut self, plan: GatePlan, now: u64) {
        self.rate = match (self.rate.take(), plan.rate.clone()) {
            (Some(before), Some(plan)) => Some(before.followed_by(plan, now)),
            (_, plan) => plan.map(|plan| Rate::new(plan, now)),
        };
        let floor = |plan: &GatePlan| plan.priority.as_ref().map(|priority| priority.min);
        if floor(&plan) != floor(&self.plan) {
            self.floor = floor(&plan).unwrap_or(0);
        }
        self.slots.put(plan.slots.clone());
        self.plan = plan;
    }

    pub fn shown(&self, now: u64) -> Shown {
        let mut queued = [0; 5];
        self.slots.queue.iter().for_each(|waiter| queued[waiter.level] += 1);
        Shown {
            rate: self.rate.as_ref().map(|rate| rate.shown(now)),
            slots: self.plan.slots.as_ref().map(|_| (self.slots.held, queued, self.slots.max)),
            floor: self.floor,
            bypassed: self.bypassed,
            admitted: self.admitted,
            refused: self.refused.clone(),
        }
    }

    /// Who waits, by number.
    pub fn waiting(&self) -> impl Iterator<Item = u64> {
        self.slots.queue.iter().map(|waiter| waiter.id)
    }

    /// What the rules of the rate limit are.
    pub fn rate_rule(&self) -> Option<&RateRule> {
        self.rate.as_ref().map(|rate| &rate.plan.rule)
    }

    pub fn has_adaptive_rate(&self) -> bool {
        self.rate.as_ref().is_some_and(|rate| rate.plan.adaptive.is_some())
    }
}
