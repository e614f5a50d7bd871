//! Random steps of a breaker with gates.

use super::documents::gates;
use crate::documents::{detector, document, rest};
use crate::model::gates::Request;
use crate::steps::{Away, Came, away, result};
use fusewire::Mode;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value};

/// What a call asks for; the deadline is a length from now, or a nanosecond beside it.
#[derive(Clone, Copy, Debug)]
pub struct Asks {
    pub level: usize,
    pub cost: u64,
    pub deadline: Option<(usize, Away)>,
}

#[derive(Clone, Debug)]
pub enum Step {
    /// Asks, and waits for a slot if it may.
    Ask {
        asks: Asks,
        waits: bool,
    },
    /// Asks and settles, so often.
    Calls {
        asks: Asks,
        result: Came,
        times: usize,
    },
    Settle {
        permit: usize,
        result: Came,
        reported: Option<usize>,
    },
    Drop {
        permit: usize,
    },
    Cancel {
        waiter: usize,
    },
    Raise {
        waiter: usize,
        level: usize,
    },
    Advance {
        length: usize,
        away: Away,
    },
    /// To where the last call that was turned away was told to come again.
    AdvanceToRetry {
        away: Away,
    },
    /// To where a wait is due.
    AdvanceToDue {
        waiter: usize,
        away: Away,
    },
    Poll,
    Trip,
    HalfOpen,
    Reset,
    SetMode(Mode),
    SetMin {
        level: usize,
    },
    SetSlots {
        max: u64,
        reserved: usize,
    },
    SetLimit {
        to: u64,
    },
    SetRate {
        to: usize,
    },
    Reconfigure {
        machine: usize,
        gates: usize,
    },
    Close,
}

fn asks() -> impl Strategy<Value = Asks> {
    let cost = prop_oneof![12 => Just(1u64), 2 => 2u64..=4, 1 => Just(0u64)];
    let deadline = proptest::option::weighted(0.15, (0usize..64, away()));
    (0usize..5, cost, deadline).prop_map(|(level, cost, deadline)| Asks { level, cost, deadline })
}

fn step() -> impl Strategy<Value = Step> {
    let index = || 0usize..64;
    let maybe = move || proptest::option::weighted(0.3, index());
    let calls = prop_oneof![4 => Just(1usize), 1 => Just(3), 1 => Just(21)];
    let calls =
        (asks(), result(), calls).prop_map(|(asks, result, times)| Step::Calls { asks, result, times });
    prop_oneof![
        30 => (asks(), proptest::bool::weighted(0.7)).prop_map(|(asks, waits)| Step::Ask { asks, waits }),
        12 => calls,
        14 => (index(), result(), maybe())
            .prop_map(|(permit, result, reported)| Step::Settle { permit, result, reported }),
        4 => index().prop_map(|permit| Step::Drop { permit }),
        2 => index().prop_map(|waiter| Step::Cancel { waiter }),
        2 => (index(), 0usize..5).prop_map(|(waiter, level)| Step::Raise { waiter, level }),
        8 => (index(), away()).prop_map(|(length, away)| Step::Advance { length, away }),
        7 => away().prop_map(|away| Step::AdvanceToRetry { away }),
        4 => (index(), away()).prop_map(|(waiter, away)| Step::AdvanceToDue { waiter, away }),
        3 => Just(Step::Poll),
        2 => Just(Step::Trip),
        2 => Just(Step::HalfOpen),
        2 => Just(Step::Reset),
        3 => (0usize..4).prop_map(|i| Step::SetMode(Mode::ALL[i])),
        2 => (0usize..5).prop_map(|level| Step::SetMin { level }),
        2 => (1u64..=5, 0usize..32).prop_map(|(max, reserved)| Step::SetSlots { max, reserved }),
        1 => (1u64..=9).prop_map(|to| Step::SetLimit { to }),
        2 => index().prop_map(|to| Step::SetRate { to }),
        3 => (0usize..2, 0usize..3).prop_map(|(machine, gates)| Step::Reconfigure { machine, gates }),
        1 => proptest::bool::weighted(0.2).prop_map(|ends| if ends { Step::Close } else { Step::Poll }),
    ]
}

type Table = Map<String, Value>;

#[derive(Clone)]
pub struct Scenario {
    machines: Vec<(Table, Table)>,
    gates: Vec<Table>,
    /// And whether who is granted in a step goes away without looking.
    pub steps: Vec<(Step, bool)>,
}

impl Scenario {
    pub fn document(&self, machine: usize, gates: usize) -> Value {
        let (detector, rest) = &self.machines[machine];
        let mut document = document(detector, rest);
        if let Value::Object(table) = &mut document {
            table.extend(self.gates[gates].clone());
        }
        document
    }
}

pub fn scenario() -> impl Strategy<Value = Scenario> {
    let steps = vec((step(), proptest::bool::weighted(0.1)), 1..80);
    (vec((detector(), rest()), 2), vec(gates(), 3), steps).prop_map(|(machines, gates, steps)| Scenario {
        machines,
        gates,
        steps,
    })
}

impl Asks {
    pub fn request(&self, deadline: Option<u64>) -> Request {
        Request { level: self.level, cost: self.cost, deadline }
    }
}

/// Short enough to read what has failed.
impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for machine in 0..self.machines.len() {
            writeln!(f, "machine {machine}: {}", self.document(machine, 0))?;
        }
        for (number, gates) in self.gates.iter().enumerate() {
            writeln!(f, "gates {number}: {}", Value::Object(gates.clone()))?;
        }
        self.steps.iter().enumerate().try_for_each(|(number, step)| writeln!(f, "{number}: {step:?}"))
    }
}
