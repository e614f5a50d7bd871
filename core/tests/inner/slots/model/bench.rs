//! The real slots beside the model.

use super::super::*;
use super::Step;
use super::sequential::{Ended, Model, Told};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::Wake;

type Checked = Result<(), TestCaseError>;

/// Notes who was woken.
struct Notes(u32, Arc<Mutex<Vec<u32>>>);

impl Wake for Notes {
    fn wake(self: Arc<Self>) {
        self.1.lock().expect("no panic").push(self.0);
    }
}

pub struct Bench {
    real: Plain,
    host: Host,
    model: Model,
    held: Vec<Slot>,
    /// Whose end was not fetched, and who still waits.
    tickets: BTreeMap<u32, Ticket>,
    next: u32,
    woken: Arc<Mutex<Vec<u32>>>,
}

impl Bench {
    pub fn new(max: u64, reserved: [u64; 5]) -> Self {
        let (real, model) = (of(max, reserved), Model::new(max, reserved));
        let (held, tickets, woken) = (Vec::new(), BTreeMap::new(), Arc::default());
        Bench { real, host: Host::default(), model, held, tickets, next: 1, woken }
    }

    /// How many waits ended so.
    pub fn ends(&self, name: &str) -> usize {
        self.model.ended.iter().filter(|(_, how)| how.name() == name).count()
    }

    fn ticket(&self, number: usize) -> Option<(u32, Ticket)> {
        let (name, ticket) = self.tickets.iter().nth(number % self.tickets.len().max(1))?;
        Some((*name, *ticket))
    }

    pub fn run(&mut self, step: &Step) -> Checked {
        match *step {
            Step::TryTake { level, times } => self.try_take(level, times)?,
            Step::Acquire { level, wait, max_queue } => self.acquire(level, wait, max_queue)?,
            Step::Release { held, times } => self.release(held, times),
            Step::Set { max, reserved } => {
                drop(self.real.set(table(max, reserved), &mut self.host));
                self.model.set(max, reserved);
            }
            Step::SetMax { max } => {
                self.real.set_max(|| max, &mut self.host);
                if max != self.model.max {
                    self.model.set(max, self.model.reserved);
                }
            }
            Step::Advance { by, in_time } => {
                (self.host.now, self.model.now) = (self.host.now + by, self.model.now + by);
                if in_time {
                    self.real.expire_due(&mut self.host);
                    self.model.end_due();
                }
            }
            Step::Flush { spared } => {
                self.real.flush("flushed", spared.map(|code| Priority::ALL[code]), &mut self.host);
                self.model.flush(spared.unwrap_or(5));
            }
            Step::Refuse { divisor } => {
                self.model.refuses = divisor;
                self.host.refused = (0..1_000).filter(|n| n % divisor == 0).collect();
            }
            Step::Close => {
                self.real.close(&mut self.host);
                self.model.close();
            }
            Step::Raise { ticket, .. }
            | Step::Expire { ticket }
            | Step::Cancel { ticket }
            | Step::Fetch { ticket } => {
                if let Some((name, ticket)) = self.ticket(ticket) {
                    self.run_on(step, name, ticket)?;
                }
            }
        }
        Ok(())
    }

    fn run_on(&mut self, step: &Step, name: u32, ticket: Ticket) -> Checked {
        match *step {
            Step::Raise { level, .. } => {
                self.real.raise(ticket, Priority::ALL[level], &mut self.host);
                self.model.raise(name, level);
            }
            Step::Expire { .. } => {
                prop_assert_eq!(self.real.expire(ticket, &mut self.host), self.model.expire(name));
            }
            Step::Cancel { .. } => {
                let end = self.real.cancel(ticket);
                self.fetched(name, end)?;
                self.model.cancel(name);
                self.tickets.remove(&name);
                prop_assert_eq!(ask(&self.real, ticket), Some(End::Gone));
            }
            _ => {
                let end = ask(&self.real, ticket);
                self.fetched(name, end)?;
                if end.is_some() {
                    self.tickets.remove(&name);
                } else {
                    self.watch(name, ticket)?;
                }
            }
        }
        Ok(())
    }

