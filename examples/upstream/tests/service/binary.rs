//! The binary as another program meets it: its first line, its options, its end.

use crate::caller::Caller;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// Ends with the test, also with a failed one.
struct Running {
    child: Child,
    url: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn binary(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fusewire-upstream"));
    command.args(args);
    command
}

fn start(args: &[&str], stdin: Stdio) -> Running {
    let mut child = binary(args).stdin(stdin).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim_end().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}")).to_owned();
    Running { child, url }
}

fn refused(args: &[&str]) -> String {
    let Output { status, stderr, .. } = binary(args).output().unwrap();
    assert_eq!(status.code(), Some(2));
    String::from_utf8(stderr).unwrap()
}

#[tokio::test]
async fn the_first_line_says_where_it_listens() {
    let running = start(&[], Stdio::null());
    assert!(running.url.starts_with("http://127.0.0.1:"), "{}", running.url);
    assert_eq!(Caller::new(&running.url).get("/phase").await.1["phase"], "healthy");
}

#[tokio::test]
async fn it_plays_the_script_of_a_file_at_the_scale_asked_for() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("one-phase.json");
    let json = r#"[{"name": "teapot", "seconds": 500, "behaviour": {"kind": "error", "status": 418}}]"#;
    std::fs::write(&path, json).unwrap();
    let running = start(&["--scale", "0.1", "--script", path.to_str().unwrap()], Stdio::null());
    let caller = Caller::new(&running.url);
    assert_eq!(caller.get("/work").await.0, 418);
    let remaining = caller.get("/phase").await.1["script_remaining_ms"].as_u64().unwrap();
    assert!(remaining <= 50_000, "{remaining}");
}

#[cfg(unix)]
#[test]
fn it_ends_on_sigterm_and_on_ctrl_c() {
    for signal in ["-TERM", "-INT"] {
        let mut running = start(&[], Stdio::null());
        // A connection that stays open does not hold it up.
        let _open = std::net::TcpStream::connect(running.url.strip_prefix("http://").unwrap()).unwrap();
        let sent = Command::new("kill").args([signal, &running.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert_eq!(running.child.wait().unwrap().code(), Some(0), "{signal}");
    }
}

#[test]
fn it_ends_with_its_standard_input_only_if_asked() {
    let mut running = start(&["--until-eof"], Stdio::piped());
    assert_eq!(running.child.try_wait().unwrap(), None);
    drop(running.child.stdin.take());
    assert_eq!(running.child.wait().unwrap().code(), Some(0));

    let mut running = start(&[], Stdio::null());
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(running.child.try_wait().unwrap(), None);
}

#[test]
fn a_wrong_option_is_named_with_what_is_allowed() {
    let error = refused(&["--scale", "0"]);
    assert!(error.contains("--scale") && error.contains("0.01 to 100"), "{error}");
    let error = refused(&["--script", "there-is-no-such-file.json"]);
    assert!(error.contains("--script there-is-no-such-file.json"), "{error}");
    let error = refused(&["--port", "70000"]);
    assert!(error.contains("--port") && error.contains("65535"), "{error}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let error = refused(&["--port", &port]);
    assert!(error.contains(&format!("--port {port}")), "{error}");
}
