"""Plain functions under ``timeout``, ``retry`` and ``fallback``."""

from __future__ import annotations

import time
from types import MappingProxyType

import pytest

from fusewire import (
    CallTimeoutError,
    CircuitBreaker,
    CircuitOpenError,
    ConfigError,
    Constant,
    FallbackResult,
    Registry,
    attached,
    circuit_breaker,
)

RETRY = {"backoff": {"base": "100ms", "jitter": 0, "kind": "fixed"}, "budget": False}


@pytest.fixture
def waits(clock, monkeypatch):
    """What was waited, by the clock of the test."""
    waited = []

    def sleep(seconds):
        waited.append(round(seconds, 9))
        clock.advance(seconds)

    monkeypatch.setattr(time, "sleep", sleep)
    return waited


@pytest.fixture
def make(clock, waits):
    def make(**options):
        return CircuitBreaker("case", **{"failure_threshold": 100, **options}, clock=clock)

    return make


def failing(times, error=TimeoutError, answer="answer"):
    """A function that fails so often, and keeps its calls."""

    def function(*args, **kwargs):
        function.calls.append((args, kwargs))
        if len(function.calls) <= times:
            function.errors.append(error(f"no {len(function.calls)}"))
            raise function.errors[-1]
        return answer

    function.calls, function.errors = [], []
    return function


# ---- retries ----


@pytest.mark.parametrize("way", ["call", "decorated", "at", "policy"])
def test_a_call_that_fails_is_tried_once_more_with_the_same_arguments(make, waits, totals, way):
    breaker = make(retry=RETRY)
    function = failing(2)
    call = {
        "call": lambda *a, **k: breaker.call(function, *a, **k),
        "decorated": circuit_breaker(breaker)(function),
        "at": lambda *a, **k: breaker.at("high").call(function, *a, **k),
        "policy": lambda *a, **k: breaker.policy().call(function, *a, **k),
    }[way]
    assert call(1, two=2) == "answer"
    assert function.calls == [((1,), {"two": 2})] * 3
    assert waits == [0.1, 0.1]
    assert totals(breaker) == {"success": 1, "failure": 2}


def test_the_error_that_is_raised_in_the_end_is_the_last_one_itself(make, totals):
    breaker = make(retry=RETRY)
    function = failing(9)
    with pytest.raises(TimeoutError) as raised:
        breaker.call(function)
    assert raised.value is function.errors[-1]
    assert (raised.value.args, raised.value.__cause__, raised.value.__context__) == (("no 3",), None, None)
    assert (attached(raised.value).attempts, attached(raised.value).rejection) == (3, None)
    assert totals(breaker) == {"failure": 3}


@pytest.mark.parametrize("error", [KeyError, ValueError, ZeroDivisionError])
def test_what_is_of_no_category_that_is_retried_is_raised_at_once(make, waits, error):
    function = failing(9, error)
    with pytest.raises(error):
        make(retry=RETRY).call(function)
    assert (len(function.calls), waits) == (1, [])


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError, ConnectionResetError, BrokenPipeError, ConnectionError, MemoryError, TimeoutError]
)
def test_errors_of_networks_and_resources_are_retried(make, error):
    function = failing(1, error)
    assert make(retry=RETRY).call(function) == "answer"


def test_an_error_type_of_the_users_says_of_which_kind_an_error_is(make):
    function = failing(1, KeyError)
    assert make(retry=RETRY, error_type=lambda error: "rate_limit").call(function) == "answer"
    function = failing(1, TimeoutError)
    with pytest.raises(TimeoutError):
        make(retry=RETRY, error_type=lambda error: "invalid_request").call(function)


def test_an_error_type_that_raises_is_logged_and_disturbs_nobody(make, caplog):
    assert make(retry=RETRY, error_type=lambda error: 1 / 0).call(failing(1)) == "answer"
    assert "error_type of circuit breaker 'case' raised" in caplog.text


