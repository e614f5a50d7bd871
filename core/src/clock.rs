//! Time: nanoseconds of a monotonic clock that is injected, so that tests move it by hand.

use crate::sync::{Ordering, UnmodelledU64};
use std::sync::Arc;
use std::time::Duration;

/// Nanoseconds since the clock's zero.
pub type Nanos = u64;

/// A duration in nanoseconds; more than `u64` holds (584 years) counts as `u64::MAX`.
pub(crate) fn nanos(d: Duration) -> Nanos {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}

/// Where a breaker reads the time.
///
/// Instants may lag: a breaker takes differences that saturate at 0, so a clock that is set back makes nothing worse
/// than late.
pub trait Clock: Send + Sync + 'static {
    /// The time, exact.
    fn now(&self) -> Nanos;

    /// The time, at most 10 ms old; may be cheaper than [`now`](Clock::now).
    fn coarse(&self) -> Nanos {
        self.now()
    }
}

/// A clock that moves only when it is told to. Clones share the time.
///
/// ```
/// use fusewire::{Clock, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now(), 60_000_000_000);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<UnmodelledU64>);

impl ManualClock {
    /// A clock that stands at 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock forward. Saturates at the end of `u64`.
    pub fn advance(&self, by: Duration) {
        self.advance_nanos(nanos(by));
    }

    /// Moves the clock forward by nanoseconds. Saturates at the end of `u64`.
    pub fn advance_nanos(&self, by: Nanos) {
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |t| Some(t.saturating_add(by)));
    }

    /// Sets the clock. A time before the present one changes nothing: a monotonic clock never runs back.
    pub fn set(&self, to: Nanos) {
        self.0.fetch_max(to, Ordering::AcqRel);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Nanos {
        self.0.load(Ordering::Acquire)
    }
}

/// The system's monotonic clock, the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[inline]
    fn now(&self) -> Nanos {
        system::monotonic()
    }

    #[inline]
    fn coarse(&self) -> Nanos {
        system::coarse()
    }
}

/// The clock of a breaker: the system's without an indirect call, or any other.
#[derive(Clone)]
pub(crate) enum Source {
    System,
    Other(Arc<dyn Clock>),
}

// A clock is read before anything is begun, so one that panics leaves nothing half done.
impl std::panic::RefUnwindSafe for Source {}

/// The last exact reading of a source, from which the next ones are reckoned by ticks. As it begins there was none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Near {
    tick: u64,
    now: Nanos,
    /// The length of 2^32 ticks.
    length: Nanos,
}

impl Default for Near {
    fn default() -> Self {
        // No counter comes so far.
        Near { tick: 1 << 63, now: 0, length: 0 }
    }
}

/// How far the coarse clock may lag, in nanoseconds: the longest tick Linux is built with (100 Hz).
pub(crate) const COARSE_TICK: Nanos = 10_000_000;

impl Source {
    #[inline]
    pub(crate) fn now(&self) -> Nanos {
        match self {
            Source::System => system::monotonic(),
            Source::Other(clock) => clock.now(),
        }
    }

    #[inline]
    pub(crate) fn coarse(&self) -> Nanos {
        match self {
            Source::System => system::coarse(),
            Source::Other(clock) => coarse_elsewhere(&**clock),
        }
    }

    /// The earliest and the latest that the time can be now, by a clock that is cheap to read.
    #[inline]
    pub(crate) fn between(&self) -> (Nanos, Nanos) {
        match self {
            Source::System => {
                let coarse = system::coarse();
                (coarse, coarse + COARSE_TICK)
            }
            // What another clock's coarse time is worth is not known.
            Source::Other(clock) => {
                let now = clock.now();
                (now, now)
            }
        }
    }

    /// The time, exact to a microsecond, for half the price of [`now`](Source::now) to who asks often. It may lag.
    #[inline]
    pub(crate) fn near(&self, last: &mut Near) -> Nanos {
        match self {
            Source::System => system::near(last),
            Source::Other(clock) => clock.now(),
        }
    }

    /// A tick of the clock that durations are measured with. Ticks of one source compare with each other only.
    #[inline]
    pub(crate) fn tick(&self) -> u64 {
        match self {
            Source::System => system::tick(),
            Source::Other(clock) => clock.now(),
        }
    }

    /// Nanoseconds since `start`, a tick of this source; 0 when the tick lies ahead.
    #[inline]
    pub(crate) fn since(&self, start: u64) -> Nanos {
        match self {
            Source::System => system::since(start),
            Source::Other(clock) => clock.now().saturating_sub(start),
        }
    }

    /// The tick that is `wait` after `start`.
    pub(crate) fn later(&self, start: u64, wait: Nanos) -> u64 {
        match (self, wait) {
            (_, 0) => start,
            (Source::System, _) => start.saturating_add(system::ticks(wait)),
            (Source::Other(_), _) => start.saturating_add(wait),
        }
    }

