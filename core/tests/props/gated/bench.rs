//! A breaker with gates and the model, side by side. What waits is polled with wakers that note when they are called.

use super::coverage::Coverage;
use super::steps::{Asks, Scenario, Step};
use super::words::{Said, given, nameless, policy_event, refusal, shown};
use crate::bench::lengths_in;
use crate::model::gates::{Asked, End, Gated, Given};
use crate::steps::{Away, Came};
use crate::words::{real, real_event, real_snapshot, settled_name};
use fusewire::{
    CircuitBreaker, Clock, Entered, Events, ManualClock, OwnedPermit, PolicyEvents, Priority, Request,
    Snapshot, Waiting,
};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestCaseResult};
use serde_json::Value;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

const OWN_SEED: u64 = 77;

/// Notes who was woken, in order.
struct Noted {
    id: u64,
    woken: Arc<Mutex<Vec<u64>>>,
}

impl Wake for Noted {
    fn wake(self: Arc<Self>) {
        self.woken.lock().expect("no panic").push(self.id);
    }
}

pub struct Bench {
    pub(super) breaker: CircuitBreaker,
    pub(super) model: Gated,
    pub(super) clock: ManualClock,
    events: Events,
    policy_events: PolicyEvents,
    compared: usize,
    policies_compared: usize,
    permits: Vec<(OwnedPermit, usize)>,
    pub(super) waits: Vec<(u64, Waiting)>,
    woken: Arc<Mutex<Vec<u64>>>,
    lengths: Vec<u64>,
    /// Where the last call that was turned away is to come again.
    retry_at: Option<u64>,
    pub(super) had_gates: bool,
    pub(super) noted: Vec<&'static str>,
}

fn polled(id: u64, waiting: &mut Waiting, woken: &Arc<Mutex<Vec<u64>>>) -> Poll<Fetched> {
    let waker = Waker::from(Arc::new(Noted { id, woken: Arc::clone(woken) }));
    Pin::new(waiting).poll(&mut Context::from_waker(&waker))
}

type Fetched = Result<OwnedPermit, fusewire::Rejection>;

impl Bench {
    pub fn new(document: &Value) -> Result<Self, TestCaseError> {
        let clock = ManualClock::new();
        let builder = fusewire::Builder::from_json(&document.to_string());
        let built =
            builder.map_err(fusewire::Error::from).and_then(|b| b.clock(clock.clone()).build("props"));
        let breaker = built.map_err(|e| TestCaseError::fail(format!("{document}: {e}")))?;
        let mut bench = Bench {
            events: breaker.events(1_000_000),
            policy_events: breaker.policy_events(1_000_000),
            breaker,
            model: Gated::new(document, OWN_SEED),
            clock,
            compared: 0,
            policies_compared: 0,
            permits: Vec::new(),
            waits: Vec::new(),
            woken: Arc::default(),
            lengths: Vec::new(),
            retry_at: None,
            had_gates: false,
            noted: Vec::new(),
        };
        bench.learn(document);
        Ok(bench)
    }

    pub(super) fn learn(&mut self, document: &Value) {
        self.lengths = vec![1, 1_000_000, 1_000_000_000];
        lengths_in(document, &mut self.lengths);
        let gates = ["rate_limit", "priority", "bulkhead", "concurrency_limit"];
        self.had_gates |= gates.iter().any(|gate| document.get(gate).is_some());
    }

    pub(super) fn now(&self) -> u64 {
        self.clock.now()
    }

    pub(super) fn length(&self, index: usize) -> u64 {
        self.lengths[index % self.lengths.len()]
    }

    fn advance_to(&self, instant: u64, away: Away) {
        self.clock.set(beside(instant, away));
    }

    pub fn run(&mut self, step: &Step, scenario: &Scenario) -> TestCaseResult {
        match step {
            Step::Ask { asks, waits } => {
                let given = self.ask(asks, *waits)?;
                self.permits.extend(given);
            }
            Step::Calls { asks, result, times } => {
                for _ in 0..*times {
                    if let Some((permit, number)) = self.ask(asks, false)? {
                        self.settle((permit, number), *result, None)?;
                    }
                }
            }
            Step::Settle { permit, result, reported } if !self.permits.is_empty() => {
                let reported = reported.map(|i| self.length(i));
                let taken = self.permits.remove(permit % self.permits.len());
                self.settle(taken, *result, reported)?;
            }
            Step::Drop { permit } if !self.permits.is_empty() => {
                let (permit, number) = self.permits.remove(permit % self.permits.len());
                drop(permit);
                self.model.drop_permit(number, self.now());
            }
            Step::Settle { .. } | Step::Drop { .. } => {}
            Step::Advance { length, away } => self.advance_to(self.now() + self.length(*length), *away),
            Step::AdvanceToRetry { away } => {
                if let Some(at) = self.retry_at {
                    self.advance_to(at, *away);
                }
            }
            Step::AdvanceToDue { waiter, away } => {
                if let Some((_, waiting)) = self.waits.get(waiter % self.waits.len().max(1)) {
                    let due = waiting.deadline();
                    prop_assert!(due.is_some(), "it waits");
                    self.advance_to(due.unwrap_or_default(), *away);
                }
            }
            step => return self.operate(step, scenario),
        }
        Ok(())
    }

