//! What answers when the call does not (policies §8).

use std::collections::HashSet;
use std::fmt;

/// How a rung is written that goes through another breaker, before its name.
pub(crate) const BREAKER: &str = "breaker:";
/// How the rung is written that answers from the cache.
pub(crate) const CACHE: &str = "cache";

/// One way to answer. A document writes it as text: `cache`, `breaker:<name>`, or any other name for what the host has
/// under it, a function or a constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rung {
    /// What an earlier call of the same key was answered.
    Cache,
    /// The call goes through the breaker of that name, with the host's function for it.
    Breaker(Box<str>),
    /// The host's function or constant of that name.
    Named(Box<str>),
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

/// The names of the breakers that the rungs go through.
pub(crate) fn breakers(rungs: &[Rung]) -> impl Iterator<Item = &str> {
    rungs.iter().filter_map(|rung| match rung {
        Rung::Breaker(name) => Some(&**name),
        _ => None,
    })
}

/// Breakers that fall back on each other: their names in that order, the first once more at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cycle(Vec<Box<str>>);

impl Cycle {
    /// Of names that are known to be one.
    pub(crate) fn new(names: Vec<Box<str>>) -> Self {
        Cycle(names)
    }

    /// The breaker that the first one falls back to.
    pub(crate) fn second(&self) -> &str {
        self.0.get(1).map_or("", |name| name)
    }
}

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
