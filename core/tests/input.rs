//! Bad input and bad luck: what is wrong is refused with an error that names it, and what goes wrong in somebody else's
//! code disturbs no call.

#![allow(missing_docs)]

use fusewire::{
    Backoff, Builder, By, CallError, CircuitBreaker, Clock, ConfigError, Error, ManualClock, Mode, Outcome,
    Ramp, Registry, Settled, State, Window,
};
use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn refused(builder: Builder) -> ConfigError {
    match builder.clone().build("input") {
        Err(Error::Config(e)) => e,
        other => panic!("{builder:?}: {other:?}"),
    }
}

fn refused_json(json: &str) -> ConfigError {
    match CircuitBreaker::from_json("input", json) {
        Err(Error::Config(e)) => e,
        other => panic!("{json}: {other:?}"),
    }
}

fn builder() -> Builder {
    CircuitBreaker::builder()
}

// ---- documents ----

#[test]
fn numbers_that_are_none_or_have_no_place_are_refused() {
    let window = || Window::time(SECOND);
    for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.1, -f64::MIN_POSITIVE, 1.000_01, 1e300, f64::MAX]
    {
        for (key, builder) in [
            ("window.failure_rate", builder().window(window().failure_rate(x))),
            (
                "window.slow_call_rate",
                builder().slow_call_duration(SECOND).window(window().slow_call_rate(x)),
            ),
            ("window.floor", builder().window(Window::adaptive(SECOND).floor(x))),
            ("window.baseline", builder().window(Window::adaptive(SECOND).baseline(x))),
            ("backoff.jitter", builder().backoff(Backoff::fixed().jitter(x))),
            ("ramp.initial", builder().ramp(Ramp::new().initial(x))),
            ("ramp.step", builder().ramp(Ramp::new().step(x))),
            ("ramp.max_failure_rate", builder().ramp(Ramp::new().max_failure_rate(x))),
        ] {
            let e = refused(builder);
            assert_eq!(e.key(), key, "{x}: {e}");
            assert!(!e.value().is_empty() && e.allowed().contains("ten-thousandths"), "{e}");
        }
    }
    for x in [f64::NAN, f64::INFINITY, 0.999_9, 100.000_1, -2.0] {
        assert_eq!(
            refused(builder().backoff(Backoff::exponential().multiplier(x))).key(),
            "backoff.multiplier"
        );
    }
    for n in [0, u32::MAX] {
        for (key, builder) in [
            ("failure_threshold", builder().failure_threshold(n)),
            ("half_open_max_calls", builder().half_open_max_calls(n)),
            ("half_open_concurrency", builder().half_open_concurrency(n)),
            ("success_threshold", builder().success_threshold(n)),
            ("window.size", builder().window(Window::count(n))),
            ("window.min_calls", builder().window(window().min_calls(n))),
            ("window.buckets", builder().window(window().buckets(n))),
            ("window.memory_calls", builder().window(Window::adaptive(SECOND).memory_calls(n))),
            ("ramp.window_calls", builder().ramp(Ramp::new().window_calls(n))),
        ] {
            let e = refused(builder);
            assert_eq!((e.key(), e.value()), (key, n.to_string().as_str()), "{e}");
        }
    }
    assert_eq!(refused(builder().sample_durations_every(u32::MAX)).key(), "sample_durations_every");
    assert_eq!(refused(builder().seed(1 << 53)).key(), "seed");
    assert!(builder().seed((1 << 53) - 1).build("input").is_ok());
}