def test_what_is_ignored_is_not_retried(make, totals):
    breaker, function = make(retry=RETRY, ignore=TimeoutError), failing(9)
    with pytest.raises(TimeoutError):
        breaker.call(function)
    assert (len(function.calls), totals(breaker)) == (1, {"ignored": 1})


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_ends_the_call(make, totals, error):
    breaker, function = make(retry=RETRY, fallback=[lambda: "rung"]), failing(9, error)
    with pytest.raises(error):
        breaker.call(function)
    assert (len(function.calls), totals(breaker)) == (1, {"ignored": 1})


def test_a_retry_that_is_turned_away_is_attached_to_the_error_of_the_function(make):
    breaker = make(retry=RETRY, failure_threshold=1)
    function = failing(9)
    with pytest.raises(TimeoutError) as raised:
        breaker.call(function)
    assert raised.value is function.errors[0]
    told = attached(raised.value)
    assert (told.attempts, type(told.rejection), told.rejection.reason) == (2, CircuitOpenError, "open")
    assert told.rejection.breaker is breaker


def test_a_call_that_never_ran_raises_the_rejection(make):
    breaker = make(retry=RETRY, failure_threshold=1)
    breaker.trip()
    with pytest.raises(CircuitOpenError):
        breaker.call(failing(0))


@pytest.mark.parametrize(
    ("asked", "calls"),
    [
        ({"method": "GET"}, 5),
        ({"method": "PUT"}, 2),
        ({"method": "POST"}, 1),
        ({"method": "get"}, 5),
        ({"method": "POST", "idempotent": True}, 3),
        ({"method": "PUT", "idempotent": False}, 1),
        ({"idempotent": False}, 1),
        ({"method": "PUT", "idempotent": None}, 2),
    ],
)
def test_the_method_says_how_often(make, asked, calls):
    function = failing(9)
    with pytest.raises(TimeoutError):
        make(retry=RETRY).at(**asked).call(function)
    assert len(function.calls) == calls


def test_what_a_call_asks_for_may_be_a_function_of_its_arguments(make):
    function = failing(9)
    guarded = circuit_breaker(make(retry=RETRY), method=lambda verb: verb, idempotent=lambda verb: verb != "PUT")(
        function
    )
    for verb, calls in (("GET", 5), ("PUT", 1), ("PATCH", 3)):
        del function.calls[:]
        with pytest.raises(TimeoutError):
            guarded(verb)
        assert len(function.calls) == calls


def test_a_result_that_is_a_failure_is_retried_by_its_status_and_passed_on_in_the_end(make, waits):
    class Answer:
        headers = MappingProxyType({"Retry-After": "2"})

        def __init__(self, status):
            self.status_code = status

    breaker = make(retry=RETRY, failure_result=lambda answer: answer.status_code >= 500)
    given = iter([Answer(503), Answer(503), Answer(200)])
    assert breaker.call(lambda: next(given)).status_code == 200
    assert waits == [2.0, 2.0]
    assert breaker.call(lambda: Answer(500)).status_code == 500


# ---- timeouts ----


@pytest.mark.parametrize("options", [{"retry": RETRY}, {"timeout": "1s"}, {"bulkhead": {"max_concurrent": 1}}, {}])
def test_a_call_whose_deadline_has_passed_is_not_made_and_is_no_failure(make, clock, options):
    clock.advance(10)
    breaker = make(failure_threshold=1, **options)
    for deadline in (0, 10):
        function = failing(0)
        with pytest.raises(CallTimeoutError, match="deadline had passed before it could begin") as caught:
            breaker.at(deadline=deadline).call(function)
        assert (caught.value.limit, function.calls) == (0, [])
    assert breaker.state == "closed"
    assert breaker.snapshot().totals.failure == 0


def test_rungs_answer_for_a_call_that_has_no_time(make, clock):
    clock.advance(10)
    breaker = make(failure_threshold=1, fallback=[lambda: "rung"])
    assert breaker.at(deadline=1).call(failing(9)) == "rung"
    assert sum(vars(breaker.snapshot().totals)[name] for name in ("success", "failure", "ignored")) == 0


