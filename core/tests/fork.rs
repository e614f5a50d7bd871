//! A process that forks at any instant, while its threads are at everything that a breaker can do: each child uses the
//! breakers that it inherited and makes new ones, and nothing that a thread left behind blocks it or keeps an event
//! back. `FUSEWIRE_FORKS` sets how often (default 400).
#![allow(missing_docs)]
#![cfg(unix)]

mod forked;

use forked::{Plain, in_a_child};
use fusewire::{
    Builder, Bulkhead, By, CircuitBreaker, Entered, Mode, Outcome, OwnedPermit, Priority, Reason, Registry,
    Rejection, Settled, State, Waiting,
};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Barrier, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

/// These have other layouts, so that a change from one to the next moves the breaker to another cell.
const DOCUMENTS: [&str; 4] = [
    r#"{"failure_threshold":3,"recovery_timeout":"1h"}"#,
    r#"{"window":{"kind":"count","size":50,"min_calls":10},"recovery_timeout":"1h"}"#,
    r#"{"window":{"kind":"time"},"recovery_timeout":"1h","half_open_max_calls":9}"#,
    r#"{"window":{"kind":"adaptive"},"recovery_timeout":"1h","ramp":{"initial":0.5}}"#,
];

fn document(n: usize) -> Builder {
    Builder::from_json(DOCUMENTS[n % DOCUMENTS.len()]).expect("a document")
}

/// What the threads of the parent share, and every child inherits.
struct World {
    /// One for each document.
    breakers: Vec<CircuitBreaker>,
    registry: Registry,
    /// Two slots, and a queue for them.
    gated: CircuitBreaker,
    ends: AtomicBool,
    rounds: [AtomicU64; BUSY.len()],
}

impl World {
    fn new() -> Self {
        let breakers = (0..4).map(|n| document(n).build("old").expect("valid")).collect();
        let registry = Registry::new();
        registry.get_or_create("stays", document(0)).expect("valid");
        let gated = Bulkhead::new(2).max_queue(100).queue_timeout(Duration::from_secs(3600));
        let gated = Builder::default().bulkhead(gated).build("gated").expect("valid");
        World { breakers, registry, gated, ends: AtomicBool::new(false), rounds: Default::default() }
    }

    fn breaker(&self, n: usize) -> &CircuitBreaker {
        &self.breakers[n % self.breakers.len()]
    }
}

fn call(breaker: &CircuitBreaker, n: usize) {
    let kinds = [None, Some("io"), Some("timeout"), Some("tls")];
    if let Ok(permit) = breaker.try_acquire() {
        let outcome = if n.is_multiple_of(3) { Outcome::Failure } else { Outcome::ALL[n % 3] };
        permit.settle(outcome, None, kinds[n % 4]);
    }
}

fn calls(world: &'static World, n: usize) {
    call(world.breaker(n), n);
}

fn operates(world: &'static World, n: usize) {
    let breaker = world.breaker(n / 7);
    match n % 7 {
        0..=1 => breaker.trip(None, By::new("fork", "test")).expect("no duration"),
        2 => breaker.half_open(By::default()),
        3 => breaker.set_mode(Mode::ALL[n / 7 % 4], By::default()),
        4 => breaker.set_mode(Mode::Auto, By::default()),
        _ => breaker.reset(By::default()),
    }
}

fn listens(world: &'static World, n: usize) {
    let events = world.breaker(n).events(8);
    world.breaker(n).reset(By::default());
    events.drain();
}

fn registers(world: &'static World, n: usize) {
    let name = format!("r{}", n % 40);
    // A conflict with the document of another round is an answer, too.
    let _ = world.registry.get_or_create(&name, document(n));
    world.registry.get("stays").expect("nobody removes it");
    match n % 64 {
        0 => drop(world.registry.metrics()),
        _ => drop(world.registry.remove(&format!("r{}", n * 7 % 40))),
    }
}

fn reconfigures(world: &'static World, n: usize) {
    // What was moved from stays: a new breaker now and then.
    if n.is_multiple_of(50) {
        world.registry.remove("moves");
    }
    if let Ok(breaker) = world.registry.get_or_create("moves", document(n)) {
        call(&breaker, n);
    }
    let _ = world.registry.reconfigure("moves", document(n + 1), By::default());
}

fn starts_threads(world: &'static World, n: usize) {
    let threads: Vec<_> = (0..3).map(|i| Plain::start(move || call(world.breaker(n + i), n))).collect();
    threads.into_iter().for_each(Plain::join);
}

