//! Bytes of one breaker: what is live after building many, its handle included.

use std::thread;

use crate::peers::{circuitbreaker_rs, failsafe, nobreak, recloser, tower_resilience};
use crate::rows::{Place, Row};
use crate::{alloc, fusewire_cases, versions};

/// The case of these rows.
pub const CASE: &str = "bytes_per_breaker";
/// How many breakers share the rounding.
const BREAKERS: usize = 10_000;
/// How many breakers a registry must hold.
const MANY: usize = 1_000_000;

/// Bytes of one breaker at three moments of its life.
struct Footprint {
    built: u64,
    used: u64,
    shared: u64,
}

/// Builds the breakers and lets one thread and then another call each of them.
fn footprint<T: Sync>(build: impl Fn(usize) -> T, touch: impl Fn(&T) + Sync) -> Footprint {
    alloc::start();
    let mut breakers = Vec::with_capacity(BREAKERS);
    breakers.extend((0..BREAKERS).map(build));
    let built = each(BREAKERS);
    breakers.iter().for_each(&touch);
    let used = each(BREAKERS);
    let shared = thread::scope(|scope| {
        let second = scope.spawn(|| {
            breakers.iter().for_each(&touch);
            each(BREAKERS)
        });
        second.join().expect("the second thread panicked")
    });
    alloc::stop();
    Footprint { built, used, shared }
}

fn each(breakers: usize) -> u64 {
    (alloc::live() as f64 / breakers as f64).round() as u64
}

/// Every library's breaker as its defaults make it, and fusewire's in a large registry.
pub fn rows() -> Vec<Row> {
    let footprints = [
        ("fusewire", footprint(fusewire_cases::default, fusewire_cases::touch)),
        ("recloser", footprint(|_| recloser::default(), recloser::touch)),
        ("failsafe", footprint(|_| failsafe::default(), failsafe::touch)),
        ("nobreak", footprint(|_| nobreak::default(), nobreak::touch)),
        ("circuitbreaker-rs", footprint(|_| circuitbreaker_rs::default(), circuitbreaker_rs::touch)),
        (tower_resilience::PACKAGE, footprint(|_| tower_resilience::layered(), tower_resilience::touch)),
    ];
    let mut rows: Vec<Row> =
        footprints.into_iter().flat_map(|(peer, footprint)| moments(peer, &footprint)).collect();
    rows.push(in_a_registry());
    rows
}

fn moments(peer: &'static str, footprint: &Footprint) -> [Row; 3] {
    [
        row(peer, 1, "", "used by one thread", footprint.used),
        row(peer, 1, ", built", "built and never called", footprint.built),
        row(peer, 2, ", 2 threads", "used by two threads", footprint.shared),
    ]
}

fn in_a_registry() -> Row {
    alloc::start();
    let registry = fusewire_cases::registry(MANY);
    let bytes = each(MANY);
    alloc::stop();
    drop(registry);
    row("fusewire", 1, ", registry", "built, one of 1,000,000 in a registry, the map included", bytes)
}

fn row(peer: &'static str, threads: usize, suffix: &str, note: &str, bytes: u64) -> Row {
    Row {
        lang: "rust",
        peer,
        version: versions::of(peer),
        case: CASE,
        threads,
        ns: None,
        ns_min: None,
        ns_total: None,
        bytes: Some(bytes),
        note: Some(note.to_owned()),
        place: Place::of(peer, format!("{CASE}{suffix}")),
    }
}
