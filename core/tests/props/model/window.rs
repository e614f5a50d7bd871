//! §4: what a window holds and when it says that the breaker opens.

use std::collections::VecDeque;

use super::config::{AdaptivePlan, WHOLE, WindowKind, WindowPlan};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub total: u64,
    pub failures: u64,
    pub slow: u64,
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.total += other.total;
        self.failures += other.failures;
        self.slow += other.slow;
    }
}

#[derive(Clone, Debug)]
pub enum Window {
    Count { size: u64, outcomes: VecDeque<Counts> },
    Time { width: u64, places: Vec<Option<Bucket>> },
}

#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    number: u64,
    counts: Counts,
}

impl Window {
    pub fn new(plan: &WindowPlan) -> Window {
        match plan.kind {
            WindowKind::Count { size } => Window::Count { size, outcomes: VecDeque::new() },
            WindowKind::Time { width, buckets } => {
                Window::Time { width, places: vec![None; buckets as usize] }
            }
        }
    }

    /// Takes one outcome; gives back what an older bucket held whose place the outcome's bucket took.
    pub fn record(&mut self, failed: bool, slow: bool, now: u64) -> Option<Counts> {
        let outcome = Counts { total: 1, failures: u64::from(failed), slow: u64::from(slow) };
        match self {
            Window::Count { size, outcomes } => {
                outcomes.push_back(outcome);
                if outcomes.len() as u64 > *size {
                    outcomes.pop_front();
                }
                None
            }
            Window::Time { width, places } => {
                let number = now / *width;
                let place_number = (number % places.len() as u64) as usize;
                let place = &mut places[place_number];
                let displaced = place.take_if(|bucket| bucket.number != number);
                place.get_or_insert(Bucket { number, counts: Counts::default() }).counts.add(outcome);
                displaced.map(|bucket| bucket.counts)
            }
        }
    }

    pub fn counts(&self, now: u64) -> Counts {
        let mut sum = Counts::default();
        match self {
            Window::Count { outcomes, .. } => outcomes.iter().for_each(|outcome| sum.add(*outcome)),
            Window::Time { width, places } => {
                let current = now / width;
                for bucket in places.iter().flatten() {
                    if current.saturating_sub(bucket.number) < places.len() as u64 {
                        sum.add(bucket.counts);
                    }
                }
            }
        }
        sum
    }
}

/// The cause of opening, when `counts` call for it; `learned` is the failure share an adaptive window knows.
pub fn cause_to_open(plan: &WindowPlan, counts: Counts, learned: f64) -> Option<&'static str> {
    if counts.total < plan.min_calls {
        return None;
    }
    let too_many_failures = match &plan.adaptive {
        None => reaches(counts.failures, plan.failure_rate, counts.total),
        Some(adaptive) => {
            counts.failures >= adaptive.min_failures
                && counts.failures as f64
                    >= threshold(plan, adaptive, learned, counts.total) * counts.total as f64
        }
    };
    if too_many_failures {
        return Some("failure_rate");
    }
    let too_many_slow = plan.slow_call_rate.is_some_and(|rate| reaches(counts.slow, rate, counts.total));
    too_many_slow.then_some("slow_call_rate")
}

fn reaches(part: u64, rate: u64, total: u64) -> bool {
    part * WHOLE >= rate * total
}

/// Theta: the failure share at which an adaptive window opens.
pub fn threshold(plan: &WindowPlan, adaptive: &AdaptivePlan, learned: f64, total: u64) -> f64 {
    let spread = (learned * (1.0 - learned) / total as f64).sqrt();
    let above_learned = learned + fraction(adaptive.sensitivity) * spread;
    fraction(plan.failure_rate).min(fraction(adaptive.floor).max(above_learned))
}

/// The learned share after a bucket with `counts` has given its place to a later one.
pub fn learn(adaptive: &AdaptivePlan, learned: f64, counts: Counts) -> f64 {
    let n = counts.total as f64;
    learned + (counts.failures as f64 / n - learned) * n / (n + adaptive.memory_calls as f64)
}

pub fn fraction(ten_thousandths: u64) -> f64 {
    ten_thousandths as f64 / WHOLE as f64
}
