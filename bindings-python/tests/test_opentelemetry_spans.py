"""Transitions and rejections in spans of OpenTelemetry, in its own SDK."""

from __future__ import annotations

import asyncio

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from fusewire import CircuitBreaker, CircuitOpenError, Registry, circuit_breaker
from fusewire.opentelemetry import instrument
from fusewire.testing import ManualClock

exported = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exported))
tracer = provider.get_tracer("test")


def boom():
    raise OSError("down")


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


def test_a_transition_is_told_to_the_current_span():
    clock = ManualClock()
    breaker = CircuitBreaker("payments", failure_threshold=1, recovery_timeout=1, half_open_max_calls=1, clock=clock)
    stop = instrument(Registry())

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
    breaker = CircuitBreaker("payments", clock=clock)
    breaker.trip()
    stops = [instrument(Registry()), instrument(Registry())]
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

    stop = instrument(Registry())
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
    stop = instrument(Registry())
    asyncio.run(main())
    stop()
    assert {span.name: len(span.events) for span in exported.get_finished_spans()} == {"one": 1, "two": 2, "three": 3}


def test_without_a_span_nothing_happens():
    stop = instrument(Registry())
    assert not trace.get_current_span().is_recording()
    turned_away(CircuitBreaker("forced", mode="forced_open"))()
    stop()
