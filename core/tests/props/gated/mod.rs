//! The gates around the breaker, likewise: random documents with gates, random requests, waits and operators.

mod bench;
mod by_hand;
mod coverage;
mod documents;
mod steps;
mod words;

use crate::config;
use bench::Bench;
use coverage::{CASES, Coverage};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::cell::RefCell;
use steps::scenario;

/// So many times as many scenarios at most until each thing was seen.
const ROUNDS: u32 = 10;

#[test]
fn a_breaker_with_gates_does_what_the_model_does() {
    let coverage = RefCell::new(Coverage::default());
    let config = Config { cases: config().cases.min(CASES).max(config().cases / 2), ..config() };
    let cases = config.cases;
    // What is rare is waited for: another share of scenarios until all of it was seen.
    for _ in 0..ROUNDS {
        run(&config, &coverage);
        if cases < CASES || coverage.borrow().missing().is_empty() {
            break;
        }
    }
    if cases >= CASES {
        coverage.borrow().assert_complete();
    }
}

fn run(config: &Config, coverage: &RefCell<Coverage>) {
    let ran = TestRunner::new(config.clone()).run(&scenario(), |scenario| {
        let mut bench = Bench::new(&scenario.document(0, 0))?;
        let mut coverage = coverage.borrow_mut();
        for (number, (step, leaves)) in scenario.steps.iter().enumerate() {
            let at = |e: TestCaseError| TestCaseError::fail(format!("step {number}, {step:?}: {e}"));
            bench.run(step, &scenario).map_err(at)?;
            bench.fire_timers();
            bench.end_waits(*leaves, &mut coverage).map_err(at)?;
            bench.compare(&mut coverage).map_err(at)?;
        }
        Ok(())
    });
    if let Err(e) = ran {
        panic!("{e}");
    }
}
