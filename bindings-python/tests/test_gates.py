"""Rate limits, priorities and slots, as Python shows them: what is asked for, why it is refused, what is changed by hand."""

from __future__ import annotations

import asyncio
import logging
import pickle
import time

import pytest

import fusewire
from fusewire import (
    BreakerClosedError,
    BulkheadFullError,
    CircuitBreaker,
    CircuitOpenError,
    ConfigError,
    LimitReachedError,
    Priority,
    RateLimitedError,
    RequestError,
    ShedError,
    circuit_breaker,
)
from fusewire._native import level_name


def limited(clock, **more):
    return CircuitBreaker("limited", rate_limit={"rate": 10, "burst": 2, **more}, clock=clock)


@pytest.fixture
def slept(monkeypatch, clock):
    """What is slept moves the clock."""
    seconds = []
    monkeypatch.setattr(time, "sleep", lambda given: (seconds.append(given), clock.advance(given)))
    return seconds


# ---- levels ----


def test_a_priority_is_a_number_with_a_name_of_the_core():
    assert [(str(level), int(level)) for level in Priority] == [
        (level_name(number), number) for number in (0, 25, 50, 75, 100)
    ]
    assert Priority("high") is Priority(80) is Priority.HIGH
    assert f"{Priority.LOW}" == "low"
    assert Priority.CRITICAL > Priority.HIGH == 75


@pytest.mark.parametrize("level", ["high", 75, 99, 75.0, Priority.HIGH])
def test_a_level_is_taken_by_its_name_and_by_its_number(clock, level):
    breaker = CircuitBreaker("x", priority={"min": "high"}, clock=clock)
    assert breaker.try_acquire(priority=level) is not None


@pytest.mark.parametrize("level", ["urgent", 101, -1, 50.5, True, object(), 10**400, [], float("nan")])
def test_what_is_no_level_is_told_with_what_is_allowed(breaker, level):
    for ask in (breaker.acquire, breaker.try_acquire):
        with pytest.raises(RequestError, match="bulk, low, normal, high, critical") as wrong:
            ask(priority=level)
        assert (wrong.value.field, isinstance(wrong.value, ValueError)) == ("priority", True)
    assert wrong.value.value == repr(level)
    assert breaker.snapshot().totals.rejected.open == 0


@pytest.mark.parametrize("cost", [0, -1, 1.5, 3, "2", True, 2**32])
def test_a_cost_that_cannot_be_is_an_error_of_the_request(clock, cost):
    breaker = limited(clock)
    with pytest.raises(RequestError) as wrong:
        breaker.acquire(cost=cost)
    assert wrong.value.field == "cost"
    assert pickle.loads(pickle.dumps(wrong.value)).allowed == wrong.value.allowed


# ---- refusals ----


def test_each_reason_has_an_error_of_its_own(clock):
    calls = {
        "shed": (CircuitBreaker("a", priority={"min": "low"}, clock=clock), ShedError),
        "rate_limited": (limited(clock), RateLimitedError),
        "bulkhead_full": (CircuitBreaker("c", bulkhead={"max_concurrent": 1}, clock=clock), BulkheadFullError),
        "limit_reached": (
            CircuitBreaker("d", concurrency_limit={"initial": 1, "max": 1}, clock=clock),
            LimitReachedError,
        ),
        "closed": (CircuitBreaker("e", clock=clock), BreakerClosedError),
    }
    calls["closed"][0].close()
    for reason, (breaker, error) in calls.items():
        held = [breaker.try_acquire() for _ in range(2)]
        with pytest.raises(CircuitOpenError) as turned_away:
            breaker.acquire(priority="bulk")
        told = turned_away.value
        assert (type(told), told.reason, told.breaker) == (error, reason, breaker)
        copy = pickle.loads(pickle.dumps(told))
        assert (type(copy), copy.name, copy.retry_after) == (error, breaker.name, told.retry_after)
        assert vars(breaker.snapshot().totals.rejected)[reason] >= 1
        del held


def test_a_refusal_says_when_to_come_again(clock):
    breaker = limited(clock)
    for _ in range(2):
        breaker.acquire().success()
    with pytest.raises(RateLimitedError) as turned_away:
        breaker.acquire()
    clock.advance(turned_away.value.retry_after)
    breaker.acquire().success()


def test_a_fallback_answers_for_what_a_gate_turns_away(clock):
    breaker = CircuitBreaker("x", priority={"min": "normal"}, clock=clock)
    guard = circuit_breaker(breaker, priority="low", fallback=lambda: "fallback")

    @guard
    async def coroutine():
        raise AssertionError

    @guard
    def plain():
        raise AssertionError

    assert plain() == asyncio.run(coroutine()) == "fallback"


# ---- asking ----


