//! The breaker against a sequential model that was written from the text of the semantics alone: random valid
//! documents, random operations, every answer, every event and the whole snapshot compared after every step.
//!
//! `PROPTEST_CASES` sets how many scenarios are tried.

#![allow(missing_docs)]

mod around;
mod bench;
mod coverage;
mod documents;
mod gated;
mod model;
mod steps;
mod words;

use bench::Bench;
use coverage::Coverage;
use documents::{detector, document, rest};
use fusewire::Registry;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::cell::RefCell;
use steps::scenario;

const CASES: u32 = 2_000;

pub fn config() -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(CASES);
    Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() }
}

#[test]
fn the_breaker_does_what_the_model_does() {
    let coverage = RefCell::new(Coverage::default());
    let config = config();
    let cases = config.cases;
    let ran = TestRunner::new(config).run(&scenario(), |scenario| {
        let mut bench = Bench::new(&document(&scenario.detectors[0], &scenario.rests[0]))?;
        bench.compare(false, &mut coverage.borrow_mut())?;
        for (number, step) in scenario.steps.iter().enumerate() {
            let at = |e: TestCaseError| TestCaseError::fail(format!("step {number}, {step:?}: {e}"));
            bench.run(step, &scenario).map_err(at)?;
            bench.compare(step.is_by_hand(), &mut coverage.borrow_mut()).map_err(at)?;
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

#[test]
fn a_breaker_tells_its_document_and_the_document_builds_the_same_breaker() {
    let config = Config { cases: config().cases / 10, ..config() };
    let strategy = (detector(), rest());
    let ran = TestRunner::new(config).run(&strategy, |(detector, rest)| {
        let (written, registry) = (document(&detector, &rest).to_string(), Registry::new());
        let breaker = registry.get_or_create_json("props", &written);
        prop_assert!(breaker.is_ok(), "{written}: {breaker:?}");
        let full = breaker.map(|b| b.document()).unwrap_or_default();
        let again = registry.get_or_create_json("props", &full);
        prop_assert!(again.is_ok(), "{written} became {full}: {again:?}");
        prop_assert_eq!(again.map(|b| b.document()).unwrap_or_default(), full);
        Ok(())
    });
    if let Err(e) = ran {
        panic!("{e}");
    }
}
