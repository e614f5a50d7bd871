//! What the scenarios have shown.

use fusewire::{Mode, Reason, State};
use std::collections::BTreeSet;

/// Which of the things that can happen did: a scenario that never opens proves little.
#[derive(Default)]
pub struct Coverage {
    seen: BTreeSet<&'static str>,
    most_steps_of_a_ramp: u32,
    longest_row: u64,
}

impl Coverage {
    pub fn note(&mut self, s: &fusewire::Snapshot, events: &[fusewire::Event]) {
        self.seen.extend(events.iter().map(|e| e.cause.name()));
        self.seen.insert(s.mode.name());
        let rejected = Reason::ALL.into_iter().zip(s.totals.rejected).filter(|(_, n)| *n > 0);
        self.seen.extend(rejected.map(|(reason, _)| reason.name()));
        for (what, n) in [
            ("late", s.totals.late),
            ("expired", s.totals.expired),
            ("slow", s.totals.slow),
            ("would_reject", s.totals.would_reject.iter().sum()),
            ("recovered", s.recoveries.count()),
        ] {
            if n > 0 {
                self.seen.insert(what);
            }
        }
        if s.state != s.stored_state && s.stored_state == State::Open {
            self.seen.insert("open past its deadline");
        }
        self.most_steps_of_a_ramp = self.most_steps_of_a_ramp.max(s.ramp.map_or(0, |r| r.step));
        self.longest_row = self.longest_row.max(s.openings_in_a_row);
    }

    pub fn assert_complete(&self) {
        let mut wanted: Vec<&str> = fusewire_causes();
        wanted.extend(Mode::ALL.map(Mode::name));
        wanted.extend(MACHINE_REASONS.map(Reason::name));
        wanted.extend(["late", "expired", "slow", "would_reject", "recovered", "open past its deadline"]);
        let unseen: Vec<_> = wanted.into_iter().filter(|what| !self.seen.contains(what)).collect();
        assert!(unseen.is_empty(), "no scenario has shown {unseen:?}");
        assert!(self.most_steps_of_a_ramp >= 3, "longest ramp: {} steps", self.most_steps_of_a_ramp);
        assert!(self.longest_row >= 4, "longest row of openings: {}", self.longest_row);
    }
}

/// Why the machine turns a call away; the reasons of the gates are shown by the scenarios that have gates.
const MACHINE_REASONS: [Reason; 4] = [Reason::Open, Reason::HalfOpenFull, Reason::Ramp, Reason::ForcedOpen];

fn fusewire_causes() -> Vec<&'static str> {
    // What features do has scenarios of its own.
    let causes = fusewire::Cause::ALL.into_iter().filter(|cause| *cause != fusewire::Cause::FeatureFailed);
    causes.map(fusewire::Cause::name).collect()
}
