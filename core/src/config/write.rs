//! Values as the document of a plan has them, and as Rust's builders write them.

use super::table::{show_bp, show_length};
use super::value::Value;
use crate::clock::Nanos;
use std::time::Duration;

pub(crate) fn text(s: &str) -> Value {
    Value::Text(s.to_owned())
}

pub(crate) fn whole(n: impl Into<i128>) -> Value {
    Value::Int(n.into())
}

pub(crate) fn length(d: Nanos) -> Value {
    Value::Text(show_length(d))
}

/// As people write it; ten-thousandths make at most four decimals, which a double holds.
pub(crate) fn share(bp: u64) -> Value {
    show_bp(bp).parse().map_or(Value::Null, Value::Float)
}

/// Whole nanoseconds, which lose nothing.
pub(crate) fn duration(d: Duration) -> Value {
    Value::Text(format!("{}ns", d.as_nanos()))
}

/// A table of which a key is set.
pub(crate) fn with(mut table: Value, key: &str, value: Value) -> Value {
    table.set(key, value);
    table
}
