//! The cell: everything of one breaker that decides, and its totals, as flat memory.
//!
//! A cell is a row of 64-bit words without a pointer in it, at any address that is a multiple of 64, and all zeros are a
//! valid cell of a breaker that was never used. So it can lie on the heap, in a file that several processes map, or
//! under a typed array. Layout version 1, offsets in bytes:
//!
//! ```text
//!    0  word       state, mode, generation, consecutive failures (see `word`)      any thread, by compare-and-swap
//!    8  layout     version, sizes; how a reopened cell is recognised               its creator, once
//!   16  expired    probes expired                                                  any thread, by addition
//!   24  late       results whose generation was over                               any thread, by addition
//!   32  shadowed   would have been rejected: open, half_open_full, ramp            any thread, by addition
//!   56  closed     turned away because the breaker was closed for good               any thread, by addition
//!   64  record 0   ten words                                                       the owner of the claim
//!  144  record 1   ten words                                                       the owner of the claim
//!  224  leases     two rows of `leases` leases, two words each: row i is of record i     the owner of the claim
//!    …  window     count: head and margin (see `detect::count`), blocks             any thread, by compare-and-swap
//!                  adaptive: learned share, bits of a double, inverted; the key that each bucket bears
//!                                                                       who recycles a bucket, by compare-and-swap
//!    …  gates      of a gated plan, on lines of their own: sixteen words (see `GateWords`), then the ring of a sliding
//!                  rate limit                                                     any thread, by compare-and-swap
//!    …  stripe     the first thread's counters and buckets, on a line of their own       the thread that owns it
//! ```
//!
//! ## Steps
//!
//! [`Cell::transact`] makes a step of the [`Machine`] atomic although it is wider than the word. There are two records,
//! and the word says which of them belongs to it. Who wants to step the machine
//!
//! 1. reads the word and its record, and looks at the word again: what it has read is of one instant;
//! 2. lets the machine take the step on its own copy;
//! 3. claims the other record: the word's nonce goes from even to odd;
//! 4. writes the other record;
//! 5. publishes: one compare-and-swap on the word changes state, generation, nonce and record together.
//!
//! Until 5 nothing has happened, so a thread that dies leaves a valid cell. Who meets a claim waits a moment and then
//! revokes it by making the nonce even; whose claim was revoked fails at 5 and begins again. A late write of
//! such a thread to a record that somebody else has claimed since cannot do harm: every word of a record carries
//! 16 bits of version beside 48 bits of content, is written by compare-and-swap, and only by one who saw, after
//! reading the word's old content, that its claim still stands. Whoever claims later writes every word again, and so
//! changes every version.

use crate::admit::ring::Ring;
use crate::clock::Nanos;
use crate::detect::{count, time};
use crate::error::{MACHINE_REASONS, Reason};
use crate::machine::{Machine, Phase};
use crate::outcome::Totals;
use crate::record::{
    CHUNK_BITS, CHUNK_MASK, Fields, LEASE_WORDS, RECORD_WORDS, Record, lease_chunks, load_lease,
};
use crate::sync::{AtomicU64, Ordering, fence, load_to_swap, wait_round};
use crate::word::Word;

/// The version of this layout; a cell of another version is refused.
pub const LAYOUT_VERSION: u64 = 1;

const WORD: usize = 0;
const LAYOUT: usize = 1;
const EXPIRED: usize = 2;
const LATE: usize = 3;
const SHADOWED: usize = 4;
const CLOSED: usize = 7;
/// The machine's reasons that shadow mode can meet: all but `forced_open`, which is the last.
const SHADOWED_REASONS: usize = MACHINE_REASONS - 1;
const RECORDS: usize = 8;
const LEASES: usize = RECORDS + 2 * RECORD_WORDS;
const LINE: usize = 8;
/// Words of a count window before its blocks, and of an adaptive window before its keys.
const COUNT_HEADER: usize = 2;
const ADAPTIVE_HEADER: usize = 1;

/// Words of a stripe before the buckets of a time window.
pub(crate) const STRIPE_WORDS: usize = 16;
/// Words of a gated breaker's stripe after them: see `Tallies`.
pub(crate) const TALLY_WORDS: usize = 8 * LINE;

