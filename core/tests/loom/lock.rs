//! The lock that no fork waits for: one thread at a time has it, and sees what the one before has written. Its witness lets
//! loom see each taking, and demand that the one happens before the other.

use super::{at_once, model, runs};
use crate::lock::ProcessMutex;
use loom::sync::Arc;

fn add(sum: &Arc<ProcessMutex<u32>>, times: u32) -> impl FnOnce() + Send + 'static {
    let sum = Arc::clone(sum);
    move || (0..times).for_each(|_| *sum.lock() += 1)
}

#[test]
fn who_has_the_lock_sees_what_was_written_under_it() {
    model(|| {
        let sum = Arc::new(ProcessMutex::new(0));
        at_once(runs![add(&sum, 2), add(&sum, 2)]);
        assert_eq!(*sum.lock(), 4);
    });
}
