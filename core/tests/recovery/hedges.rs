//! Attempts beside one that takes long, in tokio's paused time.

use crate::{Broken, NETWORK, Script, WRONG, ms, paused, policy, totals};
use fusewire::{Answer, Failure, Policy, PolicyError, Request, State};
use tokio::time::{Instant, sleep, timeout};

/// What one attempt does: how long it takes, and what it comes to.
type Act = (u64, Result<u32, Broken>);

/// Hedges after 100 ms; retries are out of the way, the budget is not.
const HEDGE: &str = r#"{"hedge": {}, "retry": {"max_attempts": 2, "on": []}}"#;

async fn act((long, result): Act) -> Result<u32, Broken> {
    sleep(ms(long)).await;
    result
}

/// A call whose attempts do that, one after the other, and how long it took.
async fn race(
    policy: &Policy<u32, Broken>,
    acts: &[Act],
) -> (Result<Answer<u32, Broken>, PolicyError<Broken>>, std::time::Duration) {
    let (script, begun) = (Script::new(acts.iter().cloned()), Instant::now());
    let ended = policy.call_async(Request::new(), || act(script.next())).await;
    (ended, begun.elapsed())
}

fn hedges(policy: &Policy<u32, Broken>) -> (u64, u64) {
    let counts = policy.breaker().snapshot().hedge.expect("it hedges");
    (counts.begun, counts.won)
}

#[test]
fn the_first_success_wins_and_the_loser_is_dropped() {
    paused(async {
        let policy = policy(HEDGE);
        let (ended, took) = race(&policy, &[(1_000, Ok(1)), (50, Ok(2))]).await;
        assert_eq!((ended.expect("the hedge").value, took), (2, ms(150)));
        assert_eq!((totals(policy.breaker()), hedges(&policy)), ((1, 0, 1, 0), (1, 1)));
        let (ended, took) = race(&policy, &[(120, Ok(1)), (50, Ok(2))]).await;
        assert_eq!((ended.expect("the primary").value, took), (1, ms(120)));
        assert_eq!((totals(policy.breaker()), hedges(&policy)), ((2, 0, 2, 0), (2, 1)));
    });
}

#[test]
fn a_primary_that_fails_at_once_starts_no_hedge() {
    paused(async {
        let policy = policy(HEDGE);
        let (ended, took) = race(&policy, &[(50, Err(WRONG)), (0, Ok(2))]).await;
        assert_eq!((ended.expect_err("it fails").into_inner(), took), (Some(WRONG), ms(50)));
        assert_eq!(hedges(&policy), (0, 0));
    });
}

#[test]
fn a_failed_primary_waits_for_its_hedge() {
    paused(async {
        let policy = policy(HEDGE);
        let (ended, took) = race(&policy, &[(110, Err(WRONG)), (50, Ok(2))]).await;
        assert_eq!((ended.expect("the hedge").value, took), (2, ms(150)));
        assert_eq!(totals(policy.breaker()), (1, 1, 0, 0), "the primary is settled as what it was");
    });
}