#[test]
fn absurd_durations_are_refused_and_shown_as_they_were_given() {
    let too_long = Duration::from_secs(168 * 3_600) + Duration::from_nanos(1);
    for d in [Duration::ZERO, Duration::from_nanos(999_999), too_long, Duration::MAX] {
        for (key, builder) in [
            ("slow_call_duration", builder().slow_call_duration(d)),
            ("cancelled_after", builder().cancelled_after(d)),
            ("recovery_timeout", builder().recovery_timeout(d)),
            ("half_open_timeout", builder().half_open_timeout(d)),
            ("backoff.reset_after", builder().backoff(Backoff::fixed().reset_after(d))),
            ("ramp.step_timeout", builder().ramp(Ramp::new().step_timeout(d))),
            ("window.period", builder().window(Window::time(d))),
        ] {
            let e = refused(builder);
            assert_eq!((e.key(), e.value()), (key, format!("\"{}ns\"", d.as_nanos()).as_str()), "{e}");
        }
        let breaker = builder().build("input").expect("defaults");
        let e = breaker.trip(Some(d), By::default()).expect_err("out of range");
        assert_eq!(e.key(), "duration");
        assert!(e.allowed().contains("1ms..=168h"), "{e}");
        assert_eq!(breaker.snapshot().generation, 0, "nothing has changed");
    }
    for d in [Duration::from_millis(1), too_long - Duration::from_nanos(1)] {
        assert!(builder().recovery_timeout(d).half_open_timeout(d).build("input").is_ok(), "{d:?}");
    }
}

