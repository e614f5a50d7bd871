//! How long an opening lasts (semantics §6): a pure function of the opening's numbers. Retries wait by the same rules.

use crate::clock::Nanos;
use crate::rng::{self, Draw};

/// Nothing lasts shorter, whatever the jitter draws.
const SHORTEST: Nanos = 1_000_000;

/// One in ten-thousandths, the unit of shares and multipliers.
pub(crate) const ONE_BP: u64 = 10_000;

/// How repeated openings lengthen the first duration T.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Growth {
    Fixed,
    Linear,
    Exponential { multiplier_bp: u64 },
    Fibonacci,
    DecorrelatedJitter,
}

/// The rule for the length of an opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    pub growth: Growth,
    /// M, the longest duration; `fixed` has none of its own.
    pub max: Nanos,
    pub jitter_bp: u64,
    /// A closed spell at least this long starts the row of openings afresh.
    pub reset_after: Nanos,
}

/// The numbers of one opening; those of one retry stand in their places (policies §7).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    /// T.
    pub base: Nanos,
    /// k: openings in a row, this one included.
    pub in_row: u64,
    /// n: openings of this breaker ever, this one included.
    pub number: u64,
    /// d: the previous opening's length as it came out.
    pub previous: Nanos,
    pub seed: u64,
}

impl Backoff {
    pub(crate) fn duration(&self, o: Opening) -> Nanos {
        self.finished(self.grown(o), o)
    }

    /// A length without jitter as it comes out: with jitter, and neither too long nor too short.
    pub(crate) fn finished(&self, grown: Nanos, o: Opening) -> Nanos {
        let cap = match self.growth {
            Growth::Fixed => scale(o.base, ONE_BP + self.jitter_bp),
            _ => self.max,
        };
        self.jittered(grown, o).min(cap).max(SHORTEST)
    }

    /// The length without jitter.
    pub(crate) fn grown(&self, o: Opening) -> Nanos {
        match self.growth {
            Growth::Fixed => o.base,
            Growth::Linear => o.base.saturating_mul(o.in_row).min(self.max),
            Growth::Exponential { multiplier_bp } => self.power(o.base, multiplier_bp, o.in_row),
            Growth::Fibonacci => o.base.saturating_mul(self.fibonacci(o.base, o.in_row)).min(self.max),
            Growth::DecorrelatedJitter => {
                let d = if o.in_row == 1 { o.base } else { o.previous };
                let u = rng::unit(o.seed, o.number, Draw::Decorrelated);
                (rng::uniform(o.base as f64, 3.0 * d as f64, u) as Nanos).min(self.max)
            }
        }
    }

    /// T m^(k-1), each power the one before times m, rounded down.
    fn power(&self, base: Nanos, multiplier_bp: u64, in_row: u64) -> Nanos {
        let mut d = base;
        for _ in 1..in_row {
            let next = scale(d, multiplier_bp);
            if next >= self.max {
                return self.max;
            }
            if next == d {
                break;
            }
            d = next;
        }
        d.min(self.max)
    }

    /// F(k), no further than what already exceeds M.
    fn fibonacci(&self, base: Nanos, in_row: u64) -> u64 {
        let (mut a, mut b) = (1u64, 1u64);
        for _ in 1..in_row {
            if a.saturating_mul(base) >= self.max {
                break;
            }
            (a, b) = (b, a.saturating_add(b));
        }
        a
    }

    fn jittered(&self, d: Nanos, o: Opening) -> Nanos {
        if self.jitter_bp == 0 {
            return d;
        }
        let j = self.jitter_bp as f64 / ONE_BP as f64;
        let u = rng::unit(o.seed, o.number, Draw::Jitter);
        (d as f64 * rng::uniform(1.0 - j, 1.0 + j, u)) as Nanos
    }
}

/// `d` times a number of ten-thousandths, rounded down, saturating.
fn scale(d: Nanos, bp: u64) -> Nanos {
    u64::try_from(u128::from(d) * u128::from(bp) / u128::from(ONE_BP)).unwrap_or(u64::MAX)
}
