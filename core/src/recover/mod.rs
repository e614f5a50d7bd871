//! The way back from open to closed: probes that decide, then, if asked for, a ramp.

mod probe;
mod ramp;

pub(crate) use probe::{Lease, ProbeRules, Probed, Probes};
pub(crate) use ramp::{Look, Ramp, RampRules, Ramped};
