//! A circuit breaker: acquire, permit, settle. The happy path is on this page.

use crate::body::{Answer, Body, Setting};
use crate::clock::{Nanos, Source, nanos};
use crate::config::{self, Builder};
use crate::engine::Engine;
use crate::error::{CallError, ConfigError, Error, Reason, Rejection};
use crate::events::{By, Event, Events, Hub, Queue, Subscription};
use crate::histogram::DURATION_BOUNDS;
use crate::name::Name;
use crate::outcome::{Kind, Outcome, Settled, Ticket};
use crate::snapshot::Snapshot;
use crate::sync::AtomicU64;
#[cfg(feature = "tracing")]
use crate::word::Word;
use crate::word::{Mode, State};
use std::fmt;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// The error type of a call that panicked.
const PANIC: &str = "panic";

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
pub struct CircuitBreaker(pub(crate) Arc<Body>);

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
        let engine = self.0.engine();
        let word = engine.load();
        if !word.is_plainly_closed() || !engine.leaves_untimed() {
            return self.try_acquire_owned_at_length();
        }
        #[cfg(feature = "tracing")]
        crate::trace::admitted(word);
        Ok(OwnedPermit { body: Arc::clone(&self.0), engine, ticket: Ticket::plain(word.low()) })
    }

    #[inline(never)]
    fn try_acquire_owned_at_length(&self) -> Result<OwnedPermit, Rejection> {
        let (_, engine, ticket) = self.0.try_acquire()?.take();
        Ok(OwnedPermit { body: Arc::clone(&self.0), engine, ticket })
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
            return self.call_at_length(f);
        }
        #[cfg(feature = "tracing")]
        crate::trace::admitted(word);
        let ticket = Ticket::plain(word.low());
        let guard = PanicIsFailure { body, engine, ticket };
        let result = f();
        std::mem::forget(guard);
        if result.is_err() {
            body.settle(engine, ticket, Outcome::Failure, None, None);
        } else if !body.succeed_quietly(engine, word.low()) {
            body.succeed(engine, ticket);
        }
        result.map_err(CallError::Inner)
    }

    /// A call that is timed, or of a breaker that is not simply closed.
    #[inline(never)]
    fn call_at_length<T, E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>> {
        let permit = self.0.try_acquire().map_err(CallError::Rejected)?;
        let guard = PanicIsFailure::arm(permit);
        let result = f();
        guard.disarm().record(&result);
        result.map_err(CallError::Inner)
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
        let guard = PanicIsFailure::arm(self.0.try_acquire().map_err(CallError::Rejected)?);
        let result = f();
        guard.disarm().classify(&result, classify);
        result.map_err(CallError::Inner)
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

    /// Carries out what is due (open to half-open, expired probes, a ramp step that is over) without asking for a
    /// permit.
    pub fn poll(&self) {
        self.0.poll();
    }

    /// Swaps the rules atomically. The same rules do nothing, and answer `false`. The clock stays.
    ///
    /// # Errors
    /// When the document is not allowed; nothing has changed then.
    pub fn reconfigure(&self, document: Builder, by: By) -> Result<bool, ConfigError> {
        let plan = config::intern(document.plan()?);
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
        let hub = self.0.hub.get_or_init(|| Box::new(Hub::new()));
        let generation = self.0.touch();
        let subscription = hub.subscribe(generation, Box::new(listener));
        hub.begin_after(generation);
        hub.deliver();
        subscription
    }

    /// Keeps the transitions from now on, at most `capacity` of them, until they are read; the rest is counted.
    pub fn events(&self, capacity: usize) -> Events {
        let queue = Queue::new(capacity);
        let writer = Arc::clone(&queue);
        let subscription = self.subscribe(move |event| writer.lock().push(event));
        Events::new(queue, subscription)
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
    /// Builds the breaker.
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
        let name = config::check_name(name)?;
        let plan = config::intern(self.plan()?);
        match Body::new(Name::new(name), plan, setting, None) {
            Some(body) => Ok(CircuitBreaker(Arc::new(body))),
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
        let plan = config::intern(self.plan()?);
        let words = plan.layout().words();
        let refuse = |what: String| ConfigError::new("", "the memory of the cell", what);
        if memory.len() < words || !memory.as_ptr().addr().is_multiple_of(64) {
            return Err(refuse(format!("at least {words} words at a multiple of 64")).into());
        }
        let body = Body::new(Name::new(name), plan, self.setting(), Some(memory));
        body.map(|body| CircuitBreaker(Arc::new(body))).ok_or_else(|| {
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

impl Body {
    /// A closed breaker in mode `auto` admits, and a call that is not timed carries nothing but the word's low half.
    #[inline]
    fn try_acquire(&self) -> Result<Permit<'_>, Rejection> {
        let engine = self.engine();
        let word = engine.load();
        if word.is_plainly_closed() {
            #[cfg(feature = "tracing")]
            crate::trace::admitted(word);
            let plain = Ticket::plain(word.low());
            let ticket = if engine.leaves_untimed() { plain } else { self.sample(engine, plain) };
            return Ok(Permit { body: self, engine, ticket });
        }
        self.try_acquire_at_length()
    }

    #[inline(never)]
    fn try_acquire_at_length(&self) -> Result<Permit<'_>, Rejection> {
        if let Some(after) = self.engine().still_open(self.clock()) {
            self.engine().count_open();
            return Err(self.rejection(Reason::Open, Some(after)));
        }
        match self.acquire() {
            Answer::Admitted(engine, ticket) => {
                #[cfg(feature = "tracing")]
                crate::trace::admitted(Word(ticket.low().into()));
                Ok(Permit { body: self, engine, ticket })
            }
            Answer::Rejected { reason, retry_after } => Err(self.rejection(reason, retry_after)),
        }
    }

    #[inline]
    fn rejection(&self, reason: Reason, retry_after: Option<Nanos>) -> Rejection {
        #[cfg(feature = "tracing")]
        crate::trace::rejected(self.engine().load(), reason);
        Rejection { name: self.name.clone(), reason, retry_after }
    }
}

/// Leave to make one call. Settle it with what came of the call; a permit that is dropped is ignored, or a failure when
/// it lasted at least `cancelled_after`.
#[must_use = "a permit that is dropped at once says nothing about the call"]
pub struct Permit<'b> {
    body: &'b Body,
    engine: &'b Engine,
    ticket: Ticket,
}

impl Permit<'_> {
    /// The dependency did what it should.
    #[inline]
    pub fn success(self) -> Settled {
        let (body, engine, ticket) = self.take();
        if ticket.is_simple() && body.succeed_quietly(engine, ticket.low()) {
            return Settled::Ok;
        }
        body.succeed(engine, ticket)
    }

    /// The dependency failed, with an error type for the metrics (64 bytes at most; longer ones are cut).
    pub fn failure(self, error_type: &str) -> Settled {
        self.fail(None, Some(error_type))
    }

    /// The call says nothing about the dependency.
    pub fn ignore(self) -> Settled {
        self.settle(Outcome::Ignored, None, None)
    }

    /// `Ok` is a success, `Err` a failure.
    #[inline]
    pub fn record<T, E>(self, result: &Result<T, E>) -> Settled {
        match result {
            Ok(_) => self.success(),
            Err(_) => self.fail(None, None),
        }
    }

    /// What `classify` says; one that panics is reported, and the result counts as by [`record`](Permit::record).
    #[inline]
    pub fn classify<T, E>(
        self,
        result: &Result<T, E>,
        classify: impl FnOnce(&Result<T, E>) -> Outcome,
    ) -> Settled {
        match catch_unwind(AssertUnwindSafe(|| classify(result))) {
            Ok(outcome) => self.come_to(outcome),
            Err(panic) => {
                crate::report::panicked("classifier", &self.body.name, &*panic);
                self.record(result)
            }
        }
    }

    /// Any outcome, with the duration that the caller measured (else the clock tells, if the call is one that is
    /// timed) and, for a failure, its type.
    pub fn settle(self, outcome: Outcome, duration: Option<Duration>, error_type: Option<&str>) -> Settled {
        let (body, engine, ticket) = self.take();
        body.settle(engine, ticket, outcome, duration.map(nanos), error_type)
    }

    #[inline]
    pub(crate) fn come_to(self, outcome: Outcome) -> Settled {
        match outcome {
            Outcome::Success => self.success(),
            Outcome::Failure => self.fail(None, None),
            Outcome::Ignored => self.ignore(),
        }
    }

    /// In mode `shadow`: why the call would have been rejected.
    pub fn would_reject(&self) -> Option<Reason> {
        match self.ticket.kind() {
            Kind::Shadowed(reason) => Some(reason),
            _ => None,
        }
    }

    #[cold]
    fn fail(self, duration: Option<Duration>, error_type: Option<&str>) -> Settled {
        self.settle(Outcome::Failure, duration, error_type)
    }
}

impl<'b> Permit<'b> {
    /// Without the drop.
    #[inline]
    fn take(self) -> (&'b Body, &'b Engine, Ticket) {
        let parts = (self.body, self.engine, self.ticket);
        std::mem::forget(self);
        parts
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.body.abandon(self.engine, self.ticket);
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("breaker", &self.body.name).field("ticket", &self.ticket).finish()
    }
}

/// A [`Permit`] that keeps its breaker alive, for calls that move between tasks. What it has no method for,
/// [`with`](OwnedPermit::with) reaches.
#[must_use = "a permit that is dropped at once says nothing about the call"]
pub struct OwnedPermit {
    body: Arc<Body>,
    /// Lives as long as `body`.
    engine: *const Engine,
    ticket: Ticket,
}

// SAFETY: `engine` belongs to `body`, which is Send and Sync, and is only ever read.
unsafe impl Send for OwnedPermit {}
// SAFETY: as above.
unsafe impl Sync for OwnedPermit {}

impl OwnedPermit {
    /// Runs `settle` on the permit that this one stands for.
    #[inline]
    pub fn with<R>(self, settle: impl FnOnce(Permit<'_>) -> R) -> R {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is not dropped, so the Arc is read out once.
        let body = unsafe { std::ptr::read(&this.body) };
        // SAFETY: the engine lives as long as `body`.
        let engine = unsafe { &*this.engine };
        settle(Permit { body: &body, engine, ticket: this.ticket })
    }

    /// As [`Permit::success`].
    #[inline]
    pub fn success(self) -> Settled {
        self.with(|permit| permit.success())
    }

    /// As [`Permit::failure`].
    pub fn failure(self, error_type: &str) -> Settled {
        self.with(|permit| permit.failure(error_type))
    }

    /// As [`Permit::ignore`].
    pub fn ignore(self) -> Settled {
        self.with(|permit| permit.ignore())
    }

    /// As [`Permit::settle`].
    pub fn settle(self, outcome: Outcome, duration: Option<Duration>, error_type: Option<&str>) -> Settled {
        self.with(|permit| permit.settle(outcome, duration, error_type))
    }

    /// As [`Permit::would_reject`].
    pub fn would_reject(&self) -> Option<Reason> {
        match self.ticket.kind() {
            Kind::Shadowed(reason) => Some(reason),
            _ => None,
        }
    }

    /// The call panicked.
    #[cfg(feature = "tokio")]
    pub(crate) fn panicked(self) {
        self.with(|permit| permit.fail(None, Some(PANIC)));
    }
}

impl Drop for OwnedPermit {
    fn drop(&mut self) {
        // SAFETY: `engine` lives as long as `body`.
        let engine = unsafe { &*self.engine };
        self.body.abandon(engine, self.ticket);
    }
}

impl fmt::Debug for OwnedPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").field("breaker", &self.body.name).field("ticket", &self.ticket).finish()
    }
}

/// A permit around foreign code: if that panics, the call is a failure.
struct PanicIsFailure<'b> {
    body: &'b Body,
    engine: &'b Engine,
    ticket: Ticket,
}

impl<'b> PanicIsFailure<'b> {
    #[inline]
    fn arm(permit: Permit<'b>) -> Self {
        let (body, engine, ticket) = permit.take();
        PanicIsFailure { body, engine, ticket }
    }

    #[inline]
    fn disarm(self) -> Permit<'b> {
        let permit = Permit { body: self.body, engine: self.engine, ticket: self.ticket };
        std::mem::forget(self);
        permit
    }
}

impl Drop for PanicIsFailure<'_> {
    #[cold]
    fn drop(&mut self) {
        self.body.settle(self.engine, self.ticket, Outcome::Failure, None, Some(PANIC));
    }
}
