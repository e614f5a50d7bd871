//! The rate limit of a breaker, over its words in the cell (policies §2): who draws swaps a word by what a pure rule says.
//!
//! ```text
//! 0      the rule's word: see `rate`
//! 1      the interval of the rate in force; 0: that of the document's
//! 2..5   the rate in force, or a window's limit, and what it follows: see `pace`; 0: the document's
//! ```

use super::pace::{PacedRate, RateChange};
use super::priority::{LEVELS, Priority};
use super::rate::{Drawn, FixedWindow, LeakyBucket, TokenBucket, interval};
use super::ring::{self, Ring};
use super::{Pace, RateRules};
use crate::clock::{COARSE_TICK, Nanos, Source};
use crate::sync::{AtomicU64, Ordering};

/// The words of a rate limit.
#[derive(Clone, Copy)]
pub(crate) struct RateWords<'a> {
    pub words: &'a [AtomicU64],
    /// Of a sliding window: see `ring`.
    pub ring: &'a [AtomicU64],
}

const WORD: usize = 0;
const INTERVAL: usize = 1;
const IN_FORCE: usize = 2;

impl<'a> RateWords<'a> {
    #[inline]
    pub(super) fn word(&self) -> &'a AtomicU64 {
        &self.words[WORD]
    }

    fn paced(&self) -> PacedRate<'a> {
        PacedRate::new(&self.words[IN_FORCE..])
    }

    /// Begins the first cooldown, unless it has begun.
    pub(crate) fn begin(&self, now: Nanos) {
        self.paced().begin(now);
    }

    /// Begins anew: `all` forgets also what was drawn.
    pub(crate) fn renew(&self, all: bool, now: Nanos) {
        let kept = if all { WORD } else { INTERVAL };
        self.words[kept..].iter().for_each(|word| word.store(0, Ordering::Release));
        self.begin(now);
    }

    /// Takes over what another cell's limit holds, of the same rules.
    pub(crate) fn inherit(&self, from: &RateWords<'_>) {
        for (to, from) in self.words.iter().zip(from.words).chain(self.ring.iter().zip(from.ring)) {
            to.store(from.load(Ordering::Acquire), Ordering::Release);
        }
    }
}

/// A rate limit's rules, with what follows from them alone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Limiter {
    rules: RateRules,
    interval: Nanos,
    /// Tokens that a call of a level must leave, by the level's code.
    withheld: [u64; LEVELS],
    /// Of a sliding window's ring.
    halvings: u32,
}

/// What was drawn, to be given back where that is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Word { from: u64, to: u64, wait: Nanos },
    Slot(ring::Taken),
}

impl Token {
    /// How long the call waits for its turn.
    pub(crate) fn wait(&self) -> Nanos {
        match self {
            Token::Word { wait, .. } => *wait,
            Token::Slot(_) => 0,
        }
    }
}

/// A call that asks for its share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asks {
    pub level: Priority,
    pub cost: u64,
    /// The instant up to which it would wait for its turn.
    pub deadline: Option<Nanos>,
}

impl Asks {
    fn is_too_late(&self, now: Nanos, wait: Nanos) -> bool {
        wait > 0 && self.deadline.is_some_and(|deadline| now.saturating_add(wait) > deadline)
    }
}

/// Turned away, and for how long; `None`: no wait would help.
pub(crate) type Refused = Option<Nanos>;

impl Limiter {
    pub(crate) fn new(rules: &RateRules) -> Self {
        let reserve = match rules {
            RateRules::Token { reserve, .. } => *reserve,
            _ => [0; LEVELS],
        };
        let withheld = std::array::from_fn(|level| reserve[level + 1..].iter().sum());
        let halvings = if let RateRules::Sliding { limit, .. } = rules { ring::halvings(*limit) } else { 0 };
        let mut limiter = Limiter { rules: *rules, interval: 0, withheld, halvings };
        limiter.interval = limiter.initial().map_or(0, interval);
        limiter
    }

    pub(super) fn rules(&self) -> &RateRules {
        &self.rules
    }

    /// Tokens that a call of that level must leave.
    #[inline]
    pub(super) fn withheld(&self, level: Priority) -> u64 {
        self.withheld[level as usize]
    }

