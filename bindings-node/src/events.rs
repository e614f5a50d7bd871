//! Transitions on their way to an isolate: kept here by whichever thread caused them, read by the isolate's own.

use fusewire::Event;
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

#[derive(Default)]
struct Queue {
    events: VecDeque<(u32, Event)>,
    /// By slot.
    missed: HashMap<u32, u64>,
    waker: Option<Arc<Waker>>,
    /// Since the last reading.
    is_woken: bool,
}

/// The events of one isolate.
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

    /// Keeps an event of the breaker in `slot`. The isolate's own thread looks when its call returns; another one wakes
    /// it.
    pub(crate) fn push(&self, slot: u32, event: &Event) {
        let mut queue = self.queue.lock();
        if queue.events.len() < CAPACITY {
            let missed = event.missed + queue.missed.remove(&slot).unwrap_or_default();
            queue.events.push_back((slot, Event { missed, ..event.clone() }));
            self.waiting.store(queue.events.len() as u32, Ordering::Release);
        } else {
            *queue.missed.entry(slot).or_default() += 1 + event.missed;
        }
        let is_wanted = !queue.is_woken && thread::current().id() != self.home;
        let waker = if is_wanted { queue.waker.clone() } else { None };
        queue.is_woken |= waker.is_some();
        drop(queue);
        if let Some(waker) = waker {
            waker.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// Drops what waits for a slot that nobody listens to any more: another breaker may take the slot over.
    pub(crate) fn forget(&self, slot: u32) {
        let mut queue = self.queue.lock();
        queue.events.retain(|(of, _)| *of != slot);
        queue.missed.remove(&slot);
        self.waiting.store(queue.events.len() as u32, Ordering::Release);
    }

    /// All that wait, in order.
    pub(crate) fn drain(&self) -> Value {
        let mut queue = self.queue.lock();
        self.waiting.store(0, Ordering::Release);
        queue.is_woken = false;
        let events: Vec<(u32, Event)> = queue.events.drain(..).collect();
        drop(queue);
        events.iter().map(|(slot, event)| tell(*slot, event)).collect()
    }
}

fn tell(slot: u32, e: &Event) -> Value {
    json!({
        "slot": slot,
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
