//! The configuration as a struct, for what is set most often, and as a document for all of it.

use crate::clock::fusewire_manual_clock;
use crate::guard::{Failure, Outcome};
use crate::handle;
use crate::names::{fusewire_mode, mode_of};
use crate::sized::{self, Sized};
use crate::status::fusewire_status_enum as Code;
use crate::text::optional;
use fusewire::{Builder, ManualClock, Mode};
use std::ffi::c_char;
use std::mem::offset_of;

/// What a window counts: one of `fusewire_window_enum`.
pub type fusewire_window = u32;

/// The values of `fusewire_window`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum fusewire_window_enum {
    /// No window: consecutive failures open the breaker.
    FUSEWIRE_WINDOW_NONE = 0,
    /// The last `window_size` outcomes.
    FUSEWIRE_WINDOW_COUNT = 1,
    /// The outcomes of the last `window_period_ns`.
    FUSEWIRE_WINDOW_TIME = 2,
    /// Like that of time, with a threshold that follows the service's own history.
    FUSEWIRE_WINDOW_ADAPTIVE = 3,
}

/// How a breaker is built. Begin with `fusewire_options options = FUSEWIRE_OPTIONS_INIT;` and set what you want: a
/// field that is 0 or NULL is left out: its key is that of `document`, or takes its default. What is not here is set by
/// `document`, such as the tables `backoff`, `ramp`, `rate_limit`, `priority`, `bulkhead`, `concurrency_limit`,
/// `timeout`, `retry`, `fallback`, `cache`, `hedge` and `features`.
/// Ranges and defaults are those of the configuration document; see `fusewire_schema`. Without macros: make all bytes 0
/// and set `size`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fusewire_options {
    /// `sizeof(fusewire_options)`. Later versions add fields at the end.
    pub size: usize,
    /// The configuration document, JSON text, or NULL. Fields below that are set replace its keys one by one, those of
    /// its window, too.
    pub document: *const c_char,
    /// The clock, or NULL for the registry's, without one the system's monotonic clock. Of no account for a breaker
    /// that a registry has already.
    pub clock: *const fusewire_manual_clock,
    /// Consecutive failures that open the breaker: 1 to 1,000,000, default 5. Not beside a window.
    pub failure_threshold: u32,
    /// How many probes decide in half-open: 1 to 64, default 3.
    pub half_open_max_calls: u32,
    /// Successful probes that close the breaker: 1 to `half_open_max_calls`, which is the default.
    pub success_threshold: u32,
    /// The initial mode, a `fusewire_mode`. 0, which is also `FUSEWIRE_MODE_AUTO`, leaves it to `document`.
    pub mode: fusewire_mode,
    /// How long open lasts, in nanoseconds: 1 ms to 168 h, default 60 s.
    pub recovery_timeout_ns: u64,
    /// A call that took at least this long, in nanoseconds, is slow: 1 ms to 168 h, default: none is.
    pub slow_call_duration_ns: u64,
    /// What the window counts, a `fusewire_window`; 0 leaves it to `document`. The fields below belong to it.
    pub window: fusewire_window,
    /// Of a window that counts: how many outcomes it holds, 1 to 65,535, default 100.
    pub window_size: u32,
    /// Of the other windows: how far back they look, in nanoseconds, 1 s to 24 h, default 60 s.
    pub window_period_ns: u64,
    /// Outcomes below which no rate is judged: 1 to 1,000,000, default 20; at most `window_size`.
    pub window_min_calls: u32,
    /// Must be 0.
    pub reserved: u32,
    /// Share of failures that opens: above 0 and at most 1, default 0.5.
    pub window_failure_rate: f64,
    /// Share of slow calls that opens: above 0 and at most 1, default: none does. Needs `slow_call_duration_ns`.
    pub window_slow_call_rate: f64,
}

/// The size of the first version of the struct.
const FIRST_SIZE: usize = offset_of!(fusewire_options, window_slow_call_rate) + size_of::<f64>();
#[cfg(target_pointer_width = "64")]
const _: () = assert!(FIRST_SIZE == 96 && size_of::<fusewire_options>() >= FIRST_SIZE);

