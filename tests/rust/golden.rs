//! What other programs read must not change by accident: the metrics text of a fixed scenario and the document's JSON
//! schema, byte by byte, and that schema against every document of the conformance vectors.
//!
//! After a change that is meant, `FUSEWIRE_BLESS=1 cargo test -p fusewire-tests --test golden` writes the files anew.

use fusewire::{By, CircuitBreaker, Clock, ManualClock, Mode, Outcome, Permit, Registry, schema};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Holds `found` against the golden file of that name, or writes the file.
fn hold_against(name: &str, found: &str) {
    let path = folder("golden").join(name);
    if std::env::var_os("FUSEWIRE_BLESS").is_some() {
        std::fs::create_dir_all(folder("golden")).expect("a folder for golden files");
        std::fs::write(&path, found).expect("the golden file is written");
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    if golden == found {
        return;
    }
    let lines = golden.lines().map(Some).chain(std::iter::repeat(None));
    let differs = found.lines().zip(lines).enumerate().find(|(_, (found, golden))| Some(*found) != *golden);
    let (number, now, was) = differs.map_or_else(
        || {
            (
                found.lines().count() + 1,
                "the end",
                golden.lines().nth(found.lines().count()).unwrap_or("the end"),
            )
        },
        |(number, (found, golden))| (number + 1, found, golden.unwrap_or("the end")),
    );
    panic!(
        "tests/golden/{name} differs at line {number}:\n  golden: {was}\n  now:    {now}\n\
         If the change is meant: FUSEWIRE_BLESS=1 cargo test -p fusewire-tests --test golden"
    );
}

// ---- the scenario ----

struct Scene {
    registry: Registry,
    clock: ManualClock,
}

impl Scene {
    fn breaker(&self, name: &str, document: &str) -> CircuitBreaker {
        self.registry.get_or_create_json(name, document).expect("a valid document")
    }

    fn pass(&self, length: Duration) {
        self.clock.advance(length);
    }

    fn call(&self, breaker: &CircuitBreaker, outcome: Outcome, millis: u64, error_type: Option<&str>) {
        if let Ok(permit) = breaker.try_acquire() {
            self.pass(Duration::from_millis(millis));
            permit.settle(outcome, None, error_type);
        }
    }

    /// A payment service that fails, is probed, fails again and recovers over a ramp.
    fn payments(&self) {
        let breaker = self.breaker(
            "payments",
            r#"{"failure_threshold": 2, "recovery_timeout": "10s", "slow_call_duration": "1s",
                "backoff": {"kind": "exponential"}, "half_open_max_calls": 2, "half_open_timeout": "5s",
                "ramp": {"initial": 0.5, "step": 0.5, "window_calls": 2}}"#,
        );
        for millis in [1, 2, 3, 70, 1_500] {
            self.call(&breaker, Outcome::Success, millis, None);
        }
        self.call(&breaker, Outcome::Ignored, 4, None);
        let late = breaker.try_acquire();
        self.call(&breaker, Outcome::Failure, 30, Some("refused"));
        self.call(&breaker, Outcome::Failure, 70_000, Some("a \"quoted\" \\ type\nof two lines"));
        assert_eq!(late.map(Permit::success).ok(), Some(fusewire::Settled::Late));
        for _ in 0..3 {
            self.call(&breaker, Outcome::Success, 1, None);
        }
        self.pass(Duration::from_secs(10));
        let expiring = breaker.try_acquire();
        self.pass(Duration::from_secs(5));
        breaker.poll();
        drop(expiring);
        self.pass(Duration::from_secs(20));
        self.call(&breaker, Outcome::Success, 1, None);
        self.call(&breaker, Outcome::Success, 1, None);
        for _ in 0..4 {
            self.call(&breaker, Outcome::Success, 2, None);
        }
    }

    /// A search that is slow and is only watched.
    fn search(&self) {
        let breaker = self.breaker(
            "search",
            r#"{"window": {"kind": "count", "size": 4, "min_calls": 3, "failure_rate": 0.6666, "slow_call_rate": 1},
                "slow_call_duration": "250ms", "mode": "shadow"}"#,
        );
        for millis in [100, 250, 300, 400, 500] {
            self.call(&breaker, Outcome::Success, millis, None);
        }
        self.call(&breaker, Outcome::Failure, 0, None);
        self.call(&breaker, Outcome::Failure, 0, None);
    }

    /// A mail server that is switched off by hand, in a window of time.
    fn mail(&self) {
        let breaker = self.breaker(
            "mail \"west\"",
            r#"{"window": {"kind": "time", "period": "10s", "min_calls": 3, "failure_rate": 1}}"#,
        );
        for outcome in [Outcome::Success, Outcome::Failure, Outcome::Failure] {
            self.call(&breaker, outcome, 0, Some("unreachable"));
        }
        breaker.set_mode(Mode::ForcedOpen, By::new("on-call", "migration"));
        self.call(&breaker, Outcome::Success, 0, None);
        let other = self.breaker("mail-out", "{}");
        other.half_open(By::default());
        (0..4).for_each(|_| std::mem::forget(other.try_acquire()));
    }
}