def test_a_result_that_comes_too_late_is_passed_on_and_counts_as_a_failure(make, clock, totals):
    breaker = make(timeout="1s")

    @circuit_breaker(breaker)
    def slow():
        clock.advance(2)
        return "late"

    assert slow() == "late"
    assert totals(breaker) == {"failure": 1}
    assert breaker.snapshot().last_failure.error_type == "timeout"


def test_a_late_result_is_not_tried_once_more(make, clock):
    breaker, calls = make(timeout="1s", retry=RETRY), []

    def slow():
        calls.append(1)
        clock.advance(2)
        return "late"

    assert (breaker.call(slow), len(calls)) == ("late", 1)


def test_a_permit_tells_its_timeout_or_what_is_left_until_its_deadline(make, clock):
    breaker = make(timeout="1s")
    assert breaker.acquire().timeout == 1.0
    assert breaker.acquire(deadline=clock.now() + 0.25).timeout == 0.25
    assert make().acquire().timeout is None
    assert make().acquire(deadline=clock.now() + 0.5).timeout == 0.5


# ---- fallbacks ----


def test_rungs_are_tried_in_their_order_with_the_arguments_of_the_call(make):
    def first(*args):
        raise LookupError("not here")

    def second(*args):
        return "second", args

    breaker = make(fallback=[first, second, 7])
    assert breaker.call(failing(9), 1, 2) == ("second", (1, 2))
    assert [(one.rung, one.answered, one.failed) for one in breaker.snapshot().fallbacks] == [
        ("first", 0, 1),
        ("second", 1, 0),
        ("constant", 0, 0),
    ]


@pytest.mark.parametrize("value", [None, 7, {"a": 1}, Constant("text"), Constant([1])])
def test_a_constant_is_a_rung(make, value):
    wanted = value.value if isinstance(value, Constant) else value
    assert make(fallback=[value]).call(failing(9)) == wanted


def test_rungs_answer_for_calls_that_were_turned_away(make):
    breaker = make(fallback=["last"], rungs={"last": lambda: "known"})
    breaker.trip()
    assert breaker.call(failing(0)) == "known"


def test_when_no_rung_answers_the_error_of_the_call_is_raised_with_theirs_attached(make):
    def rung():
        raise LookupError("not here")

    breaker, function = make(fallback=[rung, "nobody"]), failing(9)
    with pytest.raises(TimeoutError) as raised:
        breaker.call(function)
    assert raised.value is function.errors[0]
    (first, why), (second, unknown) = attached(raised.value).rungs
    assert (first, str(why), second) == ("rung", "not here", "nobody")
    assert "write rungs={'nobody': ...}" in str(unknown)


def test_a_function_that_another_breaker_guards_is_the_rung_of_that_breaker(make, totals):
    other = CircuitBreaker("other")

    @circuit_breaker(other)
    def backup(text):
        return f"backup {text}"

    breaker = make(fallback=[backup])
    assert breaker.call(failing(9), "x") == "backup x"
    assert breaker.snapshot().fallbacks[0].rung == "breaker:other"
    assert totals(other) == {"success": 1}


def test_which_failures_fall_back_is_said_by_fall_back_on(make):
    breaker = make(fallback=[0], fall_back_on=TimeoutError)
    assert breaker.call(failing(9)) == 0
    with pytest.raises(KeyError):
        breaker.call(failing(9, KeyError))


def test_a_predicate_that_raises_lets_the_rungs_answer(make, caplog):
    assert make(fallback=[0], fall_back_on=lambda error: 1 / 0).call(failing(9, KeyError)) == 0
    assert "a predicate of circuit breaker 'case' raised" in caplog.text


def test_one_function_as_fallback_answers_only_calls_that_were_turned_away(make):
    breaker = make(retry=RETRY, fallback=lambda: "in its place")
    with pytest.raises(TimeoutError):
        breaker.call(failing(9))
    breaker.trip()
    assert breaker.call(failing(0)) == "in its place"


