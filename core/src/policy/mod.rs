//! What stands around the calls of a breaker (policies §6 to §10): the rules, pure.

pub(crate) mod budget;
pub(crate) mod cache;
pub(crate) mod category;
pub(crate) mod coalesce;
pub(crate) mod fallback;
pub(crate) mod feature;
pub(crate) mod flights;
pub(crate) mod hedge;
pub(crate) mod index;
pub(crate) mod retry;
pub(crate) mod spread;
pub(crate) mod timeout;
pub(crate) mod values;
pub(crate) mod wait;

use cache::CacheRules;
use fallback::FallbackRules;
use feature::FeatureRules;
use hedge::HedgeRules;
use retry::RetryRules;
use timeout::TimeoutRules;

/// The policies of a plan around the call, each absent by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Policies {
    pub timeout: Option<TimeoutRules>,
    pub retry: Option<RetryRules>,
    pub fallback: Option<FallbackRules>,
    pub cache: Option<CacheRules>,
    pub hedge: Option<HedgeRules>,
    pub features: Option<FeatureRules>,
    /// The defaults of `retry`, whose methods and budget hold for hedges, where `hedge` is there and `retry` is left out.
    pub default_retry: Option<RetryRules>,
}
