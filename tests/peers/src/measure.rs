//! Interleaved timing: every subject of a group takes its turn in every round.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::guard::{Batch, Maker};

/// How long to look.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// How often the whole list of cases is gone through, with breakers built anew: a machine's moods last seconds.
    pub passes: usize,
    /// How many turns each subject takes in a pass.
    pub rounds: usize,
    /// How long one turn is meant to last.
    pub turn: Duration,
}

/// Something that makes calls.
pub struct Subject {
    /// Builds what is measured.
    pub make: Maker,
    /// Each thread has a breaker of its own instead of sharing one.
    pub apart: bool,
}

/// Nanoseconds of one call on one thread.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// The median round.
    pub median: f64,
    /// The fastest round.
    pub min: f64,
}

impl Sample {
    /// The sample of so many rounds.
    pub fn of(rounds: &mut [f64]) -> Sample {
        rounds.sort_by(f64::total_cmp);
        Sample { median: rounds[rounds.len() / 2], min: rounds[0] }
    }
}

/// The other threads of a measurement would wait for the one that panicked.
pub fn end_all_threads_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::exit(101);
    }));
}

/// Measures the subjects side by side on so many threads; nanoseconds of a call, by subject and round.
pub fn measure(subjects: &[&Subject], threads: usize, effort: Effort) -> Vec<Vec<f64>> {
    let stage = Stage::new(subjects, threads, effort);
    let lanes: Vec<Vec<Vec<Turn>>> = thread::scope(|scope| {
        let stage = &stage;
        let others: Vec<_> = (1..threads).map(|lane| scope.spawn(move || stage.perform(lane))).collect();
        let first = stage.perform(0);
        let rest = others.into_iter().map(|other| other.join().expect("a measuring thread panicked"));
        std::iter::once(first).chain(rest).collect()
    });
    (0..subjects.len()).map(|subject| rounds(&lanes, subject, effort.rounds)).collect()
}

/// One thread's part of one round.
#[derive(Debug, Clone, Copy)]
struct Turn {
    start: Instant,
    end: Instant,
    calls: u64,
}

impl Turn {
    fn took(&self) -> Duration {
        self.end - self.start
    }

    fn figure(&self) -> f64 {
        self.took().as_nanos() as f64 / self.calls as f64
    }
}

/// The figures of a subject's rounds: the mean of the threads.
///
/// A round in which the threads ran one after the other, because the machine had no core for the second, says nothing
/// about sharing; such rounds are left out unless they are most of them, as with a lock that one thread keeps.
fn rounds(lanes: &[Vec<Vec<Turn>>], subject: usize, count: usize) -> Vec<f64> {
    let turns = |round: usize| -> Vec<Turn> { lanes.iter().map(|lane| lane[subject][round]).collect() };
    let (side_by_side, apart): (Vec<_>, Vec<_>) =
        (0..count).map(turns).partition(|turns| overlap(turns) >= 0.8);
    let kept = match side_by_side.len() > apart.len() {
        true => side_by_side,
        false => [side_by_side, apart].concat(),
    };
    kept.iter().map(|turns| turns.iter().map(Turn::figure).sum::<f64>() / turns.len() as f64).collect()
}

/// For which share of the longest turn all of them were running.
fn overlap(turns: &[Turn]) -> f64 {
    let started = turns.iter().map(|turn| turn.start).max();
    let ended = turns.iter().map(|turn| turn.end).min();
    let longest = turns.iter().map(Turn::took).max();
    match (started, ended, longest) {
        (Some(started), Some(ended), Some(longest)) => {
            ended.saturating_duration_since(started).as_secs_f64() / longest.as_secs_f64()
        }
        _ => 0.0,
    }
}

/// What the threads of one measurement share.
struct Stage<'a> {
    subjects: &'a [&'a Subject],
    shared: Vec<OnceLock<Arc<Batch>>>,
    calls: Vec<AtomicU64>,
    gate: Gate,
    effort: Effort,
}

impl<'a> Stage<'a> {
    fn new(subjects: &'a [&'a Subject], threads: usize, effort: Effort) -> Self {
        Stage {
            subjects,
            shared: subjects.iter().map(|_| OnceLock::new()).collect(),
            calls: subjects.iter().map(|_| AtomicU64::new(0)).collect(),
            gate: Gate::new(threads),
            effort,
        }
    }

    /// One thread's part, by subject and round.
    ///
    /// Lane 0 is the calling thread. A breaker is built by the thread that uses it, so that with one thread it meets
    /// no second one.
    fn perform(&self, lane: usize) -> Vec<Vec<Turn>> {
        let batches: Vec<Arc<Batch>> = (0..self.subjects.len()).map(|subject| self.batch(subject)).collect();
        if lane == 0 {
            for (batch, calls) in batches.iter().zip(&self.calls) {
                calls.store(calibrate(batch, self.effort.turn), Ordering::Relaxed);
            }
        }
        let mut turns = vec![Vec::with_capacity(self.effort.rounds); batches.len()];
        for subject in 0..batches.len() {
            self.turn(&batches, subject);
        }
        for round in 0..self.effort.rounds {
            for place in 0..batches.len() {
                let subject = (place + round) % batches.len();
                turns[subject].push(self.turn(&batches, subject));
            }
        }
        turns
    }

    fn batch(&self, subject: usize) -> Arc<Batch> {
        let make = &self.subjects[subject].make;
        match self.subjects[subject].apart {
            true => Arc::new(make()),
            false => Arc::clone(self.shared[subject].get_or_init(|| Arc::new(make()))),
        }
    }

    fn turn(&self, batches: &[Arc<Batch>], subject: usize) -> Turn {
        self.gate.wait();
        let calls = self.calls[subject].load(Ordering::Relaxed);
        let start = Instant::now();
        batches[subject](calls);
        Turn { start, end: Instant::now(), calls }
    }
}

/// How many calls last as long as a turn should.
fn calibrate(batch: &Batch, turn: Duration) -> u64 {
    let mut calls = 100;
    loop {
        let start = Instant::now();
        batch(calls);
        let took = start.elapsed();
        if took >= turn / 2 {
            let fitting = calls as f64 * turn.as_secs_f64() / took.as_secs_f64();
            return (fitting as u64).max(1);
        }
        calls *= 2;
    }
}

/// A barrier that spins: threads that a sleeping one wakes start microseconds apart, and often on one core.
struct Gate {
    arrived: AtomicUsize,
    threads: usize,
}

impl Gate {
    fn new(threads: usize) -> Self {
        Gate { arrived: AtomicUsize::new(0), threads }
    }

    fn wait(&self) {
        let before = self.arrived.fetch_add(1, Ordering::AcqRel);
        let everyone = (before / self.threads + 1) * self.threads;
        let mut spins = 0_u32;
        while self.arrived.load(Ordering::Acquire) < everyone {
            spin_loop();
            spins += 1;
            if spins.is_multiple_of(10_000) {
                thread::yield_now();
            }
        }
    }
}
