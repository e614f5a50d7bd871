//! Where events wait for a reader who comes when it likes, or waits for them.

use crate::event::Event;
use crate::sync::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Where a listener leaves events and a reader finds them.
#[derive(Debug)]
pub(crate) struct Inbox(Mutex<Queue>);

#[derive(Debug)]
struct Queue {
    events: VecDeque<Event>,
    capacity: usize,
    missed: u64,
    /// Threads that wait for an event. A forked child finds some that it does not have, and wakes nobody.
    waiting: Vec<Thread>,
    is_closed: bool,
}

impl Inbox {
    pub(crate) fn new(capacity: usize) -> Arc<Inbox> {
        Arc::new(Inbox(Mutex::new(Queue {
            events: VecDeque::new(),
            capacity: capacity.max(1),
            missed: 0,
            waiting: Vec::new(),
            is_closed: false,
        })))
    }

    pub(crate) fn push(&self, event: &Event) {
        self.change(|queue| {
            if queue.is_closed {
                return;
            }
            if queue.events.len() < queue.capacity {
                let missed = event.missed + std::mem::take(&mut queue.missed);
                queue.events.push_back(Event { missed, ..event.clone() });
            } else {
                queue.missed += 1 + event.missed;
            }
        });
    }

    pub(crate) fn close(&self) {
        self.change(|queue| queue.is_closed = true);
    }

    /// Changes what waiting threads wait for.
    fn change(&self, change: impl FnOnce(&mut Queue)) {
        let waiting = {
            let mut queue = self.0.lock();
            change(&mut queue);
            std::mem::take(&mut queue.waiting)
        };
        waiting.iter().for_each(Thread::unpark);
    }

    /// What a waiting thread comes back with; `None` lets it wait, and it is among those that are woken then.
    fn look<R>(&self, find: &impl Fn(&mut Queue) -> Option<R>) -> Option<Result<R, Waited>> {
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
    pub(crate) fn pop(&self) -> Option<Event> {
        self.0.lock().events.pop_front()
    }

    /// The oldest event; waits for it.
    pub(crate) fn pop_within(&self, timeout: Duration) -> Option<Event> {
        self.await_some(timeout, |queue| queue.events.pop_front()).ok()
    }

    /// Waits for an event, and takes none.
    pub(crate) fn wait(&self, timeout: Duration) -> Waited {
        let answer = self.await_some(timeout, |queue| (!queue.events.is_empty()).then_some(()));
        answer.err().unwrap_or(Waited::Ready)
    }

    pub(crate) fn drain(&self) -> Vec<Event> {
        self.0.lock().events.drain(..).collect()
    }

    /// Events missed since the last one that was kept.
    pub(crate) fn missed(&self) -> u64 {
        self.0.lock().missed
    }

    /// Waits until `find` finds something. What one waiting thread finds, another that was woken may have taken.
    fn await_some<R>(&self, timeout: Duration, find: impl Fn(&mut Queue) -> Option<R>) -> Result<R, Waited> {
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
    /// [`close`](crate::Events::close) was called or the breaker is gone, and all events were taken.
    Closed,
}
