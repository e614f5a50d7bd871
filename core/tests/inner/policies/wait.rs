//! How long retries wait: all kinds against the policy's sentences.

use super::{MILLI, SECOND, config};
use crate::policy::wait::{After, Choice, FIRST_RETRY, Retry, Scores, Wait, WaitKind, WaitRules};
use crate::rng::mix;
use proptest::collection::vec;
use proptest::prelude::*;

const KINDS: [WaitKind; 8] = [
    WaitKind::Fixed,
    WaitKind::Linear,
    WaitKind::Exponential,
    WaitKind::Fibonacci,
    WaitKind::DecorrelatedJitter,
    WaitKind::ResourceSensitive,
    WaitKind::PatternBased,
    WaitKind::Adaptive,
];

const FAILED: After = After::Failure { hint: None };
const OPEN: After = After::Rejection { retry_after: Some(7 * SECOND), is_open: true };

fn rules(kind: WaitKind) -> WaitRules {
    let is_fixed = kind == WaitKind::Fixed;
    let max = if is_fixed { 0 } else { 5 * SECOND };
    WaitRules { kind, base: 100 * MILLI, max, multiplier_bp: 20_000, jitter_bp: 0 }
}

fn retry(attempts: u64) -> Retry<'static> {
    Retry {
        attempts,
        number: FIRST_RETRY,
        previous: None,
        seed: 42,
        utilisation: 0.0,
        outages: &[],
        scores: Scores::default(),
        after: FAILED,
    }
}

// ---- the model ----

fn draw(seed: u64, n: u64, i: u64) -> f64 {
    let steps = n.wrapping_mul(2).wrapping_add(i + 1);
    (mix(seed.wrapping_add(steps.wrapping_mul(0x9E37_79B9_7F4A_7C15))) >> 11) as f64 / 2f64.powi(53)
}

fn share(bp: u64) -> f64 {
    bp as f64 / 10_000.0
}

/// The length before jitter.
fn grown(rules: &WaitRules, retry: &Retry<'_>, kind: WaitKind) -> u64 {
    let (base, k, max) = (rules.base, retry.attempts, rules.max);
    match kind {
        WaitKind::Fixed => base,
        WaitKind::Linear => (base * k).min(max),
        WaitKind::Fibonacci => {
            let (mut a, mut b) = (1u64, 1u64);
            (1..k).for_each(|_| (a, b) = (b, a.saturating_add(b)));
            base.saturating_mul(a).min(max)
        }
        WaitKind::DecorrelatedJitter => {
            let d = if k == 1 { base } else { retry.previous.unwrap_or(base) };
            let (a, b) = (base as f64, 3.0 * d as f64);
            ((a + (b - a) * draw(retry.seed, retry.number, 0)) as u64).min(max)
        }
        _ => {
            let mut length = u128::from(base);
            for _ in 1..k {
                length = (length * u128::from(rules.multiplier_bp) / 10_000).min(max.into());
            }
            length as u64
        }
    }
}

fn steady_mean(outages: &[u64]) -> Option<f64> {
    let last = &outages[outages.len().max(10) - 10..];
    if last.len() < 3 {
        return None;
    }
    let n = last.len() as f64;
    let mean = last.iter().sum::<u64>() as f64 / n;
    let variance = last.iter().map(|d| (*d as f64 - mean).powi(2)).sum::<f64>() / n;
    (variance.sqrt() < 0.2 * mean).then_some(mean)
}

fn own(rules: &WaitRules, retry: &Retry<'_>) -> u64 {
    let is_open = matches!(retry.after, After::Rejection { is_open: true, .. });
    let kind = match rules.kind {
        WaitKind::Adaptive => {
            let kinds = [WaitKind::Exponential, WaitKind::Fibonacci, WaitKind::DecorrelatedJitter];
            let best = retry.scores.0.iter().copied().fold(0.0, f64::max);
            kinds[retry.scores.0.iter().position(|s| *s == best).unwrap()]
        }
        kind => kind,
    };
    let length = match (rules.kind, steady_mean(retry.outages)) {
        (WaitKind::PatternBased, Some(mean)) if is_open => {
            (mean * (1.0 + 0.1 * (retry.attempts - 1) as f64)) as u64
        }
        (WaitKind::ResourceSensitive, _) => {
            (grown(rules, retry, kind) as f64 * (1.0 + retry.utilisation)) as u64
        }
        _ => grown(rules, retry, kind),
    };
    let j = share(rules.jitter_bp);
    let (least, most) = (1.0 - j, 1.0 + j);
    let factor = least + (most - least) * draw(retry.seed, retry.number, 1);
    let max = if rules.kind == WaitKind::Fixed {
        (u128::from(rules.base) * u128::from(10_000 + rules.jitter_bp) / 10_000) as u64
    } else {
        rules.max
    };
    ((length as f64 * factor) as u64).min(max).max(MILLI)
}

