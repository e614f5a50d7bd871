//! The gate before forks, and the numbers of threads that a child does not have.

use super::forked::{Plain, in_a_child};
use crate::fork::{hold, is_closed, process};
use crate::lock::ProcessMutex;
use crate::sync::ForkMutex;
use crate::thread::number;
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;

#[test]
fn a_fork_waits_for_a_hold_and_a_hold_within_that_does_not_wait_for_the_fork() {
    let value = Arc::new(ForkMutex::new(1));
    let written = Arc::clone(&value);
    let (held, is_held) = mpsc::channel();
    let holder = thread::spawn(move || {
        let outer = hold();
        held.send(()).expect("somebody waits");
        while !is_closed() {
            thread::yield_now();
        }
        *written.lock() = 2;
        drop(outer);
    });
    is_held.recv().expect("it came");
    assert_eq!(in_a_child(|| assert_eq!(*value.lock(), 2)), Ok(()));
    holder.join().expect("no panic");
}

#[test]
fn a_fork_beside_a_hold_that_never_ends_is_late_and_the_child_is_free() {
    let (held, is_held) = mpsc::channel();
    let (end, ends) = mpsc::channel::<()>();
    let holder = thread::spawn(move || {
        let _hold = hold();
        held.send(()).expect("somebody waits");
        let _ = ends.recv();
    });
    is_held.recv().expect("it came");
    let child = in_a_child(|| {
        drop(hold());
        in_a_child(|| drop(hold())).expect("nobody holds anything here");
    });
    assert_eq!(child, Ok(()));
    drop(end);
    holder.join().expect("no panic");
}

#[test]
fn a_fork_does_not_wait_for_a_lock_of_one_process_and_the_child_finds_it_free() {
    let value = Arc::new(ProcessMutex::new(1));
    let theirs = Arc::clone(&value);
    let (held, is_held) = mpsc::channel();
    let (end, ends) = mpsc::channel::<()>();
    let holder = thread::spawn(move || {
        let mut value = theirs.lock();
        held.send(()).expect("somebody waits");
        let _ = ends.recv();
        *value += 1;
    });
    is_held.recv().expect("it came");
    assert_eq!(in_a_child(|| *value.lock() += 5), Ok(()));
    drop(end);
    assert_eq!(holder.join().map_err(|_| "it panicked"), Ok(()));
    assert_eq!(*value.lock(), 2);
}

#[test]
fn threads_that_want_a_lock_of_one_process_have_it_one_after_the_other() {
    let sum = Arc::new(ProcessMutex::new(0));
    let add = |_| {
        let sum = Arc::clone(&sum);
        thread::spawn(move || (0..20_000).for_each(|_| *sum.lock() += 1))
    };
    (0..4).map(add).collect::<Vec<_>>().into_iter().for_each(|t| t.join().expect("no panic"));
    assert_eq!(*sum.lock(), 80_000);
}

#[test]
fn a_fork_within_a_hold_waits_for_nobody_and_both_have_it() {
    let (parent, outer) = (process(), hold());
    let child = in_a_child(|| {
        assert_eq!(process(), parent + 1);
        drop(hold());
        // It is held still: who would close the gate now waits for us.
        let other = Plain::start(|| in_a_child(|| ()).expect("a grandchild"));
        while !is_closed() {
            thread::yield_now();
        }
        drop(outer);
        other.join();
        in_a_child(|| assert_eq!(process(), parent + 2)).expect("a grandchild");
    });
    assert_eq!((child, process()), (Ok(()), parent));
}

#[test]
fn a_child_gives_the_numbers_of_threads_that_it_does_not_have_and_keeps_its_own() {
    let (own, barrier) = (number(), Arc::new(Barrier::new(4)));
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || {
                let number = number();
                barrier.wait();
                barrier.wait();
                number
            })
        })
        .collect();
    barrier.wait();
    let child = in_a_child(|| {
        assert_eq!(number(), own);
        let others: Vec<u32> = (1..=own + 3).filter(|n| *n != own).collect();
        assert_eq!(numbers_of_new_threads(others.len()), others);
    });
    barrier.wait();
    let numbers = threads.into_iter().map(|t| t.join().expect("no panic"));
    assert!(numbers.max().is_some_and(|n| n > 2), "there were threads");
    assert_eq!(child, Ok(()));
}

/// The numbers of so many threads that live at the same time, sorted.
fn numbers_of_new_threads(n: usize) -> Vec<u32> {
    let (seen, all) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Barrier::new(n)));
    let threads: Vec<_> = (0..n)
        .map(|_| {
            let (seen, all) = (Arc::clone(&seen), Arc::clone(&all));
            Plain::start(move || {
                seen.lock().expect("no panic").push(number());
                all.wait();
            })
        })
        .collect();
    threads.into_iter().for_each(Plain::join);
    let mut numbers = seen.lock().expect("no panic").clone();
    numbers.sort_unstable();
    numbers
}

#[test]
fn a_lock_is_free_again_after_a_panic_and_is_not_waited_for_by_who_only_tries() {
    let value = ForkMutex::new(1);
    let panic = std::panic::catch_unwind(|| {
        let _held = value.lock();
        assert!(value.try_lock().is_none());
        std::panic::resume_unwind(Box::new(()));
    });
    assert!(panic.is_err());
    assert_eq!(value.try_lock().map(|held| *held), Some(1));
    assert_eq!(in_a_child(|| assert_eq!(*value.lock(), 1)), Ok(()));
}
