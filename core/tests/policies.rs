//! The policies around the call as Rust writes them, and what of them is refused.

#![allow(missing_docs)]

use fusewire::{
    Builder, By, Cache, Category, CircuitBreaker, ConfigError, Error, Fallback, Feature, Hedge, Registry,
    Retry, RetryBackoff, RetryBudget, Timeout,
};
use std::time::Duration;

/// The builder writes the document that the text is.
fn same(builder: &Builder, json: &str) {
    let full = |builder: Builder| builder.build("policies").map(|breaker| breaker.document());
    let expected = full(Builder::from_json(json).expect(json)).expect(json);
    assert_eq!(full(builder.clone()).expect(json), expected, "{}", builder.to_json());
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> ConfigError {
    match result {
        Err(Error::Config(e)) => e,
        other => panic!("{other:?}"),
    }
}

#[test]
fn timeouts_and_retries_are_written_as_the_parser_reads_them() {
    let (ms, builder) = (Duration::from_millis, CircuitBreaker::builder);
    same(&builder().timeout(ms(250)), r#"{"timeout": "250ms"}"#);
    let learned = Timeout::percentile().percentile_of(0.5).factor(2.0).min(ms(1)).max(ms(9));
    same(
        &builder().timeout(learned.window(10).initial(ms(5))),
        r#"{"timeout": {"percentile": 0.5, "factor": 2, "min": "1ms", "max": "9ms", "window": 10, "initial": "5ms"}}"#,
    );
    same(&builder().timeout(Timeout::from(ms(3)).factor(2.0)), r#"{"timeout": {"factor": 2}}"#);
    same(&builder().timeout(Timeout::adaptive()), r#"{"timeout": {"kind": "adaptive"}}"#);
    same(&builder().timeout(Timeout::hybrid()), r#"{"timeout": {"kind": "hybrid"}}"#);
    let backoff = RetryBackoff::resource_sensitive().base(ms(1)).max(ms(9)).multiplier(3.0).jitter(0.5);
    let retry = Retry::new()
        .max_attempts(7)
        .backoff(backoff)
        .on([Category::NetworkError, Category::Timeout])
        .rejected(true);
    let budget = RetryBudget::new().ratio(0.1).min_per_second(0.5).window(ms(2_000));
    same(
        &builder().retry(retry.per_method("GET", 2).per_method("LOCK", 3).max_elapsed(ms(9)).budget(budget)),
        r#"{"retry": {"max_attempts": 7, "backoff": {"kind": "resource_sensitive", "base": "1ms", "max": "9ms",
            "multiplier": 3, "jitter": 0.5}, "on": ["timeout", "network_error"], "rejected": true,
            "per_method": {"GET": 2, "LOCK": 3}, "max_elapsed": "9ms",
            "budget": {"ratio": 0.1, "min_per_second": 0.5, "window": 2}}}"#,
    );
    same(&builder().retry(Retry::new().without_budget()), r#"{"retry": {"budget": false}}"#);
    for (backoff, kind) in [
        (RetryBackoff::fixed(), "fixed"),
        (RetryBackoff::linear(), "linear"),
        (RetryBackoff::exponential(), "exponential"),
        (RetryBackoff::fibonacci(), "fibonacci"),
        (RetryBackoff::decorrelated_jitter(), "decorrelated_jitter"),
        (RetryBackoff::pattern_based(), "pattern_based"),
        (RetryBackoff::adaptive(), "adaptive"),
    ] {
        let json = format!(r#"{{"retry": {{"backoff": {{"kind": "{kind}"}}}}}}"#);
        same(&builder().retry(Retry::new().backoff(backoff)), &json);
    }
}

#[test]
fn fallbacks_caches_hedges_and_features_are_written_as_the_parser_reads_them() {
    let (ms, builder) = (Duration::from_millis, CircuitBreaker::builder);
    let cache = Cache::read_through().ttl(ms(1)).stale_ttl(ms(2)).max_entries(3).coalesce(true);
    same(
        &builder().fallback(Fallback::new().breaker("b").cache().named("c")).cache(cache),
        r#"{"fallback": ["breaker:b", "cache", "c"], "cache": {"mode": "read_through", "ttl": "1ms",
            "stale_ttl": "2ms", "max_entries": 3, "coalesce": true}}"#,
    );
    let names = vec!["b".to_owned(), "breaker:b".to_owned()];
    same(&builder().fallback(Fallback::from_iter(names)), r#"{"fallback": ["b", "breaker:b"]}"#);
    same(&builder().cache(Cache::on_failure()), r#"{"cache": {}}"#);
    same(&builder().hedge(Hedge::after(ms(7)).max(2)), r#"{"hedge": {"after": "7ms", "max": 2}}"#);
    same(&builder().hedge(Hedge::p95()), r#"{"hedge": {"after": "p95"}}"#);
    same(&builder().hedge(Hedge::new()), r#"{"hedge": {}}"#);
    let search = Feature::new().priority(9).requires(["login"]).min_health(0.9).test_duration(ms(1));
    let search = search.min_calls(2).required(true);
    same(
        &builder()
            .feature("search", Feature::new())
            .feature("login", Feature::new())
            .feature("search", search),
        r#"{"features": {"login": {}, "search": {"priority": 9, "requires": ["login"], "min_health": 0.9,
            "test_duration": "1ms", "min_calls": 2, "required": true}}}"#,
    );
}

#[test]
fn a_breaker_is_no_fallback_of_its_own() {
    let document = || CircuitBreaker::builder().fallback(["x", "breaker:a"]);
    let is_told = |error: &ConfigError| {
        assert_eq!((error.key(), error.value()), ("fallback", "\"breaker:a\""), "{error}");
    };
    is_told(&refused(document().build("a")));
    let registry = Registry::new();
    is_told(&refused(registry.get_or_create("a", document())));
    registry.get_or_create("a", CircuitBreaker::builder()).expect("without it");
    is_told(&refused(registry.reconfigure("a", document(), By::default())));
    let other = document().build("b").expect("another's");
    assert_eq!(other.reconfigure(document(), By::default()), Ok(false));
    let own = CircuitBreaker::builder().fallback(Fallback::new().breaker("b"));
    assert_eq!(other.reconfigure(own, By::default()).expect_err("its own").key(), "fallback");
}

#[test]
fn fallbacks_of_a_registry_lead_round_in_no_circle() {
    let registry = Registry::new();
    let to = |names: &[&str]| {
        CircuitBreaker::builder()
            .fallback(Fallback::from_iter(names.iter().map(|name| format!("breaker:{name}"))))
    };
    registry.get_or_create("a", to(&["b", "elsewhere"])).expect("b is not there yet");
    registry.get_or_create("b", to(&["c"])).expect("c is not there yet");
    let e = refused(registry.get_or_create("c", to(&["d", "a"])));
    assert_eq!((e.key(), e.value()), ("fallback", "\"breaker:a\""));
    assert_eq!(
        e.allowed(),
        "names of breakers that do not fall back to `c`, at once or over others: c -> a -> b -> c"
    );
    assert!(registry.get("c").is_none());
    registry.get_or_create("c", CircuitBreaker::builder()).expect("it falls back to nobody");
    registry.get_or_create("d", to(&["a", "b", "c"])).expect("nobody falls back to d");
    assert_eq!(refused(registry.reconfigure("c", to(&["d"]), By::default())).value(), "\"breaker:d\"");
    assert!(registry.reconfigure("c", to(&["elsewhere"]), By::default()).expect("no circle"));
    assert_eq!(registry.get_or_create("a", to(&["b", "elsewhere"])).expect("the same").name(), "a");
}

#[test]
fn a_document_that_says_the_same_in_other_words_changes_nothing() {
    let breaker = CircuitBreaker::from_json(
        "policies",
        r#"{"timeout": "60s", "retry": {"per_method": {"GET": 5}, "on": ["timeout", "network_error"]},
            "features": {"b": {"requires": ["a"]}, "a": {}}}"#,
    );
    let breaker = breaker.expect("a valid document");
    let reconfigure = |json: &str| {
        let document = Builder::from_json(json).expect(json);
        breaker.reconfigure(document, By::default()).expect(json)
    };
    assert!(!reconfigure(
        r#"{"features": {"a": {"priority": 50.0}, "b": {"requires": ["a", "a"]}}, "timeout": "1m",
            "retry": {"max_attempts": 3, "on": ["network_error", "timeout"], "per_method": {}}}"#,
    ));
    assert!(!reconfigure(&breaker.document()));
    assert!(reconfigure(r#"{"timeout": "60s"}"#));
    assert!(reconfigure("{}"));
}

#[test]
fn numbers_and_durations_that_have_no_place_are_refused() {
    let builder = CircuitBreaker::builder;
    for x in [f64::NAN, f64::INFINITY, -0.1, 1e300] {
        for (key, builder) in [
            ("timeout.percentile", builder().timeout(Timeout::hybrid().percentile_of(x))),
            ("timeout.factor", builder().timeout(Timeout::adaptive().factor(x))),
            ("retry.backoff.jitter", builder().retry(Retry::new().backoff(RetryBackoff::fixed().jitter(x)))),
            ("retry.budget.ratio", builder().retry(Retry::new().budget(RetryBudget::new().ratio(x)))),
            (
                "retry.budget.min_per_second",
                builder().retry(Retry::new().budget(RetryBudget::new().min_per_second(x))),
            ),
            ("features.a.min_health", builder().feature("a", Feature::new().min_health(x))),
        ] {
            assert_eq!(refused(builder.build("policies")).key(), key, "{x}");
        }
    }
    for d in [Duration::ZERO, Duration::from_nanos(999_999), Duration::MAX] {
        for (key, builder) in [
            ("timeout", builder().timeout(d)),
            ("timeout.min", builder().timeout(Timeout::percentile().min(d))),
            ("timeout.max", builder().timeout(Timeout::percentile().max(d))),
            ("timeout.initial", builder().timeout(Timeout::percentile().initial(d))),
            ("retry.backoff.base", builder().retry(Retry::new().backoff(RetryBackoff::fixed().base(d)))),
            ("retry.max_elapsed", builder().retry(Retry::new().max_elapsed(d))),
            ("retry.budget.window", builder().retry(Retry::new().budget(RetryBudget::new().window(d)))),
            ("cache.ttl", builder().cache(Cache::on_failure().ttl(d))),
            ("hedge.after", builder().hedge(Hedge::after(d))),
            ("features.a.test_duration", builder().feature("a", Feature::new().test_duration(d))),
        ] {
            let e = refused(builder.build("policies"));
            assert_eq!((e.key(), e.value()), (key, format!("\"{}ns\"", d.as_nanos()).as_str()), "{e}");
        }
    }
    assert_eq!(refused(builder().fallback(Fallback::new()).build("policies")).key(), "fallback");
}

#[test]
fn a_feature_that_a_call_names_is_that_of_the_table_it_was_asked_of() {
    let document = |features: &str| Builder::from_json(features).expect("JSON");
    let breaker = document(r#"{"features": {"a": {}}}"#).build("features").expect("valid");
    let asking = breaker.with(fusewire::Request::new().feature("a")).expect("it has that feature");
    breaker.reconfigure(document("{}"), By::default()).expect("valid");
    breaker.reconfigure(document(r#"{"features": {"b": {}}}"#), By::default()).expect("valid");
    assert_eq!(asking.call(|| Err::<(), _>("down")), Err(fusewire::CallError::Inner("down")));
    let b = &breaker.snapshot().features[0];
    assert_eq!((b.name.as_str(), b.admitted, b.failures), ("b", 0, 0));
}
