//! What `tracing` hears of a breaker.

#![allow(missing_docs)]

use fusewire::{By, CircuitBreaker, ManualClock};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber, field, info_span};

type Fields = BTreeMap<String, String>;

#[derive(Default)]
struct Heard {
    events: Mutex<Vec<(Level, Fields)>>,
    spans: Mutex<BTreeMap<u64, Fields>>,
    /// Spans that were entered, innermost last.
    entered: Mutex<Vec<(u64, &'static Metadata<'static>)>>,
    spans_made: AtomicU64,
}

/// Keeps what it hears.
#[derive(Clone, Default)]
struct Ear(Arc<Heard>);

struct Into<'f>(&'f mut Fields);

impl Visit for Into<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl Subscriber for Ear {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = self.0.spans_made.fetch_add(1, SeqCst) + 1;
        let mut fields = Fields::new();
        span.record(&mut Into(&mut fields));
        self.0.spans.lock().expect("no panic").insert(id, fields);
        self.0.entered.lock().expect("no panic").push((id, span.metadata()));
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut spans = self.0.spans.lock().expect("no panic");
        values.record(&mut Into(spans.entry(span.into_u64()).or_default()));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        if event.metadata().target() == "fusewire" {
            let mut fields = Fields::new();
            event.record(&mut Into(&mut fields));
            self.0.events.lock().expect("no panic").push((*event.metadata().level(), fields));
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}

    fn current_span(&self) -> tracing_core_current::Current {
        match self.0.entered.lock().expect("no panic").last() {
            Some((id, metadata)) => tracing_core_current::Current::new(Id::from_u64(*id), metadata),
            None => tracing_core_current::Current::none(),
        }
    }
}

mod tracing_core_current {
    pub use tracing::subscriber::*;
}
