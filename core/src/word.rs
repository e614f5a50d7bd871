//! The word: what everybody must agree on in one atomic step.
//!
//! ```text
//! bit   0..2   state: closed 0, open 1, half-open 2
//!       2      the ramp phase of half-open
//!       3      moved: the breaker lives in another cell now (reconfigured to another layout)
//!       4..6   mode: auto 0, shadow 1, forced open 2, forced closed 3
//!       6      gated: the plan has policies around the machine (admission)
//!       7      ended: the breaker was closed for good by `close`
//!       8..32  generation, its low 24 bits
//!      32..52  closed and open: consecutive failures        \  half-open: 32..63 nonce
//!      52..63  closed and open: nonce                       /
//!      63      which of the two records belongs to this word
//! ```
//!
//! The low half is what a permit remembers: it is equal at settling if, and only if, neither the generation nor the mode
//! has changed. Its lowest byte is 0 for a closed breaker in mode `auto` that has no policies, the one that the happy path
//! serves.
//!
//! The nonce goes up by one when a thread claims the right to write the other record and again when that claim ends, so
//! it is odd while a claim stands. Half-open, where many records may be written in one generation, has 31 bits of
//! it; elsewhere a record is written only to leave the generation, and 11 bits do.

/// The three states of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// Calls pass.
    Closed = 0,
    /// Calls are rejected until a deadline.
    Open = 1,
    /// A few probes, or a share of the calls, find out whether the dependency is back.
    HalfOpen = 2,
}

impl State {
    /// Every state, in the order of its code.
    pub const ALL: [State; 3] = [State::Closed, State::Open, State::HalfOpen];

