"""What every adapter of an HTTP client promises, whichever client it is."""

from __future__ import annotations

import pickle
import threading

import pytest
from clients import error_types, read

from fusewire import CircuitBreaker, CircuitOpenError, ConfigError, Registry
from fusewire.testing import ManualClock


def test_it_opens_on_5xx_and_a_rejected_call_does_not_reach_the_service(client, upstream, only):
    guarded = client(failure_threshold=3)
    upstream.phase("errors")
    before = upstream.total()
    assert [read(guarded, upstream.work) for _ in range(3)] == [503, 503, 503]
    assert only(guarded).state == "open"
    with pytest.raises(CircuitOpenError) as caught:
        guarded.open(upstream.work)
    assert (caught.value.name, caught.value.reason) == (upstream.origin, "open")
    assert caught.value.breaker is only(guarded)
    assert caught.value.last_failure.error_type == "503"
    assert upstream.total() == before + 3
    assert error_types(only(guarded)) == {"503": 3}


def test_a_rejection_is_an_error_of_the_client_too(client, upstream):
    clock = ManualClock()
    guarded = client(failure_threshold=1, recovery_timeout=30, clock=clock)
    upstream.phase("errors")
    read(guarded, upstream.work)
    clock.advance(10)
    with pytest.raises(guarded.error) as caught:
        guarded.open(upstream.work)
    error = caught.value
    assert type(error) is guarded.module.RejectedRequest
    assert isinstance(error, CircuitOpenError)
    assert error.retry_after == 20.0
    assert str(error) == str(CircuitOpenError(upstream.origin, "open", 20.0))
    assert str(error.request.url) == upstream.work
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.name, copy.reason, copy.retry_after) == (type(error), upstream.origin, "open", 20.0)


def test_it_recovers_when_the_service_does(client, upstream, only):
    clock = ManualClock()
    guarded = client(failure_threshold=1, recovery_timeout=1, half_open_max_calls=1, clock=clock)
    upstream.phase("errors")
    read(guarded, upstream.work)
    upstream.phase("healthy")
    with pytest.raises(CircuitOpenError):
        guarded.open(upstream.work)
    clock.advance(2)
    assert read(guarded, upstream.work) == 200
    assert only(guarded).state == "closed"


def test_4xx_is_an_answer_like_any_other_except_429(client, upstream, only):
    guarded = client(failure_threshold=2)
    upstream.phase("missing")
    assert [read(guarded, upstream.work) for _ in range(3)] == [404, 404, 404]
    assert only.outcomes(guarded) == {"success": 3}
    upstream.phase("busy")
    assert [read(guarded, upstream.work) for _ in range(2)] == [429, 429]
    assert only(guarded).state == "open"
    assert error_types(only(guarded)) == {"429": 2}


def test_is_failure_decides_what_a_status_means(client, upstream, only):
    guarded = client(failure_threshold=1, is_failure=lambda status: status == 404)
    upstream.phase("errors")
    read(guarded, upstream.work)
    assert only(guarded).state == "closed"
    upstream.phase("missing")
    read(guarded, upstream.work)
    assert only(guarded).state == "open"


def test_an_is_failure_that_raises_is_logged_and_the_default_decides(client, upstream, only, caplog):
    guarded = client(is_failure=lambda status: status.oops)
    upstream.phase("broken")
    assert read(guarded, upstream.work) == 500
    assert error_types(only(guarded)) == {"500": 1}
    assert f"is_failure of circuit breaker '{upstream.origin}' raised" in caplog.text


def test_the_retry_after_of_the_service_is_kept_on_the_rejection(client, bodies, only):
    clock = ManualClock()
    guarded = client(failure_threshold=1, recovery_timeout=5, half_open_max_calls=1, clock=clock)
    assert read(guarded, f"{bodies.origin}/status?code=503&Retry_After=3600") == 503
    with pytest.raises(CircuitOpenError) as caught:
        guarded.open(f"{bodies.origin}/whole")
    assert caught.value.retry_after == 5.0
    assert 0 < caught.value.service_retry_after <= 3600
    copy = pickle.loads(pickle.dumps(caught.value))
    assert copy.service_retry_after == caught.value.service_retry_after
    clock.advance(5)
    assert read(guarded, f"{bodies.origin}/whole") == 200
    only(guarded).trip()
    with pytest.raises(CircuitOpenError) as caught:
        guarded.open(f"{bodies.origin}/whole")
    assert caught.value.service_retry_after is None


