//! An HTTP service that fails on command.
//!
//! It plays a [`Script`]: a list of phases, each with a duration and a [`Behaviour`]. The examples and the tests of
//! every language call it to see what a breaker does about a real outage. The README beside this crate describes its
//! routes; the binary `fusewire-upstream` serves them, and [`serve`] does so inside a test.

pub mod cli;
mod routes;
mod script;
mod server;
mod stage;

pub use script::{Answer, Behaviour, Phase, Script, ScriptError};
pub use server::{Handle, serve};

/// The README's Rust is compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
