//! Seeded draws for jitter, the same in every language (semantics §6).

use std::sync::atomic::{AtomicU64, Ordering};

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64's finaliser (Steele, Lea, Flood 2014).
pub(crate) const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Which of an opening's two draws.
#[derive(Clone, Copy)]
pub(crate) enum Draw {
    /// The length of `decorrelated_jitter`.
    Decorrelated = 0,
    /// The factor of `jitter`.
    Jitter = 1,
}

/// The share in [0, 1) that belongs to opening `n` alone, so that racing threads cannot reorder the draws.
pub(crate) fn unit(seed: u64, n: u64, draw: Draw) -> f64 {
    let step = n.wrapping_mul(2).wrapping_add(draw as u64).wrapping_add(1);
    let bits = mix(seed.wrapping_add(step.wrapping_mul(GOLDEN))) >> 11;
    bits as f64 / (1u64 << 53) as f64
}

/// `a + (b - a) u`.
pub(crate) fn uniform(a: f64, b: f64, u: f64) -> f64 {
    a + (b - a) * u
}

/// A seed for a breaker whose document has none: different for every process and breaker, so that replicas do not
/// march in step.
pub(crate) fn random_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0u8) >> 11
}

/// Such a seed, drawn at its first use by whoever comes; nobody waits for anybody, who might be left behind by a fork.
pub(crate) struct LazySeed(AtomicU64);

impl LazySeed {
    pub(crate) const fn new() -> Self {
        LazySeed(AtomicU64::new(0))
    }

    pub(crate) fn get(&self) -> u64 {
        match self.0.load(Ordering::Relaxed) {
            0 => {
                let drawn = random_seed().max(1);
                self.0.compare_exchange(0, drawn, Ordering::Relaxed, Ordering::Relaxed).err().unwrap_or(drawn)
            }
            drawn => drawn,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_published_sequence_of_splitmix64() {
        // The first outputs of SplitMix64 seeded with 1234567, as its reference implementation prints them.
        let outputs: Vec<u64> =
            (1..=3u64).map(|i| mix(1_234_567u64.wrapping_add(i.wrapping_mul(GOLDEN)))).collect();
        assert_eq!(
            outputs,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn a_draw_is_a_share() {
        for n in 0..10_000 {
            let u = unit(42, n, Draw::Jitter);
            assert!((0.0..1.0).contains(&u));
        }
    }
}
