//! A call's way through the gates (policies §1).
//!
//! It first looks at each gate in order, and the first refusal wins: mode, machine, floor of priorities, rate limit, slots.
//! Then it takes: slot, token, the machine's place. Whoever is refused on the way gives back what it took.

use crate::admit::QueueRules;
use crate::admit::limiter::{Asks, Token};
use crate::admit::queue::Ticket as Place;
use crate::admit::slots::{Asked, Slot};
use crate::around::Featured;
use crate::body::Body;
use crate::clock::Nanos;
use crate::engine::Engine;
use crate::error::{Reason, Refusal};
use crate::featured::Beside;
use crate::gates::{Queue, Set};
use crate::machine::{Caller, Drawn, Machine, Rules, Verdict};
use crate::outcome::{Kind, Ticket};
use crate::policy::feature::live::Looked;
use crate::request::Wanted;
use crate::word::{Mode, Word};
use std::task::Waker;

/// How a call comes by its slot.
#[derive(Clone, Copy)]
pub(crate) enum Wish {
    /// At once or not at all.
    Try,
    /// It waits for one.
    Wait,
    /// It has waited, and this one is there for it.
    Has(Slot),
}

/// What a call has seen of the machine.
#[derive(Clone, Copy)]
struct Seen {
    low: u32,
    /// The machine admits without being asked.
    is_calm: bool,
    /// What it says does not hold for this call.
    bypasses: bool,
}

/// A call on its way through the gates.
pub(crate) struct Way<'b> {
    pub body: &'b Body,
    pub set: &'b Set,
    pub request: Wanted,
    /// The number that it has drawn in a ramp.
    pub drawn: Option<Drawn>,
    /// Who is to be woken when a wait ends.
    pub waker: Option<&'b Waker>,
    /// There is an event to deliver, or a queue to flush.
    pub owes: bool,
    /// The low half of the word as the call has last seen it.
    pub low: u32,
}

/// Why a way ended without a permit.
pub(crate) enum Stop {
    /// The breaker lives in another cell now, or its machine has moved on: to be gone once more.
    Moved,
    Refused(Refusal),
    Waits(Place),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Refused(refusal)
    }
}

pub(crate) fn refused(reason: Reason, retry_after: Option<Nanos>) -> Refusal {
    Refusal::new(reason, retry_after)
}

impl<'b> Way<'b> {
    /// Through all the gates.
    #[inline]
    pub(crate) fn go(&mut self, engine: &'b Engine, word: Word, wish: Wish) -> Result<Ticket, Stop> {
        if word.is_ended() {
            return Err(refused(Reason::Closed, None).into());
        }
        self.low = word.low();
        let seen = self.look_at_machine(engine, word)?;
        self.look_at_feature(engine.load())?;
        self.look_at_pace();
        let level = self.request.priority;
        if level < self.set.floor() {
            return Err(refused(Reason::Shed, None).into());
        }
        if self.set.rules.slots.is_some() || !seen.is_calm {
            self.look_at_rate()?;
        }
        let slot = self.take_slot(wish)?;
        let token = match self.draw() {
            Ok(token) => token,
            Err(refusal) => return self.back(wish, slot, None, refusal.into()),
        };
        let wait = match (word.mode(), token) {
            (Mode::Shadow, _) | (_, None) => 0,
            (_, Some(token)) => token.wait(),
        };
        match self.take_place(engine, seen, wait) {
            Ok((low, kind)) => Ok(self.ticket(engine, Ticket::new(low, kind), slot, wait)),
            Err(stop) => self.back(wish, slot, token, stop),
        }
    }

    #[inline]
    fn look_at_machine(&mut self, engine: &Engine, word: Word) -> Result<Seen, Stop> {
        let seen = Seen { low: word.low(), is_calm: true, bypasses: false };
        if word.is_calm() || word.mode() == Mode::ForcedClosed {
            return Ok(seen);
        }
        self.look_at_length(engine)
    }

