//! The HTTP face, called over loopback.

use crate::caller::Caller;
use fusewire_upstream::{Behaviour, Handle, Phase, Script, serve};
use hyper::Method;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

async fn play(script: Script) -> (Handle, Caller) {
    let handle = serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), script).unwrap();
    let caller = Caller::new(&handle.url());
    (handle, caller)
}

/// Phases that last long enough for no test to leave them by itself.
fn still() -> Script {
    let phase = |name: &str, behaviour| Phase { name: name.into(), seconds: 3_600.0, behaviour };
    Script::new(vec![
        phase("good", Behaviour::Ok { latency_ms: 0 }),
        phase("bad", Behaviour::Error { status: 500 }),
        phase("slow", Behaviour::Slow { latency_ms: 150 }),
        phase("flaps", Behaviour::Flapping { period_ms: 400, latency_ms: 0 }),
    ])
    .unwrap()
}

#[tokio::test]
async fn work_acts_by_the_forced_phase() {
    let (_handle, caller) = play(still()).await;
    assert_eq!(caller.get("/work").await, (200, json!({"phase": "good", "status": 200})));
    caller.post("/phase/bad").await;
    assert_eq!(caller.get("/work").await, (500, json!({"phase": "bad", "status": 500})));
    caller.post("/phase/slow").await;
    let before = Instant::now();
    assert_eq!(caller.get("/work").await.0, 200);
    assert!(before.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_flapping_phase_fails_and_answers_in_turn() {
    let (_handle, caller) = play(still()).await;
    caller.post("/phase/flaps").await;
    let mut seen = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(30);
    while seen.len() < 4 && Instant::now() < deadline {
        let status = caller.get("/work").await.0;
        if seen.last() != Some(&status) {
            seen.push(status);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(seen == [503, 200, 503, 200] || seen == [200, 503, 200, 503], "{seen:?}");
}

#[tokio::test]
async fn a_crowded_phase_answers_so_many_at_once_and_lets_the_others_stand_in_line() {
    let crowded = Behaviour::Crowded { latency_ms: 400, workers: 2 };
    let script = Script::new(vec![Phase { name: "busy".into(), seconds: 1.0, behaviour: crowded }]).unwrap();
    let (_handle, caller) = play(script).await;
    let before = Instant::now();
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let caller = caller.clone();
            tokio::spawn(async move { caller.get("/work").await.0 })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert!(before.elapsed() >= Duration::from_millis(1_200), "two, two and one: {:?}", before.elapsed());
    assert_eq!(caller.get("/stats").await.1["most_in_line"], 3);
    caller.post("/start").await;
    assert_eq!(caller.get("/stats").await.1["most_in_line"], 0);
}

#[tokio::test]
async fn a_backlog_refuses_whom_its_line_has_no_room_for_and_works_for_who_has_gone() {
    let backlog = Behaviour::Backlog { latency_ms: 400, workers: 1, line: 1 };
    let script = Script::new(vec![Phase { name: "busy".into(), seconds: 1.0, behaviour: backlog }]).unwrap();
    let (_handle, caller) = play(script).await;
    let before = Instant::now();
    let mut calls = Vec::new();
    for received in 1..=2 {
        let caller_of_call = caller.clone();
        calls.push(tokio::spawn(async move { caller_of_call.get("/work").await.0 }));
        while caller.get("/stats").await.1["total"] != received {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    assert_eq!(caller.get("/work").await, (503, json!({"phase": "busy", "status": 503})));
    calls.into_iter().for_each(|call| call.abort());
    // The line has room when the first of the two that nobody waits for is done.
    while caller.get("/work").await.0 != 200 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(before.elapsed() >= Duration::from_millis(1_200), "one after the other: {:?}", before.elapsed());
}

#[tokio::test]
async fn a_phase_can_be_forced_for_the_calls_of_one_tag() {
    let (_handle, caller) = play(still()).await;
    caller.post("/phase/bad?tag=a").await;
    assert_eq!(caller.get("/work?tag=a").await.0, 500);
    assert_eq!(caller.get("/work?tag=b").await.0, 200);
    assert_eq!(caller.get("/work").await.0, 200);
    caller.post("/phase/bad").await;
    caller.post("/phase/good?tag=a").await;
    assert_eq!(caller.get("/work?tag=a").await.0, 200);
    assert_eq!(caller.get("/work?tag=b").await.0, 500);
    assert_eq!(caller.post("/phase/bad?tag=").await.0, 400);
    caller.post("/start").await;
    assert_eq!(caller.get("/work?tag=b").await.0, 200);
}

#[tokio::test]
async fn the_script_goes_on_by_itself_and_stays_in_its_last_phase() {
    let phase = |name: &str, status| Phase { name: name.into(), seconds: 0.2, behaviour: status };
    let script = vec![
        phase("first", Behaviour::Error { status: 503 }),
        phase("last", Behaviour::Ok { latency_ms: 0 }),
    ];
    let (_handle, caller) = play(Script::new(script).unwrap()).await;
    let mut seen = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let (_, now) = caller.get("/phase").await;
        let name = now["phase"].as_str().unwrap().to_owned();
        if seen.last() != Some(&name) {
            seen.push(name);
        }
        if now["script_remaining_ms"] == 0 || Instant::now() > deadline {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(seen.last().unwrap(), "last", "{seen:?}");
    assert_eq!(caller.get("/work").await.0, 200);
}

#[tokio::test]
async fn stats_count_by_phase_and_by_tag() {
    let (_handle, caller) = play(still()).await;
    caller.get("/work").await;
    caller.get("/work?tag=a").await;
    caller.post("/phase/bad").await;
    caller.get("/work?tag=a").await;
    caller.get("/healthz-is-not-work").await;
    let (_, stats) = caller.get("/stats").await;
    let expected = json!({"total": 3, "by_phase": {"good": 2, "bad": 1, "slow": 0, "flaps": 0}, "by_tag": {"a": 2}, "most_in_line": 0});
    assert_eq!(stats, expected);
}

#[tokio::test]
async fn a_call_that_its_client_gave_up_was_received_all_the_same() {
    let (_handle, caller) = play(still()).await;
    caller.post("/phase/slow").await;
    let call = tokio::spawn({
        let caller = caller.clone();
        async move { caller.get("/work?tag=given-up").await }
    });
    while caller.get("/stats").await.1["by_tag"]["given-up"] != 1 {}
    call.abort();
    assert_eq!(caller.get("/work?tag=later").await.0, 200);
    let (_, stats) = caller.get("/stats").await;
    assert_eq!((&stats["total"], &stats["by_tag"]), (&json!(2), &json!({"given-up": 1, "later": 1})));
}

#[tokio::test]
async fn start_forgets_counts_tags_and_a_forced_phase() {
    let (_handle, caller) = play(still()).await;
    caller.post("/phase/bad").await;
    caller.get("/work?tag=a").await;
    assert_eq!(caller.get("/phase").await.1["forced"], true);
    let (status, now) = caller.post("/start").await;
    assert_eq!((status, &now["phase"], &now["forced"]), (200, &json!("good"), &json!(false)));
    let (_, stats) = caller.get("/stats").await;
    assert_eq!((&stats["total"], &stats["by_tag"]), (&json!(0), &json!({})));
}

#[tokio::test]
async fn healthz_answers_in_every_phase() {
    let (_handle, caller) = play(still()).await;
    for phase in ["good", "bad", "slow", "flaps"] {
        caller.post(&format!("/phase/{phase}")).await;
        assert_eq!(caller.text(Method::GET, "/healthz").await, (200, "ok\n".into()));
    }
}

#[tokio::test]
async fn what_it_does_not_know_it_says_with_what_there_is() {
    let (_handle, caller) = play(still()).await;
    let message =
        |answer: (u16, serde_json::Value)| (answer.0, answer.1["error"].as_str().unwrap().to_owned());
    let (status, error) = message(caller.post("/phase/missing").await);
    assert_eq!(
        (status, error.as_str()),
        (404, "no phase is called \"missing\"; there are good, bad, slow, flaps")
    );
    let (status, error) = message(caller.get("/elsewhere").await);
    assert!(status == 404 && error.contains("GET /work"), "{status} {error}");
    let (status, error) = message(caller.post("/work").await);
    assert!(status == 405 && error.contains("GET /work"), "{status} {error}");
    let (status, error) = message(caller.get("/work?tag=").await);
    assert_eq!((status, error.as_str()), (400, "a tag has 1 to 64 bytes, this one has 0"));
    assert_eq!(caller.get("/stats").await.1["total"], 0);
}

#[tokio::test]
async fn stop_answers_what_has_begun_and_frees_the_port() {
    let (handle, caller) = play(still()).await;
    caller.post("/phase/slow").await;
    let addr = handle.addr();
    let call = tokio::spawn({
        let caller = caller.clone();
        async move { caller.get("/work").await.0 }
    });
    while caller.get("/stats").await.1["total"] == 0 {}
    handle.stop().await.unwrap();
    assert_eq!(call.await.unwrap(), 200);
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}
