//! The rules around the call, each by itself.

mod cache;
mod coalesce;
mod fallback;
mod flights;
mod hedge;

use proptest::test_runner::Config;

/// So many cases, or `PROPTEST_CASES`.
fn cases(usual: u32) -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok());
    Config { failure_persistence: None, ..Config::with_cases(cases.unwrap_or(usual)) }
}
