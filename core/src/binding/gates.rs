//! The gates, for packages of other languages.

use super::{Refused, Slip, slip_of};
use crate::admit::priority::Priority;
use crate::asking::Waiting;
use crate::body::Body;
use crate::breaker::CircuitBreaker;
use crate::clock::Nanos;
use crate::engine::Engine;
use crate::error::ConfigError;
use crate::event::By;
use crate::outcome::{Kind, Ticket};
use crate::passage::Answered;
use crate::permit::OwnedPermit;
use crate::policy_event::{PolicyChange, PolicyEvent, SlotTable};
use crate::request::{Request, RequestError, Wanted};
use crate::word::Mode;
use serde_json::{Value, json};
use std::mem::ManuallyDrop;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A slip, and how long the host waits before it calls, in nanoseconds.
pub type Paced = (Slip, Nanos);

/// What a call that would wait is given; as [`Entered`](crate::Entered).
#[derive(Debug)]
pub enum EnteredSlip {
    /// Leave to make the call.
    Admitted(Paced),
    /// A place in the queue for a slot.
    Waiting(Waiting),
}

/// The level of that name, or of a number as text: 0 to 100.
///
/// # Errors
/// When there is none; the error says what would be allowed.
pub fn priority(text: &str) -> Result<Priority, RequestError> {
    match text.parse::<u32>() {
        Ok(number) => Priority::try_from(number),
        Err(_) => text.parse(),
    }
}

/// The level of a number.
///
/// # Errors
/// As for [`priority`].
pub fn priority_of(number: f64) -> Result<Priority, RequestError> {
    let whole = (number.fract() == 0.0 && (0.0..=100.0).contains(&number)).then_some(number as u32);
    whole.and_then(Priority::of_number).ok_or_else(|| RequestError::level(number.to_string()))
}

/// A cost as hosts have numbers.
///
/// # Errors
/// When it is no whole number from 1 up that fits 32 bits.
pub fn cost_of(number: f64) -> Result<u32, RequestError> {
    let is_cost = number.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&number);
    if is_cost { Ok(number as u32) } else { Err(RequestError::cost(number.to_string())) }
}

/// A policy's event, as the vectors have it.
pub fn policy_event_json(event: &PolicyEvent) -> Value {
    let slots = |table: &SlotTable| {
        let levels = Priority::ALL.into_iter().zip(table.reserved).filter(|(_, slots)| *slots > 0);
        let reserved: serde_json::Map<_, _> =
            levels.map(|(level, slots)| (level.name().to_owned(), json!(slots))).collect();
        json!({ "max_concurrent": table.max_concurrent, "reserved": reserved })
    };
    let (from, to) = match &event.change {
        PolicyChange::MinPriority { from, to } => (json!(from.name()), json!(to.name())),
        PolicyChange::Slots { from, to } => (slots(from), slots(to)),
        PolicyChange::Limit { from, to } => (json!(from), json!(to)),
        PolicyChange::Rate { from, to } => (json!(from), json!(to)),
        PolicyChange::Close => (Value::Null, Value::Null),
        PolicyChange::Feature { from, to, .. } => (json!(from.name()), json!(to.name())),
    };
    let mut told = json!({
        "breaker": event.breaker.as_str(),
        "kind": event.change.kind(),
        "from": from,
        "to": to,
        "generation": event.generation,
        "sequence": event.sequence,
        "at": event.at,
        "actor": event.actor.as_deref(),
        "reason": event.reason.as_deref(),
        "missed": event.missed,
    });
    if let PolicyChange::Feature { feature, cause, health, .. } = &event.change {
        told["feature"] = json!(&**feature);
        told["cause"] = json!(cause.name());
        told["health"] = json!(health);
    }
    told
}

impl CircuitBreaker {
    /// The breaker's clock, on which a request's deadline is an instant.
    pub fn now(&self) -> Nanos {
        self.0.clock().now()
    }

    /// Whether a request can be at all; see [`CircuitBreaker::with`].
    ///
    /// # Errors
    /// As there.
    pub fn check(&self, request: &Request<'_>) -> Result<Wanted, RequestError> {
        self.0.check(request)
    }

    /// Whether the breaker has gates, or was closed: its calls are not those that [`acquire_quietly`] makes.
    ///
    /// [`acquire_quietly`]: CircuitBreaker::acquire_quietly
    pub fn is_gated(&self) -> bool {
        self.0.is_gated()
    }

    /// Whether calls may wait for a slot, as the document is now.
    pub fn may_queue(&self) -> bool {
        let slots = self.0.gate_set().and_then(|set| set.rules.slots.as_ref());
        slots.is_some_and(|rules| rules.queue().max_queue > 0)
    }

    /// Whether a call that asked now might not be made at once: the breaker [looks open], or [has gates]. One load, and no
    /// promise.
    ///
    /// [looks open]: CircuitBreaker::looks_open
    /// [has gates]: CircuitBreaker::is_gated
    #[inline(always)]
    pub fn may_hold_up(&self) -> bool {
        let word = self.0.engine().load();
        !word.is_plainly_closed()
            && (word.is_plainly_open()
                || word.mode() == Mode::ForcedOpen
                || word.is_gated()
                || word.is_ended())
    }

