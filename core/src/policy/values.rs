//! Values that may answer for later calls, over an [`Index`]: for Rust, where they have a type.

use super::cache::CacheRules;
#[cfg(test)]
use super::index::Found;
use super::index::{Index, Place};
use crate::clock::Nanos;
use crate::sync::Mutex;
use std::sync::Arc;

/// What there is of a key, with its value.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held<V> {
    /// Younger than `ttl`.
    Fresh(V),
    /// Not fresh, and younger than `ttl + stale_ttl`.
    Stale(V),
    /// Nothing that may answer.
    Absent,
}

/// A value and the version it was stored with.
type Tagged<V> = (u64, Arc<V>);

/// Values of one type by their places. Others may be over the same index: who finds another's place finds nothing.
///
/// The lock is taken before the index's, so that no look comes between a store and its value. Cloning and dropping
/// values is code of others and happens without it.
pub(crate) struct Values<V> {
    index: Arc<Index>,
    places: Mutex<Vec<Option<Tagged<V>>>>,
}

impl<V> Values<V> {
    pub(crate) fn over(index: Arc<Index>) -> Self {
        Values { index, places: Mutex::new(Vec::new()) }
    }

    /// Keeps a value for later calls of that key.
    pub(crate) fn store(&self, rules: &CacheRules, key: &str, now: Nanos, value: V) {
        // Dropped once the lock is free: it was declared before.
        let mut value = Some((0, Arc::new(value)));
        let _of_before;
        let mut places = self.places.lock();
        let Some(stored) = self.index.store(rules, key, now) else { return };
        let at = stored.place.at as usize;
        if places.len() <= at {
            places.resize_with(at + 1, || None);
        }
        if let Some((version, _)) = &mut value {
            *version = stored.place.version;
        }
        std::mem::swap(&mut places[at], &mut value);
        // The first of an index that was emptied: what else lies here nobody finds any more.
        let is_first = at == 0 && places.len() > 1 && self.index.len() == 1;
        _of_before = if is_first { places.split_off(1) } else { Vec::new() };
    }

    /// How many values there are.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.places.lock().iter().flatten().count()
    }

    /// Drops what is kept for a key.
    pub(crate) fn forget(&self, key: &str) {
        let mut dropped = None;
        let mut places = self.places.lock();
        if let Some(place) = self.index.forget(key) {
            dropped = places.get_mut(place.at as usize).and_then(Option::take);
        }
        drop(places);
        drop(dropped);
    }

    /// Drops everything.
    pub(crate) fn clear(&self) {
        let mut places = self.places.lock();
        self.index.clear();
        let dropped = std::mem::take(&mut *places);
        drop(places);
        drop(dropped);
    }

    /// Drops what rules that have become narrower have no room for.
    #[cfg(test)]
    pub(crate) fn shrink(&self, rules: &CacheRules, now: Nanos) {
        let mut places = self.places.lock();
        let given_up = self.index.shrink(rules, now);
        let dropped: Vec<_> =
            given_up.iter().filter_map(|at| places.get_mut(*at as usize).and_then(Option::take)).collect();
        drop(places);
        drop(dropped);
    }
}

impl<V: Clone> Values<V> {
    /// What may answer for a key.
    #[cfg(test)]
    pub(crate) fn get(&self, rules: &CacheRules, key: &str, now: Nanos) -> Held<V> {
        let places = self.places.lock();
        let found = self.index.look(rules, key, now);
        let value = found.place().and_then(|place| at(&places, place));
        drop(places);
        match (found, value) {
            (Found::Fresh(_), Some(value)) => Held::Fresh((*value).clone()),
            (Found::Stale(_), Some(value)) => Held::Stale((*value).clone()),
            _ => Held::Absent,
        }
    }

    /// The value that `look` finds; no store comes between the two.
    pub(crate) fn find(&self, look: impl FnOnce() -> Option<Place>) -> Option<V> {
        let places = self.places.lock();
        let value = look().and_then(|place| at(&places, place));
        drop(places);
        value.map(|value| (*value).clone())
    }

    /// The value that an earlier look has found; `None` when another has taken its place since.
    #[cfg(test)]
    pub(crate) fn read(&self, place: Place) -> Option<V> {
        self.find(|| Some(place))
    }
}

fn at<V>(places: &[Option<Tagged<V>>], place: Place) -> Option<Arc<V>> {
    let (version, value) = places.get(place.at as usize)?.as_ref()?;
    (*version == place.version).then(|| Arc::clone(value))
}