const _: () = assert!(RECORDS * 8 == 64 && (RECORDS + RECORD_WORDS) * 8 == 144 && LEASES * 8 == 224);

/// How large a cell is, known from the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// How many leases a record has room for.
    pub leases: u8,
    /// Blocks of a count window, or 0.
    pub blocks: u16,
    /// Buckets of a time window, or 0.
    pub buckets: u8,
    pub adaptive: bool,
    /// The plan has policies around the machine.
    pub gated: bool,
    /// Slots of a sliding rate limit's ring, or 0.
    pub ring: u32,
}

/// Words of the gates before the ring.
pub(crate) const GATE_WORDS: usize = 3 * LINE;

impl Layout {
    fn window_at(&self) -> usize {
        LEASES + 2 * LEASE_WORDS * self.leases as usize
    }

    fn window_words(&self) -> usize {
        match (self.adaptive, self.blocks) {
            (true, _) => ADAPTIVE_HEADER + self.buckets as usize,
            (false, 0) => 0,
            (false, blocks) => COUNT_HEADER + blocks as usize,
        }
    }

    fn gates_at(&self) -> usize {
        (self.window_at() + self.window_words()).next_multiple_of(LINE)
    }

    fn gate_words(&self) -> usize {
        let ring = if self.ring > 0 { Ring::words(self.ring.into()) } else { 0 };
        if self.gated { GATE_WORDS + ring } else { 0 }
    }

    pub(crate) fn stripe_at(&self) -> usize {
        (self.gates_at() + self.gate_words()).next_multiple_of(LINE)
    }

    /// Where the tallies of a gated breaker's stripe begin in it.
    pub(crate) fn tallies_at(&self) -> usize {
        let buckets = if self.buckets > 0 { time::Period::words(self.buckets.into()) } else { 0 };
        (STRIPE_WORDS + buckets).next_multiple_of(LINE)
    }

    /// Words of one stripe, whole lines of them.
    pub(crate) fn stripe_words(&self) -> usize {
        self.tallies_at() + if self.gated { TALLY_WORDS } else { 0 }
    }

    /// Words of the whole cell.
    pub(crate) fn words(&self) -> usize {
        self.stripe_at() + self.stripe_words()
    }

    /// # Panics
    /// When memory of so many words is too small for a cell.
    pub(crate) fn check(&self, words: usize) {
        assert!(words >= self.words(), "a cell of {words} words needs {}", self.words());
    }

    /// Where a count window begins, and how many words it has.
    #[inline]
    pub(crate) fn count_window(&self) -> (usize, usize) {
        (self.window_at(), COUNT_HEADER + self.blocks as usize)
    }

    /// What tells this layout from every other one.
    fn code(&self) -> u64 {
        LAYOUT_VERSION
            | u64::from(self.leases) << 8
            | u64::from(self.buckets) << 16
            | u64::from(self.adaptive) << 24
            | u64::from(self.gated) << 25
            | u64::from(self.blocks) << 32
            // At most 65,536: one less fits 16 bits, and bit 26 tells one slot from none.
            | u64::from(self.ring > 0) << 26
            | u64::from(self.ring.saturating_sub(1)) << 48
    }
}

/// A cell, wherever its words lie.
#[derive(Clone, Copy)]
pub(crate) struct Cell<'a> {
    words: &'a [AtomicU64],
    layout: Layout,
}

/// What a step of the machine answers, and whether it changed anything.
pub(crate) struct Stepped<R> {
    pub answer: R,
    pub before: Machine,
    /// The machine after the step; `None` when the step changed nothing.
    pub after: Option<Machine>,
}

impl<'a> Cell<'a> {
    /// # Panics
    /// As [`Layout::check`].
    pub(crate) fn new(words: &'a [AtomicU64], layout: Layout) -> Self {
        layout.check(words.len());
        Cell { words, layout }
    }

    /// Like [`new`](Cell::new), for words whose number was checked by it before.
    #[inline]
    pub(crate) fn known(words: &'a [AtomicU64], layout: Layout) -> Self {
        Cell { words, layout }
    }

