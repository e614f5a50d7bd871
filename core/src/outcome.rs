//! What a call came to, and the slip of paper it carries from `acquire` to `settle`.

use crate::clock::Nanos;
use crate::error::{REASONS, Reason};

/// How a call ended, as the breaker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// The dependency did what it should.
    Success = 0,
    /// The dependency failed.
    Failure = 1,
    /// Says nothing about the dependency: no threshold or window sees it.
    Ignored = 2,
}

impl Outcome {
    /// Every outcome, in the order of its code.
    pub const ALL: [Outcome; 3] = [Outcome::Success, Outcome::Failure, Outcome::Ignored];

    /// The name in metrics (`status`) and in vectors.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Failure => "failure",
            Outcome::Ignored => "ignored",
        }
    }
}

/// What became of a settling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Settled {
    /// The machine has taken the outcome.
    Ok = 0,
    /// The permit was of an earlier generation, or its lease had ended: the outcome counts in the totals only.
    Late = 1,
}

impl Settled {
    /// The name in vectors.
    pub const fn name(self) -> &'static str {
        match self {
            Settled::Ok => "ok",
            Settled::Late => "late",
        }
    }
}

/// The totals of a breaker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Settled as success.
    pub success: u64,
    /// Settled as failure.
    pub failure: u64,
    /// Settled as ignored, or dropped.
    pub ignored: u64,
    /// Successes and failures that took at least `slow_call_duration`.
    pub slow: u64,
    /// Settled after their generation was over.
    pub late: u64,
    /// Probes whose lease ended before they were settled.
    pub expired: u64,
    /// Rejections by the code of their [`Reason`].
    pub rejected: [u64; REASONS],
    /// What shadow mode admitted and would have rejected, by the code of the [`Reason`].
    pub would_reject: [u64; REASONS],
    /// Calls of so high a level that they were made although the breaker would have rejected them; counted when they
    /// were admitted.
    pub bypassed: u64,
}

/// How a permit came to be; decides what its settling may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Admitted by a closed breaker, by a ramp or under `forced_closed`.
    Plain,
    /// A probe; the number of its lease among its generation's.
    Probe(u32),
    /// Admitted although a gate or the machine would have rejected it (shadow).
    Shadowed(Reason),
    /// Of so high a level that what the machine says does not hold for it.
    Bypassed,
}

/// A permit without its breaker: 32 bytes that can cross any boundary.
///
/// Whole words, written and read as such: a narrow write that is read back as a part of a wider one would stall the
/// happy path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// The low half of the word at admission (state, mode and generation), and a lease's number above it.
    id: u64,
    /// 0 for an untimed call of kind `Plain` that no gate has given anything: flags, what they are about, and how long
    /// the host waits before it calls.
    extra: u64,
    /// The clock's tick at admission, if the call is timed or has a timeout.
    start: u64,
    /// How long it may take, if it has a timeout, and above that the feature it is of.
    rest: u64,
}

const TIMED: u64 = 1;
const PROBE: u64 = 2;
const SHADOWED: u64 = 4;
const BYPASSED: u64 = 8;
const SLOT: u64 = 16;
const FEEDS: u64 = 32;
const LIMITED: u64 = 64;
const REASON_AT: u32 = 8;
const SLOT_AT: u32 = 12;
/// Of `extra`, what is needed at settling.
#[cfg(feature = "binding")]
const LASTING: u64 = (1 << WAIT_AT) - 1;
/// 44 bits of nanoseconds; an hour is the most.
const WAIT_AT: u32 = 20;
/// 48 bits of nanoseconds hold three days; a day is the most.
const FEATURE_AT: u32 = 48;

impl Ticket {
    #[inline]
    pub(crate) const fn plain(low: u32) -> Self {
        Ticket { id: low as u64, extra: 0, start: 0, rest: 0 }
    }

    /// The ticket of a call of a closed breaker, timed if there is a tick to start from.
    #[inline]
    pub(crate) const fn begun(low: u32, start: Option<u64>) -> Self {
        match start {
            None => Ticket::plain(low),
            Some(start) => Ticket::plain(low).timed(start),
        }
    }

    pub(crate) const fn new(low: u32, kind: Kind) -> Self {
        let (lease, extra) = match kind {
            Kind::Plain => (0, 0),
            Kind::Probe(lease) => (lease as u64, PROBE),
            Kind::Shadowed(reason) => (0, SHADOWED | (reason as u64) << REASON_AT),
            Kind::Bypassed => (0, BYPASSED),
        };
        Ticket { id: low as u64 | lease << 32, extra, start: 0, rest: 0 }
    }

    /// The same, timed from `start`.
    #[inline]
    pub(crate) const fn timed(self, start: u64) -> Self {
        Ticket { extra: self.extra | TIMED, start, ..self }
    }

    /// The same, holding the slot with that code.
    #[inline]
    #[must_use]
    pub(crate) const fn with_slot(self, code: u8) -> Self {
        Ticket { extra: self.extra | SLOT | (code as u64) << SLOT_AT, ..self }
    }

