//! Asking for a permit, but for the happy path.

use crate::body::Body;
use crate::engine::Engine;
#[cfg(feature = "tower")]
use crate::error::Rejection;
use crate::error::{Reason, Refusal};
use crate::machine::{Caller, Verdict};
use crate::outcome::{Kind, Ticket};
use crate::request::Wanted;
use crate::word::{Mode, State, Word};

/// A call's ticket and who gave it, or why it is turned away.
type Answer<'b> = Result<(&'b Engine, Ticket), Refusal>;

impl Body {
    /// Everything but a call of a closed breaker in mode `auto`. An admitted call's ticket is written to `ticket`, so
    /// that the answer fits two registers: what is copied through memory in other pieces than it was written in
    /// would stall the caller.
    #[inline(never)]
    pub(crate) fn acquire(&self, ticket: &mut Ticket) -> Result<&Engine, Refusal> {
        let engine = self.engine();
        let word = engine.load();
        if word.is_gated() || word.is_ended() {
            return self.acquire_gated(engine, word, const { &Wanted::plain() }, ticket);
        }
        if let Some(after) = self.engine().still_open(self.clock()) {
            self.engine().count_open();
            return Err(Refusal::new(Reason::Open, Some(after)));
        }
        self.acquire_with_a_step(ticket)
    }

    /// Apart, so that who is turned away or goes through gates has nothing of its frame.
    #[inline(never)]
    fn acquire_with_a_step(&self, ticket: &mut Ticket) -> Result<&Engine, Refusal> {
        let (engine, given) = self.acquire_at_length(ticket)?;
        #[cfg(feature = "tracing")]
        crate::trace::admitted(Word(given.low().into()));
        *ticket = given;
        Ok(engine)
    }

    fn acquire_at_length(&self, ticket: &mut Ticket) -> Answer<'_> {
        loop {
            let engine = self.engine();
            let word = engine.load();
            if word.is_moved() {
                self.follow(engine);
                continue;
            }
            if word.is_gated() || word.is_ended() {
                let engine = self.acquire_gated_at_length(&Wanted::plain(), ticket)?;
                return Ok((engine, *ticket));
            }
            if word.is_plainly_closed() {
                return self.give(engine, word.low(), Kind::Plain);
            }
            return match word.mode() {
                Mode::ForcedOpen => self.reject(engine, Refusal::new(Reason::ForcedOpen, None)),
                Mode::ForcedClosed => self.give(engine, word.low(), Kind::Plain),
                mode => match self.ask(engine, word) {
                    Some((verdict, low)) => self.answer(engine, mode, verdict, low),
                    None => continue,
                },
            };
        }
    }

    /// Asks the machine; answers its verdict with the word's low half at that instant, or `None` when the breaker has
    /// moved meanwhile.
    fn ask(&self, engine: &Engine, word: Word) -> Option<(Verdict, u32)> {
        match word.state() {
            State::Closed => return Some((Verdict::Admitted, word.low())),
            State::Open | State::HalfOpen => {}
        }
        let now = self.clock().now();
        let mut expired = 0;
        let hold = self.before();
        let stepped = engine.cell().transact(|m| {
            expired = 0;
            let caller = Caller::at(now);
            let verdict = (!m.moved).then(|| m.acquire(&caller, &self.rules(engine, m), &mut expired));
            verdict.map(|v| (v, m.word().low()))
        });
        if self.after(hold, engine, &stepped, expired, None) {
            self.deliver();
        }
        stepped.answer
    }

    fn answer<'b>(&'b self, engine: &'b Engine, mode: Mode, verdict: Verdict, low: u32) -> Answer<'b> {
        match verdict {
            Verdict::Admitted => self.give(engine, low, Kind::Plain),
            Verdict::Probe { lease } => self.give(engine, low, Kind::Probe(lease)),
            Verdict::Rejected { reason, .. } if mode == Mode::Shadow => {
                engine.cell().count_shadowed(reason);
                self.give(engine, low, Kind::Shadowed(reason))
            }
            Verdict::Rejected { reason, retry_after } => {
                self.reject(engine, Refusal::new(reason, retry_after))
            }
        }
    }

    fn reject(&self, engine: &Engine, refusal: Refusal) -> Answer<'_> {
        engine.with_stripe(|stripe| stripe.reject(refusal.reason()));
        Err(refusal)
    }

    fn give<'b>(&'b self, engine: &'b Engine, low: u32, kind: Kind) -> Answer<'b> {
        let ticket = Ticket::new(low, kind);
        Ok((engine, self.sample(engine).map_or(ticket, |start| ticket.timed(start))))
    }

    /// The clock's tick, if the call that begins now is one that is timed.
    #[inline(never)]
    pub(crate) fn sample(&self, engine: &Engine) -> Option<u64> {
        let every = engine.every();
        let is_timed = every == 1 || every != 0 && engine.with_stripe(|stripe| stripe.samples(every));
        is_timed.then(|| self.clock().tick())
    }

    /// Whether a call would be turned away just now.
    #[cfg(feature = "tower")]
    #[inline]
    pub(crate) fn would_reject(&self) -> Option<Refusal> {
        if self.engine().load().is_plainly_closed() { None } else { self.would_reject_now() }
    }

    /// Leases that have ended are taken, else nobody might ever do it. In a ramp only asking tells, because who asks is
    /// counted.
    #[cfg(feature = "tower")]
    #[cold]
    fn would_reject_now(&self) -> Option<Refusal> {
        if self.is_gated() {
            // Gates may let this call pass, or not: who asks will know.
            return None;
        }
        if let Some(after) = self.engine().still_open(self.clock()) {
            return Some(Refusal::new(Reason::Open, Some(after)));
        }
        let (engine, mut machine) = self.machine();
        let (mode, rules, mut expired) = (machine.mode, self.rules(engine, &machine), 0);
        let verdict = machine.acquire(&Caller::at(self.clock().now()), &rules, &mut expired);
        if expired > 0 {
            self.poll();
        }
        match verdict {
            Verdict::Rejected { reason: Reason::Ramp, .. } => None,
            Verdict::Rejected { reason, retry_after } if mode != Mode::Shadow => {
                Some(Refusal::new(reason, retry_after))
            }
            _ => None,
        }
    }

    /// Counts and answers a rejection that was decided before.
    #[cfg(feature = "tower")]
    #[cold]
    pub(crate) fn turn_away(&self, refusal: Refusal) -> Rejection {
        let engine = self.engine();
        engine.with_stripe(|stripe| stripe.reject(refusal.reason()));
        #[cfg(feature = "tracing")]
        crate::trace::rejected(engine.load(), refusal.reason());
        Rejection::new(self.name.clone(), refusal, self.failure_word())
    }
}
