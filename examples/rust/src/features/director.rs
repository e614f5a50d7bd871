//! Lets the upstream fail and recover as the scene wants it. What happens next waits for an event or for a number of
//! answers, never for a time, so the order of all of it is the same on any machine.

use super::log::{Entry, What};
use super::report;
use super::{DOWN, NAMES, RECOMMENDATIONS, REVIEWS, SEARCH, UP};
use crate::client::Client;
use fusewire::{Cause, FeatureState, State};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What the director waits for.
enum Cue {
    /// So many answers of each feature since the cue before.
    Answers(u32),
    /// The breaker moves.
    Breaker(State, State),
    /// A feature comes into a state.
    Feature(&'static str, FeatureState),
}

/// How the upstream is to answer the calls of a feature, or all.
type Command = (&'static str, Option<&'static str>);

/// Each cue, and what the upstream is told then. With the last one the scene is over.
const SCRIPT: [(Cue, Option<Command>); 9] = [
    (Cue::Answers(20), Some((DOWN, None))),
    (Cue::Breaker(State::HalfOpen, State::Open), Some((UP, None))),
    (Cue::Feature(SEARCH, FeatureState::Testing), Some((DOWN, Some(SEARCH)))),
    (Cue::Feature(SEARCH, FeatureState::Disabled), Some((UP, Some(SEARCH)))),
    (Cue::Feature(REVIEWS, FeatureState::Enabled), None),
    (Cue::Answers(20), Some((DOWN, Some(RECOMMENDATIONS)))),
    (Cue::Feature(RECOMMENDATIONS, FeatureState::Disabled), Some((UP, Some(RECOMMENDATIONS)))),
    (Cue::Feature(RECOMMENDATIONS, FeatureState::Enabled), None),
    (Cue::Answers(20), None),
];

pub struct Director {
    began: Instant,
    inner: Mutex<Inner>,
    /// Whose turn it is to tell the upstream: no call is made meanwhile.
    turn: tokio::sync::Mutex<()>,
}

struct Inner {
    /// The place in the script.
    next: usize,
    /// Since the cue before.
    answers: [u32; NAMES.len()],
    /// The last of the breaker's that is known.
    generation: u64,
    /// What happened to features in a generation that is not known yet.
    early: Vec<(u64, What)>,
    /// The breaker's step that a failed test brought about, told before what became of the features, which comes first.
    held: Option<(u64, What)>,
    /// What the upstream was not told yet.
    commands: VecDeque<Command>,
    entries: Vec<Entry>,
}

impl Director {
    pub fn new() -> Self {
        let inner = Inner {
            next: 0,
            answers: [0; NAMES.len()],
            generation: 0,
            early: Vec::new(),
            held: None,
            commands: VecDeque::new(),
            entries: Vec::new(),
        };
        Self { began: Instant::now(), inner: Mutex::new(inner), turn: tokio::sync::Mutex::new(()) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something moved, in that generation of the breaker's. The breaker and its features tell of themselves each in an
    /// order of their own; what a step of the breaker brought about for its features is noted after it, and what took it
    /// back before it.
    pub fn notes(&self, generation: u64, what: What) {
        let mut inner = self.lock();
        match &what {
            What::Breaker { cause, .. } => {
                let is_told = inner.entries.iter().any(|entry| entry.what.is_taken_back());
                if *cause == Cause::FeatureFailed.to_string() && !is_told {
                    inner.held = Some((generation, what));
                    return;
                }
                inner.release(self.began);
                inner.step(self.began, generation, what);
            }
            _ if generation > inner.generation => inner.early.push((generation, what)),
            _ => {
                let is_taken_back = what.is_taken_back();
                inner.note(self.began, what);
                if is_taken_back {
                    inner.release(self.began);
                }
            }
        }
    }

    /// A call of that feature was answered.
    pub fn answered(&self, feature: usize) {
        let mut inner = self.lock();
        inner.answers[feature] += 1;
        if let Some((Cue::Answers(count), _)) = SCRIPT.get(inner.next)
            && inner.answers.iter().all(|answers| answers >= count)
        {
            inner.go_on(self.began);
        }
    }

    /// Tells the upstream what it was not told yet: before each call, so that none comes first.
    pub async fn tell(&self, client: &Client) -> Result<(), String> {
        let _turn = self.turn.lock().await;
        while let Some((phase, feature)) = self.pop() {
            client.force(phase, feature).await?;
        }
        Ok(())
    }

    /// A statement of its own, so that no lock is held while the upstream is told.
    fn pop(&self) -> Option<Command> {
        self.lock().commands.pop_front()
    }

    pub fn is_over(&self) -> bool {
        self.lock().next == SCRIPT.len()
    }

    /// How many entries there are.
    pub fn seen(&self) -> usize {
        self.lock().entries.len()
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }
}

impl Inner {
    fn waits_for(&self, what: &What) -> bool {
        match (SCRIPT.get(self.next), what) {
            (Some((Cue::Breaker(from, to), _)), What::Breaker { from: left, to: entered, .. }) => {
                (from, to) == (left, entered)
            }
            (Some((Cue::Feature(feature, state), _)), What::Feature { name, to, .. }) => {
                name == feature && to == state
            }
            _ => false,
        }
    }

    fn release(&mut self, began: Instant) {
        if let Some((generation, what)) = self.held.take() {
            self.step(began, generation, what);
        }
    }

    /// The breaker has moved.
    fn step(&mut self, began: Instant, generation: u64, what: What) {
        self.generation = generation;
        self.note(began, what);
        let (due, early): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.early).into_iter().partition(|(at, _)| *at <= generation);
        self.early = early;
        due.into_iter().for_each(|(_, what)| self.note(began, what));
    }

    fn note(&mut self, began: Instant, what: What) {
        let is_cue = self.waits_for(&what);
        self.enter(began, what);
        if is_cue {
            self.go_on(began);
        }
    }

    fn enter(&mut self, began: Instant, what: What) {
        let entry = Entry { at: began.elapsed(), what };
        println!("{}", report::line(&entry));
        self.entries.push(entry);
    }

    fn go_on(&mut self, began: Instant) {
        let Some((_, command)) = SCRIPT.get(self.next) else { return };
        self.next += 1;
        self.answers = [0; NAMES.len()];
        if let Some((phase, feature)) = *command {
            self.commands.push_back((phase, feature));
            self.enter(began, What::Upstream { phase, feature });
        }
    }
}
