//! A circuit breaker: acquire, permit, settle. The happy path is on this page.

use crate::admit::priority::Priority;
use crate::body::{Body, Setting};
use crate::clock::Source;
use crate::config::{self, Builder};
use crate::engine::Engine;
use crate::error::{CallError, ConfigError, Error, Refusal, Rejection};
use crate::event::{By, Event};
use crate::events::{Events, Listener, Subscription};
use crate::fork;
use crate::handle::Handle;
use crate::histogram::DURATION_BOUNDS;
use crate::inbox::Inbox;
use crate::ledger::LastFailure;
use crate::name::Name;
use crate::outcome::{Outcome, Ticket};
use crate::permit::{OwnedPermit, PanicIsFailure, Permit};
use crate::policy_event::{PolicyEvent, PolicyEvents, PolicySubscription, SlotTable};
use crate::request::Wanted;
#[cfg(feature = "binding")]
use crate::side::Lodging;
use crate::snapshot::Snapshot;
use crate::sync::AtomicU64;
use crate::word::{Mode, State, Word};
use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::time::Duration;

/// Guards one dependency. Clones are the same breaker.
///
/// ```
/// use fusewire::{CallError, CircuitBreaker};
///
/// let breaker = CircuitBreaker::builder().failure_threshold(3).build("payments")?;
/// let answer = breaker.call(|| "42".parse::<i32>());
/// assert_eq!(answer, Ok(42));
/// # Ok::<(), fusewire::Error>(())
/// ```
#[derive(Clone)]
pub struct CircuitBreaker(pub(crate) Handle);

