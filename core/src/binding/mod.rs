//! For the packages of other languages: permits as plain words, lanes, and cells in the host's memory.
//!
//! No part of the crate's promise: what is here changes with the packages that are released with it.

mod attempts;
mod first;
mod gates;

pub use self::attempts::{Course, Joined, Place, Role, Stored, Vacant, finished_json, step_json};
pub use self::first::{First, FirstGrant};
pub use self::gates::{EnteredSlip, Paced, cost_of, policy_event_json, priority, priority_of};
use crate::body::Body;
use crate::breaker::CircuitBreaker;
use crate::calls::TookLonger;
use crate::clock::Nanos;
use crate::config::Builder;
use crate::engine::{Engine, Lane};
use crate::error::{ConfigError, Reason, Refusal, Rejection};
use crate::event::By;
pub use crate::events::{Watcher, watch};
pub use crate::fork::{Hold, hold};
use crate::ledger::LastFailure;
pub use crate::ledger::TIMEOUT;
use crate::metrics::failure;
use crate::name::Name;
use crate::outcome::{Kind, Outcome, Settled, Ticket};
pub use crate::side::{COUNT_MASK, CellMemory, LANE_VERSION};
use crate::sync::AtomicU64;
pub use crate::sync::{ForkGuard, ForkMutex};
use crate::word::{Mode, State};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

/// A permit as plain words, without a drop. Settle it once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Slip {
    /// The clock's tick at admission, if `extra` says that the call is timed.
    pub start: u64,
    /// The call's timeout and feature, if `extra` says that it has them.
    pub rest: u64,
    /// The low half of the word at admission.
    pub low: u32,
    /// The number of a probe's lease.
    pub lease: u32,
    /// 0 for a plain call that is not timed.
    pub extra: u32,
    /// Which of the breaker's engines gave it, from 0.
    pub engine: u32,
}

/// Why a call was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// The earliest time from now at which the answer can differ, in nanoseconds.
    pub retry_after: Option<Nanos>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Refused { reason: refusal.reason(), retry_after: refusal.retry_after() }
    }
}

/// What a lane may do alone; see `side`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// The low half of the word under which it may.
    pub low: u32,
    /// How many calls it may admit; [`UNLIMITED`](Grant::UNLIMITED) while no call is timed.
    pub calls: u32,
}

impl Grant {
    /// As many as it likes. Nothing of it is given back.
    pub const UNLIMITED: u32 = u32::MAX;
}

/// What a rejection says, for who carries only its parts.
pub fn rejection_message(breaker: &str, reason: &str, retry_after: Option<Nanos>) -> String {
    let reason = Reason::ALL.into_iter().find(|r| r.name() == reason).unwrap_or(Reason::Open);
    Rejection::new(Name::new(breaker), Refusal::new(reason, retry_after), 0).to_string()
}

/// What a call says that took longer than it may, in nanoseconds.
pub fn timeout_message(breaker: &str, limit: Nanos) -> String {
    format!("circuit breaker '{breaker}': {}", TookLonger(Duration::from_nanos(limit)))
}

impl Builder {
    /// The same document with every key that `other` has replaced by its value there, those of tables in it one by one.
    #[must_use]
    pub fn with_keys_of(mut self, other: &Builder) -> Self {
        self.document.set_all(&other.document);
        self
    }

    /// Lets the cell lie in memory of the host.
    #[must_use]
    pub fn cell_memory(mut self, memory: Arc<dyn CellMemory>) -> Self {
        self.memory = Some(memory);
        self
    }
}

#[inline]
fn slip_of(body: &Body, engine: &Engine, ticket: Ticket) -> Slip {
    let (low, lease, extra, start, rest) = ticket.parts();
    Slip { start, rest, low, lease, extra, engine: body.number_of(engine) }
}

impl CircuitBreaker {
    fn slip(&self, engine: &Engine, ticket: Ticket) -> Slip {
        slip_of(&self.0, engine, ticket)
    }

    fn ticket(&self, slip: &Slip) -> (&Engine, Ticket) {
        let engine = self.0.engines().nth(slip.engine as usize).unwrap_or(&self.0.first);
        (engine, Ticket::of_parts(slip.low, slip.lease, slip.extra, slip.start, slip.rest))
    }

