//! Concurrent calls of one key as futures (policies §8): for Rust, where results have a type.
//!
//! ```text
//! join ── Lead ── land(result) ──────► its followers have the result
//!   │      └───── dropped ───────────► its first follower leads
//!   └──── Follow ── await ── Landed(result) | Lead
//!          └───── dropped ───────────► as if it had never come
//! ```
//!
//! A leader that panics is dropped, too: its followers are not told of that, the first of them tries.

use super::flights::{Role, Table, Ticket};
use crate::admit::priority::Priority;
use crate::admit::wake::Wakers;
use crate::name::Name;
use crate::sync::Mutex;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// The calls of a breaker that share results of one type.
pub(crate) struct Coalesced<V> {
    /// Whose wakers they are, should one panic.
    name: Name,
    state: Mutex<State<V>>,
}

struct State<V> {
    table: Table,
    /// Of those who follow, and of those whom nobody has told yet how that ended.
    waits: HashMap<Ticket, Wait<V>>,
}

enum Wait<V> {
    Follows(Option<Waker>),
    Leads,
    Landed(Arc<V>),
}

/// What a call does that has joined.
pub(crate) enum Turn<V> {
    Lead(Leader<V>),
    Follow(Follower<V>),
}

/// How a follower's wait ended.
pub(crate) enum Followed<V> {
    /// With the leader's result.
    Landed(V),
    /// The leader is gone: this call makes the attempt.
    Lead(Leader<V>),
}

impl<V> Coalesced<V> {
    pub(crate) fn new(name: Name) -> Arc<Self> {
        let state = State { table: Table::default(), waits: HashMap::new() };
        Arc::new(Coalesced { name, state: Mutex::new(state) })
    }

    /// A call of that key has come.
    pub(crate) fn join(self: &Arc<Self>, key: &str, level: Priority) -> Turn<V> {
        let calls = Arc::clone(self);
        let mut state = self.state.lock();
        let joined = state.table.join(key, level);
        if joined.role == Role::Follow {
            state.waits.insert(joined.ticket, Wait::Follows(None));
        }
        drop(state);
        let seat = Seat { calls, ticket: joined.ticket };
        match joined.role {
            Role::Lead => Turn::Lead(Leader(seat)),
            Role::Follow => Turn::Follow(Follower(Some(seat))),
        }
    }

    /// How many calls lead or follow.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.state.lock().table.len()
    }

    /// How many waits there are whose ends nobody has been told.
    #[cfg(test)]
    pub(crate) fn waits(&self) -> usize {
        self.state.lock().waits.len()
    }

    fn leave(&self, ticket: Ticket) {
        // Both go when the lock is free: they are declared before.
        let mut wakers = Wakers::new(&self.name);
        let _own;
        let mut state = self.state.lock();
        _own = state.waits.remove(&ticket);
        for next in state.table.leave(ticket) {
            wakers.add(state.end(next, Wait::Leads));
        }
    }
}

impl<V> State<V> {
    /// Ends a wait, and answers who is to be woken.
    fn end(&mut self, ticket: Ticket, end: Wait<V>) -> Option<Waker> {
        match self.waits.insert(ticket, end) {
            Some(Wait::Follows(waker)) => waker,
            _ => None,
        }
    }
}

/// A ticket, given up when it is dropped.
struct Seat<V> {
    calls: Arc<Coalesced<V>>,
    ticket: Ticket,
}

impl<V> Drop for Seat<V> {
    fn drop(&mut self) {
        self.calls.leave(self.ticket);
    }
}

/// Makes the attempt. Dropped, it leaves that to its first follower.
#[must_use = "dropped, it leaves the attempt to others"]
pub(crate) struct Leader<V>(Seat<V>);

impl<V: Clone> Leader<V> {
    /// Gives the result to the followers. It is cloned only when there are some.
    pub(crate) fn land(self, result: &V) {
        let Seat { calls, ticket } = &self.0;
        // Cloned without the lock, as code of others is run; whoever joins first sees the lock free.
        let shared = if self.is_alone() { return } else { Arc::new(result.clone()) };
        let mut wakers = Wakers::new(&calls.name);
        let mut state = calls.state.lock();
        for follower in state.table.land(*ticket) {
            wakers.add(state.end(follower, Wait::Landed(Arc::clone(&shared))));
        }
    }

    /// Lands if nobody follows.
    fn is_alone(&self) -> bool {
        let Seat { calls, ticket } = &self.0;
        let mut state = calls.state.lock();
        let is_alone = !state.table.is_followed(*ticket);
        if is_alone {
            let _nobody = state.table.land(*ticket);
        }
        is_alone
    }
}

/// Waits for a leader. Dropped, it is as if it had never come.
#[must_use = "futures do nothing unless awaited"]
pub(crate) struct Follower<V>(Option<Seat<V>>);

impl<V: Clone> Future for Follower<V> {
    type Output = Followed<V>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Followed<V>> {
        let Some(seat) = &self.0 else { panic!("a follower that has ended was polled") };
        // Cloned before the lock is taken and dropped when it is free: a waker is code of others.
        let mut waker = Some(context.waker().clone());
        let mut state = seat.calls.state.lock();
        let end = match state.waits.get_mut(&seat.ticket) {
            Some(Wait::Follows(own)) => {
                std::mem::swap(own, &mut waker);
                None
            }
            _ => state.waits.remove(&seat.ticket),
        };
        drop(state);
        match end {
            None | Some(Wait::Follows(_)) => Poll::Pending,
            Some(Wait::Leads) => {
                let Some(seat) = self.0.take() else { unreachable!("it was there above") };
                Poll::Ready(Followed::Lead(Leader(seat)))
            }
            Some(Wait::Landed(result)) => {
                self.0 = None;
                Poll::Ready(Followed::Landed(Arc::unwrap_or_clone(result)))
            }
        }
    }
}
