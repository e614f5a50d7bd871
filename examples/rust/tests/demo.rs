//! The demo, shortened: it ends by itself, and what it claims holds.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn demo(args: &[&str]) -> Ended {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_demo")).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

#[test]
fn both_runs_end_and_the_breaker_keeps_its_promises() {
    let svg = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("timeline.svg");
    let began = Instant::now();
    let ended = demo(&["--scale", "0.12", "--check", "--plot", svg.to_str().unwrap()]);
    let Ended { code, stdout, stderr } = &ended;
    assert_eq!(*code, Some(0), "{stdout}\n{stderr}");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());

    for phase in ["healthy", "errors", "slow", "flapping", "recovered", "all"] {
        for run in ["unprotected", "protected"] {
            let row = format!("\n{phase:<9}  {run:<11}  ");
            assert_eq!(stdout.matches(&row).count(), 1, "{row:?} in {stdout}");
        }
    }
    assert!(stdout.contains("closed -> open (failure_threshold)"), "{stdout}");
    assert!(stdout.contains("half_open -> closed (probes_succeeded)"), "{stdout}");
    assert!(stdout.contains("# EOF"), "no metrics in {stdout}");
    assert_eq!(stdout.matches("check: ok: ").count(), 8, "{stdout}");

    let drawing = std::fs::read_to_string(svg).unwrap();
    assert!(drawing.starts_with("<svg") && drawing.trim_end().ends_with("</svg>"));
    for text in ["errors", "flapping", "unprotected", "protected", "p99"] {
        assert!(drawing.contains(text), "{text} is not drawn");
    }
    assert!(drawing.matches("<polyline").count() >= 6, "a line for each run in each of three panels");
}

#[test]
fn the_check_fails_when_nothing_is_rejected() {
    let Ended { code, stdout, stderr } = demo(&["--scale", "0.1", "--check", "--shadow"]);
    assert_eq!(code, Some(1), "{stdout}\n{stderr}");
    assert!(
        stdout.contains("check: BROKEN: the upstream received no call that was made while open"),
        "{stdout}"
    );
}

#[test]
fn in_an_overload_admission_lets_critical_calls_in_and_sheds_bulk() {
    let svg = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("overload.svg");
    let ended = demo(&["overload", "--seconds", "2", "--check", "--plot", svg.to_str().unwrap()]);
    let Ended { code, stdout, stderr } = &ended;
    assert_eq!(*code, Some(0), "{stdout}\n{stderr}");
    for level in ["critical", "high", "normal", "low", "bulk", "all"] {
        for run in ["unloaded", "as it comes", "admitted"] {
            let row = format!("\n{level:<8}  {run:<11}");
            assert_eq!(stdout.matches(&row).count(), 1, "{row:?} in {stdout}");
        }
    }
    assert_eq!(stdout.matches("check: ok: ").count(), 6, "{stdout}");

    let drawing = std::fs::read_to_string(svg).unwrap();
    assert!(drawing.starts_with("<svg") && drawing.trim_end().ends_with("</svg>"));
    for text in ["critical", "bulk", "goodput", "p99", "as it comes", "admitted"] {
        assert!(drawing.contains(text), "{text} is not drawn");
    }
    assert!(drawing.matches("<rect").count() >= 20, "three bars for each of five levels, in two panels");
}

#[test]
fn in_a_brown_out_a_budget_bounds_retries_and_a_breaker_spares_the_upstream() {
    let svg = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("retries.svg");
    let ended = demo(&["retries", "--seconds", "2", "--check", "--plot", svg.to_str().unwrap()]);
    let Ended { code, stdout, stderr } = &ended;
    assert_eq!(*code, Some(0), "{stdout}\n{stderr}");
    for phase in ["before", "brown-out", "after", "all"] {
        for run in ["naive", "budget", "breaker"] {
            let row = format!("\n{phase:<9}  {run:<7}  ");
            assert_eq!(stdout.matches(&row).count(), 1, "{row:?} in {stdout}");
        }
    }
    assert_eq!(stdout.matches("check: ok: ").count(), 9, "{stdout}");

    let drawing = std::fs::read_to_string(svg).unwrap();
    assert!(drawing.starts_with("<svg") && drawing.trim_end().ends_with("</svg>"));
    for text in ["naive", "budget", "breaker", "goodput", "p99"] {
        assert!(drawing.contains(text), "{text} is not drawn");
    }
    assert!(drawing.matches("<polyline").count() >= 12, "a line for each run in each of four panels");
}

#[test]
fn a_service_recovers_feature_by_feature_and_is_taken_back_once() {
    let svg = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("features.svg");
    let ended = demo(&["features", "--check", "--plot", svg.to_str().unwrap()]);
    let Ended { code, stdout, stderr } = &ended;
    assert_eq!(*code, Some(0), "{stdout}\n{stderr}");
    assert_eq!(stdout.matches("  failed  ").count(), 1 + 1, "one test, and the head of a column: {stdout}");
    assert_eq!(stdout.matches("  feature_failed").count(), 1, "{stdout}");
    assert_eq!(stdout.matches("  unhealthy  ").count(), 1, "{stdout}");
    assert_eq!(stdout.matches("check: ok: ").count(), 4, "{stdout}");

    let drawing = std::fs::read_to_string(svg).unwrap();
    assert!(drawing.starts_with("<svg") && drawing.trim_end().ends_with("</svg>"));
    for text in ["breaker", "catalogue", "search fails", "recommendations works", "reviews"] {
        assert!(drawing.contains(text), "{text} is not drawn");
    }
}

#[test]
fn a_wrong_option_is_named_with_what_is_allowed() {
    for (args, words) in [
        (["--scale", "0"], ["--scale", "0.1 to 10"]),
        (["--rate", "5"], ["--rate", "10..=1000"]),
        (["--tasks", "0"], ["--tasks", "1..=64"]),
        (["overload", "--seconds=1"], ["--seconds", "2..=60"]),
        (["retries", "--seconds=9"], ["--seconds", "2..=8"]),
        (["--plot", "there/is/no/such/folder.svg"], ["--plot", "folder.svg"]),
    ] {
        let Ended { code, stderr, .. } = demo(&args);
        assert_eq!(code, Some(2), "{args:?}: {stderr}");
        assert!(words.iter().all(|word| stderr.contains(word)), "{args:?}: {stderr}");
    }
}
