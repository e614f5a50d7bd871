//! The breaker against a sequential model that was written from the text of the semantics alone: random valid
//! documents, random operations, every answer, every event and the whole snapshot compared after every step.
//!
//! `PROPTEST_CASES` sets how many scenarios are tried.

#![allow(missing_docs)]

mod model;

use fusewire::{
    By, CallError, CircuitBreaker, Clock, DURATION_BOUNDS, Events, ManualClock, Mode, OwnedPermit, Permit,
    Reason, Registry, State,
};
use model::{Answer, Model};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestCaseResult, TestRunner};
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const CASES: u32 = 2_000;
/// What the model takes as the seed of a document without one. Such documents draw nothing here.
const OWN_SEED: u64 = 77;
const SECOND: u64 = 1_000_000_000;

// ---- documents ----

/// A few lengths that meet each other: deadlines fall together, and one passes while another does not.
fn length() -> impl Strategy<Value = Value> {
    prop_oneof![Just("1ms"), Just("10ms"), Just("0.25s"), Just("1s"), Just("2500ms"), Just("1m")]
        .prop_map(Value::from)
}

fn share_of(bp: u64) -> Value {
    json!(bp as f64 / 10_000.0)
}

fn rate() -> impl Strategy<Value = u64> {
    prop_oneof![Just(2_500u64), Just(3_334), Just(5_000), Just(6_667), Just(10_000), 1u64..=10_000]
}

