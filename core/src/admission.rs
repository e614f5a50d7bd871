//! Asking a breaker that has gates, and leaving them again (policies §1 to §5).
//!
//! A call first looks at each gate in order, and the first refusal wins: mode, machine, floor of priorities, rate limit,
//! slots. Then it takes: slot, token, the machine's place. Whoever is refused on the way gives back what it took.

use crate::admit::limiter::{Asks, Token};
use crate::admit::pace::RateChange;
use crate::admit::priority::Priority;
use crate::admit::queue::{Ticket as Place, Waiting};
use crate::admit::slots::{Asked, Gates as Keep, Slot, Without};
use crate::body::Body;
use crate::clock::Nanos;
use crate::engine::Engine;
use crate::error::{Reason, Refusal};
use crate::gates::{Ask, End, Gates, Grant, Queue, Set};
use crate::event::By;
use crate::machine::{Caller, Verdict};
use crate::outcome::{Kind, Outcome, Ticket};
use crate::policy_event::PolicyChange;
use crate::request::{Request, RequestError};
use crate::word::{Mode, State, Word};

/// What a call that may wait is answered.
pub(crate) enum Answered<'b> {
    Given(&'b Engine, Ticket),
    /// It has a place in the queue.
    Waits(Place),
}

/// How a call comes by its slot.
#[derive(Clone, Copy)]
enum Wish {
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
struct Way<'b> {
    body: &'b Body,
    set: &'b Set,
    request: Request,
    /// The generation in whose ramp it has drawn its number.
    drawn: Option<u64>,
    /// There is an event to deliver, or a queue to flush.
    owes: bool,
}

/// Why a way ended without a permit.
enum Stop {
    /// The breaker lives in another cell now.
    Moved,
    Refused(Refusal),
    Waits(Place),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Refused(refusal)
    }
}

fn refused(reason: Reason, retry_after: Option<Nanos>) -> Refusal {
    Refusal::new(reason, retry_after)
}

impl Body {
    /// The gates in force; `None` before the first plan that has any.
    #[inline]
    pub(crate) fn gate_set(&self) -> Option<&Set> {
        self.gates.get()?.set()
    }

    /// Whether a request can be at all.
    pub(crate) fn check(&self, request: &Request) -> Result<(), RequestError> {
        let most = self.gate_set().and_then(|set| set.limiter.as_ref()?.most());
        let (bound, why) = most.map_or((u64::MAX, ""), |(bound, why)| (bound, why));
        match u64::from(request.cost) {
            cost if (1..=bound).contains(&cost) => Ok(()),
            cost => Err(match most {
                Some(_) => RequestError::new("cost", cost.to_string(), format!("1..={bound} ({why})")),
                None => RequestError::cost(cost.to_string()),
            }),
        }
    }

    /// Asks a breaker that has gates or has ended. As `Body::acquire`.
    #[inline(never)]
    pub(crate) fn acquire_gated(&self, request: &Request, ticket: &mut Ticket) -> Result<&Engine, Refusal> {
        match self.ask_gates(request, Wish::Try)? {
            Answered::Given(engine, given) => {
                *ticket = given;
                Ok(engine)
            }
            Answered::Waits(_) => unreachable!("it did not wish to wait"),
        }
    }

    /// The same, of any breaker.
    pub(crate) fn acquire_for(&self, request: &Request, ticket: &mut Ticket) -> Result<&Engine, Refusal> {
        let word = self.engine().load();
        match word.is_gated() || word.is_ended() {
            true => self.acquire_gated(request, ticket),
            false => self.acquire(ticket),
        }
    }