def test_a_function_of_the_arguments_says_priority_and_cost(clock):
    breaker = CircuitBreaker("x", priority={"min": "normal"}, rate_limit={"rate": 1, "burst": 10}, clock=clock)

    @circuit_breaker(breaker, priority=lambda user, size=1: user["level"], cost=lambda user, size=1: size)
    def export(user, size=1):
        return size

    assert export({"level": "high"}, size=7) == 7
    assert breaker.snapshot().rate_limit.available == 3
    with pytest.raises(ShedError):
        export({"level": "low"})
    with pytest.raises(RateLimitedError):
        export({"level": 100}, 4)
    with pytest.raises(RequestError):
        export({"level": "no such"})
    with pytest.raises(KeyError):
        export({})
    # Nothing of these is an outcome.
    assert breaker.snapshot().totals.success == 1
    assert breaker.snapshot().totals.failure == 0


def test_a_mapping_is_the_breakers_own_table_of_priorities():
    registry = fusewire.Registry()

    @circuit_breaker("x", registry=registry, priority={"min": "high"})
    def call():
        raise AssertionError

    with pytest.raises(ShedError):
        call()


def test_what_no_call_can_ask_for_is_told_where_it_is_written(breaker):
    for wrong in ({"priority": "urgent"}, {"cost": 0}):
        with pytest.raises(RequestError):
            circuit_breaker(breaker, **wrong)(lambda: None)


def test_a_breaker_is_asked_at_a_priority(clock):
    breaker = CircuitBreaker("x", priority={"min": "high"}, clock=clock)
    assert breaker.at("high").call(lambda a, b=0: a + b, 1, b=2) == 3
    assert breaker.at("high").try_acquire() is not None
    with pytest.raises(ShedError):
        breaker.call(lambda: None)

    async def answer():
        return "answer"

    assert asyncio.run(breaker.at(Priority.CRITICAL).call_async(answer)) == "answer"
    with pytest.raises(TypeError, match="call_async"):
        breaker.at("high").call(answer)
    with pytest.raises(ShedError):
        breaker.at("normal").acquire()


def test_a_deadline_is_an_instant_of_the_breakers_clock(clock):
    breaker = CircuitBreaker("x", rate_limit={"algorithm": "leaky_bucket", "rate": 1, "max_wait": "10s"}, clock=clock)
    breaker.acquire().success()
    with pytest.raises(RateLimitedError) as turned_away:
        breaker.acquire(deadline=clock.now() + 0.5)
    assert turned_away.value.retry_after is None
    assert breaker.acquire(deadline=clock.now() + 1.5).wait == 1.0


# ---- pacing ----


def paced(clock):
    return CircuitBreaker("x", rate_limit={"algorithm": "leaky_bucket", "rate": 4}, clock=clock)


def test_a_paced_call_waits_for_its_turn_before_it_is_made(clock, slept):
    breaker = paced(clock)
    guarded = circuit_breaker(breaker)(clock.now)
    assert [guarded(), breaker.call(clock.now)] == [0.0, 0.25]
    with breaker:
        assert clock.now() == 0.5
    with breaker.acquire():
        assert clock.now() == 0.75
    assert list(circuit_breaker(breaker)(lambda: (yield clock.now()))()) == [1.0]
    assert slept == [0.25] * 4


def test_a_permit_says_how_long_to_wait(clock, slept):
    breaker = paced(clock)
    assert [breaker.acquire().wait, breaker.acquire().wait, breaker.try_acquire().wait] == [0.0, 0.25, 0.5]
    assert slept == []


def test_a_paced_coroutine_waits_by_its_loop(clock, monkeypatch):
    breaker, slept = paced(clock), []
    real = asyncio.sleep

    async def sleep(seconds):
        slept.append(seconds)
        clock.advance(seconds)
        await real(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)

    @circuit_breaker(breaker)
    async def call():
        return clock.now()

    async def main():
        times = [await call(), await call(), await breaker.call_async(call.__wrapped__)]
        async with breaker:
            times.append(clock.now())
        async with breaker.acquire():
            times.append(clock.now())
        return times

    assert asyncio.run(main()) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert slept == [0.25] * 4


