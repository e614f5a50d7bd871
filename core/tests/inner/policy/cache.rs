//! Which values may answer: by hand, against a model that was written from the rules' text, and by threads at once.

use super::cases;
use crate::policy::cache::{CacheMode, CacheRules};
use crate::policy::index::{Found, Index, MAX_KEY, Place};
use crate::policy::values::{Held, Values};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const fn rules(ttl: u64, stale_ttl: u64, max_entries: u64) -> CacheRules {
    CacheRules { mode: CacheMode::ReadThrough, ttl, stale_ttl, max_entries, coalesce: false }
}

const RULES: CacheRules = rules(10, 5, 3);

fn store(index: &Index, rules: &CacheRules, key: &str, now: u64) -> (u32, bool) {
    let stored = index.store(rules, key, now).expect("a short key");
    (stored.place.at, stored.replaces)
}

#[test]
fn a_value_is_fresh_then_stale_then_absent() {
    let index = Index::new();
    let place = index.store(&RULES, "a", 100).expect("a short key").place;
    assert_eq!(place, Place { at: 0, version: 1 });
    let found = [99, 100, 109, 110, 114, 115].map(|now| index.look(&RULES, "a", now));
    use Found::{Absent, Fresh, Stale};
    assert_eq!(found, [Fresh(place), Fresh(place), Fresh(place), Stale(place), Stale(place), Absent]);
    assert_eq!(index.look(&RULES, "b", 100), Absent);
}

#[test]
fn a_life_beyond_the_end_of_time_is_for_ever() {
    let (index, rules) = (Index::new(), rules(u64::MAX, u64::MAX, 1));
    assert_eq!(store(&index, &rules, "a", 0), (0, false));
    assert!(matches!(index.look(&rules, "a", u64::MAX - 1), Found::Fresh(_)));
}

#[test]
fn a_key_stored_again_keeps_its_place_and_is_young_again() {
    let index = Index::new();
    assert_eq!(store(&index, &RULES, "a", 0), (0, false));
    assert_eq!(store(&index, &RULES, "a", 8), (0, true));
    assert_eq!(index.look(&RULES, "a", 17), Found::Fresh(Place { at: 0, version: 2 }));
    assert_eq!(index.len(), 1);
}

#[test]
fn a_full_index_drops_what_was_used_least_recently() {
    let index = Index::new();
    let places = ["a", "b", "c"].map(|key| store(&index, &RULES, key, 0).0);
    assert_eq!(places, [0, 1, 2]);
    assert!(index.look(&RULES, "a", 1).place().is_some());
    assert_eq!(store(&index, &RULES, "d", 2), (1, true));
    assert_eq!(index.look(&RULES, "b", 2), Found::Absent);
    assert_eq!(index.len(), 3);
}

#[test]
fn what_may_answer_no_more_leaves_before_what_may() {
    let index = Index::new();
    store(&index, &RULES, "old", 0);
    store(&index, &RULES, "young", 9);
    assert!(index.look(&RULES, "old", 9).place().is_some());
    // Used last and dead first; and its place is taken though there is room.
    assert_eq!(store(&index, &RULES, "c", 15), (0, true));
    assert!(index.look(&RULES, "young", 15).place().is_some());
    assert_eq!((index.look(&RULES, "old", 15), index.len()), (Found::Absent, 2));
}

#[test]
fn a_forgotten_place_is_given_again() {
    let index = Index::new();
    assert_eq!(["a", "b"].map(|key| store(&index, &RULES, key, 0).0), [0, 1]);
    assert_eq!(index.forget("a").map(|place| place.at), Some(0));
    assert_eq!((index.forget("a"), index.look(&RULES, "a", 0), index.len()), (None, Found::Absent, 1));
    assert_eq!(store(&index, &RULES, "c", 0), (0, false));
    assert_eq!(store(&index, &RULES, "d", 0), (2, false));
}

#[test]
fn places_begin_anew_when_everything_is_dropped_and_versions_go_on() {
    let index = Index::new();
    assert_eq!(["a", "b"].map(|key| store(&index, &RULES, key, 0).0), [0, 1]);
    index.clear();
    assert_eq!((index.len(), index.look(&RULES, "a", 0)), (0, Found::Absent));
    assert_eq!(index.store(&RULES, "b", 0).map(|stored| stored.place), Some(Place { at: 0, version: 3 }));
}