    #[inline(never)]
    fn look_at_length(&mut self, engine: &Engine) -> Result<Seen, Stop> {
        if let Some(after) = engine.still_open(self.body.clock()).filter(|_| !self.may_bypass(Reason::Open)) {
            return Err(refused(Reason::Open, Some(after)).into());
        }
        let now = self.body.clock().now();
        let caller = self.caller(now, now);
        let looked = self.step(engine, |m, rules, expired| {
            let refusal = m.look(&caller, rules, expired);
            let (word, is_admitted) = (m.word(), refusal.is_none());
            let drawn = Drawn { generation: word.generation(), is_admitted };
            (refusal, word.is_ramp().then_some(drawn), word.low())
        });
        let Some((refusal, drawn, low)) = looked else { return Err(Stop::Moved) };
        (self.drawn, self.low) = (drawn.or(self.drawn), low);
        let bypasses = match refusal {
            None => false,
            Some((reason, _)) if self.may_bypass(reason) => true,
            Some((reason, after)) => return Err(refused(reason, after).into()),
        };
        Ok(Seen { low, is_calm: false, bypasses })
    }

    fn caller(&self, now: Nanos, begins: Nanos) -> Caller {
        Caller { now, begins, is_low: self.set.is_low(self.request.priority), drawn: self.drawn }
    }

    /// A step of the machine, unless it has moved.
    fn step<R>(&mut self, engine: &Engine, act: impl Fn(&mut Machine, &Rules, &mut u32) -> R) -> Option<R> {
        let (body, mut expired) = (self.body, 0);
        let hold = body.before();
        let stepped = engine.cell().transact(|m| {
            expired = 0;
            (!m.moved).then(|| act(m, &body.rules(engine, m), &mut expired))
        });
        self.owes |= body.after(hold, engine, &stepped, expired, None);
        stepped.answer
    }

    fn may_bypass(&self, reason: Reason) -> bool {
        let is_spared = self.set.spared().is_some_and(|least| self.request.priority >= least);
        is_spared && matches!(reason, Reason::Open | Reason::HalfOpenFull | Reason::Ramp)
    }

    /// The feature that the call is of may be disabled. Carries out what is due of all of them.
    #[inline]
    fn look_at_feature(&mut self, word: Word) -> Result<(), Stop> {
        match &self.set.around.features {
            None => Ok(()),
            Some(featured) => self.look_at_features(featured, word),
        }
    }

    #[inline(never)]
    fn look_at_features(&mut self, featured: &Featured, word: Word) -> Result<(), Stop> {
        let place = featured.place(self.request.feature);
        let mut beside = Beside::new(self.body, featured);
        let looked = featured.features.look(word, place, self.body.clock(), &mut beside);
        self.owes |= beside.owes;
        match looked {
            Looked::Admitted => Ok(()),
            Looked::Disabled { retry_after } => {
                place.into_iter().for_each(|place| featured.features.count_refused(place));
                Err(refused(Reason::FeatureDisabled, retry_after).into())
            }
            Looked::Again => Err(Stop::Moved),
            Looked::RollBack { generation } => {
                self.owes |= self.body.roll_back(generation);
                Err(Stop::Moved)
            }
        }
    }

    /// A rate that follows the outcomes may be due to change.
    #[inline]
    fn look_at_pace(&mut self) {
        if let Some(limiter) = self.set.limiter.as_ref().filter(|limiter| limiter.is_adaptive()) {
            let changed = limiter.before_acquire(&self.set.words.rate(), self.body.clock());
            self.owes |= self.body.rate_changed(changed);
        }
    }

    fn look_at_rate(&self) -> Result<(), Stop> {
        let Some(limiter) = &self.set.limiter else { return Ok(()) };
        let looked = limiter.look(&self.set.words.rate(), self.body.clock(), &self.asks());
        looked.map_err(|after| {
            limiter.note_held(&self.set.words.rate());
            refused(Reason::RateLimited, after).into()
        })
    }

    fn take_slot(&mut self, wish: Wish) -> Result<Option<Slot>, Stop> {
        if let Wish::Has(slot) = wish {
            return Ok(Some(slot));
        }
        let Some(rules) = &self.set.rules.slots else { return Ok(None) };
        let Some(slots) = self.body.slots() else { return Ok(None) };
        let level = self.request.priority;
        match wish {
            Wish::Wait if rules.queue().max_queue > 0 => self.queue(slots, rules.queue()),
            _ => match slots.try_take(level) {
                Some(slot) => Ok(Some(slot)),
                None => Err(refused(self.set.full(), None).into()),
            },
        }
    }

