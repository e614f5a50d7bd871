//! `recloser`: a ring of the last outcomes behind a spin lock.

use std::hint::black_box;

use recloser::{Error, Recloser};

use super::{OPEN_FOR, Offer, SHARE};
use crate::guard::{Detector, Guard, Policy, Scenario};
use crate::work::{Failure, GOOD, work};

/// A guarded `Recloser`.
pub struct Guarded(Recloser);

impl Guard for Guarded {
    type Answer<'a> = Result<u64, Error<Failure>>;

    #[inline(always)]
    fn run(&self, request: u64) -> Self::Answer<'_> {
        self.0.call(|| work(request))
    }

    fn rejected(answer: &Self::Answer<'_>) -> bool {
        matches!(answer, Err(Error::Rejected))
    }
}

/// A breaker as the library's defaults make it.
pub fn default() -> Recloser {
    Recloser::default()
}

/// One call through a breaker.
pub fn touch(breaker: &Recloser) {
    let _ = black_box(breaker.call(|| work(GOOD)));
}

fn ring(size: u32) -> Guarded {
    let ring = Recloser::custom().error_rate(black_box(SHARE as f32)).closed_len(black_box(size as usize));
    Guarded(ring.open_wait(black_box(OPEN_FOR)).build())
}

/// It counts the last calls and knows no other rule, so it rejects by that one too.
pub fn offer(policy: Policy, scenario: Scenario) -> Offer {
    match policy {
        Policy { timed: true, .. } => None,
        Policy { detector: Detector::Default, .. } => {
            Some((scenario.maker(|| Guarded(default())), "its defaults: the last 100 calls"))
        }
        Policy { detector: Detector::Count(size), .. } => Some((scenario.maker(move || ring(size)), "")),
        Policy { detector: Detector::Consecutive, .. } if scenario == Scenario::Rejected => {
            Some((scenario.maker(|| ring(100)), "opened by its last 100 calls"))
        }
        _ => None,
    }
}
