//! The time window: a bucket is read whole, and what an adaptive window learns it learns once.

use super::small_model;
use crate::detect::time::{Credited, Period, TimeStripe};
use crate::detect::{Mark, Sums};
use crate::sync::AtomicU64;
use loom::sync::Arc;

const BAD: Mark = Mark { failure: true, slow: true };
const PERIOD: Period = Period { width: 10, buckets: 2 };

fn stripe_words() -> Arc<Vec<AtomicU64>> {
    Arc::new((0..Period::words(PERIOD.buckets)).map(|_| AtomicU64::new(0)).collect())
}

fn credit(words: &[AtomicU64], since: u64, now: u64) -> Credited {
    TimeStripe(words).credit(since, 0, now, &PERIOD, BAD)
}

/// Reads the bucket of `stretch` while its owner goes on as `owner` says.
fn read_against(owner: fn(&[AtomicU64]), since: u64, stretch: u64, is_possible: fn(Sums) -> bool) {
    small_model(move || {
        let words = stripe_words();
        for _ in 0..2 {
            assert_eq!(credit(&words, 0, 0), Credited::Evaluate);
        }
        let reader = Arc::clone(&words);
        let reading = loom::thread::spawn(move || TimeStripe(&reader).read(since, stretch, PERIOD.buckets));
        owner(&words);
        let sums = reading.join().expect("the reader panicked");
        assert!(is_possible(sums), "{sums:?}");
    });
}

#[test]
fn a_reader_sees_a_bucket_before_or_after_it_was_given_away_never_a_mixture() {
    // Two outcomes in stretch 0; then its place is given to stretch 2.
    read_against(
        |words| (0..2).for_each(|_| assert_eq!(credit(words, 0, 20), Credited::Evaluate)),
        0,
        0,
        |s| s == Sums::default() || s == Sums { total: 2, failures: 2, slow: 2 },
    );
}

#[test]
fn a_reader_sees_nothing_of_the_old_stretch_in_the_new_one() {
    read_against(
        |words| assert_eq!(credit(words, 0, 20), Credited::Evaluate),
        0,
        2,
        |s| s.total <= 1 && s.failures <= s.total && s.slow <= s.total,
    );
}

#[test]
fn a_reader_sees_nothing_of_the_old_generation_in_the_new_one() {
    read_against(
        |words| assert_eq!(credit(words, 2, 5), Credited::Evaluate),
        2,
        0,
        |s| s.total <= 1 && s.failures <= s.total && s.slow <= s.total,
    );
}

#[test]
fn a_reader_never_sees_more_failures_than_outcomes() {
    read_against(
        |words| assert_eq!(credit(words, 0, 1), Credited::Evaluate),
        0,
        0,
        |s| (2..=3).contains(&s.total) && s.failures <= s.total && s.slow <= s.total,
    );
}
