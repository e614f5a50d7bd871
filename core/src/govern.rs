//! What changes the gates: another plan, and what operators do by hand.

use crate::admit::Admission;
use crate::admit::SlotRules;
use crate::admit::bulkhead::Slots;
use crate::admit::priority::{LEVELS, Priority};
use crate::admit::slots::Table;
use crate::admit::wake::Wakers;
use crate::body::Body;
#[cfg(feature = "binding")]
use crate::config;
use crate::config::{Plan, check_slots};
use crate::engine::Engine;
use crate::error::ConfigError;
use crate::event::By;
use crate::featured::met;
use crate::gates::{Gates, Set, table};
use crate::policy_event::{PolicyChange, PolicyEvent, PolicyHub, SlotTable};
use crate::sync::ProcessGuard;
use crate::waiters::Keeper;

type Result = std::result::Result<bool, ConfigError>;

/// Of rules without slots: whoever waited for one has it.
const NO_END: Table = Table::Slots(Slots { max: 1_000_000, reserved: [0; LEVELS] });

fn slot_rules(plan: &Plan) -> Option<&SlotRules> {
    plan.admission.as_deref().and_then(|rules| rules.slots.as_ref())
}

fn absent(policy: &str) -> ConfigError {
    ConfigError::new(policy, "missing", "a document that has it, for what it rules to be set by hand")
}

impl Body {
    /// Puts the gates of a plan in force that `engine` has, or is to have, but for the table of slots: see
    /// [`put_slots`](Body::put_slots). What was changed by hand stays where the document says what the one before said.
    pub(crate) fn put_gates(&self, engine: &Engine, plan: &Plan) {
        let none = Admission::default();
        let (admission, policies) = (plan.admission.as_deref(), plan.policies.as_deref());
        if admission.is_none() && policies.is_none() && self.gate_set().is_none() {
            return;
        }
        #[cfg(feature = "binding")]
        self.fold_lanes();
        let rules = admission.unwrap_or(&none);
        let gates = self.gates();
        if let Some(slots) = &rules.slots {
            gates.slots_of(&self.name, table(slots));
        }
        // As it is before the plan is in force; it may be about to move.
        let met = met(&self.engine().cell().read(), plan.rules.recovery_timeout);
        gates.put((rules, policies), engine.cell().gates(), &met, self.clock().now());
    }

