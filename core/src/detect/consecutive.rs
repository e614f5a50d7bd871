//! Consecutive failures: the count lies in the word itself, so that it and the state change in one step.

/// What a failure makes of the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Counted {
    /// The new count.
    Below(u32),
    /// The threshold is reached.
    Reached,
}

/// One failure more.
pub(crate) fn failure(count: u32, threshold: u32) -> Counted {
    if count + 1 >= threshold { Counted::Reached } else { Counted::Below(count + 1) }
}
