//! The conformance vectors as a test among others, for `cargo test` and for cargo-mutants.

use std::process::Command;

#[test]
fn every_vector_passes() {
    let status = Command::new(env!("CARGO_BIN_EXE_run-vectors-rust")).status();
    assert!(status.expect("the runner was built").success());
}