    fn try_take(&mut self, level: usize, times: u64) -> Checked {
        for _ in 0..times {
            let slot = self.real.try_take(Priority::ALL[level]);
            prop_assert_eq!(slot.is_some(), self.model.try_take(level));
            self.held.extend(slot);
        }
        Ok(())
    }

    fn acquire(&mut self, level: usize, wait: u64, max_queue: u64) -> Checked {
        let (name, deadline) = (self.next, self.host.now + wait);
        self.next += 1;
        let told = self.model.acquire(name, level, deadline, max_queue);
        let call = until(Priority::ALL[level], name, deadline);
        match self.real.acquire(call, None, max_queue, FULL, &mut self.host) {
            Asked::Taken(slot) => {
                prop_assert_eq!(told, Told::Slot);
                self.held.push(slot);
            }
            Asked::Waits(ticket) => {
                prop_assert_eq!(told, Told::Queued);
                self.tickets.insert(name, ticket);
                self.watch(name, ticket)?;
            }
            Asked::Full => prop_assert_eq!(told, Told::Full),
            Asked::Closed => prop_assert_eq!(told, Told::Closed),
            Asked::Refused(reason) => prop_assert!(false, "{}", reason),
            Asked::Again => prop_assert!(false, "nothing has changed"),
        }
        Ok(())
    }

    /// Lets a waiter's end be noted.
    fn watch(&self, name: u32, ticket: Ticket) -> Checked {
        let waker = Arc::new(Notes(name, Arc::clone(&self.woken))).into();
        prop_assert!(
            self.real.poll(ticket, &mut Context::from_waker(&waker), |end| end.copied()).is_pending()
        );
        Ok(())
    }

    fn release(&mut self, number: usize, times: usize) {
        for _ in 0..times.min(self.held.len()) {
            let slot = self.held.swap_remove(number % self.held.len());
            self.real.release(slot, &mut self.host);
            self.model.release(slot.level() as usize);
        }
    }

    /// What was fetched is how the wait ended.
    fn fetched(&mut self, name: u32, end: Option<End<u32, &'static str>>) -> Checked {
        let ended = self.model.ended.iter().find(|(named, _)| *named == name).map(|(_, how)| *how);
        let how = match end {
            None => None,
            Some(End::Granted(slot, granted)) => {
                prop_assert_eq!(granted, name);
                self.held.push(slot);
                Some(Ended::Granted)
            }
            Some(End::Not(how)) => Some(without(how)),
            Some(End::Passed(_) | End::Gone) => {
                prop_assert!(false, "{} is gone", name);
                None
            }
        };
        prop_assert_eq!(how, ended);
        Ok(())
    }

    pub fn compare(&self) -> Checked {
        let (look, model) = (self.real.look(), &self.model);
        prop_assert_eq!((look.in_flight, look.queued), (model.in_flight, model.queued()));
        prop_assert_eq!((look.slots.max, look.slots.reserved), (model.max, model.reserved));
        prop_assert_eq!(look.next_due, model.next_due());
        prop_assert_eq!(
            (self.real.in_flight(), self.real.limit()),
            (model.in_flight.iter().sum(), model.max)
        );
        let woken: Vec<u32> = model.ended.iter().map(|(name, _)| *name).collect();
        prop_assert_eq!(&*self.woken.lock().expect("no panic"), &woken);
        let told: Vec<_> = self.host.ended.iter().map(|(name, how)| (*name, without(*how))).collect();
        let not_granted = model.ended.iter().filter(|(_, how)| *how != Ended::Granted);
        prop_assert_eq!(told, not_granted.copied().collect::<Vec<_>>());
        Ok(())
    }
}

fn without(how: Without<&'static str>) -> Ended {
    match how {
        Without::Refused(FULL) => Ended::Displaced,
        Without::Refused("flushed") => Ended::Flushed,
        Without::Refused(_) => Ended::Gate,
        Without::TimedOut => Ended::TimedOut,
        Without::Closed => Ended::Closed,
    }
}
