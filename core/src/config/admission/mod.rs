//! The gates before the machine, from the document and back (policies §2 to §5).

pub(crate) mod builder;
pub(crate) mod document;
pub(crate) mod keys;
mod level;
mod priority;
mod rate;
pub(crate) mod schema;
mod slots;
pub(crate) use slots::check_slots;
#[cfg(feature = "binding")]
pub(crate) use slots::slot_table;

use crate::admit::{Admission, SlotRules};
use crate::config::table::Table;
use crate::error::ConfigError;

type Result<T> = std::result::Result<T, ConfigError>;

/// The tables of the gates, in their order; `None` when none is there.
pub(super) fn admission(t: &mut Table<'_>) -> Result<Option<Box<Admission>>> {
    let rate = t.get(keys::RATE_LIMIT)?.map(rate::rate_limit).transpose()?;
    let priority = t.get(keys::PRIORITY)?.map(priority::priority).transpose()?;
    let bulkhead = t.get(keys::BULKHEAD)?.map(slots::bulkhead).transpose()?.map(SlotRules::Bulkhead);
    let limit = match t.get(keys::CONCURRENCY_LIMIT)? {
        Some(limit) if bulkhead.is_some() => {
            return Err(t.error(keys::CONCURRENCY_LIMIT, limit, "absent beside `bulkhead`"));
        }
        limit => limit.map(slots::concurrency_limit).transpose()?.map(SlotRules::Limit),
    };
    let admission = Admission { rate, priority, slots: bulkhead.or(limit) };
    Ok((admission != Admission::default()).then(|| Box::new(admission)))
}
