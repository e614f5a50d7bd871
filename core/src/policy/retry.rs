//! Whether a call is tried once more (policies §7).

use super::budget::BudgetRules;
use super::category::Categories;
use super::wait::WaitRules;
use crate::clock::Nanos;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RetryRules {
    /// The first included.
    pub max_attempts: u64,
    pub backoff: WaitRules,
    pub on: Categories,
    /// Attempts by method, with the defaults, in byte order.
    pub per_method: Box<[(Box<str>, u64)]>,
    pub max_elapsed: Nanos,
    pub budget: Option<BudgetRules>,
    /// Rejections are retried, too.
    pub rejected: bool,
}
