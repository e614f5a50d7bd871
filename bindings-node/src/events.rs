//! What is on its way to an isolate: events, and the tickets of waits that have ended, kept here by whichever thread
//! caused them, read by the isolate's own.

use fusewire::binding::policy_event_json;
use fusewire::{Event, PolicyEvent};
use napi::Status;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, ThreadId};

/// Wakes the isolate; it keeps no process alive.
pub(crate) type Waker = ThreadsafeFunction<(), (), (), Status, false, true>;

/// Events that may wait. What comes beyond is counted in the next event's `missed`.
const CAPACITY: usize = 4_096;

/// An event of a breaker.
pub(crate) enum Told {
    Transition(Event),
    Policy(PolicyEvent),
}

/// Of which kind an event is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Transition,
    Policy,
}

impl Told {
    fn kind(&self) -> Kind {
        match self {
            Told::Transition(_) => Kind::Transition,
            Told::Policy(_) => Kind::Policy,
        }
    }

    fn missed(&mut self) -> &mut u64 {
        match self {
            Told::Transition(event) => &mut event.missed,
            Told::Policy(event) => &mut event.missed,
        }
    }
}

#[derive(Default)]
struct Queue {
    events: VecDeque<(u32, Told)>,
    missed: HashMap<(u32, Kind), u64>,
    /// Tickets of waits that have ended, in that order.
    ended: VecDeque<u32>,
    waker: Option<Arc<Waker>>,
    /// Since the last reading.
    is_woken: bool,
}

impl Queue {
    fn len(&self) -> u32 {
        (self.events.len() + self.ended.len()) as u32
    }
}

/// What waits for one isolate.
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    waiting: AtomicU32,
    home: ThreadId,
}

impl Inbox {
    /// Of the calling thread's isolate.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Inbox { queue: Mutex::default(), waiting: AtomicU32::new(0), home: thread::current().id() })
    }

    pub(crate) fn set_waker(&self, waker: Option<Waker>) {
        let mut queue = self.queue.lock();
        queue.is_woken = false;
        let old = std::mem::replace(&mut queue.waker, waker.map(Arc::new));
        drop(queue);
        drop(old);
    }

    pub(crate) fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::Acquire)
    }

    /// Lets `add` leave something. The isolate's own thread looks when its call returns; another one wakes it.
    fn leave(&self, add: impl FnOnce(&mut Queue)) {
        let mut queue = self.queue.lock();
        add(&mut queue);
        self.waiting.store(queue.len(), Ordering::Release);
        let is_wanted = !queue.is_woken && thread::current().id() != self.home;
        let waker = if is_wanted { queue.waker.clone() } else { None };
        queue.is_woken |= waker.is_some();
        drop(queue);
        if let Some(waker) = waker {
            waker.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// Takes something out.
    fn fetch<R>(&self, take: impl FnOnce(&mut Queue) -> R) -> R {
        let mut queue = self.queue.lock();
        let taken = take(&mut queue);
        self.waiting.store(queue.len(), Ordering::Release);
        taken
    }

    /// Keeps an event of the breaker in `slot`.
    pub(crate) fn push(&self, slot: u32, mut told: Told) {
        self.leave(|queue| {
            let missed = (slot, told.kind());
            if queue.events.len() < CAPACITY {
                *told.missed() += queue.missed.remove(&missed).unwrap_or_default();
                queue.events.push_back((slot, told));
            } else {
                *queue.missed.entry(missed).or_default() += 1 + *told.missed();
            }
        });
    }

    /// Notes that a wait has ended.
    pub(crate) fn ring(&self, ticket: u32) {
        self.leave(|queue| queue.ended.push_back(ticket));
    }

    /// The wait that ended first of those that nobody has fetched.
    pub(crate) fn next_ended(&self) -> Option<u32> {
        self.fetch(|queue| {
            queue.is_woken = false;
            queue.ended.pop_front()
        })
    }

    /// Drops those events of a slot that nobody listens for any more: another breaker may take the slot over.
    pub(crate) fn forget(&self, slot: u32, is_over: impl Fn(Kind) -> bool) {
        self.fetch(|queue| {
            queue.events.retain(|(of, told)| *of != slot || !is_over(told.kind()));
            queue.missed.retain(|(of, kind), _| *of != slot || !is_over(*kind));
        });
    }

    /// All events that wait, in order.
    pub(crate) fn drain(&self) -> Value {
        let events: Vec<(u32, Told)> = self.fetch(|queue| {
            queue.is_woken = false;
            queue.events.drain(..).collect()
        });
        events.iter().map(|(slot, told)| tell(*slot, told)).collect()
    }
}

fn tell(slot: u32, told: &Told) -> Value {
    let mut told = match told {
        Told::Transition(event) => transition(event),
        Told::Policy(event) => policy_event_json(event),
    };
    told["slot"] = slot.into();
    told
}

fn transition(e: &Event) -> Value {
    json!({
        "breaker": e.breaker.as_str(),
        "generation": e.generation,
        "from": e.from.name(),
        "to": e.to.name(),
        "cause": e.cause.name(),
        "at": e.at,
        "actor": e.actor.as_deref(),
        "reason": e.reason.as_deref(),
        "counts": { "total": e.counts.total, "failures": e.counts.failures, "slow": e.counts.slow },
        "missed": e.missed,
    })
}
