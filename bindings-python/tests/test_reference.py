"""The reference's usage as it is written there, and its names."""

from __future__ import annotations

import asyncio
import inspect
import json
import re

import pytest

import fusewire
from fusewire import (
    AdvancedCircuitBreaker,
    CircuitBreaker,
    CircuitBreakerManager,
    CircuitOpenError,
    CircuitState,
    ConfigError,
    circuit_breaker,
)

STRATEGIES = ("basic", "count_window", "time_window", "adaptive", "gradual")

# From the module overview of the reference; its third example is of a recovery pattern, which is no part of the breaker.
USAGE = """
## Usage Examples

1. **Basic Circuit Breaking**

```python
@circuit_breaker(breaker)
async def service_call():
    # Protected service call
    pass
```

2. **Advanced Circuit Breaking**

```python
breaker = AdvancedCircuitBreaker(
    service_id="my_service",
    strategy_type="adaptive",
    failure_threshold=5,
    success_threshold=3
)
```
"""

BASIC, ADVANCED = re.findall(r"```python\n(.*?)```", USAGE, re.DOTALL)


def advanced(strategy_type="basic", **options):
    return AdvancedCircuitBreaker("case", strategy_type, **options)


def document(breaker):
    return json.loads(breaker.document())


async def refuse(breaker, error=None):
    """A call that fails."""
    assert await breaker.should_allow_request()
    await breaker.record_failure(error)


def test_the_examples_run_as_they_are_written(totals):
    names = {name: getattr(fusewire, name) for name in fusewire.__all__}
    exec(ADVANCED, names)
    exec(BASIC, names)
    assert asyncio.run(names["service_call"]()) is None
    assert totals(names["breaker"]) == {"success": 1}
    assert names["breaker"].name == "my_service"
    assert document(names["breaker"])["window"]["min_failures"] == 5


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_guards_a_decorated_function(strategy, clock, totals):
    breaker = advanced(strategy, failure_threshold=5, success_threshold=3, clock=clock)
    failing = True

    @circuit_breaker(breaker)
    async def service_call():
        if failing:
            raise OSError("down")
        return "up"

    async def main():
        nonlocal failing
        for _ in range(20):
            if breaker.state is not CircuitState.CLOSED:
                break
            with pytest.raises(OSError):
                await service_call()
        with pytest.raises(CircuitOpenError) as turned_away:
            await service_call()
        assert turned_away.value.retry_after == 30.0
        failing = False
        clock.advance(30)
        for _ in range(3):
            assert await service_call() == "up"

    asyncio.run(main())
    failures = {"basic": 5, "gradual": 5, "count_window": 10, "time_window": 10, "adaptive": 20}
    assert totals(breaker) == {"failure": failures[strategy], "success": 3, "rejected": 1}
    if strategy == "gradual":
        assert (breaker.state, breaker.snapshot().ramp.share) == (CircuitState.HALF_OPEN, 0.1)
    else:
        assert breaker.state is CircuitState.CLOSED


def test_the_signature_is_the_references():
    parameters = inspect.signature(AdvancedCircuitBreaker).parameters
    assert {name: parameter.default for name, parameter in parameters.items()} == {
        "service_id": inspect.Parameter.empty,
        "strategy_type": "basic",
        "failure_threshold": 5,
        "success_threshold": 3,
        "timeout": 30.0,
        "half_open_timeout": 5.0,
        "options": inspect.Parameter.empty,
    }
    for name in ("should_allow_request", "record_success", "record_failure", "get_metrics", "start", "stop"):
        assert inspect.iscoroutinefunction(getattr(AdvancedCircuitBreaker, name))
    breaker = AdvancedCircuitBreaker("positional", "adaptive", 7, 2, 10.0, 1.0)
    told = document(breaker)
    assert (breaker.service_id, breaker.name, breaker.strategy_type) == ("positional", "positional", "adaptive")
    assert (told["window"]["min_failures"], told["success_threshold"]) == (7, 2)
    assert (told["recovery_timeout"], told["half_open_timeout"]) == ("10s", "1s")
    assert isinstance(breaker, CircuitBreaker)


