//! The conformance vectors as a test among others, for `cargo test` and for cargo-mutants.

use std::process::Command;

fn run(arguments: &[&str]) -> bool {
    let status = Command::new(env!("CARGO_BIN_EXE_run-vectors-rust")).args(arguments).status();
    status.expect("the runner was built").success()
}

#[test]
fn every_vector_passes() {
    assert!(run(&[]));
}

#[test]
fn every_vector_of_admission_passes() {
    assert!(run(&["--vectors", concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/admission")]));
}

#[test]
fn every_vector_of_recovery_passes() {
    assert!(run(&["--vectors", concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/recovery")]));
}
