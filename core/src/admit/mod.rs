//! Gates before the machine: pure rules (policies §1 to §5).

pub(crate) mod bulkhead;
pub(crate) mod priority;
pub(crate) mod rate;
