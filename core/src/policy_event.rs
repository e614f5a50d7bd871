//! What changes around the machine: events of the policies, with a sequence of their own (policies, the introduction).
//!
//! They are rare, one for what an operator does or a rate that changes by itself, so a lock will do. Who tells of a
//! change leaves it with the hub; whoever is not delivering yet then delivers, outside of every lock.

use crate::admit::priority::{LEVELS, Priority};
use crate::clock::Nanos;
use crate::inbox::{Inbox, Told, Waited};
use crate::name::Name;
use crate::policy::feature::{FeatureCause, FeatureState};
use crate::sync::Mutex;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Slots, and how many of them are reserved for each level, by the level's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotTable {
    /// Slots in all.
    pub max_concurrent: u64,
    /// Slots that are kept for a level, by its code: [`Priority`] as a number.
    pub reserved: [u64; LEVELS],
}

/// What changed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PolicyChange {
    /// The lowest level that is let in.
    MinPriority {
        /// Before.
        from: Priority,
        /// After.
        to: Priority,
    },
    /// The slots of a bulkhead.
    Slots {
        /// Before.
        from: SlotTable,
        /// After.
        to: SlotTable,
    },
    /// The concurrency limit, by hand; what it finds by itself is no event.
    Limit {
        /// Before.
        from: u64,
        /// After.
        to: u64,
    },
    /// The rate, in calls a second, or a fixed window's limit: by hand, or by itself.
    Rate {
        /// Before.
        from: f64,
        /// After.
        to: f64,
    },
    /// The breaker was closed for good.
    Close,
    /// The state of a feature.
    Feature {
        /// Its name.
        feature: Arc<str>,
        /// Before.
        from: FeatureState,
        /// After.
        to: FeatureState,
        /// What changed it.
        cause: FeatureCause,
        /// The share of successes in the state before, of the last 50 outcomes at most; `None` without any.
        health: Option<f64>,
    },
}

impl PolicyChange {
    /// The kind of [`Feature`](PolicyChange::Feature), for who has none at hand.
    pub const FEATURE: &'static str = "feature";

    /// The name in vectors and logs.
    pub const fn kind(&self) -> &'static str {
        match self {
            PolicyChange::MinPriority { .. } => "min_priority",
            PolicyChange::Slots { .. } => "slots",
            PolicyChange::Limit { .. } => "limit",
            PolicyChange::Rate { .. } => "rate",
            PolicyChange::Close => "close",
            PolicyChange::Feature { .. } => PolicyChange::FEATURE,
        }
    }
}

/// A change around the machine.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PolicyEvent {
    /// The breaker's name.
    pub breaker: Name,
    /// What changed.
    pub change: PolicyChange,
    /// The generation it happened in.
    pub generation: u64,
    /// 1 for a breaker's first, and one more for each.
    pub sequence: u64,
    /// When, on the breaker's clock.
    pub at: Nanos,
    /// Who did it; `None` when it happened by itself.
    pub actor: Option<Arc<str>>,
    /// Why, if it was done by hand.
    pub reason: Option<Arc<str>>,
    /// How many events this reader missed since the one before.
    pub missed: u64,
}

impl Told for PolicyEvent {
    fn missed(&self) -> u64 {
        self.missed
    }

    fn with_missed(self, missed: u64) -> Self {
        PolicyEvent { missed, ..self }
    }
}

type Listener = dyn Fn(&PolicyEvent) + Send + Sync;

struct Subscriber {
    listener: Box<Listener>,
    /// Where the listener leaves events; closed when the breaker is gone.
    inbox: Option<Arc<Inbox<PolicyEvent>>>,
    /// Events up to this one are not for it.
    after: u64,
}

/// A listener's stay; dropping it ends it.
#[must_use = "dropping the subscription ends it"]
pub struct PolicySubscription {
    hub: Weak<Shared>,
    subscriber: Arc<Subscriber>,
}

impl PolicySubscription {
    /// Lets the listener stay as long as the breaker lives.
    pub fn detach(mut self) {
        self.hub = Weak::new();
    }
}

impl Drop for PolicySubscription {
    fn drop(&mut self) {
        if let Some(hub) = self.hub.upgrade() {
            hub.0.lock().subscribers.retain(|s| !Arc::ptr_eq(s, &self.subscriber));
        }
    }
}

impl std::fmt::Debug for PolicySubscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolicySubscription").finish_non_exhaustive()
    }
}

/// Events that wait while a listener takes its time; who comes after them is counted.
const MAX_WAITING: usize = 1_024;

