"""Breakers as metrics of OpenTelemetry, in its own SDK."""

from __future__ import annotations

import subprocess
import sys

import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import fusewire
from fusewire import CircuitOpenError, Registry
from fusewire.opentelemetry import instrument


def boom():
    raise OSError("down")


def outage():
    registry = Registry()
    breaker = registry.get_or_create("payments", failure_threshold=2)
    for _ in range(2):
        with pytest.raises(OSError):
            breaker.call(boom)
    with pytest.raises(CircuitOpenError):
        breaker.call(boom)
    return registry


class Meters:
    def __init__(self):
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider(metric_readers=[self.reader])

    def read(self):
        """The breakers' metrics that have points, by name; the SDK may have some of its own."""
        data = self.reader.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
        found = {metric.name: (scope.scope.name, metric) for scope in scopes for metric in scope.metrics}
        ours = {name: what for name, what in found.items() if name.startswith("circuit_breaker")}
        return {name: (scope, metric) for name, (scope, metric) in ours.items() if metric.data.data_points}


def points(found, name):
    return [(*list(p.attributes.values())[1:], p.value) for p in found[name][1].data.data_points]


def test_states_and_totals_of_every_breaker_are_observed():
    meters, registry = Meters(), outage()
    stop = instrument(registry, meter=meters.provider.get_meter("mine"), spans=False)
    found = meters.read()
    scope, state = found["circuit_breaker.state"]
    assert (scope, state.description) == ("mine", "Effective state of the breaker: one of three is 1.")
    assert dict(state.data.data_points[0].attributes) == {"service": "payments", "state": "closed"}
    assert points(found, "circuit_breaker.state") == [("closed", 0), ("open", 1), ("half_open", 0)]
    assert points(found, "circuit_breaker.requests") == [("success", 0), ("failure", 2), ("ignored", 0)]
    assert points(found, "circuit_breaker.rejections") == [("open", 1)]
    assert points(found, "circuit_breaker.failures") == [("OSError", 2)]
    assert points(found, "circuit_breaker.state_changes") == [("closed", "open", 1)]
    assert found["circuit_breaker.requests"][1].data.is_monotonic
    assert not [name for name in found if "seconds" in name]
    registry["payments"].reset()
    assert points(meters.read(), "circuit_breaker.state")[0] == ("closed", 1)
    stop()
    assert meters.read() == {}
    meters.provider.shutdown()


def test_it_can_end_and_begin_again():
    meters, registry = Meters(), outage()
    meter = meters.provider.get_meter("mine")
    for _ in range(2):
        stop = instrument(registry, meter=meter, spans=False)
        assert points(meters.read(), "circuit_breaker.rejections") == [("open", 1)]
        stop()
        stop()
    meters.provider.shutdown()


def test_registries_share_a_meter():
    meters, other = Meters(), Registry()
    other.get_or_create("other")
    meter = meters.provider.get_meter("mine")
    stops = [instrument(home, meter=meter, spans=False) for home in (outage(), other)]

    def services():
        return {p.attributes["service"] for p in meters.read()["circuit_breaker.mode"][1].data.data_points}

    assert services() == {"payments", "other"}
    stops[0]()
    assert services() == {"other"}
    stops[1]()
    meters.provider.shutdown()


def test_one_collection_reads_the_breakers_once():
    meters, read = Meters(), []

    class Counted(Registry):
        def metrics(self):
            read.append(None)
            return super().metrics()

    registry = Counted()
    registry.get_or_create("one")
    stop = instrument(registry, meter=meters.provider.get_meter("mine"), spans=False)
    read.clear()
    for times in (1, 2, 3):
        meters.read()
        assert len(read) == times
    stop()
    meters.provider.shutdown()


def test_the_global_provider_and_the_default_registry_are_used():
    meters = Meters()
    metrics.set_meter_provider(meters.provider)
    stop = instrument()
    fusewire.registry.get_or_create("by default")
    try:
        assert meters.read()["circuit_breaker.mode"][0] == "fusewire"
    finally:
        stop()
        fusewire.registry.remove("by default")


def test_a_provider_that_is_set_later_takes_over():
    program = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from fusewire import registry
from fusewire.opentelemetry import instrument

instrument()()
instrument()
registry.get_or_create("early")
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
instrument()
(resource,) = reader.get_metrics_data().resource_metrics
names = {m.name for scope in resource.scope_metrics for m in scope.metrics}
print(sorted(name for name in names if name.startswith("circuit_breaker")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    names = ["circuit_breaker.mode", "circuit_breaker.requests", "circuit_breaker.state"]
    assert (done.stdout.strip(), done.stderr) == (str(names), "")


def test_without_the_api_it_says_what_to_install():
    program = "import sys; sys.modules['opentelemetry'] = None; import fusewire.opentelemetry"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "pip install 'fusewire[opentelemetry]'" in done.stderr.splitlines()[-1]


def test_the_package_itself_does_not_import_it():
    program = "import sys, fusewire; fusewire.CircuitBreaker('x').trip(); sys.exit('opentelemetry' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], stderr=subprocess.DEVNULL).returncode == 0


def test_what_is_no_registry_is_refused():
    with pytest.raises(TypeError, match="registry is a fusewire.Registry"):
        instrument({})
