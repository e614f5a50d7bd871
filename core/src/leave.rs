//! What a settled permit owes to the gates (policies §1).

use crate::admit::pace::RateChange;
use crate::admit::slots::Slot;
use crate::around::Limit;
use crate::body::Body;
use crate::event::By;
use crate::gates::End;
use crate::outcome::{Outcome, Ticket};
use crate::policy_event::PolicyChange;
use crate::waiters::Keeper;

impl Body {
    /// A success that is of no consequence to the machine gives its slot back.
    #[inline]
    pub(crate) fn leave_slot(&self, ticket: &Ticket) {
        if let Some(code) = ticket.slot()
            && self.give_slot_back(Slot::of_code(code))
        {
            self.deliver();
        }
    }

    /// What a settled permit owes to the gates. Late, ignored, bypassed and would-reject outcomes, and those under
    /// `forced_closed`, feed none.
    #[inline(never)]
    pub(crate) fn leave_gates(&self, ticket: &Ticket, end: &End) {
        if ticket.feeds() && end.feeds(ticket) {
            self.feed(ticket, end);
        }
        self.leave_slot(ticket);
    }

    fn feed(&self, ticket: &Ticket, end: &End) {
        let Some(set) = self.gate_set() else { return };
        let mut owes = false;
        if let Some(limiter) = &set.limiter {
            let failed = end.outcome == Outcome::Failure;
            owes = self.rate_changed(limiter.settle(&set.words.rate(), failed, self.clock()));
        }
        if set.around.features.is_some() {
            owes |= self.count_of_feature(ticket.feature(), end.outcome == Outcome::Failure);
        }
        if let Some(learned) = set.around.timeout.as_ref().and_then(Limit::learned) {
            match (end.outcome, ticket.timeout(), end.duration) {
                (Outcome::Success, _, Some(d)) => learned.sample(d, false),
                (Outcome::Failure, Some(timeout), _) if end.timed_out => learned.sample(timeout, true),
                _ => {}
            }
        }
        if let (Some(limit), Some(slots)) = (&set.limit, self.slots()) {
            let now = self.clock().coarse();
            let changed = limit.settle(end.outcome, end.is_slow, slots.in_flight(), end.duration, now);
            if changed.is_some() {
                let mut keeper = Keeper::new(self);
                slots.set_max(|| limit.limit(), &mut keeper);
                owes |= keeper.owes;
            }
        }
        if owes {
            self.deliver();
        }
    }

    /// Tells of a rate that has changed by itself; answers whether there is something to deliver.
    pub(crate) fn rate_changed(&self, changed: Option<RateChange>) -> bool {
        let Some(RateChange { from, to }) = changed else { return false };
        self.note(PolicyChange::Rate { from, to }, &By::default());
        true
    }
}