def test_functions_of_one_breaker_answer_each_for_itself(clock, waits):
    home = Registry(clock=clock)

    @circuit_breaker("shared", registry=home, failure_threshold=100, fallback=["known"], rungs={"known": "one"})
    def one():
        raise KeyError

    @circuit_breaker("shared", registry=home, failure_threshold=100, fallback=["known"], rungs={"known": "two"})
    def two():
        raise KeyError

    assert (one(), two()) == ("one", "two")


def test_a_chain_belongs_to_the_breaker(make):
    with pytest.raises(TypeError, match="belongs to the breaker"):
        circuit_breaker(make(), fallback=[len])


def test_a_breaker_that_falls_back_to_itself_is_an_error(make):
    with pytest.raises(ConfigError) as raised:
        make(fallback=["breaker:case"])
    assert raised.value.key == "fallback"


def test_the_result_says_who_has_answered(make):
    def rung():
        raise LookupError("not here")

    policy = make(fallback=[rung, 7]).policy()
    assert policy.result(failing(0)) == FallbackResult(
        value="answer", degraded=False, rung=None, error=None, errors=(), attempts=1
    )
    function = failing(9)
    told = policy.result(function)
    assert (told.value, told.degraded, told.rung, told.error, told.attempts) == (
        7,
        True,
        "constant",
        function.errors[0],
        1,
    )
    assert [name for name, _ in told.errors] == ["rung"]


def test_a_policy_changes_what_it_names_and_leaves_the_rest(make, waits):
    breaker = make(timeout="1s")
    policy = breaker.policy(retry=RETRY, fallback=[0])
    assert (breaker.snapshot().timeout, policy.breaker) == (1.0, breaker)
    guarded = policy(failing(9))
    assert guarded() == 0
    assert waits == [0.1, 0.1]
    with pytest.raises(ConfigError):
        breaker.policy(retry={"max_attempts": 0})


# ---- features ----


def test_a_call_names_its_feature(make, clock):
    breaker = make(features={"search": {}, "tips": {"min_calls": 1}}, failure_threshold=1000)
    tips = circuit_breaker(breaker, feature="tips")(failing(9, KeyError))
    with pytest.raises(KeyError):
        tips()
    with pytest.raises(CircuitOpenError) as refused:
        tips()
    assert refused.value.reason == "feature_disabled"
    assert {name: of.state for name, of in breaker.snapshot().features.items()} == {
        "search": "enabled",
        "tips": "disabled",
    }
    assert circuit_breaker(breaker, feature=lambda name: name)(lambda name: name)("search") == "search"


def test_a_feature_that_is_not_there_is_told_where_it_is_written(make):
    from fusewire import RequestError

    with pytest.raises(RequestError) as raised:
        circuit_breaker(make(), feature="tips")(len)
    assert raised.value.field == "feature"


def test_a_change_of_a_feature_is_an_event(make):
    breaker, seen = make(features={"tips": {}}), []
    breaker.add_policy_listener(seen.append)
    breaker.trip()
    (event,) = seen
    assert (event.kind, event.feature, event.from_value, event.to_value, event.cause, event.health) == (
        "feature",
        "tips",
        "enabled",
        "disabled",
        "opened",
        None,
    )


# ---- calls that can be made only once ----


@pytest.mark.parametrize("once", [True, lambda: True])
def test_a_call_that_can_be_made_only_once_is_not_tried_again(make, once):
    breaker, function = make(retry=RETRY), failing(9)
    with pytest.raises(TimeoutError):
        circuit_breaker(breaker, method="GET", once=once)(function)()
    assert len(function.calls) == 1
    attempts = breaker.attempts(method="GET", idempotent=True, once=True)
    attempts.next()
    attempts.failure("timeout")
    assert attempts.next().outcome == "failure"
    assert breaker.at(method="GET", once=False).attempts().next().attempt == 1
