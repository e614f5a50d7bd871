//! Loom's models of everything that two threads do at a time: every interleaving up to a bound of preemptions, and every
//! value that the memory model lets a load return. `ci/loom.sh` runs them.
//!
//! The usual bound is two preemptions: one is enough for every error of the form "A reads, B changes, A goes on", two
//! let B be interrupted as well. Small models take one more, large ones one less. `LOOM_MAX_PREEMPTIONS` sets another.
//!
//! What loom does not see stays as it is: the registry's map, `OnceLock`, the clock of a process. Models give their
//! instants themselves or use a manual clock that stands still.

mod breaker;
mod cell;
mod count;
mod events;
mod features;
mod gated;
mod gates;
mod handle;
mod lock;
mod moving;
mod policies;
mod policy;
mod ramp;
mod slots;
mod stripes;
mod time;

use crate::thread::set_number;
use loom::thread;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs `f` in every interleaving with at most `more` preemptions more than the usual bound, and at least one.
fn explore(more: isize, f: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    let bound = builder.preemption_bound.unwrap_or(2).saturating_add_signed(more);
    builder.preemption_bound = Some(bound.max(1));
    builder.max_branches = 20_000;
    builder.check(f);
}

fn model(f: impl Fn() + Send + Sync + 'static) {
    explore(0, f);
}

/// For a few loads and stores by two threads.
fn small_model(f: impl Fn() + Send + Sync + 'static) {
    explore(1, f);
}

/// For several steps of the machine.
fn large_model(f: impl Fn() + Send + Sync + 'static) {
    explore(-1, f);
}

/// Like [`explore`]: each time `f` answers one of `answers`, and each of these at some time, so that a model reaches what
/// it is there for.
fn outcomes<R: PartialEq + Debug + Send + Sync + 'static>(
    more: isize,
    answers: Vec<R>,
    f: impl Fn() -> R + Send + Sync + 'static,
) {
    let answers =
        Arc::new(answers.into_iter().map(|answer| (answer, AtomicBool::new(false))).collect::<Vec<_>>());
    let all = Arc::clone(&answers);
    explore(more, move || {
        let answer = f();
        match all.iter().find(|(known, _)| *known == answer) {
            Some((_, seen)) => seen.store(true, Ordering::Relaxed),
            None => panic!("{answer:?}"),
        }
    });
    for (answer, seen) in &*answers {
        assert!(seen.load(Ordering::Relaxed), "never {answer:?}");
    }
}

/// Runs the closures at the same time, the first on the calling thread, as threads 1, 2, …, and answers what they say.
fn at_once<R: Send + 'static>(mut runs: Vec<Box<dyn FnOnce() -> R + Send>>) -> Vec<R> {
    let first = runs.remove(0);
    let others: Vec<_> = (2..)
        .zip(runs)
        .map(|(number, run)| {
            thread::spawn(move || {
                set_number(number);
                run()
            })
        })
        .collect();
    let mut said = vec![first()];
    said.extend(others.into_iter().map(|t| t.join().expect("a model thread panicked")));
    said
}

/// Closures for [`at_once`].
macro_rules! runs {
    ($($run:expr),+ $(,)?) => { vec![$(Box::new($run) as Box<dyn FnOnce() -> _ + Send>),+] };
}
use runs;
