//! Which values of earlier calls may answer (policies §8): keys, and numbered places in the host's memory.
//!
//! A place is tagged with a version, which no two stores of an index share: a host keeps it beside the value, and a
//! value whose version is another one is not what was asked for.
//!
//! **What is dropped.** A new key takes the place of the value that was stored longest ago, if that may answer no more;
//! so what is dead leaves before the index grows. Else, when it is full, of the value that was used least recently:
//! stored, or found fresh or stale.
//!
//! **What it needs.** About 200 bytes a key and the key itself; keys longer than [`MAX_KEY`] are not kept.

use super::cache::CacheRules;
use crate::clock::Nanos;
use crate::sync::Mutex;
use lru::LruCache;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes of the longest key that is kept: with the most entries that a document may ask for that is 4 GB, with the
/// default 40 MB. Who has longer ones hashes them.
pub(crate) const MAX_KEY: usize = 4_096;

/// Where a value lies in the host's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// From 0, and below the most entries there ever were.
    pub at: u32,
    /// From 1, greater for what was stored later.
    pub version: u64,
}

/// What there is of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Younger than `ttl`.
    Fresh(Place),
    /// Not fresh, and younger than `ttl + stale_ttl`.
    Stale(Place),
    /// Nothing that may answer.
    Absent,
}

impl Found {
    pub(crate) fn place(self) -> Option<Place> {
        match self {
            Found::Fresh(place) | Found::Stale(place) => Some(place),
            Found::Absent => None,
        }
    }
}

/// Where the host is to put a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the host has to put the value there"]
pub struct Stored {
    /// There.
    pub place: Place,
    /// The place held another value, of this key or another one, which goes.
    pub replaces: bool,
    /// Another one than at the host's last look at what is [vacant](Vacant): it looks again.
    pub epoch: u64,
}

/// The places at which nothing lies that is of use, as they are in an epoch: one ends when places are given up whose values
/// the host still has, and with the index. The host clears what it has there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vacant {
    /// Its number; no two indices of a process share one.
    pub epoch: u64,
    /// Those below `end`, in no order.
    pub places: Vec<u32>,
    /// From here on all are.
    pub end: u32,
}

fn next_epoch() -> u64 {
    static EPOCHS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    EPOCHS.fetch_add(1, std::sync::atomic::Ordering::AcqRel)
}

/// The keys, shared by threads.
pub(crate) struct Index(Mutex<Entries>);

struct Entries {
    /// By key, and in the order of use.
    by_key: LruCache<Arc<str>, Entry>,
    /// The keys by their versions, and so in the order in which they were stored.
    stores: BTreeMap<u64, Arc<str>>,
    /// Places that were given up. They and those of the entries are all numbers below their sum.
    free: Vec<u32>,
    /// Of the last store.
    version: u64,
    epoch: u64,
}

struct Entry {
    place: Place,
    stored: Nanos,
}

impl Entry {
    fn age(&self, now: Nanos) -> Nanos {
        now.saturating_sub(self.stored)
    }
}

impl Index {
    pub(crate) fn new() -> Self {
        Index(Mutex::new(Entries {
            by_key: LruCache::unbounded(),
            stores: BTreeMap::new(),
            free: Vec::new(),
            version: 0,
            epoch: next_epoch(),
        }))
    }

    /// What may answer for a key. Finding it is a use.
    pub(crate) fn look(&self, rules: &CacheRules, key: &str, now: Nanos) -> Found {
        let mut entries = self.0.lock();
        match entries.by_key.peek(key).map(|entry| (entry.age(now), entry.place)) {
            Some((age, place)) if age < rules.life() => {
                entries.by_key.promote(key);
                if age < rules.ttl { Found::Fresh(place) } else { Found::Stale(place) }
            }
            _ => Found::Absent,
        }
    }

