//! What `tracing` hears of a breaker.

#![allow(missing_docs)]

use fusewire::{By, CircuitBreaker, ManualClock};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use tracing::field::{Empty, Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber, info_span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

type Fields = BTreeMap<String, String>;

#[derive(Default)]
struct Heard {
    events: Mutex<Vec<(Level, Fields)>>,
    /// By their names.
    spans: Mutex<BTreeMap<&'static str, Fields>>,
}

impl Heard {
    fn take_events(&self) -> Vec<(Level, Fields)> {
        std::mem::take(&mut *self.events.lock().expect("no panic"))
    }

    fn span(&self, name: &str) -> Fields {
        self.spans.lock().expect("no panic").get(name).cloned().unwrap_or_default()
    }
}

struct Into<'f>(&'f mut Fields);

impl Visit for Into<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

struct Ear(Arc<Heard>);

impl<S: Subscriber + for<'s> tracing_subscriber::registry::LookupSpan<'s>> Layer<S> for Ear {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut spans = self.0.spans.lock().expect("no panic");
        attributes.record(&mut Into(spans.entry(attributes.metadata().name()).or_default()));
    }

    fn on_record(&self, span: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let name = context.metadata(span).expect("a span that lives").name();
        values.record(&mut Into(self.0.spans.lock().expect("no panic").entry(name).or_default()));
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "fusewire" {
            let mut fields = Fields::new();
            event.record(&mut Into(&mut fields));
            self.0.events.lock().expect("no panic").push((*event.metadata().level(), fields));
        }
    }
}

/// Runs `f` while an ear listens.
fn listening(f: impl FnOnce(&Heard)) {
    let heard = Arc::new(Heard::default());
    let subscriber = tracing_subscriber::registry().with(Ear(Arc::clone(&heard)));
    tracing::subscriber::with_default(subscriber, || f(&heard));
}

fn breaker() -> CircuitBreaker {
    let builder =
        CircuitBreaker::builder().failure_threshold(1).half_open_max_calls(1).clock(ManualClock::new());
    builder.build("payments").expect("valid")
}