    /// Asks both.
    fn ask(&mut self, asks: &Asks, waits: bool) -> Result<Option<(OwnedPermit, usize)>, TestCaseError> {
        let now = self.now();
        let deadline = asks.deadline.map(|(length, away)| beside(now + self.length(length), away));
        let before = self.breaker.snapshot();
        let expected = self.model.acquire(asks.request(deadline), waits, now);
        let mut request = Request::new().priority(Priority::ALL[asks.level]).cost(asks.cost as u32);
        if let Some(deadline) = deadline {
            request = request.deadline(deadline);
        }
        let asking = match self.breaker.with(request) {
            Ok(asking) => asking,
            Err(error) => {
                self.noted.push("call: wrong");
                prop_assert_eq!(Asked::Wrong, expected, "{}", error);
                return Ok(None);
            }
        };
        let entered = match waits {
            true => asking.enter(),
            false => asking.try_acquire_owned().map(Entered::Admitted),
        };
        match (entered, expected) {
            (Ok(Entered::Admitted(permit)), Asked::Admitted(expected)) => {
                prop_assert_eq!(given(&permit), nameless(&expected), "permit");
                self.note_given(&expected);
                Ok(Some((permit, expected.permit)))
            }
            (Ok(Entered::Waiting(mut waiting)), Asked::Waits(id)) => {
                prop_assert!(polled(id, &mut waiting, &self.woken).is_pending(), "it waits");
                self.waits.push((id, waiting));
                Ok(None)
            }
            (Err(rejection), Asked::Rejected(reason, after)) => {
                prop_assert_eq!(refusal(&rejection), (reason, after));
                self.retry_at = after.map(|after| now + after).or(self.retry_at);
                self.took_nothing(&before)?;
                Ok(None)
            }
            (entered, expected) => {
                Err(TestCaseError::fail(format!("asked: {entered:?}, the model says {expected:?}")))
            }
        }
    }

    /// A refused call consumes nothing: no slot, no token, no place of a probe.
    fn took_nothing(&self, before: &Snapshot) -> TestCaseResult {
        let after = self.breaker.snapshot();
        let held = |s: &Snapshot| s.bulkhead.as_ref().map(|slots| slots.by_level);
        prop_assert_eq!(held(&after), held(before), "a refused call took a slot");
        if before.rate_limit.map(|r| r.rate) == after.rate_limit.map(|r| r.rate) {
            prop_assert_eq!(after.rate_limit, before.rate_limit, "a refused call took a token");
        }
        if before.generation == after.generation {
            prop_assert!(
                after.half_open.in_flight <= before.half_open.in_flight,
                "a refused call took a probe's place"
            );
        }
        Ok(())
    }

    fn note_given(&mut self, given: &Given) {
        if given.bypassed {
            self.noted.push("call: bypassed");
        }
        if given.wait > 0 {
            self.noted.push("call: paced");
        }
    }

    fn settle(
        &mut self,
        (permit, number): (OwnedPermit, usize),
        came: Came,
        reported: Option<u64>,
    ) -> TestCaseResult {
        let got = permit.settle(real(came.outcome), reported.map(Duration::from_nanos), came.error_type);
        let expected = self.model.settle(number, came.outcome, reported, came.error_type, self.now());
        prop_assert_eq!(got.name(), settled_name(expected), "settle");
        Ok(())
    }

    /// What the hosts of all waits do when their time has come: by deadline, then level, then age.
    pub fn fire_timers(&mut self) {
        let due = self.model.due(self.now());
        for (_, waiting) in due.iter().filter_map(|id| self.waits.iter().find(|(waits, _)| waits == id)) {
            waiting.expire();
        }
        self.model.end_due(self.now());
    }