#[test]
fn narrower_rules_give_up_the_dead_and_then_the_least_used() {
    let index = Index::new();
    let wide = rules(10, 5, 10);
    for (key, now) in [("dead", 0), ("b", 9), ("c", 9), ("d", 9)] {
        store(&index, &wide, key, now);
    }
    assert!(index.look(&wide, "b", 9).place().is_some());
    let before = index.vacant();
    assert_eq!((before.places, before.end), (vec![], 4));
    index.shrink(&rules(10, 5, 2), 15);
    let after = index.vacant();
    assert_eq!((index.len(), &*after.places, after.end), (2, &[0, 2][..], 4));
    assert!(after.epoch > before.epoch);
    index.shrink(&rules(10, 5, 2), 15);
    assert_eq!(index.vacant(), after);
    assert!(["b", "d"].iter().all(|key| index.look(&wide, key, 15).place().is_some()));
}

#[test]
fn a_key_that_is_too_long_is_kept_nowhere() {
    let index = Index::new();
    let [longest, longer] = [MAX_KEY, MAX_KEY + 1].map(|n| "k".repeat(n));
    assert!(index.store(&RULES, &longest, 0).is_some());
    assert_eq!((index.store(&RULES, &longer, 0), index.look(&RULES, &longer, 0)), (None, Found::Absent));
    let values = Values::over(Arc::new(Index::new()));
    values.store(&RULES, &longer, 0, 1);
    assert_eq!(values.get(&RULES, &longer, 0), Held::Absent);
}

#[test]
fn one_key_stored_again_and_again_needs_no_more_memory() {
    let index = Index::new();
    store(&index, &RULES, "first", 0);
    for now in 0..10_000 {
        store(&index, &rules(u64::MAX, 0, 3), "a", now);
    }
    assert_eq!(index.remembered(), index.len());
}

// ---- against a model ----

#[derive(Clone, Debug)]
enum Step {
    Look(u8),
    Store(u8),
    Forget(u8),
    Clear,
    Shrink(u64),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0u8..8;
    prop_oneof![
        6 => key().prop_map(Step::Look),
        8 => key().prop_map(Step::Store),
        1 => key().prop_map(Step::Forget),
        1 => Just(Step::Clear),
        1 => (1u64..6).prop_map(Step::Shrink),
        4 => (0u64..8).prop_map(Step::Advance),
    ]
}

/// What was stored, in the order of use: key, instant, the number of its store.
#[derive(Default)]
struct Model {
    used: Vec<(u8, u64, u64)>,
    stores: u64,
}

impl Model {
    fn drop_one(&mut self, rules: &CacheRules, now: u64) {
        let is_dead = |(_, at, _): &(u8, u64, u64)| now - at >= rules.ttl + rules.stale_ttl;
        let dead = self.used.iter().enumerate().filter(|(_, entry)| is_dead(entry));
        let oldest = dead.min_by_key(|(_, (_, _, number))| *number).map(|(i, _)| i);
        self.used.remove(oldest.unwrap_or(0));
    }

    fn has_dead(&self, rules: &CacheRules, now: u64) -> bool {
        self.used.iter().any(|(_, at, _)| now - at >= rules.ttl + rules.stale_ttl)
    }

    fn take(&mut self, key: u8) -> Option<(u8, u64, u64)> {
        let at = self.used.iter().position(|(known, _, _)| *known == key)?;
        Some(self.used.remove(at))
    }

    fn store(&mut self, rules: &CacheRules, key: u8, now: u64) {
        self.stores += 1;
        if self.take(key).is_none()
            && (self.used.len() as u64 >= rules.max_entries || self.has_dead(rules, now))
        {
            self.drop_one(rules, now);
        }
        self.used.push((key, now, self.stores));
    }

    /// Whether the key has a value that may answer, whether that is fresh, and the number of its store.
    fn look(&mut self, rules: &CacheRules, key: u8, now: u64) -> Option<(bool, u64)> {
        let at = self.used.iter().position(|(known, _, _)| *known == key)?;
        let (_, stored, number) = self.used[at];
        if now - stored >= rules.ttl + rules.stale_ttl {
            return None;
        }
        let entry = self.used.remove(at);
        self.used.push(entry);
        Some((now - stored < rules.ttl, number))
    }
}

proptest! {
    #![proptest_config(cases(200))]

    /// The value of a key is the number of its store, so that one of another key or another time shows.
    #[test]
    fn the_index_does_what_the_model_does(steps in vec(step(), 1..120), ttl in 1u64..12, stale in 0u64..6, max in 1u64..6) {
        let (mut rules, mut now) = (rules(ttl, stale, max), 0);
        let (index, mut model) = (Arc::new(Index::new()), Model::default());
        let values = Values::over(Arc::clone(&index));
        let name = |key: u8| format!("key {key}");
        for step in steps {
            match step {
                Step::Advance(by) => now += by,
                Step::Store(key) => {
                    model.store(&rules, key, now);
                    values.store(&rules, &name(key), now, model.stores);
                }
                Step::Look(key) => {
                    let expected = match model.look(&rules, key, now) {
                        None => Held::Absent,
                        Some((true, number)) => Held::Fresh(number),
                        Some((false, number)) => Held::Stale(number),
                    };
                    prop_assert_eq!(values.get(&rules, &name(key), now), expected);
                }
                Step::Forget(key) => {
                    model.take(key);
                    values.forget(&name(key));
                }
                Step::Clear => {
                    model.used.clear();
                    values.clear();
                }
                Step::Shrink(max) => {
                    rules.max_entries = max;
                    while model.used.len() as u64 > max {
                        model.drop_one(&rules, now);
                    }
                    values.shrink(&rules, now);
                }
            }
            prop_assert_eq!((index.len(), values.kept()), (model.used.len(), model.used.len()));
        }
    }
}

