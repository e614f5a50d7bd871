"""What errors tell: under which name they are counted, how many attempts there were, and of which feature a call was."""

from __future__ import annotations

import pickle

import pytest

from fusewire import CircuitBreaker, FeatureDisabledError, attached, circuit_breaker

ONCE = {"max_attempts": 1, "backoff": {"base": "1ms"}}


class Busy(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "calls", "name"),
    [
        (Busy(), 3, "network_error"),
        (TimeoutError(), 3, "timeout"),
        (ConnectionResetError(), 3, "connection_reset"),
        (ValueError(), 1, "ValueError"),
    ],
)
def test_an_error_type_that_says_nothing_leaves_it_to_what_is_known(error, calls, name):
    breaker = CircuitBreaker(
        "case",
        failure_threshold=100,
        retry={"backoff": {"base": "1ms"}, "budget": False},
        error_type=lambda error: "network_error" if isinstance(error, Busy) else None,
    )
    made = []

    def function():
        made.append(1)
        raise error

    with pytest.raises(type(error)):
        breaker.call(function)
    assert (len(made), breaker.snapshot().last_failure.error_type) == (calls, name)


def test_an_empty_error_type_is_none():
    breaker = CircuitBreaker("case", error_type=lambda error: "")
    with pytest.raises(ValueError, match="no"):
        breaker.call(lambda: int("no"))
    assert breaker.snapshot().last_failure.error_type is None


@pytest.mark.parametrize("options", [{"retry": ONCE}, {"retry": {}, "timeout": "5s"}, {"cache": {}}])
def test_a_plain_call_that_ended_after_one_attempt_tells_so(options):
    with pytest.raises(ValueError, match="no") as raised:
        CircuitBreaker("case", **options).call(lambda: int("no"))
    assert (attached(raised.value).attempts, attached(raised.value).rungs) == (1, ())


def test_an_exception_that_is_raised_again_tells_of_its_last_call():
    error = TimeoutError("the same object")

    def function():
        raise error

    for attempts in (3, 1, 2):
        retry = {"max_attempts": attempts, "backoff": {"base": "1ms"}, "budget": False}
        with pytest.raises(TimeoutError):
            CircuitBreaker("case", failure_threshold=100, retry=retry).call(function)
        assert attached(error).attempts == attempts


def ill(**options):
    breaker = CircuitBreaker("shop", features={"tips": {"min_calls": 1}, "pay": {}}, **options)
    breaker.acquire(feature="tips").failure("boom")
    return breaker


@pytest.mark.parametrize(
    "ask",
    [
        lambda breaker: breaker.acquire(feature="tips"),
        lambda breaker: breaker.at(feature="tips").call(int),
        lambda breaker: circuit_breaker(breaker, feature=lambda: "tips")(lambda: 1)(),
        lambda breaker: breaker.policy(feature="tips").result(int),
    ],
)
@pytest.mark.parametrize("options", [{}, {"retry": {}}])
def test_the_error_of_a_feature_that_is_off_names_it(ask, options):
    with pytest.raises(FeatureDisabledError) as raised:
        ask(ill(**options))
    error = raised.value
    assert error.feature == "tips"
    assert str(error).startswith("circuit breaker 'shop' has disabled the feature 'tips'; retry in ")
    again = pickle.loads(pickle.dumps(error))
    assert (again.feature, str(again)) == ("tips", str(error))


def test_one_that_is_made_by_hand_names_none():
    error = FeatureDisabledError("shop", "feature_disabled", None)
    assert (error.feature, str(error)) == (None, "circuit breaker 'shop' has disabled this feature")