def test_there_is_one_breaker_for_each_origin(client, upstream, bodies):
    guarded = client(breaker=lambda key: {"failure_threshold": 1 if key == upstream.origin else 2})
    upstream.phase("errors")
    read(guarded, upstream.work)
    assert read(guarded, f"{bodies.origin}/whole") == 200
    breakers = guarded.adapter.breakers
    assert [(key, breaker.state) for key, breaker in breakers.items()] == [
        (upstream.origin, "open"),
        (bodies.origin, "closed"),
    ]
    assert '"failure_threshold":2' in breakers[bodies.origin].document().replace(" ", "")


def test_an_origin_is_the_same_in_each_spelling(client, bodies):
    guarded = client()
    for url in ("http://LocalHost:{}/whole", "HTTP://localhost:{}/whole?a=b#c", "http://user:pass@localhost:{}/whole"):
        assert read(guarded, url.format(bodies.port)) == 200
    assert list(guarded.adapter.breakers) == [f"http://localhost:{bodies.port}"]


def test_key_divides_otherwise_and_the_breakers_are_shown_in_a_registry(client, upstream):
    registry = Registry()
    seen = set()

    def key(request):
        seen.add(request.method)
        return str(request.url).partition("tag=")[2] or "none"

    guarded = client(failure_threshold=1, registry=registry, key=key)
    upstream.phase("errors")
    read(guarded, f"{upstream.work}?tag=a")
    with pytest.raises(CircuitOpenError):
        guarded.open(f"{upstream.work}?tag=a")
    assert read(guarded, f"{upstream.work}?tag=b") == 503
    assert read(guarded, upstream.work) == 503
    assert registry.names() == ["a", "b", "none"]
    assert 'circuit_breaker_state{service="a",state="open"} 1' in registry.metrics()
    assert seen == {"GET"}


def test_a_key_that_is_wrong_is_told_and_nothing_is_sent(client, upstream):
    before = upstream.total()
    with pytest.raises(ConfigError, match="name"):
        client(key=lambda request: 7).open(upstream.work)
    with pytest.raises(ZeroDivisionError):
        client(key=lambda request: 1 / 0).open(upstream.work)
    assert upstream.total() == before


def test_one_breaker_may_guard_every_request(client, upstream, bodies):
    mine = CircuitBreaker("partner", failure_threshold=1)
    guarded = client(breaker=mine)
    upstream.phase("errors")
    read(guarded, upstream.work)
    with pytest.raises(CircuitOpenError) as caught:
        guarded.open(f"{bodies.origin}/whole")
    assert caught.value.breaker is mine
    assert guarded.adapter.breakers == {"partner": mine}


def test_the_1000_breakers_that_were_used_last_are_kept(client, upstream):
    registry = Registry()
    keys = iter([*(f"k{n}" for n in range(1000)), "k0", "one more"])
    guarded = client(key=lambda request: next(keys), registry=registry)
    upstream.phase("healthy")
    for _ in range(1002):
        assert read(guarded, upstream.work) == 200
    breakers = guarded.adapter.breakers
    assert len(breakers) == len(registry) == 1000
    assert list(breakers)[-2:] == ["k0", "one more"]
    assert "k1" not in breakers
    assert "k1" not in registry
    assert 'service="k1"' not in registry.metrics()


@pytest.mark.parametrize("whole_body", [False, True])
def test_each_hop_of_a_redirect_is_a_call_of_its_origin(client, upstream, bodies, whole_body):
    guarded = client(failure_threshold=1, whole_body=whole_body)
    upstream.phase("errors")
    assert read(guarded, f"{bodies.origin}/redirect?to={upstream.work}") == 503
    breakers = guarded.adapter.breakers
    states = {key: breaker.state for key, breaker in breakers.items()}
    assert states == {bodies.origin: "closed", upstream.origin: "open"}
    assert breakers[bodies.origin].snapshot().totals.success == 1
    with pytest.raises(CircuitOpenError) as caught:
        guarded.open(f"{bodies.origin}/redirect?to={upstream.work}")
    assert caught.value.name == upstream.origin