    /// The tick that was so long before `tick`.
    #[cfg(feature = "binding")]
    pub(crate) fn earlier(&self, tick: u64, by: Nanos) -> u64 {
        match self {
            Source::System => tick.saturating_sub(system::ticks(by)),
            Source::Other(_) => tick.saturating_sub(by),
        }
    }

    /// Does now what the first tick would otherwise wait for.
    pub(crate) fn warm_up(&self) {
        if let Source::System = self {
            system::tick();
        }
    }
}

#[cold]
fn coarse_elsewhere(clock: &dyn Clock) -> Nanos {
    clock.coarse()
}

mod system {
    use super::{Nanos, Near};
    use crate::fork;
    use std::sync::OnceLock;

    /// The time-stamp counter where it is invariant. It drifts by some 80 ppm against the system's clock, so it
    /// measures durations and never a deadline.
    fn counter() -> &'static quanta::Clock {
        COUNTER.get().unwrap_or_else(first)
    }

    static COUNTER: OnceLock<quanta::Clock> = OnceLock::new();

    /// quanta calibrates for up to 200 ms, and other threads wait for that.
    #[cold]
    fn first() -> &'static quanta::Clock {
        let _hold = fork::hold();
        COUNTER.get_or_init(quanta::Clock::new)
    }

    #[inline]
    pub(super) fn tick() -> u64 {
        counter().raw()
    }

    #[inline]
    pub(super) fn since(start: u64) -> Nanos {
        let counter = counter();
        counter.delta_as_nanos(start, counter.raw())
    }

    /// For so long ticks are reckoned with: they drift by some 80 ns meanwhile, and the clock by less while it is being
    /// set right.
    const NEAR: Nanos = 1_000_000;

    /// Two ticks with a reading of the clock between them are closer, unless the thread was interrupted.
    const UNINTERRUPTED: Nanos = 1_000;

    #[inline]
    pub(super) fn near(last: &mut Near) -> Nanos {
        // Where a machine has slept the counter may have begun anew: that is far, too.
        let ticks = tick().wrapping_sub(last.tick);
        let passed = ticks.wrapping_mul(last.length) >> 32;
        if ticks < 1 << 24 && passed < NEAR { last.now + passed } else { read_anew(last) }
    }

    #[cold]
    fn read_anew(last: &mut Near) -> Nanos {
        let (before, now, after) = (tick(), monotonic(), tick());
        let is_sure = counter().delta_as_nanos(before, after) < UNINTERRUPTED;
        *last = if is_sure { Near { tick: after, now, length: ticks_length() } } else { Near::default() };
        now
    }

    /// How many ticks that is.
    pub(super) fn ticks(wait: Nanos) -> u64 {
        let length = ticks_length().max(1);
        u64::try_from((u128::from(wait) << 32) / u128::from(length)).unwrap_or(u64::MAX)
    }

    /// The length of 2^32 ticks: 179 s where the counter is as slow as 24 MHz.
    fn ticks_length() -> Nanos {
        counter().delta_as_nanos(0, 1 << 32)
    }

    #[cfg(unix)]
    #[inline]
    fn read(clock: rustix::time::ClockId) -> Nanos {
        let t = rustix::time::clock_gettime(clock);
        t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
    }

    #[cfg(unix)]
    #[inline]
    pub(super) fn monotonic() -> Nanos {
        read(rustix::time::ClockId::Monotonic)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[inline]
    pub(super) fn coarse() -> Nanos {
        read(rustix::time::ClockId::MonotonicCoarse)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(super) fn coarse() -> Nanos {
        monotonic()
    }

    #[cfg(not(unix))]
    pub(super) fn monotonic() -> Nanos {
        static START: OnceLock<std::time::Instant> = OnceLock::new();
        super::nanos(START.get_or_init(std::time::Instant::now).elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_set_back_clamps() {
        let clock = ManualClock::new();
        clock.set(100);
        clock.set(40);
        assert_eq!(clock.now(), 100);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), u64::MAX);
    }

    #[test]
    fn the_coarse_clock_lags_by_less_than_a_tick_and_never_leads() {
        let before = SystemClock.now();
        let coarse = SystemClock.coarse();
        let after = SystemClock.now();
        assert!(coarse <= after);
        assert!(before.saturating_sub(coarse) <= COARSE_TICK);
    }

    #[test]
    fn a_near_reading_is_as_good_as_an_exact_one() {
        let (source, mut near) = (Source::System, Near::default());
        for _ in 0..100_000 {
            let before = source.now();
            let now = source.near(&mut near);
            let after = source.now();
            assert!((before - 1_000..=after + 1_000).contains(&now), "{before} {now} {after}");
        }
        let clock = ManualClock::new();
        let source = Source::Other(Arc::new(clock.clone()));
        assert_eq!(source.near(&mut near), 0);
        clock.set(7);
        assert_eq!(source.near(&mut near), 7);
    }

    #[test]
    fn ticks_measure_what_the_clock_measures() {
        let source = Source::System;
        let (tick, now) = (source.tick(), source.now());
        while source.now() < now + 2_000_000 {}
        assert!(source.since(tick) >= 1_900_000);
    }
}
