//! How long a retry waits (policies §7).

use super::spread::spread;
use crate::backoff::{Backoff, Growth, Opening};
use crate::clock::Nanos;
use crate::rng::{self, Draw};

/// How waits grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum WaitKind {
    Fixed,
    Linear,
    Exponential,
    Fibonacci,
    DecorrelatedJitter,
    ResourceSensitive,
    PatternBased,
    Adaptive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WaitRules {
    pub kind: WaitKind,
    pub base: Nanos,
    /// `fixed` has none of its own: 0.
    pub max: Nanos,
    /// Of the kinds in which an exponential wait occurs; 0 for others.
    pub multiplier_bp: u64,
    pub jitter_bp: u64,
}

/// The number of a breaker's first retry among its draws; those of its openings are smaller.
pub(crate) const FIRST_RETRY: u64 = 1 << 32;

/// What the draw that spreads rejected calls adds to the retry's number.
const REJECTED: u64 = 1 << 33;

/// The pattern of outages is looked for in so many at least, and in the last ten at most.
const FEWEST_OUTAGES: usize = 3;
pub(crate) const MOST_OUTAGES: usize = 10;

/// Outages are alike when their standard deviation is less than this share of their mean.
const ALIKE: f64 = 0.2;

/// What a retry's wait follows from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retry<'a> {
    /// k: attempts that were made, the first included.
    pub attempts: u64,
    /// n: [`FIRST_RETRY`] and up.
    pub number: u64,
    /// How long the backoff before this call's last retry that had one was, as it came out.
    pub previous: Option<Nanos>,
    pub seed: u64,
    /// 0 to 1, as the host last reported it.
    pub utilisation: f64,
    /// How long outages lasted, the last [`MOST_OUTAGES`] at most.
    pub outages: &'a [Nanos],
    pub scores: Scores,
    pub after: After,
}

/// What the last attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// It failed; the error may say itself when to come again.
    Failure { hint: Option<Nanos> },
    /// It was turned away.
    Rejection { retry_after: Option<Nanos>, is_open: bool },
}

/// How long a retry waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    pub total: Nanos,
    /// The backoff in it; `None` where a rejection said when to come again.
    pub backoff: Option<Taken>,
}

/// A backoff as it came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub length: Nanos,
    /// The kind that `adaptive` chose; `None` for others.
    pub choice: Option<Choice>,
}

impl WaitRules {
    /// How long the next attempt waits.
    pub(crate) fn wait(&self, retry: &Retry<'_>) -> Wait {
        let taken = self.backoff(retry);
        let (pause, is_taken) = match retry.after {
            After::Failure { hint } => (taken.length.max(hint.unwrap_or(0)), true),
            After::Rejection { retry_after, .. } if self.follows_outages(retry) => {
                (taken.length.max(retry_after.unwrap_or(0)), true)
            }
            After::Rejection { retry_after: Some(pause), .. } => (pause, false),
            After::Rejection { retry_after: None, .. } => (taken.length, true),
        };
        let total = match retry.after {
            After::Failure { .. } => pause,
            After::Rejection { .. } => pause.saturating_add(self.apart(retry)),
        };
        Wait { total, backoff: is_taken.then_some(taken) }
    }

    /// Whether the wait is one for the end of an outage: `pattern_based` alone, while the breaker is open.
    fn follows_outages(&self, retry: &Retry<'_>) -> bool {
        self.kind == WaitKind::PatternBased && matches!(retry.after, After::Rejection { is_open: true, .. })
    }

    /// What rejected calls wait in addition, so that they do not all come at once.
    fn apart(&self, retry: &Retry<'_>) -> Nanos {
        let u = rng::unit(retry.seed, retry.number.wrapping_add(REJECTED), Draw::Decorrelated);
        rng::uniform(0.0, self.base as f64, u) as Nanos
    }

