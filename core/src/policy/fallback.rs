//! What answers when the call does not (policies §8).

/// One way to answer. A document writes it as text: `cache`, `breaker:<name>`, or any other name for what the host has
/// under it, a function or a constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rung {
    Cache,
    /// The call goes through that breaker, with the host's function for it.
    Breaker(Box<str>),
    Named(Box<str>),
}

/// The rungs in the order they are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FallbackRules {
    pub rungs: Box<[Rung]>,
}