def test_its_defaults_are_its_own_and_all_others_are_the_cores():
    def core(**options):
        return CircuitBreaker(recovery_timeout=30, half_open_timeout=5, **options).document()

    assert advanced().document() == core()
    assert advanced("gradual").document() == core(ramp={})
    assert advanced("adaptive").document() == core(window={"kind": "adaptive"})
    assert advanced("count_window").document() == core(window={"kind": "count", "min_calls": 10})


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_is_known_by_its_rules(strategy):
    assert advanced(strategy).strategy_type == strategy


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_fewer_failures_than_the_threshold_never_open(strategy, clock):
    breaker = advanced(strategy, failure_threshold=4, clock=clock)

    async def main():
        for _ in range(3):
            await refuse(breaker)
        assert breaker.state is CircuitState.CLOSED
        for _ in range(17):
            if breaker.state is CircuitState.CLOSED:
                await refuse(breaker)
        assert breaker.state is CircuitState.OPEN
        assert breaker.snapshot().totals.failure >= 4

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["count_window", "time_window"])
def test_a_window_is_judged_when_so_many_failures_can_be_in_it(kind):
    def calls(**options):
        return document(advanced(kind, **options))["window"]["min_calls"]

    assert calls(failure_threshold=5) == 10
    assert calls(failure_threshold=5.0, window={"failure_rate": 0.3}) == 17
    assert calls(failure_threshold=1, window={"failure_rate": 1}) == 1
    assert calls(failure_threshold=50, window={"min_calls": 30}) == 30
    assert calls(window={"min_calls": None}) == 10


def test_what_the_window_says_goes_before_the_threshold():
    window = document(advanced("adaptive", failure_threshold=9, window={"min_failures": 2, "floor": 0.1}))["window"]
    assert (window["min_failures"], window["floor"]) == (2, 0.1)
    window = document(advanced("time_window", window={"kind": "time", "period": 30}))["window"]
    assert (window["kind"], window["period"]) == ("time", "30s")
    told = document(advanced("count_window", slow_call_duration=1, window={"slow_call_rate": 0.5}, ramp={"step": 0.5}))
    assert (told["window"]["slow_call_rate"], told["ramp"]["step"]) == (0.5, 0.5)


def test_the_first_failed_probe_opens_again_and_so_many_successes_close(clock):
    breaker = advanced(success_threshold=2, clock=clock)

    async def main():
        breaker.trip()
        clock.advance(30)
        assert await breaker.should_allow_request()
        await breaker.record_success()
        await refuse(breaker)
        assert breaker.state is CircuitState.OPEN
        assert not await breaker.should_allow_request()
        clock.advance(30)
        for _ in range(2):
            assert breaker.state is CircuitState.HALF_OPEN
            assert await breaker.should_allow_request()
            await breaker.record_success()
        assert breaker.state is CircuitState.CLOSED

    asyncio.run(main())


def test_more_probes_forgive_failures():
    def probes(**options):
        told = document(advanced(**options))
        return told["half_open_max_calls"], told["success_threshold"]

    assert probes() == (3, 3)
    assert probes(success_threshold=7) == (7, 7)
    assert probes(half_open_max_calls=5) == (5, 3)
    assert probes(half_open_max_calls=5, success_threshold=2) == (5, 2)
    # The default gives way, what is written out does not.
    assert probes(half_open_max_calls=1) == (1, 1)
    with pytest.raises(ConfigError, match=r"`success_threshold` is 3; allowed: a whole number in 1\.\.=2"):
        advanced(half_open_max_calls=2, success_threshold=3)


def test_a_probe_that_takes_too_long_is_a_failure(clock):
    breaker = advanced(clock=clock)

    async def main():
        breaker.trip()
        clock.advance(30)
        assert await breaker.should_allow_request()
        clock.advance(5)
        assert not await breaker.should_allow_request()

    asyncio.run(main())
    assert breaker.snapshot().last.cause == "probe_expired"