#[test]
fn the_metrics_of_a_fixed_scenario_are_these_bytes() {
    let clock = ManualClock::new();
    let scene = Scene { registry: Registry::with_clock(clock.clone()), clock };
    scene.breaker("never used", "{}");
    scene.payments();
    scene.search();
    scene.mail();
    let text = scene.registry.metrics();
    assert_eq!(scene.registry.metrics(), text, "reading changes nothing");
    assert!(text.ends_with("# EOF\n"));
    assert_eq!(scene.clock.now() % 1_000_000, 0);
    hold_against("metrics.txt", &text);
}

// ---- the page ----

/// `| \`document\` | \`error\` |`, as the page of the configuration has them.
fn errors_of_the_page(page: &str) -> Vec<(&str, &str)> {
    let table = page.split_once("| document | error |").map_or("", |(_, rest)| rest);
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| {
        let (document, error) = row.trim_matches(['|', ' ']).split_once(" | ")?;
        Some((document.trim_matches('`'), error.trim_matches(['`', ' '])))
    })
    .collect()
}

#[test]
fn the_errors_of_the_page_are_those_of_the_parser() {
    let page = std::fs::read_to_string(folder("../docs/configuration.md")).expect("the page");
    let errors = errors_of_the_page(&page);
    assert!(errors.len() > 10, "only {} errors", errors.len());
    for (document, error) in errors {
        let told = match CircuitBreaker::from_json("page", document) {
            Ok(_) => panic!("{document} is allowed"),
            Err(e) => e.to_string(),
        };
        assert_eq!(told.trim_end_matches('`'), error, "{document}");
    }
}

// ---- the schema ----

#[test]
fn the_schema_of_the_document_is_these_bytes() {
    hold_against("schema.json", &schema());
}

/// Every document of the vectors that is valid, or that is not.
fn documents(key: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let inside = |folder: &Path| std::fs::read_dir(folder).expect("the vectors").flatten();
    let top = folder("vectors");
    let parts = inside(&top).map(|entry| entry.path()).filter(|path| path.is_dir());
    let entries = parts.chain([top.clone()]).flat_map(|folder| inside(&folder));
    for entry in entries.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "json")) {
        let text = std::fs::read_to_string(entry.path()).expect("a vector file");
        let file: Value = serde_json::from_str(&text).expect("JSON");
        for case in file["cases"].as_array().into_iter().flatten() {
            let name = format!("{}: {}", entry.file_name().display(), case["name"]);
            found.extend(case.get(key).map(|document| (name.clone(), document.clone())));
            let steps = case["steps"].as_array().into_iter().flatten();
            let valid = steps.filter(|step| (step.get("error").is_none()) == (key == "config"));
            found.extend(valid.filter_map(|step| Some((name.clone(), step.get("config")?.clone()))));
        }
    }
    found
}

fn validator() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(&schema()).expect("JSON");
    jsonschema::draft202012::meta::validate(&schema).expect("a schema of draft 2020-12");
    jsonschema::draft202012::new(&schema).expect("a schema that compiles")
}

#[test]
fn every_valid_document_of_the_vectors_fits_the_schema() {
    let (validator, documents) = (validator(), documents("config"));
    assert!(documents.len() > 300, "only {} documents", documents.len());
    for (name, document) in documents {
        if let Err(e) = validator.validate(&document) {
            panic!("{name}: {document} does not fit: {e}");
        }
    }
}

/// Two keys that do not fit together, a duration in text that is out of range: a schema cannot tell. It must refuse the
/// rest, and it must never refuse more than the parser.
#[test]
fn most_invalid_documents_do_not_fit_the_schema() {
    let (validator, documents) = (validator(), documents("invalid_config"));
    let refused = documents.iter().filter(|(_, document)| !validator.is_valid(document)).count();
    assert!(documents.len() > 100, "only {} documents", documents.len());
    assert!(refused * 3 > documents.len() * 2, "the schema refuses {refused} of {}", documents.len());
    for (name, document) in &documents {
        // By the name that the vectors give to their breakers: a document may be wrong for its own breaker alone.
        assert!(CircuitBreaker::from_json("case", &document.to_string()).is_err(), "{name}");
    }
}

