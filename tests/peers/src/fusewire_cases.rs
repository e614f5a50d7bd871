//! fusewire's own cases: by closure, by permit, as a tower layer, and what only it has.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fusewire::tower::CircuitBreakerLayer;
use fusewire::{CallError, CircuitBreaker, Registry};
use tower::Layer;

use crate::guard::{Batch, Detector, Maker, Policy, Scenario};
use crate::styles::{ByClosure, ByPermit};
use crate::tower_cases::{self, Refusal};
use crate::work::{BAD, Failure, GOOD, work};

/// A way to make a call, and what it offers for a policy in a scenario.
pub type Style = (&'static str, fn(Policy, Scenario) -> Maker);

/// By closure, as the peers do it, and by permit.
pub const STYLES: [Style; 2] = [("", by_closure), ("try_acquire", by_permit)];

fn by_closure(policy: Policy, scenario: Scenario) -> Maker {
    scenario.maker(move || ByClosure(breaker(policy)))
}

fn by_permit(policy: Policy, scenario: Scenario) -> Maker {
    scenario.maker(move || ByPermit(breaker(policy)))
}

/// The document of a policy. The other keys have the defaults that the peers are set to: 60 seconds, 5 failures in a
/// row, half of at least 20 calls.
fn document(policy: Policy) -> String {
    let window = match policy.detector {
        Detector::Default => return "{}".to_owned(),
        Detector::Consecutive => String::new(),
        Detector::Count(size) => {
            format!(r#""window":{{"kind":"count","size":{size},"min_calls":{}}},"#, size.min(20))
        }
        Detector::Time => r#""window":{"kind":"time"},"#.to_owned(),
        Detector::Adaptive => r#""window":{"kind":"adaptive"},"#.to_owned(),
    };
    format!(r#"{{{window}"sample_durations_every":{}}}"#, u32::from(policy.timed))
}

fn breaker(policy: Policy) -> CircuitBreaker {
    CircuitBreaker::from_json("bench", black_box(&document(policy))).expect("the document is valid")
}

/// A default breaker, one of many.
pub fn default(number: usize) -> CircuitBreaker {
    CircuitBreaker::from_json(&name(number), "{}").expect("the document is valid")
}

/// One call through a breaker.
pub fn touch(breaker: &CircuitBreaker) {
    let _ = black_box(breaker.call(|| work(GOOD)));
}

impl Refusal for CallError<Failure> {
    fn is_refusal(&self) -> bool {
        matches!(self, CallError::Rejected(_))
    }
}

/// The layer over a bare service.
pub fn service(detector: Detector, open: bool) -> Maker {
    let policy = Policy { detector, timed: false };
    tower_cases::maker(open, move |inner| CircuitBreakerLayer::new(breaker(policy)).layer(inner))
}

fn name(number: usize) -> String {
    format!("service-{number:07}")
}

/// A registry with so many default breakers.
pub fn registry(breakers: usize) -> Registry {
    let registry = Registry::new();
    for number in 0..breakers {
        registry.get_or_create_json(&name(number), "{}").expect("the document is valid");
    }
    registry
}

/// Names in a random order, laid out in that order, so that a lookup's misses are the registry's own.
pub struct Names {
    names: Vec<String>,
    next: AtomicUsize,
}

impl Names {
    /// So many names, each once.
    pub fn shuffled(count: usize) -> Names {
        let mut order: Vec<usize> = (0..count).collect();
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        for last in (1..count).rev() {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            order.swap(last, (state % (last as u64 + 1)) as usize);
        }
        Names { names: order.into_iter().map(name).collect(), next: AtomicUsize::new(0) }
    }

    /// Goes on through the names where the last batch stopped, round and round.
    #[inline(always)]
    fn visit(&self, calls: u64, mut look: impl FnMut(&str)) {
        let mut next = self.next.load(Ordering::Relaxed);
        for _ in 0..calls {
            look(black_box(&self.names[next]));
            next = if next + 1 == self.names.len() { 0 } else { next + 1 };
        }
        self.next.store(next, Ordering::Relaxed);
    }
}

/// Going through the names alone: what a lookup is compared with.
pub fn names_only(count: usize) -> Maker {
    Box::new(move || -> Batch {
        let names = Names::shuffled(count);
        Box::new(move |calls| {
            names.visit(calls, |name| {
                black_box(name);
            })
        })
    })
}

/// Looking up each name in a registry that holds them all.
pub fn lookups(count: usize) -> Maker {
    Box::new(move || -> Batch {
        let (names, registry) = (Names::shuffled(count), registry(count));
        Box::new(move |calls| {
            names.visit(calls, |name| {
                let found = black_box(&registry).get(name);
                assert!(black_box(&found).is_some(), "a registered name was not found");
            })
        })
    })
}

/// Rendering the metrics of a registry of busy breakers, and the length of the text.
pub fn rendering(breakers: usize) -> (usize, Maker) {
    let registry = Arc::new(busy_registry(breakers));
    let length = registry.metrics().len();
    let make = move || -> Batch {
        let registry = Arc::clone(&registry);
        Box::new(move |calls| {
            for _ in 0..calls {
                black_box(&black_box(&registry).metrics());
            }
        })
    };
    (length, Box::new(make))
}

/// A registry whose breakers have successes, failures and durations to show.
fn busy_registry(breakers: usize) -> Registry {
    let registry = registry(breakers);
    for number in 0..breakers {
        let breaker = registry.get(&name(number)).expect("it was just made");
        for call in 0..100 {
            let _ = black_box(breaker.call(|| work(if call % 10 == 9 { BAD } else { GOOD })));
        }
    }
    registry
}
