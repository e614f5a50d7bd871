//! §2: what a rate limit says of a call, and a rate that follows the outcomes.

use super::plan::{AdaptivePlan, RatePlan, RateRule};
use crate::model::config::WHOLE;

pub struct Rate {
    pub plan: RatePlan,
    /// The rate in force; of a window its limit.
    pub in_force: f64,
    /// Token bucket: the theoretical arrival time. Leaky bucket: the next turn.
    word: u64,
    /// Fixed window: its number, and the cost in it.
    spent: (u64, u64),
    /// Sliding window: when calls were admitted.
    times: Vec<u64>,
    looked: u64,
    outcomes: u64,
    failures: u64,
    was_held: bool,
}

/// What a call would take.
pub enum Share {
    Word(u64),
    Cost(u64),
    Time,
}

/// A share, and how long the call waits for its turn.
pub type Turn = (Share, u64);

pub struct Ask {
    pub level: usize,
    pub cost: u64,
    pub deadline: Option<u64>,
}

impl Rate {
    pub fn new(plan: RatePlan, now: u64) -> Rate {
        let in_force = match plan.rule {
            RateRule::Token { rate, .. } | RateRule::Leaky { rate, .. } => rate,
            RateRule::Fixed { limit, .. } | RateRule::Sliding { limit, .. } => limit as f64,
        };
        let (times, looked) = (Vec::new(), now);
        Rate {
            plan,
            in_force,
            word: 0,
            spent: (0, 0),
            times,
            looked,
            outcomes: 0,
            failures: 0,
            was_held: false,
        }
    }

    /// The limit of a new plan, which goes on with what was spent under the old one where that means the same.
    pub fn followed_by(self, plan: RatePlan, now: u64) -> Rate {
        if plan == self.plan {
            return self;
        }
        let goes_on = match (&self.plan.rule, &plan.rule) {
            (RateRule::Token { .. }, RateRule::Token { .. })
            | (RateRule::Leaky { .. }, RateRule::Leaky { .. }) => true,
            (RateRule::Fixed { window: a, .. }, RateRule::Fixed { window: b, .. }) => a == b,
            (RateRule::Sliding { limit: a, .. }, RateRule::Sliding { limit: b, .. }) => a == b,
            _ => false,
        };
        let mut next = Rate::new(plan, now);
        if goes_on {
            let to = next.in_force;
            (next.word, next.spent, next.times) = (self.word, self.spent, self.times);
            next.in_force = self.in_force;
            next.change(to, now);
        }
        next
    }

    fn interval(&self) -> u64 {
        (1e9 / self.in_force + 0.5).floor() as u64
    }

    fn limit(&self) -> u64 {
        self.in_force as u64
    }

    /// The largest cost that can ever be admitted.
    pub fn most(&self) -> u64 {
        match self.plan.rule {
            RateRule::Token { burst, .. } => burst,
            RateRule::Leaky { .. } => u64::MAX,
            RateRule::Fixed { limit, .. } => limit,
            RateRule::Sliding { .. } => 1,
        }
    }

    pub fn look(&self, ask: &Ask, now: u64) -> Result<Turn, Option<u64>> {
        match &self.plan.rule {
            RateRule::Token { burst, reserve, .. } => {
                let above: u64 = reserve[ask.level + 1..].iter().sum();
                let (t, i, allowed) = (self.word.max(now), self.interval(), burst - above);
                let arrival = t + ask.cost * i;
                if arrival - now <= allowed * i {
                    return Ok((Share::Word(arrival), 0));
                }
                Err((ask.cost <= allowed).then(|| arrival - allowed * i - now))
            }
            RateRule::Leaky { max_wait, .. } => {
                let turn = self.word.max(now);
                let wait = turn - now;
                match ask.deadline {
                    Some(deadline) if wait > 0 && turn > deadline => Err(None),
                    _ if wait > *max_wait => Err(Some(wait - max_wait)),
                    _ => Ok((Share::Word(turn + ask.cost * self.interval()), wait)),
                }
            }
            RateRule::Fixed { window, .. } => {
                if self.spent_in(now / window) + ask.cost <= self.limit() {
                    return Ok((Share::Cost(ask.cost), 0));
                }
                Err((ask.cost <= self.limit()).then(|| (now / window + 1) * window - now))
            }
            RateRule::Sliding { window, .. } => {
                let busy: Vec<u64> = self.times.iter().copied().filter(|at| at + window > now).collect();
                match busy.len().checked_sub(self.limit() as usize) {
                    None => Ok((Share::Time, 0)),
                    Some(first) => Err(Some(busy[first] + window - now)),
                }
            }
        }
    }

    fn spent_in(&self, number: u64) -> u64 {
        if self.spent.0 == number { self.spent.1 } else { 0 }
    }

    pub fn take(&mut self, share: Share, now: u64) {
        match (share, &self.plan.rule) {
            (Share::Word(word), _) => self.word = word,
            (Share::Cost(cost), RateRule::Fixed { window, .. }) => {
                self.spent = (now / window, self.spent_in(now / window) + cost);
            }
            (Share::Cost(_), _) => unreachable!("only a fixed window counts cost"),
            (Share::Time, _) => self.times.push(now),
        }
    }

    /// Notes that a call was refused or paced.
    pub fn hold(&mut self) {
        self.was_held = true;
    }

    pub fn count(&mut self, failed: bool) {
        self.outcomes += 1;
        self.failures += u64::from(failed);
    }

    /// Looks whether the rate is to change; answers how it did.
    pub fn adapt(&mut self, now: u64) -> Option<(f64, f64)> {
        let AdaptivePlan { min, max, scale, cooldown, lower_above, raise_below } =
            self.plan.adaptive.clone()?;
        if now < self.looked + cooldown || self.outcomes < 20 {
            return None;
        }
        let (from, factor) = (self.in_force, scale as f64 / WHOLE as f64);
        let failed = self.failures * WHOLE;
        let to = if failed > lower_above * self.outcomes {
            (from / factor).max(min)
        } else if failed < raise_below * self.outcomes && self.was_held {
            (from * factor).min(max)
        } else {
            from
        };
        (self.looked, self.outcomes, self.failures, self.was_held) = (now, 0, 0, false);
        self.change(to, now);
        (from != to).then_some((from, to))
    }

    /// Puts another rate in force. Tokens that are spent stay spent.
    pub fn change(&mut self, to: f64, now: u64) {
        let before = self.interval();
        self.in_force = to;
        if let (RateRule::Token { .. }, true) = (&self.plan.rule, self.word > now) {
            let spent = u128::from(self.word - now) * u128::from(self.interval());
            self.word = now + spent.div_ceil(u128::from(before)) as u64;
        }
    }

    /// The rate in force, what a critical call finds, and how long one of cost 1 would be refused.
    pub fn shown(&self, now: u64) -> (f64, Option<u64>, Option<u64>) {
        let available = match &self.plan.rule {
            RateRule::Token { burst, .. } => {
                Some(burst.saturating_sub(self.word.saturating_sub(now).div_ceil(self.interval())))
            }
            RateRule::Leaky { .. } => None,
            RateRule::Fixed { window, .. } => Some(self.limit().saturating_sub(self.spent_in(now / window))),
            RateRule::Sliding { window, .. } => {
                let busy = self.times.iter().filter(|at| **at + window > now).count() as u64;
                Some(self.limit().saturating_sub(busy))
            }
        };
        let critical = Ask { level: 4, cost: 1, deadline: None };
        (self.in_force, available, self.look(&critical, now).err().flatten())
    }
}
