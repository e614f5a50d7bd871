//! Calls that say how much they matter, and calls that wait for a slot.

use crate::admit::priority::Priority;
use crate::admit::queue::Ticket as Place;
use crate::admit::slots::{End, Without};
use crate::admit::wake::unparks_this_thread;
use crate::body::Body;
use crate::breaker::{CircuitBreaker, wait_for_turn};
use crate::clock::Nanos;
use crate::error::{CallError, Reason, Refusal, Rejection};
use crate::gates::{Grant, Queue};
use crate::handle::Stay;
use crate::outcome::Ticket;
use crate::passage::Answered;
use crate::permit::{OwnedPermit, PanicIsFailure, Permit};
use crate::request::{Request, RequestError, Wanted};
use crate::waiters::Keeper;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// A breaker asked with a [`Request`]; see [`CircuitBreaker::with`].
#[derive(Clone, Copy, Debug)]
pub struct Asking<'b> {
    pub(crate) breaker: &'b CircuitBreaker,
    request: Wanted,
}

/// What a call that would wait is given.
#[derive(Debug)]
pub enum Entered {
    /// Leave to make the call.
    Admitted(OwnedPermit),
    /// A place in the queue for a slot.
    Waiting(Waiting),
}

impl CircuitBreaker {
    /// Asks with a request: how much the call matters, what it costs, how long it is of use.
    ///
    /// ```
    /// use fusewire::{CircuitBreaker, Priority, RateLimit, Request};
    ///
    /// let breaker = CircuitBreaker::builder()
    ///     .rate_limit(RateLimit::token_bucket(100.0).burst(20))
    ///     .build("search")?;
    /// let export = breaker.with(Request::new().priority(Priority::Bulk).cost(10)).expect("10 is within the burst");
    /// let answer = export.call(|| Ok::<_, ()>("rows"));
    /// assert_eq!(answer, Ok("rows"));
    /// # Ok::<(), fusewire::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the request's cost is 0 or more than the rate limit ever has, or its feature none of the document's. That is no
    /// rejection: nothing counts.
    pub fn with(&self, request: Request<'_>) -> Result<Asking<'_>, RequestError> {
        Ok(Asking { breaker: self, request: self.0.check(&request)? })
    }

    /// Asks with a priority.
    pub fn at(&self, priority: Priority) -> Asking<'_> {
        Asking { breaker: self, request: Wanted { priority, ..Wanted::plain() } }
    }

    /// A permit that needs no hold on the breaker: who has the breaker has one.
    #[cfg(feature = "tokio")]
    pub(crate) fn borrow(&self, permit: OwnedPermit) -> Permit<'_> {
        let (body, permit) = (&*self.0, ManuallyDrop::new(permit));
        // SAFETY: `permit` is not dropped, so the loan is taken out once; it ends here.
        let loan = unsafe { std::ptr::read(&permit.loan) };
        Permit { engine: body.engine_number(body.number_of(loan.engine())), ticket: permit.ticket }
    }

    fn owned(&self, engine: &crate::engine::Engine, ticket: Ticket) -> OwnedPermit {
        OwnedPermit { loan: self.0.lend(engine), ticket }
    }
}

