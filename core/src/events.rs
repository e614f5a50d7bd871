//! Events: one for each transition, delivered in the order of their generations, outside any lock (semantics §9).
//!
//! A breaker without subscribers has none of this. The buffer is a ring of slots, one for each generation modulo its
//! length. Who made a transition puts the event into its slot and then tries to become the one deliverer; who is
//! not, leaves the event to the one who is and does not wait. A slot that is still occupied costs the newer event its
//! place: that is noted, and counted as missed by everybody.

use crate::event::Event;
use crate::fork;
use crate::inbox::{Inbox, Told, Waited};
use crate::sync::{AtomicU32, AtomicU64, Mutex, Ordering, fence};
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Events that wait for delivery, at most. Few in a model, so that it sees slots used again.
const CAPACITY: usize = if cfg!(loom) { 2 } else { 32 };

pub(crate) type Listener = dyn Fn(&Event) + Send + Sync;

impl Told for Event {
    fn missed(&self) -> u64 {
        self.missed
    }

    fn with_missed(self, missed: u64) -> Self {
        Event { missed, ..self }
    }
}

struct Subscriber {
    listener: Box<Listener>,
    /// Where the listener leaves events; closed when the breaker is gone.
    inbox: Option<Arc<Inbox<Event>>>,
    /// Events up to this generation are not for it.
    after: u64,
    missed: AtomicU64,
}

/// A listener's stay; dropping it ends it.
#[must_use = "dropping the subscription ends it"]
pub struct Subscription {
    hub: Weak<Hub>,
    subscriber: Arc<Subscriber>,
}

impl Subscription {
    /// Lets the listener stay as long as the breaker lives.
    pub fn detach(mut self) {
        self.hub = Weak::new();
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}

// A listener's panic is caught, and none runs while a lock is held.
impl UnwindSafe for Subscription {}
impl RefUnwindSafe for Subscription {}
impl UnwindSafe for Events {}
impl RefUnwindSafe for Events {}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(hub) = self.hub.upgrade() {
            hub.subscribers.lock().retain(|s| !Arc::ptr_eq(s, &self.subscriber));
        }
    }
}

/// Events kept for a reader who comes when it likes, or waits: at most as many as were asked for, the rest is counted.
#[derive(Debug)]
pub struct Events {
    inbox: Arc<Inbox<Event>>,
    _subscription: Subscription,
}

impl Events {
    pub(crate) fn new(inbox: Arc<Inbox<Event>>, subscription: Subscription) -> Self {
        Events { inbox, _subscription: subscription }
    }

    /// The oldest event that was not read yet.
    pub fn try_next(&self) -> Option<Event> {
        self.inbox.pop()
    }

    /// The oldest event that was not read yet; waits for one, blocking the thread, for at most `timeout` of the system's
    /// time, whatever the breaker's clock. `None` when none came, or when none will: see [`wait`](Events::wait).
    pub fn next_timeout(&self, timeout: Duration) -> Option<Event> {
        self.inbox.pop_within(timeout)
    }

    /// Waits as [`next_timeout`](Events::next_timeout) does, and takes nothing.
    pub fn wait(&self, timeout: Duration) -> Waited {
        self.inbox.wait(timeout)
    }

    /// Ends it: no more events come, and threads that wait, and those that come later, return once all have been taken.
    pub fn close(&self) {
        self.inbox.close();
    }

    /// All that were not read yet.
    pub fn drain(&self) -> Vec<Event> {
        self.inbox.drain()
    }

    /// Events missed since the last one that was kept; those before it are told by its `missed`.
    pub fn missed(&self) -> u64 {
        self.inbox.missed()
    }
}

struct Slot {
    /// 0, or a generation and what is happening to its event.
    tag: AtomicU64,
    /// The newest generation that found the slot occupied.
    skipped: AtomicU64,
    /// Touched only by the one whom the tag allows to; the lock is never contended.
    event: Mutex<Option<Event>>,
}

const WRITING: u64 = 1;
const READY: u64 = 2;

fn tag(generation: u64, what: u64) -> u64 {
    generation << 2 | what
}

/// The subscribers of a breaker and the events that are on their way to them.
pub(crate) struct Hub {
    slots: Box<[Slot]>,
    /// The generation to deliver next; 0 until the hub is in place.
    next: AtomicU64,
    /// The process whose thread delivers, or 0. A child that was forked from a delivering parent takes it over.
    deliverer: AtomicU32,
    /// The process that has seen to what the threads of another one had left here.
    home: AtomicU32,
    subscribers: Mutex<Vec<Arc<Subscriber>>>,
}

enum Next {
    Event(Event),
    /// The event of that generation.
    Missed(u64),
    Nothing,
}

impl Hub {
    pub(crate) fn new() -> Arc<Hub> {
        let slot = |_| Slot { tag: AtomicU64::new(0), skipped: AtomicU64::new(0), event: Mutex::new(None) };
        Arc::new(Hub {
            slots: (0..CAPACITY).map(slot).collect(),
            next: AtomicU64::new(0),
            deliverer: AtomicU32::new(0),
            home: AtomicU32::new(fork::process()),
            subscribers: Mutex::new(Vec::new()),
        })
    }

