"""Breakers by name."""

from __future__ import annotations

import threading

import pytest

from fusewire import CircuitBreaker, ConfigError, ConflictError, Registry, UnknownBreakerError
from fusewire.testing import ManualClock


def test_it_answers_the_same_breaker():
    home = Registry()
    breaker = home.get_or_create("payments", failure_threshold=3)
    assert home.get_or_create("payments", failure_threshold=3) is breaker
    assert home.get("payments") is home["payments"] is breaker
    assert "payments" in home and len(home) == 1 and list(home) == [breaker] and home.names() == ["payments"]


def test_every_thread_gets_the_same():
    home = Registry()
    for round in range(50):
        barrier, got = threading.Barrier(8), []

        def ask(name=f"b{round}", barrier=barrier, got=got):
            barrier.wait()
            got.append(home.get_or_create(name))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(map(id, got))) == 1 and len(got) == 8
        assert home[f"b{round}"] is got[0]


def test_another_configuration_is_an_error_that_shows_both():
    home = Registry()
    home.get_or_create("payments", failure_threshold=3)
    with pytest.raises(ConflictError) as raised:
        home.get_or_create("payments", failure_threshold=4)
    assert '"failure_threshold":3' in raised.value.existing and '"failure_threshold":4' in raised.value.requested
    assert "payments" in str(raised.value)
    with pytest.raises(ConfigError):
        home.get_or_create("payments", failure_treshold=3)


def test_the_same_configuration_in_other_units_is_the_same():
    home = Registry()
    breaker = home.get_or_create("payments", recovery_timeout=60)
    assert home.get_or_create("payments", recovery_timeout="1m") is breaker
    assert home.get_or_create_from_document("payments", '{"recovery_timeout": "60000ms"}') is breaker


def test_reconfigure_swaps_the_rules():
    home = Registry()
    breaker = home.get_or_create("payments", failure_threshold=3)
    assert home.reconfigure("payments", failure_threshold=1, actor="me", reason="a test") is True
    assert home.reconfigure("payments", failure_threshold=1) is False
    with pytest.raises(OSError), breaker:
        raise OSError
    assert breaker.state == "open"
    with pytest.raises(UnknownBreakerError, match="orders"):
        home.reconfigure("orders")
    with pytest.raises(ConfigError) as raised:
        home.reconfigure("payments", failure_threshold=0)
    assert raised.value.key == "failure_threshold"
    assert '"failure_threshold":1' in breaker.document()


def test_removing_takes_it_out_of_the_metrics():
    home = Registry()
    breaker = home.get_or_create("payments")
    permit = breaker.acquire()
    assert 'service="payments"' in home.metrics()
    assert home.remove("payments") is True
    assert home.remove("payments") is False
    assert 'service="payments"' not in home.metrics()
    assert permit.success() == "ok" and breaker.call(len, "") == 0
    assert home.get("payments") is None
    with pytest.raises(UnknownBreakerError):
        home["payments"]
    assert home.get_or_create("payments") is not breaker


def test_a_clock_and_bounds_for_all():
    clock = ManualClock()
    home = Registry(clock=clock)
    breaker = home.get_or_create("payments", recovery_timeout=5)
    breaker.trip()
    clock.advance(5)
    assert breaker.state == "half_open"
    bounded = Registry(duration_bounds=[0.5, 2])
    bounded.get_or_create("payments").acquire().success(duration=1)
    assert 'le="0.5"} 0' in bounded.metrics() and 'le="2.0"} 1' in bounded.metrics()
    with pytest.raises(ConfigError):
        Registry(duration_bounds=[2, 1])
    with pytest.raises(TypeError):
        Registry(duration_bounds=[1], clock=clock)


def test_metrics_are_the_cores_text():
    home = Registry()
    home.get_or_create("b").call(len, "")
    home.get_or_create("a")
    text = home.metrics()
    assert text.endswith("# EOF\n")
    assert text.index('service="a"') < text.index('service="b"')
    assert 'circuit_breaker_requests_total{service="b",status="success"} 1' in text


def test_a_breaker_of_its_own_is_in_no_registry():
    breaker = CircuitBreaker("alone")
    assert 'service="alone"' in breaker.metrics()
    assert "alone" not in Registry()
