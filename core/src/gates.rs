//! The state of the gates around one breaker's machine (policies §1 to §5), as one process has it.
//!
//! What gates count that several processes share lies in the cell: the rate limit and the floor of priorities, see
//! [`GateWords`]. Slots, the limit that finds itself and the queue are the process's own and lie here. A breaker has none
//! of this until its plan has a policy.

use crate::admit::bulkhead::Slots;
use crate::admit::limiter::Limiter;
use crate::admit::priority::Priority;
use crate::admit::slots::{Bulkhead, Table};
use crate::admit::{Admission, PriorityRules, SlotRules};
use crate::cell::GATE_WORDS;
use crate::error::{MACHINE_REASONS, REASONS, Reason, Refusal};
use crate::name::Name;
use crate::outcome::{Ticket, Totals};
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, OnceBox, Ordering};
use std::ptr::NonNull;
use std::sync::Arc;

/// What a call that waits asks for, beside its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub cost: u32,
    /// The request's own deadline.
    pub deadline: Option<u64>,
}

/// What a waiter is given: the number of the engine that gave it, and the ticket.
pub(crate) type Grant = (u32, Ticket);

pub(crate) type Queue = Bulkhead<Ask, Grant, Refusal>;

/// The words of the gates in a cell. Layout, in words:
///
/// ```text
///  0..8   rate limit: see `admit::limiter` and `admit::pace`
///  8      run-time floor of priorities: the level's code, plus one; 0: the document's
///  9      calls that passed a breaker that would have rejected them
/// 10..16  would have been rejected, by the gates' reasons
/// 16..    the ring of a sliding window
/// ```
#[derive(Clone, Copy)]
pub(crate) struct GateWords {
    words: NonNull<AtomicU64>,
    len: usize,
}

const FLOOR: usize = 8;
const BYPASSED: usize = 9;
const SHADOWED: usize = 10;

const _: () = assert!(SHADOWED + REASONS - MACHINE_REASONS == GATE_WORDS);

// SAFETY: the words are shared by references alone.
unsafe impl Send for GateWords {}
// SAFETY: as above.
unsafe impl Sync for GateWords {}

impl GateWords {
    /// Not to be used longer than the words are there.
    pub(crate) fn of(words: &[AtomicU64]) -> Self {
        assert!(words.len() >= GATE_WORDS, "the gates of a cell have {GATE_WORDS} words");
        GateWords { words: NonNull::from(words).cast(), len: words.len() }
    }

    #[inline]
    fn all(&self) -> &[AtomicU64] {
        // SAFETY: `of` has seen that there are so many; who has this has the engine in whose cell they lie.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr(), self.len) }
    }

    /// The words of the rate limit that lie before its ring.
    #[inline]
    pub(crate) fn rate(&self) -> &[AtomicU64] {
        &self.all()[..FLOOR]
    }

    /// The ring of a sliding window.
    #[inline]
    pub(crate) fn ring(&self) -> &[AtomicU64] {
        &self.all()[GATE_WORDS..]
    }

    /// The lowest level that is let in.
    #[inline]
    pub(crate) fn floor(&self, rules: Option<&PriorityRules>) -> Priority {
        let code = self.all()[FLOOR].load(Ordering::Acquire);
        match code.checked_sub(1).and_then(|code| Priority::ALL.get(code as usize)) {
            Some(level) => *level,
            None => rules.map_or(Priority::Bulk, |rules| rules.min),
        }
    }

    pub(crate) fn set_floor(&self, level: Option<Priority>) {
        self.all()[FLOOR].store(level.map_or(0, |level| level as u64 + 1), Ordering::Release);
    }

    pub(crate) fn count_bypassed(&self) {
        self.all()[BYPASSED].fetch_add(1, Ordering::AcqRel);
    }

    /// Counts a call that shadow mode admits and a gate would have turned away.
    pub(crate) fn count_shadowed(&self, reason: Reason) {
        let place = (reason as usize).checked_sub(MACHINE_REASONS).map(|at| &self.all()[SHADOWED + at]);
        if let Some(word) = place {
            word.fetch_add(1, Ordering::AcqRel);
        }
    }

