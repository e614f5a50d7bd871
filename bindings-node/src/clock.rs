//! A clock that tests move by hand.

use napi_derive::napi;
use std::time::Duration;

/// A clock that moves only when it is told to.
#[napi]
pub struct NativeClock(pub(crate) fusewire::ManualClock);

#[napi]
impl NativeClock {
    /// A clock that stands at 0.
    #[napi(constructor)]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        NativeClock(fusewire::ManualClock::new())
    }

    /// Moves the clock forward by nanoseconds.
    #[napi(catch_unwind)]
    pub fn advance(&self, nanos: f64) {
        self.0.advance(Duration::from_nanos(nanos as u64));
    }

    /// Nanoseconds since the clock's zero.
    #[napi(catch_unwind)]
    pub fn now(&self) -> f64 {
        fusewire::Clock::now(&self.0) as f64
    }
}
