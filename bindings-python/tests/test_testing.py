"""``fusewire.testing``: what testers of code with breakers use."""

from __future__ import annotations

import asyncio
import datetime
import subprocess
import sys

import pytest

from fusewire import CircuitBreaker, CircuitOpenError, circuit_breaker
from fusewire.testing import ManualClock, forced_closed, forced_open


def test_a_manual_clock_moves_only_when_it_is_told_to():
    clock = ManualClock()
    assert clock.now() == 0
    clock.advance(1.5)
    assert clock.now() == 1.5
    breaker = CircuitBreaker("timed", recovery_timeout=10, clock=clock)
    breaker.trip()
    clock.advance(9.999)
    assert breaker.state == "open"
    clock.advance(0.001)
    assert breaker.state == "half_open"


def test_forced_open_turns_every_call_away_while_the_block_runs():
    breaker = CircuitBreaker("payments")
    with forced_open(breaker) as given:
        assert given is breaker
        with pytest.raises(CircuitOpenError) as raised:
            breaker.call(int)
        assert raised.value.reason == "forced_open"
    assert (breaker.mode, breaker.state, breaker.call(int)) == ("auto", "closed", 0)


def test_forced_open_takes_what_a_breaker_decorates():
    @circuit_breaker("decorated", failure_threshold=1)
    def call():
        return "answer"

    class Service:
        @circuit_breaker("method", fallback=lambda self: "instead")
        async def call(self):
            return "answer"

    service = Service()
    with forced_open(call), forced_open(service.call):
        with pytest.raises(CircuitOpenError):
            call()
        assert asyncio.run(service.call()) == "instead"
    assert (call(), asyncio.run(service.call())) == ("answer", "answer")


def test_forced_closed_lets_every_call_pass():
    breaker = CircuitBreaker("payments", failure_threshold=1)
    with forced_closed(breaker):
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                breaker.call(divmod, 1, 0)
    assert breaker.state == "closed"


def test_the_mode_from_before_comes_back_from_every_depth_and_after_an_exception():
    breaker = CircuitBreaker("payments", mode="shadow")
    with pytest.raises(KeyError), forced_open(breaker):
        with forced_closed(breaker):
            assert breaker.mode == "forced_closed"
        assert breaker.mode == "forced_open"
        raise KeyError
    assert breaker.mode == "shadow"


def test_what_no_breaker_guards_is_refused():
    with pytest.raises(TypeError, match="forced_open takes a breaker, or a function that one guards, not <built-in"):
        forced_open(len)


def test_it_imports_no_test_framework():
    program = "import sys, fusewire.testing; sys.exit('pytest' in sys.modules or 'unittest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_a_manual_clock_moves_forwards_alone():
    clock = ManualClock()
    clock.advance(1.5)
    clock.advance(datetime.timedelta(milliseconds=250))
    assert clock.now() == 1.75
    for wrong in (-1, -1e-9, datetime.timedelta(seconds=-1), float("nan"), float("inf")):
        with pytest.raises(ValueError, match="0 seconds or more"):
            clock.advance(wrong)
    for wrong in ("1s", None, True):
        with pytest.raises(TypeError, match="seconds or a timedelta"):
            clock.advance(wrong)
    assert clock.now() == 1.75