    pub(crate) fn add_totals(&self, totals: &mut Totals) {
        totals.bypassed += self.all()[BYPASSED].load(Ordering::Acquire);
        let counted = &self.all()[SHADOWED..GATE_WORDS];
        for (sum, word) in totals.would_reject[MACHINE_REASONS..].iter_mut().zip(counted) {
            *sum += word.load(Ordering::Acquire);
        }
    }
}

/// The gates of one plan.
pub(crate) struct Set {
    pub rules: Admission,
    pub limiter: Option<Limiter>,
    pub words: GateWords,
}

impl Set {
    pub(crate) fn new(rules: &Admission, words: GateWords) -> Self {
        Set { limiter: rules.rate.as_ref().map(Limiter::new), rules: rules.clone(), words }
    }

    #[inline]
    pub(crate) fn floor(&self) -> Priority {
        self.words.floor(self.rules.priority.as_ref())
    }

    /// Whether calls of that level stand back while half-open.
    pub(crate) fn is_low(&self, level: Priority) -> bool {
        self.rules.priority.as_ref().and_then(|p| p.half_open_min).is_some_and(|least| level < least)
    }

    /// The levels that the machine's rejections do not hold for, from the lowest of them up.
    pub(crate) fn spared(&self) -> Option<Priority> {
        self.rules.priority.as_ref().and_then(|p| p.open_bypass)
    }

    /// Why a call without a slot is turned away.
    pub(crate) fn full(&self) -> Reason {
        match self.rules.slots {
            Some(SlotRules::Limit(_)) => Reason::LimitReached,
            _ => Reason::BulkheadFull,
        }
    }

    /// Whether a gate wants to know how calls end.
    #[inline]
    pub(crate) fn is_fed(&self) -> bool {
        let is_paced = self.limiter.as_ref().is_some_and(|limiter| limiter.is_adaptive());
        is_paced || matches!(self.rules.slots, Some(SlotRules::Limit(_)))
    }
}

/// A set that came later, and the one before it.
struct Node {
    set: Set,
    older: *mut Node,
}

/// The gates of one breaker.
#[derive(Default)]
pub(crate) struct Gates {
    /// The newest first; they stay, because calls hold plain references to them.
    sets: AtomicPtr<Node>,
    slots: OnceBox<Queue>,
    /// Not 0 when the breaker has opened since the queue was last flushed.
    pub(crate) has_opened: AtomicU32,
}

// SAFETY: the nodes are boxes that only ever grow in number and are freed with `&mut self`.
unsafe impl Send for Gates {}
// SAFETY: as above; they are shared by references alone.
unsafe impl Sync for Gates {}

impl Gates {
    /// The gates in force; `None` before the first plan that has any.
    #[inline]
    pub(crate) fn set(&self) -> Option<&Set> {
        // SAFETY: a node stays until `self` is dropped.
        unsafe { self.sets.load(Ordering::Acquire).as_ref() }.map(|node| &node.set)
    }

    /// Puts others in force. By the holder of the body's lock alone.
    pub(crate) fn put(&self, set: Set) {
        let older = self.sets.load(Ordering::Acquire);
        self.sets.store(Box::into_raw(Box::new(Node { set, older })), Ordering::Release);
    }

    /// The slots, once a plan had some.
    #[inline]
    pub(crate) fn slots(&self) -> Option<&Queue> {
        self.slots.get()
    }

    /// The slots, made when a plan first has some.
    pub(crate) fn slots_of(&self, name: &Name, table: Table) -> &Queue {
        self.slots.get_or_init(|| Box::new(Bulkhead::new(name.clone(), table)))
    }
}

/// The table of slots that a plan writes.
pub(crate) fn table(rules: &SlotRules) -> Table {
    match rules {
        SlotRules::Bulkhead(b) => Table::Slots(Slots { max: b.max_concurrent, reserved: b.reserved }),
        SlotRules::Limit(l) => Table::Shares(l.initial, l.reserved_bp),
    }
}

impl Drop for Gates {
    fn drop(&mut self) {
        let mut node = self.sets.load(Ordering::Acquire);
        while !node.is_null() {
            // SAFETY: made by `put`, freed here alone.
            let owned = unsafe { Box::from_raw(node) };
            node = owned.older;
        }
    }
}
