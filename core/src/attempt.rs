//! The stepper: one call with its attempts, from the first to what answers in the end (policies §1, §7, §8).
//!
//! It is told what happened and answers what the host does next. It holds no timer, no function, no value and no permit:
//! asking for a permit, waiting, calling and answering from a rung are the host's, each in its own idiom.

use crate::around::{Caching, Draws, Falling, Hedging, Retrying};
use crate::body::Body;
use crate::clock::Nanos;
use crate::error::{Reason, Refusal};
use crate::ledger::Ledger;
use crate::outcome::{Outcome, Settled};
use crate::policy::category::Category;
use crate::policy::fallback::Rung;
use crate::policy::retry::{Asked, Missed};
use crate::policy::wait::{After, Taken};
use crate::request::{Request, Wanted};
#[cfg(any(feature = "tokio", feature = "binding"))]
use crate::word::{Mode, State};

/// What the host does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Ask the breaker for a permit; then tell `admitted` or `refused`.
    Ask,
    /// Make the call and settle its permit; then tell `ended`.
    Call,
    /// Wait so long, in nanoseconds; then tell `resume`.
    Wait(Nanos),
    /// Answer from the rung with that number; then tell `answered`.
    Use(usize),
    /// It is over.
    Done(Done),
}

/// How a call with its attempts ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    /// `None`: it never ran, because it was turned away.
    pub outcome: Option<Outcome>,
    /// A rung has answered, the one with that number.
    pub rung: Option<usize>,
    /// How often the gates were asked.
    pub attempts: u32,
    /// Why the last attempt was turned away, if it was.
    pub rejected: Option<Refusal>,
}

/// How an attempt ended, as the host saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended<'a> {
    pub outcome: Outcome,
    pub error_type: Option<&'a str>,
    /// An HTTP status.
    pub status: Option<u16>,
    /// How long the error itself asks to wait.
    pub retry_after: Option<Nanos>,
    /// The host says that this failure is none to fall back from.
    pub stands: bool,
    /// Whether the attempt succeeded, for what learns from it; `None`: it says nothing.
    pub teaches: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(any(feature = "tokio", feature = "binding")), expect(dead_code, reason = "nobody hedges"))]
enum Phase {
    Asking,
    Calling,
    /// It has failed and is settled, and hedges of it go on.
    Failed {
        settled: Settled,
        teaches: Option<bool>,
    },
    /// The one that is under way is a hedge, which has answered first.
    Won,
    Waiting {
        until: Nanos,
    },
    Falling {
        rung: usize,
    },
    Over(Done),
}

/// One call with its attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    wanted: Wanted,
    begun: Nanos,
    /// How often it may be tried.
    allowed: u64,
    made: u32,
    phase: Phase,
    is_bypassed: bool,
    #[cfg_attr(
        not(any(feature = "tokio", feature = "binding")),
        expect(dead_code, reason = "nobody hedges")
    )]
    may_hedge: bool,
    /// Those of the attempt that is under way.
    hedges: u32,
    has_key: bool,
    stands: bool,
    /// The number of the gates whose chain it goes down, once it does.
    chain: u32,
    /// Of the last attempt that ran; `None`: none did.
    outcome: Option<Outcome>,
    rejected: Option<Refusal>,
    /// How long the backoff before the last retry was that had one.
    previous: Option<Nanos>,
    /// The backoff that this attempt followed, for the scores.
    used: Option<Taken>,
}

impl Course {
    /// A call begins. It is counted here, whatever becomes of it.
    pub(crate) fn begin(body: &Body, request: &Request<'_>, wanted: Wanted) -> Self {
        let mut course = Course::begun_at(body, request, wanted, Course::count(body));
        if wanted.is_too_late(body) {
            course.lapse(body);
        }
        course
    }

    /// Its deadline has passed before it could begin: nothing is asked, and only rungs answer.
    pub(crate) fn lapse(&mut self, body: &Body) {
        self.outcome = Some(Outcome::Failure);
        let _ = self.fall(body, 0);
    }

    /// Whether that is how it ended.
    pub(crate) fn has_lapsed(&self) -> bool {
        self.made == 0 && self.outcome.is_some()
    }

    /// Counts a call that begins; answers when that is. It lags by a tick at most: what is judged by it is judged that
    /// much too early.
    #[inline]
    pub(crate) fn count(body: &Body) -> Nanos {
        let now = body.clock().coarse();
        if let Some(set) = body.gate_set() {
            set.around.first(now);
        }
        now
    }

