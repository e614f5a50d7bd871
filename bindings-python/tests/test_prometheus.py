"""Breakers in a registry of ``prometheus_client``."""

from __future__ import annotations

import math
import os

import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as plain_families

import fusewire
from fusewire import CircuitOpenError, Registry
from fusewire._exposition import families, text_of
from fusewire.prometheus import CircuitBreakerCollector


def boom():
    raise OSError("down")


def outage(name="payments", **options):
    """A registry with a breaker that an outage opened."""
    registry = Registry()
    breaker = registry.get_or_create(name, failure_threshold=2, slow_call_duration=60, **options)
    breaker.call(int)
    for _ in range(2):
        with pytest.raises(OSError):
            breaker.call(boom)
    with pytest.raises(CircuitOpenError):
        breaker.call(boom)
    return registry


def samples_of(found):
    return {(s.name, *sorted(s.labels.items())): s.value for family in found for s in family.samples}


def shown(collector, *, own=False):
    register = CollectorRegistry()
    register.register(collector)
    if own:
        Counter("mine", "Mine.", registry=register).inc(3)
    return register


NAMES = ["payments", 'a "quoted" \\ näme', "comma, brace} and = sign", "https://api.example.com:443/#a", "a\\nb"]


@pytest.mark.parametrize("name", NAMES)
def test_the_text_is_read_as_the_peers_own_parser_reads_it(name):
    text = outage(name).metrics()
    theirs = list(text_string_to_metric_families(text))
    ours = families(text)
    assert [(f.name, f.type, f.unit, f.help) for f in ours] == [
        (f.name, f.type, f.unit, f.documentation) for f in theirs
    ]
    assert [f.samples for f in ours] == [[(s.name, s.labels, s.value) for s in f.samples] for f in theirs]
    assert {labels["service"] for f in ours for _, labels, _ in f.samples} == {name}


def test_both_worlds_are_in_one_text():
    registry = outage()
    register = shown(CircuitBreakerCollector(registry), own=True)
    text = generate_latest(register).decode()
    assert "# TYPE circuit_breaker_requests_total counter" in text
    assert "# HELP circuit_breaker_requests_total Settled calls." in text
    found = samples_of(plain_families(text))
    expected = samples_of(text_string_to_metric_families(registry.metrics()))
    assert expected["circuit_breaker_requests_total", ("service", "payments"), ("status", "failure")] == 2
    assert {key: value for key, value in found.items() if key[0].startswith("circuit_breaker")} == expected
    assert found["mine_total",] == 3


def test_both_worlds_are_in_openmetrics_text():
    registry = outage()
    text = openmetrics.generate_latest(shown(CircuitBreakerCollector(registry), own=True)).decode()
    assert text.count("# EOF") == 1
    found = samples_of(text_string_to_metric_families(text))
    expected = samples_of(text_string_to_metric_families(registry.metrics()))
    assert {key: value for key, value in found.items() if key[0].startswith("circuit_breaker")} == expected


def test_single_samples_are_read_at_each_scrape():
    registry = outage()
    register = shown(CircuitBreakerCollector(registry))
    labels = {"service": "payments", "state": "open"}
    assert register.get_sample_value("circuit_breaker_state", labels) == 1
    registry["payments"].reset()
    assert register.get_sample_value("circuit_breaker_state", labels) == 0
    bucket = {"service": "payments", "status": "success", "le": "+Inf"}
    assert register.get_sample_value("circuit_breaker_request_duration_seconds_bucket", bucket) == 1


def test_a_pid_is_a_label_on_request():
    registry = outage()
    register = shown(CircuitBreakerCollector(registry, pid=True))
    labels = {"service": "payments", "state": "open", "pid": str(os.getpid())}
    assert register.get_sample_value("circuit_breaker_state", labels) == 1
    pids = {s.labels.get("pid") for family in register.collect() for s in family.samples}
    assert pids == {str(os.getpid())}
    # The le of a bucket stays the last label.
    for line in text_of(registry, pid=True).splitlines():
        assert line.startswith("#") or f'{{pid="{os.getpid()}",service="payments"' in line
        assert "le=" not in line or line.rpartition(",")[2].startswith("le=")


def test_a_second_collector_is_refused_and_the_first_can_go():
    register = CollectorRegistry()
    first = CircuitBreakerCollector(Registry())
    register.register(first)
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        register.register(CircuitBreakerCollector(Registry()))
    register.unregister(first)
    register.register(CircuitBreakerCollector(Registry()))


def test_without_a_registry_it_is_the_default_one():
    fusewire.registry.get_or_create("by default")
    try:
        labels = {"service": "by default", "mode": "auto"}
        assert shown(CircuitBreakerCollector()).get_sample_value("circuit_breaker_mode", labels) == 1
    finally:
        fusewire.registry.remove("by default")


def test_what_is_no_registry_is_refused():
    with pytest.raises(TypeError, match="registry is a fusewire.Registry"):
        CircuitBreakerCollector(CollectorRegistry())


def test_values_are_numbers_of_python():
    values = [value for family in families(outage().metrics()) for _, _, value in family.samples]
    assert all(math.isfinite(value) for value in values)
    assert {type(value) for value in values} == {int, float}
