//! The state of the gates around one breaker's machine (policies §1 to §5), as one process has it.
//!
//! What gates count that several processes share lies in the cell: the rate limit and the floor of priorities, see
//! [`GateWords`]. Slots, the limit that finds itself and the queue are the process's own and lie here. A breaker has none
//! of this until its plan has a policy.

use crate::admit::bulkhead::Slots;
use crate::admit::limit::LimitState;
use crate::admit::limiter::{Limiter, RateWords};
use crate::admit::priority::Priority;
use crate::admit::queue::Waiting;
use crate::admit::slots::{Bulkhead, Table};
use crate::admit::{Admission, PriorityRules, SlotRules};
use crate::around::{Around, Cached};
use crate::cell::GATE_WORDS;
use crate::clock::Nanos;
use crate::error::{MACHINE_REASONS, REASONS, Reason, Refusal};
use crate::histogram::{Distribution, bucket_of};
use crate::machine::Drawn;
use crate::name::Name;
use crate::outcome::{Kind, Outcome, Settled, Ticket, Totals};
use crate::policy::Policies;
use crate::policy::feature::recovery::Met;
use crate::policy_event::PolicyHub;
use crate::request::Wanted;
use crate::sync::{AtomicPtr, AtomicU64, OnceBox, Ordering, bump};
use std::ptr::NonNull;
use std::sync::Arc;

/// What a call that waits asks for, beside its level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ask {
    pub cost: u32,
    /// The request's own deadline.
    pub deadline: Option<Nanos>,
    /// The mark of its feature; 0: none.
    pub feature: u16,
    /// The number that it has drawn in a ramp.
    pub drawn: Option<Drawn>,
}

impl Waiting<Ask> {
    /// What it asked for.
    pub(crate) fn wanted(&self) -> Wanted {
        let Ask { cost, deadline, feature, .. } = self.ask;
        Wanted { priority: self.level, cost, deadline, feature }
    }
}

/// What a waiter is given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Grant {
    pub ticket: Ticket,
    /// The number of the engine that gave it.
    pub engine: u32,
}

pub(crate) type Queue = Bulkhead<Ask, Grant, Refusal>;

/// The words of the gates in a cell. Layout, in words:
///
/// ```text
///  0..8   rate limit: see `admit::limiter` and `admit::pace`
///  8      run-time floor of priorities: the level's code, plus one; 0: the document's
///  9      calls that passed a breaker that would have rejected them
/// 10..17  would have been rejected, by the gates' reasons
/// 24..    the ring of a sliding window
/// ```
#[derive(Clone, Copy)]
pub(crate) struct GateWords {
    words: NonNull<AtomicU64>,
    len: usize,
}

const FLOOR: usize = 8;
const BYPASSED: usize = 9;
const SHADOWED: usize = 10;

const SHADOWED_END: usize = SHADOWED + REASONS - MACHINE_REASONS;

const _: () = assert!(SHADOWED_END <= GATE_WORDS);

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

    /// Those that every cell with gates has.
    #[inline]
    fn fixed(&self) -> &[AtomicU64; GATE_WORDS] {
        // SAFETY: as for `all`; `of` has seen that there are no fewer.
        unsafe { self.words.cast().as_ref() }
    }

    #[inline]
    fn all(&self) -> &[AtomicU64] {
        // SAFETY: `of` has seen that there are so many; who has this has the engine in whose cell they lie.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr(), self.len) }
    }

    /// The words of the rate limit.
    #[inline]
    pub(crate) fn rate(&self) -> RateWords<'_> {
        let (words, ring) = self.all().split_at(GATE_WORDS);
        RateWords { words: &words[..FLOOR], ring }
    }

    fn is_same(&self, other: &GateWords) -> bool {
        self.words == other.words
    }

    /// The lowest level that is let in.
    #[inline]
    pub(crate) fn floor(&self, rules: Option<&PriorityRules>) -> Priority {
        match self.floor_code().checked_sub(1).and_then(|code| Priority::ALL.get(code as usize)) {
            Some(level) => *level,
            None => rules.map_or(Priority::Bulk, |rules| rules.min),
        }
    }

    pub(crate) fn set_floor(&self, level: Priority) {
        self.set_floor_code(level as u64 + 1);
    }

    fn set_floor_code(&self, code: u64) {
        self.all()[FLOOR].store(code, Ordering::Release);
    }

    fn floor_code(&self) -> u64 {
        self.fixed()[FLOOR].load(Ordering::Acquire)
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
        let counted = &self.all()[SHADOWED..SHADOWED_END];
        for (sum, word) in totals.would_reject[MACHINE_REASONS..].iter_mut().zip(counted) {
            *sum += word.load(Ordering::Acquire);
        }
    }
}