fn fields<const N: usize>(fields: [(&str, &str); N]) -> Fields {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn each_transition_is_an_event_with_its_fields() {
    listening(|heard| {
        let breaker = breaker();
        let _ = breaker.try_acquire().expect("closed").success();
        assert!(heard.take_events().is_empty(), "a call is no event");
        let _ = breaker.try_acquire().expect("closed").failure("x");
        let opened = fields([
            ("breaker", "payments"),
            ("from", "closed"),
            ("to", "open"),
            ("cause", "failure_threshold"),
            ("generation", "1"),
            ("message", "circuit breaker opened"),
        ]);
        assert_eq!(heard.take_events(), [(Level::WARN, opened)]);
        breaker.reset(By::new("on-call", "it is back"));
        let closed = fields([
            ("breaker", "payments"),
            ("from", "open"),
            ("to", "closed"),
            ("cause", "reset"),
            ("generation", "2"),
            ("actor", "on-call"),
            ("reason", "it is back"),
            ("message", "circuit breaker changed"),
        ]);
        assert_eq!(heard.take_events(), [(Level::INFO, closed)]);
    });
}

#[test]
fn a_span_that_declares_the_fields_has_them_filled_in() {
    listening(|heard| {
        let breaker = breaker();
        let call = |name: &str| {
            let span = match name {
                "admitted" => info_span!(
                    "admitted",
                    "circuit_breaker.state" = Empty,
                    "circuit_breaker.generation" = Empty,
                    "circuit_breaker.reason" = Empty
                ),
                "rejected" => info_span!(
                    "rejected",
                    "circuit_breaker.state" = Empty,
                    "circuit_breaker.generation" = Empty,
                    "circuit_breaker.reason" = Empty
                ),
                _ => info_span!(
                    "probe",
                    "circuit_breaker.state" = Empty,
                    "circuit_breaker.generation" = Empty,
                    "circuit_breaker.reason" = Empty
                ),
            };
            span.in_scope(|| breaker.call(|| Ok::<_, ()>(())).is_ok())
        };
        assert!(call("admitted"));
        let admitted = fields([("circuit_breaker.state", "closed"), ("circuit_breaker.generation", "0")]);
        assert_eq!(heard.span("admitted"), admitted);
        breaker.trip(None, By::default()).expect("no duration");
        assert!(!call("rejected"));
        let rejected = fields([
            ("circuit_breaker.state", "open"),
            ("circuit_breaker.generation", "1"),
            ("circuit_breaker.reason", "open"),
        ]);
        assert_eq!(heard.span("rejected"), rejected);
        breaker.half_open(By::default());
        assert!(call("probe"));
        let probe = fields([("circuit_breaker.state", "half_open"), ("circuit_breaker.generation", "2")]);
        assert_eq!(heard.span("probe"), probe);
    });
}

#[test]
fn a_span_without_the_fields_stays_as_it_is() {
    listening(|heard| {
        let breaker = breaker();
        info_span!("plain", kind = "other").in_scope(|| breaker.call(|| Ok::<_, ()>(()))).expect("closed");
        assert_eq!(heard.span("plain"), fields([("kind", "other")]));
    });
}

#[test]
fn nobody_listening_changes_nothing() {
    let breaker = breaker();
    let _ = breaker.try_acquire().expect("closed").failure("x");
    assert!(breaker.try_acquire().is_err());
    breaker.reset(By::default());
    assert_eq!(breaker.snapshot().generation, 2);
}

#[test]
fn a_listener_or_classifier_that_panics_is_an_error_event() {
    listening(|heard| {
        let breaker = breaker();
        let _stay = breaker.subscribe(|_| std::panic::resume_unwind(Box::new("a listener's words")));
        breaker.reset(By::default());
        let quiet =
            |_: &Result<(), ()>| std::panic::resume_unwind(Box::new("a classifier's words".to_owned()));
        assert!(breaker.call_classified(quiet, || Ok::<_, ()>(())).is_ok());
        let errors: Vec<Fields> = heard
            .take_events()
            .into_iter()
            .filter(|(level, _)| *level == Level::ERROR)
            .map(|(_, f)| f)
            .collect();
        assert_eq!(errors.len(), 2);
        assert_eq!(errors[0]["breaker"], "payments");
        assert!(
            errors[0]["message"].contains("listener") && errors[0]["message"].contains("a listener's words")
        );
        assert!(
            errors[1]["message"].contains("classifier")
                && errors[1]["message"].contains("a classifier's words")
        );
    });
}

/// Asks the breaker for everything there is to know, whenever it hears of it.
struct Nosy(Arc<Mutex<Option<CircuitBreaker>>>, Arc<Mutex<Vec<u64>>>);

impl<S: Subscriber> Layer<S> for Nosy {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let breaker = self.0.lock().expect("no panic").clone();
        if let Some(breaker) = breaker.filter(|_| event.metadata().target() == "fusewire") {
            let counts = breaker.snapshot().bulkhead.expect("it has slots");
            self.1.lock().expect("no panic").push(counts.in_flight());
        }
    }
}

#[test]
fn a_grant_that_ends_an_opening_is_told_when_the_queue_has_no_lock() {
    let (known, heard) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(Vec::new())));
    let subscriber = tracing_subscriber::registry().with(Nosy(Arc::clone(&known), Arc::clone(&heard)));
    tracing::subscriber::with_default(subscriber, || {
        let clock = ManualClock::new();
        let hour = std::time::Duration::from_secs(3600);
        let bulkhead = fusewire::Bulkhead::new(1).max_queue(1).queue_timeout(hour);
        let breaker =
            CircuitBreaker::builder().bulkhead(bulkhead).clock(clock.clone()).build("slots").expect("valid");
        let held = breaker.try_acquire_owned().expect("a slot is free");
        breaker.trip(Some(std::time::Duration::from_secs(1)), By::default()).expect("in range");
        clock.advance(std::time::Duration::from_secs(1));
        let Ok(fusewire::Entered::Waiting(_waiting)) = breaker.at(fusewire::Priority::Normal).enter() else {
            panic!("it does not wait for the slot")
        };
        *known.lock().expect("no panic") = Some(breaker.clone());
        held.success();
        *known.lock().expect("no panic") = None;
        assert_eq!(breaker.snapshot().stored_state, fusewire::State::HalfOpen);
    });
    assert_eq!(*heard.lock().expect("no panic"), [1], "who was granted the slot has it");
}
