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
    places: Mutex<Places<V>>,
}

struct Places<V> {
    /// Of the index, when it was last asked what is vacant.
    epoch: u64,
    values: Vec<Option<Tagged<V>>>,
}

impl<V> Places<V> {
    /// Takes out what lies where nothing is of use, if the index has given places up since.
    fn vacate(&mut self, index: &Index, epoch: u64) -> Vec<Tagged<V>> {
        if epoch == self.epoch {
            return Vec::new();
        }
        let vacant = index.vacant();
        self.epoch = vacant.epoch;
        let beyond = self.values.split_off(self.values.len().min(vacant.end as usize));
        let places = vacant.places.iter().filter_map(|at| self.values.get_mut(*at as usize)?.take());
        places.chain(beyond.into_iter().flatten()).collect()
    }
}

impl<V> Values<V> {
    pub(crate) fn over(index: Arc<Index>) -> Self {
        Values { index, places: Mutex::new(Places { epoch: 0, values: Vec::new() }) }
    }

    /// Keeps a value for later calls of that key.
    pub(crate) fn store(&self, rules: &CacheRules, key: &str, now: Nanos, value: V) {
        // Dropped once the lock is free: it was declared before.
        let mut value = Some((0, Arc::new(value)));
        let vacated;
        let mut places = self.places.lock();
        let Some(stored) = self.index.store(rules, key, now) else { return };
        let at = stored.place.at as usize;
        vacated = places.vacate(&self.index, stored.epoch);
        if places.values.len() <= at {
            places.values.resize_with(at + 1, || None);
        }
        if let Some((version, _)) = &mut value {
            *version = stored.place.version;
        }
        std::mem::swap(&mut places.values[at], &mut value);
        drop(places);
        drop(vacated);
    }

    /// How many values there are.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.places.lock().values.iter().flatten().count()
    }

    /// Drops what is kept for a key.
    pub(crate) fn forget(&self, key: &str) {
        let mut dropped = None;
        let mut places = self.places.lock();
        if let Some(place) = self.index.forget(key) {
            dropped = places.values.get_mut(place.at as usize).and_then(Option::take);
        }
        drop(places);
        drop(dropped);
    }

    /// Drops everything.
    pub(crate) fn clear(&self) {
        let mut places = self.places.lock();
        self.index.clear();
        let dropped = std::mem::take(&mut places.values);
        drop(places);
        drop(dropped);
    }

    /// As a reconfiguration and the next store: drops what narrower rules have no room for.
    #[cfg(test)]
    pub(crate) fn shrink(&self, rules: &CacheRules, now: Nanos) {
        self.index.shrink(rules, now);
        let epoch = self.index.vacant().epoch;
        let dropped = self.places.lock().vacate(&self.index, epoch);
        drop(dropped);
    }
}

impl<V: Clone> Values<V> {
    /// What may answer for a key.
    #[cfg(test)]
    pub(crate) fn get(&self, rules: &CacheRules, key: &str, now: Nanos) -> Held<V> {
        let places = self.places.lock();
        let found = self.index.look(rules, key, now);
        let value = found.place().and_then(|place| at(&places.values, place));
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
        let value = look().and_then(|place| at(&places.values, place));
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