impl<'b> Asking<'b> {
    fn body(&self) -> &'b Body {
        &self.breaker.0
    }

    /// As [`CircuitBreaker::try_acquire`]; never waits.
    ///
    /// # Errors
    /// When the breaker turns the call away.
    pub fn try_acquire(&self) -> Result<Permit<'b>, Rejection> {
        let (body, mut ticket) = (self.body(), Ticket::plain(0));
        match body.acquire_for(&self.request, &mut ticket) {
            Ok(engine) => Ok(Permit { engine, ticket }),
            Err(refusal) => Err(body.rejection(refusal)),
        }
    }

    /// As [`CircuitBreaker::try_acquire_owned`]; never waits.
    ///
    /// # Errors
    /// As for `try_acquire`.
    pub fn try_acquire_owned(&self) -> Result<OwnedPermit, Rejection> {
        let permit = ManuallyDrop::new(self.try_acquire()?);
        Ok(self.breaker.owned(permit.engine, permit.ticket))
    }

    /// Leave to make the call or, where all slots are taken and there is room in the queue, a place in it.
    ///
    /// The place is a future. It knows no timer: whoever holds it calls [`Waiting::expire`] when its
    /// [`deadline`](Waiting::deadline) has come. With the feature `tokio`, `acquire` does so.
    ///
    /// # Errors
    /// When the breaker turns the call away.
    pub fn enter(&self) -> Result<Entered, Rejection> {
        self.enter_with(None)
    }

    /// The same for a future of one's own, while it is polled: asks where there is no `place`, or the wait of the one
    /// that is there has ended and was answered; else asks after that. A call that has to wait has its place written
    /// there, and the task is woken when the wait has ended. Dropping the place gives it up.
    ///
    /// As with [`enter`](Asking::enter), a timer for the place's [`deadline`](Waiting::deadline) is whoever's who polls.
    ///
    /// ```
    /// use fusewire::{Bulkhead, CircuitBreaker, Priority, Rejection};
    /// use std::future::poll_fn;
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    ///
    /// let breaker = CircuitBreaker::builder().bulkhead(Bulkhead::new(1).max_queue(5)).build("search")?;
    /// let held = breaker.try_acquire_owned().expect("it is free");
    /// let (asking, mut place) = (breaker.at(Priority::High), None);
    /// let mut waits = pin!(poll_fn(|context| asking.poll_acquire(context, &mut place)));
    /// let mut context = Context::from_waker(Waker::noop());
    /// assert!(waits.as_mut().poll(&mut context).is_pending());
    /// held.success();
    /// assert!(waits.poll(&mut context).is_ready());
    /// # Ok::<(), fusewire::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the breaker turns the call away, at once or while it waits.
    #[inline]
    pub fn poll_acquire(
        &self,
        context: &mut Context<'_>,
        place: &mut Option<Waiting>,
    ) -> Poll<Result<OwnedPermit, Rejection>> {
        match place {
            Some(waiting) if waiting.stay.is_some() => waiting.poll_end(context, Body::rejection),
            _ => self.ask_or_wait(context, place),
        }
    }

    #[inline(never)]
    fn ask_or_wait(
        &self,
        context: &Context<'_>,
        place: &mut Option<Waiting>,
    ) -> Poll<Result<OwnedPermit, Rejection>> {
        let (body, mut ticket) = (self.body(), Ticket::plain(0));
        match body.acquire_or_wait(&self.request, Some(context.waker()), &mut ticket) {
            Ok(Answered::Waits(at)) => {
                *place = Some(Waiting::new(self.breaker, at, true));
                Poll::Pending
            }
            Ok(Answered::Given(engine)) => Poll::Ready(Ok(self.breaker.owned(engine, ticket))),
            Err(refusal) => Poll::Ready(Err(body.rejection(refusal))),
        }
    }

    #[inline]
    pub(crate) fn enter_with(&self, waker: Option<&Waker>) -> Result<Entered, Rejection> {
        let (body, mut ticket) = (self.body(), Ticket::plain(0));
        match body.acquire_or_wait(&self.request, waker, &mut ticket) {
            Ok(Answered::Given(engine)) => Ok(Entered::Admitted(self.breaker.owned(engine, ticket))),
            Ok(Answered::Waits(place)) => {
                Ok(Entered::Waiting(Waiting::new(self.breaker, place, waker.is_some())))
            }
            Err(refusal) => Err(body.rejection(refusal)),
        }
    }

    /// Leave to make the call; where all slots are taken, the thread waits for one in the queue.
    ///
    /// # Errors
    /// When the breaker turns the call away, at once or while it waits.
    pub fn acquire_blocking(&self) -> Result<OwnedPermit, Rejection> {
        match self.enter_with(Some(&unparks_this_thread()))? {
            Entered::Admitted(permit) => Ok(permit),
            Entered::Waiting(waiting) => waiting.wait(),
        }
    }

    /// As [`CircuitBreaker::call`]; never waits for a slot, but for the turn that a leaky bucket gives it.
    ///
    /// # Errors
    /// As there.
    pub fn call<T, E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>> {
        let permit = ManuallyDrop::new(self.try_acquire().map_err(CallError::Rejected)?);
        let guard = PanicIsFailure { engine: permit.engine, ticket: &permit.ticket };
        wait_for_turn(&permit.ticket);
        let result = f();
        std::mem::forget(guard);
        ManuallyDrop::into_inner(permit).record(&result);
        result.map_err(CallError::Inner)
    }
}

/// A call's place in the queue for a slot. As a future it is ready when the wait has ended, however that was; dropping it
/// ends the wait as if it had never begun.
#[must_use = "dropping it gives the place up"]
pub struct Waiting {
    /// What keeps the breaker in memory, and is the permit's once there is one; `None` once the end of the wait was fetched.
    stay: Option<Stay>,
    /// Marked: the queue knows somebody to wake.
    place: Place,
}

impl Waiting {
    #[inline]
    pub(crate) fn new(breaker: &CircuitBreaker, place: Place, has_waker: bool) -> Self {
        Waiting { stay: Some(breaker.0.stay()), place: place.marked(has_waker) }
    }

    /// While the wait goes on, or its end was not fetched.
    #[inline]
    fn line(&self) -> Option<(&Body, &Queue, Place)> {
        let body = self.stay.as_ref()?.body();
        Some((body, body.slots()?, self.place))
    }

    /// The breaker, until the end of the wait was fetched.
    #[cfg(feature = "binding")]
    pub(crate) fn body(&self) -> Option<&Body> {
        self.stay.as_ref().map(Stay::body)
    }

