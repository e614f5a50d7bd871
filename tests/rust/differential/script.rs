//! A script: a document, and calls one after the other. Durations are whole milliseconds.

use serde_json::Value;
use std::time::Duration;

pub struct Script {
    /// The breaker's document, as text.
    pub document: String,
    pub calls: Vec<Call>,
}

pub struct Call {
    /// `method`, `idempotent`, `feature`, `key`, and `deadline`: so long after the call begins.
    pub request: Value,
    /// What its attempts do, the last of it again and again.
    pub acts: Vec<Act>,
    /// Those of its rungs that answer.
    pub rungs: Vec<String>,
    /// What happens after it.
    pub then: Vec<Value>,
}

/// What one attempt does.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    pub takes: Duration,
    /// `success`, `failure` or `ignored`.
    pub outcome: String,
    pub error_type: Option<String>,
    pub status: Option<u16>,
    /// What the error asks to wait.
    pub retry_after: Option<Duration>,
}

pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    value.as_array().ok_or(format!("{value} is no list"))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

impl Script {
    pub fn read(given: &Value) -> Result<Self, String> {
        let calls = list(&given["calls"])?.iter().map(Call::read).collect::<Result<_, _>>()?;
        Ok(Script { document: given["document"].to_string(), calls })
    }
}

impl Call {
    fn read(given: &Value) -> Result<Self, String> {
        Ok(Call {
            request: given["request"].clone(),
            acts: list(&given["acts"])?.iter().map(Act::read).collect::<Result<_, _>>()?,
            rungs: list(&given["rungs"])?.iter().filter_map(text).collect(),
            then: list(&given["then"])?.clone(),
        })
    }

    /// What the function does when it is called for the n-th time, from 1.
    pub fn act(&self, n: usize) -> &Act {
        &self.acts[n.min(self.acts.len()) - 1]
    }
}

impl Act {
    fn read(given: &Value) -> Result<Self, String> {
        Ok(Act {
            takes: ms(given["takes"].as_u64().ok_or("an act takes some time")?),
            outcome: text(&given["outcome"]).ok_or("an act has an outcome")?,
            error_type: text(&given["error_type"]),
            status: given["status"].as_u64().map(|status| status as u16),
            retry_after: given["retry_after"].as_u64().map(ms),
        })
    }
}