def test_an_interrupt_of_the_pause_is_no_outcome(clock, monkeypatch):
    breaker = paced(clock)
    guarded = circuit_breaker(breaker)(lambda: None)
    guarded()

    def interrupted(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        guarded()
    totals = breaker.snapshot().totals
    assert (totals.success, totals.failure, totals.ignored) == (1, 0, 1)


# ---- shadow and bypass ----


def test_a_permit_says_that_it_would_have_been_refused_or_that_it_passes_an_open_breaker(clock):
    shadow = CircuitBreaker("x", priority={"min": "high"}, mode="shadow", clock=clock)
    assert shadow.acquire().would_reject == "shed"
    bypass = CircuitBreaker("y", priority={"open_bypass": "critical"}, clock=clock)
    assert bypass.acquire(priority="critical").bypassed is False
    bypass.trip()
    permit = bypass.acquire(priority="critical")
    assert permit.bypassed
    assert permit.success() == "ok"
    assert bypass.snapshot().totals.bypassed == 1


# ---- by hand ----


def test_what_is_changed_by_hand_is_told_with_who_and_why(clock, caplog):
    caplog.set_level(logging.INFO, "fusewire")
    breaker = CircuitBreaker("x", priority={}, rate_limit={"rate": 10}, bulkhead={"max_concurrent": 4}, clock=clock)
    heard, by = [], {"actor": "me", "reason": "a test"}
    breaker.add_policy_listener(heard.append)
    events = breaker.policy_events()
    clock.advance(2)
    assert breaker.set_min_priority(Priority.LOW, **by)
    assert not breaker.set_min_priority("low", **by)
    assert breaker.set_slots(8, reserved={"high": 2, Priority.CRITICAL: 1})
    assert breaker.set_slots(reserved={"high": 2})
    assert breaker.set_rate(2.5)
    assert breaker.close(**by)
    assert not breaker.close()
    told = [(e.kind, e.from_value, e.to_value, e.actor, e.reason, e.sequence, e.at) for e in heard]
    assert told == [
        ("min_priority", "bulk", "low", "me", "a test", 1, 2.0),
        (
            "slots",
            {"max_concurrent": 4, "reserved": {}},
            {"max_concurrent": 8, "reserved": {"critical": 1, "high": 2}},
            None,
            None,
            2,
            2.0,
        ),
        (
            "slots",
            {"max_concurrent": 8, "reserved": {"critical": 1, "high": 2}},
            {"max_concurrent": 8, "reserved": {"high": 2}},
            None,
            None,
            3,
            2.0,
        ),
        ("rate", 10.0, 2.5, None, None, 4, 2.0),
        ("close", None, None, "me", "a test", 5, 2.0),
    ]
    assert [event.kind for event in events.drain()] == [event.kind for event in heard]
    assert set(vars(heard[0])) == set(fusewire.PolicyEvent.__annotations__)
    logged = [record.getMessage() for record in caplog.records]
    assert logged[0] == "circuit breaker 'x': min_priority bulk -> low by me: a test"
    assert logged[-1] == "circuit breaker 'x': close by me: a test"
    assert len(logged) == 5


def test_the_concurrency_limit_is_set_within_its_bounds(clock):
    breaker = CircuitBreaker("x", concurrency_limit={"initial": 5, "max": 10}, clock=clock)
    assert breaker.set_limit(7)
    assert breaker.snapshot().bulkhead.limit == 7
    with pytest.raises(ConfigError) as wrong:
        breaker.set_limit(11)
    assert wrong.value.key == "limit"


def test_a_change_of_what_the_document_lacks_names_it(breaker):
    for change, key in (
        (lambda: breaker.set_min_priority("low"), "priority"),
        (lambda: breaker.set_slots(3), "bulkhead"),
        (lambda: breaker.set_rate(3), "rate_limit"),
        (lambda: breaker.set_limit(3), "concurrency_limit"),
    ):
        with pytest.raises(ConfigError) as wrong:
            change()
        assert wrong.value.key == key
    with pytest.raises(RequestError):
        breaker.set_min_priority("urgent")


def test_a_policy_listener_stops_when_it_is_removed(clock):
    breaker, heard = limited(clock), []
    breaker.add_policy_listener(heard.append)
    breaker.set_rate(5)
    breaker.remove_policy_listener(heard.append)
    breaker.set_rate(6)
    assert len(heard) == 1
    with pytest.raises(ValueError, match="does not listen"):
        breaker.remove_policy_listener(heard.append)
    with pytest.raises(TypeError, match="policy_events"):
        breaker.add_policy_listener(asyncio.sleep)


def test_a_reader_waits_for_changes_of_the_policies(clock):
    breaker = limited(clock)

    async def main():
        with breaker.policy_events() as events:
            asyncio.get_running_loop().call_soon(breaker.set_rate, 5)
            async for event in events:
                return event.kind

    assert asyncio.run(main()) == "rate"


def test_gates_that_come_by_another_document_hold_at_once(breaker):
    guarded = circuit_breaker(breaker, priority="low")(lambda: "called")
    assert guarded() == "called"
    breaker.reconfigure(priority={"min": "high"})
    with pytest.raises(ShedError):
        guarded()
    breaker.reconfigure()
    assert guarded() == "called"


def test_a_coroutine_that_waits_for_its_first_step_meets_the_gates_that_came_meanwhile(breaker):
    @circuit_breaker(breaker, priority="low")
    async def call():
        return "called"

    async def main():
        waiting = call()
        breaker.reconfigure(priority={"min": "high"})
        with pytest.raises(ShedError):
            await waiting
        later = call()
        breaker.reconfigure()
        return await later

    assert asyncio.run(main()) == "called"
