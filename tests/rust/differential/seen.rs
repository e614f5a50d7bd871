//! What happened, as all languages report it.

use fusewire::Registry;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// What was seen of one script; clones are the same.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    steps: Vec<Value>,
    is_tied: bool,
}

impl Seen {
    fn push(&self, step: Value) {
        self.0.lock().expect("nobody panics with it").steps.push(step);
    }

    /// The function is called; a stepper also knows which attempt it is, and its timeout.
    pub fn called(&self, at: u64) {
        self.push(json!({ "is": "call", "at": at }));
    }

    pub fn to_call(&self, at: u64, attempt: u32, timeout: Option<u64>) {
        self.push(json!({ "is": "call", "at": at, "attempt": attempt, "timeout": timeout }));
    }

    pub fn waits(&self, at: u64, nanos: u64) {
        self.push(json!({ "is": "wait", "at": at, "for": nanos }));
    }

    pub fn uses(&self, at: u64, rung: &str) {
        self.push(json!({ "is": "use", "at": at, "rung": rung }));
    }

    /// How a stepper says that the call ended.
    pub fn done(&self, at: u64, mut done: Value) {
        done["is"] = "done".into();
        done["at"] = at.into();
        self.push(done);
    }

    /// What who called has in the end.
    pub fn over(&self, at: u64, mut over: Value) {
        over["is"] = "over".into();
        over["at"] = at.into();
        self.push(over);
    }

    /// Everything that was counted, in the words of the metrics.
    pub fn reads(&self, at: u64, registry: &Registry) {
        let text = registry.metrics();
        let counted = |line: &&str| !line.starts_with('#') && !line.ends_with(" 0");
        let metrics: Vec<&str> = text.lines().filter(counted).collect();
        self.push(json!({ "is": "read", "at": at, "metrics": metrics }));
    }

    /// Two things happen in the same millisecond: which of them is first is not said.
    pub fn ties(&self) {
        self.0.lock().expect("nobody panics with it").is_tied = true;
    }

    pub fn is_tied(&self) -> bool {
        self.0.lock().expect("nobody panics with it").is_tied
    }

    /// `sees`: all `steps`, or from outside calls, rungs, ends and the `waits` between, or their `times` alone.
    pub fn report(&self, script: usize, way: &str, host: &str) -> Value {
        let sees = match way {
            "stepper" => "steps",
            _ if host == "thread" => "waits",
            _ => "times",
        };
        let steps = &self.0.lock().expect("nobody panics with it").steps;
        json!({ "script": script, "way": way, "host": host, "sees": sees, "steps": steps })
    }
}