    /// A call that has begun and was counted.
    pub(crate) fn begun_at(body: &Body, request: &Request<'_>, wanted: Wanted, begun: Nanos) -> Self {
        let around = body.gate_set().map(|set| &set.around);
        let retrying = around.and_then(|around| around.retry.as_ref());
        let retrying = retrying.filter(|_| !request.once);
        let allowed =
            retrying.map_or(1, |retrying| retrying.rules.attempts_for(request.method, request.idempotent));
        let hedging = around.and_then(|around| around.hedge.as_ref());
        let may_hedge = !request.once
            && hedging.is_some_and(|hedging| hedging.is_for(request.method, request.idempotent));
        Course {
            wanted,
            begun,
            allowed,
            made: 0,
            phase: Phase::Asking,
            is_bypassed: false,
            may_hedge,
            hedges: 0,
            has_key: request.key.is_some(),
            stands: false,
            chain: 0,
            outcome: None,
            rejected: None,
            previous: None,
            used: None,
        }
    }

    /// What its attempts ask for.
    pub(crate) fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// How often the gates were asked.
    pub(crate) fn made(&self) -> u32 {
        self.made
    }

    /// Whether it is to be learned from how the attempt ends.
    pub(crate) fn learns(&self) -> bool {
        self.used.is_some()
    }

    /// A permit was given.
    pub(crate) fn admitted(&mut self, is_bypassed: bool) {
        self.made += 1;
        (self.phase, self.is_bypassed, self.hedges) = (Phase::Calling, is_bypassed, 0);
    }

    #[cfg(any(feature = "tokio", feature = "binding"))]
    /// How long after the attempt, or after the hedge before, another is to be started beside it; `None`: none is.
    pub(crate) fn hedge_after(&self, body: &Body) -> Option<Nanos> {
        let may = self.may_hedge && !self.is_bypassed && self.phase == Phase::Calling;
        body.hedging().filter(|_| may)?.after(self.hedges)
    }

    #[cfg(any(feature = "tokio", feature = "binding"))]
    /// Whether it is started: only while the breaker is closed, before the call's deadline and within the budget.
    pub(crate) fn hedge(&mut self, body: &Body) -> bool {
        let now = body.clock().now();
        let is_due = self.hedge_after(body).is_some() && self.wanted.deadline.is_none_or(|at| now < at);
        let word = body.engine().load();
        let is_closed = word.state() == State::Closed && word.mode() != Mode::ForcedOpen;
        let begins = is_due && is_closed && body.hedging().is_some_and(|hedging| hedging.begin(now));
        self.hedges += u32::from(begins);
        begins
    }

    #[cfg(any(feature = "tokio", feature = "binding"))]
    /// The attempt has failed, and its permit is settled; hedges of it go on, and no other begins.
    pub(crate) fn failed(&mut self, settled: Settled, teaches: Option<bool>) {
        self.phase = Phase::Failed { settled, teaches };
    }

    /// What became of settling the attempt, and what it teaches, if it has failed and hedges of it go on.
    pub(crate) fn failure(&self) -> Option<(Settled, Option<bool>)> {
        match self.phase {
            Phase::Failed { settled, teaches } => Some((settled, teaches)),
            _ => None,
        }
    }

    #[cfg(any(feature = "tokio", feature = "binding"))]
    /// A hedge is the attempt from here on.
    pub(crate) fn hedge_won(&mut self) {
        self.phase = Phase::Won;
    }

    /// Whether the attempt that is under way is the call's first, and no hedge of it.
    pub(crate) fn is_first(&self) -> bool {
        self.made == 1 && self.phase != Phase::Won
    }

    /// The breaker has turned the attempt away.
    pub(crate) fn refused(&mut self, body: &Body, refusal: Refusal) -> Next {
        self.made += 1;
        self.rejected = Some(refusal);
        let used = self.used.take();
        if let Some(retrying) = body.retrying() {
            retrying.learn(used, false);
            let (reason, retry_after) = (refusal.reason(), refusal.retry_after());
            let after = After::Rejection { retry_after, is_open: reason == Reason::Open };
            let is_final = reason == Reason::Closed;
            if let Some(next) =
                (!is_final).then(|| self.again(body, retrying, Missed::Rejected, after)).flatten()
            {
                return next;
            }
        }
        self.fall(body, 0)
    }

    /// The attempt ended; its permit is settled.
    pub(crate) fn ended(&mut self, body: &Body, ended: &Ended<'_>) -> Next {
        (self.outcome, self.rejected, self.stands) = (Some(ended.outcome), None, ended.stands);
        let used = self.used.take();
        let retrying = body.retrying();
        if let (Some(retrying), Some(has_succeeded)) = (retrying, ended.teaches) {
            retrying.learn(used, has_succeeded);
        }
        if ended.outcome != Outcome::Failure {
            return self.over(None);
        }
        if let Some(retrying) = retrying.filter(|_| !self.is_bypassed) {
            let missed = Missed::Failed(Category::of(ended.error_type, ended.status));
            let after = After::Failure { hint: ended.retry_after };
            if let Some(next) = self.again(body, retrying, missed, after) {
                return next;
            }
        }
        self.fall(body, 0)
    }