    /// The document's rate, of the rules that have one.
    fn initial(&self) -> Option<f64> {
        match self.rules {
            RateRules::Token { rate, .. } | RateRules::Leaky { rate, .. } => Some(rate),
            _ => None,
        }
    }

    fn pace(&self) -> Option<&Pace> {
        match &self.rules {
            RateRules::Token { pace, .. } | RateRules::Leaky { pace, .. } => pace.as_ref(),
            _ => None,
        }
    }

    /// Whether the rate follows the outcomes.
    #[inline]
    pub(crate) fn is_adaptive(&self) -> bool {
        self.pace().is_some()
    }

    /// Whether what one has drawn means the same to the other.
    pub(crate) fn draws_like(&self, other: &Limiter) -> bool {
        match (self.rules, other.rules) {
            (RateRules::Token { .. }, RateRules::Token { .. })
            | (RateRules::Leaky { .. }, RateRules::Leaky { .. }) => true,
            (RateRules::Fixed { window: a, .. }, RateRules::Fixed { window: b, .. }) => a == b,
            (RateRules::Sliding { limit: a, .. }, RateRules::Sliding { limit: b, .. }) => a == b,
            _ => false,
        }
    }

    /// The largest cost that can ever be admitted, and the key that says so.
    pub(crate) fn most(&self) -> Option<(u64, &'static str)> {
        match self.rules {
            RateRules::Token { burst, .. } => Some((burst, "`rate_limit.burst`")),
            RateRules::Leaky { .. } => None,
            RateRules::Fixed { limit, .. } => Some((limit, "`rate_limit.limit`")),
            RateRules::Sliding { .. } => Some((1, "a sliding window counts calls")),
        }
    }

    #[inline]
    pub(super) fn interval(&self, rate: &RateWords<'_>) -> Nanos {
        match rate.words[INTERVAL].load(Ordering::Relaxed) {
            0 => self.interval,
            interval => interval,
        }
    }

    /// The limit of a window in force.
    pub(super) fn limit(&self, rate: &RateWords<'_>) -> u64 {
        match (rate.words[IN_FORCE].load(Ordering::Relaxed), self.rules) {
            (0, RateRules::Fixed { limit, .. } | RateRules::Sliding { limit, .. }) => limit,
            (limit, _) => limit,
        }
    }

