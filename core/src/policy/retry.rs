//! Whether a call is tried once more (policies §7).

use super::budget::BudgetRules;
use super::category::{Categories, Category};
use super::wait::{Wait, WaitRules};
use crate::clock::Nanos;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RetryRules {
    /// The first included.
    pub max_attempts: u64,
    pub backoff: WaitRules,
    pub on: Categories,
    /// Attempts by method, as it is written, with the defaults, in byte order.
    pub per_method: Box<[(Box<str>, u64)]>,
    pub max_elapsed: Nanos,
    pub budget: Option<BudgetRules>,
    /// Rejections are retried, too.
    pub rejected: bool,
}

/// What an attempt came to that may be made once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    Failed(Category),
    Rejected,
}

/// A call whose last attempt has missed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// Attempts that were made, the first included.
    pub attempts: u64,
    /// As many as [`RetryRules::attempts_for`] allows.
    pub allowed: u64,
    pub missed: Missed,
    /// When the call began.
    pub begun: Nanos,
    pub now: Nanos,
    /// The request's own.
    pub deadline: Option<Nanos>,
}

/// Why a call is not tried once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Denied {
    /// It has made all its attempts.
    Attempts = 0,
    /// Failures of that kind, or rejections, are not retried.
    Category = 1,
    /// The wait would end after `retry.max_elapsed`.
    MaxElapsed = 2,
    /// The wait would not end before the request's deadline.
    Deadline = 3,
    /// The budget is spent.
    Budget = 4,
}

impl Denied {
    /// Every cause, in the order in which they are looked for.
    pub const ALL: [Denied; 5] =
        [Denied::Attempts, Denied::Category, Denied::MaxElapsed, Denied::Deadline, Denied::Budget];

    /// The name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Denied::Attempts => "attempts",
            Denied::Category => "category",
            Denied::MaxElapsed => "max_elapsed",
            Denied::Deadline => "deadline",
            Denied::Budget => "budget",
        }
    }
}

impl RetryRules {
    /// How many attempts a call may make that names `method`, the first included. A method that is not in the table, in
    /// whatever case, is tried once, unless the call says that it may be repeated.
    pub(crate) fn attempts_for(&self, method: Option<&str>, idempotent: bool) -> u64 {
        let Some(method) = method else { return self.max_attempts };
        match self.of_method(method) {
            Some(attempts) => attempts,
            None if idempotent => self.max_attempts,
            None => 1,
        }
    }

    /// What the table has for the method as it is written, or else for one that differs in case alone: clients write `get`
    /// where they mean `GET`.
    fn of_method(&self, method: &str) -> Option<u64> {
        let written = self.per_method.binary_search_by(|(name, _)| (**name).cmp(method)).ok();
        let found = written
            .or_else(|| self.per_method.iter().position(|(name, _)| name.eq_ignore_ascii_case(method)));
        found.map(|at| self.per_method[at].1)
    }

    /// Whether the call is tried once more, and after which wait. `wait` is asked when attempts and category allow it,
    /// `withdraw` last of all, when nothing else speaks against it.
    pub(crate) fn decide(
        &self,
        asked: &Asked,
        wait: impl FnOnce() -> Wait,
        withdraw: impl FnOnce() -> bool,
    ) -> Result<Wait, Denied> {
        if asked.attempts >= asked.allowed {
            return Err(Denied::Attempts);
        }
        if !self.is_for(asked.missed) {
            return Err(Denied::Category);
        }
        let wait = wait();
        self.has_time(asked, &wait)?;
        if withdraw() { Ok(wait) } else { Err(Denied::Budget) }
    }

    fn is_for(&self, missed: Missed) -> bool {
        match missed {
            Missed::Failed(category) => self.on.has(category),
            Missed::Rejected => self.rejected,
        }
    }

    fn has_time(&self, asked: &Asked, wait: &Wait) -> Result<(), Denied> {
        let end = asked.now.saturating_add(wait.total);
        if end > asked.begun.saturating_add(self.max_elapsed) {
            return Err(Denied::MaxElapsed);
        }
        if asked.deadline.is_some_and(|deadline| end >= deadline) {
            return Err(Denied::Deadline);
        }
        Ok(())
    }
}