fn plain(rules: &WaitRules, retry: &Retry<'_>) -> u64 {
    let own = own(rules, retry);
    let apart = (rules.base as f64 * draw(retry.seed, retry.number + (1 << 33), 0)) as u64;
    match retry.after {
        After::Failure { hint } => own.max(hint.unwrap_or(0)),
        After::Rejection { retry_after, is_open: true } if rules.kind == WaitKind::PatternBased => {
            own.max(retry_after.unwrap_or(0)) + apart
        }
        After::Rejection { retry_after, .. } => retry_after.unwrap_or(own) + apart,
    }
}

fn wait_rules() -> impl Strategy<Value = WaitRules> {
    let base = prop_oneof![Just(MILLI), Just(100 * MILLI), MILLI..3_600 * SECOND];
    let jitter = prop_oneof![Just(0u64), Just(2_000), Just(10_000), 0..=10_000u64];
    (0..KINDS.len(), base, 0..100u64, 10_000..60_000u64, jitter).prop_map(
        |(kind, base, times, multiplier_bp, jitter_bp)| {
            let kind = KINDS[kind];
            let max = if kind == WaitKind::Fixed { 0 } else { base + base * times / 10 };
            WaitRules { kind, base, max, multiplier_bp, jitter_bp }
        },
    )
}

fn after() -> impl Strategy<Value = After> {
    let some = || prop::option::of(prop_oneof![0..10 * SECOND, 0..3_600 * SECOND]);
    prop_oneof![
        some().prop_map(|hint| After::Failure { hint }),
        (some(), any::<bool>()).prop_map(|(retry_after, is_open)| After::Rejection { retry_after, is_open }),
    ]
}

prop_compose! {
    fn numbers()(
        attempts in prop_oneof![1..12u64, 1..100u64],
        r in 0..1_000u64,
        previous in prop::option::of(MILLI..3_600 * SECOND),
        seed in 0..1u64 << 53,
        utilisation in prop_oneof![Just(0.0), Just(1.0), 0.0..1.0f64],
        scores in prop::array::uniform3(prop_oneof![Just(0.5), 0.0..=1.0f64]),
        after in after(),
    ) -> Retry<'static> {
        let scores = Scores(scores);
        Retry { attempts, number: FIRST_RETRY + r, previous, seed, utilisation, outages: &[], scores, after }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_retry_waits_as_the_policy_says(
        rules in wait_rules(),
        numbers in numbers(),
        (steady, spans) in (20_000..600_000u64, 0..40u64),
        outages in vec(0..1_000u64, 0..14),
    ) {
        // Around some length, wide or narrow, in milliseconds.
        let outages: Vec<u64> =
            outages.into_iter().map(|o| (steady + steady * spans * o / 50_000) * MILLI).collect();
        let retry = Retry { outages: &outages, ..numbers };
        let Wait { total, backoff } = rules.wait(&retry);
        prop_assert_eq!(total, plain(&rules, &retry));
        if let Some(taken) = backoff {
            prop_assert_eq!(taken.length, own(&rules, &retry));
            prop_assert_eq!(taken.choice.is_some(), rules.kind == WaitKind::Adaptive);
        }
        let is_said = matches!(retry.after, After::Rejection { retry_after: Some(_), is_open }
            if !is_open || rules.kind != WaitKind::PatternBased);
        prop_assert_eq!(backoff.is_none(), is_said);
    }

    #[test]
    fn scores_stay_between_0_and_1(steps in vec((0..3usize, 0..=SECOND, any::<bool>()), 0..100)) {
        let mut scores = Scores::default();
        for (used, wait, has_succeeded) in steps {
            let before = scores;
            scores.learn(Choice::ALL[used], wait, SECOND, has_succeeded);
            let goal = if has_succeeded { 1.0 - wait as f64 / 1e9 } else { 0.0 };
            for (i, score) in scores.0.iter().enumerate() {
                let (share, goal) = if i == used { (0.2, goal) } else { (0.02, 1.0) };
                prop_assert!((score - ((1.0 - share) * before.0[i] + share * goal)).abs() < 1e-12);
                prop_assert!((0.0..=1.0).contains(score));
            }
        }
    }
}

// ---- by hand ----

fn waits(kind: WaitKind) -> [u64; 7] {
    std::array::from_fn(|i| rules(kind).wait(&retry(i as u64 + 1)).total / MILLI)
}

#[test]
fn waits_grow_by_kind() {
    assert_eq!(waits(WaitKind::Fixed), [100; 7]);
    assert_eq!(waits(WaitKind::Linear), [100, 200, 300, 400, 500, 600, 700]);
    assert_eq!(waits(WaitKind::Exponential), [100, 200, 400, 800, 1_600, 3_200, 5_000]);
    assert_eq!(waits(WaitKind::Fibonacci), [100, 100, 200, 300, 500, 800, 1_300]);
    for kind in [WaitKind::ResourceSensitive, WaitKind::PatternBased, WaitKind::Adaptive] {
        assert_eq!(waits(kind), waits(WaitKind::Exponential));
    }
}