/// The gates of one plan.
pub(crate) struct Set {
    /// From 0, one more for each.
    pub number: u32,
    pub rules: Admission,
    pub limiter: Option<Limiter>,
    pub limit: Option<Arc<LimitState>>,
    pub words: GateWords,
    /// The policies around the call.
    pub around: Around,
    /// They have a say in every call.
    pub is_around: bool,
}

impl Set {
    /// The gates of a plan. What was drawn, and what was changed by hand or found by itself, is taken over from those
    /// before where the plan says the same of it.
    fn new(
        (rules, policies): (&Admission, Option<&Policies>),
        words: GateWords,
        before: Option<&Set>,
        cached: &OnceBox<Arc<Cached>>,
        met: &Met,
        now: Nanos,
    ) -> Self {
        let limiter = rules.rate.as_ref().map(Limiter::new);
        let kept = before.and_then(|set| Some((set, set.limiter.as_ref()?, limiter.as_ref()?)));
        match kept.filter(|(_, old, new)| new.draws_like(old)) {
            Some((set, old, new)) => {
                if !words.is_same(&set.words) {
                    words.rate().inherit(&set.words.rate());
                }
                new.take_over(&words.rate(), old, now);
            }
            // What lies in a cell that was there before is another process's, or of one that is gone.
            None if before.is_none() => words.rate().begin(now),
            None => words.rate().renew(true, now),
        }
        if let Some(set) = before {
            let is_same = set.rules.priority.map(|p| p.min) == rules.priority.map(|p| p.min);
            words.set_floor_code(if is_same { set.words.floor_code() } else { 0 });
        }
        let limit = match &rules.slots {
            Some(SlotRules::Limit(rules)) => {
                let old = before.and_then(|set| set.limit.clone()).filter(|old| old.rules() == rules);
                Some(old.unwrap_or_else(|| Arc::new(LimitState::new(rules.clone(), now))))
            }
            _ => None,
        };
        let around = Around::new(policies, before.map(|set| &set.around), cached, met, now);
        let is_around = around.timeout.is_some() || around.features.is_some();
        let number = before.map_or(0, |set| set.number + 1);
        Set { number, limiter, limit, rules: rules.clone(), words, around, is_around }
    }

    #[inline]
    pub(crate) fn floor(&self) -> Priority {
        self.words.floor(self.rules.priority.as_ref())
    }

    /// Whether no gate but slots, and the floor of priorities, may refuse a call of a calm breaker.
    #[inline]
    pub(crate) fn asks_slots_alone(&self) -> bool {
        self.limiter.is_none() && self.around.features.is_none()
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
        is_paced || matches!(self.rules.slots, Some(SlotRules::Limit(_))) || self.around.is_fed()
    }
}

/// How a call ended, for the gates.
pub(crate) struct End {
    pub settled: Settled,
    pub outcome: Outcome,
    pub is_slow: bool,
    pub is_forced: bool,
    pub duration: Option<Nanos>,
    /// It failed because it took too long.
    pub timed_out: bool,
}

impl End {
    /// Late, ignored, bypassed and would-reject outcomes, and those under `forced_closed`, feed no gate.
    pub(crate) fn feeds(&self, ticket: &Ticket) -> bool {
        self.settled == Settled::Ok
            && self.outcome != Outcome::Ignored
            && !self.is_forced
            && matches!(ticket.kind(), Kind::Plain | Kind::Probe(_))
    }
}

/// A set that came later, and the one before it.
struct Node {
    set: Set,
    /// Where the words lie of one whose cell has none: its calls go through no gate.
    _own: Option<Box<[AtomicU64]>>,
    older: *mut Node,
}

