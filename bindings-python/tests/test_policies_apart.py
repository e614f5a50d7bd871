"""Whose a policy is: its rungs, and the options that it takes."""

from __future__ import annotations

import asyncio

import pytest

from fusewire import CircuitBreaker, CircuitOpenError, ConfigError, Registry, attached, circuit_breaker


def failing():
    raise OSError("away")


def one():
    return "one"


def two():
    return "two"


async def later():
    return "later"


def make(**options):
    return CircuitBreaker("case", **{"failure_threshold": 100, **options})


def test_each_function_falls_back_on_what_it_was_decorated_with():
    breaker = make()
    first = breaker.policy(fallback=[one])(failing)
    second = breaker.policy(fallback=[two])(failing)
    both = breaker.policy(fallback=[one, two])
    assert (first(), second(), both.call(failing), first()) == ("one", "two", "one", "one")
    assert (both.result(failing).rung, both.result(failing).errors) == ("one", ())


def test_what_others_fall_back_on_is_no_rung_that_has_failed():
    def none():
        raise LookupError("nothing")

    breaker = make()
    breaker.policy(fallback=[one])
    with pytest.raises(OSError, match="away") as raised:
        breaker.policy(fallback=[none]).call(failing)
    assert [name for name, _ in attached(raised.value).rungs] == ["none"]


def test_rungs_in_another_order_than_those_of_others_are_refused():
    breaker = make()
    breaker.policy(fallback=[one, two])
    with pytest.raises(ConfigError, match=r"the rungs of circuit breaker 'case' in their order: \['one', 'two'\]"):
        breaker.policy(fallback=[two, one])


def test_names_alone_are_changed_for_all_calls():
    breaker = make(rungs={"a": "A", "b": "B"})
    breaker.policy(fallback=["a"])
    assert breaker.call(failing) == "A"
    breaker.policy(fallback=["b"])
    assert breaker.call(failing) == "B"


def test_a_function_for_which_nothing_answers_is_refused_where_it_is_decorated():
    registry = Registry()
    circuit_breaker("shared", registry=registry, fallback=[one])(failing)
    with pytest.raises(ConfigError, match=r"for failing nothing does: write rungs=\{'one': \.\.\.\} beside it"):
        circuit_breaker("shared", registry=registry)(failing)
    assert circuit_breaker("shared", registry=registry, rungs={"one": "mine"})(failing)() == "mine"


@pytest.mark.parametrize("names", [["nobody"], ["cache", "nobody"], ["breaker:elsewhere"]])
def test_a_rung_that_nobody_answers_by_is_refused_where_it_is_written(names):
    with pytest.raises(ConfigError, match="a rung that something answers by"):
        circuit_breaker(registry=Registry(), fallback=names, cache={"mode": "read_through"})(failing)


@pytest.mark.parametrize("fallback", [[later], later, ["named"]])
def test_a_coroutine_function_cannot_answer_for_a_plain_one(fallback):
    with pytest.raises(ConfigError, match="a plain function: failing is one, and awaits nothing"):
        circuit_breaker(registry=Registry(), fallback=fallback, rungs={"named": later})(failing)
    with pytest.raises(ConfigError, match="a plain function"):
        make(rungs={"named": later}).policy(fallback=fallback)(failing)


def test_for_a_coroutine_function_both_kinds_answer():
    async def fails():
        raise OSError

    for rung, answer in ((one, "one"), (later, "later")):
        assert asyncio.run(circuit_breaker(registry=Registry(), fallback=[rung])(fails)()) == answer


def test_at_the_call_it_is_a_rung_that_has_failed():
    with pytest.raises(OSError, match="away") as raised:
        make(fallback=[later]).call(failing)
    ((name, error),) = attached(raised.value).rungs
    assert (name, type(error), "plain call awaits nothing" in str(error)) == ("later", TypeError, True)
    # The next one may answer.
    assert make(fallback=[later, one]).call(failing) == "one"


@pytest.mark.parametrize(
    ("options", "key"),
    [({"retries": 3}, "retries"), ({"failure_threshold": 3}, "failure_threshold"), ({"retry": len}, "retry")],
)
def test_a_key_that_a_policy_does_not_know_is_refused(options, key):
    breaker = make()
    before = breaker.document()
    with pytest.raises(ConfigError, match="no such key here; known: timeout, retry, fallback") as raised:
        breaker.policy(timeout="1s", **options)
    assert (raised.value.key, breaker.document()) == (key, before)


@pytest.mark.parametrize("options", [{}, {"retry": {}}])
def test_the_one_function_that_answers_for_a_call_that_was_turned_away_is_told(options):
    breaker = make(**options)
    policy = breaker.policy(fallback=one)
    told = policy.result(lambda: "own")
    assert (told.value, told.degraded, told.error, told.attempts) == ("own", False, None, 1)
    breaker.trip()
    told = policy.result(lambda: "own")
    assert (told.value, told.degraded, told.rung, told.attempts) == ("one", True, None, 1)
    assert isinstance(told.error, CircuitOpenError)


@pytest.mark.parametrize("stand_in", [one, later])
@pytest.mark.parametrize("options", [{}, {"retry": {}}])
def test_so_is_that_of_a_coroutine_function(options, stand_in):
    breaker = make(**options)
    policy = breaker.policy(fallback=stand_in)

    async def own():
        return "own"

    assert asyncio.run(policy.result_async(own)).value == "own"
    breaker.trip()
    told = asyncio.run(policy.result_async(own))
    assert (told.value, told.degraded, type(told.error)) == (stand_in.__name__, True, CircuitOpenError)
