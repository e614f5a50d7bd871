//! Concurrent calls of one key make one attempt (policies §8): who leads and who follows. The waiting is the host's.
//!
//! A call follows a leader of its own level or above, or leads. While it follows, that stays so: when a leader leaves
//! without an answer, its first follower leads, in the order of joining, and a follower of a higher level than that one
//! joins anew, so that it does not wait for a call that may be shed before it.
//!
//! What a process was in the middle of when it was forked nobody joins in the child: its leader may be a thread that is
//! not there.

use crate::admit::priority::Priority;
use crate::fork;
#[cfg(any(test, feature = "binding"))]
use crate::sync::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Names a call that has joined, for ever. From 1 and in the order of joining; a host that has only doubles holds the
/// first 2^53.
pub(crate) type Ticket = u64;

/// What a call that has joined is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It makes the attempt, and lands or leaves.
    Lead,
    /// It waits until it is given the leader's result, is told to lead, or leaves.
    Follow,
}

/// A call that has joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "who leads must land or leave"]
pub struct Joined {
    /// Its name.
    pub ticket: Ticket,
    /// What it is to do.
    pub role: Role,
}

/// The calls, shared by threads: for hosts that keep what waits by ticket.
#[cfg(any(test, feature = "binding"))]
pub(crate) struct Flights(Mutex<Table>);

#[cfg(any(test, feature = "binding"))]
impl Flights {
    pub(crate) fn new() -> Self {
        Flights(Mutex::new(Table::default()))
    }

    /// A call of that key has come.
    pub(crate) fn join(&self, key: &str, level: Priority) -> Joined {
        self.0.lock().join(key, level)
    }

    /// The leader's attempt has ended, however. Answers its followers in the order of joining: the host gives each the
    /// result, and their tickets are gone. Of a ticket that does not lead: nobody.
    #[must_use = "they wait for the result"]
    pub(crate) fn land(&self, leader: Ticket) -> Vec<Ticket> {
        self.0.lock().land(leader)
    }

    /// A call was cancelled. Answers who leads from now on: nobody when it followed, had no followers or has landed.
    #[must_use = "they wait to be told that they lead"]
    pub(crate) fn leave(&self, ticket: Ticket) -> Vec<Ticket> {
        self.0.lock().leave(ticket)
    }

    /// How many calls lead or follow.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// How many keys have flights.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> usize {
        self.0.lock().flights.len()
    }
}

/// One attempt under way.
struct Flight {
    /// Of what process the leader is.
    process: u32,
    leader: Ticket,
    level: Priority,
    followers: BTreeMap<Ticket, Priority>,
}

impl Flight {
    fn new(process: u32, leader: Ticket, level: Priority) -> Self {
        Flight { process, leader, level, followers: BTreeMap::new() }
    }

    fn takes(&self, process: u32, level: Priority) -> bool {
        self.level >= level && self.process == process
    }
}

/// Who leads and who follows, without a lock.
#[derive(Default)]
pub(crate) struct Table {
    /// By key, in the order in which they began.
    flights: HashMap<Arc<str>, Vec<Flight>>,
    keys: HashMap<Ticket, Arc<str>>,
    last: Ticket,
}

impl Table {
    pub(crate) fn join(&mut self, key: &str, level: Priority) -> Joined {
        self.last += 1;
        let ticket = self.last;
        let known = self.flights.get_key_value(key).map(|(key, _)| Arc::clone(key));
        let key = known.unwrap_or_else(|| Arc::from(key));
        let role = seat(self.flights.entry(Arc::clone(&key)).or_default(), fork::process(), ticket, level);
        self.keys.insert(ticket, key);
        Joined { ticket, role }
    }

    pub(crate) fn land(&mut self, leader: Ticket) -> Vec<Ticket> {
        let Some((key, at)) = self.led_by(leader) else { return Vec::new() };
        let landed = self.remove(&key, at);
        self.keys.remove(&leader);
        landed.followers.into_keys().inspect(|follower| _ = self.keys.remove(follower)).collect()
    }

    pub(crate) fn leave(&mut self, ticket: Ticket) -> Vec<Ticket> {
        let led = self.led_by(ticket);
        let Some(key) = self.keys.remove(&ticket) else { return Vec::new() };
        let Some((_, at)) = led else {
            let flights = self.flights.get_mut(&key).into_iter().flatten();
            flights.for_each(|flight| _ = flight.followers.remove(&ticket));
            return Vec::new();
        };
        let mut left = self.remove(&key, at);
        match left.followers.pop_first() {
            // In a child the heir is a thread of the parent's that is not there, even where the leader is.
            Some((first, level)) => {
                self.succeed(key, at, Flight::new(left.process, first, level), left.followers)
            }
            None => Vec::new(),
        }
    }

    /// Whether anybody waits for that leader.
    pub(crate) fn is_followed(&self, leader: Ticket) -> bool {
        let led = self.led_by(leader);
        led.is_some_and(|(key, at)| !self.flights[&key][at].followers.is_empty())
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Lets a flight stand where its predecessor was; answers who leads.
    fn succeed(
        &mut self,
        key: Arc<str>,
        at: usize,
        mut next: Flight,
        others: BTreeMap<Ticket, Priority>,
    ) -> Vec<Ticket> {
        let (above, stay): (BTreeMap<_, _>, _) =
            others.into_iter().partition(|(_, level)| *level > next.level);
        next.followers = stay;
        let (process, first) = (next.process, next.leader);
        let flights = self.flights.entry(key).or_default();
        flights.insert(at, next);
        let leads = |(ticket, level): &_| seat(flights, process, *ticket, *level) == Role::Lead;
        let anew = above.into_iter().filter(leads);
        std::iter::once(first).chain(anew.map(|(ticket, _)| ticket)).collect()
    }

    /// The flight that a ticket leads: its key, and where it stands among those of that key.
    fn led_by(&self, leader: Ticket) -> Option<(Arc<str>, usize)> {
        let key = self.keys.get(&leader)?;
        let at = self.flights.get(key)?.iter().position(|flight| flight.leader == leader)?;
        Some((Arc::clone(key), at))
    }

    /// Takes a flight out, and with the last the key.
    fn remove(&mut self, key: &str, at: usize) -> Flight {
        match self.flights.get_mut(key) {
            Some(flights) if flights.len() > 1 => flights.remove(at),
            _ => match self.flights.remove(key).and_then(|mut flights| flights.pop()) {
                Some(flight) => flight,
                None => unreachable!("a key has a flight"),
            },
        }
    }
}

/// Lets a call of that process follow the first of a key's flights that takes its level, or lead another.
fn seat(flights: &mut Vec<Flight>, process: u32, ticket: Ticket, level: Priority) -> Role {
    match flights.iter_mut().find(|flight| flight.takes(process, level)) {
        Some(flight) => {
            flight.followers.insert(ticket, level);
            Role::Follow
        }
        None => {
            flights.push(Flight::new(process, ticket, level));
            Role::Lead
        }
    }
}