#[test]
fn a_key_written_twice_is_an_error_that_names_it() {
    for (json, key) in [
        (r#"{"failure_threshold": 3, "failure_threshold": 3}"#, "failure_threshold"),
        (r#"{"window": {"kind": "count", "size": 10, "size": 20}}"#, "window.size"),
        (r#"{"ramp": {}, "mode": "auto", "ramp": {}}"#, "ramp"),
        (r#"{"no_such_key": 1, "no_such_key": 1}"#, "no_such_key"),
    ] {
        assert_eq!(refused_json(json).key(), key, "{json}");
    }
}

#[test]
fn text_that_is_no_object_is_refused_without_harm() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let long = format!("{{\"{}\": 1}}", "k".repeat(1_000_000));
    for json in [
        "",
        "{",
        "null",
        "[]",
        "1",
        "\"auto\"",
        "{} {}",
        "{'mode': 'auto'}",
        "\u{0}",
        "{\"mode\": NaN}",
        &deep,
    ] {
        let e = refused_json(json);
        assert_eq!(e.key(), "", "{e}");
        assert!(e.to_string().starts_with("configuration: "), "{e}");
    }
    assert_eq!(refused_json(&long).key().len(), 1_000_000);
    assert_eq!(refused_json(r#"{"seed": 123456789012345678901234567890}"#).key(), "seed");
    assert_eq!(refused_json(r#"{"failure_threshold": 1e400}"#).key(), "", "no number that there is");
}

#[test]
fn an_error_names_key_value_and_range_in_its_text() {
    for (json, text) in [
        (
            r#"{"failure_threshold": 0}"#,
            "configuration: `failure_threshold` is 0; allowed: a whole number in 1..=1000000",
        ),
        (
            r#"{"window": {"kind": "count", "size": 10, "min_calls": 11}}"#,
            "configuration: `window.min_calls` is 11; allowed: a whole number in 1..=10 (bound by `size`)",
        ),
        (
            r#"{"recovery_timeout": "0s"}"#,
            "configuration: `recovery_timeout` is \"0s\"; allowed: a duration such as \"500ms\", \"1.5s\", \"2m\", or a \
             number of seconds, in 1ms..=168h",
        ),
        (
            r#"{"window": {"kind": "time", "failure_rate": 1.5}}"#,
            "configuration: `window.failure_rate` is 1.5; allowed: a number in (0, 1], kept in ten-thousandths",
        ),
        (
            r#"{"mode": "open"}"#,
            "configuration: `mode` is \"open\"; allowed: one of auto, shadow, forced_open, forced_closed",
        ),
    ] {
        assert_eq!(refused_json(json).to_string(), text);
    }
    let unknown = refused_json(r#"{"failure_treshold": 3}"#).to_string();
    assert!(
        unknown.contains("`failure_treshold` is 3") && unknown.contains("failure_threshold"),
        "{unknown}"
    );
}

// ---- names and registries ----

#[test]
fn names_that_no_metric_could_bear_are_refused() {
    let longest = "ä".repeat(127) + "b";
    assert_eq!(longest.len(), 255);
    for name in ["a", "payments (eu-west)", "zahlungen-öäü", "名前", "quote\" back\\slash", &longest] {
        assert_eq!(builder().build(name).expect("a good name").name(), name);
    }
    let registry = Registry::new();
    for name in [
        "",
        "line\nbreak",
        "nul\0",
        "tab\t",
        "bell\u{7}",
        "delete\u{7f}",
        "\u{85}",
        &"ä".repeat(128),
        &"x".repeat(1 << 20),
    ] {
        for refused in [builder().build(name), registry.get_or_create(name, builder())] {
            let Err(Error::Name { name: shown }) = &refused else { panic!("{name:?}: {refused:?}") };
            assert!(shown.len() <= 255 && name.starts_with(shown.as_str()));
            let text = refused.expect_err("refused").to_string();
            assert!(text.contains("1 to 255 bytes") && !text.contains('\n') && text.len() < 3_000, "{text}");
        }
    }
    assert!(registry.is_empty(), "nothing was left behind");
    assert!(registry.get("never made").is_none());
}

#[test]
fn the_same_name_with_another_document_is_an_error_that_shows_both() {
    let registry = Registry::new();
    let first = registry.get_or_create("payments", builder().failure_threshold(3)).expect("new");
    let again =
        registry.get_or_create_json("payments", r#"{"failure_threshold": 3.0}"#).expect("the same document");
    let _ = first.try_acquire().expect("closed").failure("x");
    assert_eq!(again.snapshot().totals.failure, 1, "the same breaker");
    let e = registry.get_or_create("payments", builder().failure_threshold(4)).expect_err("another document");
    let Error::Conflict { name, existing, requested } = &e else { panic!("{e:?}") };
    assert_eq!(name, "payments");
    assert!(
        existing.contains("\"failure_threshold\":3") && requested.contains("\"failure_threshold\":4"),
        "{e}"
    );
    let text = e.to_string();
    assert!(text.contains(existing) && text.contains(requested) && text.contains("`reconfigure`"), "{text}");
    assert!(e.source().is_none());
    let e =
        registry.get_or_create("payments", builder().failure_threshold(0)).expect_err("no document at all");
    assert!(e.source().is_some_and(|s| s.is::<ConfigError>()), "{e:?}");
    assert_eq!(
        registry.reconfigure("nobody", builder(), By::default()).expect_err("no such breaker").to_string(),
        "there is no circuit breaker 'nobody'"
    );
}

#[test]
fn a_refused_reconfigure_changes_nothing() {
    let breaker = builder().failure_threshold(3).build("input").expect("valid");
    let _ = breaker.try_acquire().expect("closed").failure("x");
    let before = (breaker.snapshot(), breaker.document());
    assert_eq!(
        breaker.reconfigure(builder().failure_threshold(0), By::default()).expect_err("refused").key(),
        "failure_threshold"
    );
    assert_eq!((breaker.snapshot(), breaker.document()), before);
}

#[test]
fn ten_thousand_names_are_ten_thousand_breakers() {
    let registry = Registry::new();
    let n = 10_000;
    for i in 0..n {
        let breaker = registry.get_or_create(&format!("service {i}"), builder()).expect("valid");
        if i % 100 == 0 {
            let _ = breaker.try_acquire().expect("closed").failure("x");
        }
    }
    assert_eq!(registry.len(), n);
    assert_eq!(registry.snapshots().iter().map(|s| s.totals.failure).sum::<u64>(), n as u64 / 100);
    assert_eq!(registry.metrics().lines().filter(|l| l.starts_with("circuit_breaker_state{")).count(), 3 * n);
    for i in 0..n {
        assert!(registry.remove(&format!("service {i}")).is_some());
    }
    assert!(registry.is_empty());
}

#[test]
fn a_breaker_that_was_removed_goes_on_for_those_who_hold_it() {
    let registry = Registry::new();
    let breaker = registry.get_or_create("payments", builder().failure_threshold(1)).expect("new");
    let permit = breaker.try_acquire().expect("closed");
    assert!(registry.remove("payments").is_some() && registry.remove("payments").is_none());
    assert!(!registry.metrics().contains("payments"));
    assert_eq!(permit.failure("x"), Settled::Ok);
    assert_eq!(breaker.state(), State::Open);
    let other = registry.get_or_create("payments", builder().failure_threshold(2)).expect("another one");
    assert_eq!(other.snapshot().totals.failure, 0);
}

#[test]
fn memory_that_is_no_cell_is_refused() {
    #[repr(align(64))]
    struct Memory([AtomicU64; 4_096]);
    let memory = || -> &'static [AtomicU64] {
        &Box::leak(Box::new(Memory(std::array::from_fn(|_| AtomicU64::new(0))))).0
    };
    let words = builder().cell_words().expect("valid");
    assert!(words < 100);
    let good = memory();
    assert!(builder().build_in("input", &good[..words - 1]).is_err(), "too small");
    assert!(builder().build_in("input", &good[1..]).is_err(), "not at a multiple of 64");
    let first = builder().build_in("input", good).expect("zeros");
    first.half_open(By::default());
    drop(first);
    assert_eq!(builder().build_in("input", good).expect("taken up").state(), State::HalfOpen);
    let other = builder().window(Window::count(100));
    let e = other.build_in("input", good).expect_err("another layout").to_string();
    assert!(e.contains("layout"), "{e}");
}

// ---- somebody else's code ----

/// Panics without a word on the test's output.
fn quiet_panic(what: &str) -> ! {
    std::panic::resume_unwind(Box::new(what.to_owned()))
}

#[test]
fn a_classifier_that_panics_is_caught_and_the_result_is_unharmed() {
    let breaker = builder().build("input").expect("defaults");
    let answer = breaker.call_classified(|_| quiet_panic("no idea"), || Ok::<_, ()>(42));
    assert_eq!(answer, Ok(42));
    let answer = breaker.call_classified(|_| quiet_panic("no idea"), || Err::<(), _>("its own error"));
    assert_eq!(answer, Err(CallError::Inner("its own error")));
    let settled =
        breaker.try_acquire().expect("closed").classify(&Ok::<_, ()>(()), |_| quiet_panic("no idea"));
    assert_eq!(settled, Settled::Ok);
    let totals = breaker.snapshot().totals;
    assert_eq!(
        (totals.success, totals.failure),
        (2, 1),
        "the results count as they would without a classifier"
    );
}

#[test]
fn a_call_that_panics_is_a_failure_and_the_panic_goes_on() {
    let breaker = builder().failure_threshold(3).build("input").expect("valid");
    for call in 0..2 {
        let panicked = std::panic::catch_unwind(|| match call {
            0 => breaker.call(|| -> Result<(), ()> { quiet_panic("the service's own") }),
            _ => breaker.call_classified(
                |_| Outcome::Success,
                || -> Result<(), ()> { quiet_panic("the service's own") },
            ),
        });
        let panic = panicked.expect_err("it goes on");
        assert_eq!(panic.downcast_ref::<String>().map(String::as_str), Some("the service's own"));
    }
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.totals.failure, snapshot.consecutive_failures), (2, Some(2)));
    assert_eq!(snapshot.failures_by_type, [("panic".to_owned(), 2)]);
}

#[test]
fn a_listener_that_panics_harms_neither_call_nor_transition() {
    let breaker = builder().failure_threshold(1).build("input").expect("valid");
    let heard = Arc::new(AtomicU64::new(0));
    let _bad = breaker.subscribe(|_| quiet_panic("a listener"));
    let count = Arc::clone(&heard);
    let _good = breaker.subscribe(move |event| {
        count.fetch_add(event.generation, SeqCst);
    });
    assert_eq!(breaker.call(|| Err::<(), _>("x")), Err(CallError::Inner("x")));
    breaker.reset(By::default());
    assert_eq!((heard.load(SeqCst), breaker.state()), (1 + 2, State::Closed));
}

#[test]
fn a_permit_dropped_by_a_panic_of_its_holder_is_ignored() {
    let breaker = builder().failure_threshold(1).build("input").expect("valid");
    let panicked = std::panic::catch_unwind(|| {
        let _permit = breaker.try_acquire().expect("closed");
        quiet_panic("before the call")
    });
    assert!(panicked.is_err());
    assert_eq!((breaker.snapshot().totals.ignored, breaker.state()), (1, State::Closed));
}

// ---- clocks ----

/// A clock that does what it is told, backwards too.
#[derive(Clone, Default)]
struct BadClock(Arc<AtomicU64>);

impl Clock for BadClock {
    fn now(&self) -> u64 {
        self.0.load(SeqCst)
    }
}

#[test]
fn a_clock_set_back_makes_nothing_worse_than_late() {
    for detector in [
        r#""failure_threshold": 2"#,
        r#""window": {"kind": "count", "size": 10, "min_calls": 2}"#,
        r#""window": {"kind": "time", "period": "10s", "min_calls": 2}"#,
        r#""window": {"kind": "adaptive", "period": "10s", "min_calls": 2, "min_failures": 2}"#,
    ] {
        let (clock, hour) = (BadClock::default(), 3_600_000_000_000);
        let document = format!("{{{detector}, \"slow_call_duration\": \"1s\", \"half_open_max_calls\": 1}}");
        let breaker =
            Builder::from_json(&document).expect("JSON").clock(clock.clone()).build("input").expect("valid");
        clock.0.store(100 * hour, SeqCst);
        let permit = breaker.try_acquire().expect("closed");
        clock.0.store(hour, SeqCst);
        assert_eq!(permit.success(), Settled::Ok);
        assert_eq!(breaker.snapshot().totals.slow, 0, "a call that ended before it began took no time");
        while breaker.state() == State::Closed {
            assert_eq!(breaker.try_acquire().expect("closed").failure("x"), Settled::Ok);
            assert!(breaker.snapshot().totals.failure <= 2, "{detector}");
        }
        clock.0.store(0, SeqCst);
        let rejection = breaker.try_acquire().expect_err("open");
        assert!(rejection.retry_after() <= Some(Duration::from_secs(3_600 + 60)), "{detector}: {rejection}");
        clock.0.store(hour + 60_000_000_000, SeqCst);
        let probe = breaker.try_acquire().expect("a probe");
        clock.0.store(1, SeqCst);
        assert_eq!(probe.success(), Settled::Ok);
        assert_eq!(breaker.state(), State::Closed);
        let _ = (breaker.snapshot(), breaker.try_acquire().expect("closed").success());
    }
}

#[test]
fn the_end_of_time_is_survived() {
    for detector in [
        r#""failure_threshold": 2"#,
        r#""window": {"kind": "time", "period": "24h", "buckets": 60, "min_calls": 2}"#,
        r#""window": {"kind": "time", "period": "1s", "buckets": 50, "min_calls": 2}"#,
        r#""window": {"kind": "adaptive", "period": "1s", "buckets": 1, "min_calls": 2, "min_failures": 2}"#,
    ] {
        let clock = BadClock::default();
        let document = format!(
            "{{{detector}, \"recovery_timeout\": \"168h\", \"half_open_max_calls\": 1, \"ramp\": {{\"window_calls\": 1}}, \
             \"backoff\": {{\"kind\": \"exponential\", \"multiplier\": 100, \"max\": \"1680h\", \"jitter\": 1}}}}"
        );
        let breaker =
            Builder::from_json(&document).expect("JSON").clock(clock.clone()).build("input").expect("valid");
        for near in [u64::MAX - 1_000, u64::MAX] {
            clock.0.store(near, SeqCst);
            for _ in 0..2 {
                let _ = breaker.try_acquire().expect("closed").failure("x");
            }
            assert_eq!(breaker.snapshot().stored_state, State::Open, "{detector} at {near}");
            let (state, retry) = (breaker.state(), breaker.snapshot().retry_after);
            assert!(retry <= Some(1_000), "a deadline saturates at the end of time: {state}, {retry:?}");
            clock.0.store(u64::MAX, SeqCst);
            breaker.poll();
            let probe = breaker.try_acquire().expect("a probe");
            let settled = probe.settle(Outcome::Success, Some(Duration::MAX), None);
            assert!(matches!(settled, Settled::Ok | Settled::Late));
            breaker.half_open(By::default());
            breaker.set_mode(Mode::ForcedClosed, By::default());
            breaker.set_mode(Mode::Auto, By::default());
        }
        let _ = fusewire::json(&breaker.snapshot()).to_string();
    }
}

#[test]
fn reported_durations_may_be_anything() {
    let breaker = builder().slow_call_duration(SECOND).build("input").expect("valid");
    for d in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX, Duration::MAX] {
        let _ = breaker.try_acquire().expect("closed").settle(Outcome::Success, Some(d), None);
    }
    let snapshot = breaker.snapshot();
    assert_eq!(
        (snapshot.totals.slow, snapshot.durations[0].count(), snapshot.durations[0].sum),
        (2, 4, u64::MAX)
    );
    let registry = Registry::new();
    let other = registry.get_or_create("metrics", builder()).expect("valid");
    let _ = other.try_acquire().expect("closed").settle(Outcome::Failure, Some(Duration::MAX), None);
    assert!(registry.metrics().contains("_sum{service=\"metrics\",status=\"failure\"} 18446744073.709553"));
}

#[test]
fn error_types_and_actors_may_be_anything() {
    let breaker = builder().build("input").expect("defaults");
    let events = breaker.events(10);
    let long = "ü".repeat(1_000);
    for error_type in ["", "other", "\0\n\"\\", "🦀", &long] {
        let _ = breaker.try_acquire().expect("closed").failure(error_type);
        let _ = breaker.try_acquire().expect("closed").success();
    }
    breaker.trip(None, By::new(&long, &long)).expect("no duration");
    breaker.reset(By::new("", ""));
    let events = events.drain();
    assert_eq!(events[0].actor.as_deref().map(str::len), Some(64));
    assert_eq!(events[0].reason.as_deref().map(str::len), Some(256));
    assert_eq!(events[1].actor.as_deref(), Some(""));
    let types = breaker.snapshot().failures_by_type;
    assert_eq!(types.len(), 3, "without a type, and `other` itself, are `other`: {types:?}");
    assert_eq!(types[2].0, "ü".repeat(32));
}

#[test]
fn duration_bounds_of_a_registry_must_ascend() {
    for bounds in [vec![], vec![SECOND, SECOND], vec![SECOND * 2, SECOND], vec![SECOND; 65]] {
        assert_eq!(Registry::with_duration_bounds(&bounds).expect_err("refused").key(), "duration_bounds");
    }
    let bounds: Vec<Duration> = (1..=64).map(|i| SECOND * i).collect();
    assert!(Registry::with_duration_bounds(&bounds).is_ok());
}

#[test]
fn a_manual_clock_never_runs_back() {
    let clock = ManualClock::new();
    clock.advance(Duration::MAX);
    clock.set(5);
    assert_eq!(clock.now(), u64::MAX);
}