/// Has a slot, or waits for one for a while.
fn queues(world: &'static World, n: usize) {
    match world.gated.at(Priority::ALL[n % 5]).enter() {
        Ok(Entered::Admitted(permit)) => {
            thread::yield_now();
            permit.success();
        }
        Ok(Entered::Waiting(mut waiting)) => {
            (0..n % 40).take_while(|_| poll(&mut waiting).is_pending()).for_each(|_| thread::yield_now());
        }
        Err(rejection) => panic!("there is room: {rejection}"),
    }
}

fn poll(waiting: &mut Waiting) -> Poll<Result<OwnedPermit, Rejection>> {
    Pin::new(waiting).poll(&mut Context::from_waker(Waker::noop()))
}

/// All slots are there, and what comes free goes to who waits.
fn slots_are_free(breaker: &CircuitBreaker) {
    let slots = || breaker.snapshot().bulkhead.expect("slots");
    assert_eq!((slots().in_flight(), slots().waiting()), (0, 0));
    let enter = || breaker.at(Priority::Normal).enter();
    let [Ok(Entered::Admitted(first)), Ok(Entered::Admitted(second)), Ok(Entered::Waiting(mut third))] =
        [enter(), enter(), enter()]
    else {
        panic!("there are two slots, and room to wait")
    };
    assert!(poll(&mut third).is_pending());
    first.success();
    let Poll::Ready(Ok(third)) = poll(&mut third) else { panic!("it has a slot now") };
    assert_eq!(third.success(), Settled::Ok);
    second.success();
    assert_eq!((slots().in_flight(), slots().waiting()), (0, 0));
}

