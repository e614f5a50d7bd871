//! Events of transitions that race: complete, in order, from one deliverer.

use crate::threads::{Crowd, Finish, build, ends, together, until_met};
use fusewire::{By, CircuitBreaker, Event, Events, ManualClock, Mode, Settled, Subscription};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;

/// What a listener heard.
#[derive(Default)]
struct Heard {
    events: Mutex<Vec<(u64, u64)>>,
    /// Deliveries that were going on at the same time: there is one deliverer.
    crowd: Crowd,
}

impl Heard {
    fn listen(
        self: &Arc<Self>,
        breaker: &CircuitBreaker,
        then: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Subscription {
        let heard = Arc::clone(self);
        breaker.subscribe(move |event| {
            heard.crowd.pass(|| {
                heard.events.lock().expect("no panic here").push((event.generation, event.missed));
                then(event);
            });
        })
    }

    /// Every generation after `after` was heard in its order, or is told as missed.
    fn assert_complete(&self, after: u64, last: u64) {
        let events = self.events.lock().expect("no panic here");
        let mut known = after;
        for (generation, missed) in events.iter() {
            assert_eq!(*generation, known + missed + 1, "after generation {known}, {missed} missed");
            known = *generation;
        }
        assert_eq!(known, last);
        assert_eq!(self.crowd.most.load(SeqCst), 1, "one deliverer at a time");
    }

    fn missed(&self) -> u64 {
        self.events.lock().expect("no panic here").iter().map(|(_, missed)| missed).sum()
    }
}

#[test]
fn events_of_racing_transitions_arrive_complete_and_in_order() {
    let (crowd, by_others) = (Crowd::default(), Arc::new(AtomicU64::new(0)));
    for is_slow in [false, true] {
        let breaker = build("{}", &ManualClock::new());
        let heard = Arc::new(Heard::default());
        let others = Arc::clone(&by_others);
        let _stay = heard.listen(&breaker, move |event| {
            let me = format!("{:?}", thread::current().id());
            others.fetch_add(u64::from(event.actor.as_deref() != Some(&me)), SeqCst);
            if is_slow {
                (0..50).for_each(|_| thread::yield_now());
            }
        });
        let kept: Events = breaker.events(100_000);
        together(8, |i| {
            let me = format!("{:?}", thread::current().id());
            for round in 0..150 {
                let by = By::parts(Some(&me), None);
                crowd.pass(|| match (round + i) % 3 {
                    0 => breaker.reset(by),
                    1 => breaker.half_open(by),
                    _ => breaker.trip(None, by).expect("no duration"),
                });
            }
        });
        // At rest one more: it tells what was missed last.
        breaker.reset(By::default());
        let last = breaker.snapshot().generation;
        assert_eq!(last, 8 * 150 + 1);
        heard.assert_complete(0, last);
        let kept = kept.drain();
        assert_eq!(kept.iter().map(|e| 1 + e.missed).sum::<u64>(), last);
        assert!(kept.is_sorted_by_key(|e| e.generation));
        if is_slow {
            assert!(heard.missed() > 0, "a slow listener under racing transitions misses some");
        }
    }
    assert!(crowd.met() > 0, "no two transitions raced");
    assert!(
        by_others.load(SeqCst) > 0,
        "no event was delivered by another thread than the one that caused it"
    );
}

#[test]
fn a_listener_may_do_anything() {
    ends(|| {
        let breaker = build(r#"{"failure_threshold": 1, "recovery_timeout": "1h"}"#, &ManualClock::new());
        let (heard, depth) = (Arc::new(Heard::default()), Arc::new(AtomicU64::new(0)));
        let within = breaker.clone();
        let subscriptions = Arc::new(Mutex::new(Vec::new()));
        let (many, calls) = (Arc::clone(&subscriptions), Arc::clone(&depth));
        let _stay = heard.listen(&breaker, move |event| {
            let n = calls.fetch_add(1, SeqCst);
            let _ = within.snapshot();
            if n < 300 {
                match n % 7 {
                    0 => within.reset(By::default()),
                    1 => within.trip(None, By::default()).expect("no duration"),
                    2 => drop(within.try_acquire().map(|p| p.failure("x"))),
                    3 => many
                        .lock()
                        .expect("no panic")
                        .push(within.subscribe(|_| panic!("a listener that panics"))),
                    4 => drop(many.lock().expect("no panic").pop()),
                    5 => within.set_mode(
                        if event.generation % 2 == 0 { Mode::Shadow } else { Mode::Auto },
                        By::default(),
                    ),
                    _ => within.half_open(By::default()),
                }
            }
        });
        let quiet = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let crowd = Crowd::default();
        let resets = 400
            * until_met(&crowd, || {
                together(4, |_| (0..100).for_each(|_| crowd.pass(|| breaker.reset(By::default()))));
            });
        std::panic::set_hook(quiet);
        breaker.reset(By::default());
        let last = breaker.snapshot().generation;
        heard.assert_complete(0, last);
        assert!(last > resets + 20, "the listener has caused transitions itself: {last}");
    });
}

#[test]
fn a_listener_that_panics_disturbs_neither_the_call_nor_other_listeners() {
    let breaker = build(r#"{"failure_threshold": 1}"#, &ManualClock::new());
    let _first = breaker.subscribe(|_| panic!("on purpose"));
    let heard = Arc::new(Heard::default());
    let _second = heard.listen(&breaker, |_| {});
    assert_eq!(breaker.try_acquire().expect("closed").failure("x"), Settled::Ok);
    breaker.reset(By::default());
    heard.assert_complete(0, 2);
}

#[test]
fn subscribing_and_leaving_while_transitions_race_hears_an_unbroken_stretch() {
    let breaker = build("{}", &ManualClock::new());
    let finished = AtomicUsize::new(0);
    let stays: Vec<(u64, u64)> = together(6, |i| {
        if i < 3 {
            let _done = Finish(&finished);
            (0..800).for_each(|_| breaker.reset(By::default()));
            return (0, 0);
        }
        let (mut stays, mut heard_in_all) = (0, 0);
        while finished.load(SeqCst) < 3 || stays < 20 {
            let heard = Arc::new(Heard::default());
            let before = breaker.snapshot().generation;
            let stay = heard.listen(&breaker, |_| {});
            let after = breaker.snapshot().generation;
            (0..stays % 5).for_each(|_| thread::yield_now());
            drop(stay);
            let events = heard.events.lock().expect("no panic").clone();
            if let Some((first, missed)) = events.first() {
                assert!(*first > before, "nothing from before the subscription");
                assert!(first - missed <= after + 1, "nothing after it was lost: {first}, {missed}, {after}");
            }
            for pair in events.windows(2) {
                assert_eq!(pair[1].0, pair[0].0 + pair[1].1 + 1, "an unbroken stretch");
            }
            heard_in_all += events.len() as u64;
            stays += 1;
        }
        (stays, heard_in_all)
    });
    assert_eq!(breaker.snapshot().generation, 2_400);
    let heard: u64 = stays.iter().map(|s| s.1).sum();
    assert!(heard > 0, "nobody heard anything while staying");
}
