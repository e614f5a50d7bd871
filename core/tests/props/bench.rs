//! The breaker and the model, side by side: every step is taken by both.

use crate::coverage::Coverage;
use crate::documents::document;
use crate::model::{self, Answer, Model};
use crate::steps::{Away, Came, Scenario, Step};
use crate::words::{forget_permit, real, real_answer, real_event, real_snapshot, settled_name};
use fusewire::{
    By, CallError, CircuitBreaker, Clock, DURATION_BOUNDS, Events, ManualClock, OwnedPermit, Permit,
};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestCaseResult};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// What the model takes as the seed of a document without one. Such documents draw nothing here.
const OWN_SEED: u64 = 77;
const SECOND: u64 = 1_000_000_000;

pub struct Bench {
    breaker: CircuitBreaker,
    model: Model,
    clock: ManualClock,
    events: Events,
    /// Events of the model that were compared already.
    compared: usize,
    permits: Vec<(OwnedPermit, u64, Given)>,
    /// Every length that a document has, the width of its buckets included.
    lengths: Vec<u64>,
    width: u64,
    times_all: bool,
    cancelled_after: Option<u64>,
    /// What the histograms and the transitions by kind must hold: the model has none.
    durations: [Vec<u64>; 3],
    duration_sums: [u64; 3],
    changes: [[u64; 3]; 3],
    by_type: BTreeMap<String, u64>,
}

#[derive(Clone, Copy)]
struct Given {
    at: u64,
    timed: bool,
}

/// The lengths that stand in a document as text.
pub fn lengths_in(document: &Value, found: &mut Vec<u64>) {
    match document {
        Value::Object(table) => table.values().for_each(|value| lengths_in(value, found)),
        Value::String(text) if text.starts_with(|c: char| c.is_ascii_digit()) => {
            found.push(model::duration(document));
        }
        _ => {}
    }
}

impl Bench {
    pub fn new(document: &Value) -> Result<Self, TestCaseError> {
        let clock = ManualClock::new();
        let builder = fusewire::Builder::from_json(&document.to_string());
        let built =
            builder.map_err(fusewire::Error::from).and_then(|b| b.clock(clock.clone()).build("props"));
        let breaker = built.map_err(|e| TestCaseError::fail(format!("{document}: {e}")))?;
        let mut bench = Bench {
            events: breaker.events(1_000_000),
            breaker,
            model: Model::new(document, OWN_SEED),
            clock,
            compared: 0,
            permits: Vec::new(),
            lengths: Vec::new(),
            width: SECOND,
            times_all: false,
            cancelled_after: None,
            durations: std::array::from_fn(|_| vec![0; DURATION_BOUNDS.len() + 1]),
            duration_sums: [0; 3],
            changes: [[0; 3]; 3],
            by_type: BTreeMap::new(),
        };
        bench.learn(document);
        Ok(bench)
    }

    /// Notes what the test itself must know of a document.
    fn learn(&mut self, document: &Value) {
        self.lengths = vec![1, 1_000_000, 3_600 * SECOND];
        lengths_in(document, &mut self.lengths);
        let window = &document["window"];
        self.width = match (window.get("period"), window["buckets"].as_u64()) {
            (Some(period), Some(buckets)) => model::duration(period) / buckets,
            _ => SECOND,
        };
        self.lengths.push(self.width);
        let find = |name| document.get(name).map(model::duration);
        self.cancelled_after = find("cancelled_after").or(find("slow_call_duration"));
        self.times_all = document["sample_durations_every"] != json!(0);
    }

    fn now(&self) -> u64 {
        self.clock.now()
    }

    fn length(&self, index: usize) -> u64 {
        self.lengths[index % self.lengths.len()]
    }

    fn advance_to(&self, deadline: u64, away: Away) {
        self.clock.set(match away {
            Away::Before => deadline.saturating_sub(1),
            Away::At => deadline,
            Away::After => deadline.saturating_add(1),
        });
    }

