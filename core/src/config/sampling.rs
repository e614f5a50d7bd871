//! `sample_durations_every`, which keys that need every duration make 1.

use super::keys;
use super::table::{OWN, Table};
use super::value::Value;
use crate::error::ConfigError;

type Result<T> = std::result::Result<T, ConfigError>;

/// How many calls are timed.
pub(crate) struct Sampling {
    pub every: u32,
    is_written: bool,
}

impl Sampling {
    /// What is written, or what the keys beside it make it. Of two keys that do not fit, the later one is named.
    pub(crate) fn new(t: &mut Table<'_>, judges_slowness: bool) -> Result<Self> {
        let spec = &keys::SAMPLE_DURATIONS_EVERY;
        let written = t.integer(spec, OWN)?;
        let mut sampling =
            Sampling { every: written.unwrap_or(spec.default) as u32, is_written: written.is_some() };
        if judges_slowness {
            match written {
                Some(n) if n != 1 => return Err(t.error(spec.key, n, "1 beside `slow_call_duration`")),
                _ => sampling.every = 1,
            }
        }
        if let Some(value) = t.get(keys::CANCELLED_AFTER.key)? {
            sampling.needs_all(t, keys::CANCELLED_AFTER.key, value, "absent")?;
        }
        Ok(sampling)
    }

    /// Makes it 1 for a later key; an error that names that one when another number is written. `otherwise` is what the
    /// key may be beside that.
    pub(crate) fn needs_all(
        &mut self,
        t: &Table<'_>,
        key: &str,
        value: &Value,
        otherwise: &str,
    ) -> Result<()> {
        if self.is_written && self.every != 1 {
            let (spec, every) = (&keys::SAMPLE_DURATIONS_EVERY, self.every);
            let allowed = format!("{otherwise}, unless `{}` is 1 (it is {every})", spec.key);
            return Err(t.error(key, value, allowed));
        }
        self.every = 1;
        Ok(())
    }
}
