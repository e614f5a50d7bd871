//! The numbers of the demo.

use crate::args::Args;
use fusewire_upstream::{Behaviour, Phase, Script};
use std::time::Duration;

/// What both runs have in common.
pub struct Setting {
    pub script: Script,
    pub rate: u32,
    pub tasks: u32,
    /// How often the timeline shows a line: a second of the unscaled script.
    pub tick: Duration,
    /// How long a call waits for its answer. It is not scaled, since latencies are not.
    pub timeout: Duration,
    pub failure_threshold: u32,
    pub recovery_timeout: Duration,
    pub shadow: bool,
}

impl Setting {
    pub fn new(args: &Args) -> Result<Self, String> {
        Ok(Self {
            script: Script::default().scaled(args.scale).map_err(|e| e.to_string())?,
            rate: args.rate,
            tasks: args.tasks,
            tick: Duration::from_secs(1).mul_f64(args.scale),
            timeout: Duration::from_millis(150),
            failure_threshold: 5,
            recovery_timeout: Duration::from_secs(2).mul_f64(args.scale),
            shadow: args.shadow,
        })
    }

    pub fn describe(&self, url: &str) -> String {
        format!(
            "Two runs of {:.1} s against {url}: {} calls per second from {} tasks, each with a timeout of {} ms.\n\
             The breaker opens after {} failures in a row and probes {:.1} s later.",
            self.script.duration().as_secs_f64(),
            self.rate,
            self.tasks,
            self.timeout.as_millis(),
            self.failure_threshold,
            self.recovery_timeout.as_secs_f64(),
        )
    }

    /// The phase that plays `at` after the start.
    pub fn phase(&self, at: Duration) -> &Phase {
        &self.script.phases()[self.script.at(at).0]
    }

    /// The phases in which no call can succeed.
    pub fn outage(&self) -> impl Iterator<Item = &Phase> {
        self.script.phases().iter().filter(|phase| match phase.behaviour {
            Behaviour::Error { .. } => true,
            Behaviour::Ok { latency_ms }
            | Behaviour::Slow { latency_ms }
            | Behaviour::Crowded { latency_ms, .. }
            | Behaviour::Backlog { latency_ms, .. } => Duration::from_millis(latency_ms) > self.timeout,
            Behaviour::Flapping { .. } => false,
        })
    }
}