    pub fn run(&mut self, step: &Step, scenario: &Scenario) -> TestCaseResult {
        let by = By::parts(Some("operator"), Some("to see what happens"));
        match step {
            Step::Call { result, lasts, by_closure: true } => return self.call_closure(*result, *lasts),
            Step::Call { result, lasts, by_closure: false } => return self.call(*result, *lasts),
            Step::Acquire => return self.acquire(),
            Step::Settle { permit, result, reported } => return self.settle(*permit, *result, *reported),
            Step::Drop { permit } => self.drop_permit(*permit),
            Step::Advance { length, away } => self.advance_to(self.now() + self.length(*length), *away),
            Step::AdvanceToRetry { away } => {
                if let Some(after) = self.breaker.snapshot().retry_after {
                    self.advance_to(self.now() + after, *away);
                }
            }
            Step::AdvanceToBucket { away } => {
                self.advance_to((self.now() / self.width + 1) * self.width, *away);
            }
            Step::Poll => {
                self.breaker.poll();
                self.model.poll(self.now());
            }
            Step::Trip { length } => {
                let length = length.map(|i| self.length(i).max(1_000_000));
                let tripped = self.breaker.trip(length.map(Duration::from_nanos), by);
                prop_assert!(tripped.is_ok(), "{tripped:?}");
                self.model.trip(length, self.now());
            }
            Step::HalfOpen => {
                self.breaker.half_open(by);
                self.model.half_open(self.now());
            }
            Step::Reset => {
                self.breaker.reset(by);
                self.model.reset(self.now());
            }
            Step::SetMode(mode) => {
                self.breaker.set_mode(*mode, by);
                self.model.set_mode(mode.name(), self.now());
            }
            Step::Reconfigure { detector, rest } => {
                let document = document(&scenario.detectors[*detector], &scenario.rests[*rest]);
                let builder = fusewire::Builder::from_json(&document.to_string());
                let done = builder.and_then(|builder| self.breaker.reconfigure(builder, by));
                prop_assert!(done.is_ok(), "{document}: {done:?}");
                let before = self.model.events.len();
                self.model.reconfigure(&document, self.now());
                prop_assert_eq!(done, Ok(self.model.events.len() > before), "whether anything changed");
                self.learn(&document);
            }
        }
        Ok(())
    }

    fn given(&self) -> Given {
        Given { at: self.now(), timed: self.times_all }
    }

    fn call(&mut self, result: Came, lasts: Option<usize>) -> TestCaseResult {
        let breaker = self.breaker.clone();
        let answer = breaker.try_acquire();
        let got =
            real_answer(answer.as_ref().map(Permit::would_reject).map_err(|r| (r.reason(), r.retry_after())));
        let given = self.given();
        let expected = self.model.acquire(self.now());
        prop_assert_eq!(&got, &forget_permit(&expected), "acquire");
        let (Ok(permit), Answer::Admitted { permit: number, .. }) = (answer, expected) else { return Ok(()) };
        if let Some(length) = lasts {
            self.clock.advance_nanos(self.length(length));
        }
        let settled = match (result.outcome, result.error_type) {
            (model::Outcome::Success, _) => permit.success(),
            (model::Outcome::Failure, Some(error_type)) => permit.failure(error_type),
            (model::Outcome::Failure, None) => permit.record(&Err::<(), ()>(())),
            (model::Outcome::Ignored, _) => permit.ignore(),
        };
        self.settled(number, result, None, given, settled)
    }

    /// The same through `call`, which tells of its settling by the totals alone.
    fn call_closure(&mut self, result: Came, lasts: Option<usize>) -> TestCaseResult {
        let (given, mut has_run) = (self.given(), false);
        let f = || {
            has_run = true;
            self.clock.advance_nanos(lasts.map_or(0, |length| self.length(length)));
            if result.outcome == model::Outcome::Success { Ok(()) } else { Err(()) }
        };
        let answer = match result.outcome {
            model::Outcome::Ignored => self.breaker.call_classified(|_| fusewire::Outcome::Ignored, f),
            _ => self.breaker.call(f),
        };
        let expected = self.model.acquire(given.at);
        if let Err(CallError::Rejected(rejection)) = answer {
            let got = real_answer(Err((rejection.reason(), rejection.retry_after())));
            prop_assert_eq!(&got, &forget_permit(&expected), "call");
            prop_assert!(!has_run);
            return Ok(());
        }
        prop_assert!(has_run, "{:?}", answer);
        let Answer::Admitted { permit, .. } = expected else {
            return Err(TestCaseError::fail(format!("the call ran, the model says {expected:?}")));
        };
        self.model.settle(permit, result.outcome, None, None, self.now());
        self.expect_duration(result.outcome, None, given);
        Ok(())
    }

    fn acquire(&mut self) -> TestCaseResult {
        let answer = self.breaker.try_acquire_owned();
        let got = real_answer(
            answer.as_ref().map(OwnedPermit::would_reject).map_err(|r| (r.reason(), r.retry_after())),
        );
        let given = self.given();
        let expected = self.model.acquire(self.now());
        prop_assert_eq!(&got, &forget_permit(&expected), "acquire");
        if let (Ok(permit), Answer::Admitted { permit: number, .. }) = (answer, expected) {
            self.permits.push((permit, number, given));
        }
        Ok(())
    }

