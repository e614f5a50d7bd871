//! What stands side by side: the ways to make a call, for each case.

use std::time::Duration;

use crate::gates::{self, Gate, by_turns};
use crate::guard::Maker;
use crate::loops::Loops;
use crate::measure::Subject;
use crate::rust;

/// A case.
pub struct Case {
    /// Its name.
    pub name: &'static str,
    /// How long a turn may last at most.
    pub longest_turn: Option<Duration>,
    document: String,
    /// Whether a gate stands before the machine: then the same call without it stands beside.
    is_gate: bool,
}

const BREAKERS: [(&str, &str); 7] = [
    ("closed_default", "{}"),
    ("closed_consecutive", r#"{"sample_durations_every":0}"#),
    ("closed_count_100", r#"{"window":{"kind":"count","size":100},"sample_durations_every":0}"#),
    ("closed_time", r#"{"window":{"kind":"time"},"sample_durations_every":0}"#),
    ("closed_consecutive_timed", r#"{"sample_durations_every":1}"#),
    ("closed_time_timed", r#"{"window":{"kind":"time"},"sample_durations_every":1}"#),
    ("open_rejected", r#"{"sample_durations_every":0,"recovery_timeout":"1h"}"#),
];

/// Every case.
pub fn all() -> Vec<Case> {
    let breaker = |&(name, document): &(&'static str, &str)| Case {
        name,
        longest_turn: None,
        document: document.to_owned(),
        is_gate: false,
    };
    let gate = |gate: &Gate| Case {
        name: gate.name,
        longest_turn: Some(gates::TURN),
        document: gates::document(&(gate.keys)()),
        is_gate: true,
    };
    BREAKERS.iter().map(breaker).chain(gates::ALL.iter().map(gate)).collect()
}

impl Case {
    /// The ways to make a call, each with what is measured.
    pub fn ways(&self, loops: &Loops) -> Vec<(&'static str, Subject)> {
        let makers = match self.is_gate {
            true => self.through_a_gate(loops),
            false if self.name.ends_with("_rejected") => self.turned_away(loops),
            false => self.through_a_breaker(loops),
        };
        makers.into_iter().map(|(way, make)| (way, Subject { make, apart: false })).collect()
    }

    fn through_a_breaker(&self, loops: &Loops) -> Vec<(&'static str, Maker)> {
        let document = self.document.as_str();
        vec![
            ("bare (C)", loops.bare()),
            ("C permit", loops.permit(document)),
            ("C call", loops.call(document)),
            ("bare (Rust)", rust::bare()),
            ("Rust permit", rust::by_permit(document, false)),
            ("Rust call", rust::by_closure(document, false)),
        ]
    }

    fn turned_away(&self, loops: &Loops) -> Vec<(&'static str, Maker)> {
        let document = self.document.as_str();
        vec![
            ("bare (C)", loops.bare()),
            ("C permit", loops.rejected(document)),
            ("C call", loops.rejected(document)),
            ("bare (Rust)", rust::bare()),
            ("Rust permit", rust::by_permit(document, true)),
            ("Rust call", rust::by_closure(document, true)),
        ]
    }

    fn through_a_gate(&self, loops: &Loops) -> Vec<(&'static str, Maker)> {
        let (document, without) = (self.document.as_str(), gates::document(""));
        vec![
            ("bare (C)", loops.bare()),
            ("C without", by_turns(loops.permit(&without))),
            ("C permit", by_turns(loops.permit(document))),
            ("C call", by_turns(loops.call(document))),
            ("bare (Rust)", rust::bare()),
            ("Rust without", by_turns(rust::by_closure(&without, false))),
            ("Rust permit", by_turns(rust::by_permit(document, false))),
            ("Rust call", by_turns(rust::by_closure(document, false))),
        ]
    }
}
