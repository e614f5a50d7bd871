//! The client's own account of the breaker: its states as the events tell them, and the calls admitted in each.
//!
//! It is kept apart from the breaker's counts, so that one can be held against the other and both against what the
//! upstream received. All of it happens on one thread: between a breaker's step and its event no other call runs.

use fusewire::State;
use std::time::{Duration, Instant};

/// The time from one event to the next.
#[derive(Clone, Debug)]
pub struct Spell {
    pub state: State,
    /// The event's number; a breaker begins with 0.
    pub generation: u64,
    /// When it began, after the ledger did.
    pub began: Duration,
    /// Calls that were admitted before and not settled when it began.
    pub in_flight: u64,
    pub admitted: u64,
    pub failed: u64,
    /// Failures since the last answer or the beginning.
    pub in_a_row: u64,
    /// The most there were of them.
    pub most_in_a_row: u64,
}

/// A call that was admitted.
#[derive(Debug)]
pub struct Admission {
    spell: usize,
    /// What the upstream counts it under.
    pub tag: String,
}

pub struct Ledger {
    began: Instant,
    in_flight: u64,
    spells: Vec<Spell>,
}

impl Spell {
    fn new(state: State, generation: u64, began: Duration, in_flight: u64) -> Self {
        Self { state, generation, began, in_flight, admitted: 0, failed: 0, in_a_row: 0, most_in_a_row: 0 }
    }
}

impl Ledger {
    pub fn new() -> Self {
        let first = Spell::new(State::Closed, 0, Duration::ZERO, 0);
        Self { began: Instant::now(), in_flight: 0, spells: vec![first] }
    }

    /// The breaker said that it is in this state now.
    pub fn transition(&mut self, state: State, generation: u64) -> &Spell {
        self.spells.push(Spell::new(state, generation, self.began.elapsed(), self.in_flight));
        &self.spells[self.spells.len() - 1]
    }

    /// The breaker let a call through.
    pub fn admit(&mut self) -> Admission {
        let spell = self.spells.len() - 1;
        self.in_flight += 1;
        self.spells[spell].admitted += 1;
        Admission { spell, tag: tag(spell) }
    }

    /// The call has ended; the breaker is told next.
    pub fn settle(&mut self, admission: &Admission, answered: bool) {
        self.in_flight -= 1;
        let current = self.spells.len() - 1;
        // What ends later than the spell that admitted it is late, for the breaker as for us.
        if admission.spell != current {
            return;
        }
        let spell = &mut self.spells[current];
        if answered {
            spell.in_a_row = 0;
        } else {
            spell.failed += 1;
            spell.in_a_row += 1;
            spell.most_in_a_row = spell.most_in_a_row.max(spell.in_a_row);
        }
    }

    pub fn spells(&self) -> &[Spell] {
        &self.spells
    }
}

/// What the upstream counts the calls of a spell under.
pub fn tag(spell: usize) -> String {
    format!("spell-{spell}")
}