/// What the schema says of the gates' tables; of several kinds of a table it takes exactly one.
#[test]
fn tables_of_gates_fit_the_schema_as_written_and_in_full() {
    let validator = validator();
    for text in [
        r#"{"rate_limit": {}, "priority": {}, "bulkhead": {"max_concurrent": 4, "queue_timeout": 1}}"#,
        r#"{"rate_limit": {"reserve": {"high": 3}, "adaptive": {"max": 1000000}}, "priority": {"min": 30}}"#,
        r#"{"rate_limit": {"algorithm": "leaky_bucket", "max_wait": "0s", "adaptive": {}}, "concurrency_limit": {}}"#,
        r#"{"rate_limit": {"algorithm": "fixed_window", "limit": 1000000000}, "priority": {"open_bypass": "high"}}"#,
        r#"{"rate_limit": {"algorithm": "sliding_window"}, "concurrency_limit": {"reserved": {"low": 0.25}}}"#,
        r#"{"concurrency_limit": {"kind": "gradient", "initial": 3, "queue_timeout": {"low": "1ms"}}}"#,
    ] {
        let document: Value = serde_json::from_str(text).expect("JSON");
        let breaker = CircuitBreaker::from_json("full", text).expect("a valid document");
        let full: Value = serde_json::from_str(&breaker.document()).expect("JSON");
        for document in [document, full] {
            if let Err(e) = validator.validate(&document) {
                panic!("{document} does not fit: {e}");
            }
        }
    }
    for text in [
        r#"{"rate_limit": {"algorithm": "sliding_window", "limit": 65537}}"#,
        r#"{"rate_limit": {"limit": 5}}"#,
        r#"{"bulkhead": {}}"#,
        r#"{"bulkhead": {"max_concurrent": 4, "queue_timeout": {"low": "soon"}}}"#,
        r#"{"bulkhead": {"max_concurrent": 4}, "concurrency_limit": {}}"#,
        r#"{"concurrency_limit": {"backoff_ratio": 1}}"#,
    ] {
        let document: Value = serde_json::from_str(text).expect("JSON");
        assert!(CircuitBreaker::from_json("wrong", text).is_err(), "{text}");
        assert!(!validator.is_valid(&document), "{text} fits");
    }
}

/// The same of the policies around the call.
#[test]
fn tables_of_policies_fit_the_schema_as_written_and_in_full() {
    let validator = validator();
    for text in [
        r#"{"timeout": "1s", "retry": {}, "cache": {}, "hedge": {}, "features": {}, "fallback": ["x", "breaker:y"]}"#,
        r#"{"timeout": 0.25, "retry": {"budget": false, "on": [], "per_method": {"LOCK": 2, "GET": 1}}}"#,
        r#"{"timeout": {}, "retry": {"backoff": {"kind": "fixed", "base": "1h"}, "budget": {"ratio": 0}}}"#,
        r#"{"timeout": {"kind": "adaptive", "max": "24h"}, "retry": {"backoff": {"multiplier": 100}}}"#,
        r#"{"timeout": {"kind": "hybrid", "percentile": 0.5}, "hedge": {"after": "p95", "max": 10}}"#,
        r#"{"fallback": ["cache"], "cache": {"mode": "read_through", "stale_ttl": 0, "coalesce": true}}"#,
        r#"{"features": {"a b": {"requires": ["c"], "required": true}, "c": {"min_health": 1, "priority": 0}}}"#,
    ] {
        let document: Value = serde_json::from_str(text).expect("JSON");
        let breaker = CircuitBreaker::from_json("full", text).expect("a valid document");
        let full: Value = serde_json::from_str(&breaker.document()).expect("JSON");
        for document in [document, full] {
            if let Err(e) = validator.validate(&document) {
                panic!("{document} does not fit: {e}");
            }
        }
    }
    for text in [
        r#"{"timeout": 0}"#,
        r#"{"timeout": {"kind": "adaptive", "percentile": 0.5}}"#,
        r#"{"timeout": {"percentile": 1}}"#,
        r#"{"retry": {"on": ["http_500"]}}"#,
        r#"{"retry": {"per_method": {"LOCK": 0}}}"#,
        r#"{"retry": {"budget": true}}"#,
        r#"{"retry": {"backoff": {"reset_after": "1s"}}}"#,
        r#"{"fallback": []}"#,
        r#"{"fallback": ["x", "x"]}"#,
        r#"{"fallback": ["breaker:"]}"#,
        r#"{"cache": {"mode": "always"}}"#,
        r#"{"cache": {"coalesce": 1}}"#,
        r#"{"hedge": {"after": "p99"}}"#,
        r#"{"hedge": {"max": 11}}"#,
        r#"{"features": {"": {}}}"#,
        r#"{"features": {"a": {"min_health": 0}}}"#,
        r#"{"features": {"a": {"requires": "b"}, "b": {}}}"#,
    ] {
        let document: Value = serde_json::from_str(text).expect("JSON");
        assert!(CircuitBreaker::from_json("wrong", text).is_err(), "{text}");
        assert!(!validator.is_valid(&document), "{text} fits");
    }
}

#[test]
fn a_full_document_fits_the_schema() {
    let validator = validator();
    for (name, document) in documents("config") {
        let breaker = CircuitBreaker::from_json("full", &document.to_string()).expect("a valid document");
        let full: Value = serde_json::from_str(&breaker.document()).expect("JSON");
        if let Err(e) = validator.validate(&full) {
            panic!("{name}: {full} does not fit: {e}");
        }
    }
}