    fn queue(&mut self, slots: &Queue, rules: &QueueRules) -> Result<Option<Slot>, Stop> {
        let (level, full) = (self.request.priority, refused(self.set.full(), None));
        if let Some(slot) = slots.try_take(level) {
            return Ok(Some(slot));
        }
        let (body, request) = (self.body, &self.request);
        let (asked, owes) = body.wait_in_line(slots, rules, request, self.drawn.as_ref(), self.waker, full);
        self.owes |= owes;
        match asked {
            Asked::Taken(slot) => Ok(Some(slot)),
            Asked::Waits(place) => Err(Stop::Waits(place)),
            Asked::Full => Err(full.into()),
            Asked::Refused(refusal) => Err(refusal.into()),
            Asked::Closed => Err(refused(Reason::Closed, None).into()),
            Asked::Again => Err(Stop::Moved),
        }
    }

    #[inline]
    fn draw(&mut self) -> Result<Option<Token>, Refusal> {
        let Some(limiter) = &self.set.limiter else { return Ok(None) };
        let rate = self.set.words.rate();
        let drawn = limiter.draw(&rate, self.body.clock(), &self.asks());
        if !matches!(&drawn, Ok(token) if token.wait() == 0) {
            limiter.note_held(&rate);
        }
        drawn.map(Some).map_err(|after| refused(Reason::RateLimited, after))
    }

    #[inline]
    fn asks(&self) -> Asks {
        let Wanted { priority, cost, deadline, .. } = self.request;
        Asks { level: priority, cost: cost.into(), deadline }
    }

    /// The machine's place: the word's low half at that instant, and of what kind the permit is.
    fn take_place(&mut self, engine: &Engine, seen: Seen, wait: Nanos) -> Result<(u32, Kind), Stop> {
        if seen.is_calm {
            return Ok((seen.low, Kind::Plain));
        }
        if seen.bypasses {
            return Ok((seen.low, self.bypass()));
        }
        self.take_at_length(engine, wait)
    }

    #[inline(never)]
    fn take_at_length(&mut self, engine: &Engine, wait: Nanos) -> Result<(u32, Kind), Stop> {
        let now = self.body.clock().now();
        let caller = self.caller(now, now.saturating_add(wait));
        let stepped = self.step(engine, |m, rules, expired| {
            let verdict = m.acquire(&caller, rules, expired);
            (verdict, m.word().low())
        });
        match stepped {
            None => Err(Stop::Moved),
            Some((Verdict::Admitted, low)) => Ok((low, Kind::Plain)),
            Some((Verdict::Probe { lease }, low)) => Ok((low, Kind::Probe(lease))),
            Some((Verdict::Rejected { reason, .. }, low)) if self.may_bypass(reason) => {
                Ok((low, self.bypass()))
            }
            Some((Verdict::Rejected { reason, retry_after }, _)) => Err(refused(reason, retry_after).into()),
        }
    }

    fn bypass(&self) -> Kind {
        self.set.words.count_bypassed();
        Kind::Bypassed
    }

    /// Gives back what was taken. A slot that was there for a waiter stays with the queue.
    #[cold]
    fn back(
        &mut self,
        wish: Wish,
        slot: Option<Slot>,
        token: Option<Token>,
        stop: Stop,
    ) -> Result<Ticket, Stop> {
        if let (Some(limiter), Some(token)) = (&self.set.limiter, token) {
            limiter.give_back(&self.set.words.rate(), token);
        }
        if let (Wish::Try | Wish::Wait, Some(slot)) = (wish, slot) {
            self.owes |= self.body.give_slot_back(slot);
        }
        Err(stop)
    }

    #[inline]
    fn ticket(&self, engine: &Engine, ticket: Ticket, slot: Option<Slot>, wait: Nanos) -> Ticket {
        let mut ticket = if wait > 0 { ticket.that_waits(wait) } else { ticket };
        if let Some(slot) = slot {
            ticket = ticket.with_slot(slot.code());
        }
        if self.set.is_fed() {
            ticket = ticket.that_feeds();
        }
        if let (Some(limit), Some(slots)) = (&self.set.limit, self.body.slots()) {
            limit.admitted(slots.in_flight());
        }
        self.body.start(engine, self.set, &self.request, ticket, wait)
    }
}