    /// The same, for a call that would wait for a slot.
    pub(crate) fn acquire_or_wait(&self, request: &Request) -> Result<Answered<'_>, Refusal> {
        let word = self.engine().load();
        if word.is_gated() || word.is_ended() {
            return self.ask_gates(request, Wish::Wait);
        }
        let mut ticket = Ticket::plain(0);
        let engine = self.acquire(&mut ticket)?;
        Ok(Answered::Given(engine, ticket))
    }

    fn ask_gates(&self, request: &Request, wish: Wish) -> Result<Answered<'_>, Refusal> {
        let Some(set) = self.gate_set() else {
            return Err(self.turn_away_for_good());
        };
        let mut way = Way { body: self, set, request: *request, drawn: None, owes: false };
        let (engine, answer) = loop {
            let engine = self.engine();
            let word = engine.load();
            if word.is_moved() {
                self.follow(engine);
                continue;
            }
            let wish = if word.mode() == Mode::Shadow { Wish::Try } else { wish };
            match way.go(engine, word, wish) {
                Ok(ticket) => break (engine, Ok(Answered::Given(engine, ticket))),
                Err(Stop::Moved) => {}
                Err(Stop::Waits(place)) => break (engine, Ok(Answered::Waits(place))),
                Err(Stop::Refused(refusal)) => break (engine, way.refuse(engine, word, refusal)),
            }
        };
        if let Ok(Answered::Given(..)) = answer {
            engine.count_admitted(request.priority);
        }
        if way.owes {
            self.deliver();
        }
        answer
    }

    /// Counts and answers that the breaker was closed for good.
    fn turn_away_for_good(&self) -> Refusal {
        self.engine().cell().count_closed();
        refused(Reason::Closed, None)
    }

    /// Counts a refusal by a breaker with gates.
    pub(crate) fn count_refused(&self, reason: Reason, level: Priority) {
        let engine = self.engine();
        match reason {
            Reason::Closed => engine.cell().count_closed(),
            _ => engine.count_refused(reason, level),
        }
    }
}

