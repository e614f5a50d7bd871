//! The conformance vectors as a test among others, for `cargo test` and for cargo-mutants.

use std::process::Command;

#[test]
fn every_vector_passes() {
    let status = Command::new(env!("CARGO_BIN_EXE_run-vectors-rust")).status();
    assert!(status.expect("the runner was built").success());
}

#[test]
fn every_expectation_that_is_written_wrong_is_found() {
    let runner = env!("CARGO_BIN_EXE_run-vectors-rust");
    let status = Command::new(env!("CARGO_BIN_EXE_wrong-vectors")).arg(runner).status();
    assert!(status.expect("it was built").success());
}

#[test]
fn a_runner_that_checks_nothing_is_found_out() {
    let status = Command::new(env!("CARGO_BIN_EXE_wrong-vectors")).arg("true").status();
    assert_eq!(status.expect("it was built").code(), Some(1));
}
