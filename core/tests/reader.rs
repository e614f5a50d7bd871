//! A reader of events that waits for them: of transitions, and of what changes around the machine.

use fusewire::{
    By, CircuitBreaker, Events, PolicyChange, PolicyEvents, Priority, PriorityPolicy, State, Waited,
};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

/// Longer than any of these tests: who waits so long was not woken.
const LONG: Duration = Duration::from_secs(300);

fn breaker() -> CircuitBreaker {
    CircuitBreaker::builder().build("read").expect("valid")
}

fn trip(breaker: &CircuitBreaker) {
    breaker.trip(None, By::default()).expect("without a duration");
}

#[test]
fn a_transition_on_another_thread_wakes_who_waits() {
    let breaker = breaker();
    let events = breaker.events(8);
    thread::scope(|scope| {
        let reader = scope.spawn(|| events.next_timeout(LONG));
        trip(&breaker);
        let event = reader.join().expect("no panic").expect("an event");
        assert_eq!((event.generation, event.to), (1, State::Open));
    });
    assert_eq!(events.wait(Duration::ZERO), Waited::TimedOut);
    assert_eq!(events.next_timeout(Duration::ZERO), None);
}

#[test]
fn of_several_who_wait_each_event_goes_to_one_and_the_others_wait_on() {
    const READERS: u64 = 4;
    let breaker = breaker();
    let events = breaker.events(64);
    let read = |events: &Events| {
        let mut seen = Vec::new();
        while let Some(event) = events.next_timeout(LONG) {
            seen.push(event.generation);
        }
        seen
    };
    let mut seen: Vec<u64> = thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(|| read(&events))).collect();
        for _ in 0..16 {
            trip(&breaker);
        }
        events.close();
        readers.into_iter().flat_map(|reader| reader.join().expect("no panic")).collect()
    });
    seen.sort_unstable();
    assert_eq!(seen, (1..=16).collect::<Vec<_>>());
}

#[test]
fn what_was_kept_when_it_was_closed_is_read_first_and_nothing_comes_after() {
    let breaker = breaker();
    let events = breaker.events(8);
    trip(&breaker);
    events.close();
    trip(&breaker);
    assert_eq!(events.wait(LONG), Waited::Ready);
    assert_eq!(events.next_timeout(LONG).map(|event| event.generation), Some(1));
    assert_eq!(events.wait(LONG), Waited::Closed);
}

#[test]
fn a_breaker_that_goes_ends_the_wait() {
    let breaker = breaker();
    let events = breaker.events(8);
    thread::scope(|scope| {
        let reader = scope.spawn(|| events.wait(LONG));
        drop(breaker);
        assert_eq!(reader.join().expect("no panic"), Waited::Closed);
    });
}

fn gated() -> CircuitBreaker {
    CircuitBreaker::builder().priority(PriorityPolicy::new()).build("read").expect("valid")
}

fn shed_below(breaker: &CircuitBreaker, level: Priority) {
    assert!(breaker.set_min_priority(level, By::default()).expect("it has the policy"));
}

#[test]
fn a_change_of_a_policy_on_another_thread_wakes_who_waits() {
    let breaker = gated();
    let events = breaker.policy_events(8);
    thread::scope(|scope| {
        let reader = scope.spawn(|| events.next_timeout(LONG));
        shed_below(&breaker, Priority::High);
        let event = reader.join().expect("no panic").expect("an event");
        let change = PolicyChange::MinPriority { from: Priority::Bulk, to: Priority::High };
        assert_eq!((event.sequence, event.change), (1, change));
    });
    assert_eq!(events.wait(Duration::ZERO), Waited::TimedOut);
    assert_eq!(events.next_timeout(Duration::ZERO), None);
}

#[test]
fn changes_that_were_kept_when_their_events_were_closed_are_read_first_and_none_comes_after() {
    let breaker = gated();
    let events = breaker.policy_events(8);
    shed_below(&breaker, Priority::High);
    events.close();
    shed_below(&breaker, Priority::Low);
    assert_eq!(events.wait(LONG), Waited::Ready);
    assert_eq!(events.next_timeout(LONG).map(|event| event.sequence), Some(1));
    assert_eq!(events.wait(LONG), Waited::Closed);
}

#[test]
fn the_end_of_a_breakers_life_is_a_change_and_the_wait_ends_when_it_is_gone() {
    let breaker = gated();
    let events = breaker.policy_events(8);
    assert!(breaker.close(By::default()));
    assert_eq!(events.next_timeout(LONG).map(|event| event.change), Some(PolicyChange::Close));
    thread::scope(|scope| {
        let reader = scope.spawn(|| events.wait(LONG));
        drop(breaker);
        assert_eq!(reader.join().expect("no panic"), Waited::Closed);
    });
}

#[test]
fn of_the_changes_that_a_listener_holds_up_a_thousand_are_kept_and_the_rest_is_counted() {
    let breaker = gated();
    let (blocks, blocked) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (held, goes) = (Arc::clone(&blocked), Arc::clone(&blocks));
    breaker
        .subscribe_policies(move |event| {
            if event.sequence == 1 {
                held.wait();
                goes.wait();
            }
        })
        .detach();
    let events = breaker.policy_events(10_000);
    let change =
        |n: u64| shed_below(&breaker, if n.is_multiple_of(2) { Priority::Low } else { Priority::High });
    let late = thread::scope(|scope| {
        scope.spawn(|| change(1));
        blocked.wait();
        (2..=2_000).for_each(change);
        let late = breaker.policy_events(10_000);
        (2_001..=3_000).for_each(change);
        blocks.wait();
        late
    });
    let seen: Vec<_> = events.drain().into_iter().map(|event| (event.sequence, event.missed)).collect();
    assert_eq!(seen, (1..=1_025).map(|sequence| (sequence, 0)).collect::<Vec<_>>());
    change(3_001);
    let next = |events: &PolicyEvents| events.try_next().map(|event| (event.sequence, event.missed));
    assert_eq!(next(&events), Some((3_001, 1_975)));
    // Who came later has missed fewer.
    assert_eq!(next(&late), Some((3_001, 1_000)));
}
