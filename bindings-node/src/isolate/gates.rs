//! Calls that say what they ask for, those that wait, and what people change of a breaker's gates.

use super::Inner;
use super::breaker::by;
use super::class::Isolate;
use crate::error::{of_config, of_request};
use crate::scratch::*;
use fusewire::binding::{EnteredSlip, Slip, cost_of, priority, priority_of};
use fusewire::{CircuitBreaker, Priority, Request, RequestError, Wanted};
use napi::bindgen_prelude::*;
use napi_derive::napi;

/// What of a request is told beside the scratch's numbers.
#[derive(Default)]
pub(super) struct Names {
    pub(super) feature: Option<String>,
    pub(super) method: Option<String>,
    pub(super) is_keyed: bool,
}

/// By which ways a breaker's calls go, which are not those that JavaScript may decide alone.
pub(super) fn ways(breaker: &CircuitBreaker) -> u32 {
    let steps = breaker.has_course() || breaker.has_timeout();
    u32::from(breaker.is_gated()) * IS_GATED + u32::from(steps) * HAS_STEPS
}

pub(super) fn request(s: Scratch, names: &Names) -> std::result::Result<Request<'_>, RequestError> {
    let level = Priority::ALL.get(s.get(PRIORITY) as usize).copied().unwrap_or(Priority::Normal);
    let mut request = Request::new().priority(level).cost(cost_of(s.double(COST))?);
    if let Some(deadline) = s.nanos_at(DEADLINE) {
        request = request.deadline(deadline);
    }
    match s.get(IDEMPOTENT) {
        SAID_TRUE => request = request.idempotent(),
        SAID_FALSE => request = request.once(),
        _ => {}
    }
    Ok(names.add(request))
}

impl Inner {
    pub(crate) fn enter(&mut self) {
        let s = self.scratch;
        let names = self.names_for(s);
        let Ok(slot) = self.slot(s.get(SLOT)) else { return s.set(CODE, PANICKED) };
        s.set(GATED, ways(&slot.breaker));
        let wanted = request(s, &names).and_then(|request| slot.breaker.check(&request));
        match wanted {
            Ok(wanted) => self.enter_with(&wanted),
            Err(wrong) => {
                self.wrong = Some(wrong);
                s.set(CODE, WRONG);
            }
        }
        s.set(EVENTS, self.inbox.waiting());
    }

    /// What was told of the call that the scratch is about.
    pub(super) fn names_for(&mut self, s: Scratch) -> Names {
        let told = self.names.take().filter(|_| s.get(IS_NAMED) != 0).unwrap_or_default();
        Names { is_keyed: s.get(IS_KEYED) != 0, ..told }
    }

    fn enter_with(&mut self, request: &Wanted) {
        let s = self.scratch;
        let number = s.get(SLOT);
        let Ok(slot) = self.slot(number) else { return };
        let answer = match s.get(WAITS) {
            0 => slot.breaker.acquire_slip_for(request),
            _ => match slot.breaker.enter_slip(request) {
                Ok(EnteredSlip::Admitted(paced)) => Ok(paced),
                Ok(EnteredSlip::Waiting(waiting)) => {
                    let (breaker, left) = (slot.breaker.clone(), waiting.left());
                    match self.waits.begin((number, None), &breaker, waiting, &self.inbox) {
                        Ok(ticket) => return s.note_wait(ticket, left.as_nanos() as u64),
                        Err(end) => end,
                    }
                }
                Err(refused) => Err(refused),
            },
        };
        match (answer, self.slot(number)) {
            (Ok(paced), _) => self.give_paced(number, paced),
            (Err(refused), Ok(slot)) => s.turn_away(&slot.breaker, refused),
            (Err(_), Err(_)) => s.set(CODE, PANICKED),
        }
    }
}

impl Scratch {
    pub(super) fn note_wait(self, ticket: u32, left: u64) {
        self.set(CODE, QUEUED);
        self.set(TICKET, ticket);
        self.set_nanos(Some(left));
    }
}

#[napi]
impl Isolate {
    /// The code of a level by its name, or by its number as text.
    #[napi(catch_unwind)]
    pub fn level(&self, text: String) -> Result<u32> {
        priority(&text).map(|level| level as u32).map_err(|e| of_request(&e))
    }

    /// The code of a level by its number.
    #[napi(catch_unwind)]
    pub fn level_of(&self, number: f64) -> Result<u32> {
        priority_of(number).map(|level| level as u32).map_err(|e| of_request(&e))
    }

    /// Fails when no call of the breaker can cost that, or be of that feature.
    #[napi(catch_unwind)]
    pub fn check_request(&self, slot: u32, cost: f64, feature: Option<String>) -> Result<()> {
        let breaker = self.inner.breaker(slot)?;
        let names = Names { feature, ..Names::default() };
        let checked = cost_of(cost).and_then(|cost| breaker.check(&names.add(Request::new().cost(cost))));
        checked.map(drop).map_err(|e| of_request(&e))
    }

    /// Tells the feature and the method of the call that is asked for next.
    #[napi(catch_unwind)]
    pub fn name_call(&mut self, feature: Option<String>, method: Option<String>) {
        self.inner.names = Some(Names { feature, method, is_keyed: false });
    }