    /// The same, whose slot somebody else gives back.
    #[cfg(feature = "binding")]
    #[must_use]
    pub(crate) const fn without_slot(self) -> Self {
        Ticket { extra: self.extra & !SLOT, ..self }
    }

    /// The same, whose outcome a gate wants to know.
    #[must_use]
    pub(crate) const fn that_feeds(self) -> Self {
        Ticket { extra: self.extra | FEEDS, ..self }
    }

    /// The same, of a call that begins only after that time.
    #[must_use]
    pub(crate) const fn that_waits(self, wait: Nanos) -> Self {
        Ticket { extra: self.extra | wait << WAIT_AT, ..self }
    }

    /// The same, which may take so long from that tick on.
    #[must_use]
    pub(crate) const fn limited(self, start: u64, timeout: Nanos) -> Self {
        let most = (1 << FEATURE_AT) - 1;
        let timeout = if timeout < most { timeout } else { most };
        Ticket { extra: self.extra | LIMITED, start, rest: self.rest | timeout, ..self }
    }

    /// The same, of a call of that feature. Not 0.
    #[must_use]
    pub(crate) const fn of_feature(self, feature: u16) -> Self {
        Ticket { extra: self.extra | FEEDS, rest: self.rest | (feature as u64) << FEATURE_AT, ..self }
    }

    /// How long it may take.
    #[inline]
    pub(crate) const fn timeout(&self) -> Option<Nanos> {
        if self.extra & LIMITED != 0 { Some(self.rest & ((1 << FEATURE_AT) - 1)) } else { None }
    }

    /// The feature that it is of; 0: none.
    pub(crate) const fn feature(&self) -> u16 {
        (self.rest >> FEATURE_AT) as u16
    }

    /// The tick at which it began, if the clock tells how long it has lasted.
    #[inline]
    pub(crate) const fn began(&self) -> Option<u64> {
        if self.extra & (TIMED | LIMITED) != 0 { Some(self.start) } else { None }
    }

    /// How long the host waits before it calls.
    pub(crate) const fn wait(&self) -> Nanos {
        self.extra >> WAIT_AT
    }

    /// The code of the slot that it holds.
    #[inline]
    pub(crate) const fn slot(&self) -> Option<u8> {
        if self.extra & SLOT != 0 { Some((self.extra >> SLOT_AT) as u8) } else { None }
    }

    /// A gate wants to know the outcome.
    #[inline]
    pub(crate) const fn feeds(&self) -> bool {
        self.extra & FEEDS != 0
    }

    /// It has a slot, and nothing else is to be done beside what a plain one needs.
    #[inline]
    pub(crate) const fn is_plain_in_a_slot(&self) -> bool {
        self.extra & (SLOT | PROBE | SHADOWED | BYPASSED | FEEDS | LIMITED) == SLOT
    }

    /// It has a timeout, perhaps a slot, and nothing else is to be done beside what a plain one needs.
    #[inline]
    pub(crate) const fn is_plain_in_time(&self) -> bool {
        self.extra & (PROBE | SHADOWED | BYPASSED | FEEDS | LIMITED) == LIMITED
    }

    /// What the word's low half was at admission.
    #[inline]
    pub(crate) const fn low(&self) -> u32 {
        self.id as u32
    }

    pub(crate) fn kind(&self) -> Kind {
        if self.extra & PROBE != 0 {
            return Kind::Probe((self.id >> 32) as u32);
        }
        match Reason::ALL.get((self.extra >> REASON_AT & 0xF) as usize) {
            Some(reason) if self.extra & SHADOWED != 0 => Kind::Shadowed(*reason),
            _ if self.extra & BYPASSED != 0 => Kind::Bypassed,
            _ => Kind::Plain,
        }
    }

    /// Low half, lease, flags, tick and the rest, for those who carry a ticket in words of their own.
    #[cfg(feature = "binding")]
    pub(crate) const fn parts(&self) -> (u32, u32, u32, u64, u64) {
        (self.id as u32, (self.id >> 32) as u32, (self.extra & LASTING) as u32, self.start, self.rest)
    }

    #[cfg(feature = "binding")]
    pub(crate) const fn of_parts(low: u32, lease: u32, extra: u32, start: u64, rest: u64) -> Self {
        Ticket { id: low as u64 | (lease as u64) << 32, extra: extra as u64, start, rest }
    }

    /// The tick at admission, if the call is timed.
    pub(crate) const fn start(&self) -> Option<u64> {
        if self.extra & TIMED != 0 { Some(self.start) } else { None }
    }

    /// The tick at admission of a call that is timed, if there is nothing else to it.
    #[inline]
    pub(crate) const fn plain_start(&self) -> Option<u64> {
        if self.extra == TIMED { Some(self.start) } else { None }
    }

    /// True for the permit that the happy path may settle without looking further.
    #[inline]
    pub(crate) const fn is_simple(&self) -> bool {
        self.extra == 0
    }

    /// True for a call of a closed breaker that no gate has given anything, timed or not.
    pub(crate) const fn is_plain(&self) -> bool {
        self.extra & !TIMED == 0
    }
}
