//! The guarded function: as small as a function can be while the compiler cannot see through it.

use std::error::Error;
use std::fmt;
use std::hint::black_box;

/// What the guarded function fails with.
#[derive(Debug, Clone, Copy)]
pub struct Failure;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the guarded function failed")
    }
}

impl Error for Failure {}

/// A request that succeeds.
pub const GOOD: u64 = 42;
/// The request that fails.
pub const BAD: u64 = 0;

/// The bare call: gives the request back.
#[inline(never)]
pub fn work(request: u64) -> Result<u64, Failure> {
    match black_box(request) {
        BAD => Err(Failure),
        good => Ok(good),
    }
}