    /// The name in metrics, events and vectors.
    pub const fn name(self) -> &'static str {
        match self {
            State::Closed => "closed",
            State::Open => "open",
            State::HalfOpen => "half_open",
        }
    }

    pub(crate) const fn of(code: u64) -> State {
        match code & 3 {
            0 => State::Closed,
            1 => State::Open,
            _ => State::HalfOpen,
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Who decides: the machine, or the operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Mode {
    /// The machine decides.
    #[default]
    Auto = 0,
    /// The machine runs, but what it would reject is admitted, marked and counted.
    Shadow = 1,
    /// Every call is rejected; the machine stands still.
    ForcedOpen = 2,
    /// Every call is admitted; the machine stands still.
    ForcedClosed = 3,
}

impl Mode {
    /// Every mode, in the order of its code.
    pub const ALL: [Mode; 4] = [Mode::Auto, Mode::Shadow, Mode::ForcedOpen, Mode::ForcedClosed];

    /// The name in documents, metrics and vectors.
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Auto => "auto",
            Mode::Shadow => "shadow",
            Mode::ForcedOpen => "forced_open",
            Mode::ForcedClosed => "forced_closed",
        }
    }

    /// The mode of that name.
    pub fn parse(name: &str) -> Option<Mode> {
        Mode::ALL.into_iter().find(|m| m.name() == name)
    }

    /// True for the two modes in which the operator decides and the machine stands still.
    pub const fn is_forced(self) -> bool {
        matches!(self, Mode::ForcedOpen | Mode::ForcedClosed)
    }

    pub(crate) const fn of(code: u64) -> Mode {
        Mode::ALL[(code & 3) as usize]
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

const RAMP: u64 = 1 << 2;
const MOVED: u64 = 1 << 3;
const MODE_AT: u32 = 4;
const GATED: u64 = 1 << 6;
const ENDED: u64 = 1 << 7;
const GENERATION_AT: u32 = 8;
const COUNT_AT: u32 = 32;
const NONCE_AT: u32 = 52;
const BUFFER: u64 = 1 << 63;

pub(crate) const COUNT_MASK: u64 = (1 << 20) - 1;

/// How many bits of the generation the word holds.
pub(crate) const GENERATION_BITS: u32 = 24;
/// Mask of those bits.
pub(crate) const GENERATION_MASK: u64 = (1 << GENERATION_BITS) - 1;

/// Whether generation `a` came after `b`, both as the word holds them.
pub(crate) fn is_later(a: u64, b: u64) -> bool {
    let ahead = a.wrapping_sub(b) & GENERATION_MASK;
    ahead != 0 && ahead <= GENERATION_MASK / 2
}

/// A value of the word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(pub u64);

impl Word {
    pub(crate) const fn new(state: State, ramp: bool, mode: Mode, generation: u64, count: u32) -> Self {
        let ramp = if ramp { RAMP } else { 0 };
        Word(
            state as u64
                | ramp
                | ((mode as u64) << MODE_AT)
                | ((generation & GENERATION_MASK) << GENERATION_AT)
                | ((count as u64 & COUNT_MASK) << COUNT_AT),
        )
    }

    /// What a permit remembers.
    #[inline]
    pub(crate) const fn low(self) -> u32 {
        self.0 as u32
    }

    /// Closed, `auto`, in its own cell, without gates: the happy path may go on.
    #[inline]
    pub(crate) const fn is_plainly_closed(self) -> bool {
        self.0 & 0xFF == 0
    }

    /// The same, with or without gates: the machine admits, and a success is of no consequence to it.
    #[inline]
    pub(crate) const fn is_calm(self) -> bool {
        self.0 & 0xFF & !GATED == 0
    }

    /// Open, `auto`, in its own cell, with or without gates.
    #[inline]
    pub(crate) const fn is_plainly_open(self) -> bool {
        self.0 & 0xFF & !GATED == State::Open as u64
    }

    pub(crate) const fn state(self) -> State {
        State::of(self.0)
    }

    pub(crate) const fn is_ramp(self) -> bool {
        self.0 & RAMP != 0
    }

    pub(crate) const fn is_moved(self) -> bool {
        self.0 & MOVED != 0
    }

    pub(crate) const fn mode(self) -> Mode {
        Mode::of(self.0 >> MODE_AT)
    }

    /// The plan has policies around the machine.
    pub(crate) const fn is_gated(self) -> bool {
        self.0 & GATED != 0
    }

    /// Closed for good: every newcomer is turned away.
    pub(crate) const fn is_ended(self) -> bool {
        self.0 & ENDED != 0
    }

    pub(crate) const fn with_gates(self, gated: bool) -> Self {
        Word(self.0 & !GATED | if gated { GATED } else { 0 })
    }

    pub(crate) const fn with_end(self) -> Self {
        Word(self.0 | ENDED)
    }

    /// The low 24 bits of the generation.
    pub(crate) const fn generation(self) -> u64 {
        self.0 >> GENERATION_AT & GENERATION_MASK
    }

    /// Consecutive failures; 0 in half-open.
    #[inline]
    pub(crate) const fn count(self) -> u32 {
        match self.state() {
            State::HalfOpen => 0,
            _ => (self.0 >> COUNT_AT & COUNT_MASK) as u32,
        }
    }

    pub(crate) const fn with_moved(self) -> Self {
        Word(self.0 | MOVED)
    }

    /// The same with another count; a claim that stood is revoked.
    pub(crate) const fn with_count(self, count: u32) -> Self {
        let w = if self.is_claimed() { self.bumped() } else { self };
        Word(w.0 & !(COUNT_MASK << COUNT_AT) | ((count as u64 & COUNT_MASK) << COUNT_AT))
    }

    const fn nonce_at(self) -> u32 {
        match self.state() {
            State::HalfOpen => COUNT_AT,
            _ => NONCE_AT,
        }
    }

    /// A claim stands: its owner writes the other record.
    pub(crate) const fn is_claimed(self) -> bool {
        self.0 >> self.nonce_at() & 1 == 1
    }

    /// The same with the next nonce: a claim made, or one ended.
    pub(crate) const fn bumped(self) -> Self {
        let low = (1u64 << self.nonce_at()) - 1;
        let high = (self.0 & !BUFFER & !low).wrapping_add(low + 1) & !BUFFER;
        Word(self.0 & (BUFFER | low) | high)
    }

    /// Which of the two records belongs to this word.
    pub(crate) const fn buffer(self) -> usize {
        (self.0 >> 63) as usize
    }

    /// What follows `self`, a claimed word, when its owner publishes `next`: the other record and, as long as the
    /// generation stays, the next nonce: two claims of one generation are never alike.
    pub(crate) const fn published(self, next: Word) -> Self {
        let buffer = !self.0 & BUFFER;
        let nonce = !((1u64 << self.nonce_at()) - 1) & !BUFFER;
        if self.generation() == next.generation() {
            Word(next.0 & !BUFFER & !nonce | self.bumped().0 & nonce | buffer)
        } else {
            Word(next.0 & !BUFFER | buffer)
        }
    }

    /// True if a record that was read under `self` was not touched until the word read `later`: nobody published, and
    /// at most one claim, on the other record, began or ended.
    pub(crate) const fn still_owns_its_record(self, later: Word) -> bool {
        self.0 & BUFFER == later.0 & BUFFER
            && self.low() == later.low()
            && (self.nonce() == later.nonce() || self.bumped().nonce() == later.nonce())
    }

    const fn nonce(self) -> u64 {
        (self.0 & !BUFFER) >> self.nonce_at()
    }
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Word")
            .field("state", &self.state())
            .field("ramp", &self.is_ramp())
            .field("moved", &self.is_moved())
            .field("mode", &self.mode())
            .field("generation", &self.generation())
            .field("count", &self.count())
            .field("nonce", &self.nonce())
            .field("buffer", &self.buffer())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_byte_of_a_closed_auto_breaker_is_zero_and_of_no_other() {
        for state in State::ALL {
            for mode in Mode::ALL {
                for ramp in [false, true] {
                    let w = Word::new(state, ramp, mode, 0xFFFF_FFFF, 0xF_FFFF);
                    let plain = state == State::Closed && mode == Mode::Auto && !ramp;
                    assert_eq!(w.is_plainly_closed(), plain);
                    assert_eq!((w.is_calm(), w.with_gates(true).is_calm()), (plain, plain));
                    for other in [w.with_moved(), w.with_gates(true), w.with_end()] {
                        assert!(!other.is_plainly_closed());
                    }
                    assert!(!w.with_end().is_calm());
                }
            }
        }
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let w = Word::new(State::Open, false, Mode::Shadow, 0x12_3456_7890, 999_999);
        assert_eq!(
            (w.state(), w.mode(), w.generation(), w.count()),
            (State::Open, Mode::Shadow, 0x56_7890, 999_999)
        );
        let mut nonced = w;
        for i in 0..5_000u32 {
            assert_eq!(nonced.is_claimed(), i % 2 == 1);
            assert_eq!((nonced.low(), nonced.count(), nonced.buffer()), (w.low(), 999_999, 0));
            nonced = nonced.bumped();
        }
    }

    #[test]
    fn two_claims_of_one_generation_are_never_alike() {
        let auto = Word::new(State::Closed, false, Mode::Auto, 7, 3);
        let shadow = Word::new(State::Closed, false, Mode::Shadow, 7, 3);
        let first = auto.bumped();
        let revoked = first.bumped();
        let there = revoked.bumped().published(shadow);
        let back = there.bumped().published(auto);
        assert_eq!((back.low(), back.count(), back.buffer()), (auto.low(), 3, 0));
        assert_ne!(back.bumped(), first);
    }

    #[test]
    fn publishing_swaps_the_record_and_ends_the_claim() {
        let half = Word::new(State::HalfOpen, false, Mode::Auto, 7, 0);
        let same = half.bumped().published(half);
        assert_eq!((same.buffer(), same.is_claimed(), same.low()), (1, false, half.low()));
        assert_ne!(same, half.bumped().bumped());
        let next = Word::new(State::Closed, false, Mode::Auto, 8, 0);
        let closed = same.bumped().published(next);
        assert_eq!((closed.buffer(), closed.is_claimed(), closed.generation()), (0, false, 8));
        assert!(half.still_owns_its_record(half.bumped()));
        assert!(!half.still_owns_its_record(half.bumped().bumped()));
        assert!(!half.still_owns_its_record(same));
    }

    #[test]
    fn a_mode_that_changes_to_and_fro_does_not_bring_a_word_back() {
        for state in State::ALL {
            let [auto, shadow] = [Mode::Auto, Mode::Shadow].map(|m| Word::new(state, false, m, 7, 3));
            let mut word = auto;
            for next in [shadow, shadow, auto, auto] {
                word = word.bumped().published(next);
                assert_eq!((word.low(), word.count()), (next.low(), next.count()));
                assert_ne!(word, auto);
                assert!(!auto.still_owns_its_record(word));
            }
        }
    }
}
