//! One case: a document that must be refused, or a breaker that is led through steps.

use crate::expect;
use crate::steps;
use crate::waits::Waits;
use fusewire::{
    Attempts, Builder, CircuitBreaker, ConfigError, Error, Events, ManualClock, OwnedPermit, PolicyEvents,
    Registry, RequestError, Settled,
};
use serde_json::Value;
use std::collections::HashMap;

/// What a case keeps from step to step.
pub struct Bench {
    pub registry: Registry,
    pub breaker: CircuitBreaker,
    pub clock: ManualClock,
    /// `None`: settled, or it waited and was turned away.
    pub permits: HashMap<String, Option<OwnedPermit>>,
    /// Calls that are made step by step.
    pub attempts: HashMap<String, Attempts<'static>>,
    /// Calls in a queue.
    pub waits: Waits,
    pub events: Events,
    pub policy_events: PolicyEvents,
    pub acquires: u64,
    /// When the last rejection said that the answer can differ.
    pub retry_at: Option<u64>,
    pub service: String,
}

pub fn run(case: &Value) -> Result<(), String> {
    let service = case["service"].as_str().unwrap_or("case");
    let clock = ManualClock::new();
    let registry = Registry::with_clock(clock.clone());
    if let Some(document) = case.get("invalid_config") {
        let built = build(&registry, service, document);
        return match built {
            Ok(_) => Err("the document was accepted".to_owned()),
            Err(e) => refused(&e, &case["error"]),
        };
    }
    let breaker = build(&registry, service, &case["config"]).map_err(|e| e.to_string())?;
    let mut bench = Bench {
        events: breaker.events(1_000_000),
        policy_events: breaker.policy_events(1_000_000),
        registry,
        breaker,
        clock,
        permits: HashMap::new(),
        attempts: HashMap::new(),
        waits: Waits::default(),
        acquires: 0,
        retry_at: None,
        service: service.to_owned(),
    };
    let steps = case["steps"].as_array().ok_or("no steps")?;
    for (number, step) in steps.iter().enumerate() {
        steps::run(&mut bench, step).map_err(|e| format!("step {}: {e}", number + 1))?;
    }
    Ok(())
}

fn build(registry: &Registry, service: &str, document: &Value) -> Result<CircuitBreaker, Error> {
    registry.get_or_create_json(service, &document.to_string())
}

/// Something that was refused because it was asked for wrongly.
pub struct Wrong {
    pub key: String,
    pub message: String,
}

impl From<ConfigError> for Wrong {
    fn from(e: ConfigError) -> Self {
        Wrong { key: e.key().to_owned(), message: e.to_string() }
    }
}

impl From<RequestError> for Wrong {
    fn from(e: RequestError) -> Self {
        Wrong { key: e.field().to_owned(), message: e.to_string() }
    }
}

/// Whether an error is the one that is expected.
pub fn refused(error: &Error, expected: &Value) -> Result<(), String> {
    match error {
        Error::Config(e) => is_expected(&e.clone().into(), expected),
        other => Err(format!("expected a configuration error, got: {other}")),
    }
}

/// Whether what may be refused came out as is expected, with an error or without.
pub fn came_out<T>(result: Result<T, impl Into<Wrong>>, expected: Option<&Value>) -> Result<(), String> {
    match (result.map_err(Into::into), expected) {
        (Ok(_), None) => Ok(()),
        (Err(wrong), Some(expected)) => is_expected(&wrong, expected),
        (Ok(_), Some(expected)) => Err(format!("expected the error {expected}")),
        (Err(wrong), None) => Err(wrong.message),
    }
}

fn is_expected(wrong: &Wrong, expected: &Value) -> Result<(), String> {
    expect::equal("error.key", &expected["key"], &wrong.key.as_str().into())?;
    let message = &wrong.message;
    for text in expected["contains"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !message.contains(text) {
            return Err(format!("expected the error to contain {text:?}, got: {message}"));
        }
    }
    Ok(())
}

/// The document of a step as a builder.
pub fn document(value: &Value) -> Result<Builder, ConfigError> {
    Builder::from_json(&value.to_string())
}

pub fn settled_name(settled: Settled) -> &'static str {
    settled.name()
}
