//! The words through which the functions of a call take and give: no argument crosses the boundary.
//!
//! `lib/host.ts` has the same places. All are 32-bit words; a double or a 64-bit word takes an even place and the next.

use std::ptr::NonNull;

/// Words of a scratch.
pub(crate) const WORDS: usize = 64;

/// In: which breaker.
pub(crate) const SLOT: usize = 0;
/// Out: 0 admitted, 1 + the reason's code rejected, `PANICKED`.
pub(crate) const CODE: usize = 1;
/// A permit's words, out of acquire and into settle.
pub(crate) const LOW: usize = 2;
pub(crate) const LEASE: usize = 3;
pub(crate) const EXTRA: usize = 4;
pub(crate) const ENGINE: usize = 5;
pub(crate) const START: usize = 6;
/// Out of acquire: what the lane may do alone. Into acquire: calls of the last grant that it did not make.
pub(crate) const GRANT_LOW: usize = 8;
pub(crate) const GRANT_CALLS: usize = 9;
/// Into settle; `ABANDONED` for a permit that was dropped.
pub(crate) const OUTCOME: usize = 10;
/// Out of settle.
pub(crate) const SETTLED: usize = 11;
/// Into settle: nanoseconds, NaN for none. Out of acquire: `retry_after` in nanoseconds, NaN for none; of a call that
/// waits, what is left until its deadline.
pub(crate) const NANOS: usize = 12;
/// Out: events that wait to be drained, and waits that have ended.
pub(crate) const EVENTS: usize = 14;
/// Into settle: the number of a failure's type, 0 for none.
pub(crate) const ERROR_TYPE: usize = 15;
/// Out of an acquire that was rejected: the last failure as the core notes it, 0 for none.
pub(crate) const FAILURE: usize = 16;

/// Into enter: the level's code; what the call costs; its deadline on the breaker's clock in nanoseconds, NaN for none;
/// whether it waits for a slot.
pub(crate) const PRIORITY: usize = 18;
pub(crate) const WAITS: usize = 19;
pub(crate) const COST: usize = 20;
pub(crate) const DEADLINE: usize = 22;
/// Out of enter: which wait has begun, to be named when it ends.
pub(crate) const TICKET: usize = 24;
/// Out of acquire, enter and begin: by which ways the breaker's calls go, `IS_GATED` and `HAS_STEPS`.
pub(crate) const GATED: usize = 25;
/// Out, with a permit: nanoseconds until the call's turn comes.
pub(crate) const TURN: usize = 26;

/// A permit's last word, out of acquire and into settle.
pub(crate) const REST: usize = 28;

/// Of a call with attempts: its place; how often the breaker was asked; the attempt's timeout or the length of a wait, in
/// nanoseconds, NaN for none; how long after it a hedge begins; whether the end was a rejection.
pub(crate) const COURSE: usize = 30;
pub(crate) const ATTEMPT: usize = 31;
pub(crate) const STEP: usize = 32;
pub(crate) const HEDGE: usize = 34;
pub(crate) const IS_REJECTED: usize = 36;
/// Out: 1 + the reason's code when the breaker has turned an attempt away, `NANOS` and `FAILURE` say more; else 0.
pub(crate) const REFUSED: usize = 37;
/// Into the settling of an attempt: the HTTP status, 0 for none; how long the error asks to wait, in nanoseconds, NaN for
/// none; whether no rung answers in its place; whether it goes on and keeps its slot.
pub(crate) const HINT: usize = 38;
pub(crate) const STATUS: usize = 40;
pub(crate) const STANDS: usize = 41;
pub(crate) const KEEPS: usize = 42;
/// Out of it: 1 + the code of the slot that it keeps; 0 for none.
pub(crate) const KEPT: usize = 43;
/// Into enter and begin: whether the feature and the method were told before; whether there is a key; whether the call may
/// be made more than once.
pub(crate) const IS_NAMED: usize = 44;
pub(crate) const IS_KEYED: usize = 45;
/// 0 where nothing is said of it.
pub(crate) const IDEMPOTENT: usize = 46;

/// Of `IDEMPOTENT`.
pub(crate) const SAID_TRUE: u32 = 1;
pub(crate) const SAID_FALSE: u32 = 2;

/// Of `GATED`.
pub(crate) const IS_GATED: u32 = 1;
/// Of `GATED`: its calls are made step by step, from `begin` on.
pub(crate) const HAS_STEPS: u32 = 2;

/// `CODE` of a call with attempts, beside 0 for an attempt to be made: it waits; a rung answers; it is over.
pub(crate) const PAUSE: u32 = 251;
pub(crate) const RUNG: u32 = 250;
pub(crate) const DONE: u32 = 249;
/// `SETTLED` when no attempt was under way.
pub(crate) const NOT_UNDER_WAY: u32 = 2;

/// `CODE` after a panic, which is a defect.
pub(crate) const PANICKED: u32 = 255;
/// `CODE` of acquire: the breaker has gates, and was not asked. `enter` asks it.
pub(crate) const HAS_GATES: u32 = 254;
/// `CODE` of enter: the request cannot be; nothing was asked.
pub(crate) const WRONG: u32 = 253;
/// `CODE` of enter: the call waits for a slot, for at most so many nanoseconds.
pub(crate) const QUEUED: u32 = 252;
/// `OUTCOME` of a permit that was dropped.
pub(crate) const ABANDONED: u32 = 3;

/// A scratch, in memory of the isolate.
#[derive(Clone, Copy)]
pub(crate) struct Scratch(NonNull<u32>);

impl Scratch {
    /// # Safety
    /// `WORDS` words lie there at a multiple of 8, as long as the isolate lives; its thread alone uses them.
    pub(crate) unsafe fn new(place: NonNull<u32>) -> Self {
        Scratch(place)
    }

    pub(crate) fn get(self, at: usize) -> u32 {
        debug_assert!(at < WORDS);
        // SAFETY: as `new` was promised; `at` is one of the places above.
        unsafe { self.0.add(at).read() }
    }

    pub(crate) fn set(self, at: usize, value: u32) {
        debug_assert!(at < WORDS);
        // SAFETY: as above.
        unsafe { self.0.add(at).write(value) }
    }

    pub(crate) fn get_wide(self, at: usize) -> u64 {
        // SAFETY: as above; `at` is even, so the place is a multiple of 8.
        unsafe { self.0.add(at).cast::<u64>().read() }
    }

    pub(crate) fn set_wide(self, at: usize, value: u64) {
        // SAFETY: as above.
        unsafe { self.0.add(at).cast::<u64>().write(value) }
    }

    pub(crate) fn set_nanos(self, nanos: Option<u64>) {
        self.set_nanos_at(NANOS, nanos);
    }

    pub(crate) fn set_nanos_at(self, at: usize, nanos: Option<u64>) {
        self.set_double(at, nanos.map_or(f64::NAN, |n| n as f64));
    }

    pub(crate) fn double(self, at: usize) -> f64 {
        f64::from_bits(self.get_wide(at))
    }

    pub(crate) fn set_double(self, at: usize, value: f64) {
        self.set_wide(at, value.to_bits());
    }

    pub(crate) fn nanos_at(self, at: usize) -> Option<u64> {
        let nanos = self.double(at);
        (!nanos.is_nan()).then_some(nanos as u64)
    }

    pub(crate) fn nanos(self) -> Option<u64> {
        self.nanos_at(NANOS)
    }
}