    /// Marks new memory as a cell of this layout; `false` when it is a cell of another one.
    pub(crate) fn open(&self, first: Word) -> bool {
        let code = self.layout.code();
        match self.words[LAYOUT].compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                let _ = self.words[WORD].compare_exchange(0, first.0, Ordering::AcqRel, Ordering::Acquire);
                true
            }
            Err(found) => found == code,
        }
    }

    pub(crate) fn word_ref(&self) -> &'a AtomicU64 {
        &self.words[WORD]
    }

    pub(crate) fn load(&self) -> Word {
        Word(self.words[WORD].load(Ordering::Acquire))
    }

    pub(crate) fn count_expired(&self, probes: u32) {
        if probes > 0 {
            self.words[EXPIRED].fetch_add(probes.into(), Ordering::AcqRel);
        }
    }

    pub(crate) fn count_late(&self) {
        self.words[LATE].fetch_add(1, Ordering::AcqRel);
    }

    /// Counts a call that is turned away because the breaker was closed for good.
    pub(crate) fn count_closed(&self) {
        self.words[CLOSED].fetch_add(1, Ordering::AcqRel);
    }

    /// Counts a call that shadow mode admits and the machine would have turned away.
    pub(crate) fn count_shadowed(&self, reason: Reason) {
        if let Some(word) = self.words[SHADOWED..][..SHADOWED_REASONS].get(reason as usize) {
            word.fetch_add(1, Ordering::AcqRel);
        }
    }

    pub(crate) fn add_totals(&self, totals: &mut Totals) {
        totals.expired += self.words[EXPIRED].load(Ordering::Acquire);
        totals.late += self.words[LATE].load(Ordering::Acquire);
        totals.rejected[Reason::Closed as usize] += self.words[CLOSED].load(Ordering::Acquire);
        for (sum, word) in totals.would_reject.iter_mut().zip(&self.words[SHADOWED..][..SHADOWED_REASONS]) {
            *sum += word.load(Ordering::Acquire);
        }
    }

    /// The first stripe, which lies in the cell.
    pub(crate) fn stripe(&self) -> &'a [AtomicU64] {
        let at = self.layout.stripe_at();
        &self.words[at..at + self.layout.stripe_words()]
    }

    /// The words of the window that all stripes share.
    #[inline]
    fn window(&self) -> &'a [AtomicU64] {
        &self.words[self.layout.window_at()..][..self.layout.window_words()]
    }

    /// The count window, of a cell that has one.
    #[inline]
    pub(crate) fn ring(&self) -> count::Ring<'a> {
        count::Ring::of(self.window())
    }

    /// The words of the gates, and the ring; of a gated cell.
    pub(crate) fn gates(&self) -> &'a [AtomicU64] {
        &self.words[self.layout.gates_at()..][..self.layout.gate_words()]
    }

    fn adaptive(&self) -> Option<(&'a AtomicU64, &'a [AtomicU64])> {
        if self.layout.adaptive { self.window().split_first() } else { None }
    }

    /// The keys that the buckets of an adaptive window bear; none for another window.
    pub(crate) fn bucket_keys(&self) -> &'a [AtomicU64] {
        self.adaptive().map_or(&[], |(_, keys)| keys)
    }

    /// The learned share of an adaptive window; `initial` until something was learned.
    pub(crate) fn baseline(&self, initial: f64) -> f64 {
        match self.adaptive().map_or(0, |(word, _)| word.load(Ordering::Acquire)) {
            0 => initial,
            bits => f64::from_bits(!bits),
        }
    }

    /// Learns: replaces the share by what `learn` makes of it.
    pub(crate) fn learn(&self, initial: f64, learn: impl Fn(f64) -> f64) {
        let Some((word, _)) = self.adaptive() else { return };
        let mut bits = word.load(Ordering::Acquire);
        loop {
            let b = if bits == 0 { initial } else { f64::from_bits(!bits) };
            match word.compare_exchange(bits, !learn(b).to_bits(), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return,
                Err(now) => bits = now,
            }
        }
    }

    /// Begins to learn from the start.
    pub(crate) fn forget_baseline(&self) {
        if let Some((word, _)) = self.adaptive() {
            word.store(0, Ordering::Release);
        }
    }

    /// Takes the learned share over from another cell.
    pub(crate) fn inherit_baseline(&self, from: &Cell<'_>) {
        if let (Some((to, _)), Some((from, _))) = (self.adaptive(), from.adaptive()) {
            to.store(from.load(Ordering::Acquire), Ordering::Release);
        }
    }

    /// Replaces the word, if it still is `from`. For the count, which lies in the word alone.
    pub(crate) fn swap(&self, from: Word, to: Word) -> bool {
        self.words[WORD].compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The machine, of one instant.
    pub(crate) fn read(&self) -> Machine {
        self.read_with_word().1
    }

    fn read_with_word(&self) -> (Word, Machine) {
        loop {
            let word = self.load();
            let record = Record::load(self.record(word.buffer()));
            let in_flight = record.in_flight().min(self.layout.leases.into());
            let leases = self.leases(word.buffer());
            let machine =
                record.decode(word, (0..in_flight as usize).map(|i| load_lease(&leases[LEASE_WORDS * i..])));
            fence(Ordering::Acquire);
            if word.still_owns_its_record(self.load()) {
                return (word, machine);
            }
        }
    }

    /// The word, when its counts began, and the number of its plan: what it takes to count an outcome.
    pub(crate) fn read_counting(&self) -> (Word, u64, u32) {
        loop {
            let word = self.load();
            let Record(record) = Record::load(self.record(word.buffer()));
            fence(Ordering::Acquire);
            if word.still_owns_its_record(self.load()) {
                return (word, Fields(record[5]).take(24), Fields(record[7]).take(16) as u32);
            }
        }
    }

    /// The deadline of an open breaker in mode `auto`; `None` for any other, or when it changes just now.
    #[inline]
    pub(crate) fn read_deadline(&self) -> Option<Nanos> {
        let word = self.load();
        if !word.is_plainly_open() {
            return None;
        }
        // The second number of the record: 64 bits from bit 64 on, which is 32 of chunk 1 and 32 of chunk 2.
        let record = self.record(word.buffer());
        let chunk = |i: usize| record[i].load(Ordering::Acquire) & CHUNK_MASK;
        let until = chunk(1) >> 16 | chunk(2) << 32;
        fence(Ordering::Acquire);
        (self.load() == word).then_some(until)
    }

    /// Takes one step of the machine, atomically. `step` may run several times, each time on the machine as it then is.
    pub(crate) fn transact<R>(&self, mut step: impl FnMut(&mut Machine) -> R) -> Stepped<R> {
        let (mut met, mut round) = (Word(0), 0);
        loop {
            let (word, before) = self.read_with_word();
            let mut after = before.clone();
            let answer = step(&mut after);
            if after == before {
                return Stepped { answer, before, after: None };
            }
            if word.is_claimed() {
                // Each claim is given its time: two that had lost their patience would revoke each other for ever.
                if word != met {
                    (met, round) = (word, 0);
                }
                if !wait_round(round) {
                    self.swap(word, word.bumped());
                }
                round += 1;
                continue;
            }
            let claimed = word.bumped();
            if self.swap(word, claimed)
                && self.write(&after, claimed)
                && self.swap(claimed, claimed.published(after.word()))
            {
                return Stepped { answer, before, after: Some(after) };
            }
        }
    }

    /// Writes the record that does not belong to the word; `false` when the claim was revoked.
    fn write(&self, machine: &Machine, claimed: Word) -> bool {
        let buffer = 1 - claimed.buffer();
        let record = Record::encode(machine);
        let written = self
            .record(buffer)
            .iter()
            .zip(record.chunks())
            .all(|(place, content)| self.write_chunk(place, content, claimed));
        let Phase::Probing(probes) = &machine.phase else { return written };
        let places = self.leases(buffer).iter();
        written
            && places
                .zip(probes.leases().iter().flat_map(lease_chunks))
                .all(|(place, content)| self.write_chunk(place, content, claimed))
    }

    /// Dies in the middle of a step: claims, writes the first `stores` words of the record, and that is all.
    #[cfg(all(test, loom))]
    pub(crate) fn die_writing(&self, stores: usize, step: impl FnOnce(&mut Machine)) {
        let (word, mut machine) = self.read_with_word();
        step(&mut machine);
        let (claimed, record) = (word.bumped(), Record::encode(&machine));
        if self.swap(word, claimed) {
            let mut words = self.record(1 - word.buffer()).iter().zip(record.chunks()).take(stores);
            words.all(|(place, content)| self.write_chunk(place, content, claimed));
        }
    }

    fn write_chunk(&self, place: &AtomicU64, content: u64, claimed: Word) -> bool {
        let mut found = load_to_swap(place);
        loop {
            if self.load() != claimed {
                return false;
            }
            let version = (found >> CHUNK_BITS).wrapping_add(1);
            let next = version << CHUNK_BITS | content;
            match place.compare_exchange(found, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(now) => found = now,
            }
        }
    }

    fn record(&self, buffer: usize) -> &'a [AtomicU64] {
        let at = RECORDS + buffer * RECORD_WORDS;
        &self.words[at..at + RECORD_WORDS]
    }

    fn leases(&self, buffer: usize) -> &'a [AtomicU64] {
        let row = LEASE_WORDS * self.layout.leases as usize;
        let at = LEASES + buffer * row;
        &self.words[at..at + row]
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::machine::Cause;
    use crate::recover::{Lease, Probes, Ramp};
    use crate::word::{Mode, State};

    fn memory(layout: Layout) -> Vec<AtomicU64> {
        (0..layout.words()).map(|_| AtomicU64::new(0)).collect()
    }

    const LAYOUT: Layout =
        Layout { leases: 64, blocks: 0, buckets: 0, adaptive: false, gated: false, ring: 0 };

    #[test]
    fn all_zeros_are_a_breaker_that_was_never_used() {
        let words = memory(LAYOUT);
        assert_eq!(Cell::new(&words, LAYOUT).read(), Machine::new(Mode::Auto, 0));
    }

    #[test]
    fn a_record_gives_back_what_it_was_given() {
        let words = memory(LAYOUT);
        let cell = Cell::new(&words, LAYOUT);
        let mut probes = Probes::recorded(63, 1, u32::MAX, u64::MAX - 3);
        for i in 0..64 {
            probes.push(Lease { deadline: u64::MAX - i, id: u32::MAX - i as u32 });
        }
        let ramp =
            Ramp { step: 9_999, settled: 999_999, failures: 999_998, arrivals: 9_999, began: u64::MAX };
        for phase in [
            Phase::Closed { spell: u64::MAX - 1 },
            Phase::Open { until: u64::MAX, frozen: 77 },
            Phase::Probing(probes),
            Phase::Ramping(ramp),
        ] {
            let half_open = matches!(phase, Phase::Probing(_) | Phase::Ramping(_));
            let machine = Machine {
                phase,
                mode: Mode::Shadow,
                moved: false,
                gated: true,
                ended: true,
                generation: 0xFFFF_1234_5678,
                count: if half_open { 0 } else { 999_999 },
                since: 0xFF_FFFF,
                plan: 65_535,
                at: u64::MAX - 7,
                cause: Some(Cause::Reconfigured),
                from: State::HalfOpen,
                in_row: 9_999_999,
                openings: 1 << 39,
                previous: (1 << 56) - 1,
                row: 12,
            };
            for _ in 0..3 {
                let stepped = cell.transact(|m| *m = machine.clone());
                assert!(stepped.after.is_none_or(|after| after == machine));
                assert_eq!(cell.read(), machine);
            }
        }
    }

    #[test]
    fn a_claim_whose_owner_is_gone_is_revoked_and_loses_nothing() {
        let words = memory(LAYOUT);
        let cell = Cell::new(&words, LAYOUT);
        let word = cell.load();
        assert!(cell.swap(word, word.bumped()));
        let stepped = cell.transact(|m| m.half_open(5));
        assert_eq!(stepped.after.map(|m| m.generation), Some(1));
        assert_eq!(cell.read().state(), State::HalfOpen);
    }
}
