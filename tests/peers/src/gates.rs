//! The gates that are measured: their documents, and how a loop of calls does not run into them.
//!
//! A bucket that turns calls away would be measured at something else, and nothing fills one as fast as a loop empties it:
//! so turns are short, and a bucket holds tokens for all of a pass.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::guard::{Batch, Maker};

/// Tokens a second: the most that fusewire allows, and still fewer than a loop takes.
pub const RATE: u32 = 1_000_000;
/// Tokens that a bucket holds: the most that fusewire allows, and enough for every turn of its in a pass.
pub const BURST: u32 = 1_000_000;
/// Calls in a window: more than a loop makes.
pub const WINDOW_LIMIT: u32 = 65_536;
/// Calls that may be made at once.
pub const SLOTS: u32 = 100;

/// How long a turn is at most.
pub const TURN: Duration = Duration::from_micros(400);

/// How many breakers take turns: as many calls as two threads make in a pass are half of what their windows have room for.
const BREAKERS: usize = 24;

/// A gate, as a case.
#[derive(Debug, Clone, Copy)]
pub struct Gate {
    /// The case's name.
    pub name: &'static str,
    /// The keys of its document, beside those that every breaker here has.
    pub keys: fn() -> String,
}

/// A token bucket.
pub const RATE_TOKEN: Gate = Gate {
    name: "rate_token",
    keys: || format!(r#","rate_limit":{{"algorithm":"token_bucket","rate":{RATE},"burst":{BURST}}}"#),
};

/// At most so many calls in any second.
pub const RATE_SLIDING: Gate = Gate {
    name: "rate_sliding",
    keys: || {
        let limit = format!(r#""limit":{WINDOW_LIMIT},"window":"1s""#);
        format!(r#","rate_limit":{{"algorithm":"sliding_window",{limit}}}"#)
    },
};

/// Slots.
pub const BULKHEAD: Gate =
    Gate { name: "bulkhead", keys: || format!(r#","bulkhead":{{"max_concurrent":{SLOTS}}}"#) };

/// A limit that finds itself.
pub const AIMD: Gate = Gate { name: "aimd", keys: || r#","concurrency_limit":{"kind":"aimd"}"#.to_owned() };

/// All of them.
pub const ALL: [Gate; 4] = [RATE_TOKEN, RATE_SLIDING, BULKHEAD, AIMD];

/// The document of a breaker with such keys; none for one without a gate.
pub fn document(keys: &str) -> String {
    format!(r#"{{"sample_durations_every":0{keys}}}"#)
}

/// Breakers that take over from each other before a sliding window of one is full: none could be made that a second's
/// calls do not fill.
pub fn by_turns(maker: Maker) -> Maker {
    Box::new(move || -> Batch {
        let batches: Vec<Batch> = (0..BREAKERS).map(|_| maker()).collect();
        let made = AtomicU64::new(0);
        Box::new(move |calls| {
            let before = made.fetch_add(calls, Ordering::Relaxed);
            batches[(before / (u64::from(WINDOW_LIMIT) / 2)) as usize % BREAKERS](calls);
        })
    })
}
