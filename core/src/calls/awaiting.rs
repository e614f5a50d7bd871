//! Calls that are awaited. What they need of tokio is its timer, and that only when they wait.

use super::answer::Answer;
use super::keep::{Ended, FollowEnd, land};
use super::policy::Policy;
use super::race::{Race, Won};
use super::run::{First, Run};
use super::shared::{Shared, Start};
use crate::admit::queue::Ticket as Place;
use crate::asking::Waiting;
use crate::error::Refusal;
use crate::outcome::Ticket;
use crate::passage::Answered;
use crate::permit::PanicIsFailure;
use crate::request::Request;
use crate::stepping::Step;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

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
    pub fn call_async<F>(
        &self,
        request: Request<'_>,
        f: impl FnMut() -> F,
    ) -> impl Future<Output = Ended<T, E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        self.call_letting_go(request, f, || ())
    }

    /// The same for who holds something for the first attempt: `let_go` is called when others come before that.
    pub(crate) async fn call_letting_go<F>(
        &self,
        request: Request<'_>,
        f: impl FnMut() -> F,
        mut let_go: impl FnMut(),
    ) -> Ended<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let shared = self.shared();
        let mut lead = None;
        if !shared.is_plain(&request) {
            lead = match shared.start(&request) {
                Start::Go => None,
                Start::Answered(ended) => return ended,
                Start::Leads(lead) => Some(lead),
                Start::Follows(follow) => {
                    let_go();
                    match follow.await {
                        FollowEnd::Landed(ended) => return ended,
                        FollowEnd::Leads(lead) => Some(lead),
                    }
                }
            };
        }
        land(lead, shared.run_async(&request, f, let_go).await)
    }
}

/// What the first poll of a call has come to; a permit as the number of the engine that gave it, and the ticket.
enum Begun<T, E> {
    /// It has succeeded at once.
    Answered(Answer<T, E>),
    /// Its first attempt has ended otherwise.
    Ended(Result<T, E>, Permit),
    /// Its first attempt goes on.
    Goes(Permit),
    /// It has a permit; its turn may come later.
    Admitted(Permit),
    Refused(Refusal),
    Waits(Place),
}

type Permit = (u32, Ticket);

impl<T, E> Begun<T, E> {
    /// Whether there is a wait, or a rung, before the first attempt.
    fn comes_later(&self) -> bool {
        match self {
            Begun::Waits(_) | Begun::Refused(_) => true,
            Begun::Admitted((_, ticket)) => ticket.wait() > 0,
            Begun::Answered(_) | Begun::Ended(..) | Begun::Goes(_) => false,
        }
    }
}

impl<T, E> First<'_, T, E> {
    /// Asks, and makes the first attempt as far as it goes at once: nothing is awaited meanwhile, so nobody can drop it.
    #[inline]
    fn poll_once<F>(
        &self,
        cx: &mut Context<'_>,
        f: &mut impl FnMut() -> F,
        mut future: Pin<&mut Option<F>>,
    ) -> Begun<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let body = &*self.shared.breaker.0;
        let mut ticket = Ticket::plain(0);
        let engine = match body.pass_around(&self.wanted, &mut ticket) {
            Some(engine) => engine,
            None => match body.acquire_or_wait(&self.wanted, Some(cx.waker()), &mut ticket) {
                Ok(Answered::Given(engine)) => engine,
                Ok(Answered::Waits(place)) => return Begun::Waits(place),
                Err(refusal) => return Begun::Refused(refusal),
            },
        };
        if !self.is_simple(&ticket) {
            return Begun::Admitted((body.number_of(engine), ticket));
        }
        let guard = PanicIsFailure { engine, ticket: &ticket };
        future.set(Some(f()));
        let polled = future.as_mut().as_pin_mut().map_or(Poll::Pending, |future| future.poll(cx));
        std::mem::forget(guard);
        match polled {
            Poll::Pending => Begun::Goes((body.number_of(engine), ticket)),
            Poll::Ready(result) => match self.succeed(engine, &ticket, result) {
                Ok(answer) => Begun::Answered(answer),
                Err(result) => Begun::Ended(result, (body.number_of(engine), ticket)),
            },
        }
    }
}

impl<T, E> Shared<T, E> {
    #[inline]
    async fn run_async<F>(
        &self,
        request: &Request<'_>,
        mut f: impl FnMut() -> F,
        mut let_go: impl FnMut(),
    ) -> Ended<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let first = First::begin(self, request)?;
        if let Some(run) = first.lapsed() {
            return Box::pin(run.go_on(f)).await;
        }
        let mut future = pin!(None);
        let begun = poll_fn(|cx| Poll::Ready(first.poll_once(cx, &mut f, future.as_mut()))).await;
        match begun {
            Begun::Answered(answer) => Ok(answer),
            // Apart, so that a call which succeeds at once is small and carries nothing of this.
            begun => {
                if begun.comes_later() {
                    let_go();
                }
                Box::pin(first.go_on(begun, f, future)).await
            }
        }
    }
}