// ---- values ----

#[test]
fn a_value_whose_place_is_another_ones_by_now_does_not_answer() {
    let index = Arc::new(Index::new());
    let (values, one) = (Values::over(Arc::clone(&index)), rules(10, 0, 1));
    values.store(&one, "a", 0, "of a");
    let place = index.look(&one, "a", 0).place().expect("stored");
    assert_eq!(values.read(place), Some("of a"));
    values.store(&one, "b", 0, "of b");
    assert_eq!((values.read(place), values.get(&one, "a", 0)), (None, Held::Absent));
    assert_eq!(values.get(&one, "b", 0), Held::Fresh("of b"));
}

#[test]
fn values_of_another_type_over_the_same_index_do_not_answer() {
    let index = Arc::new(Index::new());
    let texts = Values::over(Arc::clone(&index));
    let numbers: Values<u32> = Values::over(index);
    texts.store(&RULES, "a", 0, "text");
    assert_eq!(numbers.get(&RULES, "a", 0), Held::Absent);
    numbers.store(&RULES, "a", 0, 1);
    assert_eq!((texts.get(&RULES, "a", 0), numbers.get(&RULES, "a", 0)), (Held::Absent, Held::Fresh(1)));
}

/// Asks the cache it lies in when it is cloned and when it is dropped.
struct Curious(Arc<Values<Curious>>, Arc<AtomicUsize>);

impl Curious {
    fn ask(&self) {
        self.0.kept();
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}

impl Clone for Curious {
    fn clone(&self) -> Self {
        self.ask();
        Curious(Arc::clone(&self.0), Arc::clone(&self.1))
    }
}

impl Drop for Curious {
    fn drop(&mut self) {
        self.ask();
    }
}

#[test]
fn a_value_may_use_the_cache_when_it_is_cloned_and_dropped() {
    let (values, asked) = (Arc::new(Values::over(Arc::new(Index::new()))), Arc::new(AtomicUsize::new(0)));
    let curious = || Curious(Arc::clone(&values), Arc::clone(&asked));
    let two = rules(10, 5, 2);
    for key in ["a", "a", "b", "c", "d", &"long".repeat(MAX_KEY)] {
        values.store(&two, key, 0, curious());
    }
    assert!(matches!(values.get(&two, "d", 0), Held::Fresh(_)));
    values.forget("d");
    values.shrink(&rules(10, 5, 1), 0);
    values.store(&two, "e", 0, curious());
    values.clear();
    // Seven stored and one cloned, all of them dropped, and the clone.
    assert_eq!(asked.load(Ordering::Relaxed), 9);
}

#[test]
fn threads_find_values_of_their_own_key_only() {
    let (index, few) = (Arc::new(Index::new()), rules(1_000, 0, 4));
    let values = Values::over(Arc::clone(&index));
    std::thread::scope(|scope| {
        for thread in 0..3usize {
            let (values, index) = (&values, &index);
            scope.spawn(move || {
                for turn in 0..4_000 {
                    let [key, other] = [turn * 7 + thread, turn * 5].map(|n| format!("key {}", n % 9));
                    values.store(&few, &key, 0, key.clone());
                    match values.get(&few, &other, 0) {
                        Held::Absent => {}
                        found => assert_eq!(found, Held::Fresh(other.clone())),
                    }
                    // As a host does that looks first and reads then.
                    let place = index.look(&few, &other, 0).place();
                    assert!(place.and_then(|place| values.read(place)).is_none_or(|value| value == other));
                }
            });
        }
    });
    assert_eq!((index.len(), values.kept()), (4, 4));
}

#[test]
fn a_value_that_is_stored_again_meanwhile_is_found() {
    let values = Values::over(Arc::new(Index::new()));
    values.store(&RULES, "a", 0, 0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..4_000).for_each(|n| values.store(&RULES, "a", 0, n)));
        }
        scope.spawn(|| {
            for _ in 0..4_000 {
                assert!(matches!(values.get(&RULES, "a", 0), Held::Fresh(_)));
            }
        });
    });
}
