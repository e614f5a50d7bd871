//! Loom's models of everything that two threads do at a time: every interleaving up to a bound of preemptions, and every
//! value that the memory model lets a load return. `ci/loom.sh` runs them.
//!
//! A bound of two preemptions is enough for every error of the form "A reads, B changes, A goes on", and for one more
//! turn; most errors that are known of such code need no more. `LOOM_MAX_PREEMPTIONS` sets another bound.
//!
//! What loom does not see stays as it is: the registry's map, `OnceLock`, the clock of a process. Models give their
//! instants themselves or use a manual clock that stands still.

mod breaker;
mod cell;
mod count;
mod events;
mod stripes;
mod time;

use crate::thread::set_number;
use loom::thread;

/// Runs `f` in every interleaving.
fn model(f: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.max_branches = 20_000;
    builder.check(f);
}

/// The same where a bound of two costs minutes: one preemption less.
fn large_model(f: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(builder.preemption_bound.unwrap_or(2) - 1);
    builder.max_branches = 20_000;
    builder.check(f);
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
