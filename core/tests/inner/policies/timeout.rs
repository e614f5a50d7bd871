//! The limit that is learned: any row of samples against the policy's sentences, and threads at once.

use super::{MILLI, SECOND, config};
use crate::policy::timeout::{LearnKind, LearnRules, Learned};
use proptest::collection::vec;
use proptest::prelude::*;

const KINDS: [LearnKind; 3] = [LearnKind::Percentile, LearnKind::Adaptive, LearnKind::Hybrid];

fn rules(kind: LearnKind) -> LearnRules {
    LearnRules {
        kind,
        percentile_bp: 9_500,
        factor_bp: 15_000,
        min: 100 * MILLI,
        max: 30 * SECOND,
        window: 100,
        initial: SECOND,
    }
}

/// What the policy says of all samples so far, the oldest first: what is to be rounded down and clamped.
fn plain(rules: &LearnRules, samples: &[(u64, bool)]) -> f64 {
    let known = samples.len() / 10 * 10;
    if known == 0 {
        return rules.initial as f64;
    }
    let last = &samples[known.saturating_sub(rules.window as usize)..known];
    let n = last.len() as f64;
    let mut sorted: Vec<u64> = last.iter().map(|(d, _)| *d).collect();
    sorted.sort_unstable();
    let rank = (1..=last.len()).find(|r| *r as u64 * 10_000 >= rules.percentile_bp * last.len() as u64);
    let factor = rules.factor_bp as f64 / 10_000.0;
    let percentile = sorted[rank.unwrap_or(last.len()) - 1] as f64 * factor;
    let mean = sorted.iter().map(|d| *d as f64).sum::<f64>() / n;
    let variance = sorted.iter().map(|d| (*d as f64 - mean).powi(2)).sum::<f64>() / n;
    let in_time = last.iter().filter(|(_, timed_out)| !timed_out).count();
    let s = in_time as f64 / n;
    let is_mostly_late = in_time * 100 < last.len() * 95;
    let adaptive = factor * (mean + 2.0 * variance.sqrt()) * if is_mostly_late { 2.0 - s } else { 1.0 };
    match rules.kind {
        LearnKind::Percentile => percentile,
        LearnKind::Adaptive => adaptive,
        LearnKind::Hybrid => s * percentile + (1.0 - s) * adaptive,
    }
}

fn learn_rules() -> impl Strategy<Value = LearnRules> {
    let kind = (0..KINDS.len()).prop_map(|i| KINDS[i]);
    let window = prop_oneof![Just(10u64), Just(100), 10..40u64];
    (kind, 1..10_000u64, 10_000..=100_000u64, window, 1..5_000u64, 0..20_000u64).prop_map(
        |(kind, percentile_bp, factor_bp, window, min, span)| LearnRules {
            kind,
            percentile_bp,
            factor_bp,
            window,
            min: min * MILLI,
            max: (min + span) * MILLI,
            initial: min * MILLI,
        },
    )
}

fn sample() -> impl Strategy<Value = (u64, bool)> {
    let duration = prop_oneof![
        3 => (0..20_000u64).prop_map(|ms| ms * MILLI),
        3 => 0..20 * SECOND,
        1 => Just(0u64),
        1 => Just(24 * 3_600 * SECOND),
    ];
    (duration, prop::bool::weighted(0.1))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_limit_is_learned_as_the_policy_says(rules in learn_rules(), samples in vec(sample(), 0..150)) {
        let learned = Learned::new(rules);
        prop_assert_eq!(learned.limit(), rules.initial);
        for n in 1..=samples.len() {
            let (duration, timed_out) = samples[n - 1];
            learned.sample(duration, timed_out);
            let exact = plain(&rules, &samples[..n]).clamp(rules.min as f64, rules.max as f64);
            // The model adds doubles, whose rounding may fall on the other side of a nanosecond.
            let (limit, slack) = (learned.limit() as f64, 1e-12 * exact);
            prop_assert!(limit <= exact + slack && exact - slack < limit + 1.0, "{limit} for {exact} after {n}");
        }
    }
}

