//! Calls of the isolate that wait for a slot, by their tickets: no thread and no timer is here, JavaScript has those.

use crate::events::Inbox;
use fusewire::binding::{Paced, Refused};
use fusewire::{CircuitBreaker, Waiting};
use std::sync::Arc;
use std::task::{Wake, Waker};

/// Tells the isolate that a wait has ended.
struct Bell {
    inbox: Arc<Inbox>,
    ticket: u32,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.inbox.ring(self.ticket);
    }
}

/// The breaker's slot, and the call with attempts that waits, if it is one.
pub(super) type Whose = (u32, Option<u32>);

struct Wait {
    whose: Whose,
    /// Whose queue it is. JavaScript keeps the slot as long as it waits.
    breaker: CircuitBreaker,
    waiting: Waiting,
    waker: Waker,
}

/// Whose wait has ended, of which breaker, and how.
pub(super) type End = (Whose, CircuitBreaker, Result<Paced, Refused>);

/// All waits. A ticket is used again once its wait is over; one that rings then finds a wait that goes on, or none.
#[derive(Default)]
pub(super) struct Waits {
    waits: Vec<Option<Wait>>,
    free: Vec<u32>,
}

impl Waits {
    /// Keeps a wait; answers its ticket or, when it has ended already, how.
    pub(super) fn begin(
        &mut self,
        whose: Whose,
        breaker: &CircuitBreaker,
        mut waiting: Waiting,
        inbox: &Arc<Inbox>,
    ) -> Result<u32, Result<Paced, Refused>> {
        let ticket = self.free.pop().unwrap_or(self.waits.len() as u32);
        let waker = Waker::from(Arc::new(Bell { inbox: Arc::clone(inbox), ticket }));
        if let Some(end) = waiting.try_end(&waker) {
            self.put_back(ticket);
            return Err(end);
        }
        let wait = Some(Wait { whose, breaker: breaker.clone(), waiting, waker });
        match self.waits.get_mut(ticket as usize) {
            Some(place) => *place = wait,
            None => self.waits.push(wait),
        }
        Ok(ticket)
    }

    fn put_back(&mut self, ticket: u32) {
        if (ticket as usize) < self.waits.len() {
            self.free.push(ticket);
        }
    }

    pub(super) fn waiting(&self, ticket: u32) -> Option<&Waiting> {
        Some(&self.waits.get(ticket as usize)?.as_ref()?.waiting)
    }

    /// How a wait ended, once; `None` while it goes on.
    pub(super) fn end(&mut self, ticket: u32) -> Option<End> {
        let place = self.waits.get_mut(ticket as usize)?;
        let wait = place.as_mut()?;
        let end = wait.waiting.try_end(&wait.waker)?;
        let Wait { whose, breaker, .. } = place.take()?;
        self.free.push(ticket);
        Some((whose, breaker, end))
    }

    /// Ends a wait as if it had never begun.
    pub(super) fn cancel(&mut self, ticket: u32) {
        if let Some(wait) = self.waits.get_mut(ticket as usize).and_then(Option::take) {
            self.free.push(ticket);
            drop(wait);
        }
    }

    /// Ends them all.
    pub(super) fn give_up(&mut self) {
        self.free.clear();
        self.waits.clear();
    }
}
