//! §6: how long one opening lasts.

use super::config::{BackoffKind, Plan, WHOLE};
use super::window::fraction;

const MILLISECOND: u64 = 1_000_000;

/// `k` openings in a row, opening `number` of the breaker, after one that lasted `previous`.
pub fn duration(plan: &Plan, k: u64, number: u64, previous: u64) -> u64 {
    let base = plan.recovery_timeout;
    let jitter = fraction(plan.backoff.jitter);
    let (length, max) = match plan.backoff.kind {
        BackoffKind::Fixed => (base, (base as f64 * (1.0 + jitter)) as u64),
        BackoffKind::Linear { max } => (base.saturating_mul(k), max),
        BackoffKind::Exponential { max, multiplier } => (exponential(base, multiplier, k, max), max),
        BackoffKind::Fibonacci { max } => (base.saturating_mul(fibonacci(k)), max),
        BackoffKind::DecorrelatedJitter { max } => {
            let before = if k == 1 { base } else { previous };
            let draw = uniform(base as f64, 3.0 * before as f64, draw(plan.seed, number, 0));
            (draw.floor() as u64, max)
        }
    };
    let factor = uniform(1.0 - jitter, 1.0 + jitter, draw(plan.seed, number, 1));
    let jittered = (length.min(max) as f64 * factor).floor() as u64;
    jittered.min(max).max(MILLISECOND)
}

fn exponential(base: u64, multiplier: u64, k: u64, max: u64) -> u64 {
    let mut power = u128::from(base);
    for _ in 1..k {
        power = power * u128::from(multiplier) / u128::from(WHOLE);
        if power >= u128::from(max) {
            return max;
        }
    }
    power as u64
}

fn fibonacci(k: u64) -> u64 {
    let (mut this, mut next) = (1_u64, 1_u64);
    for _ in 1..k {
        (this, next) = (next, this.saturating_add(next));
    }
    this
}

fn uniform(a: f64, b: f64, u: f64) -> f64 {
    a + (b - a) * u
}

/// A number in [0, 1) that depends on nothing but its arguments.
fn draw(seed: u64, number: u64, i: u64) -> f64 {
    let step = 2_u64.wrapping_mul(number).wrapping_add(i + 1);
    let bits = mix(seed.wrapping_add(step.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// The finaliser of SplitMix64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
