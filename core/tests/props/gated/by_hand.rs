//! What operators and waiters do, to both.

use super::bench::Bench;
use super::steps::{Scenario, Step};
use crate::model::gates::RateRule;
use fusewire::{Builder, By, Priority, SlotTable};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

fn by() -> By {
    By::parts(Some("operator"), Some("to see what happens"))
}

/// Reservations for some levels, by a number.
fn reserved(number: usize, max: u64) -> [u64; 5] {
    let mut left = max;
    std::array::from_fn(|level| {
        let slots = if number >> level & 1 == 1 { left.min(1) } else { 0 };
        left -= slots;
        slots
    })
}

impl Bench {
    pub fn operate(&mut self, step: &Step, scenario: &Scenario) -> TestCaseResult {
        let now = self.now();
        match step {
            Step::Cancel { waiter } if !self.waits.is_empty() => {
                let (id, waiting) = self.waits.remove(waiter % self.waits.len());
                drop(waiting);
                self.model.cancel(id);
                self.noted.push("wait: cancelled");
            }
            Step::Raise { waiter, level } if !self.waits.is_empty() => {
                let (id, waiting) = &self.waits[waiter % self.waits.len()];
                waiting.raise(Priority::ALL[*level]);
                self.model.raise(*id, *level, now);
                self.noted.push("wait: raised");
            }
            Step::Poll => {
                self.breaker.poll();
                self.model.with_machine(|machine| machine.poll(now), now);
            }
            Step::Trip => {
                prop_assert!(self.breaker.trip(None, by()).is_ok());
                self.model.with_machine(|machine| machine.trip(None, now), now);
            }
            Step::HalfOpen => {
                self.breaker.half_open(by());
                self.model.with_machine(|machine| machine.half_open(now), now);
            }
            Step::Reset => {
                self.breaker.reset(by());
                self.model.with_machine(|machine| machine.reset(now), now);
            }
            Step::SetMode(mode) => {
                self.breaker.set_mode(*mode, by());
                self.model.with_machine(|machine| machine.set_mode(mode.name(), now), now);
            }
            Step::Reconfigure { machine, gates } => {
                let document = scenario.document(*machine, *gates);
                let done =
                    Builder::from_json(&document.to_string()).and_then(|b| self.breaker.reconfigure(b, by()));
                prop_assert_eq!(
                    done.ok(),
                    Some(self.model.reconfigure(&document, now)),
                    "whether it changed"
                );
                self.learn(&document);
            }
            step => return self.govern(step),
        }
        Ok(())
    }

    fn govern(&mut self, step: &Step) -> TestCaseResult {
        let now = self.now();
        let (done, expected) = match step {
            Step::SetMin { level } => (
                self.breaker.set_min_priority(Priority::ALL[*level], by()),
                self.model.set_min_priority(*level, now),
            ),
            Step::SetSlots { max, reserved: number } => {
                let reserved = reserved(*number, *max);
                let table = SlotTable { max_concurrent: *max, reserved };
                (self.breaker.set_slots(table, by()), self.model.set_slots(*max, reserved, now))
            }
            Step::SetLimit { to } => (self.breaker.set_limit(*to, by()), self.model.set_limit(*to, now)),
            Step::SetRate { to } => {
                let to = self.other_rate(*to);
                (self.breaker.set_rate(to, by()), self.model.set_rate(to, now))
            }
            Step::Close => (Ok(self.breaker.close(by())), Some(self.model.close(now))),
            _ => return Ok(()),
        };
        prop_assert_eq!(done.ok(), expected, "whether it changed");
        Ok(())
    }

    /// A rate that can be set.
    fn other_rate(&self, number: usize) -> f64 {
        match self.model.rate_rule() {
            Some(RateRule::Sliding { limit, .. }) => (1 + number as u64 % limit) as f64,
            Some(RateRule::Fixed { .. }) => (1 + number % 8) as f64,
            _ if self.model.has_adaptive_rate() => 1_000.0,
            _ => [0.5, 2.0, 3.0, 50.0][number % 4],
        }
    }
}
