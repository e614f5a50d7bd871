//! The policies around the call against sequential models that were written from their text alone.

mod budget;
mod retry;
mod timeout;
mod wait;

use proptest::test_runner::Config;

const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

fn config() -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() }
}
