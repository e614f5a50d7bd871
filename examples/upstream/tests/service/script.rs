//! What a script may be.

use fusewire_upstream::{Answer, Behaviour, Phase, Script};
use std::time::Duration;

fn error(json: &str) -> String {
    Script::from_json(json).unwrap_err().to_string()
}

fn one(name: &str, seconds: &str, behaviour: &str) -> String {
    format!(r#"[{{"name": "{name}", "seconds": {seconds}, "behaviour": {behaviour}}}]"#)
}

#[test]
fn the_readme_shows_the_default_script() {
    let readme = include_str!("../../README.md");
    let json = readme.split("```json").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(Script::from_json(json).unwrap(), Script::default());
}

#[test]
fn errors_name_the_phase_the_key_and_what_is_allowed() {
    assert_eq!(error("[]"), "a script needs at least one phase");
    let ok = r#"{"kind": "ok", "latency_ms": 1}"#;
    assert_eq!(error(&one("a", "0", ok)), r#"phase "a": seconds is 0, allowed are 0.001 to 86400"#);
    assert_eq!(
        error(&one("A", "1", ok)),
        r#"phase "A": a name has 1 to 64 of the characters a-z, 0-9, _ and -"#
    );
    let status = r#"{"kind": "error", "status": 200}"#;
    assert_eq!(error(&one("a", "1", status)), r#"phase "a": status is 200, allowed are 400 to 599"#);
    let period = r#"{"kind": "flapping", "period_ms": 1, "latency_ms": 1}"#;
    assert_eq!(error(&one("a", "1", period)), r#"phase "a": period_ms is 1, allowed are 2 to 86400000"#);
    let workers = r#"{"kind": "crowded", "latency_ms": 1, "workers": 0}"#;
    assert_eq!(error(&one("a", "1", workers)), r#"phase "a": workers is 0, allowed are 1 to 10000"#);
    let line = r#"{"kind": "backlog", "latency_ms": 1, "workers": 1, "line": 10001}"#;
    assert_eq!(error(&one("a", "1", line)), r#"phase "a": line is 10001, allowed are 0 to 10000"#);
    let kind = error(&one("a", "1", r#"{"kind": "odd"}"#));
    assert!(kind.contains("`ok`, `error`, `slow`, `flapping`, `crowded`, `backlog`"), "{kind}");
    let key = error(&one("a", "1", r#"{"kind": "ok", "latency_ms": 1, "latency": 2}"#));
    assert!(key.contains("unknown field `latency`"), "{key}");
    let twice = format!("[{0},{0}]", one("a", "1", ok).trim_matches(['[', ']']));
    assert_eq!(error(&twice), r#"phase "a": the name is used twice"#);
}

#[test]
fn a_phase_begins_exactly_when_the_one_before_ends() {
    let script = Script::default();
    let at = |ms| script.at(Duration::from_millis(ms));
    assert_eq!(at(0), (0, Duration::ZERO));
    assert_eq!(at(7_999), (0, Duration::from_millis(7_999)));
    assert_eq!(at(8_000), (1, Duration::ZERO));
    assert_eq!(at(100_000).0, 4);
    assert_eq!(script.duration(), Duration::from_secs(45));
}

#[test]
fn scaling_shortens_durations_and_periods_but_no_latency() {
    let script = Script::default().scaled(0.1).unwrap();
    assert_eq!(script.duration(), Duration::from_millis(4_500));
    let flapping = &script.phases()[script.position("flapping").unwrap()];
    assert_eq!(flapping.behaviour, Behaviour::Flapping { period_ms: 300, latency_ms: 20 });
}

#[test]
fn flapping_fails_in_the_first_half_of_every_period() {
    let flapping = Behaviour::Flapping { period_ms: 100, latency_ms: 7 };
    let bad = Answer { status: 503, latency: Duration::ZERO };
    let good = Answer { status: 200, latency: Duration::from_millis(7) };
    let at = |ms| flapping.answer(Duration::from_millis(ms));
    assert_eq!([at(0), at(49), at(50), at(99), at(100)], [bad, bad, good, good, bad]);
}

#[test]
fn a_phase_keeps_its_form_in_json() {
    let phase = Phase { name: "a".into(), seconds: 1.5, behaviour: Behaviour::Error { status: 503 } };
    let json = serde_json::to_string(&phase).unwrap();
    assert_eq!(json, r#"{"name":"a","seconds":1.5,"behaviour":{"kind":"error","status":503}}"#);
}
