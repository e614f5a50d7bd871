//! Which calls come when: drawn once from a seed, the same for every run.

use fusewire::Priority;
use std::time::Duration;

/// Levels and their share of the calls, in percent.
pub const MIX: [(Priority, u64); 5] = [
    (Priority::Critical, 5),
    (Priority::High, 15),
    (Priority::Normal, 40),
    (Priority::Low, 20),
    (Priority::Bulk, 20),
];

/// Calls in the order in which they come.
pub struct Plan {
    pub calls: Vec<(Duration, Priority)>,
    pub length: Duration,
}

impl Plan {
    /// As many calls a second on average, at random instants and independent of each other.
    pub fn new(rate: f64, length: Duration, seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(2).wrapping_add(1));
        let mut calls = Vec::new();
        let mut at = 0.0;
        loop {
            at -= (1.0 - dice.share()).ln() / rate;
            if at >= length.as_secs_f64() {
                return Plan { calls, length };
            }
            calls.push((Duration::from_secs_f64(at), level(dice.next() % 100)));
        }
    }
}

fn level(mut percent: u64) -> Priority {
    for (level, share) in MIX {
        match percent.checked_sub(share) {
            None => return level,
            Some(rest) => percent = rest,
        }
    }
    Priority::Bulk
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 up to, but not including, 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_the_same_for_the_same_seed_and_keeps_to_rate_and_mix() {
        let plan = || Plan::new(600.0, Duration::from_secs(100), 7);
        assert_eq!(plan().calls, plan().calls);
        assert_ne!(plan().calls, Plan::new(600.0, Duration::from_secs(100), 8).calls);
        let calls = plan().calls;
        assert!((59_000..61_000).contains(&calls.len()), "{}", calls.len());
        assert!(calls.is_sorted_by_key(|(at, _)| *at));
        for (level, share) in MIX {
            let percent =
                calls.iter().filter(|(_, l)| *l == level).count() as f64 / calls.len() as f64 * 100.0;
            assert!((percent - share as f64).abs() < 1.0, "{percent} % are {level:?}");
        }
    }
}
