//! What tables say by level.

use super::Result;
use crate::admit::priority::{LEVELS, Priority};
use crate::config::table::Table;
use crate::config::value::Value;

/// A level's name, or a number that is taken as the next lower level.
pub(super) fn level(t: &mut Table<'_>, key: &'static str) -> Result<Option<Priority>> {
    let Some(value) = t.get(key)? else { return Ok(None) };
    let found = match value {
        Value::Text(text) => Priority::parse(text),
        Value::Int(n) => u32::try_from(*n).ok().and_then(Priority::of_number),
        Value::Float(x) if x.fract() == 0.0 && (0.0..=100.0).contains(x) => Priority::of_number(*x as u32),
        _ => None,
    };
    let names = Priority::ALL.map(Priority::name).join(", ");
    found
        .map(Some)
        .ok_or_else(|| t.error(key, value, format!("one of {names}, or a whole number in 0..=100")))
}

/// A number for each level that the table names, 0 for the others; the highest level is read first.
pub(super) fn by_level(
    path: &'static str,
    value: &Value,
    mut read: impl FnMut(&mut Table<'_>, &'static str) -> Result<Option<u64>>,
) -> Result<[u64; LEVELS]> {
    let mut t = Table::new(path, value)?;
    let mut found = [0; LEVELS];
    for level in Priority::ALL.into_iter().rev() {
        found[level as usize] = read(&mut t, level.name())?.unwrap_or(0);
    }
    t.finish()?;
    Ok(found)
}
