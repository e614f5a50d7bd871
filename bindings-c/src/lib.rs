//! The C ABI of fusewire. `include/fusewire.h`, which is generated from these sources, is its manual.
//!
//! A file is a group of functions of the header; `guard`, `handle` and `text` are what they share. Every export either
//! runs inside `guard::guard`, which keeps a panic from crossing, or consists of steps that cannot panic.

#![allow(non_camel_case_types, clippy::missing_safety_doc)]

mod attempts;
mod bell;
mod breaker;
mod caches;
mod call;
mod clock;
mod error;
mod events;
mod features;
mod govern;
mod guard;
mod handle;
mod hedges;
mod names;
mod operate;
mod options;
mod permit;
mod policies;
mod read;
mod registry;
mod request;
mod sized;
mod status;
mod steps;
mod text;
mod version;
mod waiting;

pub use attempts::*;
pub use breaker::*;
pub use caches::*;
pub use call::*;
pub use clock::*;
pub use error::*;
pub use events::*;
pub use features::*;
pub use govern::*;
pub use hedges::*;
pub use names::*;
pub use operate::*;
pub use options::*;
pub use permit::*;
pub use policies::*;
pub use read::*;
pub use registry::*;
pub use request::*;
pub use status::*;
pub use steps::*;
pub use text::*;
pub use version::*;
pub use waiting::*;
