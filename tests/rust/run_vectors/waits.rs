//! Calls that wait, and what becomes of them. A wait has ended once its waker was woken: nobody looks before.

use crate::case::Bench;
use fusewire::{OwnedPermit, Reason, Rejection, Waiting};
use serde_json::{Map, Value, json};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

type Result<T = ()> = std::result::Result<T, String>;
type Woken = Arc<Mutex<Vec<String>>>;

/// Rings under a name.
struct Bell {
    name: String,
    woken: Woken,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.woken.lock().expect("nobody panics with it").push(self.name.clone());
    }
}

struct Wait {
    name: String,
    waiting: Waiting,
    waker: Waker,
}

impl Wait {
    fn poll(&mut self) -> Poll<std::result::Result<OwnedPermit, Rejection>> {
        Future::poll(Pin::new(&mut self.waiting), &mut Context::from_waker(&self.waker))
    }
}

/// The calls that wait, by age.
#[derive(Default)]
pub struct Waits {
    waits: Vec<Wait>,
    woken: Woken,
}

impl Waits {
    pub fn begin(&mut self, name: String, waiting: Waiting) {
        let bell = Bell { name: name.clone(), woken: Arc::clone(&self.woken) };
        let mut wait = Wait { name, waiting, waker: Arc::new(bell).into() };
        // What is ready at once has nobody to wake.
        match wait.poll() {
            Poll::Pending => self.waits.push(wait),
            Poll::Ready(_) => panic!("{} was given a place in the queue and does not wait", wait.name),
        }
    }

    pub fn named(&self, name: &str) -> Option<&Waiting> {
        self.waits.iter().find(|w| w.name == name).map(|w| &w.waiting)
    }

    /// Gives the place up; answers whether there was one.
    pub fn cancel(&mut self, name: &str) -> bool {
        let place = self.waits.iter().position(|w| w.name == name);
        place.map(|at| self.waits.remove(at)).is_some()
    }

    /// Whether a timer of some wait would ring.
    pub fn are_due(&self) -> bool {
        self.waits.iter().any(|w| w.waiting.left() == Duration::ZERO)
    }

    /// Whose waits have ended, in the order in which they were told.
    fn ended(&mut self) -> Result<Vec<(String, std::result::Result<OwnedPermit, Rejection>)>> {
        let woken = std::mem::take(&mut *self.woken.lock().expect("nobody panics with it"));
        let mut ended = Vec::new();
        for name in woken {
            let Some(at) = self.waits.iter().position(|w| w.name == name) else {
                return Err(format!("{name} was woken and does not wait"));
            };
            match self.waits[at].poll() {
                Poll::Ready(answer) => ended.push((self.waits.remove(at).name, answer)),
                Poll::Pending => return Err(format!("{name} was woken and waits on")),
            }
        }
        match self.waits.iter_mut().find_map(|w| w.poll().is_ready().then_some(&w.name)) {
            Some(name) => Err(format!("the wait of {name} has ended and nobody was told")),
            None => Ok(ended),
        }
    }
}

/// Compares what became of calls that waited with what the step says; what it leaves out has not happened.
pub fn collect(b: &mut Bench, step: &Value) -> Result {
    let (mut granted, mut timed_out, mut refused) = (Vec::new(), Vec::new(), Map::new());
    for (name, answer) in b.waits.ended()? {
        // Who was turned away has a name still, of which nothing is left to settle or to drop.
        let place = b.permits.entry(name.clone()).or_default();
        match answer {
            Ok(permit) => {
                *place = Some(permit);
                granted.push(name);
            }
            Err(rejection) if rejection.reason() == Reason::QueueTimeout => timed_out.push(name),
            Err(rejection) => _ = refused.insert(name, rejection.reason().name().into()),
        }
    }
    is("granted", step, json!([]), granted.into())?;
    is("timed_out", step, json!([]), timed_out.into())?;
    is("refused", step, json!({}), refused.into())
}

fn is(key: &str, step: &Value, nobody: Value, got: Value) -> Result {
    let expected = step.get(key).unwrap_or(&nobody);
    if *expected == got { Ok(()) } else { Err(format!("{key}: expected {expected}, got {got}")) }
}
