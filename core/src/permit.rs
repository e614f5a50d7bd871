//! Permits: leave to make one call, until it is settled.

use crate::body::Body;
use crate::clock::nanos;
use crate::engine::Engine;
use crate::error::Reason;
use crate::handle::{Loan, body_of};
use crate::outcome::{Kind, Outcome, Settled, Ticket};
use std::fmt;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// The error type of a call that panicked.
pub(crate) const PANIC: &str = "panic";

/// Leave to make one call. Settle it with what came of the call; a permit that is dropped is ignored, or a failure when
/// it lasted at least `cancelled_after`.
#[must_use = "a permit that is dropped at once says nothing about the call"]
pub struct Permit<'b> {
    pub(crate) engine: &'b Engine,
    pub(crate) ticket: Ticket,
}

impl<'b> Permit<'b> {
    #[inline(always)]
    fn body(&self) -> &'b Body {
        body_of(self.engine)
    }

    /// The dependency did what it should.
    #[inline(always)]
    pub fn success(self) -> Settled {
        let this = ManuallyDrop::new(self);
        this.body().settle_success(this.engine, &this.ticket)
    }

    /// The dependency failed, with an error type for the metrics (64 bytes at most; longer ones are cut).
    pub fn failure(self, error_type: &str) -> Settled {
        self.fail(None, Some(error_type))
    }

    /// The call says nothing about the dependency.
    pub fn ignore(self) -> Settled {
        self.settle(Outcome::Ignored, None, None)
    }

    /// `Ok` is a success, `Err` a failure.
    #[inline]
    pub fn record<T, E>(self, result: &Result<T, E>) -> Settled {
        match result {
            Ok(_) => self.success(),
            Err(_) => self.fail(None, None),
        }
    }

    /// What `classify` says; one that panics is reported, and the result counts as by [`record`](Permit::record).
    #[inline]
    pub fn classify<T, E>(
        self,
        result: &Result<T, E>,
        classify: impl FnOnce(&Result<T, E>) -> Outcome,
    ) -> Settled {
        let outcome = judge(self.body(), result, classify);
        self.come_to(outcome)
    }

    /// Any outcome, with the duration that the caller measured (else the clock tells, if the call is one that is
    /// timed) and, for a failure, its type (as for [`failure`](Permit::failure)).
    pub fn settle(self, outcome: Outcome, duration: Option<Duration>, error_type: Option<&str>) -> Settled {
        let this = ManuallyDrop::new(self);
        this.body().settle(this.engine, &this.ticket, outcome, duration.map(nanos), error_type)
    }

    #[inline]
    pub(crate) fn come_to(self, outcome: Outcome) -> Settled {
        match outcome {
            Outcome::Success => self.success(),
            Outcome::Failure => self.fail(None, None),
            Outcome::Ignored => self.ignore(),
        }
    }

    /// In mode `shadow`: why the call would have been rejected.
    pub fn would_reject(&self) -> Option<Reason> {
        match self.ticket.kind() {
            Kind::Shadowed(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether the call is made although the breaker rejects others: `priority.open_bypass`.
    pub fn is_bypassed(&self) -> bool {
        self.ticket.kind() == Kind::Bypassed
    }

    /// How long to wait before the call is made: a leaky bucket paces calls. Zero for any other.
    pub fn wait(&self) -> Duration {
        Duration::from_nanos(self.ticket.wait())
    }

    /// How long the call may take, from when it is made: by the policy `timeout`, or until the request's deadline if that
    /// is sooner. A success that took as long is settled as a failure of error type `timeout`. `None`: as long as it
    /// likes.
    pub fn timeout(&self) -> Option<Duration> {
        self.ticket.timeout().map(Duration::from_nanos)
    }

    /// Settles a success that changes nothing but counts where the permit lies: it is not moved for that. `false` when there
    /// is more to it, or no permit; nothing was done then.
    #[cfg(feature = "tokio")]
    #[inline]
    pub(crate) fn succeed_in_place(held: &mut Option<Self>) -> bool {
        let Some(Permit { engine, ticket }) = held.as_ref() else { return false };
        let is_settled = ticket.is_simple() && body_of(engine).succeed_quietly(engine, ticket.low());
        if is_settled {
            std::mem::forget(held.take());
        }
        is_settled
    }

    /// What it is made of; it is not dropped.
    #[cfg(feature = "tokio")]
    pub(crate) fn into_parts(self) -> (&'b Engine, Ticket) {
        let this = ManuallyDrop::new(self);
        (this.engine, this.ticket)
    }

    /// The call panicked.
    pub(crate) fn panicked(self) {
        self.fail(None, Some(PANIC));
    }

    #[cold]
    fn fail(self, duration: Option<Duration>, error_type: Option<&str>) -> Settled {
        self.settle(Outcome::Failure, duration, error_type)
    }
}

/// What `classify` says; one that panics is reported, and the result speaks for itself.
#[inline]
pub(crate) fn judge<T, E>(
    body: &Body,
    result: &Result<T, E>,
    classify: impl FnOnce(&Result<T, E>) -> Outcome,
) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| classify(result))).unwrap_or_else(|panic| {
        crate::report::panicked("classifier", &body.name, &*panic);
        if result.is_ok() { Outcome::Success } else { Outcome::Failure }
    })
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.body().abandon(self.engine, &self.ticket);
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("breaker", &self.body().name).field("ticket", &self.ticket).finish()
    }
}

