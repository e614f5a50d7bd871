//! What `tracing` hears: an event for each transition, and on a span that has the fields, how the breaker answered.
//!
//! Fields: `circuit_breaker.state`, `circuit_breaker.generation`, `circuit_breaker.reason`. The generation is its low 24
//! bits, which is what a call carries. Declare them (as `tracing::field::Empty`) on the span around a call, and they are
//! filled in. Nothing is done while nobody listens.

use crate::error::Reason;
use crate::event::By;
use crate::machine::Machine;
use crate::name::Name;
use crate::word::{State, Word};
use std::cell::{Cell, RefCell};
use tracing::{Level, Span, field};

thread_local! {
    static QUIET: Cell<u32> = const { Cell::new(0) };
    static LATER: RefCell<Vec<(Name, Machine, Option<By>)>> = const { RefCell::new(Vec::new()) };
}

/// While one lasts, transitions that this thread makes are told at its end: it has a lock that a subscriber may want.
pub(crate) struct Quiet;

impl Quiet {
    pub(crate) fn begin() -> Self {
        QUIET.set(QUIET.get() + 1);
        Quiet
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        QUIET.set(QUIET.get() - 1);
        if QUIET.get() == 0 && LATER.with_borrow(|later| !later.is_empty()) {
            LATER.take().iter().for_each(|(name, after, by)| tell(name, after, by.as_ref()));
        }
    }
}

/// A transition.
#[cold]
pub(crate) fn transition(name: &Name, after: &Machine, by: Option<&By>) {
    if QUIET.get() == 0 {
        return tell(name, after, by);
    }
    LATER.with_borrow_mut(|later| later.push((name.clone(), after.clone(), by.cloned())));
}

fn tell(name: &str, after: &Machine, by: Option<&By>) {
    let (from, to) = (after.from.name(), after.state().name());
    let cause = after.cause.map_or("", |cause| cause.name());
    let generation = after.generation;
    let actor = by.and_then(|by| by.actor.as_deref()).map(field::display);
    let reason = by.and_then(|by| by.reason.as_deref()).map(field::display);
    if after.state() == State::Open {
        tracing::warn!(target: "fusewire", breaker = name, from, to, cause, generation, actor, reason,
            "circuit breaker opened");
    } else {
        tracing::info!(target: "fusewire", breaker = name, from, to, cause, generation, actor, reason,
            "circuit breaker changed");
    }
}

/// A call was admitted under `word`.
#[inline]
pub(crate) fn admitted(word: Word) {
    if tracing::level_enabled!(Level::ERROR) {
        record(word.state(), word.generation(), None);
    }
}

/// A call was turned away.
#[inline]
pub(crate) fn rejected(word: Word, reason: Reason) {
    if tracing::level_enabled!(Level::ERROR) {
        record(word.state(), word.generation(), Some(reason));
    }
}

#[cold]
fn record(state: State, generation: u64, reason: Option<Reason>) {
    let span = Span::current();
    span.record("circuit_breaker.state", state.name());
    span.record("circuit_breaker.generation", generation);
    if let Some(reason) = reason {
        span.record("circuit_breaker.reason", reason.name());
    }
}