def test_tasks_settle_their_own(clock):
    breaker = advanced(failure_threshold=1_000, slow_call_duration=1, clock=clock)

    async def call(n):
        assert await breaker.should_allow_request()
        for _ in range(n % 5):
            await asyncio.sleep(0)
        await (breaker.record_success() if n % 2 else breaker.record_failure(OSError()))

    async def main():
        assert await breaker.should_allow_request()
        clock.advance(5)
        await asyncio.gather(*[call(n) for n in range(100)])
        assert (await breaker.get_metrics())["slow_count"] == 0
        await breaker.record_success()
        return await breaker.get_metrics()

    metrics = asyncio.run(main())
    assert (metrics["success_count"], metrics["failure_count"], metrics["slow_count"]) == (51, 50, 1)


def test_a_record_without_a_permit_counts_while_closed(clock, totals):
    breaker = advanced(failure_threshold=2, clock=clock)

    async def main():
        await breaker.record_failure(OSError())
        await breaker.record_failure("refused")
        assert breaker.state is CircuitState.OPEN
        await breaker.record_success()
        assert breaker.state is CircuitState.OPEN

    asyncio.run(main())
    assert totals(breaker) == {"failure": 2, "success": 1}


def test_the_metrics_are_plain_figures(clock):
    breaker = advanced(failure_threshold=3, ignore=KeyError, clock=clock)

    async def main():
        empty = await breaker.get_metrics()
        assert (empty["success_rate"], empty["failure_rate"]) == (None, None)
        assert (empty["last_failure"], empty["last_transition"], empty["window"]) == (None, None, None)
        await breaker.record_success()
        await breaker.record_failure(KeyError())
        for _ in range(3):
            await breaker.record_failure(OSError())
        clock.advance(10)
        assert not await breaker.should_allow_request()
        return await breaker.get_metrics()

    metrics = asyncio.run(main())
    assert json.loads(json.dumps(metrics)) == metrics
    assert {
        "service_id": "case",
        "state": "open",
        "mode": "auto",
        "generation": 1,
        "opened": 1,
        "retry_after": 20.0,
        "total_requests": 5,
        "success_count": 1,
        "failure_count": 3,
        "ignored_count": 1,
        "rejected_count": 1,
        "success_rate": 0.25,
        "failure_rate": 0.75,
        "consecutive_failures": 3,
        "last_failure": {"error_type": "OSError", "at": 0.0},
    }.items() <= metrics.items()
    assert metrics["rejected"]["open"] == 1
    assert metrics["last_transition"]["cause"] == "failure_threshold"


def test_a_window_tells_its_rate(clock):
    breaker = advanced("time_window", failure_threshold=2, clock=clock)

    async def main():
        for _ in range(3):
            await breaker.record_success()
        await breaker.record_failure()
        return await breaker.get_metrics()

    window = asyncio.run(main())["window"]
    assert (window["total"], window["failures"], window["failure_rate"]) == (4, 1, 0.25)


def test_starting_and_stopping_change_nothing(clock):
    breaker = advanced(clock=clock)

    async def main():
        await breaker.start()
        await breaker.start()
        await breaker.stop()
        assert await breaker.should_allow_request()
        await breaker.record_success()

    asyncio.run(main())
    assert breaker.snapshot().totals.success == 1


def test_it_is_reconfigured_in_its_own_words(clock):
    breaker = advanced(timeout=10, clock=clock)
    assert breaker.reconfigure(timeout=10) is False
    assert breaker.reconfigure(strategy_type="adaptive", failure_threshold=8, actor="me", reason="history") is True
    assert breaker.strategy_type == "adaptive"
    assert (document(breaker)["window"]["min_failures"], document(breaker)["recovery_timeout"]) == (8, "30s")
    with pytest.raises(ConfigError, match="`timeout` is -1"):
        breaker.reconfigure(timeout=-1)
    assert breaker.strategy_type == "adaptive"


def test_none_is_what_was_not_given():
    left_out = dict.fromkeys(
        ["strategy_type", "failure_threshold", "success_threshold", "timeout", "half_open_timeout", "window", "ramp"]
    )
    assert advanced(**left_out).document() == advanced().document()


