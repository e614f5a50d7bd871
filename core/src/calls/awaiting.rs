//! Calls that are awaited. What they need of tokio is its timer, and that only when they wait.

use super::blocking::land;
use super::race::{Race, Won};
use super::keep::{Ended, FollowEnd};
use super::policy::{Policy, Shared, Start};
use super::run::Run;
use crate::admission::Answered;
use crate::asking::Waiting;
use crate::request::Request;
use crate::stepping::Step;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

impl<T, E> Policy<T, E> {
    /// Awaits what `f` gives until it succeeds or the document's rules say that it is over, and answers from a rung if it
    /// has failed. An attempt that takes longer than its timeout is dropped and is a failure of error type `timeout`; where
    /// `hedge` says so another is started beside one that takes long, the first success wins, and the others are dropped.
    /// Waits (for a slot in the queue, for the turn that a leaky bucket gives, before a retry) are tokio's timer's.
    ///
    /// Dropping the call at any point drops what is under way: a permit is given back as a dropped one, and nothing else
    /// has an outcome. A panic is a failure that goes on; it is not tried once more.
    ///
    /// ```
    /// # use fusewire::{CircuitBreaker, Ending, Policy, PolicyError, Request, Retry, Timeout};
    /// # use std::{io, time::Duration};
    /// # async fn fetch(key: &str) -> io::Result<String> { Ok(key.to_owned()) }
    /// let breaker = CircuitBreaker::builder()
    ///     .timeout(Timeout::from(Duration::from_millis(800)))
    ///     .retry(Retry::new())
    ///     .build("search")?;
    /// let policy = Policy::builder(&breaker).describe(|error: &io::Error| Ending::from(error)).build()?;
    ///
    /// async fn search(policy: &Policy<String, io::Error>, key: &str) -> Result<String, PolicyError<io::Error>> {
    ///     let request = Request::new().method("GET").key(key);
    ///     Ok(policy.call_async(request, || fetch(key)).await?.value)
    /// }
    /// # let _ = search(&policy, "rust");
    /// # Ok::<(), fusewire::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`call`](Policy::call); of an attempt that took too long the error names the limit.
    ///
    /// # Panics
    /// When it has to wait and there is no tokio runtime with a timer.
    pub async fn call_async<F>(&self, request: Request<'_>, f: impl FnMut() -> F) -> Ended<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let shared = self.shared();
        if shared.is_plain(&request) {
            return shared.run_async(&request, f).await;
        }
        let lead = match shared.start(&request) {
            Start::Go => None,
            Start::Answered(answer) => return Ok(answer),
            Start::Leads(lead) => Some(lead),
            Start::Follows(follow) => match follow.await {
                FollowEnd::Landed(ended) => return ended,
                FollowEnd::Leads(lead) => Some(lead),
            },
        };
        land(lead, shared.run_async(&request, f).await)
    }
}

impl<T, E> Shared<T, E> {
    #[inline]
    async fn run_async<F>(&self, request: &Request<'_>, mut f: impl FnMut() -> F) -> Ended<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut run = Run::begin(self, request)?;
        loop {
            match run.next() {
                None => run.enter().await,
                Some(Step::Call { .. }) => {
                    if let Some(answer) = match run.attempt(&mut f).await {
                        Won::Result(result, lasted) => run.ended(result, lasted),
                        Won::TimedOut(limit, lasted) => {
                            run.timed_out(limit, lasted);
                            None
                        }
                    } {
                        return Ok(answer);
                    }
                }
                Some(Step::Wait(wait)) => tokio::time::sleep(wait).await,
                Some(Step::Use(rung)) => {
                    let answered = run.answer_async(&rung).await;
                    if let Some(answer) = run.answered(rung, answered) {
                        return Ok(answer);
                    }
                }
                Some(Step::Done(finished)) => return run.end(finished),
            }
        }
    }
}

impl<T, E> Run<'_, T, E> {
    /// Asks for a permit, and waits for it where calls wait for slots.
    #[inline]
    async fn enter(&mut self) {
        if !self.body().is_gated() {
            return self.ask();
        }
        let place = poll_fn(|cx| {
            let body = self.body();
            Poll::Ready(match body.acquire_or_wait(self.steps.wanted(), Some(cx.waker())) {
                Ok(Answered::Given(engine, ticket)) => {
                    self.steps.admitted(body, engine, ticket);
                    None
                }
                Ok(Answered::Waits(place)) => Some(place),
                Err(refusal) => {
                    self.steps.refused(body, refusal);
                    None
                }
            })
        });
        let Some(place) = place.await else { return };
        let waiting = Waiting::new(self.shared.breaker.clone(), place);
        match waiting.until_its_deadline().await {
            Ok(permit) => {
                let permit = self.shared.breaker.borrow(permit);
                let (engine, ticket) = permit.into_parts();
                self.steps.admitted(self.body(), engine, ticket);
            }
            Err(refusal) => self.steps.refused(self.body(), refusal),
        }
    }

    /// Makes the attempt that has a permit. One that ends at once needs no timer.
    #[inline]
    async fn attempt<F>(&mut self, f: &mut impl FnMut() -> F) -> Won<F::Output>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut future = pin!(Some(self.inside(&mut *f)));
        let first = poll_fn(|cx| {
            let future = future.as_mut().as_pin_mut();
            Poll::Ready(future.map_or(Poll::Pending, |future| self.inside(|| future.poll(cx))))
        });
        if let Poll::Ready(result) = first.await {
            return Won::Result(result, None);
        }
        let mut race = Race::new(self, future.as_mut());
        poll_fn(|cx| race.poll(cx, f)).await
    }
}