/// The gates of one breaker.
pub(crate) struct Gates {
    /// The newest first; they stay, because calls hold plain references to them.
    sets: AtomicPtr<Node>,
    slots: OnceBox<Queue>,
    /// Once a plan had a cache.
    cached: OnceBox<Arc<Cached>>,
    pub(crate) events: OnceBox<PolicyHub>,
    /// How long waits were: a counter for each bucket of durations, one for what exceeds them all, and the sum.
    waits: OnceBox<Box<[AtomicU64]>>,
}

// SAFETY: the nodes are boxes that only ever grow in number and are freed with `&mut self`.
unsafe impl Send for Gates {}
// SAFETY: as above; they are shared by references alone.
unsafe impl Sync for Gates {}

impl Default for Gates {
    fn default() -> Self {
        Gates {
            sets: AtomicPtr::new(std::ptr::null_mut()),
            slots: OnceBox::new(),
            cached: OnceBox::new(),
            events: OnceBox::new(),
            waits: OnceBox::new(),
        }
    }
}

impl Gates {
    /// The gates in force; `None` before the first plan that has any.
    #[inline]
    pub(crate) fn set(&self) -> Option<&Set> {
        // SAFETY: a node stays until `self` is dropped.
        unsafe { self.sets.load(Ordering::Acquire).as_ref() }.map(|node| &node.set)
    }

    /// The gates of that number, which may be of a plan before the one in force.
    pub(crate) fn set_of(&self, number: u32) -> Option<&Set> {
        // SAFETY: a node stays until `self` is dropped, with those before it.
        let node = |at: *mut Node| unsafe { at.as_ref() };
        let nodes = std::iter::successors(node(self.sets.load(Ordering::Acquire)), |found| node(found.older));
        nodes.map(|found| &found.set).find(|set| set.number == number)
    }

    /// Puts the gates of a plan in force, in whose cell `words` lie. By the holder of the body's lock alone.
    pub(crate) fn put(
        &self,
        rules: (&Admission, Option<&Policies>),
        words: &[AtomicU64],
        met: &Met,
        now: Nanos,
    ) {
        let (older, before) = (self.sets.load(Ordering::Acquire), self.set());
        // A plan without gates has no words for them, and nobody asks for them.
        let own = (words.is_empty() && before.is_none())
            .then(|| (0..GATE_WORDS).map(|_| AtomicU64::new(0)).collect::<Box<[_]>>());
        let words = match (words, before) {
            ([], Some(before)) => before.words,
            (words, _) => GateWords::of(own.as_deref().unwrap_or(words)),
        };
        let set = Set::new(rules, words, before, &self.cached, met, now);
        self.sets.store(Box::into_raw(Box::new(Node { set, _own: own, older })), Ordering::Release);
    }

    /// The slots, once a plan had some.
    #[inline]
    pub(crate) fn slots(&self) -> Option<&Queue> {
        self.slots.get()
    }

    /// What is kept for calls of the same key, also of those that began under a plan before this one.
    #[cfg(feature = "binding")]
    pub(crate) fn cached(&self) -> Option<&Cached> {
        self.cached.get().map(|cached| &**cached)
    }

    /// Notes how long a wait was that has ended. By who has the lock of the queue.
    pub(crate) fn note_wait(&self, bounds: &[Nanos], d: Nanos) {
        let words =
            self.waits.get_or_init(|| Box::new((0..bounds.len() + 2).map(|_| AtomicU64::new(0)).collect()));
        bump(&words[bucket_of(bounds, d)]);
        let sum = &words[bounds.len() + 1];
        sum.store(sum.load(Ordering::Relaxed).wrapping_add(d), Ordering::Relaxed);
    }

    pub(crate) fn waits(&self, bounds: &[Nanos]) -> Distribution {
        let mut sums = Distribution::new(bounds);
        if let Some((last, counts)) = self.waits.get().and_then(|words| words.split_last()) {
            sums.counts.iter_mut().zip(counts).for_each(|(n, word)| *n = word.load(Ordering::Acquire));
            sums.sum = last.load(Ordering::Acquire);
        }
        sums
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
