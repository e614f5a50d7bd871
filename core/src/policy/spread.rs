//! Mean and standard deviation of durations (policies §6, §7).

use crate::clock::Nanos;

/// Longer ones count as this: thirteen days, more than any policy waits. So the sums below stay whole numbers.
const LONGEST: Nanos = 1 << 50;

/// Of that many durations the sums are exact.
pub(crate) const MOST: usize = 10_000;

/// Mean and standard deviation of all of these, in nanoseconds; 0 and 0 of none.
///
/// Both come from whole sums, so they do not depend on the order of the durations.
pub(crate) fn spread(durations: &[Nanos]) -> (f64, f64) {
    debug_assert!(durations.len() <= MOST);
    let n = durations.len() as u128;
    let capped = || durations.iter().map(|d| u128::from((*d).min(LONGEST)));
    let (sum, squares) = (capped().sum::<u128>(), capped().map(|d| d * d).sum::<u128>());
    // n² times the variance.
    let scaled = n * squares - sum * sum;
    let n = n.max(1) as f64;
    (sum as f64 / n, (scaled as f64).sqrt() / n)
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn is_that_of_a_population() {
        assert_eq!(spread(&[]), (0.0, 0.0));
        assert_eq!(spread(&[7]), (7.0, 0.0));
        assert_eq!(spread(&[2, 4, 4, 4, 5, 5, 7, 9]), (5.0, 2.0));
        assert_eq!(spread(&[100_000_000, 300_000_000]), (200_000_000.0, 100_000_000.0));
    }

    #[test]
    fn is_exact_at_the_ends_of_its_range() {
        assert_eq!(spread(&vec![u64::MAX; MOST]), (LONGEST as f64, 0.0));
        let mut halves = vec![0; MOST];
        halves[..MOST / 2].fill(LONGEST);
        assert_eq!(spread(&halves), (LONGEST as f64 / 2.0, LONGEST as f64 / 2.0));
    }
}
