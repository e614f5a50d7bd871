//! Rate limits: pure rules from an old word to an answer and a new word (policies §2). What holds the words swaps them
//! by compare-and-swap and knows no rule.

use crate::clock::Nanos;

/// What a rule says of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Drawn {
    /// Admitted, if the word can be changed to this; the call begins after `wait`.
    Admitted { word: u64, wait: Nanos },
    /// Turned away; nothing changes. `None`: no wait would help.
    Refused { retry_after: Option<Nanos> },
}

use Drawn::{Admitted, Refused};

impl Drawn {
    fn at_once(word: u64) -> Self {
        Admitted { word, wait: 0 }
    }

    fn refused_for(retry_after: Nanos) -> Self {
        Refused { retry_after: Some(retry_after) }
    }
}

/// Nanoseconds between two tokens: 1e9 / rate, rounded to nearest, halves up.
pub(crate) fn interval(rate: f64) -> Nanos {
    ((1e9 / rate + 0.5).floor() as u64).max(1)
}

/// A bucket of `burst` tokens that one is added to every `interval` (GCRA: the word is the theoretical arrival time).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenBucket {
    pub interval: Nanos,
    pub burst: u64,
}

impl TokenBucket {
    /// A call of that cost, which may not use the last `withheld` tokens.
    pub(crate) fn draw(&self, word: u64, now: Nanos, cost: u64, withheld: u64) -> Drawn {
        let allowance = self.burst.saturating_sub(withheld);
        let arrival = word.max(now).saturating_add(cost.saturating_mul(self.interval));
        // Times the interval is at most 1e6 * 1e12.
        let latest = now.saturating_add(allowance * self.interval);
        if arrival <= latest {
            return Drawn::at_once(arrival);
        }
        Refused { retry_after: (cost <= allowance).then(|| arrival - latest) }
    }

    /// Whole tokens that a call which nothing is withheld from finds.
    pub(crate) fn available(&self, word: u64, now: Nanos) -> u64 {
        let spent = word.saturating_sub(now).div_ceil(self.interval);
        self.burst.saturating_sub(spent)
    }
}

/// Paces: calls begin `interval` apart, and wait for their turn for at most `max_wait`. The word is the next turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeakyBucket {
    pub interval: Nanos,
    pub max_wait: Nanos,
}

impl LeakyBucket {
    pub(crate) fn draw(&self, word: u64, now: Nanos, cost: u64) -> Drawn {
        let turn = word.max(now);
        let wait = turn - now;
        match wait <= self.max_wait {
            true => Admitted { word: turn.saturating_add(cost.saturating_mul(self.interval)), wait },
            false => Drawn::refused_for(wait - self.max_wait),
        }
    }
}

const COUNT_BITS: u32 = 30;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;

/// At most `limit` cost in each stretch of the clock. The word is the stretch's number, modulo 2^34, and the cost in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FixedWindow {
    pub limit: u64,
    pub window: Nanos,
}

impl FixedWindow {
    fn index(&self, now: Nanos) -> u64 {
        (now / self.window) & (u64::MAX >> COUNT_BITS)
    }

    fn spent(&self, word: u64, now: Nanos) -> u64 {
        if word >> COUNT_BITS == self.index(now) { word & COUNT_MASK } else { 0 }
    }

    pub(crate) fn draw(&self, word: u64, now: Nanos, cost: u64) -> Drawn {
        let spent = self.spent(word, now) + cost;
        if spent <= self.limit {
            return Drawn::at_once(self.index(now) << COUNT_BITS | spent);
        }
        let left = self.window - now % self.window;
        Refused { retry_after: (cost <= self.limit).then_some(left) }
    }

    /// What is left in this stretch.
    pub(crate) fn available(&self, word: u64, now: Nanos) -> u64 {
        self.limit.saturating_sub(self.spent(word, now))
    }
}

/// A slot of a sliding window's ring: when a call was admitted, plus one; 0 is one that never was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlidingWindow {
    pub limit: u64,
    pub window: Nanos,
}