    /// Everybody who makes a transition after `generation` knows of the hub: deliver from there on.
    pub(crate) fn begin_after(&self, generation: u64) {
        let _ = self.next.compare_exchange(0, generation + 1, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Adds a listener for the events after `generation`.
    pub(crate) fn subscribe(
        self: &Arc<Hub>,
        after: u64,
        listener: Box<Listener>,
        inbox: Option<Arc<Inbox<Event>>>,
    ) -> Subscription {
        let subscriber = Arc::new(Subscriber { listener, inbox, after, missed: AtomicU64::new(0) });
        self.subscribers.lock().push(Arc::clone(&subscriber));
        Subscription { hub: Arc::downgrade(self), subscriber }
    }

    /// In a process that was forked, delivers once what the parent's threads had not got round to: it would take the
    /// places of the child's own events.
    pub(crate) fn settle_in(&self) {
        let me = fork::process();
        if self.home.load(Ordering::Relaxed) != me && self.home.swap(me, Ordering::AcqRel) != me {
            self.deliver();
        }
    }

    /// Puts an event into the ring. The caller has had a hold since before it made the transition, for nobody else fills
    /// the slot; then it calls [`deliver`](Hub::deliver).
    pub(crate) fn publish(&self, event: Event) {
        let generation = event.generation;
        let slot = self.slot(generation);
        let writing = tag(generation, WRITING);
        if slot.tag.compare_exchange(0, writing, Ordering::AcqRel, Ordering::Acquire).is_err() {
            slot.skipped.fetch_max(generation, Ordering::AcqRel);
            return;
        }
        if let Some(mut place) = slot.event.try_lock() {
            *place = Some(event);
        }
        slot.tag.store(tag(generation, READY), Ordering::Release);
    }

    /// Delivers what is there, unless somebody is at it already, who then takes it next.
    pub(crate) fn deliver(&self) {
        loop {
            fence(Ordering::SeqCst);
            let me = fork::process();
            if !self.become_deliverer(me) {
                return;
            }
            loop {
                match self.take_and_keep() {
                    Next::Event(mut event) => {
                        self.hand_out(&mut event, |subscriber| subscriber.inbox.is_none())
                    }
                    Next::Missed(_) => {}
                    Next::Nothing => break,
                }
                if fork::process() != me {
                    // A listener has forked, and this is the child, where another thread may deliver by now.
                    return self.deliver();
                }
            }
            self.deliverer.store(0, Ordering::Release);
            fence(Ordering::SeqCst);
            if !self.has_next() {
                return;
            }
        }
    }

    fn slot(&self, generation: u64) -> &Slot {
        &self.slots[(generation % CAPACITY as u64) as usize]
    }

    fn become_deliverer(&self, me: u32) -> bool {
        let found = self.deliverer.load(Ordering::Acquire);
        found != me && self.deliverer.compare_exchange(found, me, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn has_next(&self) -> bool {
        let next = self.next.load(Ordering::Acquire);
        let slot = self.slot(next);
        let found = slot.tag.load(Ordering::Acquire);
        next != 0 && (found & 3 == READY || slot.skipped.load(Ordering::Acquire) >= next)
    }

    /// By the deliverer alone. Who keeps events has the next one when this returns, or knows that it was missed: a fork
    /// finds it in the ring or there.
    fn take_and_keep(&self) -> Next {
        let _hold = fork::hold();
        let mut next = self.take_next();
        match &mut next {
            Next::Event(event) => self.hand_out(event, |subscriber| subscriber.inbox.is_some()),
            Next::Missed(generation) => self.note_missed(*generation),
            Next::Nothing => {}
        }
        next
    }

    fn take_next(&self) -> Next {
        let next = self.next.load(Ordering::Acquire);
        if next == 0 {
            return Next::Nothing;
        }
        let slot = self.slot(next);
        let found = slot.tag.load(Ordering::Acquire);
        let (generation, is_ready) = (found >> 2, found & 3 == READY);
        if is_ready && generation <= next {
            let event = slot.event.try_lock().and_then(|mut place| place.take());
            slot.tag.store(0, Ordering::Release);
            if generation < next {
                // A writer that was so slow that its generation has been counted as missed.
                return self.take_next();
            }
            self.next.store(next + 1, Ordering::Release);
            return event.map_or(Next::Missed(next), Next::Event);
        }
        if is_ready || slot.skipped.load(Ordering::Acquire) >= next {
            self.next.store(next + 1, Ordering::Release);
            return Next::Missed(next);
        }
        Next::Nothing
    }

    fn note_missed(&self, generation: u64) {
        for subscriber in self.subscribers.lock().iter().filter(|s| s.after < generation) {
            subscriber.missed.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn hand_out(&self, event: &mut Event, is_meant: impl Fn(&Subscriber) -> bool) {
        let subscribers = self.subscribers.lock().clone();
        for subscriber in subscribers.iter().filter(|s| s.after < event.generation && is_meant(s)) {
            event.missed = subscriber.missed.swap(0, Ordering::AcqRel);
            let call = AssertUnwindSafe(|| (subscriber.listener)(event));
            if let Err(panic) = catch_unwind(call) {
                crate::report::panicked("listener", &event.breaker, &*panic);
            }
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        for subscriber in self.subscribers.lock().iter() {
            if let Some(inbox) = &subscriber.inbox {
                inbox.close();
            }
        }
    }
}

/// Hears of every transition of every breaker of the process, as a listener that was there from the start.
#[cfg(feature = "binding")]
pub type Watcher = fn(&Event);

#[cfg(feature = "binding")]
static WATCHER: std::sync::OnceLock<Watcher> = std::sync::OnceLock::new();

/// Sets the watcher, once, before the first breaker is built: a breaker has its buffer of events only from its first
/// transition on.
#[cfg(feature = "binding")]
pub fn watch(watcher: Watcher) {
    let _hold = fork::hold();
    let _ = WATCHER.set(watcher);
}

#[cfg(feature = "binding")]
pub(crate) fn watcher() -> Option<Watcher> {
    WATCHER.get().copied()
}
