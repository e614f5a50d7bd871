//! A breaker's features beside its machine (policies §10).

use crate::around::Featured;
use crate::body::Body;
use crate::clock::Nanos;
use crate::event::By;
use crate::machine::{Cause, Machine};
use crate::policy::feature::live::{Host, Looked};
use crate::policy::feature::recovery::{Change, Met};
use crate::policy_event::PolicyChange;
use crate::request::RequestError;
use crate::word::GENERATION_MASK;

/// Stands for the breaker before its features.
pub(crate) struct Beside<'b> {
    body: &'b Body,
    featured: &'b Featured,
    /// There is an event to deliver.
    pub(crate) owes: bool,
}

impl<'b> Beside<'b> {
    pub(crate) fn new(body: &'b Body, featured: &'b Featured) -> Self {
        Beside { body, featured, owes: false }
    }
}

impl Host for Beside<'_> {
    fn machine(&mut self) -> Met {
        let (engine, machine) = self.body.machine();
        met(&machine, engine.plan().rules.recovery_timeout)
    }

    fn tell(&mut self, change: Change) {
        let Change { feature, from, to, cause, health, generation } = change;
        let Some(rule) = self.featured.features.rules().features.get(feature) else { return };
        let change = PolicyChange::Feature { feature: (*rule.name).into(), from, to, cause, health };
        self.body.note_in(generation, change, &By::default());
        self.owes = true;
    }
}

/// A machine, as features follow it.
pub(crate) fn met(machine: &Machine, recovery_timeout: Nanos) -> Met {
    Met {
        generation: machine.generation,
        openings: machine.openings,
        state: machine.state(),
        mode: machine.mode,
        cause: machine.cause,
        recovery_timeout,
    }
}

impl Body {
    #[inline]
    pub(crate) fn featured(&self) -> Option<&Featured> {
        self.gate_set()?.around.features.as_ref()
    }

    /// The mark of the feature with that name.
    pub(crate) fn feature(&self, name: &str) -> Result<u16, RequestError> {
        let featured = self.featured();
        let names = || {
            let all = featured.map_or(&[][..], |featured| &featured.features.rules().features);
            all.iter().map(|rule| &*rule.name).collect::<Vec<_>>()
        };
        let place = featured.and_then(|featured| Some((featured, featured.features.rules().find(name)?)));
        place
            .map(|(featured, place)| featured.mark(place))
            .ok_or_else(|| RequestError::feature(name, &names()))
    }

    /// Carries out what is due of the features: before a settling, and for a poll. Answers whether there is an event to
    /// deliver.
    #[cold]
    pub(crate) fn carry_out_tests(&self) -> bool {
        let Some(featured) = self.featured() else { return false };
        let mut beside = Beside::new(self, featured);
        loop {
            let word = self.engine().load();
            if word.is_moved() {
                self.machine();
                continue;
            }
            match featured.features.carry_out(word, self.clock(), &mut beside) {
                Looked::RollBack { generation } => beside.owes |= self.roll_back(generation),
                Looked::Again => {}
                Looked::Admitted | Looked::Disabled { .. } => return beside.owes,
            }
        }
    }

    /// Counts an outcome of a feature; answers whether there is an event to deliver.
    pub(crate) fn count_of_feature(&self, mark: u16, failed: bool) -> bool {
        let Some(featured) = self.featured() else { return false };
        let Some(place) = featured.place(mark) else { return false };
        let mut beside = Beside::new(self, featured);
        featured.features.settle(self.engine().load(), place, failed, self.clock(), &mut beside);
        beside.owes
    }

    /// A required feature failed its test: the breaker opens, if it is still of that generation. Answers whether there is
    /// an event to deliver.
    #[cold]
    pub(crate) fn roll_back(&self, generation: u64) -> bool {
        let engine = self.engine();
        let (hold, now) = (self.before(), self.clock().now());
        let given = generation & GENERATION_MASK;
        let stepped = engine.cell().transact(|m| {
            if !m.moved {
                let rules = self.rules(engine, m);
                let _ = m.detect(given, Cause::FeatureFailed, now, &rules);
            }
        });
        self.after(hold, engine, &stepped, 0, None)
    }

    /// The machine has made a transition: what that does to the features.
    pub(crate) fn follow_features(&self, after: &Machine, recovery_timeout: Nanos) {
        let Some(featured) = self.featured() else { return };
        let mut beside = Beside::new(self, featured);
        featured.features.follow(&met(after, recovery_timeout), after.at, &mut |change| beside.tell(change));
    }
}