    /// Notes a value, and answers where the host is to put it; `None`: nowhere, the key is too long.
    ///
    /// A host does this and the putting in one step that its other threads do not come between; or a reader may find a
    /// version that is not there yet.
    pub(crate) fn store(&self, rules: &CacheRules, key: &str, now: Nanos) -> Option<Stored> {
        if key.len() > MAX_KEY {
            return None;
        }
        let mut entries = self.0.lock();
        let known = entries.by_key.get_key_value(key).map(|(key, entry)| (Arc::clone(key), entry.place.at));
        let (key, at, replaces) = match known {
            Some((key, at)) => (key, at, true),
            None => {
                let (at, replaces) = entries.room(rules, now);
                (Arc::from(key), at, replaces)
            }
        };
        Some(Stored { place: entries.put(key, at, now), replaces, epoch: entries.epoch })
    }

    /// Gives up a key's place, which the host clears.
    pub(crate) fn forget(&self, key: &str) -> Option<Place> {
        let mut entries = self.0.lock();
        let entry = entries.by_key.pop(key)?;
        entries.stores.remove(&entry.place.version);
        entries.free.push(entry.place.at);
        Some(entry.place)
    }

    /// Gives up every place; the host clears all.
    pub(crate) fn clear(&self) {
        let mut entries = self.0.lock();
        entries.epoch = next_epoch();
        (entries.by_key, entries.stores, entries.free) = (LruCache::unbounded(), BTreeMap::new(), Vec::new());
    }

    /// Gives up places until there are at most `rules.max_entries`, as when rules change; the host finds them vacant.
    pub(crate) fn shrink(&self, rules: &CacheRules, now: Nanos) {
        let mut entries = self.0.lock();
        let mut given_up = Vec::new();
        while entries.by_key.len() as u64 > rules.max_entries {
            let Some(at) = entries.drop_dead(rules, now).or_else(|| entries.drop_least_used()) else { break };
            given_up.push(at);
        }
        if !given_up.is_empty() {
            entries.epoch = next_epoch();
            entries.free.extend(&given_up);
        }
    }

    /// Where nothing lies that is of use.
    pub(crate) fn vacant(&self) -> Vacant {
        let entries = self.0.lock();
        let end = entries.by_key.len() + entries.free.len();
        Vacant { epoch: entries.epoch, places: entries.free.clone(), end: end as u32 }
    }

    /// How many keys there are, those included whose values may answer no more.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().by_key.len()
    }

    /// How many stores are remembered.
    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.0.lock().stores.len()
    }
}

impl Entries {
    /// A place for a new key, and whether another value leaves it.
    fn room(&mut self, rules: &CacheRules, now: Nanos) -> (u32, bool) {
        if let Some(at) = self.drop_dead(rules, now) {
            return (at, true);
        }
        if self.by_key.len() as u64 >= rules.max_entries
            && let Some(at) = self.drop_least_used()
        {
            return (at, true);
        }
        // No free ones: every number below that of the entries is taken.
        (self.free.pop().unwrap_or(self.by_key.len() as u32), false)
    }

    /// Drops what was stored longest ago, if it may answer no more.
    fn drop_dead(&mut self, rules: &CacheRules, now: Nanos) -> Option<u32> {
        let oldest = self.stores.first_entry()?;
        if self.by_key.peek(oldest.get()).is_some_and(|entry| entry.age(now) < rules.life()) {
            return None;
        }
        let key = oldest.remove();
        self.by_key.pop(&key).map(|entry| entry.place.at)
    }

    fn drop_least_used(&mut self) -> Option<u32> {
        let (_, entry) = self.by_key.pop_lru()?;
        self.stores.remove(&entry.place.version);
        Some(entry.place.at)
    }

    fn put(&mut self, key: Arc<str>, at: u32, now: Nanos) -> Place {
        self.version += 1;
        let place = Place { at, version: self.version };
        self.stores.insert(place.version, Arc::clone(&key));
        if let Some(before) = self.by_key.put(key, Entry { place, stored: now }) {
            self.stores.remove(&before.place.version);
        }
        place
    }
}
