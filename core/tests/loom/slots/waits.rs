//! Calls that wait, and how that ends.

use super::*;
use crate::models::{large_model, model, outcomes};
use crate::sync::{AtomicU64, Ordering};
use Priority::High;

#[test]
fn who_begins_to_wait_while_a_slot_comes_free_has_it() {
    outcomes(0, vec!["at once", "granted"], || {
        let (slots, slot) = taken();
        let (slot, said) = match beside(&slots, |slots| acquire(slots, Normal), release(slot)) {
            Ok(slot) => (slot, "at once"),
            Err(mut place) => (place.slot(&slots).expect("it waits and a slot is free"), "granted"),
        };
        slots.release(slot, &mut At(BEFORE));
        assert_idle(&slots);
        said
    });
}

#[test]
fn of_a_waiter_and_a_higher_newcomer_one_has_the_slot_and_the_other_the_next() {
    outcomes(0, vec![Normal, High], || {
        let (slots, slot) = taken();
        let mut normal = place(&slots, Normal);
        let mut high = beside(&slots, |slots| acquire(slots, High), release(slot)).expect_err("it must wait");
        let (first, mut second) = match normal.slot(&slots) {
            Some(slot) => (slot, high),
            None => (high.slot(&slots).expect("one of them"), normal),
        };
        slots.release(first, &mut At(BEFORE));
        slots.release(second.slot(&slots).expect("the other"), &mut At(BEFORE));
        assert_idle(&slots);
        first.level()
    });
}

#[test]
fn a_wait_ends_once_by_grant_by_timeout_or_by_cancellation() {
    outcomes(-1, vec!["cancelled", "granted", "timed out"], || {
        let (slots, slot) = taken();
        let waiting = place(&slots, Normal);
        let ticket = waiting.ticket;
        let expire = move |slots: &Plain| _ = slots.expire(ticket, &mut At(DEADLINE));
        let end = beside(&slots, |slots| beside(slots, |slots| slots.cancel(ticket), expire), release(slot));
        assert_eq!(waiting.woken.0.load(SeqCst), usize::from(end.is_some()));
        let said = match end {
            None => "cancelled",
            Some(End::Granted(slot, _)) => {
                assert_eq!(slots.in_flight(), 1);
                slots.release(slot, &mut At(BEFORE));
                "granted"
            }
            Some(End::Not(Without::TimedOut)) => "timed out",
            Some(other) => panic!("{other:?}"),
        };
        assert_idle(&slots);
        said
    });
}

#[test]
fn who_is_behind_a_waiter_that_leaves_while_a_slot_comes_free_has_it() {
    model(|| {
        let (slots, slot) = taken();
        let (first, mut second) = (place(&slots, Normal), place(&slots, Low));
        beside(&slots, |slots| leave(slots, first.ticket), release(slot));
        slots.release(second.slot(&slots).expect("granted"), &mut At(BEFORE));
        assert_idle(&slots);
    });
}

#[test]
fn slots_given_back_while_the_last_waiter_leaves_are_free() {
    model(|| {
        let slots = of(2, 0);
        let held = [Normal, Low].map(|level| slots.try_take(level).expect("free"));
        let waiting = place(&slots, Normal);
        let release_both =
            move |slots: &Plain| held.into_iter().for_each(|slot| slots.release(slot, &mut At(BEFORE)));
        beside(&slots, |slots| leave(slots, waiting.ticket), release_both);
        assert_idle(&slots);
    });
}

#[test]
fn who_gives_another_waker_while_its_wait_ends_learns_of_it() {
    outcomes(0, vec!["at once", "woken"], || {
        let (slots, slot) = taken();
        let waiting = place(&slots, Normal);
        let mut again = beside(&slots, |slots| Place::new(slots, waiting.ticket), release(slot));
        let said = if again.end.is_some() { "at once" } else { "woken" };
        assert!(again.slot(&slots).is_some());
        let told = [&waiting, &again].map(|place| place.woken.0.load(SeqCst));
        assert_eq!(told, if said == "woken" { [0, 1] } else { [1, 0] });
        said
    });
}

/// Gates that a flag closes.
struct Flagged(Arc<AtomicU64>);

impl Gates<u32, u32, &'static str> for Flagged {
    fn now(&mut self, _: &mut Near) -> u64 {
        BEFORE
    }

    fn look(&mut self, _: Priority) -> Result<(), Option<&'static str>> {
        if self.0.load(Ordering::Acquire) == 0 { Ok(()) } else { Err(Some("open")) }
    }

    fn take(&mut self, waiting: &Waiting<u32>, _: Slot, given: &mut u32) -> Result<(), &'static str> {
        *given = waiting.ask;
        Ok(())
    }

    fn ended(&mut self, _: &Waiting<u32>, _: Without<&'static str>) {}
}

#[test]
fn nobody_begins_to_wait_behind_a_flush() {
    outcomes(0, vec!["flushed", "refused"], || {
        let (slots, _slot) = taken();
        let flag = Arc::new(AtomicU64::new(0));
        let mut gates = Flagged(Arc::clone(&flag));
        let asked = beside(
            &slots,
            |slots| slots.acquire(call(Normal), None, 9, "full", &mut gates),
            move |slots| {
                flag.store(1, Ordering::Release);
                slots.flush("open", None, &mut At(BEFORE));
            },
        );
        assert_eq!(slots.look().queued, [0; 5]);
        match asked {
            Asked::Waits(ticket) => {
                assert_eq!(slots.cancel(ticket), Some(End::Not(Without::Refused("open"))));
                "flushed"
            }
            Asked::Refused("open") => "refused",
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn nobody_waits_in_one_that_is_closed() {
    large_model(|| {
        let (slots, slot) = taken();
        let close = |slots: &Plain| slots.close(&mut At(BEFORE));
        let ask = |slots: &Shared| slots.acquire(call(Normal), None, 9, "full", &mut At(BEFORE));
        match beside(&slots, |slots| beside(slots, ask, close), release(slot)) {
            Asked::Taken(slot) => slots.release(slot, &mut At(BEFORE)),
            Asked::Waits(ticket) => leave(&slots, ticket),
            Asked::Closed => {}
            other => panic!("{other:?}"),
        }
        assert_idle(&slots);
    });
}
