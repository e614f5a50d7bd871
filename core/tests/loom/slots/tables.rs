//! Tables that change while calls come and go.

use super::*;
use crate::admit::limits::Limits;
use crate::models::{model, outcomes, small_model};
use crate::sync::{AtomicU64, Ordering};
use Priority::Critical;

fn set(table: Table) -> impl FnOnce(&Plain) + Send + 'static {
    move |slots| drop(slots.set(table, &mut At(BEFORE)))
}

#[test]
fn a_larger_table_and_a_slot_that_comes_free_are_both_granted() {
    model(|| {
        let (slots, slot) = taken();
        let mut places = [place(&slots, Normal), place(&slots, Low)];
        beside(&slots, |slots| drop(slots.set(table(2, 0), &mut At(BEFORE))), release(slot));
        for place in &mut places {
            slots.release(place.slot(&slots).expect("granted"), &mut At(BEFORE));
        }
        assert_idle(&slots);
    });
}

#[test]
fn who_begins_to_wait_while_the_table_grows_has_a_slot() {
    outcomes(0, vec!["at once", "granted"], || {
        let (slots, _slot) = taken();
        match beside(&slots, |slots| acquire(slots, Normal), set(table(2, 0))) {
            Ok(_) => "at once",
            Err(mut place) => {
                assert!(place.slot(&slots).is_some(), "it waits and a slot is free");
                "granted"
            }
        }
    });
}

#[test]
fn who_comes_while_a_slot_is_set_apart_has_one_table_or_the_other() {
    outcomes(0, vec![1, 2], || {
        let slots = of(2, 0);
        let take = |slots: &Shared| [0; 2].into_iter().filter_map(|_| slots.try_take(Normal)).count();
        let given = beside(&slots, take, set(table(2, 1)));
        assert_eq!(slots.try_take(Normal), None);
        assert_eq!(slots.try_take(Critical).is_some(), given == 1);
        given
    });
}

#[test]
fn a_table_is_read_whole_or_not_at_all() {
    small_model(|| {
        let of = |n: u64| Slots { max: 10 * n, reserved: [n, 0, 0, 0, n] };
        let limits = Arc::new(Limits::new(&of(1)));
        let writer = Arc::clone(&limits);
        let thread = thread::spawn(move || {
            writer.write(&of(2));
            writer.write(&of(3));
        });
        if let Some(found) = limits.read() {
            assert!([1, 2, 3].map(of).contains(&found), "{found:?}");
        }
        thread.join().expect("no panic");
        assert_eq!(limits.read(), Some(of(3)));
    });
}

#[test]
fn of_two_that_follow_a_limit_the_later_value_stays() {
    model(|| {
        let (slots, limit) = (of(1, 0), Arc::new(AtomicU64::new(1)));
        let follow = |to: u64| {
            let limit = Arc::clone(&limit);
            move |slots: &Plain| {
                limit.store(to, Ordering::Release);
                slots.set_max(|| limit.load(Ordering::Acquire), &mut At(BEFORE));
            }
        };
        let one = follow(2);
        beside(&slots, |slots| one(slots), follow(3));
        assert_eq!(slots.limit(), limit.load(Ordering::Acquire));
    });
}
