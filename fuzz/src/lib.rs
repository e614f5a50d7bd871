//! What is fuzzed. Each target is a function from bytes that panics when something does not hold; libFuzzer
//! (`fuzz_targets/`) and the driver (`driver.rs`) call the same functions.

pub mod document;
mod documents;
mod invariants;
pub mod operations;

/// A target.
pub type Target = fn(&[u8]);

/// The targets by name.
pub const TARGETS: [(&str, Target); 2] = [("document", document::run), ("operations", operations::run)];
