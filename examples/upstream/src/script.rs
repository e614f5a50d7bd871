//! What the service does, and when.

use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

/// A list of phases played one after the other; the last one goes on after its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    phases: Vec<Phase>,
}

/// A stretch of time with one behaviour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// What `/phase`, `/stats` and `/phase/{name}` call it; unique in its script.
    pub name: String,
    /// How long it lasts, in seconds.
    pub seconds: f64,
    /// What `/work` does meanwhile.
    pub behaviour: Behaviour,
}

/// What `/work` does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Behaviour {
    /// Answers 200 after a short time.
    Ok {
        /// How long an answer takes.
        latency_ms: u64,
    },
    /// Answers with an error status at once.
    Error {
        /// The status, 400 to 599.
        #[serde(default = "unavailable")]
        status: u16,
    },
    /// Answers 200, but after so long that nobody waits for it.
    Slow {
        /// How long an answer takes.
        latency_ms: u64,
    },
    /// Answers 503 in the first half of every period and 200 in the second.
    Flapping {
        /// How long one round of failing and answering lasts.
        period_ms: u64,
        /// How long a good answer takes.
        latency_ms: u64,
    },
    /// Answers 200 after a short time, so many calls at once; the others wait in line, first come first served.
    Crowded {
        /// How long an answer takes, once it is the call's turn.
        latency_ms: u64,
        /// How many calls are answered at once.
        workers: u32,
    },
    /// As `crowded`, but the line has an end: a call that finds it full is answered 503 at once. And what has been taken
    /// on is worked off, whether its caller still waits or not.
    Backlog {
        /// How long an answer takes, once it is the call's turn.
        latency_ms: u64,
        /// How many calls are answered at once.
        workers: u32,
        /// How many may stand in line.
        line: u32,
    },
}

/// What one call gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How long the call waits for it.
    pub latency: Duration,
}

/// Why a script cannot be played: the phase, what is wrong with it and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError(String);

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScriptError {}

fn unavailable() -> u16 {
    503
}

impl Script {
    /// A script of these phases.
    pub fn new(phases: Vec<Phase>) -> Result<Self, ScriptError> {
        if phases.is_empty() {
            return Err(ScriptError("a script needs at least one phase".into()));
        }
        let mut names = HashSet::new();
        for phase in &phases {
            phase.check().map_err(|wrong| ScriptError(format!("phase {:?}: {wrong}", phase.name)))?;
            if !names.insert(&phase.name) {
                return Err(ScriptError(format!("phase {:?}: the name is used twice", phase.name)));
            }
        }
        Ok(Self { phases })
    }

    /// A script of one phase, which goes on for good.
    pub fn always(name: &str, behaviour: Behaviour) -> Result<Self, ScriptError> {
        Self::new(vec![Phase { name: name.into(), seconds: 1.0, behaviour }])
    }

    /// A script written as a JSON list of phases.
    pub fn from_json(text: &str) -> Result<Self, ScriptError> {
        let phases =
            serde_json::from_str(text).map_err(|e| ScriptError(format!("not a list of phases: {e}")))?;
        Self::new(phases)
    }

    /// The same script with all durations and periods multiplied; latencies stay what they are, since clients have
    /// timeouts.
    pub fn scaled(mut self, factor: f64) -> Result<Self, ScriptError> {
        for phase in &mut self.phases {
            phase.seconds *= factor;
            if let Behaviour::Flapping { period_ms, .. } = &mut phase.behaviour {
                *period_ms = ((*period_ms as f64 * factor).round() as u64).max(2);
            }
        }
        Self::new(self.phases)
    }

    /// The phases in order.
    pub fn phases(&self) -> &[Phase] {
        &self.phases
    }

    /// How long the whole script lasts.
    pub fn duration(&self) -> Duration {
        self.phases.iter().map(Phase::duration).sum()
    }

    /// The place of the phase with this name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.phases.iter().position(|phase| phase.name == name)
    }

    /// The place of the phase that plays `elapsed` after the start, and how long it has played.
    pub fn at(&self, elapsed: Duration) -> (usize, Duration) {
        let mut since = elapsed;
        let last = self.phases.len() - 1;
        for (index, phase) in self.phases[..last].iter().enumerate() {
            match since.checked_sub(phase.duration()) {
                Some(rest) => since = rest,
                None => return (index, since),
            }
        }
        (last, since)
    }
}

impl Default for Script {
    /// An outage of 45 seconds: healthy, errors, slow, flapping, recovered.
    fn default() -> Self {
        let phase = |name: &str, seconds, behaviour| Phase { name: name.into(), seconds, behaviour };
        Self {
            phases: vec![
                phase("healthy", 8.0, Behaviour::Ok { latency_ms: 20 }),
                phase("errors", 10.0, Behaviour::Error { status: 503 }),
                phase("slow", 10.0, Behaviour::Slow { latency_ms: 2_000 }),
                phase("flapping", 9.0, Behaviour::Flapping { period_ms: 3_000, latency_ms: 20 }),
                phase("recovered", 8.0, Behaviour::Ok { latency_ms: 20 }),
            ],
        }
    }
}

impl Phase {
    /// How long the phase lasts.
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    fn check(&self) -> Result<(), String> {
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        if !(1..=64).contains(&self.name.len()) || !self.name.bytes().all(letters) {
            return Err("a name has 1 to 64 of the characters a-z, 0-9, _ and -".into());
        }
        if !(0.001..=86_400.0).contains(&self.seconds) {
            return Err(format!("seconds is {}, allowed are 0.001 to 86400", self.seconds));
        }
        self.behaviour.check()
    }
}

impl Behaviour {
    /// What a call gets that arrives `elapsed` after the phase began.
    pub fn answer(&self, elapsed: Duration) -> Answer {
        let after = |status, ms| Answer { status, latency: Duration::from_millis(ms) };
        match *self {
            Self::Ok { latency_ms }
            | Self::Slow { latency_ms }
            | Self::Crowded { latency_ms, .. }
            | Self::Backlog { latency_ms, .. } => after(200, latency_ms),
            Self::Error { status } => after(status, 0),
            Self::Flapping { period_ms, latency_ms } => {
                let fails = elapsed.as_millis() % u128::from(period_ms) < u128::from(period_ms / 2);
                if fails { after(503, 0) } else { after(200, latency_ms) }
            }
        }
    }

    fn check(&self) -> Result<(), String> {
        let within = |key: &str, value: u64, min: u64, max: u64| match value {
            v if (min..=max).contains(&v) => Ok(()),
            v => Err(format!("{key} is {v}, allowed are {min} to {max}")),
        };
        match *self {
            Self::Ok { latency_ms } | Self::Slow { latency_ms } => {
                within("latency_ms", latency_ms, 0, 3_600_000)
            }
            Self::Error { status } => within("status", status.into(), 400, 599),
            Self::Flapping { period_ms, latency_ms } => {
                within("period_ms", period_ms, 2, 86_400_000)?;
                within("latency_ms", latency_ms, 0, 3_600_000)
            }
            Self::Crowded { latency_ms, workers } => {
                within("workers", workers.into(), 1, 10_000)?;
                within("latency_ms", latency_ms, 0, 3_600_000)
            }
            Self::Backlog { latency_ms, workers, line } => {
                within("workers", workers.into(), 1, 10_000)?;
                within("line", line.into(), 0, 10_000)?;
                within("latency_ms", latency_ms, 0, 3_600_000)
            }
        }
    }
}