    /// Fetches how waits have ended; who was granted something goes away unseen if it `leaves`.
    pub fn end_waits(&mut self, leaves: bool, coverage: &mut Coverage) -> TestCaseResult {
        loop {
            let woken = std::mem::take(&mut *self.woken.lock().expect("no panic"));
            let ends = std::mem::take(&mut self.model.ends);
            let mut seen = Vec::new();
            for id in &woken {
                let at = self.waits.iter().position(|(waits, _)| waits == id);
                prop_assert!(at.is_some(), "woken twice, or after it was cancelled: {}", id);
                let (_, waiting) = self.waits.remove(at.unwrap_or_default());
                let expected = ends.iter().find(|(ended, _)| ended == id).map(|(_, end)| end.clone());
                seen.push((*id, self.end_wait(*id, waiting, expected, leaves, coverage)?));
            }
            prop_assert_eq!(seen.len(), ends.len(), "ended {:?}, by the model {:?}", seen, ends);
            for reason in [None, Some("queue_timeout")] {
                let kind = |end: &End| match end {
                    End::Granted(_) => None,
                    End::Refused(reason, _) => Some(*reason),
                };
                let order = |all: &[(u64, End)]| -> Vec<u64> {
                    all.iter().filter(|(_, end)| kind(end) == reason).map(|(id, _)| *id).collect()
                };
                prop_assert_eq!(order(&seen), order(&ends), "the order of {:?}", reason);
            }
            if woken.is_empty() {
                return Ok(());
            }
        }
    }

    fn end_wait(
        &mut self,
        id: u64,
        mut waiting: Waiting,
        expected: Option<End>,
        leaves: bool,
        coverage: &mut Coverage,
    ) -> Result<End, TestCaseError> {
        if let (Some(End::Granted(given)), true) = (&expected, leaves) {
            coverage.see("wait: left");
            drop(waiting);
            self.model.drop_permit(given.permit, self.now());
            return Ok(End::Granted(given.clone()));
        }
        let Poll::Ready(answer) = polled(id, &mut waiting, &self.woken) else {
            return Err(TestCaseError::fail(format!("{id} was woken and waits")));
        };
        let got: Said = answer.as_ref().map(given).map_err(refusal);
        match (&expected, answer) {
            (Some(End::Granted(given)), Ok(permit)) => {
                prop_assert_eq!(got, Ok(nameless(given)), "the grant of {}", id);
                coverage.see("wait: granted");
                self.note_given(given);
                self.permits.push((permit, given.permit));
            }
            (Some(End::Refused(reason, after)), Err(_)) => {
                prop_assert_eq!(got, Err((*reason, *after)), "how the wait of {} ended", id);
                coverage.see(format!("wait: {reason}"));
            }
            _ => return Err(TestCaseError::fail(format!("{id} ended {got:?}, by the model {expected:?}"))),
        }
        expected.ok_or_else(|| TestCaseError::fail("nothing"))
    }

    /// Everything that can be seen of either.
    pub fn compare(&mut self, coverage: &mut Coverage) -> TestCaseResult {
        let snapshot = self.breaker.snapshot();
        let delivered = self.events.drain();
        let got: Vec<_> = delivered.iter().map(real_event).collect();
        prop_assert_eq!(&got[..], &self.model.machine.events[self.compared..], "events");
        self.compared = self.model.machine.events.len();
        let changes: Vec<_> = self.policy_events.drain();
        let got: Vec<_> = changes.iter().map(policy_event).collect();
        prop_assert_eq!(&got[..], &self.model.policy_events[self.policies_compared..], "policy events");
        self.policies_compared = self.model.policy_events.len();
        prop_assert_eq!(real_snapshot(&snapshot), self.model.machine.snapshot(self.now()));
        prop_assert_eq!(shown(&snapshot), self.model.shown(self.now()), "gates");
        prop_assert_eq!(snapshot.gates.is_some(), self.had_gates);
        let waiting = self.model.waiting().count();
        prop_assert_eq!(self.waits.len(), waiting, "who waits");
        coverage.note(&snapshot);
        for change in &changes {
            let by_itself = if change.actor.is_none() { " by itself" } else { "" };
            coverage.see(format!("changed: {}{by_itself}", change.change.kind()));
        }
        self.noted.drain(..).for_each(|what| coverage.see(what));
        Ok(())
    }
}

fn beside(instant: u64, away: Away) -> u64 {
    match away {
        Away::Before => instant.saturating_sub(1),
        Away::At => instant,
        Away::After => instant.saturating_add(1),
    }
}
