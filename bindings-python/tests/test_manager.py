"""``CircuitBreakerManager``: breakers on demand, configuration at run time, events, sums."""

from __future__ import annotations

import asyncio
import json
import logging
import threading

import pytest

import fusewire
from fusewire import (
    AdvancedCircuitBreaker,
    CircuitBreaker,
    CircuitBreakerManager,
    CircuitState,
    ConfigError,
    ConflictError,
    Registry,
    UnknownBreakerError,
    circuit_breaker,
)


@pytest.fixture
def manager(clock):
    return CircuitBreakerManager(Registry(clock=clock), failure_threshold=3)


def document(breaker):
    return json.loads(breaker.document())


def test_a_breaker_is_made_when_it_is_asked_for_and_is_the_same_ever_after(manager):
    assert manager.names() == []
    breaker = manager.get_breaker("payments")
    assert manager.get_breaker("payments") is breaker
    assert manager.names() == ["payments"]
    assert (document(breaker)["failure_threshold"], type(breaker)) == (3, CircuitBreaker)


def test_threads_that_ask_at_once_get_the_same(manager):
    found, barrier = [], threading.Barrier(8)

    def ask():
        barrier.wait()
        found.extend(manager.get_breaker(f"service {n}", recovery_timeout=10) for n in range(50))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 400
    assert len({id(breaker) for breaker in found}) == 50


def test_what_is_asked_with_a_configuration_must_have_it(manager):
    breaker = manager.get_breaker("payments", recovery_timeout=10)
    assert manager.get_breaker("payments") is breaker
    assert manager.get_breaker("payments", recovery_timeout="10s") is breaker
    with pytest.raises(ConflictError):
        manager.get_breaker("payments", recovery_timeout=20)


def test_it_manages_the_registry_that_it_is_given():
    registry = Registry()

    @circuit_breaker("orders", registry=registry)
    def call(): ...

    manager = CircuitBreakerManager(registry)
    assert manager.registry is registry
    assert manager.get_breaker("orders") is call.breaker
    assert CircuitBreakerManager().registry is not fusewire.registry


def test_a_change_keeps_what_it_does_not_name(manager):
    breaker = manager.get_breaker("payments", recovery_timeout=10)
    assert manager.update_config("payments", failure_threshold=8) is True
    assert (document(breaker)["failure_threshold"], document(breaker)["recovery_timeout"]) == (8, "10s")
    assert manager.update_config("payments", failure_threshold=8) is False
    # To a window, which knows no threshold, and the default of what is not wanted any more.
    assert manager.update_config("payments", failure_threshold=None, window={"kind": "count"}) is True
    assert manager.update_config("payments", recovery_timeout=None, half_open_max_calls=1) is True
    told = document(breaker)
    assert ("failure_threshold" in told, told["window"]["kind"]) == (False, "count")
    assert (told["recovery_timeout"], told["success_threshold"]) == ("60s", 1)


def test_what_is_changed_is_still_found_by_what_it_was_made_with(manager):
    breaker = manager.get_breaker("payments", recovery_timeout=10)
    manager.update_config("payments", recovery_timeout=20)
    assert manager.get_breaker("payments", recovery_timeout=10) is breaker
    assert manager.get_breaker("payments", recovery_timeout=20) is breaker
    assert document(breaker)["recovery_timeout"] == "20s"


def test_a_change_acts_at_once(manager):
    breaker = manager.get_breaker("payments")
    breaker.record_failure()
    manager.update_config("payments", failure_threshold=2, actor="operator", reason="incident 7")
    last = breaker.snapshot().last
    assert (last.cause, breaker.snapshot().generation) == ("reconfigured", 1)
    breaker.record_failure()
    breaker.record_failure()
    assert breaker.state is CircuitState.OPEN