fn limit(kind: LearnKind, samples: &[(u64, bool)]) -> u64 {
    let learned = Learned::new(rules(kind));
    samples.iter().for_each(|(ms, timed_out)| learned.sample(ms * MILLI, *timed_out));
    assert_eq!(learned.rules().kind, kind);
    learned.limit()
}

#[test]
fn the_first_limit_holds_until_ten_samples_are_known() {
    for kind in KINDS {
        assert_eq!(limit(kind, &[(200, false); 9]), SECOND);
        assert_eq!(limit(kind, &[(200, false); 10]), 300 * MILLI);
    }
}

#[test]
fn a_limit_moves_with_every_tenth_sample_alone() {
    let mut samples = vec![(200, false); 10];
    samples.extend([(1_000, false); 9]);
    assert_eq!(limit(LearnKind::Percentile, &samples), 300 * MILLI);
    samples.push((1_000, false));
    assert_eq!(limit(LearnKind::Percentile, &samples), 1_500 * MILLI);
}

#[test]
fn a_limit_stays_in_its_range() {
    for kind in KINDS {
        assert_eq!(limit(kind, &[(1, false); 10]), 100 * MILLI);
        assert_eq!(limit(kind, &[(100_000, true); 10]), 30 * SECOND);
    }
}

#[test]
fn the_percentile_is_of_the_nearest_rank() {
    let samples: Vec<_> = (1..=20).map(|n| (n * 100, false)).rev().collect();
    for (percentile_bp, ms) in
        [(9_500, 1_900), (9_501, 2_000), (1, 100), (500, 100), (501, 200), (9_999, 2_000)]
    {
        let mut durations: Vec<u64> = samples.iter().map(|(ms, _)| ms * MILLI).collect();
        let rules = LearnRules { percentile_bp, factor_bp: 10_000, ..rules(LearnKind::Percentile) };
        assert_eq!(rules.limit(&mut durations, 0), ms * MILLI, "{percentile_bp}");
    }
}

#[test]
fn late_attempts_lengthen_an_adaptive_limit_when_more_than_one_in_twenty_is_late() {
    // Mean 300 ms, deviation 100 ms: 1.5 times 500 ms.
    let mut samples: Vec<_> = [(200, false), (400, false)].repeat(10);
    assert_eq!(limit(LearnKind::Adaptive, &samples), 750 * MILLI);
    samples[0].1 = true;
    assert_eq!(limit(LearnKind::Adaptive, &samples), 750 * MILLI);
    samples[1].1 = true;
    assert_eq!(limit(LearnKind::Adaptive, &samples), 825 * MILLI);
    // A tenth is late: nine tenths of 1.5 times 400 ms, and a tenth of that.
    assert_eq!(limit(LearnKind::Hybrid, &samples), 622_500_000);
}

#[test]
fn without_samples_the_first_limit_holds() {
    assert_eq!(rules(LearnKind::Hybrid).limit(&mut [], 0), SECOND);
}

#[test]
fn threads_at_once_lose_no_sample() {
    let rules = LearnRules { window: 4_010, min: 1, ..rules(LearnKind::Hybrid) };
    let learned = Learned::new(rules);
    let samples = |thread: u64| (1..=1_000u64).map(move |i| (thread * 1_000 + i * i, i % 7 == 0));
    std::thread::scope(|scope| {
        for thread in 1..=4 {
            let learned = &learned;
            scope.spawn(move || samples(thread).for_each(|(d, timed_out)| learned.sample(d, timed_out)));
        }
    });
    // The limit that ten more make has those, too, that were being written when the one before was computed.
    (0..10).for_each(|_| learned.sample(1, false));
    let mut all: Vec<u64> = (1..=4).flat_map(samples).map(|(d, _)| d).chain([1; 10]).collect();
    assert_eq!(learned.limit(), rules.limit(&mut all, 4 * 142));
}