    fn backoff(&self, retry: &Retry<'_>) -> Taken {
        let choice = (self.kind == WaitKind::Adaptive).then(|| retry.scores.best());
        let numbers = Opening {
            base: self.base,
            in_row: retry.attempts,
            number: retry.number,
            previous: retry.previous.unwrap_or(self.base),
            seed: retry.seed,
        };
        let rule = self.rule(choice);
        let of_outages =
            if self.follows_outages(retry) { pattern(retry.outages, retry.attempts) } else { None };
        let grown = of_outages.unwrap_or_else(|| rule.grown(numbers));
        let grown = match self.kind {
            WaitKind::ResourceSensitive => (grown as f64 * (1.0 + retry.utilisation)) as Nanos,
            _ => grown,
        };
        Taken { length: rule.finished(grown, numbers), choice }
    }

    /// The rule of semantics §6 that a kind is made of.
    fn rule(&self, choice: Option<Choice>) -> Backoff {
        let exponential = Growth::Exponential { multiplier_bp: self.multiplier_bp };
        let growth = match (self.kind, choice) {
            (WaitKind::Fixed, _) => Growth::Fixed,
            (WaitKind::Linear, _) => Growth::Linear,
            (WaitKind::Fibonacci, _) | (_, Some(Choice::Fibonacci)) => Growth::Fibonacci,
            (WaitKind::DecorrelatedJitter, _) | (_, Some(Choice::DecorrelatedJitter)) => {
                Growth::DecorrelatedJitter
            }
            _ => exponential,
        };
        Backoff { growth, max: self.max, jitter_bp: self.jitter_bp, reset_after: 0 }
    }
}

/// The mean of the last outages, longer by a tenth for each retry, when they are alike.
fn pattern(outages: &[Nanos], attempts: u64) -> Option<Nanos> {
    let last = &outages[outages.len().saturating_sub(MOST_OUTAGES)..];
    let (mean, deviation) = spread(last);
    let are_alike = last.len() >= FEWEST_OUTAGES && deviation / mean < ALIKE;
    are_alike.then(|| (mean * (1.0 + 0.1 * attempts.saturating_sub(1) as f64)) as Nanos)
}

/// The kinds that `adaptive` chooses from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Choice {
    Exponential = 0,
    Fibonacci = 1,
    DecorrelatedJitter = 2,
}

impl Choice {
    pub(crate) const ALL: [Choice; 3] = [Choice::Exponential, Choice::Fibonacci, Choice::DecorrelatedJitter];

    /// The name in documents and snapshots.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Choice::Exponential => "exponential",
            Choice::Fibonacci => "fibonacci",
            Choice::DecorrelatedJitter => "decorrelated_jitter",
        }
    }
}

/// How well the kinds have done that `adaptive` chooses from, in the order of [`Choice::ALL`]: 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scores(pub [f64; 3]);

impl Default for Scores {
    fn default() -> Self {
        Scores([1.0; 3])
    }
}

impl Scores {
    /// How far the score moves of the kind that was used, and of the others.
    const USED: f64 = 0.2;
    const OTHERS: f64 = 0.02;

    /// The kind with the best score, the first of equals.
    pub(crate) fn best(&self) -> Choice {
        let better =
            |best: Choice, c: Choice| if self.0[c as usize] > self.0[best as usize] { c } else { best };
        Choice::ALL.into_iter().fold(Choice::Exponential, better)
    }

    /// Learns how a retry went that waited `wait` of at most `max`.
    pub(crate) fn learn(&mut self, used: Choice, wait: Nanos, max: Nanos, has_succeeded: bool) {
        let reached = if has_succeeded { (1.0 - wait as f64 / max as f64).max(0.0) } else { 0.0 };
        for (kind, score) in Choice::ALL.into_iter().zip(&mut self.0) {
            let (share, goal) = if kind == used { (Self::USED, reached) } else { (Self::OTHERS, 1.0) };
            *score += share * (goal - *score);
        }
    }
}
