//! Events: each is delivered once and in order, or counted as missed. Two slots.

use super::{at_once, runs, small_model};
use crate::event::{Counts, Event};
use crate::events::{Hub, Subscription};
use crate::machine::Cause;
use crate::name::Name;
use crate::word::{Mode, State};
use loom::thread;
use std::sync::{Arc, Mutex};

/// The generations that a listener was told, with what it missed before each. No model need see into it.
type Heard = Arc<Mutex<Vec<(u64, u64)>>>;

fn event(generation: u64) -> Event {
    Event {
        breaker: Name::new("a"),
        generation,
        from: State::Closed,
        to: State::Open,
        cause: Cause::Manual,
        mode: Mode::Auto,
        at: 0,
        actor: None,
        reason: None,
        counts: Counts::default(),
        missed: 0,
    }
}

fn subscribe(hub: &Arc<Hub>, after: u64) -> (Heard, Subscription) {
    let heard = Heard::default();
    let writer = Arc::clone(&heard);
    let listener = move |e: &Event| writer.lock().unwrap().push((e.generation, e.missed));
    (heard, hub.subscribe(after, Box::new(listener), None))
}

/// A hub with one listener from the beginning.
fn listened() -> (Arc<Hub>, Heard, Subscription) {
    let hub = Hub::new();
    hub.begin_after(0);
    let (heard, subscription) = subscribe(&hub, 0);
    (hub, heard, subscription)
}

fn publish(hub: &Arc<Hub>, generations: &'static [u64]) -> impl FnOnce() + Send + 'static {
    let hub = Arc::clone(hub);
    move || {
        for generation in generations {
            hub.publish(event(*generation));
            hub.deliver();
        }
    }
}

/// In order, each once, and what is not there was missed.
fn adds_up(heard: &Heard, last: u64) -> bool {
    let mut expected = 0;
    let heard = heard.lock().unwrap();
    heard.iter().all(|(generation, missed)| {
        expected += missed + 1;
        *generation == expected
    }) && expected == last
}

#[test]
fn two_events_are_delivered_in_order_when_both_calls_have_returned() {
    small_model(|| {
        let (hub, heard, _subscription) = listened();
        at_once(runs![publish(&hub, &[1]), publish(&hub, &[2])]);
        assert_eq!(*heard.lock().unwrap(), [(1, 0), (2, 0)]);
    });
}

#[test]
fn an_event_published_while_the_deliverer_stops_is_delivered() {
    small_model(|| {
        let (hub, heard, _subscription) = listened();
        hub.publish(event(1));
        let deliverer = Arc::clone(&hub);
        at_once(runs![move || deliverer.deliver(), publish(&hub, &[2])]);
        assert_eq!(*heard.lock().unwrap(), [(1, 0), (2, 0)]);
    });
}

#[test]
fn events_that_find_no_slot_are_counted_as_missed() {
    small_model(|| {
        let (hub, heard, _subscription) = listened();
        at_once(runs![publish(&hub, &[1, 2]), publish(&hub, &[3])]);
        publish(&hub, &[4])();
        assert!(adds_up(&heard, 4), "{heard:?}");
    });
}

#[test]
fn an_event_whose_writer_died_is_a_gap_that_is_counted() {
    small_model(|| {
        let (hub, heard, _subscription) = listened();
        at_once(runs![publish(&hub, &[2]), publish(&hub, &[3])]);
        publish(&hub, &[4])();
        assert!(adds_up(&heard, 4), "{heard:?}");
    });
}

#[test]
fn a_writer_that_comes_after_its_event_was_given_up_disturbs_nobody() {
    small_model(|| {
        let (hub, heard, _subscription) = listened();
        at_once(runs![publish(&hub, &[1]), publish(&hub, &[2, 3])]);
        // What it left in its slot costs one event its place at most.
        publish(&hub, &[4, 5, 6, 7])();
        assert!(adds_up(&heard, 7), "{heard:?}");
    });
}

#[test]
fn a_subscriber_who_comes_while_events_are_delivered_hears_each_later_one_once() {
    small_model(|| {
        let (hub, heard, _subscription) = listened();
        let other = Arc::clone(&hub);
        let late = thread::spawn(move || subscribe(&other, 1));
        publish(&hub, &[1, 2])();
        let (heard_late, _late) = late.join().expect("the subscriber panicked");
        publish(&hub, &[3])();
        assert_eq!(*heard.lock().unwrap(), [(1, 0), (2, 0), (3, 0)]);
        let heard_late = heard_late.lock().unwrap();
        assert!(*heard_late == [(2, 0), (3, 0)] || *heard_late == [(3, 0)], "{heard_late:?}");
    });
}

#[test]
fn the_first_subscriber_and_an_event_at_the_same_time_do_not_miss_each_other() {
    small_model(|| {
        let hub = Hub::new();
        let first = Arc::clone(&hub);
        let come = move || {
            let come = subscribe(&first, 0);
            first.begin_after(0);
            first.deliver();
            Some(come)
        };
        let publisher = publish(&hub, &[1]);
        let come: Vec<Option<(Heard, Subscription)>> = at_once(runs![come, move || {
            publisher();
            None
        },]);
        let (heard, _subscription) = come.into_iter().flatten().next().unwrap();
        assert_eq!(*heard.lock().unwrap(), [(1, 0)]);
    });
}

#[test]
fn a_gap_before_a_subscriber_came_is_not_its_loss() {
    small_model(|| {
        let hub = Hub::new();
        hub.begin_after(0);
        let (_, _old) = subscribe(&hub, 0);
        let (heard, _new) = subscribe(&hub, 2);
        at_once(runs![publish(&hub, &[2]), publish(&hub, &[3])]);
        publish(&hub, &[4])();
        let heard = heard.lock().unwrap();
        let told: u64 = heard.iter().map(|(_, missed)| missed + 1).sum();
        assert_eq!(told, 2, "{heard:?}");
    });
}