@pytest.mark.parametrize("strategy", ["dependency", "Basic", "", 5, ["basic"], CircuitBreaker])
def test_a_strategy_that_is_not_there_is_an_error_that_lists_those_that_are(strategy):
    with pytest.raises(ConfigError) as raised:
        advanced(strategy)
    assert raised.value.key == "strategy_type"
    assert raised.value.value == repr(strategy)
    assert "basic, count_window, time_window, adaptive, gradual" in str(raised.value)


@pytest.mark.parametrize(
    ("options", "key", "text"),
    [
        ({"timeout": -1}, "timeout", "a number of seconds, in 1ms..=168h"),
        ({"timeout": "soon"}, "timeout", '`timeout` is "soon"'),
        ({"half_open_timeout": 0}, "half_open_timeout", "1ms..=168h"),
        ({"recovery_timeout": 30}, "recovery_timeout", "it is called timeout here"),
        ({"name": "other"}, "name", "it is called service_id here"),
        ({"failure_threshold": 0}, "failure_threshold", "1..=1000000"),
        ({"failure_threshold": "five"}, "failure_threshold", '"five"'),
        ({"failure_threshold": 0, "strategy_type": "count_window"}, "failure_threshold", "1..=1000000"),
        ({"failure_threshold": 0, "strategy_type": "adaptive"}, "failure_threshold", "`failure_threshold` is 0"),
        ({"failure_threshold": 60, "strategy_type": "count_window"}, "failure_threshold", "it takes 120 calls"),
        ({"success_threshold": 65}, "success_threshold", "1..=64"),
        ({"success_threshold": "3"}, "success_threshold", '`success_threshold` is "3"'),
        ({"half_open_concurrency": 4}, "half_open_concurrency", "bound by `success_threshold`"),
        ({"window": {"kind": "count"}}, "window", "'count_window' or 'time_window' or 'adaptive'"),
        ({"window": {}, "strategy_type": "gradual"}, "window", "absent beside 'gradual'"),
        ({"window": 5, "strategy_type": "time_window"}, "window", "a mapping"),
        ({"window": {"kind": "time"}, "strategy_type": "count_window"}, "window.kind", "'count'"),
        ({"window": {"failure_rate": 2}, "strategy_type": "count_window"}, "window.failure_rate", "(0, 1]"),
        ({"window": {"size": 5}, "strategy_type": "time_window"}, "window.size", "no such key here"),
        ({"ramp": {"step": 5}, "strategy_type": "gradual"}, "ramp.step", "(0, 1]"),
        ({"failure_treshold": 5}, "failure_treshold", "known: strategy_type, failure_threshold"),
        ({"failure_treshold": 5}, "failure_treshold", "sample_durations_every, cancelled_after, timeout, backoff"),
        ({"ignore": 5}, "ignore", "an exception class"),
    ],
)
def test_a_wrong_argument_is_told_by_the_name_that_it_has_here(options, key, text):
    with pytest.raises(ConfigError) as raised:
        advanced(**options)
    assert (raised.value.key, text in str(raised.value)) == (key, True), str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_a_name_is_needed_and_is_text():
    with pytest.raises(TypeError, match="service_id"):
        AdvancedCircuitBreaker()
    with pytest.raises(ConfigError) as raised:
        AdvancedCircuitBreaker(5)
    assert raised.value.key == "service_id"
    with pytest.raises(ConfigError) as raised:
        AdvancedCircuitBreaker("")
    assert raised.value.key == "service_id"


def test_one_that_extends_it_is_made_the_same_way():
    class Mine(AdvancedCircuitBreaker):
        def __new__(cls, service_id, **options):
            return super().__new__(cls, f"mine.{service_id}", timeout=1, **options)

    breaker = Mine("payments", success_threshold=1)
    assert (breaker.name, document(breaker)["recovery_timeout"], type(breaker)) == ("mine.payments", "1s", Mine)
    manager = CircuitBreakerManager(breaker_class=Mine)
    assert type(manager.get_breaker("orders")) is Mine
