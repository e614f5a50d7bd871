//! Calls that block the thread.

use super::keep::{Ended, Follow, FollowEnd, land};
use super::policy::Policy;
use super::run::{First, Run};
use super::shared::{Shared, Start};
use crate::admit::wake::unparks_this_thread;
use crate::outcome::Ticket;
use crate::permit::PanicIsFailure;
use crate::request::Request;
use crate::stepping::Step;
use std::task::{Context, Poll};

impl<T, E> Policy<T, E> {
    /// Calls `f` until it succeeds or the document's rules say that it is over, and answers from a rung if it has failed.
    /// The thread sleeps between attempts and until the turn that a leaky bucket gives an attempt; for a slot it never
    /// waits. Nobody can stop a function that takes longer than its timeout: the attempt is a failure of error type
    /// `timeout` for the breaker, and its value is passed on. Hedges are for [`call_async`](Policy::call_async) alone.
    ///
    /// A panic of `f` is a failure that goes on; it is not tried once more.
    ///
    /// # Errors
    /// When nothing has answered: `f`'s last error unchanged or, when it never ran, the rejection. See [`PolicyError`].
    ///
    /// [`PolicyError`]: crate::PolicyError
    pub fn call(&self, request: Request<'_>, f: impl FnMut() -> Result<T, E>) -> Ended<T, E> {
        let shared = self.shared();
        if shared.is_plain(&request) {
            return shared.run(&request, f);
        }
        let lead = match shared.start(&request) {
            Start::Go => None,
            Start::Answered(ended) => return ended,
            Start::Leads(lead) => Some(lead),
            Start::Follows(follow) => match park_until(follow) {
                FollowEnd::Landed(ended) => return ended,
                FollowEnd::Leads(lead) => Some(lead),
            },
        };
        land(lead, shared.run(&request, f))
    }
}

fn park_until<T, E>(mut follow: Follow<T, E>) -> FollowEnd<T, E> {
    let waker = unparks_this_thread();
    let mut context = Context::from_waker(&waker);
    loop {
        match follow.as_mut().poll(&mut context) {
            Poll::Ready(end) => return end,
            Poll::Pending => std::thread::park(),
        }
    }
}

impl<T, E> Shared<T, E> {
    #[inline]
    fn run(&self, request: &Request<'_>, mut f: impl FnMut() -> Result<T, E>) -> Ended<T, E> {
        let first = First::begin(self, request)?;
        if let Some(run) = first.lapsed() {
            return self.go_on(run, f);
        }
        let (body, mut ticket) = (&*self.breaker.0, Ticket::plain(0));
        let passed = body.pass_around(&first.wanted, &mut ticket);
        let engine = match passed.map_or_else(|| body.acquire_for(&first.wanted, &mut ticket), Ok) {
            Ok(engine) => engine,
            Err(refusal) => {
                let mut run = Run::take_up(&first);
                run.steps.refused(body, refusal);
                return self.go_on(run, f);
            }
        };
        if !first.is_simple(&ticket) {
            let mut run = Run::take_up(&first);
            run.steps.admitted(body, engine, ticket);
            return self.go_on(run, f);
        }
        let guard = PanicIsFailure { engine, ticket: &ticket };
        let result = f();
        std::mem::forget(guard);
        first.succeed(engine, &ticket, result).or_else(|result| {
            let mut run = Run::take_up(&first);
            run.steps.admitted(body, engine, ticket);
            run.ended(result).map_or_else(|| self.go_on(run, f), Ok)
        })
    }

    #[cold]
    fn go_on(&self, mut run: Run<'_, T, E>, mut f: impl FnMut() -> Result<T, E>) -> Ended<T, E> {
        loop {
            match run.next() {
                None => run.ask(),
                Some(Step::Call { .. }) => {
                    let result = run.inside(&mut f);
                    if let Some(answer) = run.ended(result) {
                        return Ok(answer);
                    }
                }
                Some(Step::Wait(wait)) => self.pause(wait),
                Some(Step::Use(rung)) => {
                    let answered = run.answer(&rung);
                    if let Some(answer) = run.answered(rung, answered) {
                        return Ok(answer);
                    }
                }
                Some(Step::Done(finished)) => return run.end(finished),
            }
        }
    }
}