def test_a_refused_connection_is_a_failure_and_the_error_is_the_client_s(client, nowhere, only):
    guarded = client(failure_threshold=2)
    for _ in range(2):
        with pytest.raises(guarded.error) as caught:
            guarded.open(nowhere)
        assert type(caught.value).__name__ == guarded.refused
    assert only(guarded).state == "open"
    assert error_types(only(guarded)) == {guarded.refused: 2}


def test_a_connection_that_is_reset_before_the_answer_is_a_failure(client, bodies, only):
    guarded = client()
    with pytest.raises(guarded.error):
        # Not GET: some clients try that again by themselves.
        guarded.open(f"{bodies.origin}/reset", method="POST")
    assert only.outcomes(guarded) == {"failure": 1}


def test_a_timeout_is_a_failure(client, upstream, only):
    guarded = client(failure_threshold=1)
    upstream.phase("hanging")
    with pytest.raises(guarded.timeout) as caught:
        guarded.open(upstream.work, timeout=0.05)
    assert error_types(only(guarded)) == {type(caught.value).__name__: 1}


def test_the_rules_of_the_breaker_decide_about_errors(client, nowhere, only):
    ignoring = client(ignore=client.kind.error)
    with pytest.raises(ignoring.error):
        ignoring.open(nowhere)
    assert only.outcomes(ignoring) == {"ignored": 1}
    forgiving = client(failure=KeyError)
    with pytest.raises(forgiving.error):
        forgiving.open(nowhere)
    assert only.outcomes(forgiving) == {"success": 1}
    naming = client(error_type=lambda error: "mine")
    with pytest.raises(naming.error):
        naming.open(nowhere)
    assert error_types(only(naming)) == {"mine": 1}


def test_calls_at_the_same_time_are_counted_exactly(client, upstream, only):
    guarded = client(failure_threshold=1_000_000)
    upstream.phase("healthy")
    begun = upstream.stats()["by_phase"]
    together = threading.Barrier(8)

    def work():
        together.wait()
        for n in range(50):
            if n == 20 and together.wait() == 0:
                upstream.phase("errors")
            read(guarded, upstream.work)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended = upstream.stats()["by_phase"]
    counted = {"success": ended["healthy"] - begun["healthy"], "failure": ended["errors"] - begun["errors"]}
    assert only.outcomes(guarded) == counted
    assert sum(counted.values()) == 400


def test_options_that_are_wrong_are_refused_at_once(client):
    for options, message in (
        ({"failure_treshold": 3}, "failure_treshold"),
        ({"failure_threshold": 0}, "failure_threshold"),
        ({"breaker": "payments"}, "breaker is a CircuitBreaker"),
        ({"breaker": lambda key: {}, "failure_threshold": 3}, "failure_threshold belongs into what breaker= answers"),
        ({"breaker": CircuitBreaker("mine"), "failure_threshold": 3}, "failure_threshold is for breakers"),
        ({"breaker": CircuitBreaker("mine"), "key": str}, "key is for breakers"),
        ({"fallback": lambda: 1}, "catch the CircuitOpenError"),
        ({"failure_result": lambda result: True}, "is_failure=lambda status"),
        ({"key": "origin"}, "key is a function"),
        ({"is_failure": 404}, "is_failure is a function"),
        ({"registry": "http"}, "registry is a fusewire.Registry"),
    ):
        with pytest.raises((TypeError, ConfigError), match=message):
            client(**options)


def test_an_async_function_is_refused_where_an_answer_is_needed_at_once(client):
    async def later(given):
        return True

    for name in ("key", "is_failure"):
        with pytest.raises(TypeError, match=f"{name} must answer at once"):
            client(**{name: later})
