//! The runner of the vectors finds what is written wrong in them, and a runner that checks nothing is found out. The other
//! languages' runners are asked the same by `ci/vectors.sh`.

use std::process::Command;

fn wrong_vectors(arguments: &[&str]) -> Option<i32> {
    let status = Command::new(env!("CARGO_BIN_EXE_wrong-vectors")).args(arguments).status();
    status.expect("it was built").code()
}

const RUNNER: &str = env!("CARGO_BIN_EXE_run-vectors-rust");
const ADMISSION: [&str; 2] = ["--vectors", concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/admission")];
const RECOVERY: [&str; 2] = ["--vectors", concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/recovery")];

#[test]
fn every_expectation_that_is_written_wrong_is_found() {
    assert_eq!(wrong_vectors(&[RUNNER]), Some(0));
}

#[test]
fn every_expectation_of_admission_that_is_written_wrong_is_found() {
    let [vectors, folder] = ADMISSION;
    assert_eq!(wrong_vectors(&[vectors, folder, RUNNER]), Some(0));
}

#[test]
fn every_expectation_of_recovery_that_is_written_wrong_is_found() {
    let [vectors, folder] = RECOVERY;
    assert_eq!(wrong_vectors(&[vectors, folder, RUNNER]), Some(0));
}

#[test]
fn a_runner_that_checks_nothing_is_found_out() {
    assert_eq!(wrong_vectors(&["true"]), Some(1));
}
