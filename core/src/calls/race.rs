//! An attempt that did not end at once: its timer, and the hedges that are started beside it.
//!
//! The first success wins, and so does whatever else of the primary is no failure. A failed primary is settled at once, and
//! waits for the hedges that are under way; when they fail, too, its failure is what the attempt came to.

use super::run::Run;
use crate::body::Body;
use crate::clock::Nanos;
use crate::engine::Engine;
use crate::ledger::TIMEOUT;
use crate::outcome::{Outcome, Ticket};
use crate::permit::PANIC;
use crate::stepping::Ending;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// How an attempt ended.
pub(super) enum Won<R> {
    Result(R),
    TimedOut(Duration),
}

type Timer = Pin<Box<Sleep>>;

fn timer(after: Option<Nanos>) -> Option<Timer> {
    after.map(|after| Box::pin(sleep(Duration::from_nanos(after))))
}

/// Whether there is a timer and its time has come.
fn is_due(timer: &mut Option<Timer>, cx: &mut Context<'_>) -> bool {
    timer.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready())
}

/// A hedge's permit. Dropped, it is given back: as a failure when the hedge's own code has panicked.
struct Held<'p> {
    body: &'p Body,
    /// `None` once it was taken out.
    permit: Option<(u32, Ticket)>,
    /// The hedge's own code runs: who leaves now has panicked.
    is_inside: bool,
}

impl<'p> Held<'p> {
    fn take(&mut self) -> Option<(&'p Engine, Ticket)> {
        self.permit.take().map(|(number, ticket)| (self.body.engine_number(number), ticket))
    }

    fn settle(&mut self, outcome: Outcome, error_type: Option<&str>) {
        if let Some((engine, ticket)) = self.take() {
            self.body.settle(engine, &ticket, outcome, None, error_type);
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.is_inside {
            self.settle(Outcome::Failure, Some(PANIC));
        } else if let Some((engine, ticket)) = self.take() {
            self.body.abandon(engine, &ticket);
        }
    }
}

/// An attempt beside the primary, with a permit of its own: the last of it that goes, also when what goes before panics.
struct Hedge<'p, F> {
    /// `None` until the function has given it.
    future: Option<Pin<Box<F>>>,
    limit: Option<Timer>,
    held: Held<'p>,
}

/// The attempt that has the call's permit, and its hedges.
pub(super) struct Race<'r, 'p, T, E, F: Future> {
    run: &'r mut Run<'p, T, E>,
    /// `None` once it has timed out.
    primary: Pin<&'r mut Option<F>>,
    limit: Option<Timer>,
    /// How the primary has failed.
    failed: Option<Won<F::Output>>,
    next: Option<Timer>,
    hedges: Vec<Hedge<'p, F>>,
}

impl<'r, 'p, T, E, F> Race<'r, 'p, T, E, F>
where
    F: Future<Output = Result<T, E>>,
{
    pub(super) fn new(run: &'r mut Run<'p, T, E>, primary: Pin<&'r mut Option<F>>) -> Self {
        let limit = timer(run.steps.time_left(run.body()));
        let next = timer(run.steps.hedge_after(run.body()));
        Race { run, primary, limit, failed: None, next, hedges: Vec::new() }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, f: &mut impl FnMut() -> F) -> Poll<Won<F::Output>> {
        loop {
            if let Some(won) = self.poll_primary(cx) {
                return Poll::Ready(won);
            }
            if let Some(result) = self.poll_hedges(cx) {
                return Poll::Ready(Won::Result(result));
            }
            if self.hedges.is_empty() && self.failed.is_some() {
                return self.failed.take().map_or(Poll::Pending, Poll::Ready);
            }
            if !self.begin_another(cx, f) {
                return Poll::Pending;
            }
        }
    }

    /// What the attempt came to, if the primary has decided it.
    fn poll_primary(&mut self, cx: &mut Context<'_>) -> Option<Won<F::Output>> {
        if self.failed.is_some() {
            return None;
        }
        let primary = self.primary.as_mut().as_pin_mut()?;
        let won = match self.run.inside(|| primary.poll(cx)) {
            Poll::Ready(result) => Won::Result(result),
            Poll::Pending if is_due(&mut self.limit, cx) => {
                self.primary.set(None);
                Won::TimedOut(self.run.steps.timeout().unwrap_or_default())
            }
            Poll::Pending => return None,
        };
        if self.hedges.is_empty() || !self.settle_failure(&won) {
            return Some(won);
        }
        self.failed = Some(won);
        None
    }

    /// The primary has ended and others go on: settles it if it has failed.
    fn settle_failure(&mut self, won: &Won<F::Output>) -> bool {
        let (shared, body) = (self.run.shared, self.run.body());
        let ending = match won {
            Won::Result(result) => shared.judge.judge(result),
            Won::TimedOut(..) => Ending::failure(TIMEOUT),
        };
        self.run.steps.primary_failed(body, &ending).is_some()
    }

    /// The first success among the hedges.
    fn poll_hedges(&mut self, cx: &mut Context<'_>) -> Option<F::Output> {
        let mut at = 0;
        while at < self.hedges.len() {
            match self.poll_hedge(at, cx) {
                Poll::Pending => at += 1,
                Poll::Ready(ended) => {
                    let won = self.end(at, ended);
                    if won.is_some() {
                        return won;
                    }
                }
            }
        }
        None
    }

    /// `None`: it has timed out.
    fn poll_hedge(&mut self, at: usize, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let hedge = &mut self.hedges[at];
        hedge.held.is_inside = true;
        let polled = match &mut hedge.future {
            Some(future) => future.as_mut().poll(cx),
            None => Poll::Pending,
        };
        hedge.held.is_inside = false;
        match polled {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if is_due(&mut hedge.limit, cx) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }

    /// A hedge has ended: the result if it has succeeded, and then it is the attempt.
    fn end(&mut self, at: usize, ended: Option<F::Output>) -> Option<F::Output> {
        let mut hedge = self.hedges.swap_remove(at);
        hedge.future = None;
        let Some(result) = ended else {
            hedge.held.settle(Outcome::Failure, Some(TIMEOUT));
            return None;
        };
        let ending = self.run.shared.judge.judge(&result);
        if ending.outcome() != Outcome::Success {
            hedge.held.settle(ending.outcome(), ending.error_type());
            return None;
        }
        // What has lost is gone before its permit is given back.
        self.primary.set(None);
        if let Some((engine, ticket)) = hedge.held.take() {
            self.run.steps.hedge_won(self.run.body(), engine, ticket);
        }
        Some(result)
    }

    /// Starts another hedge when it is time to; answers whether it did.
    fn begin_another(&mut self, cx: &mut Context<'_>, f: &mut impl FnMut() -> F) -> bool {
        if self.failed.is_some() || !is_due(&mut self.next, cx) {
            return false;
        }
        self.next = None;
        let body = self.run.body();
        let Some((engine, ticket)) = self.run.steps.hedge(body) else { return false };
        let mut held = Held { body, permit: Some((body.number_of(engine), ticket)), is_inside: true };
        let future = Some(Box::pin(f()));
        held.is_inside = false;
        let mut hedge = Hedge { future, limit: None, held };
        // Where there is no timer this panics, and the permit is given back.
        hedge.limit = timer(ticket.timeout());
        self.hedges.push(hedge);
        self.next = timer(self.run.steps.hedge_after(body));
        true
    }
}
