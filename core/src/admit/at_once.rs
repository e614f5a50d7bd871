//! Drawing from a rate limit where that is all there is to it: the coarse clock admits, or a ring's first slot is free.

use super::RateRules;
use super::limiter::{Asks, Limiter, RateWords};
use super::rate::{Drawn, FixedWindow, TokenBucket};
use super::ring::Ring;
use crate::clock::{COARSE_TICK, Nanos, Source};
use crate::sync::Ordering;

impl Limiter {
    /// Draws from a limit that lets the call in at once, after `take` has taken what is taken before. `None`: nothing was
    /// taken, what was is given back, and the limit is to be asked at length.
    #[inline(always)]
    pub(crate) fn draw_at_once<T>(
        &self,
        rate: &RateWords<'_>,
        clock: &Source,
        asks: &Asks,
        take: impl FnOnce() -> Option<T>,
        give_back: impl FnOnce(T),
    ) -> Option<T> {
        match self.rules() {
            RateRules::Token { burst, pace: None, .. } => {
                let bucket = TokenBucket { interval: self.interval(rate), burst: *burst };
                let (now, withheld) = (clock.coarse(), self.withheld(asks.level));
                swap_at_once(rate, |word| bucket.draw(word, now, asks.cost, withheld), take, give_back)
            }
            RateRules::Fixed { window, .. } => {
                let (rule, now) =
                    (FixedWindow { limit: self.limit(rate), window: *window }, self.coarse(clock)?);
                swap_at_once(rate, |word| rule.draw(word, now, asks.cost), take, give_back)
            }
            RateRules::Sliding { window, .. } => {
                let ring = self.ring(rate);
                let (least, most) = if *window >= LONG { clock.between() } else { exactly(clock) };
                let first = ring.first_free(least, *window)?;
                let taken = take()?;
                match first.take(most) || take_another(ring, least, most, *window) {
                    true => Some(taken),
                    false => give(taken, give_back),
                }
            }
            RateRules::Token { .. } | RateRules::Leaky { .. } => None,
        }
    }
}

/// A sliding window from which on a tick is a hundredth at most: a slot that is free at the earliest the time can be is
/// marked with the latest, so it never comes back early, and up to a tick late.
const LONG: Nanos = 100 * COARSE_TICK;

/// After somebody else has taken the slot: the next one that is free.
#[cold]
#[inline(never)]
fn take_another(ring: Ring<'_>, least: Nanos, most: Nanos, window: Nanos) -> bool {
    std::iter::from_fn(|| ring.first_free(least, window)).any(|first| first.take(most))
}

fn exactly(clock: &Source) -> (Nanos, Nanos) {
    let now = clock.now();
    (now, now)
}

/// Swaps the word for the one that `draw` says, as long as it admits.
#[inline(always)]
fn swap_at_once<T>(
    rate: &RateWords<'_>,
    draw: impl Fn(u64) -> Drawn,
    take: impl FnOnce() -> Option<T>,
    give_back: impl FnOnce(T),
) -> Option<T> {
    let place = rate.word();
    let mut from = place.load(Ordering::Acquire);
    let Drawn::Admitted { word: mut to, .. } = draw(from) else { return None };
    let taken = take()?;
    loop {
        match place.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Some(taken),
            Err(found) => from = found,
        }
        match draw(from) {
            Drawn::Admitted { word, .. } => to = word,
            Drawn::Refused { .. } => return give(taken, give_back),
        }
    }
}

#[cold]
fn give<T>(taken: T, back: impl FnOnce(T)) -> Option<T> {
    back(taken);
    None
}