    fn paced(&self, engine: &Engine, ticket: Ticket) -> Paced {
        (self.slip(engine, ticket), ticket.wait())
    }

    /// As [`acquire_slip`](CircuitBreaker::acquire_slip), with a request that was checked. Never waits.
    ///
    /// # Errors
    /// As there.
    pub fn acquire_slip_for(&self, request: &Wanted) -> Result<Paced, Refused> {
        if request.deadline.is_none() && !self.is_gated() {
            return self.acquire_paced();
        }
        let mut ticket = Ticket::plain(0);
        let engine = self.0.acquire_for(request, &mut ticket)?;
        Ok(self.paced(engine, ticket))
    }

    /// The same, with the slip written to where it is read later, and how long the host waits. One that is handed on by value
    /// is copied in other pieces than it was written in, and waits for memory each time.
    ///
    /// # Errors
    /// As there; the slip stays as it was.
    #[inline(always)]
    pub fn acquire_into(&self, request: &Wanted, slip: &mut Slip) -> Result<Nanos, Refused> {
        let mut ticket = Ticket::plain(0);
        let engine = match request.deadline.is_none() && !self.is_gated() {
            true => self.0.admit(&mut ticket)?,
            false => self.0.acquire_for(request, &mut ticket)?,
        };
        *slip = self.slip(engine, ticket);
        Ok(ticket.wait())
    }

    /// As [`acquire_slip`](CircuitBreaker::acquire_slip), with how long the host waits: for a call without a request, of
    /// any breaker.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn acquire_paced(&self) -> Result<Paced, Refused> {
        let mut ticket = Ticket::plain(0);
        let engine = self.0.admit(&mut ticket)?;
        Ok(self.paced(engine, ticket))
    }

    /// The same, with a request, for a call that would wait for a slot.
    ///
    /// # Errors
    /// As there.
    pub fn enter_slip(&self, request: &Wanted) -> Result<EnteredSlip, Refused> {
        self.enter_slip_with(request, None)
    }

    /// The same, with who is to be woken when a wait ends: cheaper than to tell it later.
    ///
    /// # Errors
    /// As there.
    pub fn enter_slip_with(&self, request: &Wanted, waker: Option<&Waker>) -> Result<EnteredSlip, Refused> {
        let mut ticket = Ticket::plain(0);
        match self.0.acquire_or_wait(request, waker, &mut ticket)? {
            Answered::Given(engine) => Ok(EnteredSlip::Admitted(self.paced(engine, ticket))),
            Answered::Waits(place) => Ok(EnteredSlip::Waiting(Waiting::new(self, place, waker.is_some()))),
        }
    }

    /// As [`Permit::is_bypassed`](crate::Permit::is_bypassed).
    pub fn slip_is_bypassed(&self, slip: &Slip) -> bool {
        self.ticket(slip).1.kind() == Kind::Bypassed
    }

    /// As [`set_slots`](CircuitBreaker::set_slots), for a table as JSON: `max_concurrent`, which stays when it is left out,
    /// and `reserved` by level.
    ///
    /// # Errors
    /// As there.
    pub fn set_slots_json(&self, table: &str, by: &By) -> Result<bool, ConfigError> {
        self.0.set_slots_json(table, by)
    }
}

impl Waiting {
    /// As [`expire`](Waiting::expire), after every wait of the breaker that is due was ended, in the order of policies §11:
    /// for hosts whose timers do not ring in that order.
    pub fn expire_due(&self) -> bool {
        self.body().into_iter().for_each(Body::end_waits);
        self.deadline().is_none()
    }

    /// How the wait ended, once; `None` while it goes on, and `waker` is woken when it ends.
    pub fn try_end(&mut self, waker: &Waker) -> Option<Result<Paced, Refused>> {
        match self.poll_end(&mut Context::from_waker(waker), |_, refusal| refusal.into()) {
            Poll::Pending => None,
            Poll::Ready(answer) => Some(answer.map(unlend)),
        }
    }

    /// Blocks the thread until the wait has ended, for at most `timeout` of the system's time; `None` when it goes on.
    pub fn wait_slip(&mut self, timeout: Duration) -> Option<Result<Paced, Refused>> {
        let answer = self.wait_within(Some(timeout), |_, refusal| refusal.into())?;
        Some(answer.map(unlend))
    }
}

/// The host keeps the breaker in memory, and the slip as words.
fn unlend(permit: OwnedPermit) -> Paced {
    let permit = ManuallyDrop::new(permit);
    // SAFETY: `permit` is not dropped, so the loan is taken out once; it ends here.
    let loan = unsafe { std::ptr::read(&permit.loan) };
    (slip_of(loan.body(), loan.engine(), permit.ticket), permit.ticket.wait())
}
