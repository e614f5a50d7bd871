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
    /// For the calls of a tag, whatever the others get.
    forced_tags: BTreeMap<String, (usize, Instant)>,
    by_phase: Vec<u64>,
    by_tag: BTreeMap<String, u64>,
    in_line: u64,
    most_in_line: u64,
}

/// The line is as long as it may be.
struct LineIsFull;

/// Why a phase cannot be forced.
pub(crate) enum Refused {
    NoPhase(String),
    Tag(String),
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

    /// Stays in a phase until the next restart, for the calls of a tag or for all whose tag has none of its own; the error
    /// lists the phases there are, or says what a tag may be.
    pub(crate) fn force(&self, name: &str, tag: Option<&str>) -> Result<(), Refused> {
        let Some(index) = self.script.position(name) else {
            let names: Vec<&str> = self.script.phases().iter().map(|phase| phase.name.as_str()).collect();
            let message = format!("no phase is called {name:?}; there are {}", names.join(", "));
            return Err(Refused::NoPhase(message));
        };
        let mut inner = self.lock();
        match tag {
            None => inner.forced = Some((index, Instant::now())),
            Some(tag) => {
                may_be_added(&inner.forced_tags, tag).map_err(Refused::Tag)?;
                inner.forced_tags.insert(tag.into(), (index, Instant::now()));
            }
        }
        Ok(())
    }

    /// Counts a call and says in which phase it falls, by its place, and what it gets; the error says what a tag may be.
    pub(crate) fn receive(&self, tag: Option<&str>) -> Result<(usize, Answer), String> {
        let mut inner = self.lock();
        if let Some(tag) = tag {
            inner.count_tag(tag)?;
        }
        let (index, elapsed) = self.place(&inner, tag);
        inner.by_phase[index] += 1;
        Ok((index, self.script.phases()[index].behaviour.answer(elapsed)))
    }

    pub(crate) fn name(&self, phase: usize) -> &str {
        &self.script.phases()[phase].name
    }

    /// Whether what the phase has taken on is done although nobody waits for it any more.
    pub(crate) fn works_off(&self, phase: usize) -> bool {
        matches!(self.script.phases()[phase].behaviour, Behaviour::Backlog { .. })
    }

    /// Does a call's work, when a worker is free for it; answers the status.
    pub(crate) async fn perform(&self, phase: usize, answer: Answer) -> u16 {
        let Ok(_worker) = self.worker(phase).await else { return 503 };
        tokio::time::sleep(answer.latency).await;
        answer.status
    }

    /// Waits for a worker, if the phase has some.
    async fn worker(&self, phase: usize) -> Result<Option<OwnedSemaphorePermit>, LineIsFull> {
        let Some(workers) = self.workers[phase].clone() else { return Ok(None) };
        if let Ok(free) = Arc::clone(&workers).try_acquire_owned() {
            return Ok(Some(free));
        }
        let _in_line = self.line_up(phase)?;
        Ok(workers.acquire_owned().await.ok())
    }

    fn line_up(&self, phase: usize) -> Result<InLine<'_>, LineIsFull> {
        let mut inner = self.lock();
        if let Behaviour::Backlog { line, .. } = self.script.phases()[phase].behaviour
            && inner.in_line >= u64::from(line)
        {
            return Err(LineIsFull);
        }
        inner.in_line += 1;
        inner.most_in_line = inner.most_in_line.max(inner.in_line);
        Ok(InLine(self))
    }

    pub(crate) fn now(&self) -> Now {
        let inner = self.lock();
        let (index, elapsed) = self.place(&inner, None);
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

    fn place(&self, inner: &Inner, tag: Option<&str>) -> (usize, Duration) {
        match tag.and_then(|tag| inner.forced_tags.get(tag).copied()).or(inner.forced) {
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
            forced_tags: BTreeMap::new(),
            by_phase: vec![0; phases],
            by_tag: BTreeMap::new(),
            in_line: 0,
            most_in_line: 0,
        }
    }

    fn count_tag(&mut self, tag: &str) -> Result<(), String> {
        if let Some(count) = self.by_tag.get_mut(tag) {
            *count += 1;
        } else {
            may_be_added(&self.by_tag, tag)?;
            self.by_tag.insert(tag.into(), 1);
        }
        Ok(())
    }
}

fn may_be_added<T>(tags: &BTreeMap<String, T>, tag: &str) -> Result<(), String> {
    if !(1..=MAX_TAG_BYTES).contains(&tag.len()) {
        return Err(format!("a tag has 1 to {MAX_TAG_BYTES} bytes, this one has {}", tag.len()));
    }
    if tags.len() >= MAX_TAGS && !tags.contains_key(tag) {
        return Err(format!("there are {MAX_TAGS} different tags already; POST /start forgets them"));
    }
    Ok(())
}

fn workers(phase: &Phase) -> Option<Arc<Semaphore>> {
    match phase.behaviour {
        Behaviour::Crowded { workers, .. } | Behaviour::Backlog { workers, .. } => {
            Some(Arc::new(Semaphore::new(workers as usize)))
        }
        _ => None,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
