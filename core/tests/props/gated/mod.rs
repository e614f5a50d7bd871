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

#[test]
fn a_breaker_with_gates_does_what_the_model_does() {
    let coverage = RefCell::new(Coverage::default());
    let config = Config { cases: config().cases.min(CASES).max(config().cases / 2), ..config() };
    let cases = config.cases;
    let ran = TestRunner::new(config).run(&scenario(), |scenario| {
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
    if cases >= CASES {
        coverage.borrow().assert_complete();
    }
}
