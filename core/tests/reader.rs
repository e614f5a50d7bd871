//! A reader of events that waits for them.

use fusewire::{By, CircuitBreaker, Events, State, Waited};
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