impl<T, E> First<'_, T, E> {
    /// Goes on from what the first poll has come to.
    #[cold]
    async fn go_on<F>(
        &self,
        begun: Begun<T, E>,
        mut f: impl FnMut() -> F,
        future: Pin<&mut Option<F>>,
    ) -> Ended<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut run = Run::take_up(self);
        // What was dropped is gone before its permit is given back: this goes before `run`.
        let mut first = Gone(future);
        if let Some(answer) = run.go_on_from(begun, &mut f, first.0.as_mut()).await {
            return Ok(answer);
        }
        drop(first);
        run.go_on(f).await
    }
}

/// A future that another has the place of, and that goes with this.
struct Gone<'f, F>(Pin<&'f mut Option<F>>);

impl<F> Drop for Gone<'_, F> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

impl<T, E> Run<'_, T, E> {
    /// Goes on from what the first poll has come to; the answer if the first attempt has succeeded.
    async fn go_on_from<F>(
        &mut self,
        begun: Begun<T, E>,
        f: &mut impl FnMut() -> F,
        future: Pin<&mut Option<F>>,
    ) -> Option<Answer<T, E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        let body = self.body();
        match begun {
            Begun::Answered(answer) => return Some(answer),
            Begun::Ended(result, (number, ticket)) => {
                self.steps.admitted(body, body.engine_number(number), ticket);
                return self.ended(result);
            }
            Begun::Goes((number, ticket)) => {
                self.steps.admitted(body, body.engine_number(number), ticket);
                return self.outlast(future, f).await;
            }
            Begun::Admitted((number, ticket)) => {
                self.steps.admitted(body, body.engine_number(number), ticket)
            }
            Begun::Refused(refusal) => self.steps.refused(body, refusal),
            Begun::Waits(place) => self.wait(place).await,
        }
        None
    }

    async fn go_on<F>(mut self, mut f: impl FnMut() -> F) -> Ended<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        loop {
            match self.next() {
                None => self.enter().await,
                Some(Step::Call { .. }) => {
                    if let Some(answer) = self.attempt(&mut f).await {
                        return Ok(answer);
                    }
                }
                Some(Step::Wait(wait)) => tokio::time::sleep(wait).await,
                Some(Step::Use(rung)) => {
                    let answered = self.answer_async(&rung).await;
                    if let Some(answer) = self.answered(rung, answered) {
                        return Ok(answer);
                    }
                }
                Some(Step::Done(finished)) => return self.end(finished),
            }
        }
    }

    /// Asks for a permit, and waits for it where calls wait for slots.
    async fn enter(&mut self) {
        let body = self.body();
        let place = poll_fn(|cx| {
            let mut ticket = Ticket::plain(0);
            Poll::Ready(match body.acquire_or_wait(self.steps.wanted(), Some(cx.waker()), &mut ticket) {
                Ok(Answered::Given(engine)) => {
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
        if let Some(place) = place.await {
            self.wait(place).await;
        }
    }

    /// Waits in the queue.
    async fn wait(&mut self, place: Place) {
        let waiting = Waiting::new(&self.shared.breaker, place, true);
        match waiting.until_its_deadline(|_, refusal| refusal).await {
            Ok(permit) => {
                let (engine, ticket) = self.shared.breaker.borrow(permit).into_parts();
                self.steps.admitted(self.body(), engine, ticket);
            }
            Err(refusal) => self.steps.refused(self.body(), refusal),
        }
    }

    /// Makes the attempt that has a permit. One that ends at once needs no timer.
    async fn attempt<F>(&mut self, f: &mut impl FnMut() -> F) -> Option<Answer<T, E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut future = pin!(Some(self.inside(&mut *f)));
        let first = poll_fn(|cx| {
            let future = future.as_mut().as_pin_mut();
            Poll::Ready(future.map_or(Poll::Pending, |future| self.inside(|| future.poll(cx))))
        });
        match first.await {
            Poll::Ready(result) => self.ended(result),
            Poll::Pending => self.outlast(future.as_mut(), f).await,
        }
    }

    /// Awaits an attempt that did not end at once; the answer if it succeeds.
    async fn outlast<F>(
        &mut self,
        mut future: Pin<&mut Option<F>>,
        f: &mut impl FnMut() -> F,
    ) -> Option<Answer<T, E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut race = Race::new(self, future.as_mut());
        let won = poll_fn(|cx| race.poll(cx, f)).await;
        drop(race);
        // What was dropped is gone before its permit is given back.
        future.set(None);
        match won {
            Won::Result(result) => self.ended(result),
            Won::TimedOut(limit) => {
                self.timed_out(limit);
                None
            }
        }
    }
}