impl<'b> Way<'b> {
    /// Through all the gates.
    #[inline]
    fn go(&mut self, engine: &'b Engine, word: Word, wish: Wish) -> Result<Ticket, Stop> {
        if word.is_ended() {
            return Err(refused(Reason::Closed, None).into());
        }
        let seen = self.look_at_machine(engine, word)?;
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

    fn look_at_machine(&mut self, engine: &Engine, word: Word) -> Result<Seen, Stop> {
        let seen = Seen { low: word.low(), is_calm: true, bypasses: false };
        if word.is_calm() || word.mode() == Mode::ForcedClosed {
            return Ok(seen);
        }
        let now = self.body.clock().now();
        let caller = self.caller(now, now);
        let looked = self.step(engine, |m, rules, expired| {
            let refusal = m.look(&caller, rules, expired);
            let is_ramp = m.word().is_ramp();
            (refusal, is_ramp.then(|| m.word().generation()), m.word().low())
        });
        let Some((refusal, drawn, low)) = looked else { return Err(Stop::Moved) };
        self.drawn = drawn.or(self.drawn);
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
    fn step<R>(
        &mut self,
        engine: &Engine,
        act: impl Fn(&mut crate::machine::Machine, &crate::machine::Rules, &mut u32) -> R,
    ) -> Option<R> {
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
        let Some(rules) = &self.set.rules.slots else { return Ok(None) };
        let Some(slots) = self.body.slots() else { return Ok(None) };
        let level = self.request.priority;
        match wish {
            Wish::Has(slot) => Ok(Some(slot)),
            Wish::Wait if rules.queue().max_queue > 0 => self.queue(slots, rules.queue()),
            Wish::Try | Wish::Wait => match slots.try_take(level) {
                Some(slot) => Ok(Some(slot)),
                None => Err(refused(self.set.full(), None).into()),
            },
        }
    }

    fn queue(&mut self, slots: &Queue, rules: &crate::admit::QueueRules) -> Result<Option<Slot>, Stop> {
        let (level, full) = (self.request.priority, refused(self.set.full(), None));
        if let Some(slot) = slots.try_take(level) {
            return Ok(Some(slot));
        }
        let since = self.body.clock().now();
        let patience = since.saturating_add(rules.timeouts[level as usize]);
        let deadline = self.request.deadline.map_or(patience, |deadline| deadline.min(patience));
        let ask = Ask { cost: self.request.cost, deadline: self.request.deadline, drawn: self.drawn };
        let mut keeper = Keeper::new(self.body);
        let asked =
            slots.acquire(Waiting { level, deadline, since, ask }, rules.max_queue, full, &mut keeper);
        self.owes |= keeper.owes;
        match asked {
            Asked::Taken(slot) => Ok(Some(slot)),
            Asked::Waits(place) => Err(Stop::Waits(place)),
            Asked::Full => Err(full.into()),
            Asked::Refused(refusal) => Err(refusal.into()),
            Asked::Closed => Err(refused(Reason::Closed, None).into()),
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
        let Request { priority, cost, deadline } = self.request;
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
            Some((Verdict::Rejected { reason, retry_after }, _)) => {
                Err(refused(reason, retry_after).into())
            }
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
        match self.body.sample(engine) {
            None => ticket,
            Some(start) => ticket.timed(self.body.clock().later(start, wait)),
        }
    }

    /// A refusal, counted; in mode `shadow` a permit that is marked with it.
    #[cold]
    fn refuse(&mut self, engine: &'b Engine, word: Word, refusal: Refusal) -> Result<Answered<'b>, Refusal> {
        let reason = refusal.reason();
        if word.mode() != Mode::Shadow || reason == Reason::Closed {
            self.body.count_refused(reason, self.request.priority);
            #[cfg(feature = "tracing")]
            crate::trace::rejected(word, reason);
            return Err(refusal);
        }
        engine.cell().count_shadowed(reason);
        self.set.words.count_shadowed(reason);
        let ticket = Ticket::new(word.low(), Kind::Shadowed(reason));
        Ok(Answered::Given(engine, self.body.sample(engine).map_or(ticket, |start| ticket.timed(start))))
    }
}

/// Stands for the rest of the gates while the queue has its lock.
pub(crate) struct Keeper<'b> {
    body: &'b Body,
    pub(crate) owes: bool,
}

impl<'b> Keeper<'b> {
    pub(crate) fn new(body: &'b Body) -> Self {
        Keeper { body, owes: false }
    }

    fn note_wait(&self, waiting: &Waiting<Ask>) {
        let waited = self.body.clock().now().saturating_sub(waiting.since);
        self.body.gates().note_wait(self.body.bounds(), waited);
    }
}

impl Keep<Ask, Grant, Refusal> for Keeper<'_> {
    fn now(&mut self) -> Nanos {
        self.body.clock().now()
    }

    fn look(&mut self, waiting: &Waiting<Ask>) -> Result<(), Refusal> {
        let spared = self.body.gate_set().and_then(Set::spared);
        match self.body.flushes() {
            Some(refusal) if refusal.reason() != Reason::Open => Err(refusal),
            Some(refusal) if spared.is_none_or(|least| waiting.level < least) => Err(refusal),
            _ => Ok(()),
        }
    }

    fn take(&mut self, waiting: &Waiting<Ask>, slot: Slot) -> Result<Grant, Refusal> {
        let Some(set) = self.body.gate_set() else { return Err(refused(Reason::Closed, None)) };
        let Ask { cost, deadline, drawn } = waiting.ask;
        let request = Request { priority: waiting.level, cost, deadline };
        let mut way = Way { body: self.body, set, request, drawn, owes: false };
        let answer = loop {
            let engine = self.body.engine();
            let word = engine.load();
            if word.is_moved() {
                self.body.follow(engine);
                continue;
            }
            match way.go(engine, word, Wish::Has(slot)) {
                Ok(ticket) => {
                    engine.count_admitted(waiting.level);
                    self.note_wait(waiting);
                    break Ok((self.body.number_of(engine), ticket));
                }
                Err(Stop::Moved) => {}
                Err(Stop::Refused(refusal)) => break Err(refusal),
                Err(Stop::Waits(_)) => unreachable!("it has a slot"),
            }
        };
        self.owes |= way.owes;
        answer
    }

    fn ended(&mut self, waiting: &Waiting<Ask>, how: Without<Refusal>) {
        let reason = match how {
            Without::Refused(refusal) => refusal.reason(),
            Without::TimedOut => Reason::QueueTimeout,
            Without::Closed => Reason::Closed,
        };
        self.note_wait(waiting);
        self.body.count_refused(reason, waiting.level);
    }
}

impl Body {
    /// The slots, once a plan had some.
    #[inline]
    pub(crate) fn slots(&self) -> Option<&Queue> {
        self.gates.get().and_then(Gates::slots)
    }

    pub(crate) fn number_of(&self, engine: &Engine) -> u32 {
        self.engines().position(|e| std::ptr::eq(e, engine)).unwrap_or_default() as u32
    }

    pub(crate) fn engine_number(&self, number: u32) -> &Engine {
        self.engines().nth(number as usize).unwrap_or(&self.first)
    }

    /// Why everybody who waits is refused; `None` when nobody is.
    fn flushes(&self) -> Option<Refusal> {
        let word = self.engine().load();
        if word.is_ended() {
            return Some(refused(Reason::Closed, None));
        }
        match word.mode() {
            Mode::ForcedOpen => Some(refused(Reason::ForcedOpen, None)),
            Mode::Auto | Mode::Shadow if word.state() == State::Open => {
                let after = self.machine().1.retry_after(self.clock().now());
                after.filter(|after| *after > 0).map(|after| refused(Reason::Open, Some(after)))
            }
            _ => None,
        }
    }

    /// After an opening: whoever waits is refused. Not while the queue has its lock.
    #[cold]
    pub(crate) fn flush_queue(&self) {
        let Some(slots) = self.slots() else { return };
        let word = self.engine().load();
        if word.mode() == Mode::Shadow && !word.is_ended() {
            return self.let_go(slots);
        }
        let mut keeper = Keeper::new(self);
        match self.flushes() {
            Some(refusal) => {
                let spared = self.gate_set().and_then(Set::spared);
                let spared = if refusal.reason() == Reason::Open { spared } else { None };
                slots.flush(refusal, spared, &mut keeper);
            }
            None => return,
        }
    }

    /// In shadow nobody waits: whoever does goes on at once, marked with what it waited for.
    fn let_go(&self, slots: &Queue) {
        let Some(set) = self.gate_set() else { return };
        let (engine, reason) = (self.engine(), set.full());
        slots.let_go(|waiting| {
            set.words.count_shadowed(reason);
            engine.count_admitted(waiting.level);
            Keeper::new(self).note_wait(waiting);
            let ticket = Ticket::new(engine.load().low(), Kind::Shadowed(reason));
            let start = self.sample(engine);
            (self.number_of(engine), start.map_or(ticket, |start| ticket.timed(start)))
        });
    }

    /// Ends the waits that are due.
    pub(crate) fn end_waits(&self) {
        let Some(slots) = self.slots() else { return };
        let mut keeper = Keeper::new(self);
        slots.expire_due(&mut keeper);
        if keeper.owes {
            self.deliver();
        }
    }

    /// Gives a slot back, to who waits; answers whether there is something to deliver.
    #[inline]
    fn give_slot_back(&self, slot: Slot) -> bool {
        let mut keeper = Keeper::new(self);
        if let Some(slots) = self.slots() {
            slots.release(slot, &mut keeper);
        }
        keeper.owes
    }

    /// A success that is of no consequence to the machine gives its slot back.
    #[inline]
    pub(crate) fn leave_slot(&self, ticket: &Ticket) {
        if let Some(code) = ticket.slot()
            && self.give_slot_back(Slot::of_code(code))
        {
            self.deliver();
        }
    }

    /// What a settled permit owes to the gates. Late, ignored, bypassed and would-reject outcomes, and those under
    /// `forced_closed`, feed none.
    #[inline(never)]
    pub(crate) fn leave_gates(&self, ticket: &Ticket, end: &End) {
        if ticket.feeds() && end.feeds(ticket) {
            self.feed(end);
        }
        self.leave_slot(ticket);
    }

    fn feed(&self, end: &End) {
        let Some(set) = self.gate_set() else { return };
        let mut owes = false;
        if let Some(limiter) = &set.limiter {
            let failed = end.outcome == Outcome::Failure;
            owes = self.rate_changed(limiter.settle(&set.words.rate(), failed, self.clock()));
        }
        if let (Some(limit), Some(slots)) = (&set.limit, self.slots()) {
            let now = self.clock().coarse();
            let changed = limit.settle(end.outcome, end.is_slow, slots.in_flight(), end.duration, now);
            if changed.is_some() {
                let mut keeper = Keeper::new(self);
                slots.set_max(|| limit.limit(), &mut keeper);
                owes |= keeper.owes;
            }
        }
        if owes {
            self.deliver();
        }
    }

    /// Tells of a rate that has changed by itself; answers whether there is something to deliver.
    fn rate_changed(&self, changed: Option<RateChange>) -> bool {
        let Some(RateChange { from, to }) = changed else { return false };
        self.note(PolicyChange::Rate { from, to }, &By::default());
        true
    }
}
