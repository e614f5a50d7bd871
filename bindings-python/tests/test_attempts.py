"""Calls that are made step by step."""

from __future__ import annotations

import threading

import pytest

from fusewire import AlreadySettledError, Call, CircuitBreaker, Done, RequestError, Use, Wait

RETRY = {"backoff": {"base": "100ms", "jitter": 0, "kind": "fixed"}, "budget": False}


@pytest.fixture
def make(clock):
    return lambda **options: CircuitBreaker("case", **{"failure_threshold": 100, **options}, clock=clock)


def test_a_step_says_what_is_to_be_done(make, clock):
    attempts = make(retry=RETRY, timeout="1s", fallback=["known"]).attempts(method="PUT")
    step = attempts.next()
    assert (type(step), step.attempt, step.timeout) == (Call, 1, 1.0)
    assert repr(step) == "Call(attempt=1, timeout=1.0)"
    assert attempts.failure("timeout") == "ok"
    assert attempts.next().seconds == 0.1
    clock.advance(0.04)
    assert (attempts.next().seconds, type(attempts.next())) == (0.06, Wait)
    clock.advance(0.06)
    assert attempts.next() == attempts.next()
    attempts.failure(ConnectionRefusedError())
    step = attempts.next()
    assert (type(step), step.rung) == (Use, "known")
    attempts.answered()
    done = attempts.next()
    assert type(done) is Done
    assert (done.outcome, done.rung, done.attempts, done.error_type) == ("success", "known", 2, "connection_refused")


def test_an_iteration_goes_from_step_to_step(make, clock):
    attempts, seen = make(retry=RETRY).attempts(), []
    for step in attempts:
        seen.append(type(step).__name__)
        if isinstance(step, Call):
            attempts.failure("timeout")
        else:
            clock.advance(step.seconds)
    assert seen == ["Call", "Wait", "Call", "Wait", "Call"]
    assert attempts.next().outcome == "failure"


def test_an_attempt_is_settled_once(make, totals):
    breaker = make(retry=RETRY)
    attempts = breaker.attempts()
    with pytest.raises(AlreadySettledError):
        attempts.success()
    attempts.next()
    attempts.success()
    for settle in (attempts.success, attempts.failure, attempts.ignore):
        with pytest.raises(AlreadySettledError):
            settle()
    assert totals(breaker) == {"success": 1}


def test_it_settles_by_the_rules(make, totals):
    breaker = make(ignore=KeyError)
    for error in (None, KeyError(), OSError()):
        attempts = breaker.attempts()
        attempts.next()
        assert attempts.settle(error) is True
    attempts = breaker.attempts()
    attempts.next()
    assert attempts.settle(GeneratorExit()) is False
    assert totals(breaker) == {"success": 1, "ignored": 2, "failure": 1}


@pytest.mark.parametrize("end", ["with", "close", "del"])
def test_the_permit_of_an_attempt_that_is_given_up_is_let_go(make, totals, end):
    breaker = make(bulkhead={"max_concurrent": 1})
    attempts = breaker.attempts()
    assert attempts.next().attempt == 1
    if end == "with":
        with attempts:
            pass
    elif end == "close":
        attempts.close()
    del attempts
    assert breaker.snapshot().bulkhead.in_flight == 0
    assert totals(breaker) == {"ignored": 1}


def test_what_was_closed_says_so(make):
    attempts = make().attempts()
    attempts.close()
    with pytest.raises(RuntimeError, match="closed"):
        attempts.next()


def test_a_listener_may_not_go_on_in_the_middle_of_a_step_but_other_attempts_may(make):
    breaker, seen = make(failure_threshold=1, retry=RETRY), []
    attempts = breaker.attempts()

    @breaker.add_listener
    def listen(transition):
        try:
            attempts.next()
        except RuntimeError as error:
            seen.append(str(error))
        seen.append(breaker.attempts().next().outcome)

    attempts.next()
    attempts.failure("timeout")
    assert "in the middle of a step" in seen[0]
    assert seen[1] == "rejected"
    assert isinstance(attempts.next(), Wait)


def test_another_thread_may_go_on(make):
    attempts = make().attempts()
    attempts.next()
    thread = threading.Thread(target=attempts.success)
    thread.start()
    thread.join()
    assert attempts.next().outcome == "success"


@pytest.mark.parametrize(
    ("asked", "field"),
    [({"cost": 0}, "cost"), ({"feature": "x"}, "feature"), ({"method": 5}, "method"), ({"key": b"x"}, "key")],
)
def test_a_wrong_request_is_told(make, asked, field):
    with pytest.raises(RequestError) as raised:
        make().attempts(**asked)
    assert (raised.value.field, field in str(raised.value)) == (field, True)


def test_the_utilisation_lengthens_the_wait(make):
    breaker = make(retry={"backoff": {"kind": "resource_sensitive", "base": "100ms", "jitter": 0}, "budget": False})
    breaker.set_utilisation(0.5)
    attempts = breaker.attempts()
    attempts.next()
    attempts.failure("timeout")
    assert attempts.next().seconds == 0.15
    from fusewire import ConfigError

    with pytest.raises(ConfigError):
        breaker.set_utilisation(1.5)
