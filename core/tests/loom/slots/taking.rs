//! Calls that take slots while others give them back.

use super::*;
use crate::models::{model, outcomes, small_model};
use Priority::{Critical, High};

#[test]
fn of_two_calls_for_the_last_slot_one_has_it() {
    outcomes(1, vec![Normal, High], || {
        let slots = of(1, 0);
        let high = Arc::new(AtomicUsize::new(0));
        let told = Arc::clone(&high);
        let normal = beside(
            &slots,
            |slots| slots.try_take(Normal),
            move |slots| {
                told.store(slots.try_take(High).map_or(0, |slot| 1 + usize::from(slot.code())), SeqCst)
            },
        );
        let high = high.load(SeqCst).checked_sub(1).map(|code| Slot::of_code(code as u8));
        let slot = normal.xor(high).expect("one of them");
        assert_eq!(slots.in_flight(), 1);
        slots.release(slot, &mut At(BEFORE));
        assert_idle(&slots);
        slot.level()
    });
}

#[test]
fn of_two_calls_for_the_last_slot_that_is_not_kept_one_has_it() {
    model(|| {
        let slots = of(2, 1);
        beside(&slots, |slots| slots.try_take(Normal), |slots| _ = slots.try_take(High));
        assert_eq!(slots.in_flight(), 1);
        assert!(slots.try_take(Critical).is_some());
    });
}

#[test]
fn a_slot_that_is_given_back_while_another_is_taken_is_counted_once() {
    small_model(|| {
        let slots = of(2, 0);
        let slot = slots.try_take(Normal).expect("free");
        let other = beside(&slots, |slots| slots.try_take(High), release(slot)).expect("free");
        assert_eq!(slots.look().in_flight, [0, 0, 0, 1, 0]);
        slots.release(other, &mut At(BEFORE));
        assert_idle(&slots);
    });
}

#[test]
fn a_newcomer_takes_no_slot_that_comes_free_for_who_waits() {
    model(|| {
        let (slots, slot) = taken();
        let mut waiting = place(&slots, Normal);
        assert_eq!(beside(&slots, |slots| slots.try_take(Critical), release(slot)), None);
        slots.release(waiting.slot(&slots).expect("granted"), &mut At(BEFORE));
        assert_idle(&slots);
    });
}

#[test]
fn a_newcomer_finds_the_slots_that_nobody_waits_for_any_more() {
    outcomes(0, vec![false, true], || {
        let (slots, slot) = taken();
        let waiting = place(&slots, Normal);
        slots.release(slot, &mut At(BEFORE));
        let given = beside(&slots, |slots| slots.try_take(High), move |slots| leave(slots, waiting.ticket));
        if let Some(slot) = given {
            slots.release(slot, &mut At(BEFORE));
        }
        assert_idle(&slots);
        given.is_some()
    });
}