impl SlidingWindow {
    /// What a slot takes for a call that is admitted now.
    pub(crate) fn mark(now: Nanos) -> u64 {
        now.saturating_add(1)
    }

    /// `None` when the slot is free now, else how long it is not.
    pub(crate) fn busy_for(&self, slot: u64, now: Nanos) -> Option<Nanos> {
        let free_at = slot.checked_sub(1)?.saturating_add(self.window);
        free_at.checked_sub(now).filter(|left| *left > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Nanos = 1_000_000_000;

    fn taken(drawn: Drawn) -> u64 {
        match drawn {
            Admitted { word, .. } => word,
            Refused { .. } => panic!("refused"),
        }
    }

    #[test]
    fn a_token_bucket_gives_its_burst_and_then_one_each_interval() {
        let bucket = TokenBucket { interval: S, burst: 3 };
        let mut word = 0;
        for left in [2, 1, 0] {
            word = taken(bucket.draw(word, 10 * S, 1, 0));
            assert_eq!(bucket.available(word, 10 * S), left);
        }
        assert_eq!(bucket.draw(word, 10 * S, 1, 0), Drawn::refused_for(S));
        assert_eq!(bucket.draw(word, 11 * S - 1, 1, 0), Drawn::refused_for(1));
        assert_eq!(bucket.draw(word, 11 * S, 2, 0), Drawn::refused_for(S));
        word = taken(bucket.draw(word, 11 * S, 1, 0));
        assert_eq!(bucket.available(word, 100 * S), 3, "no more than the burst is kept");
        assert_eq!(bucket.draw(word, 100 * S, 4, 0), Refused { retry_after: None });
    }

    #[test]
    fn tokens_that_are_withheld_stay_for_others() {
        let bucket = TokenBucket { interval: S, burst: 3 };
        let word = taken(bucket.draw(0, S, 1, 2));
        assert_eq!(bucket.draw(word, S, 1, 2), Drawn::refused_for(S));
        assert_eq!(bucket.draw(word, S, 2, 2), Refused { retry_after: None });
        assert_eq!(taken(bucket.draw(word, S, 2, 0)), 4 * S);
    }

    #[test]
    fn a_leaky_bucket_spaces_calls_and_says_how_long_each_waits() {
        let bucket = LeakyBucket { interval: S, max_wait: 2 * S };
        let mut word = 0;
        for wait in [0, S, 2 * S] {
            assert_eq!(bucket.draw(word, 5 * S, 1), Admitted { word: 6 * S + wait, wait });
            word = 6 * S + wait;
        }
        assert_eq!(bucket.draw(word, 5 * S, 1), Drawn::refused_for(S));
    }

    #[test]
    fn a_fixed_window_begins_afresh_with_each_stretch() {
        let window = FixedWindow { limit: 2, window: S };
        let word = taken(window.draw(0, S + 1, 2));
        assert_eq!(window.draw(word, 2 * S - 1, 1), Drawn::refused_for(1));
        assert_eq!((window.available(word, S), window.available(word, 2 * S)), (0, 2));
        assert_eq!(window.available(taken(window.draw(word, 2 * S, 1)), 2 * S), 1);
        assert_eq!(window.draw(0, 0, 3), Refused { retry_after: None });
    }

    #[test]
    fn a_slot_of_a_sliding_window_is_free_once_its_call_is_a_window_old() {
        let window = SlidingWindow { limit: 1, window: S };
        assert_eq!(window.busy_for(0, 0), None);
        let slot = SlidingWindow::mark(0);
        assert_eq!((window.busy_for(slot, 0), window.busy_for(slot, S - 1)), (Some(S), Some(1)));
        assert_eq!(window.busy_for(slot, S), None);
    }

    #[test]
    fn intervals_are_rounded_to_nearest() {
        assert_eq!([3.0, 1e6, 0.001].map(interval), [333_333_333, 1_000, 1_000_000_000_000]);
    }
}
