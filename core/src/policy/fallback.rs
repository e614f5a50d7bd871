//! What answers when the call does not (policies §8).

use super::cache::{CacheMode, CacheRules};
use crate::outcome::Outcome;
use std::collections::HashSet;
use std::fmt;

/// How a rung is written that goes through another breaker.
const BREAKER: &str = "breaker:";
const CACHE: &str = "cache";
/// Rungs of a chain.
pub(crate) const MAX_RUNGS: usize = 16;
/// Bytes of the longest name of a function or constant.
const MAX_NAME: usize = 64;

/// One way to answer. A document writes it as text: `cache`, `breaker:<name>`, or any other name for what the host has
/// under it, a function or a constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rung {
    Cache,
    /// The call goes through that breaker, with the host's function for it.
    Breaker(Box<str>),
    Named(Box<str>),
}

impl Rung {
    /// What a document can say.
    pub(crate) const ALLOWED: &'static str =
        "`cache`, `breaker:<name>`, or a name of 1 to 64 bytes without control characters";

    /// The rung of a text.
    pub(crate) fn parse(text: &str) -> Option<Rung> {
        let is_name =
            |name: &str, most: usize| (1..=most).contains(&name.len()) && !name.contains(char::is_control);
        match (text, text.strip_prefix(BREAKER)) {
            (CACHE, _) => Some(Rung::Cache),
            (_, Some(name)) => is_name(name, crate::name::MAX_BYTES).then(|| Rung::Breaker(name.into())),
            _ => is_name(text, MAX_NAME).then(|| Rung::Named(text.into())),
        }
    }
}

/// As a document writes it.
impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rung::Cache => f.write_str(CACHE),
            Rung::Breaker(name) => write!(f, "{BREAKER}{name}"),
            Rung::Named(name) => f.write_str(name),
        }
    }
}

/// The rungs in the order they are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FallbackRules {
    pub rungs: Box<[Rung]>,
}

/// What is wrong with a chain, for whom the key is that is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ChainError {
    /// `fallback`: no rungs, or more than [`MAX_RUNGS`].
    Length(usize),
    /// `fallback`: a rung stands there twice.
    Twice(Rung),
    /// `fallback`: the rung `cache` without the policy.
    NoCache,
    /// `cache`: the rung `cache` beside `on_failure`, which puts it there.
    CacheTwice,
}

impl FallbackRules {
    /// Whether the rungs fit each other and the cache.
    pub(crate) fn check(&self, cache: Option<&CacheRules>) -> Result<(), ChainError> {
        if !(1..=MAX_RUNGS).contains(&self.rungs.len()) {
            return Err(ChainError::Length(self.rungs.len()));
        }
        let earlier = |at: usize| &self.rungs[..at];
        if let Some((_, rung)) = self.rungs.iter().enumerate().find(|(at, rung)| earlier(*at).contains(rung))
        {
            return Err(ChainError::Twice(rung.clone()));
        }
        match cache.map(|cache| cache.mode) {
            None if self.writes_cache() => Err(ChainError::NoCache),
            Some(CacheMode::OnFailure) if self.writes_cache() => Err(ChainError::CacheTwice),
            _ => Ok(()),
        }
    }

    fn writes_cache(&self) -> bool {
        self.rungs.contains(&Rung::Cache)
    }
}

/// The names of the breakers that the rungs go through.
pub(crate) fn breakers(rungs: &[Rung]) -> impl Iterator<Item = &str> {
    rungs.iter().filter_map(|rung| match rung {
        Rung::Breaker(name) => Some(&**name),
        _ => None,
    })
}

/// How a call ended, after its retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With that outcome; a timeout is a failure.
    Settled(Outcome),
    Rejected,
}

/// Whether that falls back where nobody says otherwise: rejections, timeouts and failures.
pub(crate) const fn falls_back(ended: Ended) -> bool {
    matches!(ended, Ended::Rejected | Ended::Settled(Outcome::Failure))
}

/// How far a call has come down its rungs. The first is the cache where there is one, unless its rung is written
/// elsewhere; a call without a key passes it over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Walk {
    /// Rungs that were tried or passed over, the cache's own included.
    passed: u8,
}

impl Walk {
    /// The rung to try now: the first, or the one after that which has failed. `None` when all have: the original error is
    /// raised.
    pub(crate) fn next<'a>(
        &mut self,
        fallback: Option<&'a FallbackRules>,
        cache: Option<&CacheRules>,
        has_key: bool,
    ) -> Option<&'a Rung> {
        let leads_with_cache = cache.is_some() && !fallback.is_some_and(FallbackRules::writes_cache);
        let own: &[Rung] = if leads_with_cache { &[Rung::Cache] } else { &[] };
        let written: &[Rung] = fallback.map_or(&[], |rules| &rules.rungs);
        loop {
            let at = usize::from(self.passed);
            let rung = own.get(at).or_else(|| written.get(at - own.len()))?;
            self.passed += 1;
            if has_key || *rung != Rung::Cache {
                return Some(rung);
            }
        }
    }
}

/// Breakers that fall back on each other: their names in that order, the first once more at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cycle(Vec<Box<str>>);

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" -> "))
    }
}

/// The way on which a breaker of these rungs would fall back on itself. `lookup` knows the rungs of the breakers that there
/// are; one that is built later is looked at then.
pub(crate) fn find_cycle(
    name: &str,
    rungs: &[Rung],
    mut lookup: impl FnMut(&str) -> Option<Box<[Rung]>>,
) -> Option<Cycle> {
    let owned = |rungs: &[Rung]| breakers(rungs).map(Box::from).collect::<Vec<Box<str>>>();
    let mut seen = HashSet::new();
    // The way to a breaker, and those it falls back on that were not looked at yet.
    let mut way: Vec<(Box<str>, Vec<Box<str>>)> = vec![(name.into(), owned(rungs))];
    while let Some((_, left)) = way.last_mut() {
        if left.is_empty() {
            way.pop();
            continue;
        }
        let next = left.remove(0);
        if *next == *name {
            return Some(Cycle(way.into_iter().map(|(name, _)| name).chain([next]).collect()));
        }
        if seen.insert(next.clone()) {
            let rungs = lookup(&next).unwrap_or_default();
            way.push((next, owned(&rungs)));
        }
    }
    None
}