type Key = Option<(&'static str, Value)>;

/// A key that is left out now and then.
fn key(name: &'static str, value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Key> {
    proptest::option::of(value).prop_map(move |value| value.map(|value| (name, value))).boxed()
}

fn written(name: &'static str, value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Key> {
    value.prop_map(move |value| Some((name, value))).boxed()
}

fn number(range: impl Strategy<Value = u64>) -> impl Strategy<Value = Value> {
    range.prop_map(|n| json!(n))
}

fn table(keys: impl IntoIterator<Item = Key>) -> Map<String, Value> {
    keys.into_iter().flatten().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The keys that decide whether counts are kept over a reconfigure.
fn detector() -> impl Strategy<Value = Map<String, Value>> {
    let consecutive = key("failure_threshold", number(1..=4u64));
    let window = (window(), any::<bool>(), rate()).prop_map(|(mut window, judges_slow, slow_rate)| {
        if judges_slow {
            window.insert("slow_call_rate".into(), share_of(slow_rate));
        }
        Some(("window", Value::Object(window)))
    });
    let detector = prop_oneof![1 => consecutive, 3 => window];
    (detector, key("slow_call_duration", length()), length()).prop_map(|(detector, slow, fallback)| {
        let needs_slow = detector.as_ref().is_some_and(|(_, v)| v.get("slow_call_rate").is_some());
        let slow = slow.or(needs_slow.then_some(("slow_call_duration", fallback)));
        table([detector, slow])
    })
}

fn window() -> impl Strategy<Value = Map<String, Value>> {
    let count = (1u64..=40, any::<u64>(), any::<bool>()).prop_map(|(size, min_calls, writes_min_calls)| {
        let min_calls = json!(1 + min_calls % size.min(8));
        table([
            Some(("kind", json!("count"))),
            Some(("size", json!(size))),
            writes_min_calls.then_some(("min_calls", min_calls)),
        ])
    });
    (prop_oneof![count, timed("time"), timed("adaptive")], rate(), vec(any::<u64>(), 5), any::<bool>())
        .prop_map(|(mut window, rate, draws, writes)| {
            window.insert("failure_rate".into(), share_of(rate));
            if window["kind"] == "adaptive" {
                window.insert("min_failures".into(), json!(1 + draws[0] % 3));
                window.insert("memory_calls".into(), json!(1 + draws[1] % 20));
                if writes {
                    window.insert("floor".into(), share_of(1 + draws[2] % rate));
                    window.insert("baseline".into(), share_of(draws[3] % (rate + 1)));
                    window.insert("sensitivity".into(), json!(1.0 + (draws[4] % 9) as f64 / 2.0));
                }
            }
            window
        })
}

fn timed(kind: &'static str) -> impl Strategy<Value = Map<String, Value>> {
    let period =
        prop_oneof![Just(("1s", 1u64)), Just(("1s", 4)), Just(("2s", 8)), Just(("3s", 3)), Just(("1m", 60))];
    (period, 1u64..=6).prop_map(move |((period, buckets), min_calls)| {
        table([
            Some(("kind", json!(kind))),
            Some(("period", json!(period))),
            Some(("buckets", json!(buckets))),
            Some(("min_calls", json!(min_calls))),
        ])
    })
}

fn backoff() -> impl Strategy<Value = Map<String, Value>> {
    let kind = prop_oneof![
        Just("fixed"),
        Just("linear"),
        Just("exponential"),
        Just("fibonacci"),
        Just("decorrelated_jitter")
    ];
    (
        kind,
        key("jitter", (0u64..=10_000).prop_map(share_of)),
        key("reset_after", length()),
        rate(),
        any::<bool>(),
    )
        .prop_map(|(kind, jitter, reset_after, m, writes)| {
            let multiplier =
                (kind == "exponential" && writes).then(|| ("multiplier", share_of(10_000 + 3 * m)));
            // At least every `recovery_timeout` there is.
            let max = (kind != "fixed" && writes).then(|| ("max", json!(format!("{}ms", 60_000 + m))));
            table([Some(("kind", json!(kind))), max, multiplier, reset_after, jitter])
        })
}

fn ramp() -> impl Strategy<Value = Value> {
    vec![
        key("initial", (1u64..=9_999).prop_map(share_of)),
        key("step", (500u64..=10_000).prop_map(share_of)),
        written("window_calls", number(1..=5u64)),
        key("max_failure_rate", (0u64..=9_999).prop_map(share_of)),
        key("step_timeout", length()),
    ]
    .prop_map(|keys| Value::Object(table(keys)))
}

/// Everything beside the detector.
fn rest() -> impl Strategy<Value = Map<String, Value>> {
    let mode = prop_oneof![
        6 => Just("auto"), 2 => Just("shadow"), 1 => Just("forced_open"), 1 => Just("forced_closed")
    ];
    let keys = vec![
        written("recovery_timeout", length()),
        written("backoff", backoff().prop_map(Value::Object)),
        key("half_open_timeout", length()),
        key("ramp", ramp()),
        key("cancelled_after", length()),
        key("sample_durations_every", Just(json!(1))),
        written("seed", number(0..=u64::from(u32::MAX))),
    ];
    let probes = (1u64..=9, any::<u64>(), any::<u64>(), any::<bool>());
    (keys, proptest::option::weighted(0.3, mode), probes).prop_map(|(keys, mode, (n, c, s, writes))| {
        let mut rest = table(keys);
        rest.insert("half_open_max_calls".into(), json!(n));
        if writes {
            rest.insert("half_open_concurrency".into(), json!(1 + c % n));
            rest.insert("success_threshold".into(), json!(1 + s % n));
        }
        if let Some(mode) = mode {
            rest.insert("mode".into(), json!(mode));
        }
        rest
    })
}

/// One document. Each one times either all calls or none, so that what a call's duration makes of it after a
/// reconfigure does not depend on which calls were sampled.
fn document(detector: &Map<String, Value>, rest: &Map<String, Value>) -> Value {
    let mut document = detector.clone();
    document.extend(rest.clone());
    let needs_all = document.contains_key("slow_call_duration") || document.contains_key("cancelled_after");
    if !needs_all && !document.contains_key("sample_durations_every") {
        document.insert("sample_durations_every".into(), json!(0));
    }
    Value::Object(document)
}

// ---- operations ----

#[derive(Clone, Copy, Debug)]
enum Away {
    Before,
    At,
    After,
}

#[derive(Clone, Debug)]
enum Step {
    /// Acquire, let time pass, settle.
    Call {
        result: Came,
        lasts: Option<usize>,
        by_closure: bool,
    },
    Acquire,
    Settle {
        permit: usize,
        result: Came,
        reported: Option<usize>,
    },
    Drop {
        permit: usize,
    },
    /// By one of the document's lengths, or a nanosecond less or more.
    Advance {
        length: usize,
        away: Away,
    },
    /// To where the answer can differ.
    AdvanceToRetry {
        away: Away,
    },
    /// To the end of the window's bucket.
    AdvanceToBucket {
        away: Away,
    },
    Poll,
    Trip {
        length: Option<usize>,
    },
    HalfOpen,
    Reset,
    SetMode(Mode),
    Reconfigure {
        detector: usize,
        rest: usize,
    },
}

impl Step {
    fn is_by_hand(&self) -> bool {
        !matches!(
            self,
            Step::Call { .. } | Step::Acquire | Step::Settle { .. } | Step::Drop { .. } | Step::Poll
        )
    }
}

/// What a call came to.
#[derive(Clone, Copy, Debug)]
struct Came {
    outcome: model::Outcome,
    error_type: Option<&'static str>,
}

fn result() -> impl Strategy<Value = Came> {
    let outcome = prop_oneof![
        5 => Just(model::Outcome::Success), 5 => Just(model::Outcome::Failure), 1 => Just(model::Outcome::Ignored)
    ];
    let error_type = prop_oneof![
        Just(None),
        Just(Some("refused")),
        Just(Some("eine recht lange Fehlerart, die mitten in einem Zeichen endet: äöüäöüäöü")),
    ];
    (outcome, error_type).prop_map(|(outcome, error_type)| Came {
        outcome,
        error_type: error_type.filter(|_| outcome == model::Outcome::Failure),
    })
}

fn step() -> impl Strategy<Value = Step> {
    let index = || 0usize..64;
    let away = || prop_oneof![1 => Just(Away::Before), 3 => Just(Away::At), 1 => Just(Away::After)];
    let maybe = move || proptest::option::of(index());
    prop_oneof![
        30 => (result(), proptest::option::weighted(0.2, index()), any::<bool>())
            .prop_map(|(result, lasts, by_closure)| Step::Call { result, lasts, by_closure }),
        14 => Just(Step::Acquire),
        12 => (index(), result(), maybe())
            .prop_map(|(permit, result, reported)| Step::Settle { permit, result, reported }),
        4 => index().prop_map(|permit| Step::Drop { permit }),
        12 => (index(), away()).prop_map(|(length, away)| Step::Advance { length, away }),
        9 => away().prop_map(|away| Step::AdvanceToRetry { away }),
        3 => away().prop_map(|away| Step::AdvanceToBucket { away }),
        4 => Just(Step::Poll),
        2 => maybe().prop_map(|length| Step::Trip { length }),
        2 => Just(Step::HalfOpen),
        1 => Just(Step::Reset),
        2 => (0usize..4).prop_map(|i| Step::SetMode(Mode::ALL[i])),
        2 => (0usize..2, 0usize..2).prop_map(|(detector, rest)| Step::Reconfigure { detector, rest }),
    ]
}

#[derive(Clone, Debug)]
struct Scenario {
    detectors: Vec<Map<String, Value>>,
    rests: Vec<Map<String, Value>>,
    steps: Vec<Step>,
}

fn scenario() -> impl Strategy<Value = Scenario> {
    (vec(detector(), 2), vec(rest(), 2), vec(step(), 1..80)).prop_map(|(detectors, rests, steps)| Scenario {
        detectors,
        rests,
        steps,
    })
}

// ---- the two, side by side ----

struct Bench {
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
fn lengths_in(document: &Value, found: &mut Vec<u64>) {
    match document {
        Value::Object(table) => table.values().for_each(|value| lengths_in(value, found)),
        Value::String(text) if text.starts_with(|c: char| c.is_ascii_digit()) => {
            found.push(model::duration(document));
        }
        _ => {}
    }
}

impl Bench {
    fn new(document: &Value) -> Result<Self, TestCaseError> {
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

    fn run(&mut self, step: &Step, scenario: &Scenario) -> TestCaseResult {
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
    fn compare(&mut self, by_hand: bool, coverage: &mut Coverage) -> TestCaseResult {
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

/// An answer without the permit's number.
#[derive(Debug, PartialEq)]
enum Said {
    Admitted { would_reject: Option<&'static str> },
    Rejected { reason: &'static str, retry_after: Option<u64> },
}

fn real_answer(answer: Result<Option<Reason>, (Reason, Option<Duration>)>) -> Said {
    match answer {
        Ok(would_reject) => Said::Admitted { would_reject: would_reject.map(Reason::name) },
        Err((reason, after)) => {
            Said::Rejected { reason: reason.name(), retry_after: after.map(|d| d.as_nanos() as u64) }
        }
    }
}

fn forget_permit(answer: &Answer) -> Said {
    match *answer {
        Answer::Admitted { would_reject, .. } => Said::Admitted { would_reject },
        Answer::Rejected { reason, retry_after } => Said::Rejected { reason, retry_after },
    }
}

fn real(outcome: model::Outcome) -> fusewire::Outcome {
    fusewire::Outcome::ALL[outcome as usize]
}

fn settled_name(settled: model::Settled) -> &'static str {
    match settled {
        model::Settled::Ok => "ok",
        model::Settled::Late => "late",
        model::Settled::AlreadySettled => "already_settled",
    }
}

fn real_event(event: &fusewire::Event) -> model::Event {
    model::Event {
        from: event.from.name(),
        to: event.to.name(),
        cause: event.cause.name(),
        generation: event.generation,
        at: event.at,
    }
}

/// The snapshot in the words of the model.
fn real_snapshot(s: &fusewire::Snapshot) -> model::Snapshot {
    let by_reason = |counts: &[u64; 4]| {
        Reason::ALL.into_iter().map(Reason::name).zip(*counts).filter(|(_, n)| *n > 0).collect()
    };
    model::Snapshot {
        state: s.state.name(),
        stored_state: s.stored_state.name(),
        mode: s.mode.name(),
        generation: s.generation,
        opened: s.opened,
        openings_in_a_row: s.openings_in_a_row,
        retry_after: s.retry_after,
        consecutive_failures: s.consecutive_failures.map(u64::from),
        window: s.window.as_ref().map(|w| model::WindowCounts {
            total: w.total,
            failures: w.failures,
            slow: w.slow,
            failure_rate: w.failure_rate,
            slow_call_rate: w.slow_call_rate,
            baseline: w.baseline,
            threshold: w.threshold,
        }),
        half_open: model::HalfOpenCounts {
            in_flight: s.half_open.in_flight.into(),
            successes: s.half_open.successes.into(),
            failures: s.half_open.failures.into(),
        },
        ramp: s.ramp.map(|r| model::RampCounts {
            share: r.share,
            step: r.step.into(),
            settled: r.settled.into(),
            failures: r.failures.into(),
        }),
        totals: model::Totals {
            success: s.totals.success,
            failure: s.totals.failure,
            ignored: s.totals.ignored,
            slow: s.totals.slow,
            late: s.totals.late,
            expired: s.totals.expired,
            rejected: by_reason(&s.totals.rejected),
            would_reject: by_reason(&s.totals.would_reject),
        },
        last: s.last.map(|last| model::Event {
            from: last.from.name(),
            to: last.to.name(),
            cause: last.cause.name(),
            generation: s.generation,
            at: last.at,
        }),
        last_failure: s
            .last_failure
            .as_ref()
            .map(|f| model::LastFailure { error_type: f.error_type.clone(), at: f.at }),
    }
}

// ---- what was seen ----

/// Which of the things that can happen did: a scenario that never opens proves little.
#[derive(Default)]
struct Coverage {
    seen: BTreeSet<&'static str>,
    most_steps_of_a_ramp: u32,
    longest_row: u64,
}

impl Coverage {
    fn note(&mut self, s: &fusewire::Snapshot, events: &[fusewire::Event]) {
        self.seen.extend(events.iter().map(|e| e.cause.name()));
        self.seen.insert(s.mode.name());
        let rejected = Reason::ALL.into_iter().zip(s.totals.rejected).filter(|(_, n)| *n > 0);
        self.seen.extend(rejected.map(|(reason, _)| reason.name()));
        for (what, n) in [
            ("late", s.totals.late),
            ("expired", s.totals.expired),
            ("slow", s.totals.slow),
            ("would_reject", s.totals.would_reject.iter().sum()),
            ("recovered", s.recoveries.count()),
        ] {
            if n > 0 {
                self.seen.insert(what);
            }
        }
        if s.state != s.stored_state && s.stored_state == State::Open {
            self.seen.insert("open past its deadline");
        }
        self.most_steps_of_a_ramp = self.most_steps_of_a_ramp.max(s.ramp.map_or(0, |r| r.step));
        self.longest_row = self.longest_row.max(s.openings_in_a_row);
    }

    fn assert_complete(&self) {
        let mut wanted: Vec<&str> = fusewire_causes();
        wanted.extend(Mode::ALL.map(Mode::name));
        wanted.extend(Reason::ALL.map(Reason::name));
        wanted.extend(["late", "expired", "slow", "would_reject", "recovered", "open past its deadline"]);
        let unseen: Vec<_> = wanted.into_iter().filter(|what| !self.seen.contains(what)).collect();
        assert!(unseen.is_empty(), "no scenario has shown {unseen:?}");
        assert!(self.most_steps_of_a_ramp >= 3, "longest ramp: {} steps", self.most_steps_of_a_ramp);
        assert!(self.longest_row >= 4, "longest row of openings: {}", self.longest_row);
    }
}

fn fusewire_causes() -> Vec<&'static str> {
    fusewire::Cause::ALL.into_iter().map(fusewire::Cause::name).collect()
}

fn config() -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(CASES);
    Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() }
}

#[test]
fn the_breaker_does_what_the_model_does() {
    let coverage = RefCell::new(Coverage::default());
    let config = config();
    let cases = config.cases;
    let ran = TestRunner::new(config).run(&scenario(), |scenario| {
        let mut bench = Bench::new(&document(&scenario.detectors[0], &scenario.rests[0]))?;
        bench.compare(false, &mut coverage.borrow_mut())?;
        for (number, step) in scenario.steps.iter().enumerate() {
            let at = |e: TestCaseError| TestCaseError::fail(format!("step {number}, {step:?}: {e}"));
            bench.run(step, &scenario).map_err(at)?;
            bench.compare(step.is_by_hand(), &mut coverage.borrow_mut()).map_err(at)?;
        }
        Ok(())
    });
    if let Err(e) = ran {
        panic!("{e}");
    }
    if cases >= CASES {
        coverage.borrow().assert_complete();
    }
}

#[test]
fn a_breaker_tells_its_document_and_the_document_builds_the_same_breaker() {
    let config = Config { cases: config().cases / 10, ..config() };
    let strategy = (detector(), rest());
    let ran = TestRunner::new(config).run(&strategy, |(detector, rest)| {
        let (written, registry) = (document(&detector, &rest).to_string(), Registry::new());
        let breaker = registry.get_or_create_json("props", &written);
        prop_assert!(breaker.is_ok(), "{written}: {breaker:?}");
        let full = breaker.map(|b| b.document()).unwrap_or_default();
        let again = registry.get_or_create_json("props", &full);
        prop_assert!(again.is_ok(), "{written} became {full}: {again:?}");
        prop_assert_eq!(again.map(|b| b.document()).unwrap_or_default(), full);
        Ok(())
    });
    if let Err(e) = ran {
        panic!("{e}");
    }
}
