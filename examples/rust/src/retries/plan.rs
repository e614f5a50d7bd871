//! Which calls come when: at a steady pace within each phase, the same for every run.

use super::{CALM, CAPACITY, OVERLOAD};
use std::time::Duration;

const BEFORE: Duration = Duration::from_secs(2);
const AFTER: Duration = Duration::from_secs(4);

/// A stretch of the run with one offered load.
pub struct Phase {
    /// In the table, and what the upstream counts its calls under.
    pub name: &'static str,
    pub length: Duration,
    /// Calls a second.
    pub rate: f64,
}

pub struct Plan {
    pub phases: [Phase; 3],
}

impl Plan {
    pub fn new(brown_out: Duration) -> Self {
        let phase = |name, length, share: f64| Phase { name, length, rate: CAPACITY * share };
        let phases = [
            phase("before", BEFORE, CALM),
            phase("brown-out", brown_out, OVERLOAD),
            phase("after", AFTER, CALM),
        ];
        Plan { phases }
    }

    pub fn brown_out(&self) -> Duration {
        self.phases[1].length
    }

    pub fn length(&self) -> Duration {
        self.phases.iter().map(|phase| phase.length).sum()
    }

    /// When each call begins, and the place of the phase it is of, in order.
    pub fn calls(&self) -> Vec<(Duration, usize)> {
        let mut calls = Vec::new();
        let mut from = Duration::ZERO;
        for (place, phase) in self.phases.iter().enumerate() {
            let count = (phase.length.as_secs_f64() * phase.rate) as u32;
            let at = |number: u32| from + Duration::from_secs_f64(f64::from(number) / phase.rate);
            calls.extend((0..count).map(|number| (at(number), place)));
            from += phase.length;
        }
        calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_offers_half_the_capacity_then_a_fifth_more_than_it_then_half_again() {
        let calls = Plan::new(Duration::from_secs(5)).calls();
        let of = |phase| calls.iter().filter(|(_, p)| *p == phase).count();
        assert_eq!([of(0), of(1), of(2)], [200, 1_200, 400]);
        assert!(calls.is_sorted());
        assert_eq!(calls[200], (Duration::from_secs(2), 1));
        assert_eq!(calls[1_400], (Duration::from_secs(7), 2));
    }
}
