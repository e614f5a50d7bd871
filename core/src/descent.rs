//! Calls that fall back on other breakers, and those on others: none comes back to where one began.

use crate::breaker::CircuitBreaker;
use crate::error::ConfigError;
use crate::policy::fallback::Cycle;
use std::cell::RefCell;

const FALLBACK: &str = "fallback";

/// What is wrong with breakers that fall back on each other.
pub(crate) fn cycle_error(cycle: &Cycle) -> ConfigError {
    let allowed = "names of breakers that do not fall back to each other";
    ConfigError::new(FALLBACK, cycle.to_string(), allowed)
}

/// Whether a rung may go through `to`, asked by the last of these breakers: in one call each is in the middle of asking a
/// rung, the outermost first.
///
/// # Errors
/// When it is one of them: names the cycle.
pub(crate) fn check(chain: &[CircuitBreaker], to: &CircuitBreaker) -> Result<(), ConfigError> {
    let Some(first) = chain.iter().position(|asking| std::ptr::eq(&*asking.0, &*to.0)) else { return Ok(()) };
    let names = chain[first..].iter().chain([to]).map(|breaker| breaker.name().into());
    Err(cycle_error(&Cycle::new(names.collect())))
}

thread_local! {
    /// The breakers whose rungs this thread is in the middle of asking, in one call.
    static CHAIN: RefCell<Descent> = const { RefCell::new(Descent(Vec::new())) };
}

/// The breakers that are in the middle of asking a rung in one call, the outermost first.
#[derive(Clone)]
pub(crate) struct Descent(Vec<CircuitBreaker>);

impl Descent {
    /// That of this thread, and `from`, which asks a rung now; through `to`, if it is a breaker's.
    ///
    /// # Errors
    /// As for `check`.
    pub(crate) fn enter(from: &CircuitBreaker, to: Option<&CircuitBreaker>) -> Result<Self, ConfigError> {
        let mut chain = CHAIN.with_borrow(|chain| chain.0.clone());
        chain.push(from.clone());
        to.map_or(Ok(()), |to| check(&chain, to)).map(|()| Descent(chain))
    }

    /// Runs what belongs to the rung.
    pub(crate) fn within<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Restore(Descent);
        impl Drop for Restore {
            fn drop(&mut self) {
                CHAIN.with_borrow_mut(|chain| std::mem::swap(chain, &mut self.0));
            }
        }
        let _restore = Restore(CHAIN.with_borrow_mut(|chain| std::mem::replace(chain, self.clone())));
        f()
    }
}
