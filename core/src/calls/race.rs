//! An attempt that did not end at once: its timer, and the hedges that are started beside it.
//!
//! The first success wins, and so does whatever else of the primary is no failure. A failed primary is settled at once, and
//! waits for the hedges that are under way; when they fail, too, its failure is what the attempt came to.

use super::run::Run;
use crate::clock::Nanos;
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

/// An attempt beside the primary, with a permit of its own.
struct Hedge<F> {
    permit: (u32, Ticket),
    limit: Option<Timer>,
    /// `None` until the function has given it.
    future: Option<Pin<Box<F>>>,
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
    hedges: Vec<Hedge<F>>,
    /// The hedge whose own code runs: who leaves now has panicked.
    inside: Option<usize>,
}

impl<'r, 'p, T, E, F> Race<'r, 'p, T, E, F>
where
    F: Future<Output = Result<T, E>>,
{
    pub(super) fn new(run: &'r mut Run<'p, T, E>, primary: Pin<&'r mut Option<F>>) -> Self {
        let limit = timer(run.steps.time_left(run.body()));
        let next = timer(run.steps.hedge_after(run.body()));
        Race { run, primary, limit, failed: None, next, hedges: Vec::new(), inside: None }
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
        self.inside = Some(at);
        let polled = match &mut hedge.future {
            Some(future) => future.as_mut().poll(cx),
            None => Poll::Pending,
        };
        self.inside = None;
        match polled {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if is_due(&mut hedge.limit, cx) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }

    /// A hedge has ended: the result if it has succeeded, and then it is the attempt.
    fn end(&mut self, at: usize, ended: Option<F::Output>) -> Option<F::Output> {
        let body = self.run.body();
        self.hedges[at].future = None;
        let (number, ticket) = self.hedges.swap_remove(at).permit;
        let engine = body.engine_number(number);
        let Some(result) = ended else {
            body.settle(engine, &ticket, Outcome::Failure, None, Some(TIMEOUT));
            return None;
        };
        let ending = self.run.shared.judge.judge(&result);
        if ending.outcome() != Outcome::Success {
            body.settle(engine, &ticket, ending.outcome(), None, ending.error_type());
            return None;
        }
        self.run.steps.hedge_won(body, engine, ticket);
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
        let permit = (body.number_of(engine), ticket);
        self.hedges.push(Hedge { permit, limit: timer(ticket.timeout()), future: None });
        let at = self.hedges.len() - 1;
        self.inside = Some(at);
        let future = Box::pin(f());
        self.inside = None;
        self.hedges[at].future = Some(future);
        self.next = timer(self.run.steps.hedge_after(body));
        true
    }
}

impl<T, E, F: Future> Drop for Race<'_, '_, T, E, F> {
    fn drop(&mut self) {
        let body = self.run.body();
        for (at, mut hedge) in std::mem::take(&mut self.hedges).into_iter().enumerate() {
            hedge.future = None;
            let (number, ticket) = hedge.permit;
            let engine = body.engine_number(number);
            match self.inside == Some(at) {
                true => body.settle(engine, &ticket, Outcome::Failure, None, Some(PANIC)),
                false => body.abandon(engine, &ticket),
            };
        }
    }
}
