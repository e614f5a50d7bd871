//! The rate limit of a breaker, over its words in the cell (policies §2): who draws swaps a word by what a pure rule says.

use super::RateRules;
use super::priority::{LEVELS, Priority};
use super::rate::{Drawn, FixedWindow, LeakyBucket, TokenBucket, interval};
use crate::clock::{COARSE_TICK, Nanos, Source};
use crate::sync::{AtomicU64, Ordering};

/// Words of a rate limit before the ring of a sliding window.
pub(crate) const RATE_WORDS: usize = 3;
const WORD: usize = 0;
/// The rate in force, the bits of a double, or a window's limit; 0: the plan's.
const IN_FORCE: usize = 2;
/// The interval of that rate; 0: the plan's.
const INTERVAL: usize = 1;

/// A rate limit's rules, with what follows from them alone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Limiter {
    pub rules: RateRules,
    interval: Nanos,
    /// Tokens that a call of a level must leave, by the level's code.
    withheld: [u64; LEVELS],
}

/// What was drawn, to be given back where that is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    place: usize,
    from: u64,
    to: u64,
    pub wait: Nanos,
}

/// Turned away; `None`: no wait would help.
pub(crate) type Refused = Option<Nanos>;

impl Limiter {
    pub(crate) fn new(rules: &RateRules) -> Self {
        let (rate, reserve) = match rules {
            RateRules::Token { rate, reserve, .. } => (*rate, *reserve),
            RateRules::Leaky { rate, .. } => (*rate, [0; LEVELS]),
            _ => (1.0, [0; LEVELS]),
        };
        let withheld = std::array::from_fn(|level| reserve[level + 1..].iter().sum());
        Limiter { rules: *rules, interval: interval(rate), withheld }
    }

    /// The largest cost that can ever be admitted.
    pub(crate) fn most(&self) -> u64 {
        match self.rules {
            RateRules::Token { burst, .. } => burst,
            RateRules::Leaky { .. } => u64::MAX,
            RateRules::Fixed { limit, .. } => limit,
            RateRules::Sliding { .. } => 1,
        }
    }

    #[inline]
    fn interval(&self, words: &[AtomicU64]) -> Nanos {
        match words[INTERVAL].load(Ordering::Relaxed) {
            0 => self.interval,
            interval => interval,
        }
    }

    fn limit(&self, words: &[AtomicU64], limit: u64) -> u64 {
        match words[IN_FORCE].load(Ordering::Relaxed) {
            0 => limit,
            limit => limit,
        }
    }

    /// What a rule says at `now`, of a word.
    #[inline]
    fn say(&self, words: &[AtomicU64], word: u64, now: Nanos, level: Priority, cost: u64) -> Drawn {
        match self.rules {
            RateRules::Token { burst, .. } => TokenBucket { interval: self.interval(words), burst }.draw(
                word,
                now,
                cost,
                self.withheld[level as usize],
            ),
            RateRules::Leaky { max_wait, .. } => {
                LeakyBucket { interval: self.interval(words), max_wait }.draw(word, now, cost)
            }
            RateRules::Fixed { limit, window } => {
                FixedWindow { limit: self.limit(words, limit), window }.draw(word, now, cost)
            }
            RateRules::Sliding { .. } => unreachable!("a sliding window has a ring"),
        }
    }

    /// Whether the coarse clock may decide: when it admits, or when the answer is more than a tick away.
    #[inline]
    fn coarse(&self, clock: &Source) -> Option<Nanos> {
        match self.rules {
            RateRules::Token { .. } => Some(clock.coarse()),
            RateRules::Fixed { window, .. } => {
                let coarse = clock.coarse();
                (coarse % window + COARSE_TICK < window).then_some(coarse)
            }
            _ => None,
        }
    }

    /// Takes from the limit; `longest` is how long the call could wait for its turn.
    #[inline]
    pub(crate) fn draw(
        &self,
        words: &[AtomicU64],
        clock: &Source,
        level: Priority,
        cost: u64,
        longest: Option<Nanos>,
    ) -> Result<Token, Refused> {
        if let Some(coarse) = self.coarse(clock) {
            match self.draw_at(words, coarse, level, cost, longest) {
                Err(Some(after)) if after <= COARSE_TICK => {}
                answer => return answer,
            }
        }
        self.draw_at(words, clock.now(), level, cost, longest)
    }

    #[inline]
    fn draw_at(
        &self,
        words: &[AtomicU64],
        now: Nanos,
        level: Priority,
        cost: u64,
        longest: Option<Nanos>,
    ) -> Result<Token, Refused> {
        let place = &words[WORD];
        let mut from = place.load(Ordering::Acquire);
        loop {
            let (to, wait) = match self.say(words, from, now, level, cost) {
                Drawn::Admitted { word, wait } => (word, wait),
                Drawn::Refused { retry_after } => return Err(retry_after),
            };
            if longest.is_some_and(|longest| wait > longest) {
                return Err(None);
            }
            match place.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(Token { place: WORD, from, to, wait }),
                Err(found) => from = found,
            }
        }
    }

    /// What `draw` would say now; takes nothing.
    pub(crate) fn look(
        &self,
        words: &[AtomicU64],
        now: Nanos,
        level: Priority,
        cost: u64,
        longest: Option<Nanos>,
    ) -> Result<(), Refused> {
        match self.say(words, words[WORD].load(Ordering::Acquire), now, level, cost) {
            Drawn::Admitted { wait, .. } if longest.is_some_and(|longest| wait > longest) => Err(None),
            Drawn::Admitted { .. } => Ok(()),
            Drawn::Refused { retry_after } => Err(retry_after),
        }
    }

    /// Gives back what was drawn, if nobody has drawn since; else it is spent.
    pub(crate) fn give_back(&self, words: &[AtomicU64], token: Token) {
        let _ = words[token.place].compare_exchange(
            token.to,
            token.from,
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
    }
}
