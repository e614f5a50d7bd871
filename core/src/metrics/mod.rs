//! The export: one renderer for all breakers of a registry, the same bytes in every language (semantics §10).

mod json;
mod prometheus;

#[cfg(feature = "binding")]
pub(crate) use json::failure;
pub use json::json;
pub use prometheus::{CONTENT_TYPE, render};
