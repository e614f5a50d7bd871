//! Steps of the machine that no breaker shows alone.

use super::*;
use crate::backoff::Growth;

fn rules() -> Rules {
    Rules {
        recovery_timeout: 1_000_000,
        backoff: Backoff { growth: Growth::Linear, max: 5_000_000, jitter_bp: 0, reset_after: 10_000_000 },
        probes: ProbeRules { max_calls: 3, concurrency: 2, success_threshold: 2, lease: 500_000 },
        ramp: None,
        slow_fails: false,
        seed: 0,
    }
}

#[test]
fn open_past_its_deadline_admits_the_first_probe() {
    let (mut m, r, mut expired) = (Machine::new(Mode::Auto, 0), rules(), 0);
    assert_eq!(m.detect(0, Cause::FailureThreshold, 5, &r), Settled::Ok);
    let rejected = m.acquire(&Caller::at(1_000_004), &r, &mut expired);
    assert_eq!(rejected, Verdict::Rejected { reason: Reason::Open, retry_after: Some(1) });
    assert_eq!(m.acquire(&Caller::at(1_000_005), &r, &mut expired), Verdict::Probe { lease: 1 });
    assert_eq!((m.generation, m.state(), expired), (2, State::HalfOpen, 0));
}

#[test]
fn expiries_are_taken_in_the_order_of_their_leases_and_the_one_that_decides_opens() {
    let (mut m, r, mut expired) = (Machine::new(Mode::Auto, 0), rules(), 0);
    m.half_open(0);
    assert_eq!(m.acquire(&Caller::at(100), &r, &mut expired), Verdict::Probe { lease: 1 });
    assert_eq!(m.acquire(&Caller::at(50), &r, &mut expired), Verdict::Probe { lease: 2 });
    let answer = m.acquire(&Caller::at(900_000), &r, &mut expired);
    assert_eq!(answer, Verdict::Rejected { reason: Reason::Open, retry_after: Some(1_000_000) });
    assert_eq!((expired, m.cause), (2, Some(Cause::ProbeExpired)));
}

#[test]
fn a_permit_of_another_generation_is_late_and_changes_nothing() {
    let (mut m, r) = (Machine::new(Mode::Auto, 0), rules());
    m.half_open(0);
    let before = m.clone();
    assert_eq!(m.settle(0, 1, Outcome::Failure, 5, &r).settled, Settled::Late);
    assert_eq!(m, before);
}

#[test]
fn a_threshold_that_is_reached_opens_a_closed_breaker_that_is_not_forced_and_no_other() {
    let r = rules();
    let mut closed = Machine::new(Mode::Shadow, 0);
    assert_eq!(closed.detect(0, Cause::FailureRate, 5, &r), Settled::Ok);
    assert_eq!((closed.state(), closed.generation), (State::Open, 1));
    let (mut open, mut probing) = (Machine::new(Mode::Auto, 0), Machine::new(Mode::Auto, 0));
    open.trip(None, 0, &r);
    probing.half_open(0);
    let forced = Machine::new(Mode::ForcedClosed, 0);
    let mut forced_open = open.clone();
    forced_open.set_mode(Mode::ForcedOpen, 0);
    for mut m in [open, probing, forced, forced_open] {
        let before = m.clone();
        assert_eq!(m.detect(m.generation, Cause::FailureRate, 5, &r), Settled::Ok);
        assert_eq!(m, before);
    }
    let mut closed_again = closed.clone();
    closed_again.reset(9);
    let before = closed_again.clone();
    for earlier in [0, 1] {
        assert_eq!(closed_again.detect(earlier, Cause::FailureRate, 12, &r), Settled::Late);
        assert_eq!(closed_again, before);
    }
}

#[test]
fn a_cause_is_written_as_its_name() {
    for cause in Cause::ALL {
        assert_eq!(cause.to_string(), cause.name());
    }
}
