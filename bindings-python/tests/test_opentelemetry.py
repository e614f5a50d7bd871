"""Breakers in OpenTelemetry's own SDK."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import fusewire
from fusewire import CircuitBreaker, CircuitOpenError, Registry, circuit_breaker
from fusewire.opentelemetry import instrument
from fusewire.testing import ManualClock

exported = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exported))
tracer = provider.get_tracer("test")


def boom():
    raise OSError("down")


def outage(clock=None):
    registry = Registry(clock=clock)
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


def finished(act):
    """The span in which something was done."""
    exported.clear()
    with tracer.start_as_current_span("call"):
        act()
    return exported.get_finished_spans()[-1]


def turned_away(breaker):
    def act():
        with pytest.raises(CircuitOpenError):
            breaker.call(boom)

    return act


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


def test_a_transition_is_told_to_the_current_span():
    clock = ManualClock()
    breaker = CircuitBreaker("payments", failure_threshold=1, recovery_timeout=1, half_open_max_calls=1, clock=clock)
    stop = instrument(Registry(), meter=Meters().provider.get_meter("mine"))

    def act():
        with pytest.raises(OSError):
            breaker.call(boom)
        clock.advance(1)
        breaker.call(int)
        breaker.trip(actor="ada", reason="maintenance")

    span = finished(act)
    stop()
    assert dict(span.attributes) == {"circuit_breaker.name": "payments", "circuit_breaker.state": "open"}
    assert [event.name for event in span.events] == ["circuit_breaker.state_change"] * 4
    assert dict(span.events[0].attributes) == {
        "circuit_breaker.name": "payments",
        "circuit_breaker.generation": 1,
        "circuit_breaker.from_state": "closed",
        "circuit_breaker.to_state": "open",
        "circuit_breaker.cause": "failure_threshold",
    }
    assert [event.attributes["circuit_breaker.cause"] for event in span.events[1:]] == [
        "recovery_timeout",
        "probes_succeeded",
        "manual",
    ]
    assert span.events[3].attributes["circuit_breaker.actor"] == "ada"
    assert span.events[3].attributes["circuit_breaker.actor_reason"] == "maintenance"


def test_a_rejection_is_told_to_the_current_span_while_it_runs():
    clock = ManualClock()
    breaker = outage(clock)["payments"]
    meter = Meters().provider.get_meter("mine")
    stops = [instrument(Registry(), meter=meter), instrument(Registry(), meter=meter)]
    span = finished(turned_away(breaker))
    assert dict(span.attributes) == {"circuit_breaker.name": "payments", "circuit_breaker.reason": "open"}
    assert [event.name for event in span.events] == ["circuit_breaker.rejected"]
    assert dict(span.events[0].attributes) == {
        "circuit_breaker.name": "payments",
        "circuit_breaker.reason": "open",
        "circuit_breaker.retry_after_ms": 60_000.0,
    }
    forced = CircuitBreaker("forced", mode="forced_open")
    span = finished(turned_away(forced))
    assert dict(span.events[0].attributes) == {
        "circuit_breaker.name": "forced",
        "circuit_breaker.reason": "forced_open",
    }
    turned_away(forced)()
    stops[0]()
    stops[0]()
    assert len(finished(turned_away(forced)).events) == 1
    stops[1]()
    assert finished(turned_away(forced)).events == ()


def test_every_way_to_be_turned_away_is_told():
    breaker = CircuitBreaker("forced", mode="forced_open")
    guarded = circuit_breaker(breaker, fallback=lambda: "instead")(boom)

    @circuit_breaker(breaker)
    async def waiting():
        pass

    @circuit_breaker(breaker, fallback=lambda: iter("ab"))
    def stream():
        yield

    def act():
        assert guarded() == "instead"
        assert breaker.can_execute() is False
        assert list(stream()) == ["a", "b"]
        for way in (breaker.acquire, breaker.__enter__, lambda: asyncio.run(waiting())):
            with pytest.raises(CircuitOpenError):
                way()

    stop = instrument(Registry(), meter=Meters().provider.get_meter("mine"))
    span = finished(act)
    stop()
    assert [event.attributes["circuit_breaker.reason"] for event in span.events] == ["forced_open"] * 6


def test_tasks_tell_their_own_spans():
    breaker = CircuitBreaker("forced", mode="forced_open")

    @circuit_breaker(breaker)
    async def call():
        pass

    async def task(name, times):
        with tracer.start_as_current_span(name):
            for _ in range(times):
                with pytest.raises(CircuitOpenError):
                    await call()
                await asyncio.sleep(0)

    async def main():
        await asyncio.gather(task("one", 1), task("two", 2), task("three", 3))

    exported.clear()
    stop = instrument(Registry(), meter=Meters().provider.get_meter("mine"))
    asyncio.run(main())
    stop()
    assert {span.name: len(span.events) for span in exported.get_finished_spans()} == {"one": 1, "two": 2, "three": 3}


def test_without_a_span_nothing_happens():
    stop = instrument(Registry(), meter=Meters().provider.get_meter("mine"))
    assert not trace.get_current_span().is_recording()
    turned_away(CircuitBreaker("forced", mode="forced_open"))()
    stop()


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