// SAFETY: of numbers and pointers.
unsafe impl Sized for fusewire_options {
    const FIRST: usize = FIRST_SIZE;
    const INIT: &'static str = "FUSEWIRE_OPTIONS_INIT";
}

/// The caller's struct, if there is one.
///
/// # Safety
/// `options` is NULL or has as many bytes as its `size` says.
unsafe fn read(options: *const fusewire_options) -> Outcome<Option<fusewire_options>> {
    if options.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let ours = unsafe { sized::read("options", options) }?;
    if ours.reserved != 0 {
        return Err(Failure::invalid(
            Code::FUSEWIRE_ERROR_INVALID_VALUE,
            "options.reserved",
            ours.reserved,
            "0",
        ));
    }
    Ok(Some(ours))
}

/// Keys and their values as JSON, for those fields that are set.
#[derive(Default)]
struct Keys(Vec<String>);

impl Keys {
    fn set(&mut self, key: &str, value: impl ToString) {
        self.0.push(format!("\"{key}\":{}", value.to_string()));
    }

    fn number(&mut self, key: &str, n: u32) {
        if n != 0 {
            self.set(key, n);
        }
    }

    fn length(&mut self, key: &str, ns: u64) {
        if ns != 0 {
            self.set(key, format!("\"{ns}ns\""));
        }
    }

    /// What is no number is no JSON either; as a text it is refused by its key.
    fn share(&mut self, key: &str, share: f64) {
        match share {
            0.0 => {}
            share if share.is_finite() => self.set(key, format!("{share:?}")),
            share => self.set(key, format!("\"{share}\"")),
        }
    }

    fn json(self) -> String {
        format!("{{{}}}", self.0.join(","))
    }
}

fn window(o: &fusewire_options) -> Outcome<Keys> {
    let mut keys = Keys::default();
    let kind = match o.window {
        0 => None,
        1 => Some("count"),
        2 => Some("time"),
        3 => Some("adaptive"),
        other => {
            let allowed = "a value of fusewire_window_enum";
            return Err(Failure::invalid(
                Code::FUSEWIRE_ERROR_INVALID_VALUE,
                "options.window",
                other,
                allowed,
            ));
        }
    };
    if let Some(kind) = kind {
        keys.set("kind", format!("\"{kind}\""));
    }
    keys.number("size", o.window_size);
    keys.length("period", o.window_period_ns);
    keys.number("min_calls", o.window_min_calls);
    keys.share("failure_rate", o.window_failure_rate);
    keys.share("slow_call_rate", o.window_slow_call_rate);
    Ok(keys)
}

/// The fields that are set, as a document.
fn document(o: &fusewire_options) -> Outcome<String> {
    let mut keys = Keys::default();
    keys.number("failure_threshold", o.failure_threshold);
    keys.number("half_open_max_calls", o.half_open_max_calls);
    keys.number("success_threshold", o.success_threshold);
    keys.length("recovery_timeout", o.recovery_timeout_ns);
    keys.length("slow_call_duration", o.slow_call_duration_ns);
    let window = window(o)?;
    if !window.0.is_empty() {
        keys.set("window", window.json());
    }
    let mode = mode_of(o.mode)?;
    if mode != Mode::Auto {
        keys.set("mode", format!("\"{}\"", mode.name()));
    }
    Ok(keys.json())
}

/// The builder that `options` and its document say.
///
/// # Safety
/// As for `read`; what it points to is what the header says.
pub(crate) unsafe fn builder(options: *const fusewire_options) -> Outcome<Builder> {
    // SAFETY: the caller's promise.
    let Some(o) = unsafe { read(options) }? else { return Ok(Builder::default()) };
    let keys = Builder::from_json(&document(&o)?)?;
    // SAFETY: the caller's promise.
    let builder = match unsafe { optional("options.document", o.document) }? {
        Some(document) => Builder::from_json(document)?.with_keys_of(&keys),
        None => keys,
    };
    if o.clock.is_null() {
        return Ok(builder);
    }
    // SAFETY: the caller's promise.
    let clock: &ManualClock = unsafe { handle::take("options.clock", o.clock) }?;
    Ok(builder.clock(clock.clone()))
}
