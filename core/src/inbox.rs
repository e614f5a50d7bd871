//! Where events wait for a reader who comes when it likes, or waits for them.

use crate::sync::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::Thread;
use std::time::{Duration, Instant};

/// What an inbox keeps: an event that tells how many were missed since the one before.
pub(crate) trait Told: Clone {
    fn missed(&self) -> u64;

    #[must_use]
    fn with_missed(self, missed: u64) -> Self;
}

/// Where a listener leaves events and a reader finds them.
#[derive(Debug)]
pub(crate) struct Inbox<E>(Mutex<Queue<E>>);

#[derive(Debug)]
struct Queue<E> {
    events: VecDeque<E>,
    capacity: usize,
    missed: u64,
    /// Threads that wait for an event. A forked child finds some that it does not have, and wakes nobody.
    waiting: Vec<Thread>,
    is_closed: bool,
}

impl<E: Told> Inbox<E> {
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Inbox(Mutex::new(Queue {
            events: VecDeque::new(),
            capacity: capacity.max(1),
            missed: 0,
            waiting: Vec::new(),
            is_closed: false,
        })))
    }

    pub(crate) fn push(&self, event: &E) {
        self.change(|queue| {
            if queue.is_closed {
                return;
            }
            if queue.events.len() < queue.capacity {
                let missed = event.missed() + std::mem::take(&mut queue.missed);
                queue.events.push_back(event.clone().with_missed(missed));
            } else {
                queue.missed += 1 + event.missed();
            }
        });
    }

    pub(crate) fn close(&self) {
        self.change(|queue| queue.is_closed = true);
    }

    /// Changes what waiting threads wait for.
    fn change(&self, change: impl FnOnce(&mut Queue<E>)) {
        let waiting = {
            let mut queue = self.0.lock();
            change(&mut queue);
            std::mem::take(&mut queue.waiting)
        };
        waiting.iter().for_each(Thread::unpark);
    }

    /// What a waiting thread comes back with; `None` lets it wait, and it is among those that are woken then.
    fn look<R>(&self, find: &impl Fn(&mut Queue<E>) -> Option<R>) -> Option<Result<R, Waited>> {
        let mut queue = self.0.lock();
        if let Some(found) = find(&mut queue) {
            return Some(Ok(found));
        }
        if queue.is_closed {
            return Some(Err(Waited::Closed));
        }
        queue.waiting.push(std::thread::current());
        None
    }

    fn strike_off(&self) {
        let me = std::thread::current().id();
        self.0.lock().waiting.retain(|thread| thread.id() != me);
    }

    /// The oldest event, if there is one.
    pub(crate) fn pop(&self) -> Option<E> {
        self.0.lock().events.pop_front()
    }

    /// The oldest event; waits for it.
    pub(crate) fn pop_within(&self, timeout: Duration) -> Option<E> {
        self.await_some(timeout, |queue| queue.events.pop_front()).ok()
    }

    /// Waits for an event, and takes none.
    pub(crate) fn wait(&self, timeout: Duration) -> Waited {
        let answer = self.await_some(timeout, |queue| (!queue.events.is_empty()).then_some(()));
        answer.err().unwrap_or(Waited::Ready)
    }

    pub(crate) fn drain(&self) -> Vec<E> {
        self.0.lock().events.drain(..).collect()
    }

    /// Events missed since the last one that was kept.
    pub(crate) fn missed(&self) -> u64 {
        self.0.lock().missed
    }

    /// Waits until `find` finds something. What one waiting thread finds, another that was woken may have taken.
    fn await_some<R>(
        &self,
        timeout: Duration,
        find: impl Fn(&mut Queue<E>) -> Option<R>,
    ) -> Result<R, Waited> {
        let until = Instant::now().checked_add(timeout);
        loop {
            if let Some(answer) = self.look(&find) {
                return answer;
            }
            match until.map(|until| until.saturating_duration_since(Instant::now())) {
                None => std::thread::park(),
                Some(Duration::ZERO) => {
                    self.strike_off();
                    return Err(Waited::TimedOut);
                }
                Some(left) => std::thread::park_timeout(left),
            }
            self.strike_off();
        }
    }
}

/// How a wait for an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// There is an event.
    Ready,
    /// There was none in the time.
    TimedOut,
    /// It was closed ([`Events::close`](crate::Events::close), [`PolicyEvents::close`](crate::PolicyEvents::close)) or the breaker is gone, and all events were taken.
    Closed,
}
