//! Half-open: at most N probes decide, at most C of them at a time, each on a lease (semantics §3).

use crate::clock::Nanos;
use crate::outcome::Outcome;

/// The most probes that can be in flight: the upper end of `half_open_max_calls`.
pub(crate) const MAX_LEASES: usize = 64;

/// What the plan says of probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProbeRules {
    /// N: how many probes decide.
    pub max_calls: u32,
    /// C: how many of them at the same time.
    pub concurrency: u32,
    /// S: successes that close.
    pub success_threshold: u32,
    /// How long a probe may take until it is expired.
    pub lease: Nanos,
}

/// One probe in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lease {
    pub deadline: Nanos,
    pub id: u32,
}

/// The probes of one half-open generation.
#[derive(Clone, Debug)]
pub(crate) struct Probes {
    pub successes: u32,
    pub failures: u32,
    /// Leases given so far: the next one's number, less one.
    pub issued: u32,
    in_flight: u32,
    leases: [Lease; MAX_LEASES],
    /// When the last one was admitted or, before the first, half-open began.
    pub last: Nanos,
}

/// What the probes say after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Probed {
    /// Not decided yet.
    Undecided,
    /// S succeeded.
    Succeeded,
    /// More than N - S failed or expired: S can no longer be reached.
    Failed,
}

impl PartialEq for Probes {
    fn eq(&self, other: &Self) -> bool {
        (self.successes, self.failures, self.issued, self.last, self.leases())
            == (other.successes, other.failures, other.issued, other.last, other.leases())
    }
}

impl Probes {
    /// None yet, in half-open since `now`.
    pub(crate) fn begin(now: Nanos) -> Self {
        Probes::recorded(0, 0, 0, now)
    }

    /// Counts as they were recorded, without leases.
    pub(crate) fn recorded(successes: u32, failures: u32, issued: u32, last: Nanos) -> Self {
        let leases = [Lease::default(); MAX_LEASES];
        Probes { successes, failures, issued, in_flight: 0, leases, last }
    }

    pub(crate) fn leases(&self) -> &[Lease] {
        &self.leases[..self.in_flight as usize]
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Whether a place is free.
    pub(crate) fn has_room(&self, rules: &ProbeRules) -> bool {
        let taken = self.successes + self.failures + self.in_flight;
        self.in_flight < rules.concurrency && taken < rules.max_calls
    }

    /// Gives a lease from `begins` on, where there is room.
    pub(crate) fn admit(&mut self, begins: Nanos, rules: &ProbeRules) -> u32 {
        self.issued = self.issued.wrapping_add(1);
        self.last = begins;
        self.push(Lease { deadline: begins.saturating_add(rules.lease), id: self.issued });
        self.issued
    }

    /// Adds a lease as it was recorded.
    pub(crate) fn push(&mut self, lease: Lease) {
        self.leases[self.in_flight as usize] = lease;
        self.in_flight += 1;
    }

    /// The lease that ends first.
    pub(crate) fn earliest(&self) -> Option<Lease> {
        self.leases().iter().copied().min_by_key(|l| (l.deadline, l.id))
    }

    /// Ends the earliest lease if its time has passed: it counts as a failure.
    pub(crate) fn expire_one(&mut self, now: Nanos, rules: &ProbeRules) -> Option<Probed> {
        let lease = self.earliest().filter(|l| now >= l.deadline)?;
        self.remove(lease.id);
        self.failures += 1;
        Some(self.decision(rules))
    }

    /// Takes a lease back; `None` when it was ended already.
    pub(crate) fn remove(&mut self, id: u32) -> Option<Lease> {
        let at = self.leases().iter().position(|l| l.id == id)?;
        let lease = self.leases[at];
        self.in_flight -= 1;
        self.leases[at] = self.leases[self.in_flight as usize];
        Some(lease)
    }

    /// Counts an outcome whose lease was taken back.
    pub(crate) fn count(&mut self, outcome: Outcome, rules: &ProbeRules) -> Probed {
        match outcome {
            Outcome::Success => self.successes += 1,
            Outcome::Failure => self.failures += 1,
            Outcome::Ignored => {}
        }
        self.decision(rules)
    }

    fn decision(&self, rules: &ProbeRules) -> Probed {
        if self.successes >= rules.success_threshold {
            Probed::Succeeded
        } else if self.failures > rules.max_calls - rules.success_threshold {
            Probed::Failed
        } else {
            Probed::Undecided
        }
    }
}