    /// As [`try_acquire`](CircuitBreaker::try_acquire).
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn acquire_slip(&self) -> Result<Slip, Refused> {
        let mut ticket = Ticket::plain(0);
        match self.0.admit(&mut ticket) {
            Ok(engine) => Ok(self.slip(engine, ticket)),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// As [`acquire_slip`](CircuitBreaker::acquire_slip), for the usual call: one of a closed breaker, and not timed.
    /// `None` says that there is more to it; nothing was done then. A timed one is not made here: its slip would have to go
    /// through memory, and be copied from there in other pieces than it was written in.
    #[inline(always)]
    pub fn acquire_quietly(&self) -> Option<Slip> {
        let engine = self.0.engine();
        let word = engine.load();
        let is_usual =
            word.is_plainly_closed() && std::ptr::eq(engine, &self.0.first) && engine.leaves_untimed();
        is_usual.then(|| Slip { low: word.low(), ..Slip::default() })
    }

    /// Settles the slip of such a call as a success, if it is not timed and nothing changes but counts. `false` says that
    /// there is more to it; nothing was done then.
    #[inline(always)]
    pub fn succeed_quietly(&self, slip: &Slip) -> bool {
        slip.extra == 0 && slip.engine == 0 && self.0.succeed_quietly(&self.0.first, slip.low)
    }

    /// Whether a call that asked now would most likely be turned away: one load, and no promise.
    #[inline(always)]
    pub fn looks_open(&self) -> bool {
        let word = self.0.engine().load();
        word.is_plainly_open() || word.mode() == Mode::ForcedOpen
    }

    /// As [`Permit::settle`](crate::Permit::settle).
    pub fn settle_slip(
        &self,
        slip: &Slip,
        outcome: Outcome,
        duration: Option<Nanos>,
        error_type: Option<&str>,
    ) -> Settled {
        let (engine, ticket) = self.ticket(slip);
        if outcome != Outcome::Success || duration.is_some() {
            return self.0.settle(engine, &ticket, outcome, duration, error_type);
        }
        if ticket.is_simple() && self.0.succeed_quietly(engine, ticket.low()) {
            return Settled::Ok;
        }
        self.0.succeed(engine, &ticket)
    }

    /// As dropping a permit: ignored, or a failure when the call lasted at least `cancelled_after`.
    pub fn abandon_slip(&self, slip: &Slip) -> Settled {
        let (engine, ticket) = self.ticket(slip);
        self.0.abandon(engine, &ticket)
    }

    /// An outcome of a call that asked for no permit: while the breaker is closed it counts like any other, otherwise in
    /// the totals only.
    pub fn record(&self, outcome: Outcome, error_type: Option<&str>) -> Settled {
        let engine = self.0.engine();
        let word = engine.load();
        let kind = if word.state() == State::Closed { Kind::Plain } else { Kind::Shadowed(Reason::Open) };
        self.0.settle(engine, &Ticket::new(word.low(), kind), outcome, None, error_type)
    }

    /// Whether both are handles of one breaker.
    pub fn is_same(&self, other: &CircuitBreaker) -> bool {
        std::ptr::eq(&*self.0, &*other.0)
    }

    /// As [`Permit::would_reject`](crate::Permit::would_reject).
    pub fn slip_would_reject(&self, slip: &Slip) -> Option<Reason> {
        match self.ticket(slip).1.kind() {
            Kind::Shadowed(reason) => Some(reason),
            _ => None,
        }
    }

    /// The last failure as one word, for who may want to know of it later; 0 when there was none.
    #[inline]
    pub fn failure_word(&self) -> u64 {
        self.0.failure_word()
    }

    /// What such a word of this breaker says, as a snapshot's JSON has it.
    pub fn failure_json(&self, word: u64) -> Option<serde_json::Value> {
        self.failure_of(word).as_ref().map(failure)
    }

    /// The same, as a value.
    pub fn failure_of(&self, word: u64) -> Option<LastFailure> {
        self.0.existing_ledger()?.failure_of(word)
    }

    /// As [`trip`](CircuitBreaker::trip), for a duration as documents have it, such as `1.5s`: 1 ms to 168 h.
    ///
    /// # Errors
    /// When it is none, or out of range.
    pub fn trip_for(&self, duration: &str, by: &By) -> Result<(), ConfigError> {
        let duration = crate::config::trip_length_text(duration)?;
        self.0.trip(Some(duration), by);
        Ok(())
    }

    /// The words of the breaker's first cell. While it decides, its first word is the breaker's.
    pub fn cell(&self) -> &[AtomicU64] {
        self.0.first.words()
    }

    /// Grants the calling thread's lane what it may do alone.
    pub fn grant(&self) -> Grant {
        let (engine, word) = (self.0.engine(), self.0.engine().load());
        let is_first = std::ptr::eq(engine, &self.0.first);
        if !is_first || engine.lane() != Lane::Consecutive || !word.is_plainly_closed() {
            return Grant::default();
        }
        Grant { low: word.low(), calls: calls_until_timed(engine) }
    }

    /// Takes back calls of the last grant that the lane did not make.
    pub fn return_grant(&self, calls: u32) {
        // No other engine grants.
        if calls > 0 && calls != Grant::UNLIMITED {
            self.0.first.with_stripe(|stripe| stripe.give_ticks(calls));
        }
    }

    /// Adds a lane's counters: of successes, and of first attempts that it has admitted.
    ///
    /// # Safety
    /// The counters are written by the lane's thread alone, as doubles, and readable from any thread until it is
    /// removed.
    pub unsafe fn add_lane(&self, successes: NonNull<AtomicU64>, admitted: NonNull<AtomicU64>) {
        // SAFETY: the caller's promise.
        unsafe { self.0.side.add_lane(successes, admitted) };
    }

    /// Ends the lane with that counter of successes; what it has counted stays.
    pub fn remove_lane(&self, successes: NonNull<AtomicU64>) {
        self.0.fold_lanes();
        self.0.side.remove_lane(successes);
    }
}

/// Takes the calls of the calling thread until the next one that is timed.
fn calls_until_timed(engine: &Engine) -> u32 {
    match engine.every() {
        0 => Grant::UNLIMITED,
        every => engine.with_stripe(|stripe| stripe.take_ticks(every)),
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::metrics::json;

    #[test]
    fn a_failure_that_was_noted_reads_the_same_after_others() {
        let breaker = CircuitBreaker::builder().build("a").expect("valid");
        assert_eq!((breaker.failure_word(), breaker.failure_json(0)), (0, None));
        let fail = |error_type| {
            let slip = breaker.acquire_slip().expect("closed");
            breaker.settle_slip(&slip, Outcome::Failure, None, error_type);
            (breaker.failure_word(), json(&breaker.snapshot())["last_failure"].take())
        };
        let noted = [fail(Some("io")), fail(None), fail(Some("other")), fail(Some("io"))];
        for (word, told) in noted {
            assert_eq!(breaker.failure_json(word), Some(told));
        }
    }
}