    /// The lock of those who change the breaker. Nobody moves it meanwhile: who moves a breaker holds this lock, so a mover
    /// that has not arrived died with the process it was in.
    pub(crate) fn administer(&self) -> ProcessGuard<'_> {
        let admin = self.first.admin.lock();
        while self.engine().load().is_moved() {
            self.arrive(self.engine());
        }
        admin
    }

    /// Puts the table of slots of a plan in force, and grants what has become free; answers whom to wake when there is no
    /// lock any more, and whether there is something to deliver then. The plan must judge already, in a cell that is born:
    /// who is granted something is a call of its generation, and a grant waits for whoever moves the breaker.
    pub(crate) fn put_slots(&self, plan: &Plan, old: &Plan) -> (Option<Wakers<'_>>, bool) {
        let rules = slot_rules(plan);
        let Some(slots) = self.slots().filter(|_| rules != slot_rules(old)) else { return (None, false) };
        let mut keeper = Keeper::new(self);
        let wakers = slots.set(rules.map_or(NO_END, table), &mut keeper);
        // It may have moved since the plan judges.
        if let Some(limit) = self.gate_set().and_then(|set| set.limit.as_ref()) {
            slots.set_max(|| limit.limit(), &mut keeper);
        }
        (Some(wakers), keeper.owes)
    }

    pub(crate) fn gates(&self) -> &Gates {
        self.gates.get_or_init(|| Box::new(Gates::default()))
    }

    pub(crate) fn policy_hub(&self) -> &PolicyHub {
        self.gates().events.get_or_init(|| Box::new(PolicyHub::new()))
    }

    /// Leaves an event of the policies for delivery.
    pub(crate) fn note(&self, change: PolicyChange, by: &By) {
        self.note_in(self.machine().1.generation, change, by);
    }

    /// The same, of a change in that generation.
    pub(crate) fn note_in(&self, generation: u64, change: PolicyChange, by: &By) {
        self.policy_hub().publish(PolicyEvent {
            breaker: self.name.clone(),
            change,
            generation,
            sequence: 0,
            at: self.clock().now(),
            actor: by.actor.clone(),
            reason: by.reason.clone(),
            missed: 0,
        });
    }

    /// Sets the lowest level that is let in; answers whether it is another.
    pub(crate) fn set_min_priority(&self, to: Priority, by: &By) -> Result {
        let admin = self.administer();
        let set = self.gate_set().filter(|set| set.rules.priority.is_some());
        let Some(set) = set else { return Err(absent("priority")) };
        let from = set.floor();
        if from == to {
            return Ok(false);
        }
        set.words.set_floor(to);
        self.note(PolicyChange::MinPriority { from, to }, by);
        drop(admin);
        self.deliver();
        Ok(true)
    }

    /// The table of slots in force, of a breaker with a bulkhead.
    fn slot_table(&self) -> std::result::Result<SlotTable, ConfigError> {
        let has_slots = |set: &&Set| matches!(set.rules.slots, Some(SlotRules::Bulkhead(_)));
        let slots = self.gate_set().filter(has_slots).and_then(|_| self.slots());
        let now = slots.ok_or_else(|| absent("bulkhead"))?.look().slots;
        Ok(SlotTable { max_concurrent: now.max, reserved: now.reserved })
    }

    /// As [`set_slots`](Body::set_slots), from JSON; `max_concurrent` left out stays.
    #[cfg(feature = "binding")]
    pub(crate) fn set_slots_json(&self, json: &str, by: &By) -> Result {
        let now = self.slot_table()?;
        let (max_concurrent, reserved) = config::slot_table(&config::parse(json)?, now.max_concurrent)?;
        self.set_slots(SlotTable { max_concurrent, reserved }, by)
    }

    /// Replaces the table of slots and grants what has become free.
    pub(crate) fn set_slots(&self, to: SlotTable, by: &By) -> Result {
        // Until the table is in force: of two who set one the second finds the first one's.
        #[cfg(feature = "tracing")]
        let _quiet = crate::trace::Quiet::begin();
        let admin = self.administer();
        let from = self.slot_table()?;
        check_slots(to.max_concurrent, &to.reserved)?;
        let Some(slots) = self.slots() else { return Ok(false) };
        if from == to {
            return Ok(false);
        }
        self.note(PolicyChange::Slots { from, to }, by);
        let table = Table::Slots(Slots { max: to.max_concurrent, reserved: to.reserved });
        let wakers = slots.set(table, &mut Keeper::new(self));
        drop(admin);
        drop(wakers);
        self.deliver();
        Ok(true)
    }

    /// Sets the concurrency limit, from where it goes on to find itself.
    pub(crate) fn set_limit(&self, to: u64, by: &By) -> Result {
        let admin = self.administer();
        let set = self.gate_set();
        let (Some(limit), Some(slots)) = (set.and_then(|set| set.limit.as_ref()), self.slots()) else {
            return Err(absent("concurrency_limit"));
        };
        let (min, max) = (limit.rules().min, limit.rules().max);
        if !(min..=max).contains(&to) {
            let allowed = format!("{min}..={max} (`concurrency_limit.min` and `max`)");
            return Err(ConfigError::new("limit", to.to_string(), allowed));
        }
        let from = limit.limit();
        let changed = limit.set(to);
        if changed.is_some() {
            self.note(PolicyChange::Limit { from, to }, by);
        }
        drop(admin);
        slots.set_max(|| limit.limit(), &mut Keeper::new(self));
        self.deliver();
        Ok(changed.is_some())
    }

    /// Sets the rate, or a fixed window's limit.
    pub(crate) fn set_rate(&self, to: f64, by: &By) -> Result {
        let admin = self.administer();
        let set = self.gate_set();
        let Some((set, limiter)) = set.and_then(|set| Some((set, set.limiter.as_ref()?))) else {
            return Err(absent("rate_limit"));
        };
        let (min, max) = limiter.range();
        if !(min..=max).contains(&to) || limiter.is_whole() && to.fract() != 0.0 {
            let (key, kind) = if limiter.is_whole() { ("limit", "a whole number in ") } else { ("rate", "") };
            return Err(ConfigError::new(key, to.to_string(), format!("{kind}{min}..={max}")));
        }
        let from = limiter.set(&set.words.rate(), to, self.clock().now());
        if from != to {
            self.note(PolicyChange::Rate { from, to }, by);
        }
        drop(admin);
        self.deliver();
        Ok(from != to)
    }

    /// Takes note of how much the host has to do.
    pub(crate) fn set_utilisation(&self, to: f64) -> std::result::Result<(), ConfigError> {
        if !(0.0..=1.0).contains(&to) {
            return Err(ConfigError::new("utilisation", to.to_string(), "a number in 0..=1"));
        }
        if let Some(retrying) = self.retrying() {
            retrying.set_utilisation(to);
        }
        Ok(())
    }

    /// Ends the breaker's life: whoever comes or waits is refused. Answers whether it lived.
    pub(crate) fn close(&self, by: &By) -> bool {
        let lived = !self.end();
        if lived {
            self.note(PolicyChange::Close, by);
        }
        if let Some(slots) = self.slots() {
            slots.close(&mut Keeper::new(self));
        }
        self.deliver();
        lived
    }
}