#[test]
fn a_busy_host_waits_up_to_twice_as_long_and_never_longer_than_the_longest() {
    for (attempts, utilisation, ms) in [(2, 0.5, 300), (2, 1.0, 400), (6, 1.0, 5_000)] {
        let retry = Retry { utilisation, ..retry(attempts) };
        assert_eq!(rules(WaitKind::ResourceSensitive).wait(&retry).total, ms * MILLI);
        assert_eq!(
            rules(WaitKind::Exponential).wait(&retry).total,
            waits(WaitKind::Exponential)[attempts as usize - 1] * MILLI
        );
    }
}

#[test]
fn a_hint_lengthens_a_wait_beyond_the_longest_and_shortens_none() {
    for (hint, ms) in [(9_000, 9_000), (50, 100)] {
        let retry = Retry { after: After::Failure { hint: Some(hint * MILLI) }, ..retry(1) };
        let wait = rules(WaitKind::Exponential).wait(&retry);
        assert_eq!((wait.total, wait.backoff.map(|taken| taken.length)), (ms * MILLI, Some(100 * MILLI)));
    }
}

#[test]
fn rejected_calls_come_again_apart() {
    let rules = rules(WaitKind::Exponential);
    let mut seen = std::collections::BTreeSet::new();
    for r in 0..100 {
        let retry = Retry { after: OPEN, number: FIRST_RETRY + r, ..retry(1) };
        let wait = rules.wait(&retry);
        assert_eq!(wait.backoff, None);
        assert!((7 * SECOND..7 * SECOND + 100 * MILLI).contains(&wait.total));
        seen.insert(wait.total);
    }
    assert_eq!(seen.len(), 100);
}

#[test]
fn steady_outages_say_when_the_next_ends() {
    let rules = WaitRules { max: 3_600 * SECOND, ..rules(WaitKind::PatternBased) };
    let own = |outages: &[u64], attempts, after| {
        let outages: Vec<u64> = outages.iter().map(|s| s * SECOND).collect();
        let wait = rules.wait(&Retry { outages: &outages, after, ..retry(attempts) });
        wait.backoff.map(|taken| taken.length / MILLI)
    };
    assert_eq!(own(&[60, 60, 60], 1, OPEN), Some(60_000));
    assert_eq!(own(&[60, 60, 60], 3, OPEN), Some(72_000));
    assert_eq!(own(&[60, 60, 60], 3, FAILED), Some(400), "the breaker is not open");
    assert_eq!(own(&[60, 60], 3, OPEN), Some(400), "too few");
    assert_eq!(own(&[20, 60, 60], 3, OPEN), Some(400), "not alike");
    assert_eq!(own(&[8, 12], 1, OPEN), Some(100));
    // Deviation and mean 2 and 10: not below a fifth.
    assert_eq!(own(&[8, 12, 8, 12], 1, OPEN), Some(100));
    assert_eq!(own(&[9, 11, 9, 11], 1, OPEN), Some(10_000));
    assert_eq!(own(&[0, 0, 0], 1, OPEN), Some(100));
    let mut many = vec![1_000; 5];
    many.extend([60; 10]);
    assert_eq!(own(&many, 1, OPEN), Some(60_000), "the last ten alone");
}

#[test]
fn a_wait_for_the_end_of_an_outage_is_never_shorter_than_what_is_left_of_it() {
    let rules = WaitRules { max: 3_600 * SECOND, ..rules(WaitKind::PatternBased) };
    for (outages, least) in [([3 * SECOND; 3], 7), ([60 * SECOND; 3], 60)] {
        let wait = rules.wait(&Retry { outages: &outages, after: OPEN, ..retry(1) });
        assert!((least * SECOND..least * SECOND + 100 * MILLI).contains(&wait.total));
    }
}

#[test]
fn adaptive_takes_the_kind_with_the_best_score_and_learns_from_what_it_took() {
    let rules = rules(WaitKind::Adaptive);
    let mut scores = Scores::default();
    let take = |scores: Scores| rules.wait(&Retry { scores, ..retry(3) }).backoff.unwrap();
    let mut chosen = Vec::new();
    for _ in 0..4 {
        let taken = take(scores);
        let choice = taken.choice.unwrap();
        chosen.push(choice.name());
        scores.learn(choice, taken.length, rules.max, false);
    }
    assert_eq!(chosen, ["exponential", "fibonacci", "decorrelated_jitter", "exponential"]);
    let mut scores = Scores([0.5, 0.5, 0.5]);
    scores.learn(Choice::Fibonacci, SECOND, 5 * SECOND, true);
    let expected = [0.51, 0.56, 0.51];
    assert!(scores.0.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{scores:?}");
}