/// A [`Permit`] that keeps its breaker alive, for calls that move between tasks. What it has no method for,
/// [`with`](OwnedPermit::with) reaches.
#[must_use = "a permit that is dropped at once says nothing about the call"]
pub struct OwnedPermit {
    pub(crate) loan: Loan,
    pub(crate) ticket: Ticket,
}

impl OwnedPermit {
    /// Runs `settle` on the permit that this one stands for.
    #[inline]
    pub fn with<R>(self, settle: impl FnOnce(Permit<'_>) -> R) -> R {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is not dropped, so the loan is taken out once; it ends after `settle`.
        let loan = unsafe { std::ptr::read(&this.loan) };
        settle(Permit { engine: loan.engine(), ticket: this.ticket })
    }

    /// As [`Permit::success`].
    #[inline]
    pub fn success(self) -> Settled {
        let this = ManuallyDrop::new(self);
        // SAFETY: as in `with`.
        let loan = unsafe { std::ptr::read(&this.loan) };
        loan.body().settle_success(loan.engine(), &this.ticket)
    }

    /// As [`Permit::succeed_in_place`].
    #[cfg(feature = "tower")]
    #[inline]
    pub(crate) fn succeed_in_place(held: &mut Option<Self>) -> bool {
        let Some(permit) = held.as_ref() else { return false };
        let engine = permit.loan.engine();
        let is_settled =
            permit.ticket.is_simple() && body_of(engine).succeed_quietly(engine, permit.ticket.low());
        if is_settled && let Some(permit) = held.take() {
            let this = ManuallyDrop::new(permit);
            // SAFETY: as in `with`.
            drop(unsafe { std::ptr::read(&this.loan) });
        }
        is_settled
    }

    /// As [`Permit::failure`].
    pub fn failure(self, error_type: &str) -> Settled {
        self.with(|permit| permit.failure(error_type))
    }

    /// As [`Permit::ignore`].
    pub fn ignore(self) -> Settled {
        self.with(|permit| permit.ignore())
    }

    /// As [`Permit::settle`].
    pub fn settle(self, outcome: Outcome, duration: Option<Duration>, error_type: Option<&str>) -> Settled {
        self.with(|permit| permit.settle(outcome, duration, error_type))
    }

    #[cfg(feature = "tower")]
    #[inline]
    pub(crate) fn come_to(self, outcome: Outcome) -> Settled {
        match outcome {
            Outcome::Success => self.success(),
            _ => self.settle(outcome, None, None),
        }
    }

    /// As [`Permit::is_bypassed`].
    pub fn is_bypassed(&self) -> bool {
        self.ticket.kind() == Kind::Bypassed
    }

    /// As [`Permit::wait`].
    pub fn wait(&self) -> Duration {
        Duration::from_nanos(self.ticket.wait())
    }

    /// Whether its call's turn comes later.
    #[cfg(feature = "tower")]
    #[inline]
    pub(crate) fn is_paced(&self) -> bool {
        self.ticket.wait() > 0
    }

    /// As [`Permit::timeout`].
    pub fn timeout(&self) -> Option<Duration> {
        self.ticket.timeout().map(Duration::from_nanos)
    }

    /// As [`Permit::would_reject`].
    pub fn would_reject(&self) -> Option<Reason> {
        match self.ticket.kind() {
            Kind::Shadowed(reason) => Some(reason),
            _ => None,
        }
    }
}

impl Drop for OwnedPermit {
    fn drop(&mut self) {
        self.loan.body().abandon(self.loan.engine(), &self.ticket);
    }
}

impl fmt::Debug for OwnedPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit")
            .field("breaker", &self.loan.body().name)
            .field("ticket", &self.ticket)
            .finish()
    }
}

/// Stands by while foreign code runs: if that panics, the call is a failure. Forget it after all went well.
pub(crate) struct PanicIsFailure<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) ticket: &'a Ticket,
}

impl Drop for PanicIsFailure<'_> {
    #[cold]
    fn drop(&mut self) {
        body_of(self.engine).settle(self.engine, self.ticket, Outcome::Failure, None, Some(PANIC));
    }
}
