//! tokio's `Semaphore`: slots, and a fair queue for them.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::Semaphore;

use super::SLOTS;
use crate::guard::{Batch, Guard, Maker, Scenario};
use crate::tower_cases::waker;
use crate::work::{Failure, work};

/// The package's name.
pub const PACKAGE: &str = "tokio";

struct Slots(Semaphore);

impl Guard for Slots {
    /// `None`: turned away.
    type Answer<'a> = Option<Result<u64, Failure>>;

    #[inline(always)]
    fn run(&self, request: u64) -> Self::Answer<'_> {
        let _permit = self.0.try_acquire().ok()?;
        Some(work(request))
    }

    fn rejected(answer: &Self::Answer<'_>) -> bool {
        answer.is_none()
    }
}

/// A call that takes a permit first and gives it back.
pub fn slots() -> Maker {
    Scenario::Success.maker(|| Slots(Semaphore::new(black_box(SLOTS as usize))))
}

/// A permit that is free, asked for as by one who would wait, and given back.
pub fn no_wait() -> Maker {
    Box::new(|| -> Batch {
        Box::new(|calls| {
            let semaphore = Arc::new(Semaphore::new(1));
            let (_spinner, waker) = waker();
            let mut context = Context::from_waker(&waker);
            for _ in 0..calls {
                let asking = pin!(Arc::clone(black_box(&semaphore)).acquire_owned());
                match asking.poll(&mut context) {
                    Poll::Ready(permit) => drop(permit.expect("it is open")),
                    Poll::Pending => panic!("a permit is free"),
                }
            }
        })
    })
}

/// One permit, handed on from who has it to who waits for it.
pub fn grant() -> Maker {
    Box::new(|| -> Batch {
        Box::new(|calls| {
            let semaphore = Arc::new(Semaphore::new(1));
            let (_spinner, waker) = waker();
            let mut context = Context::from_waker(&waker);
            let mut held = Arc::clone(&semaphore).try_acquire_owned().expect("it is free");
            for _ in 0..calls {
                let mut waiting = pin!(Arc::clone(black_box(&semaphore)).acquire_owned());
                assert!(waiting.as_mut().poll(&mut context).is_pending(), "there is one permit");
                drop(held);
                held = match waiting.poll(&mut context) {
                    Poll::Ready(permit) => permit.expect("it is open"),
                    Poll::Pending => panic!("a permit came free and was not granted"),
                };
            }
        })
    })
}