impl CircuitBreaker {
    /// A builder with every key at its default.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A breaker from a JSON document.
    ///
    /// # Errors
    /// When the name or the document is not allowed; the error names the key, the value and what is.
    pub fn from_json(name: &str, document: &str) -> Result<Self, Error> {
        Builder::from_json(document)?.build(name)
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    // ---- calls ----

    /// Asks for a permit to call.
    ///
    /// # Errors
    /// When the breaker turns the call away; nothing has run then, and there is nothing to settle.
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>, Rejection> {
        self.0.try_acquire()
    }

    /// Like [`try_acquire`](Self::try_acquire), for a permit that outlives the borrow.
    ///
    /// # Errors
    /// As for `try_acquire`.
    #[inline]
    pub fn try_acquire_owned(&self) -> Result<OwnedPermit, Rejection> {
        match self.acquire_plainly() {
            Some(permit) => Ok(permit),
            None => self.try_acquire_owned_at_length(),
        }
    }

    /// The permit of a closed breaker's call that is not timed; `None` when there is more to it. Not a result, which would
    /// have to lie in memory.
    #[inline(always)]
    pub(crate) fn acquire_plainly(&self) -> Option<OwnedPermit> {
        let engine = self.0.engine();
        let word = engine.load();
        if !word.is_plainly_closed() || !engine.leaves_untimed() {
            return None;
        }
        #[cfg(feature = "tracing")]
        crate::trace::admitted(word);
        Some(OwnedPermit { loan: self.0.lend(engine), ticket: Ticket::plain(word.low()) })
    }

    /// After `acquire_plainly` has said no.
    #[inline(never)]
    pub(crate) fn try_acquire_owned_at_length(&self) -> Result<OwnedPermit, Rejection> {
        let permit = ManuallyDrop::new(self.0.try_acquire()?);
        Ok(OwnedPermit { loan: self.0.lend(permit.engine), ticket: permit.ticket })
    }

    /// Calls `f` under the breaker: `Ok` is a success, `Err` a failure, a panic a failure that goes on.
    ///
    /// # Errors
    /// The function's own error, or the rejection when it did not run.
    #[inline]
    pub fn call<T, E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>> {
        let (body, engine) = (&*self.0, self.0.engine());
        let word = engine.load();
        if !word.is_plainly_closed() || !engine.leaves_untimed() {
            return self.call_at_length(engine, word, f);
        }
        #[cfg(feature = "tracing")]
        crate::trace::admitted(word);
        body.run(engine, &Ticket::plain(word.low()), f)
    }

    /// A call that is timed, or of a breaker that is not simply closed. A leaky bucket lets it sleep until its turn.
    #[inline(never)]
    fn call_at_length<T, E>(
        &self,
        engine: &Engine,
        word: Word,
        f: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, CallError<E>> {
        let mut ticket = Ticket::plain(0);
        if word.is_plainly_closed() {
            #[cfg(feature = "tracing")]
            crate::trace::admitted(word);
            ticket = Ticket::begun(word.low(), self.0.sample(engine));
            return self.0.run(engine, &ticket, f);
        }
        let acquired = match word.is_gated() {
            true => self.0.acquire_gated(engine, word, const { &Wanted::plain() }, &mut ticket),
            false => self.0.acquire(&mut ticket),
        };
        match acquired {
            Ok(engine) => {
                wait_for_turn(&ticket);
                self.0.run(engine, &ticket, f)
            }
            Err(refusal) => Err(CallError::Rejected(self.0.rejection(refusal))),
        }
    }

    /// Like [`call`](Self::call), with `classify` deciding what the result says of the dependency.
    ///
    /// A classifier that panics is reported, and the result counts as it would without one.
    ///
    /// # Errors
    /// As for `call`.
    pub fn call_classified<T, E>(
        &self,
        classify: impl FnOnce(&Result<T, E>) -> Outcome,
        f: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, CallError<E>> {
        let permit = ManuallyDrop::new(self.0.try_acquire().map_err(CallError::Rejected)?);
        let guard = PanicIsFailure { engine: permit.engine, ticket: &permit.ticket };
        wait_for_turn(&permit.ticket);
        let result = f();
        std::mem::forget(guard);
        ManuallyDrop::into_inner(permit).classify(&result, classify);
        result.map_err(CallError::Inner)
    }

    /// The last failure before a rejection by this breaker: most often why it opened. `None` when there was none.
    ///
    /// ```
    /// # let breaker = fusewire::CircuitBreaker::builder().failure_threshold(1).build("payments")?;
    /// breaker.try_acquire().expect("closed").failure("io");
    /// let rejection = breaker.try_acquire().expect_err("open");
    /// let failure = breaker.last_failure(&rejection).expect("there was one");
    /// assert_eq!(failure.error_type.as_deref(), Some("io"));
    /// # Ok::<(), fusewire::Error>(())
    /// ```
    pub fn last_failure(&self, rejection: &Rejection) -> Option<LastFailure> {
        let is_ours = rejection.name() == self.name();
        self.0.existing_ledger().filter(|_| is_ours)?.failure_of(rejection.failure)
    }

    // ---- by hand ----

    /// Opens the breaker, from any state, for `duration` (1 ms to 168 h) or, without one, for as long as an opening
    /// lasts now.
    ///
    /// # Errors
    /// When the duration is out of range.
    pub fn trip(&self, duration: Option<Duration>, by: By) -> Result<(), ConfigError> {
        let duration = duration.map(config::trip_length).transpose()?;
        self.0.trip(duration, &by);
        Ok(())
    }

    /// Lets the next calls probe, from any state.
    pub fn half_open(&self, by: By) {
        self.0.half_open(&by);
    }

    /// Closes the breaker, from any state, and ends the row of openings.
    pub fn reset(&self, by: By) {
        self.0.reset(&by);
    }

    /// Sets the mode; setting the one that is set does nothing.
    pub fn set_mode(&self, mode: Mode, by: By) {
        self.0.set_mode(mode, &by);
    }

    /// Sets the lowest level that is let in; answers whether it is another. It holds until a document says another one.
    ///
    /// # Errors
    /// When the document has no `priority`.
    pub fn set_min_priority(&self, to: Priority, by: By) -> Result<bool, ConfigError> {
        self.0.set_min_priority(to, &by)
    }

    /// Replaces the bulkhead's table of slots and grants what has become free; nobody in flight is cut off. Answers
    /// whether it is another. It holds until a document says another one.
    ///
    /// # Errors
    /// When the document has no `bulkhead`, or the table is out of range.
    pub fn set_slots(&self, to: SlotTable, by: By) -> Result<bool, ConfigError> {
        self.0.set_slots(to, &by)
    }

    /// Tells how much the host has to do, 0 to 1: retries of the kind `resource_sensitive` wait longer the more it is.
    /// Without `retry` nobody looks at it.
    ///
    /// # Errors
    /// When it is out of range.
    pub fn set_utilisation(&self, to: f64) -> Result<(), ConfigError> {
        self.0.set_utilisation(to)
    }

    /// Sets the concurrency limit, from which it goes on to find itself; answers whether it is another.
    ///
    /// # Errors
    /// When the document has no `concurrency_limit`, or the limit is not within its `min` and `max`.
    pub fn set_limit(&self, to: u64, by: By) -> Result<bool, ConfigError> {
        self.0.set_limit(to, &by)
    }

    /// Sets the rate of a token or leaky bucket, in calls a second, or the limit of a window; answers whether it is
    /// another. It holds until a document says another one.
    ///
    /// # Errors
    /// When the document has no `rate_limit`, or the rate is out of range: for `adaptive` within its `min` and `max`, for a
    /// sliding window at most the document's limit ([`reconfigure`](Self::reconfigure) changes that).
    pub fn set_rate(&self, to: f64, by: By) -> Result<bool, ConfigError> {
        self.0.set_rate(to, &by)
    }

    /// Ends the breaker's life: whoever comes or waits is turned away with [`Reason::Closed`](crate::Reason::Closed).
    /// Calls in flight settle. Answers whether it lived.
    pub fn close(&self, by: By) -> bool {
        self.0.close(&by)
    }

    /// Calls `listener` for each change of the policies from now on, in order, outside any lock.
    pub fn subscribe_policies(
        &self,
        listener: impl Fn(&PolicyEvent) + Send + Sync + 'static,
    ) -> PolicySubscription {
        self.0.policy_hub().subscribe(Box::new(listener), None)
    }

    /// Keeps the changes of the policies from now on, at most `capacity` of them, until they are read; the rest is
    /// counted.
    pub fn policy_events(&self, capacity: usize) -> PolicyEvents {
        PolicyEvents::of(self.0.policy_hub(), capacity)
    }

    /// Carries out what is due (open to half-open, expired probes, a ramp step that is over, waits whose time is over)
    /// without asking for a permit.
    pub fn poll(&self) {
        self.0.poll();
    }

    /// Swaps the rules atomically. The same rules do nothing, and answer `false`. The clock stays.
    ///
    /// # Errors
    /// When the document is not allowed; nothing has changed then.
    pub fn reconfigure(&self, document: Builder, by: By) -> Result<bool, ConfigError> {
        let plan = config::intern(document.plan_of(self.name())?);
        Ok(self.0.reconfigure(plan, &by))
    }

    // ---- reading ----

    /// The effective state: open past its deadline reads half-open.
    pub fn state(&self) -> State {
        self.0.state()
    }

    /// The mode.
    pub fn mode(&self) -> Mode {
        self.0.machine().1.mode
    }

    /// Everything there is to know, for people.
    pub fn snapshot(&self) -> Snapshot {
        self.0.snapshot()
    }

    /// The configuration with its defaults filled in, as a JSON document.
    pub fn document(&self) -> String {
        let (engine, machine) = self.0.machine();
        config::document(engine.plan_of(machine.plan))
    }

    /// Calls `listener` for each transition from now on, in order, by the thread that caused it or one that is
    /// delivering already, outside any lock: it may use the breaker. A listener that panics is reported and disturbs
    /// nobody. While one is slow, 32 events wait; what comes beyond is counted as missed.
    pub fn subscribe(&self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Subscription {
        self.listen(Box::new(listener), None)
    }

    fn listen(&self, listener: Box<Listener>, inbox: Option<Arc<Inbox<Event>>>) -> Subscription {
        let hub = self.0.hub();
        hub.settle_in();
        let hold = fork::hold();
        let generation = self.0.touch();
        let subscription = hub.subscribe(generation, listener, inbox);
        hub.begin_after(generation);
        drop(hold);
        hub.deliver();
        subscription
    }

    /// Keeps the transitions from now on, at most `capacity` of them, until they are read; the rest is counted.
    pub fn events(&self, capacity: usize) -> Events {
        let inbox = Inbox::new(capacity);
        let writer = Arc::clone(&inbox);
        let subscription = self.listen(Box::new(move |event| writer.push(event)), Some(Arc::clone(&inbox)));
        Events::new(inbox, subscription)
    }
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, machine) = self.0.machine();
        f.debug_struct("CircuitBreaker")
            .field("name", &self.name())
            .field("state", &machine.state())
            .field("mode", &machine.mode)
            .field("generation", &machine.generation)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Builds the breaker. A name has 1 to 255 bytes, none of a control character.
    ///
    /// # Errors
    /// When the name or the document is not allowed.
    pub fn build(self, name: &str) -> Result<CircuitBreaker, Error> {
        let setting = self.setting();
        self.build_with(name, setting)
    }

    /// What the breaker needs beside its plan, unless that is the usual.
    fn setting(&self) -> Option<Arc<Setting>> {
        match &self.clock {
            Source::System => None,
            clock => Some(Arc::new(Setting { clock: clock.clone(), bounds: DURATION_BOUNDS.into() })),
        }
    }

    pub(crate) fn build_with(
        self,
        name: &str,
        setting: Option<Arc<Setting>>,
    ) -> Result<CircuitBreaker, Error> {
        let name = Name::new(config::check_name(name)?);
        let plan = config::intern(self.plan_of(&name)?);
        #[cfg(feature = "binding")]
        if let Some(lodging) = self.memory.as_ref().and_then(|m| Lodging::take(m, plan.layout().words())) {
            let body = Body::new(name.clone(), Arc::clone(&plan), setting.clone(), Some(lodging.words));
            if let Some(mut body) = body {
                body.side.lodging = Some(lodging);
                return Ok(CircuitBreaker(Handle::new(body)));
            }
        }
        match Body::new(name, plan, setting, None) {
            Some(body) => Ok(CircuitBreaker(Handle::new(body))),
            None => unreachable!("fresh memory holds no other cell"),
        }
    }

    /// Builds the breaker over a cell in memory that the caller gives: a mapped file, say. Zeroed memory becomes a new
    /// cell; memory that holds a cell of this document's layout is taken up as it is.
    ///
    /// The counters of a cell have one writer for each stripe, so until stripes are given out among processes, one
    /// process at a time may use it.
    ///
    /// # Errors
    /// When the name or the document is not allowed, or the memory is too small ([`cell_words`](Builder::cell_words)),
    /// not at a multiple of 64, or holds a cell of another layout.
    pub fn build_in(self, name: &str, memory: &'static [AtomicU64]) -> Result<CircuitBreaker, Error> {
        let name = config::check_name(name)?;
        let plan = config::intern(self.plan_of(name)?);
        let words = plan.layout().words();
        let refuse = |what: String| ConfigError::new("", "the memory of the cell", what);
        if memory.len() < words || !memory.as_ptr().addr().is_multiple_of(64) {
            return Err(refuse(format!("at least {words} words at a multiple of 64")).into());
        }
        let body = Body::new(Name::new(name), plan, self.setting(), Some(memory));
        body.map(|body| CircuitBreaker(Handle::new(body))).ok_or_else(|| {
            refuse("zeros, or a cell of the layout that the document asks for".to_owned()).into()
        })
    }

    /// How many words the cell of this document takes.
    ///
    /// # Errors
    /// When the document is not allowed.
    pub fn cell_words(&self) -> Result<usize, ConfigError> {
        Ok(self.plan()?.layout().words())
    }
}

/// Lets the time pass until a paced call's turn comes.
#[inline]
pub(crate) fn wait_for_turn(ticket: &Ticket) {
    #[cold]
    fn sleep(ticket: &Ticket) {
        std::thread::sleep(Duration::from_nanos(ticket.wait()));
    }
    if ticket.wait() > 0 {
        sleep(ticket);
    }
}

impl Body {
    /// A closed breaker in mode `auto` admits, and a call that is not timed carries nothing but the word's low half.
    ///
    /// The happy path writes no ticket to memory that it then would have to copy: see `acquire`.
    #[inline(always)]
    fn try_acquire(&self) -> Result<Permit<'_>, Rejection> {
        let engine = self.engine();
        let word = engine.load();
        if word.is_plainly_closed() {
            return Ok(Permit { engine, ticket: self.begin(engine, word) });
        }
        let mut ticket = Ticket::plain(0);
        match self.acquire(&mut ticket) {
            Ok(engine) => Ok(Permit { engine, ticket }),
            Err(refusal) => Err(self.rejection(refusal)),
        }
    }

    /// As `try_acquire`, for who keeps the ticket's words apart.
    #[cfg(feature = "binding")]
    #[inline(always)]
    pub(crate) fn admit(&self, ticket: &mut Ticket) -> Result<&Engine, Refusal> {
        let engine = self.engine();
        let word = engine.load();
        if !word.is_plainly_closed() {
            return self.acquire(ticket);
        }
        *ticket = self.begin(engine, word);
        Ok(engine)
    }

    /// The ticket of a call of a closed breaker in mode `auto`.
    #[inline(always)]
    fn begin(&self, engine: &Engine, word: Word) -> Ticket {
        #[cfg(feature = "tracing")]
        crate::trace::admitted(word);
        Ticket::begun(word.low(), if engine.leaves_untimed() { None } else { self.sample(engine) })
    }

    /// Makes a call that was admitted, and settles it.
    #[inline(always)]
    fn run<T, E>(
        &self,
        engine: &Engine,
        ticket: &Ticket,
        f: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, CallError<E>> {
        let guard = PanicIsFailure { engine, ticket };
        let result = f();
        std::mem::forget(guard);
        if result.is_err() {
            self.settle(engine, ticket, Outcome::Failure, None, None);
        } else if !(ticket.is_simple() && self.succeed_quietly(engine, ticket.low())) {
            self.succeed(engine, ticket);
        }
        result.map_err(CallError::Inner)
    }

    #[inline(always)]
    pub(crate) fn rejection(&self, refusal: Refusal) -> Rejection {
        #[cfg(feature = "tracing")]
        crate::trace::rejected(self.engine().load(), refusal.reason());
        Rejection::new(self.name.clone(), refusal, self.failure_word())
    }
}
