//! The live timeline: one line for every tick.

use crate::load::{Call, Ending, Protection};
use fusewire_upstream::Phase;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

pub const HEAD: &str =
    "  time  phase      state      calls/s  upstream/s  failures/s  rejected/s       p50       p99";

/// What happened between two ticks.
pub struct Sample {
    /// Its end, after the start of the run.
    pub at: Duration,
    phase: String,
    state: String,
    calls: f64,
    /// Calls per second that the upstream received, by its own account.
    pub reached: f64,
    /// Calls per second that users saw fail, those rejected among them.
    failures: f64,
    /// Calls per second that the breaker turned away.
    rejected: f64,
    /// Calls per second that the upstream received in vain.
    pub wasted: f64,
    p50: Option<Duration>,
    pub p99: Option<Duration>,
}

impl Sample {
    pub fn new(
        phase: &Phase,
        protection: &Protection,
        time: Range<Duration>,
        received: u64,
        calls: &[Call],
    ) -> Self {
        let seconds = (time.end - time.start).as_secs_f64();
        let per_second = |count: usize| count as f64 / seconds;
        let ended = |ending| per_second(calls.iter().filter(|call| call.ending == ending).count());
        let latencies = Latencies::new(calls.iter());
        Self {
            at: time.end,
            phase: phase.name.clone(),
            state: match protection {
                Protection::None => "-".into(),
                Protection::Breaker(guard) => guard.state().to_string(),
            },
            calls: per_second(calls.len()),
            reached: received as f64 / seconds,
            failures: ended(Ending::Failed) + ended(Ending::Rejected),
            rejected: ended(Ending::Rejected),
            wasted: ended(Ending::Failed),
            p50: latencies.percentile(50),
            p99: latencies.percentile(99),
        }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:6.1}  {:<9}  {:<9}  {:7.0}  {:10.0}  {:10.0}  {:10.0}  {:>8}  {:>8}",
            self.at.as_secs_f64(),
            self.phase,
            self.state,
            self.calls,
            self.reached,
            self.failures,
            self.rejected,
            millis(self.p50),
            millis(self.p99)
        )
    }
}

/// Latencies in order.
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn new<'a>(calls: impl Iterator<Item = &'a Call>) -> Self {
        let mut latencies: Vec<Duration> = calls.map(|call| call.latency).collect();
        latencies.sort_unstable();
        Self(latencies)
    }

    /// The smallest that at least this share of all do not exceed; absent when there are none.
    pub fn percentile(&self, percent: usize) -> Option<Duration> {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied()
    }
}

pub fn millis(latency: Option<Duration>) -> String {
    latency.map_or("-".into(), |latency| format!("{:.1} ms", latency.as_secs_f64() * 1e3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latencies(count: u64) -> Latencies {
        Latencies((1..=count).map(Duration::from_millis).collect())
    }

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        assert_eq!(latencies(100).percentile(50), Some(Duration::from_millis(50)));
        assert_eq!(latencies(100).percentile(99), Some(Duration::from_millis(99)));
        assert_eq!(latencies(3).percentile(50), Some(Duration::from_millis(2)));
        assert_eq!(latencies(1).percentile(1), Some(Duration::from_millis(1)));
        assert_eq!(latencies(0).percentile(99), None);
    }
}
