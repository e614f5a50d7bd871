//! Random operations, and scenarios of them.

use crate::documents::{detector, rest};
use crate::model;
use fusewire::Mode;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value};

#[derive(Clone, Copy, Debug)]
pub enum Away {
    Before,
    At,
    After,
}

#[derive(Clone, Debug)]
pub enum Step {
    /// Acquire, let time pass, settle.
    Call {
        result: Came,
        lasts: Option<usize>,
        by_closure: bool,
    },
    Acquire,
    Settle {
        permit: usize,
        result: Came,
        reported: Option<usize>,
    },
    Drop {
        permit: usize,
    },
    /// By one of the document's lengths, or a nanosecond less or more.
    Advance {
        length: usize,
        away: Away,
    },
    /// To where the answer can differ.
    AdvanceToRetry {
        away: Away,
    },
    /// To the end of the window's bucket.
    AdvanceToBucket {
        away: Away,
    },
    Poll,
    Trip {
        length: Option<usize>,
    },
    HalfOpen,
    Reset,
    SetMode(Mode),
    Reconfigure {
        detector: usize,
        rest: usize,
    },
}

impl Step {
    pub fn is_by_hand(&self) -> bool {
        !matches!(
            self,
            Step::Call { .. } | Step::Acquire | Step::Settle { .. } | Step::Drop { .. } | Step::Poll
        )
    }
}

/// What a call came to.
#[derive(Clone, Copy, Debug)]
pub struct Came {
    pub outcome: model::Outcome,
    pub error_type: Option<&'static str>,
}

pub fn result() -> impl Strategy<Value = Came> {
    let outcome = prop_oneof![
        5 => Just(model::Outcome::Success), 5 => Just(model::Outcome::Failure), 1 => Just(model::Outcome::Ignored)
    ];
    let error_type = prop_oneof![
        Just(None),
        Just(Some("refused")),
        Just(Some("eine recht lange Fehlerart, die mitten in einem Zeichen endet: äöüäöüäöü")),
    ];
    (outcome, error_type).prop_map(|(outcome, error_type)| Came {
        outcome,
        error_type: error_type.filter(|_| outcome == model::Outcome::Failure),
    })
}

pub fn away() -> impl Strategy<Value = Away> {
    prop_oneof![1 => Just(Away::Before), 3 => Just(Away::At), 1 => Just(Away::After)]
}

fn step() -> impl Strategy<Value = Step> {
    let index = || 0usize..64;
    let maybe = move || proptest::option::of(index());
    prop_oneof![
        30 => (result(), proptest::option::weighted(0.2, index()), any::<bool>())
            .prop_map(|(result, lasts, by_closure)| Step::Call { result, lasts, by_closure }),
        14 => Just(Step::Acquire),
        12 => (index(), result(), maybe())
            .prop_map(|(permit, result, reported)| Step::Settle { permit, result, reported }),
        4 => index().prop_map(|permit| Step::Drop { permit }),
        12 => (index(), away()).prop_map(|(length, away)| Step::Advance { length, away }),
        9 => away().prop_map(|away| Step::AdvanceToRetry { away }),
        3 => away().prop_map(|away| Step::AdvanceToBucket { away }),
        4 => Just(Step::Poll),
        2 => maybe().prop_map(|length| Step::Trip { length }),
        2 => Just(Step::HalfOpen),
        1 => Just(Step::Reset),
        2 => (0usize..4).prop_map(|i| Step::SetMode(Mode::ALL[i])),
        2 => (0usize..2, 0usize..2).prop_map(|(detector, rest)| Step::Reconfigure { detector, rest }),
    ]
}

#[derive(Clone, Debug)]
pub struct Scenario {
    pub detectors: Vec<Map<String, Value>>,
    pub rests: Vec<Map<String, Value>>,
    pub steps: Vec<Step>,
}

pub fn scenario() -> impl Strategy<Value = Scenario> {
    (vec(detector(), 2), vec(rest(), 2), vec(step(), 1..80)).prop_map(|(detectors, rests, steps)| Scenario {
        detectors,
        rests,
        steps,
    })
}
