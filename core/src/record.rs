//! A record: the machine beside its word, in pieces that a cell can hold.

use crate::machine::{Cause, Machine, NO_ROW, Phase};
use crate::recover::{Lease, Probes, Ramp};
use crate::sync::{AtomicU64, Ordering};
use crate::word::{GENERATION_BITS, State, Word};

/// Words of a record.
pub(crate) const RECORD_WORDS: usize = 10;
/// Words of a lease.
pub(crate) const LEASE_WORDS: usize = 2;
pub(crate) const CHUNK_BITS: u32 = 48;
pub(crate) const CHUNK_MASK: u64 = (1 << CHUNK_BITS) - 1;

pub(crate) fn lease_chunks(lease: &Lease) -> [u64; LEASE_WORDS] {
    [lease.deadline & CHUNK_MASK, lease.deadline >> CHUNK_BITS | u64::from(lease.id) << 16]
}

pub(crate) fn load_lease(words: &[AtomicU64]) -> Lease {
    let (a, b) = (words[0].load(Ordering::Acquire), words[1].load(Ordering::Acquire));
    Lease { deadline: (a & CHUNK_MASK) | (b & 0xFFFF) << CHUNK_BITS, id: (b >> 16) as u32 }
}

/// What a record says, before it is cut into chunks of 48 bits: 480 bits.
///
/// ```text
/// 0  at                                                 4  openings in a row 24, openings 40
/// 1  closed: spell; open: until; ramp: begin of step;   5  since 24, high half of the generation 32, in flight 7
///    probes: admission of the last one                  6  probes: successes 7, failures 7, leases issued 32
/// 2  row, inverted                                         ramp: step 14, settled 20, failures 20
/// 3  previous duration 56, cause 6, from 2                 open: instant of freezing
///                                                       7  plan 16, arrivals of the ramp 14
/// ```
pub(crate) struct Record(pub(crate) [u64; 8]);

/// Takes bit fields off a word, lowest first.
pub(crate) struct Fields(pub(crate) u64);

impl Fields {
    pub(crate) fn take(&mut self, bits: u32) -> u64 {
        let field = self.0 & ((1u64 << bits) - 1);
        self.0 >>= bits;
        field
    }
}

/// Puts bit fields into a word, lowest first. What does not fit saturates.
fn pack<const N: usize>(fields: [(u64, u32); N]) -> u64 {
    let mut at = 0;
    fields.into_iter().fold(0, |word, (field, bits)| {
        let packed = word | field.min((1u64 << bits) - 1) << at;
        at += bits;
        packed
    })
}

impl Record {
    pub(crate) fn load(words: &[AtomicU64]) -> Self {
        let mut record = [0u64; 8];
        for (i, word) in words.iter().enumerate() {
            let content = word.load(Ordering::Acquire) & CHUNK_MASK;
            let (at, shift) = (i * CHUNK_BITS as usize / 64, i as u32 * CHUNK_BITS % 64);
            record[at] |= content << shift;
            if shift + CHUNK_BITS > 64 {
                record[at + 1] |= content >> (64 - shift);
            }
        }
        Record(record)
    }

    /// The record in pieces as the cell holds them.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = u64> + '_ {
        (0..RECORD_WORDS).map(|i| {
            let (at, shift) = (i * CHUNK_BITS as usize / 64, i as u32 * CHUNK_BITS % 64);
            let low = self.0[at] >> shift;
            let high = if shift + CHUNK_BITS > 64 { self.0[at + 1] << (64 - shift) } else { 0 };
            (low | high) & CHUNK_MASK
        })
    }

    pub(crate) fn in_flight(&self) -> u32 {
        (self.0[5] >> 56 & 0x7F) as u32
    }

    pub(crate) fn encode(m: &Machine) -> Self {
        let (mark, phase, arrivals, in_flight) = match &m.phase {
            Phase::Closed { spell } => (*spell, 0, 0, 0),
            Phase::Open { until, frozen } => (*until, *frozen, 0, 0),
            Phase::Probing(p) => {
                let counts = [(p.successes.into(), 7), (p.failures.into(), 7), (p.issued.into(), 32)];
                (p.last, pack(counts), 0, p.in_flight())
            }
            Phase::Ramping(r) => {
                let counts = [(r.step.into(), 14), (r.settled.into(), 20), (r.failures.into(), 20)];
                (r.began, pack(counts), r.arrivals, 0)
            }
        };
        Record([
            m.at,
            mark,
            !m.row,
            pack([(m.previous, 56), (m.cause.map_or(0, |c| c as u64), 6), (m.from as u64, 2)]),
            pack([(m.in_row, 24), (m.openings, 40)]),
            pack([(m.since, 24), (m.generation >> GENERATION_BITS, 32), (in_flight.into(), 7)]),
            phase,
            pack([((m.plan & 0xFFFF).into(), 16), (arrivals.into(), 14)]),
        ])
    }

    pub(crate) fn decode(&self, word: Word, leases: impl Iterator<Item = Lease>) -> Machine {
        let [at, mark, row, ending, openings, counts, phase, plan] = self.0;
        let (mut ending, mut openings, mut counts, mut phase, mut plan) =
            (Fields(ending), Fields(openings), Fields(counts), Fields(phase), Fields(plan));
        let (previous, cause, from) = (ending.take(56), ending.take(6), ending.take(2));
        let (in_row, openings) = (openings.take(24), openings.take(40));
        let (since, high) = (counts.take(24), counts.take(32));
        let (plan, arrivals) = (plan.take(16) as u32, plan.take(14) as u32);
        let phase = match word.state() {
            State::Closed => Phase::Closed { spell: mark },
            State::Open => Phase::Open { until: mark, frozen: phase.0 },
            State::HalfOpen if word.is_ramp() => Phase::Ramping(Ramp {
                step: phase.take(14) as u32,
                settled: phase.take(20) as u32,
                failures: phase.take(20) as u32,
                arrivals,
                began: mark,
            }),
            State::HalfOpen => {
                let (successes, failures) = (phase.take(7) as u32, phase.take(7) as u32);
                let mut probes = Probes::recorded(successes, failures, phase.take(32) as u32, mark);
                leases.for_each(|lease| probes.push(lease));
                Phase::Probing(probes)
            }
        };
        Machine {
            phase,
            mode: word.mode(),
            moved: word.is_moved(),
            gated: word.is_gated(),
            ended: word.is_ended(),
            generation: high << GENERATION_BITS | word.generation(),
            count: word.count(),
            since,
            plan,
            at,
            cause: Cause::of(cause),
            from: State::of(from),
            in_row,
            openings,
            previous,
            row: if row == 0 { NO_ROW } else { !row },
        }
    }
}
