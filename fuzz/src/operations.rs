//! A string of operations on one breaker.

use crate::documents::DOCUMENTS;
use crate::invariants::{Bench, Given};
use fusewire::{Builder, By, Clock, Mode, Outcome};
use std::time::Duration;

const MS: u64 = 1_000_000;

/// Durations on both sides of those in the documents.
const LENGTHS: [u64; 8] = [1, MS, 99 * MS, 100 * MS, 300 * MS, 1_000 * MS, 5_000 * MS, 70_000 * MS];

/// Permits that are out at the same time, at most: a few more than a breaker has probes.
const PERMITS: usize = 70;

/// Operations of one run: a longer input finds nothing that a shorter one would not.
const STEPS: usize = 2_000;

/// The first byte chooses a document; each further one is an operation, some with a byte of argument. After each of
/// them everything that a snapshot and the events say must fit together.
pub fn run(data: &[u8]) {
    let Some((first, mut rest)) = data.split_first() else { return };
    let mut bench = Bench::new(document(*first));
    for _ in 0..STEPS {
        let Some(op) = take(&mut rest) else { break };
        step(&mut bench, op, &mut rest);
        bench.check();
    }
    bench.finish();
}

fn take(rest: &mut &[u8]) -> Option<u8> {
    let (first, tail) = rest.split_first()?;
    *rest = tail;
    Some(*first)
}

fn document(byte: u8) -> &'static str {
    DOCUMENTS[usize::from(byte) % DOCUMENTS.len()]
}

/// The low four bits say what is done, the high four how.
fn step(b: &mut Bench, op: u8, rest: &mut &[u8]) {
    let how = op >> 4;
    let length = LENGTHS[usize::from(how & 7)];
    let mut place = |b: &Bench| usize::from(take(rest).unwrap_or(0)) % b.permits.len().max(1);
    match op & 15 {
        0 | 1 => acquire(b),
        2 => settle(b, 0, Outcome::Success, None),
        3 => settle(b, 0, Outcome::Failure, None),
        4 => settle(b, usize::MAX, Outcome::ALL[usize::from(how) % 3], Some(length)),
        5 => {
            let place = place(b);
            settle(b, place, Outcome::ALL[usize::from(how) % 3], None);
        }
        6 => {
            let place = place(b);
            if place < b.permits.len() {
                let permit = b.permits.remove(place);
                b.dropped(permit);
            }
        }
        7 => b.clock.advance_nanos(length),
        8 => call(b, how),
        9 => b
            .clock
            .advance_nanos(b.breaker.snapshot().retry_after.unwrap_or(0).saturating_sub(u64::from(how & 1))),
        10 => b.breaker.poll(),
        11 => by_hand(b, how, length),
        12 => b.breaker.set_mode(Mode::ALL[usize::from(how) % 4], By::default()),
        13 => reconfigure(b, how),
        14 => b.clock.set(b.clock.now().saturating_sub(length)),
        _ => (0..how).for_each(|_| acquire(b)),
    }
}

fn acquire(b: &mut Bench) {
    if b.permits.len() < PERMITS {
        let answer = b.breaker.try_acquire_owned();
        b.answered(answer.as_ref().err().map(|r| (r.reason(), r.retry_after())));
        if let Ok(permit) = answer {
            b.admitted(permit);
        }
    }
}

fn settle(b: &mut Bench, place: usize, outcome: Outcome, duration: Option<u64>) {
    let Some(last) = b.permits.len().checked_sub(1) else { return };
    let Given { permit, generation, shadowed } = b.permits.remove(place.min(last));
    let before = b.breaker.snapshot();
    let settled = permit.settle(outcome, duration.map(Duration::from_nanos), Some("fuzz"));
    b.settled(settled, generation, shadowed, &before);
}

/// A call as most are made: asked for, run and settled at once.
fn call(b: &mut Bench, how: u8) {
    let result = b.breaker.call(|| if how & 1 == 0 { Ok(()) } else { Err(()) });
    b.called(&result);
}

fn by_hand(b: &mut Bench, how: u8, length: u64) {
    let by = By::new("fuzz", "by hand");
    match how % 4 {
        0 => b.breaker.half_open(by),
        1 => b.breaker.reset(by),
        2 => assert!(b.breaker.trip(None, by).is_ok()),
        _ => assert_eq!(b.breaker.trip(Some(Duration::from_nanos(length)), by).is_ok(), length >= MS),
    }
}

fn reconfigure(b: &mut Bench, how: u8) {
    let document = document(how);
    match Builder::from_json(document).and_then(|builder| b.breaker.reconfigure(builder, By::default())) {
        Ok(_) => b.configured(document),
        Err(e) => panic!("{document} is refused: {e}"),
    }
}