    #[inline]
    pub(super) fn ring<'a>(&self, rate: &RateWords<'a>) -> Ring<'a> {
        Ring::new(rate.ring, self.halvings)
    }

    /// What a rule says at `now`, of a word; of a sliding window it is not asked.
    #[inline]
    fn say(&self, rate: &RateWords<'_>, word: u64, now: Nanos, asks: &Asks) -> Drawn {
        match self.rules {
            RateRules::Leaky { max_wait, .. } => {
                LeakyBucket { interval: self.interval(rate), max_wait }.draw(word, now, asks.cost)
            }
            RateRules::Fixed { window, .. } => {
                FixedWindow { limit: self.limit(rate), window }.draw(word, now, asks.cost)
            }
            RateRules::Token { burst, .. } => {
                let withheld = self.withheld[asks.level as usize];
                TokenBucket { interval: self.interval(rate), burst }.draw(word, now, asks.cost, withheld)
            }
            RateRules::Sliding { .. } => Drawn::Refused { retry_after: None },
        }
    }

    /// The coarse clock, where it may decide: when it admits, or when the answer is more than a tick away.
    #[inline]
    pub(super) fn coarse(&self, clock: &Source) -> Option<Nanos> {
        match self.rules {
            RateRules::Token { .. } => Some(clock.coarse()),
            RateRules::Fixed { window, .. } => {
                let coarse = clock.coarse();
                (coarse % window + COARSE_TICK < window).then_some(coarse)
            }
            _ => None,
        }
    }

    /// Asks `ask` by the coarse clock, and by the exact one when that cannot tell.
    #[inline]
    fn by_clocks<R>(&self, clock: &Source, ask: impl Fn(Nanos) -> Result<R, Refused>) -> Result<R, Refused> {
        if let Some(coarse) = self.coarse(clock) {
            match ask(coarse) {
                Err(Some(after)) if after <= COARSE_TICK => {}
                answer => return answer,
            }
        }
        ask(clock.now())
    }

    /// Takes from the limit.
    #[inline]
    pub(crate) fn draw(&self, rate: &RateWords<'_>, clock: &Source, asks: &Asks) -> Result<Token, Refused> {
        if let RateRules::Sliding { window, .. } = self.rules {
            return self.ring(rate).take(clock.now(), window).map(Token::Slot).map_err(Some);
        }
        self.by_clocks(clock, |now| self.draw_at(rate, now, asks))
    }

    #[inline]
    fn draw_at(&self, rate: &RateWords<'_>, now: Nanos, asks: &Asks) -> Result<Token, Refused> {
        let place = rate.word();
        let mut from = place.load(Ordering::Acquire);
        loop {
            let (to, wait) = match self.say(rate, from, now, asks) {
                Drawn::Admitted { word, wait } => (word, wait),
                Drawn::Refused { retry_after } => return Err(self.in_time(now, asks, retry_after)),
            };
            if asks.is_too_late(now, wait) {
                return Err(None);
            }
            match place.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(Token::Word { from, to, wait }),
                Err(found) => from = found,
            }
        }
    }

    /// What `draw` would say now; takes nothing.
    pub(crate) fn look(&self, rate: &RateWords<'_>, clock: &Source, asks: &Asks) -> Result<(), Refused> {
        if let RateRules::Sliding { window, .. } = self.rules {
            return self.ring(rate).look(clock.now(), window).map_err(Some);
        }
        let word = rate.word().load(Ordering::Acquire);
        self.by_clocks(clock, |now| match self.say(rate, word, now, asks) {
            Drawn::Admitted { wait, .. } if asks.is_too_late(now, wait) => Err(None),
            Drawn::Admitted { .. } => Ok(()),
            Drawn::Refused { retry_after } => Err(self.in_time(now, asks, retry_after)),
        })
    }

    /// No wait helps a call whose turn would come after its deadline.
    fn in_time(&self, now: Nanos, asks: &Asks, retry_after: Refused) -> Refused {
        match self.rules {
            RateRules::Leaky { max_wait, .. } => {
                retry_after.filter(|after| !asks.is_too_late(now, after.saturating_add(max_wait)))
            }
            _ => retry_after,
        }
    }

    /// Gives back what was drawn, if nobody has drawn since; else it is spent.
    pub(crate) fn give_back(&self, rate: &RateWords<'_>, token: Token) {
        match token {
            Token::Word { from, to, .. } => {
                let _ = rate.word().compare_exchange(to, from, Ordering::AcqRel, Ordering::Relaxed);
            }
            Token::Slot(taken) => {
                self.ring(rate).give_back(taken);
            }
        }
    }

    // ---- a rate that changes ----

    /// Notes that a call was refused or paced.
    pub(crate) fn note_held(&self, rate: &RateWords<'_>) {
        if self.is_adaptive() {
            rate.paced().refused_or_paced();
        }
    }

    /// Looks whether the rate is to change, before a call asks; answers how it did.
    #[inline]
    pub(crate) fn before_acquire(&self, rate: &RateWords<'_>, clock: &Source) -> Option<RateChange> {
        let (pace, initial) = (self.pace()?, self.initial()?);
        let now = clock.coarse();
        let changed = rate.paced().before_acquire(pace, initial, now);
        changed.inspect(|_| self.follow(rate, initial, now))
    }

    /// The same, with an outcome.
    pub(crate) fn settle(&self, rate: &RateWords<'_>, failed: bool, clock: &Source) -> Option<RateChange> {
        let (pace, initial) = (self.pace()?, self.initial()?);
        let now = clock.coarse();
        let changed = rate.paced().settle(pace, initial, failed, now);
        changed.inspect(|_| self.follow(rate, initial, now))
    }

    /// What can be set by hand: a rate, or a window's limit. A sliding window's ring has as many slots as its plan says.
    pub(crate) fn range(&self) -> (f64, f64) {
        match (self.rules, self.pace()) {
            (RateRules::Sliding { limit, .. }, _) => (1.0, limit as f64),
            (RateRules::Fixed { .. }, _) => (1.0, 1e9),
            (_, Some(pace)) => (pace.min, pace.max),
            (_, None) => (0.001, 1e6),
        }
    }

    /// Whether only whole numbers can be set.
    pub(crate) fn is_whole(&self) -> bool {
        self.initial().is_none()
    }

    /// Sets the rate, or a window's limit, within its range; answers what it was.
    pub(crate) fn set(&self, rate: &RateWords<'_>, to: f64, now: Nanos) -> f64 {
        if let Some(initial) = self.initial() {
            let from = rate.paced().set(initial, to);
            self.follow(rate, initial, now);
            return from;
        }
        let from = self.limit(rate);
        rate.words[IN_FORCE].store(to as u64, Ordering::Release);
        if let RateRules::Sliding { .. } = self.rules {
            self.ring(rate).set_limit(to as u64);
        }
        from as f64
    }

    /// Lets the interval follow the rate. Whoever stores an interval looks at the rate afterwards, so that the last one
    /// leaves the one that belongs to it.
    fn follow(&self, rate: &RateWords<'_>, initial: f64, now: Nanos) {
        loop {
            let (was, paced) = (self.interval(rate), rate.paced().rate(initial));
            let is = interval(paced);
            rate.words[INTERVAL].store(is, Ordering::Release);
            self.rescale(rate, was, is, now);
            if rate.paced().rate(initial) == paced {
                return;
            }
        }
    }

    /// Tokens that are spent stay spent at another rate: a token bucket's word is reckoned in intervals. A leaky bucket's
    /// is turns that were promised.
    fn rescale(&self, rate: &RateWords<'_>, was: Nanos, is: Nanos, now: Nanos) {
        if let RateRules::Token { .. } = self.rules {
            let of = |arrival: u64| {
                let spent = u128::from(arrival.saturating_sub(now)) * u128::from(is);
                now.saturating_add(u64::try_from(spent.div_ceil(u128::from(was.max(1)))).unwrap_or(u64::MAX))
            };
            let in_debt = |arrival: u64| (arrival > now && was != is).then(|| of(arrival));
            let _ = rate.word().fetch_update(Ordering::AcqRel, Ordering::Acquire, in_debt);
        }
    }

    /// Goes on with what was drawn by other rules of the same kind.
    pub(crate) fn take_over(&self, rate: &RateWords<'_>, before: &Limiter, now: Nanos) {
        if self != before {
            let was = before.interval(rate);
            rate.renew(false, now);
            self.rescale(rate, was, self.interval(rate), now);
            if let RateRules::Sliding { limit, .. } = self.rules {
                self.ring(rate).set_limit(limit);
            }
        }
    }

    // ---- reading ----

    /// The rate in force, in calls a second; of a window its limit.
    pub(crate) fn rate(&self, rate: &RateWords<'_>) -> f64 {
        match self.initial() {
            Some(initial) => rate.paced().rate(initial),
            None => self.limit(rate) as f64,
        }
    }

    /// What a critical call finds: whole tokens, or what is left of a window's limit.
    pub(crate) fn available(&self, rate: &RateWords<'_>, now: Nanos) -> Option<u64> {
        let word = rate.word().load(Ordering::Acquire);
        match self.rules {
            RateRules::Token { burst, .. } => {
                Some(TokenBucket { interval: self.interval(rate), burst }.available(word, now))
            }
            RateRules::Leaky { .. } => None,
            RateRules::Fixed { window, .. } => {
                Some(FixedWindow { limit: self.limit(rate), window }.available(word, now))
            }
            RateRules::Sliding { window, .. } => Some(self.ring(rate).available(now, window)),
        }
    }

    /// How long a critical call of cost 1 would be turned away; `None` when it would not.
    pub(crate) fn retry_after(&self, rate: &RateWords<'_>, now: Nanos) -> Option<Nanos> {
        let asks = Asks { level: Priority::Critical, cost: 1, deadline: None };
        if let RateRules::Sliding { window, .. } = self.rules {
            return self.ring(rate).look(now, window).err();
        }
        match self.say(rate, rate.word().load(Ordering::Acquire), now, &asks) {
            Drawn::Admitted { .. } => None,
            Drawn::Refused { retry_after } => retry_after,
        }
    }
}
