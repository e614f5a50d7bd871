//! What a breaker with gates says, in the words of the model.

use crate::model::gates::{Change, Given, PolicyEvent, Shown};
use fusewire::{PolicyChange, Reason, Rejection, Snapshot};

pub type Said = Result<Given, (&'static str, Option<u64>)>;

/// Without the model's number of the permit.
pub fn nameless(given: &Given) -> Given {
    Given { permit: 0, ..given.clone() }
}

pub fn given(permit: &fusewire::OwnedPermit) -> Given {
    Given {
        permit: 0,
        would_reject: permit.would_reject().map(Reason::name),
        bypassed: permit.is_bypassed(),
        wait: permit.wait().as_nanos() as u64,
    }
}

pub fn refusal(rejection: &Rejection) -> (&'static str, Option<u64>) {
    (rejection.reason().name(), rejection.retry_after().map(|d| d.as_nanos() as u64))
}

pub fn policy_event(event: &fusewire::PolicyEvent) -> PolicyEvent {
    let change = match event.change.clone() {
        PolicyChange::MinPriority { from, to } => Change::Floor(from as usize, to as usize),
        PolicyChange::Slots { from, to } => {
            Change::Slots((from.max_concurrent, from.reserved), (to.max_concurrent, to.reserved))
        }
        PolicyChange::Limit { from, to } => Change::Limit(from, to),
        PolicyChange::Rate { from, to } => Change::Rate(from, to),
        PolicyChange::Close => Change::Close,
        other => panic!("{other:?}"),
    };
    let actor = event.actor.as_deref().map(|actor| if actor == "operator" { "operator" } else { "somebody" });
    PolicyEvent { change, generation: event.generation, sequence: event.sequence, at: event.at, actor }
}

pub fn shown(s: &Snapshot) -> Shown {
    let gates = s.gates.as_ref();
    let mut refused = std::collections::BTreeMap::new();
    for (reason, levels) in
        Reason::ALL.into_iter().zip(gates.map_or([[0; 5]; Reason::ALL.len()], |gates| gates.refused))
    {
        let counted = levels.into_iter().enumerate().filter(|(_, n)| *n > 0);
        refused.extend(counted.map(|(level, n)| ((reason.name(), level), n)));
    }
    Shown {
        rate: s.rate_limit.map(|rate| (rate.rate, rate.available, rate.retry_after)),
        slots: s.bulkhead.as_ref().map(|slots| (slots.by_level, slots.queued, slots.limit)),
        floor: gates.map_or(0, |gates| gates.min_priority as usize),
        bypassed: s.totals.bypassed,
        admitted: gates.map_or([0; 5], |gates| gates.admitted),
        refused,
    }
}
