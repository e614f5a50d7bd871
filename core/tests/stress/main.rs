//! Real threads. Every test proves that it hits its race: it counts how often, and fails when that was never.

#![allow(missing_docs)]

mod gates;
mod listeners;
mod rules;
mod stripes;
mod threads;
mod transitions;
mod windows;