    /// Fails with what was wrong with the last request.
    #[napi(catch_unwind)]
    pub fn wrong(&mut self) -> Result<()> {
        self.inner.wrong.take().map_or(Ok(()), |wrong| Err(of_request(&wrong)))
    }

    /// Fetches the end of the wait that ended first, into the scratch; answers its ticket, or -1 when there is none.
    #[napi(catch_unwind)]
    pub fn next_ended(&mut self) -> f64 {
        let s = self.inner.scratch;
        while let Some(ticket) = self.inner.inbox.next_ended() {
            let Some(((slot, course), breaker, end)) = self.inner.waits.end(ticket) else { continue };
            if let Some(place) = course {
                self.inner.waited(place, end);
                return ticket.into();
            }
            match end {
                Ok(paced) => self.inner.give_paced(slot, paced),
                Err(refused) => s.turn_away(&breaker, refused),
            }
            return ticket.into();
        }
        -1.0
    }

    /// Ends the waits that are due, of the breaker whose wait that is; answers the nanoseconds that are left of this one, 0
    /// when it has ended.
    #[napi(catch_unwind)]
    pub fn expire(&self, ticket: u32) -> f64 {
        match self.inner.waits.waiting(ticket) {
            Some(waiting) if !waiting.expire_due() => waiting.left().as_nanos() as f64,
            _ => 0.0,
        }
    }

    /// Which use of its place the permit in the scratch is of: with the word of its engine it names this permit alone. -1
    /// for one that nobody has to give back.
    #[napi(catch_unwind)]
    pub fn held(&self) -> f64 {
        self.inner.held.turn(self.inner.scratch.get(ENGINE)).map_or(-1.0, f64::from)
    }

    /// Lets go of a permit that was collected, unless it was settled.
    #[napi(catch_unwind)]
    pub fn abandon(&mut self, engine: u32, turn: u32) {
        if let Some((slot, slip)) = self.inner.held.take_if(engine, turn) {
            self.inner.abandon(slot, &slip);
        }
    }

    /// Lets a call wait at the end of a higher level.
    #[napi(catch_unwind)]
    pub fn raise(&self, ticket: u32, level: u32) {
        if let (Some(waiting), Some(level)) =
            (self.inner.waits.waiting(ticket), Priority::ALL.get(level as usize))
        {
            waiting.raise(*level);
        }
    }

    /// Ends a wait as if it had never begun.
    #[napi(catch_unwind)]
    pub fn cancel(&mut self, ticket: u32) {
        self.inner.waits.cancel(ticket);
    }

    /// Nanoseconds on the breaker's clock.
    #[napi(catch_unwind)]
    pub fn now(&self, slot: u32) -> Result<f64> {
        Ok(self.inner.breaker(slot)?.now() as f64)
    }

    /// Whether the permit in the scratch passed a breaker that would have rejected it.
    #[napi(catch_unwind)]
    pub fn is_bypassed(&self, slot: u32) -> Result<bool> {
        let s = self.inner.scratch;
        let slip = Slip { low: s.get(LOW), extra: s.get(EXTRA), ..Slip::default() };
        Ok(self.inner.breaker(slot)?.slip_is_bypassed(&slip))
    }

    /// Sets the lowest level that is let in.
    #[napi(catch_unwind)]
    pub fn set_min_priority(
        &self,
        slot: u32,
        level: u32,
        actor: Option<String>,
        reason: Option<String>,
    ) -> Result<bool> {
        let level = Priority::ALL.get(level as usize).copied().unwrap_or(Priority::Bulk);
        self.inner.breaker(slot)?.set_min_priority(level, by(actor, reason)).map_err(of_config)
    }

    /// Replaces the table of slots, as JSON.
    #[napi(catch_unwind)]
    pub fn set_slots(
        &self,
        slot: u32,
        table: String,
        actor: Option<String>,
        reason: Option<String>,
    ) -> Result<bool> {
        self.inner.breaker(slot)?.set_slots_json(&table, &by(actor, reason)).map_err(of_config)
    }

    /// Sets the concurrency limit.
    #[napi(catch_unwind)]
    pub fn set_limit(
        &self,
        slot: u32,
        to: f64,
        actor: Option<String>,
        reason: Option<String>,
    ) -> Result<bool> {
        self.inner.breaker(slot)?.set_limit(to as u64, by(actor, reason)).map_err(of_config)
    }

    /// Sets the rate, or a window's limit.
    #[napi(catch_unwind)]
    pub fn set_rate(
        &self,
        slot: u32,
        to: f64,
        actor: Option<String>,
        reason: Option<String>,
    ) -> Result<bool> {
        self.inner.breaker(slot)?.set_rate(to, by(actor, reason)).map_err(of_config)
    }

    /// Ends the breaker's life; whether it lived.
    #[napi(catch_unwind)]
    pub fn close(&self, slot: u32, actor: Option<String>, reason: Option<String>) -> Result<bool> {
        Ok(self.inner.breaker(slot)?.close(by(actor, reason)))
    }
}
