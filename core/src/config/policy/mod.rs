//! The policies around the call, from the document and back (policies §6 to §10).

pub(crate) mod beside;
pub(crate) mod builder;
pub(crate) mod document;
mod fallback;
mod features;
mod hedge;
pub(crate) mod keys;
mod retry;
pub(crate) mod schema;
mod timeout;

pub(crate) use fallback::check_rungs;

use crate::config::sampling::Sampling;
use crate::config::table::Table;
use crate::error::ConfigError;
use crate::policy::Policies;
use crate::policy::hedge::After;
use crate::policy::timeout::TimeoutRules;

type Result<T> = std::result::Result<T, ConfigError>;

/// The policies' keys, in their order; `None` when none is there.
pub(super) fn policies(t: &mut Table<'_>, sampling: &mut Sampling) -> Result<Option<Box<Policies>>> {
    let timeout = timeout(t, sampling)?;
    let retry = t.get(keys::RETRY)?.map(retry::retry).transpose()?;
    let fallback = fallback::fallback(t)?;
    let cache = fallback::cache(t, fallback.as_ref())?;
    let hedge = match t.get(keys::HEDGE)? {
        Some(value) => {
            let rules = hedge::hedge(value)?;
            if rules.after == After::P95 {
                sampling.needs_all(t, keys::HEDGE, value, "with a duration as `after`")?;
            }
            Some(rules)
        }
        None => None,
    };
    let features = t.get(keys::FEATURES)?.map(features::features).transpose()?;
    let default_retry = if hedge.is_some() && retry.is_none() { Some(retry::left_out()?) } else { None };
    let policies = Policies { timeout, retry, fallback, cache, hedge, features, default_retry };
    Ok((policies != Policies::default()).then(|| Box::new(policies)))
}

fn timeout(t: &mut Table<'_>, sampling: &mut Sampling) -> Result<Option<TimeoutRules>> {
    let Some(value) = t.get(keys::TIMEOUT.key)? else { return Ok(None) };
    let rules = timeout::timeout(t, value)?;
    if matches!(rules, TimeoutRules::Learned(_)) {
        sampling.needs_all(t, keys::TIMEOUT.key, value, "a duration")?;
    }
    Ok(Some(rules))
}
