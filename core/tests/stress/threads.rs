//! Threads that begin together, and how often they met.

use fusewire::{Builder, CircuitBreaker, ManualClock};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::Duration;

pub const DETECTORS: [(&str, &str); 4] = [
    ("consecutive", r#""failure_threshold": 1000000"#),
    ("count", r#""window": {"kind": "count", "size": 65535, "min_calls": 65535, "failure_rate": 1}"#),
    ("time", r#""window": {"kind": "time", "period": "100s", "min_calls": 1000000}"#),
    ("adaptive", r#""window": {"kind": "adaptive", "period": "100s", "min_calls": 1000000}"#),
];

pub fn build(document: &str, clock: &ManualClock) -> CircuitBreaker {
    let builder = Builder::from_json(document).expect("JSON").clock(clock.clone());
    builder.build("stress").expect("a valid document")
}

/// Fails loudly when `f` hangs; two minutes are beyond what any machine needs.
pub fn ends<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, wait) = mpsc::channel();
    let worker = thread::spawn(move || {
        let _ = done.send(f());
    });
    match wait.recv_timeout(Duration::from_secs(120)) {
        Ok(answer) => answer,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match worker.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("the answer was sent"),
        },
    }
}

/// Runs `f` on `n` threads that begin together; their answers.
pub fn together<R: Send>(n: usize, f: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let start = Barrier::new(n);
    thread::scope(|scope| {
        let worker = |i| {
            start.wait();
            f(i)
        };
        let threads: Vec<_> = (0..n).map(|i| scope.spawn(move || worker(i))).collect();
        threads.into_iter().map(|t| t.join().expect("no panic")).collect()
    })
}

/// Counts a thread as finished, also one that panics: others wait for all.
pub struct Finish<'a>(pub &'a AtomicUsize);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Counts how often somebody came in while somebody else was inside.
#[derive(Default)]
pub struct Crowd {
    inside: AtomicU64,
    met: AtomicU64,
    pub most: AtomicU64,
}

impl Crowd {
    pub fn pass<R>(&self, f: impl FnOnce() -> R) -> R {
        let others = self.inside.fetch_add(1, SeqCst);
        self.met.fetch_add(u64::from(others > 0), SeqCst);
        self.most.fetch_max(others + 1, SeqCst);
        let answer = f();
        self.inside.fetch_sub(1, SeqCst);
        answer
    }

    pub fn met(&self) -> u64 {
        self.met.load(SeqCst)
    }
}

/// Runs rounds until one hits the race; how many it took.
pub fn until_met(crowd: &Crowd, mut round: impl FnMut()) -> u64 {
    for rounds in 1..=200 {
        round();
        if crowd.met() > 0 {
            return rounds;
        }
    }
    panic!("two hundred rounds, and no two threads ever met");
}