def test_a_breaker_that_somebody_else_made_keeps_the_rest_too():
    registry = Registry()
    breaker = registry.get_or_create("orders", recovery_timeout=10, mode="shadow")
    manager = CircuitBreakerManager(registry)
    manager.update_config("orders", failure_threshold=8)
    assert (document(breaker)["failure_threshold"], document(breaker)["recovery_timeout"]) == (8, "10s")
    assert breaker.mode == "shadow"
    advanced = CircuitBreakerManager(registry, breaker_class=AdvancedCircuitBreaker).get_breaker("basket", timeout=7)
    manager.update_config("basket", strategy_type="gradual")
    assert (advanced.strategy_type, document(advanced)["recovery_timeout"]) == ("gradual", "7s")


def test_changes_of_threads_that_race_are_all_there(manager):
    breaker = manager.get_breaker("payments")
    keys = ["failure_threshold", "recovery_timeout", "half_open_max_calls", "half_open_timeout"]
    barrier = threading.Barrier(4)

    def change(key):
        barrier.wait()
        for value in range(1, 51):
            manager.update_config("payments", **{key: value})

    threads = [threading.Thread(target=change, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = document(breaker)
    assert [told[key] for key in keys] == [50, "50s", 50, "50s"]


def test_a_listener_may_change_a_configuration(manager):
    manager.get_breaker("payments")

    @manager.add_listener
    def heard(transition):
        if transition.to_state == "open":
            manager.update_config(transition.breaker, recovery_timeout=5)

    for _ in range(3):
        manager.get_breaker("payments").record_failure()
    assert document(manager.get_breaker("payments"))["recovery_timeout"] == "5s"


def test_a_wrong_change_changes_nothing(manager):
    breaker = manager.get_breaker("payments")
    before = breaker.document()
    for changes in ({"failure_threshold": 0}, {"no_such_key": 1}, {"ignore": KeyError}):
        with pytest.raises(ConfigError) as raised:
            manager.update_config("payments", **changes)
        assert raised.value.key == next(iter(changes))
    assert (breaker.document(), breaker.snapshot().generation) == (before, 0)
    assert manager.update_config("payments", recovery_timeout=10) is True
    with pytest.raises(UnknownBreakerError, match="nobody"):
        manager.update_config("nobody", failure_threshold=1)


def test_a_removed_breaker_is_gone_and_a_new_one_begins_afresh(manager):
    old = manager.get_breaker("payments", recovery_timeout=10)
    manager.update_config("payments", failure_threshold=8)
    assert old.can_execute()
    assert manager.remove_breaker("payments") is True
    assert manager.remove_breaker("payments") is False
    assert manager.names() == [] and 'service="payments"' not in manager.metrics()
    old.record_success()
    new = manager.get_breaker("payments", recovery_timeout=20)
    assert new is not old
    assert (document(new)["failure_threshold"], document(new)["recovery_timeout"]) == (3, "20s")
    # Removed behind its back, too.
    manager.registry.remove("payments")
    newer = manager.get_breaker("payments", recovery_timeout=30)
    manager.update_config("payments", failure_threshold=4)
    assert (document(newer)["failure_threshold"], document(newer)["recovery_timeout"]) == (4, "30s")


def test_listeners_hear_of_every_breaker_also_of_later_ones(manager):
    heard = []
    early = manager.get_breaker("early")

    @manager.add_listener
    def listen(transition):
        heard.append((transition.breaker, transition.generation, transition.to_state))

    late = manager.get_breaker("late")
    assert manager.get_breaker("late") is late
    made = manager.registry.get_or_create("made elsewhere")
    for breaker in (early, late, made):
        breaker.trip()
    early.reset()
    assert heard == [
        ("early", 1, "open"),
        ("late", 1, "open"),
        ("made elsewhere", 1, "open"),
        ("early", 2, "closed"),
    ]
    manager.remove_listener(listen)
    late.reset()
    assert len(heard) == 4
    with pytest.raises(ValueError):
        manager.remove_listener(listen)


def test_a_listener_that_raises_disturbs_nobody(manager, caplog):
    heard = []

    @manager.add_listener
    def wrong(transition):
        raise OSError("mine")

    manager.add_listener(heard.append)
    with caplog.at_level(logging.ERROR, "fusewire"):
        manager.get_breaker("payments").trip()
    assert [transition.to_state for transition in heard] == ["open"]
    assert "a listener of circuit breaker 'payments' raised" in caplog.text
    with pytest.raises(TypeError, match="a listener is a function of one transition"):
        manager.add_listener("payments")


def test_the_figures_of_all_breakers_are_summed(manager):
    assert manager.get_metrics() == {
        "total_breakers": 0,
        "states": {"closed": 0, "open": 0, "half_open": 0},
        **dict.fromkeys(
            [
                "total_requests",
                "success_count",
                "failure_count",
                "ignored_count",
                "slow_count",
                "late_count",
                "expired_count",
                "rejected_count",
            ],
            0,
        ),
        "success_rate": None,
        "failure_rate": None,
        "breakers": {},
    }
    one, two = manager.get_breaker("one"), manager.get_breaker("two")
    for _ in range(3):
        one.record_success()
        two.record_failure(OSError())
    assert not two.can_execute()
    metrics = manager.get_metrics()
    assert (metrics["total_breakers"], metrics["states"]) == (2, {"closed": 1, "open": 1, "half_open": 0})
    assert (metrics["success_count"], metrics["failure_count"], metrics["rejected_count"]) == (3, 3, 1)
    assert (metrics["success_rate"], metrics["failure_rate"]) == (0.5, 0.5)
    assert metrics["breakers"]["two"]["consecutive_failures"] == 3
    assert json.loads(json.dumps(metrics)) == metrics


def test_the_text_is_that_of_the_registry(manager):
    manager.get_breaker("one")
    assert manager.metrics() == manager.registry.metrics()
    assert 'circuit_breaker_state{service="one",state="closed"} 1' in manager.metrics()


def test_breakers_of_the_advanced_class_have_its_options_and_coroutines(clock):
    manager = CircuitBreakerManager(breaker_class=AdvancedCircuitBreaker, clock=clock, timeout=10)
    breaker = manager.get_breaker("payments", strategy_type="adaptive", failure_threshold=7)
    assert (type(breaker), breaker.strategy_type) == (AdvancedCircuitBreaker, "adaptive")
    assert manager.update_config("payments", strategy_type="basic") is True
    assert (breaker.strategy_type, document(breaker)["failure_threshold"]) == ("basic", 7)
    assert document(breaker)["recovery_timeout"] == "10s"

    async def main():
        await manager.start()
        assert await breaker.should_allow_request()
        await breaker.record_success()
        await manager.stop()
        return await breaker.get_metrics()

    assert asyncio.run(main()) == manager.get_metrics()["breakers"]["payments"]


def test_starting_starts_what_can_be_started():
    told = []

    class Mine(AdvancedCircuitBreaker):
        async def start(self):
            told.append(("start", self.name))

        async def stop(self):
            told.append(("stop", self.name))

    async def main():
        manager = CircuitBreakerManager(breaker_class=Mine)
        manager.registry.get_or_create("plain")
        manager.get_breaker("mine")
        await manager.start()
        await manager.stop()

    asyncio.run(main())
    assert told == [("start", "mine"), ("stop", "mine")]


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"registry": "default"}, "registry"),
        ({"breaker_class": Registry}, "breaker_class"),
        ({"breaker_class": "advanced"}, "breaker_class"),
        ({"failure_threshold": 0}, "failure_threshold"),
        ({"strategy_type": "basic"}, "strategy_type"),
        ({"breaker_class": AdvancedCircuitBreaker, "strategy_type": "dependency"}, "strategy_type"),
    ],
)
def test_a_wrong_argument_is_told_at_once(arguments, key):
    with pytest.raises(ConfigError) as raised:
        CircuitBreakerManager(**arguments)
    assert raised.value.key == key


def test_a_wrong_name_is_told(manager):
    for name in ("", "a\nb", 5, None):
        with pytest.raises(ConfigError) as raised:
            manager.get_breaker(name)
        assert raised.value.key == "name"


def test_it_says_how_many_it_has(manager):
    manager.get_breaker("one")
    assert repr(manager) == "<CircuitBreakerManager of 1 circuit breakers>"