    /// Another attempt, if there is to be one.
    fn again(&mut self, body: &Body, retrying: &Retrying, missed: Missed, after: After) -> Option<Next> {
        let asked = Asked {
            attempts: self.made.into(),
            allowed: self.allowed,
            missed,
            begun: self.begun,
            now: body.clock().now(),
            deadline: self.wanted.deadline,
        };
        #[cfg(feature = "binding")]
        body.fold_lanes();
        let wait = retrying.decide(&asked, after, self.previous, |draw| body.with_draws(draw)).ok()?;
        self.used = wait.backoff;
        self.previous = wait.backoff.map(|taken| taken.length).or(self.previous);
        self.phase = Phase::Waiting { until: asked.now.saturating_add(wait.total) };
        Some(Next::Wait(wait.total))
    }

    /// The wait is over, or somebody thinks so.
    pub(crate) fn resume(&mut self, body: &Body) -> Next {
        let Phase::Waiting { until } = self.phase else { return self.next(body) };
        let now = body.clock().now();
        if now < until {
            return Next::Wait(until - now);
        }
        if self.wanted.is_too_late(body) {
            return self.fall(body, 0);
        }
        self.phase = Phase::Asking;
        Next::Ask
    }

    /// The rung has answered, or could not.
    pub(crate) fn answered(&mut self, body: &Body, has_answered: bool) -> Next {
        let Phase::Falling { rung } = self.phase else { return self.next(body) };
        if let Some(falling) = self.falling(body) {
            falling.count(rung, has_answered);
        }
        if has_answered { self.over(Some(rung)) } else { self.fall(body, rung + 1) }
    }

    /// Down the chain, from that rung on. Another plan's does not come between.
    fn fall(&mut self, body: &Body, from: usize) -> Next {
        if from == 0 {
            self.chain = body.gate_set().map_or(0, |set| set.number);
        }
        let falling = self.falling(body).filter(|_| !self.stands);
        match falling.and_then(|falling| falling.rung_from(from, self.has_key)) {
            None => self.over(None),
            Some(rung) => {
                self.phase = Phase::Falling { rung };
                Next::Use(rung)
            }
        }
    }

    fn falling<'b>(&self, body: &'b Body) -> Option<&'b Falling> {
        body.gates.get()?.set_of(self.chain)?.around.falling.as_deref()
    }

    /// The rung with that number, of the chain that it goes down.
    pub(crate) fn rung<'b>(&self, body: &'b Body, number: usize) -> Option<&'b Rung> {
        self.falling(body)?.rung(number)
    }

    /// How it would end now, if nothing answered.
    pub(crate) fn done(&self) -> Done {
        Done { outcome: self.outcome, rung: None, attempts: self.made, rejected: self.rejected }
    }

    fn over(&mut self, rung: Option<usize>) -> Next {
        let outcome = if rung.is_some() { Some(Outcome::Success) } else { self.outcome };
        let done = Done { outcome, rung, ..self.done() };
        self.phase = Phase::Over(done);
        Next::Done(done)
    }

    /// What is to be done now.
    pub(crate) fn next(&self, body: &Body) -> Next {
        match self.phase {
            Phase::Asking => Next::Ask,
            Phase::Calling | Phase::Failed { .. } | Phase::Won => Next::Call,
            Phase::Waiting { until } => Next::Wait(until.saturating_sub(body.clock().now())),
            Phase::Falling { rung } => Next::Use(rung),
            Phase::Over(done) => Next::Done(done),
        }
    }
}

impl Wanted {
    /// Whether its deadline has passed.
    #[inline]
    pub(crate) fn is_too_late(&self, body: &Body) -> bool {
        self.deadline.is_some_and(|at| body.clock().now() >= at)
    }
}

impl Body {
    pub(crate) fn retrying(&self) -> Option<&Retrying> {
        self.gate_set().and_then(|set| set.around.retry.as_ref())
    }

    pub(crate) fn hedging(&self) -> Option<&Hedging> {
        self.gate_set().and_then(|set| set.around.hedge.as_ref())
    }

    pub(crate) fn caching(&self) -> Option<&Caching> {
        self.gate_set().and_then(|set| set.around.cache.as_ref())
    }

    pub(crate) fn falling(&self) -> Option<&Falling> {
        self.gate_set().and_then(|set| set.around.falling.as_deref())
    }

    /// Deposits with the budget what lanes have admitted since the last time.
    #[cfg(feature = "binding")]
    pub(crate) fn fold_lanes(&self) {
        if let Some(set) = self.gate_set() {
            self.side.fold(|pending| set.around.deposit(self.clock().coarse(), pending));
        }
    }

    /// What the waits of retries are drawn from.
    fn with_draws(&self, draw: &mut dyn FnMut(&Draws<'_>)) {
        let outages = self.existing_ledger().map(Ledger::outages).unwrap_or_default();
        let seed = self.engine().plan().seed.unwrap_or_else(|| self.seed());
        draw(&Draws { seed, outages: &outages });
    }
}