    /// When the wait ends without a slot, on the breaker's clock; `None` when it has ended.
    pub fn deadline(&self) -> Option<Nanos> {
        let (_, slots, place) = self.line()?;
        slots.deadline(place)
    }

    /// The time that is left until the deadline, on the breaker's clock; zero when the wait has ended.
    pub fn left(&self) -> Duration {
        let Some((body, slots, place)) = self.line() else { return Duration::ZERO };
        let now = body.clock().now();
        slots.deadline(place).map_or(Duration::ZERO, |at| Duration::from_nanos(at.saturating_sub(now)))
    }

    /// Ends the wait if its deadline has come; answers whether it has ended, in whatever way.
    pub fn expire(&self) -> bool {
        let Some((body, slots, place)) = self.line() else { return true };
        let mut keeper = Keeper::new(body);
        let has_ended = slots.expire(place, &mut keeper);
        pay(&keeper, body);
        has_ended
    }

    /// Lets the call wait at the end of a higher level, with the deadline that it has; a level that is not higher changes
    /// nothing.
    pub fn raise(&self, to: Priority) {
        let Some((body, slots, place)) = self.line() else { return };
        let mut keeper = Keeper::new(body);
        slots.raise(place, to, &mut keeper);
        pay(&keeper, body);
    }

    /// Blocks the thread until the wait has ended.
    ///
    /// # Errors
    /// When it ended without a slot.
    pub fn wait(mut self) -> Result<OwnedPermit, Rejection> {
        loop {
            if let Some(answer) = self.wait_within(None, Body::rejection) {
                return answer;
            }
        }
    }

    /// Blocks the thread until the wait has ended, for at most `timeout` of the system's time.
    pub(crate) fn wait_within<E>(
        &mut self,
        timeout: Option<Duration>,
        refuse: fn(&Body, Refusal) -> E,
    ) -> Option<Result<OwnedPermit, E>> {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let waker = unparks_this_thread();
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(answer) = self.poll_end(&mut context, refuse) {
                return Some(answer);
            }
            let patience = until.map(|until| until.saturating_duration_since(Instant::now()));
            match (self.left(), patience) {
                (Duration::ZERO, _) => _ = self.expire(),
                (_, Some(Duration::ZERO)) => return None,
                (left, patience) => std::thread::park_timeout(patience.map_or(left, |p| p.min(left))),
            }
        }
    }

    /// How the wait ended, once; a refusal as `refuse` has it.
    #[inline(never)]
    pub(crate) fn poll_end<E>(
        &mut self,
        context: &mut Context<'_>,
        refuse: fn(&Body, Refusal) -> E,
    ) -> Poll<Result<OwnedPermit, E>> {
        let mut grant = Grant::default();
        let fetch = |end: End<&Grant, Refusal>| match end {
            End::Granted(_, given) | End::Passed(given) => {
                grant = *given;
                None
            }
            End::Not(Without::Refused(refusal)) => Some(refusal),
            End::Not(Without::TimedOut) => Some(Refusal::new(Reason::QueueTimeout, None)),
            End::Not(Without::Closed) => Some(Refusal::new(Reason::Closed, None)),
            // Of a forked child whose parent's call waits.
            End::Gone => Some(Refusal::new(Reason::QueueTimeout, None)),
        };
        let Some((_, slots, place)) = self.line() else { panic!("polled after it was ready") };
        let polled = match place.is_marked() {
            true => slots.poll(place, context, fetch),
            false => slots.poll_with_another(place, context, fetch),
        };
        self.place = place.marked(true);
        let Poll::Ready(refusal) = polled else { return Poll::Pending };
        let Some(stay) = self.stay.take() else { unreachable!("it was there just now") };
        Poll::Ready(match refusal {
            None => Ok(OwnedPermit { loan: stay.loan(grant.engine), ticket: grant.ticket }),
            Some(refusal) => Err(refuse(stay.body(), refusal)),
        })
    }
}

fn pay(keeper: &Keeper<'_>, body: &Body) {
    if keeper.owes {
        body.deliver();
    }
}

impl Future for Waiting {
    type Output = Result<OwnedPermit, Rejection>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_end(context, Body::rejection)
    }
}

impl Drop for Waiting {
    #[inline]
    fn drop(&mut self) {
        if self.stay.is_some() {
            self.give_up();
        }
    }
}

impl Waiting {
    fn give_up(&self) {
        let Some((body, slots, place)) = self.line() else { return };
        if let Some(End::Granted(_, grant) | End::Passed(grant)) = slots.cancel(place) {
            body.abandon(body.engine_number(grant.engine), &grant.ticket);
        }
    }
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.stay.as_ref().map(|stay| &stay.body().name);
        f.debug_struct("Waiting").field("breaker", &name).finish_non_exhaustive()
    }
}
