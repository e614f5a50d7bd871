//! The state of the gates against sequential models that were written from the text of the policies alone.

mod limit;
mod pace;
mod ring;

use proptest::test_runner::Config;

pub(super) fn config() -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() }
}
