//! Slots against a sequential model that was written from the text of the policies alone (§4): random tables, random
//! operations; every answer, every end and its order, and what a reader sees compared after every step.
//!
//! `PROPTEST_CASES` sets how many scenarios are tried.

mod bench;
mod sequential;

use bench::Bench;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::cell::Cell;

const CASES: u32 = 2_000;

/// An operation; numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    TryTake {
        level: usize,
        times: u64,
    },
    Acquire {
        level: usize,
        wait: u64,
        max_queue: u64,
    },
    Release {
        held: usize,
        times: usize,
    },
    Set {
        max: u64,
        reserved: [u64; 5],
    },
    SetMax {
        max: u64,
    },
    Raise {
        ticket: usize,
        level: usize,
    },
    /// Time goes on; whether the timers of who waits are on time.
    Advance {
        by: u64,
        in_time: bool,
    },
    Expire {
        ticket: usize,
    },
    Cancel {
        ticket: usize,
    },
    Fetch {
        ticket: usize,
    },
    Flush {
        spared: Option<usize>,
    },
    /// Who asks for a number that this divides is refused by another gate at its grant.
    Refuse {
        divisor: u32,
    },
    Close,
}

fn table() -> impl Strategy<Value = (u64, [u64; 5])> {
    let small = (1u64..9, prop::array::uniform5(0u64..3)).prop_map(|(max, reserved)| {
        let mut left = max;
        let fitting = reserved.map(|slots| {
            let fits = slots.min(left);
            left -= fits;
            fits
        });
        (max, fitting)
    });
    let wide = prop::sample::select(vec![4_094u64, 4_095, 4_096, 6_000]).prop_map(|max| (max, [0; 5]));
    prop_oneof![4 => small, 1 => (1u64..6).prop_map(|max| (max, [0; 5])), 1 => wide]
}

fn step() -> impl Strategy<Value = Step> {
    use Step::*;
    let (level, some) = (0usize..5, any::<usize>());
    prop_oneof![
        4 => (level.clone(), prop_oneof![9 => Just(1u64), 1 => Just(2_500)])
            .prop_map(|(level, times)| TryTake { level, times }),
        8 => (level.clone(), 0u64..30, 0u64..6)
            .prop_map(|(level, wait, max_queue)| Acquire { level, wait, max_queue }),
        6 => (some, prop_oneof![9 => Just(1usize), 1 => Just(2_500)])
            .prop_map(|(held, times)| Release { held, times }),
        2 => table().prop_map(|(max, reserved)| Set { max, reserved }),
        1 => (1u64..9).prop_map(|max| SetMax { max }),
        2 => (some, level.clone()).prop_map(|(ticket, level)| Raise { ticket, level }),
        3 => (0u64..15, any::<bool>()).prop_map(|(by, in_time)| Advance { by, in_time }),
        1 => some.prop_map(|ticket| Expire { ticket }),
        2 => some.prop_map(|ticket| Cancel { ticket }),
        3 => some.prop_map(|ticket| Fetch { ticket }),
        1 => prop::option::of(level).prop_map(|spared| Flush { spared }),
        1 => (2u32..9).prop_map(|divisor| Refuse { divisor }),
    ]
}

fn scenario() -> impl Strategy<Value = ((u64, [u64; 5]), Vec<Step>, bool)> {
    (table(), prop::collection::vec(step(), 1..80), any::<bool>())
}

#[test]
fn slots_and_their_queue_do_what_the_model_does() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(CASES);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let (granted, displaced, timed_out, refused) = (Cell::new(0), Cell::new(0), Cell::new(0), Cell::new(0));
    let ran = TestRunner::new(config).run(&scenario(), |((max, reserved), mut steps, closes)| {
        let mut bench = Bench::new(max, reserved);
        if closes {
            steps.push(Step::Close);
            steps.push(Step::Acquire { level: 4, wait: 9, max_queue: 9 });
        }
        for (number, step) in steps.iter().enumerate() {
            let at = |e: TestCaseError| TestCaseError::fail(format!("step {number}, {step:?}: {e}"));
            bench.run(step).map_err(at)?;
            bench.compare().map_err(at)?;
        }
        for (counter, name) in
            [(&granted, "granted"), (&displaced, "displaced"), (&timed_out, "timed_out"), (&refused, "gate")]
        {
            counter.set(counter.get() + bench.ends(name));
        }
        Ok(())
    });
    if let Err(e) = ran {
        panic!("{e}");
    }
    let all = [granted, displaced, timed_out, refused].map(|counter| counter.get());
    assert!(cases < CASES || all.iter().all(|times| *times > 200), "too few of some end: {all:?}");
}