/// What threads of the parent are at.
const BUSY: [fn(&'static World, usize); 9] =
    [calls, operates, listens, registers, reconfigures, starts_threads, queues, queues, queues];

/// Transitions of a breaker that was inherited: each is told, in order, and none is missed.
fn every_event_arrives(breaker: &CircuitBreaker) {
    breaker.set_mode(Mode::Auto, By::default());
    let events = breaker.events(64);
    let before = breaker.snapshot().generation;
    for _ in 0..20 {
        breaker.trip(None, By::default()).expect("no duration");
        breaker.reset(By::default());
    }
    let after = breaker.snapshot().generation;
    let told = events.drain();
    let generations: Vec<u64> = told.iter().map(|event| event.generation).collect();
    assert_eq!(generations, (before + 1..=after).collect::<Vec<_>>(), "events are kept back");
    assert!(told.len() >= 40 && told.iter().all(|event| event.missed == 0), "{told:?}");
}

/// Calls of a closed breaker count exactly; it opens, probes and closes.
fn works(breaker: &CircuitBreaker) {
    breaker.set_mode(Mode::Auto, By::default());
    breaker.reset(By::default());
    let settled = || {
        let totals = breaker.snapshot().totals;
        totals.success + totals.failure + totals.ignored
    };
    let before = settled();
    for _ in 0..50 {
        breaker.try_acquire().expect("closed").settle(Outcome::Success, None, None);
    }
    assert_eq!(settled(), before + 50);
    breaker.trip(None, By::default()).expect("no duration");
    assert!(breaker.try_acquire().is_err(), "it is open");
    breaker.half_open(By::default());
    for _ in 0..200 {
        if let Ok(permit) = breaker.try_acquire() {
            permit.success();
        }
    }
    assert_eq!(breaker.state(), State::Closed, "{:?}", breaker.snapshot());
}

/// All that a child may want of what it inherited, and of new breakers.
fn uses_everything(world: &'static World, n: usize) {
    world.breakers.iter().for_each(every_event_arrives);
    world.breakers.iter().for_each(works);
    slots_are_free(&world.gated);
    world.registry.get("stays").expect("it was there").reset(By::default());
    for i in 0..8 {
        registers(world, n + i);
    }
    assert!(world.registry.metrics().contains(r#"service="stays""#));
    if let Some(moves) = world.registry.get("moves") {
        works(&moves);
        moves.reconfigure(document(n), By::default()).expect("valid");
        moves.reconfigure(document(n + 1), By::default()).expect("valid");
        every_event_arrives(&moves);
        works(&moves);
    }
    for document in DOCUMENTS {
        let new = CircuitBreaker::from_json("child's", document).expect("valid");
        every_event_arrives(&new);
        works(&new);
        new.try_acquire().expect("closed").failure("of a new type");
    }
    let threads: Vec<_> = (0..4).map(|i| Plain::start(move || works(world.breaker(i)))).collect();
    threads.into_iter().for_each(Plain::join);
}

/// Takes the 64 numbers whose threads have stripes of their own, until `done` ends: all others share.
fn crowd<'s>(scope: &'s thread::Scope<'s, '_>, world: &'static World) -> mpsc::Sender<()> {
    let (until, ends) = mpsc::channel();
    let ends = std::sync::Arc::new(std::sync::Mutex::new(ends));
    let all_came = std::sync::Arc::new(Barrier::new(65));
    for n in 0..64 {
        let (ends, all_came) = (ends.clone(), all_came.clone());
        scope.spawn(move || {
            calls(world, n);
            all_came.wait();
            // The first waits for the end of the channel, the others for the first.
            let _ = ends.lock().expect("no panic").recv();
        });
    }
    all_came.wait();
    until
}

fn forks() -> usize {
    std::env::var("FUSEWIRE_FORKS").ok().and_then(|n| n.parse().ok()).unwrap_or(400)
}

#[test]
fn a_child_that_is_forked_at_any_instant_finds_every_breaker_whole() {
    // On the heap: a child's threads get the stacks of those that are gone.
    let world: &'static World = Box::leak(Box::new(World::new()));
    let failed: Vec<String> = thread::scope(|scope| {
        let crowd = crowd(scope, world);
        for (busy, rounds) in BUSY.into_iter().zip(&world.rounds) {
            scope.spawn(move || {
                while !world.ends.load(SeqCst) {
                    busy(world, rounds.fetch_add(1, SeqCst) as usize);
                }
            });
        }
        // Two threads fork, so that forks meet each other, too; every ninth child forks in its turn.
        let fork = |first| {
            (first..forks()).step_by(2).filter_map(|n| in_a_child(|| child(world, n)).err()).take(3).collect()
        };
        let other = scope.spawn(move || fork(1));
        let mut failed: Vec<String> = fork(0);
        failed.extend(other.join().expect("no panic"));
        world.ends.store(true, SeqCst);
        drop(crowd);
        failed
    });
    assert!(failed.is_empty(), "children failed; 0xe is one that hung: {failed:?}");
    let rounds = world.rounds.each_ref().map(|n| n.load(SeqCst));
    assert!(rounds.iter().all(|n| *n > 0), "every thread did something meanwhile: {rounds:?}");
    world.breakers.iter().for_each(every_event_arrives);
    world.breakers.iter().for_each(works);
    slots_are_free(&world.gated);
}

fn child(world: &'static World, n: usize) {
    uses_everything(world, n);
    if n.is_multiple_of(9) {
        in_a_child(|| uses_everything(world, n)).expect("a grandchild");
    }
}

#[test]
fn a_slot_and_a_wait_from_before_a_fork_are_the_parents() {
    let slots = Bulkhead::new(1).max_queue(9).queue_timeout(Duration::from_secs(3600));
    let breaker = Builder::default().bulkhead(slots).build("forks").expect("valid");
    let Ok(Entered::Admitted(first)) = breaker.at(Priority::Low).enter() else { panic!("a slot") };
    let Ok(Entered::Waiting(mut waiting)) = breaker.at(Priority::Low).enter() else { panic!("no slot") };
    assert!(poll(&mut waiting).is_pending());
    let held = |breaker: &CircuitBreaker| {
        let slots = breaker.snapshot().bulkhead.expect("slots");
        (slots.in_flight(), slots.waiting())
    };
    // In the child both are there, too: as copies.
    let (first, waiting) = (std::cell::Cell::new(Some(first)), std::cell::Cell::new(Some(waiting)));
    let child = in_a_child(|| {
        assert_eq!(held(&breaker), (0, 0), "a child's slots are its own");
        let mut waiting = waiting.take().expect("a wait");
        let end = poll(&mut waiting).map_err(|rejection| rejection.reason());
        assert!(matches!(end, Poll::Ready(Err(Reason::QueueTimeout))), "{end:?}");
        let own = breaker.try_acquire_owned().expect("a slot of the child's");
        assert_eq!(first.take().expect("a permit").success(), Settled::Ok);
        assert_eq!(held(&breaker), (1, 0), "the parent's slot is none of the child's");
        drop((waiting, own));
        assert_eq!(held(&breaker), (0, 0));
    });
    assert_eq!(child, Ok(()));
    assert_eq!(held(&breaker), (1, 1));
    first.take().expect("a permit").success();
    assert!(matches!(poll(&mut waiting.take().expect("a wait")), Poll::Ready(Ok(_))));
    assert_eq!(held(&breaker), (0, 0));
}

#[test]
fn a_listener_may_fork_and_both_go_on_delivering() {
    let breaker = document(0).build("forks").expect("valid");
    let inside = breaker.clone();
    let answer = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let children = answer.clone();
    let subscription = breaker.subscribe(move |event| {
        if event.generation == 2 {
            let child = in_a_child(|| {
                every_event_arrives(&inside);
                works(&inside);
            });
            children.lock().expect("no panic").push(child);
        }
    });
    every_event_arrives(&breaker);
    drop(subscription);
    assert_eq!(*answer.lock().expect("no panic"), [Ok(())]);
}