struct State {
    sequence: u64,
    waiting: VecDeque<PolicyEvent>,
    /// Those that found no room since the last that did.
    missed: u64,
    /// The process whose thread delivers, or 0.
    deliverer: u32,
    subscribers: Vec<Arc<Subscriber>>,
}

struct Shared(Mutex<State>);

impl Drop for Shared {
    fn drop(&mut self) {
        for subscriber in &self.0.lock().subscribers {
            if let Some(inbox) = &subscriber.inbox {
                inbox.close();
            }
        }
    }
}

/// The listeners of one breaker, and the events on their way to them.
pub(crate) struct PolicyHub(Arc<Shared>);

impl PolicyHub {
    pub(crate) fn new() -> Self {
        let state =
            State { sequence: 0, waiting: VecDeque::new(), missed: 0, deliverer: 0, subscribers: Vec::new() };
        PolicyHub(Arc::new(Shared(Mutex::new(state))))
    }

    pub(crate) fn subscribe(
        &self,
        listener: Box<Listener>,
        inbox: Option<Arc<Inbox<PolicyEvent>>>,
    ) -> PolicySubscription {
        let mut state = self.0.0.lock();
        let subscriber = Arc::new(Subscriber { listener, inbox, after: state.sequence });
        state.subscribers.push(Arc::clone(&subscriber));
        PolicySubscription { hub: Arc::downgrade(&self.0), subscriber }
    }

    /// Leaves an event for delivery. It has its sequence from here.
    pub(crate) fn publish(&self, event: PolicyEvent) {
        let mut state = self.0.0.lock();
        state.sequence += 1;
        let sequence = state.sequence;
        if state.subscribers.is_empty() {
            return;
        }
        if state.waiting.len() < MAX_WAITING {
            let missed = std::mem::take(&mut state.missed);
            state.waiting.push_back(PolicyEvent { sequence, missed, ..event });
        } else {
            state.missed += 1;
        }
    }

    /// Delivers what is there, unless somebody is at it already, who then takes it next.
    pub(crate) fn deliver(&self) {
        let me = crate::fork::process();
        loop {
            let (event, subscribers) = {
                let mut state = self.0.0.lock();
                if state.deliverer == me {
                    return;
                }
                let Some(event) = state.waiting.pop_front() else { return };
                state.deliverer = me;
                (event, state.subscribers.clone())
            };
            for subscriber in subscribers.iter().filter(|s| s.after < event.sequence) {
                // Who came later has missed those only that were for it.
                let missed = event.missed.min(event.sequence - 1 - subscriber.after);
                let event = event.clone().with_missed(missed);
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (subscriber.listener)(&event))) {
                    crate::report::panicked("listener", &event.breaker, &*panic);
                }
            }
            self.0.0.lock().deliverer = 0;
        }
    }
}

/// Policy events kept for a reader who comes when it likes, or waits: at most as many as were asked for, the rest is
/// counted.
#[derive(Debug)]
pub struct PolicyEvents {
    inbox: Arc<Inbox<PolicyEvent>>,
    _subscription: PolicySubscription,
}

impl PolicyEvents {
    pub(crate) fn of(hub: &PolicyHub, capacity: usize) -> Self {
        let inbox = Inbox::new(capacity);
        let writer = Arc::clone(&inbox);
        let subscription = hub.subscribe(Box::new(move |event| writer.push(event)), Some(Arc::clone(&inbox)));
        PolicyEvents { inbox, _subscription: subscription }
    }

    /// The oldest event that was not read yet.
    pub fn try_next(&self) -> Option<PolicyEvent> {
        self.inbox.pop()
    }

    /// The oldest event that was not read yet; waits for one, blocking the thread, for at most `timeout` of the system's
    /// time, whatever the breaker's clock. `None` when none came, or when none will: see [`wait`](PolicyEvents::wait).
    pub fn next_timeout(&self, timeout: Duration) -> Option<PolicyEvent> {
        self.inbox.pop_within(timeout)
    }

    /// Waits as [`next_timeout`](PolicyEvents::next_timeout) does, and takes nothing.
    pub fn wait(&self, timeout: Duration) -> Waited {
        self.inbox.wait(timeout)
    }

    /// Ends it: no more events come, and threads that wait, and those that come later, return once all have been taken.
    /// The breaker's own [`close`](crate::CircuitBreaker::close) is an event, and does not end this.
    pub fn close(&self) {
        self.inbox.close();
    }

    /// All that were not read yet.
    pub fn drain(&self) -> Vec<PolicyEvent> {
        self.inbox.drain()
    }

    /// Events missed since the last one that was kept; those before it are told by its `missed`.
    pub fn missed(&self) -> u64 {
        self.inbox.missed()
    }
}