    fn settle(&mut self, index: usize, result: Came, reported: Option<usize>) -> TestCaseResult {
        if self.permits.is_empty() {
            return Ok(());
        }
        let (permit, number, given) = self.permits.remove(index % self.permits.len());
        let reported = reported.map(|i| self.length(i));
        let settled =
            permit.settle(real(result.outcome), reported.map(Duration::from_nanos), result.error_type);
        self.settled(number, result, reported, given, settled)
    }

    fn settled(
        &mut self,
        number: u64,
        result: Came,
        reported: Option<u64>,
        given: Given,
        got: fusewire::Settled,
    ) -> TestCaseResult {
        let expected = self.model.settle(number, result.outcome, reported, result.error_type, self.now());
        prop_assert_eq!(got.name(), settled_name(expected), "settle");
        self.expect_duration(result.outcome, reported, given);
        if let Some(error_type) = result.error_type {
            self.expect_type(error_type);
        }
        Ok(())
    }

    fn drop_permit(&mut self, index: usize) {
        if self.permits.is_empty() {
            return;
        }
        let (permit, number, given) = self.permits.remove(index % self.permits.len());
        drop(permit);
        self.model.drop_permit(number, self.now());
        let lasted = self.now() - given.at;
        let timed_out = given.timed && self.cancelled_after.is_some_and(|limit| lasted >= limit);
        let outcome = if timed_out { model::Outcome::Failure } else { model::Outcome::Ignored };
        self.expect_duration(outcome, None, given);
        if timed_out {
            self.expect_type("timeout");
        }
    }

    fn expect_duration(&mut self, outcome: model::Outcome, reported: Option<u64>, given: Given) {
        let measured = given.timed.then(|| self.now() - given.at);
        if let Some(d) = reported.or(measured) {
            let bucket =
                DURATION_BOUNDS.iter().position(|bound| d <= *bound).unwrap_or(DURATION_BOUNDS.len());
            self.durations[outcome as usize][bucket] += 1;
            self.duration_sums[outcome as usize] += d;
        }
    }

    fn expect_type(&mut self, error_type: &str) {
        let last =
            (0..=64.min(error_type.len())).rev().find(|i| error_type.is_char_boundary(*i)).unwrap_or(0);
        *self.by_type.entry(error_type[..last].to_owned()).or_default() += 1;
    }

    /// Everything that can be seen of either. Events of the step bear an operator if it was done `by_hand`.
    pub fn compare(&mut self, by_hand: bool, coverage: &mut Coverage) -> TestCaseResult {
        let snapshot = self.breaker.snapshot();
        let new = &self.model.events[self.compared..];
        let delivered = self.events.drain();
        let got: Vec<model::Event> = delivered.iter().map(real_event).collect();
        prop_assert_eq!(&got, new, "events");
        prop_assert!(delivered.iter().all(|e| e.missed == 0), "an event was missed");
        for event in &delivered {
            if event.from != event.to {
                self.changes[event.from as usize][event.to as usize] += 1;
            }
            let actor = by_hand.then_some("operator");
            prop_assert_eq!(event.actor.as_deref(), actor, "who did it: {:?}", event);
            if let ("failure_rate" | "slow_call_rate", Some(w)) = (event.cause.name(), &snapshot.window) {
                let counts = (event.counts.total, event.counts.failures, event.counts.slow);
                prop_assert_eq!(counts, (w.total, w.failures, w.slow), "counts of the event");
            }
        }
        self.compared = self.model.events.len();
        prop_assert_eq!(real_snapshot(&snapshot), self.model.snapshot(self.now()));
        prop_assert_eq!(self.breaker.state(), snapshot.state);
        prop_assert_eq!(self.breaker.mode(), snapshot.mode);
        prop_assert_eq!(snapshot.changes, self.changes);
        for (outcome, durations) in snapshot.durations.iter().enumerate() {
            prop_assert_eq!(&durations.counts, &self.durations[outcome], "durations of outcome {}", outcome);
            prop_assert_eq!(durations.sum, self.duration_sums[outcome]);
        }
        let by_type: BTreeMap<_, _> = snapshot.failures_by_type.iter().cloned().collect();
        prop_assert_eq!(&by_type, &self.by_type);
        let (count, sum) = (self.model.recoveries.len() as u64, self.model.recoveries.iter().sum::<u64>());
        prop_assert_eq!((snapshot.recoveries.count(), snapshot.recoveries.sum), (count, sum), "recoveries");
        coverage.note(&snapshot, &delivered);
        Ok(())
    }
}