#[test]
fn a_primary_that_times_out_before_its_hedge_wins_is_a_failure() {
    paused(async {
        let policy = policy(r#"{"timeout": "120ms", "hedge": {}, "retry": {"max_attempts": 2, "on": []}}"#);
        let (ended, took) = race(&policy, &[(10_000, Ok(1)), (50, Ok(2))]).await;
        assert_eq!((ended.expect("the hedge").value, took), (2, ms(150)));
        assert_eq!((totals(policy.breaker()), hedges(&policy)), ((1, 1, 0, 0), (1, 1)));
    });
}

#[test]
fn a_failed_primary_counts_when_it_fails_and_its_call_may_be_given_up_then() {
    paused(async {
        let policy =
            policy(r#"{"failure_threshold": 1, "hedge": {}, "retry": {"max_attempts": 2, "on": []}}"#);
        let given_up = timeout(ms(140), race(&policy, &[(110, Err(WRONG)), (50, Ok(2))])).await;
        assert!(given_up.is_err());
        assert_eq!(totals(policy.breaker()), (0, 1, 1, 0), "the hedge alone was dropped");
        assert_eq!(policy.breaker().state(), State::Open);
    });
}

#[test]
fn hedges_are_paced_by_first_attempts_alone() {
    paused(async {
        let policy = policy(
            r#"{"hedge": {"after": "p95"}, "retry": {"max_attempts": 2, "on": [], "budget": {"ratio": 1}}}"#,
        );
        let after = || policy.breaker().snapshot().hedge.expect("it hedges").after;
        for _ in 0..10 {
            let _ = race(&policy, &[(100, Ok(1))]).await;
        }
        let known = after().expect("ten are known");
        for _ in 0..10 {
            let (ended, _) = race(&policy, &[(1_000, Ok(1)), (1, Ok(2))]).await;
            assert_eq!(ended.expect("the hedge").value, 2);
        }
        assert!(after().expect("they are known") >= known, "what hedges last is left out");
    });
}

#[test]
fn when_all_fail_the_error_is_the_primarys() {
    paused(async {
        let policy = policy(HEDGE);
        for acts in [[(200, Err(WRONG)), (50, Err(NETWORK))], [(110, Err(WRONG)), (50, Err(NETWORK))]] {
            let (ended, _) = race(&policy, &acts).await;
            let error = ended.expect_err("both fail");
            assert_eq!((error.failure(), error.attempts()), (&Failure::Inner(WRONG), 1));
        }
        assert_eq!(totals(policy.breaker()), (0, 4, 0, 0));
    });
}

#[test]
fn each_has_a_timeout_of_its_own() {
    paused(async {
        let policy = policy(r#"{"timeout": "200ms", "hedge": {}, "retry": {"max_attempts": 2, "on": []}}"#);
        let (ended, took) = race(&policy, &[(10_000, Ok(1)), (10_000, Ok(2))]).await;
        assert_eq!((ended.expect_err("both hang").timeout(), took), (Some(ms(200)), ms(300)));
        assert_eq!(totals(policy.breaker()), (0, 2, 0, 0));
        let (ended, took) = race(&policy, &[(10_000, Ok(1)), (150, Ok(2))]).await;
        assert_eq!((ended.expect("the hedge").value, took), (2, ms(250)));
    });
}

#[test]
fn there_are_as_many_as_the_document_says() {
    paused(async {
        let policy = policy(r#"{"hedge": {"max": 3}, "retry": {"max_attempts": 2, "on": []}}"#);
        let slow = (10_000, Ok(1));
        let (ended, took) = race(&policy, &[slow, slow, slow, (1, Ok(4))]).await;
        assert_eq!((ended.expect("the third hedge").value, took), (4, ms(301)));
        assert_eq!((totals(policy.breaker()), hedges(&policy)), ((1, 0, 3, 0), (3, 1)));
    });
}

#[test]
fn an_open_breaker_and_a_spent_budget_start_none() {
    paused(async {
        let none =
            r#"{"hedge": {}, "retry": {"max_attempts": 2, "budget": {"ratio": 0, "min_per_second": 0}}}"#;
        let policy = policy(none);
        let (ended, took) = race(&policy, &[(500, Ok(1)), (1, Ok(2))]).await;
        assert_eq!((ended.expect("the primary").value, took, hedges(&policy)), (1, ms(500), (0, 0)));
        let policy = crate::policy(HEDGE);
        let open = async {
            sleep(ms(50)).await;
            policy.breaker().trip(None, fusewire::By::default()).expect("no duration");
        };
        let ((ended, _), ()) = tokio::join!(race(&policy, &[(500, Ok(1)), (1, Ok(2))]), open);
        assert_eq!((ended.expect("the primary").value, hedges(&policy)), (1, (0, 0)));
    });
}

#[test]
fn a_hedge_that_panics_is_a_failure_that_goes_on() {
    paused(async {
        let policy = policy(HEDGE);
        let breaker = policy.breaker().clone();
        let task = tokio::spawn(async move {
            let mut n = 0;
            let call = policy.call_async(Request::new(), || {
                n += 1;
                let is_hedge = n == 2;
                async move {
                    sleep(ms(500)).await;
                    assert!(!is_hedge, "this one is for the test");
                    sleep(ms(500)).await;
                    Ok(1)
                }
            });
            call.await
        });
        assert!(task.await.expect_err("it panics").is_panic());
        assert_eq!(totals(&breaker), (0, 1, 1, 0));
    });
}
