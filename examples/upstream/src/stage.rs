//! Where the script stands and what has been counted: all the state of the service, behind one lock.

use crate::script::{Answer, Behaviour, Phase, Script};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Enough for a client that tags by state or by task; a client that tags every call is told to stop.
const MAX_TAGS: usize = 4_096;
const MAX_TAG_BYTES: usize = 64;

pub(crate) struct Stage {
    script: Script,
    /// Of each phase that has workers.
    workers: Vec<Option<Arc<Semaphore>>>,
    inner: Mutex<Inner>,
}

struct Inner {
    started: Instant,
    forced: Option<(usize, Instant)>,
    by_phase: Vec<u64>,
    by_tag: BTreeMap<String, u64>,
    in_line: u64,
    most_in_line: u64,
}

/// A call that waits in line.
struct InLine<'a>(&'a Stage);

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.in_line = inner.in_line.saturating_sub(1);
    }
}

/// `GET /phase`
#[derive(Serialize)]
pub(crate) struct Now {
    phase: String,
    elapsed_ms: u64,
    forced: bool,
    script_remaining_ms: u64,
}

/// `GET /stats`
#[derive(Serialize)]
pub(crate) struct Stats {
    total: u64,
    #[serde(serialize_with = "as_map")]
    by_phase: Vec<(String, u64)>,
    by_tag: BTreeMap<String, u64>,
    most_in_line: u64,
}

fn as_map<S: Serializer>(pairs: &[(String, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, count)| (name, count)))
}

impl Stage {
    pub(crate) fn new(script: Script) -> Self {
        let inner = Mutex::new(Inner::new(script.phases().len()));
        let workers = script.phases().iter().map(workers).collect();
        Self { script, workers, inner }
    }

    /// Begins the script again: its clock, its counts, and no forced phase.
    pub(crate) fn restart(&self) {
        *self.lock() = Inner::new(self.script.phases().len());
    }

    /// Stays in a phase until the next restart; the error lists the phases there are.
    pub(crate) fn force(&self, name: &str) -> Result<(), String> {
        let Some(index) = self.script.position(name) else {
            let names: Vec<&str> = self.script.phases().iter().map(|phase| phase.name.as_str()).collect();
            return Err(format!("no phase is called {name:?}; there are {}", names.join(", ")));
        };
        self.lock().forced = Some((index, Instant::now()));
        Ok(())
    }

    /// Counts a call and says what it gets and in which phase; the error says what a tag may be.
    pub(crate) fn receive(&self, tag: Option<&str>) -> Result<(&str, Answer), String> {
        let mut inner = self.lock();
        if let Some(tag) = tag {
            inner.count_tag(tag)?;
        }
        let (index, elapsed) = self.place(&inner);
        inner.by_phase[index] += 1;
        let phase = &self.script.phases()[index];
        Ok((&phase.name, phase.behaviour.answer(elapsed)))
    }

    /// Waits for a worker of the phase of that name, if it has some.
    pub(crate) async fn worker(&self, phase: &str) -> Option<OwnedSemaphorePermit> {
        let workers = self.workers[self.script.position(phase)?].clone()?;
        if let Ok(free) = Arc::clone(&workers).try_acquire_owned() {
            return Some(free);
        }
        let _in_line = self.line_up();
        workers.acquire_owned().await.ok()
    }

    fn line_up(&self) -> InLine<'_> {
        let mut inner = self.lock();
        inner.in_line += 1;
        inner.most_in_line = inner.most_in_line.max(inner.in_line);
        InLine(self)
    }

    pub(crate) fn now(&self) -> Now {
        let inner = self.lock();
        let (index, elapsed) = self.place(&inner);
        Now {
            phase: self.script.phases()[index].name.clone(),
            elapsed_ms: millis(elapsed),
            forced: inner.forced.is_some(),
            script_remaining_ms: millis(self.script.duration().saturating_sub(inner.started.elapsed())),
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let inner = self.lock();
        let names = self.script.phases().iter().map(|phase| phase.name.clone());
        Stats {
            total: inner.by_phase.iter().sum(),
            by_phase: names.zip(inner.by_phase.iter().copied()).collect(),
            by_tag: inner.by_tag.clone(),
            most_in_line: inner.most_in_line,
        }
    }

    fn place(&self, inner: &Inner) -> (usize, Duration) {
        match inner.forced {
            Some((index, since)) => (index, since.elapsed()),
            None => self.script.at(inner.started.elapsed()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn new(phases: usize) -> Self {
        Self {
            started: Instant::now(),
            forced: None,
            by_phase: vec![0; phases],
            by_tag: BTreeMap::new(),
            in_line: 0,
            most_in_line: 0,
        }
    }

    fn count_tag(&mut self, tag: &str) -> Result<(), String> {
        if !(1..=MAX_TAG_BYTES).contains(&tag.len()) {
            return Err(format!("a tag has 1 to {MAX_TAG_BYTES} bytes, this one has {}", tag.len()));
        }
        if let Some(count) = self.by_tag.get_mut(tag) {
            *count += 1;
        } else if self.by_tag.len() < MAX_TAGS {
            self.by_tag.insert(tag.into(), 1);
        } else {
            return Err(format!("there are {MAX_TAGS} different tags already; POST /start forgets them"));
        }
        Ok(())
    }
}

fn workers(phase: &Phase) -> Option<Arc<Semaphore>> {
    match phase.behaviour {
        Behaviour::Crowded { workers, .. } => Some(Arc::new(Semaphore::new(workers as usize))),
        _ => None,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
