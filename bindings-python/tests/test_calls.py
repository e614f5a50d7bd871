"""Plain calls: what counts, what comes back, and what is left alone."""

from __future__ import annotations

import gc
import sys
import traceback
import weakref

import pytest

from fusewire import (
    AlreadySettledError,
    CircuitBreaker,
    CircuitBreakerError,
    CircuitOpenError,
    circuit_breaker,
)


def fail(error):
    raise error


def test_a_result_comes_back_and_is_a_success(breaker, totals):
    @circuit_breaker(breaker)
    def add(x, *rest, y=1, **more):
        return x, rest, y, more

    assert add(1, 2, 3, y=4, z=5) == (1, (2, 3), 4, {"z": 5})
    assert add(x=1) == (1, (), 1, {})
    assert totals(breaker) == {"success": 2}


def test_an_exception_comes_back_unchanged_and_is_a_failure(breaker, totals):
    error = KeyError("the user's own")
    guarded = circuit_breaker(breaker)(fail)
    with pytest.raises(KeyError) as raised:
        guarded(error)
    assert raised.value is error
    assert error.__context__ is None and error.__cause__ is None
    assert [frame.name for frame in traceback.extract_tb(error.__traceback__)][-1] == "fail"
    assert totals(breaker) == {"failure": 1}
    assert breaker.snapshot().last_failure.error_type == "KeyError"


def test_the_third_failure_in_a_row_opens_it(breaker, clock, totals):
    guarded = circuit_breaker(breaker)(fail)
    for _ in range(3):
        with pytest.raises(OSError):
            guarded(OSError())
    with pytest.raises(CircuitOpenError) as raised:
        guarded(OSError())
    error = raised.value
    assert (error.name, error.reason, error.retry_after, error.breaker) == ("case", "open", 60.0, breaker)
    assert str(error) == "circuit breaker 'case' is open; retry in 60s"
    assert error.last_failure.error_type == "OSError"
    assert isinstance(error, CircuitBreakerError)
    assert totals(breaker) == {"failure": 3, "rejected": 1}
    clock.advance(60)
    for _ in range(3):
        assert breaker.call(lambda: 1) == 1
    assert breaker.state == "closed"


def test_call_passes_arguments_and_settles(breaker, totals):
    assert breaker.call(divmod, 7, 2) == (3, 1)
    assert breaker.call(dict, a=1) == {"a": 1}
    with pytest.raises(ZeroDivisionError):
        breaker.call(divmod, 1, 0)
    assert totals(breaker) == {"success": 2, "failure": 1}
    with pytest.raises(TypeError, match="breaker.call"):
        breaker.call()


@pytest.mark.parametrize("ignore", [KeyError, (OSError, KeyError), [KeyError], lambda e: isinstance(e, LookupError)])
def test_ignore_takes_a_class_a_tuple_or_a_predicate(breaker, totals, ignore):
    guarded = circuit_breaker(breaker, ignore=ignore)(fail)
    with pytest.raises(KeyError):
        guarded(KeyError())
    with pytest.raises(ValueError):
        guarded(ValueError())
    assert totals(breaker) == {"ignored": 1, "failure": 1}


def test_failure_makes_everything_else_a_success(breaker, totals):
    guarded = circuit_breaker(breaker, failure=(OSError, lambda e: e.args == ("bad",)))(fail)
    for error in OSError(), ValueError("bad"), ValueError("fine"):
        with pytest.raises(type(error)):
            guarded(error)
    assert totals(breaker) == {"failure": 2, "success": 1}


def test_ignore_comes_before_failure(breaker, totals):
    guarded = circuit_breaker(breaker, ignore=ConnectionError, failure=OSError)(fail)
    with pytest.raises(ConnectionError):
        guarded(ConnectionError())
    assert totals(breaker) == {"ignored": 1}


def test_a_result_can_be_a_failure(breaker, totals):
    @circuit_breaker(breaker, failure_result=lambda status: status >= 500)
    def get(status):
        return status

    assert [get(200), get(503)] == [200, 503]
    assert totals(breaker) == {"success": 1, "failure": 1}


def test_rules_of_the_breaker_hold_where_a_function_has_none(clock, totals):
    breaker = CircuitBreaker("ruled", ignore=KeyError, failure_result=lambda r: r is None, clock=clock)
    own = circuit_breaker(breaker, ignore=ValueError)
    with pytest.raises(KeyError):
        own(fail)(KeyError())
    with pytest.raises(ValueError):
        own(fail)(ValueError())
    assert own(lambda: None)() is None
    assert totals(breaker) == {"failure": 2, "ignored": 1}


@pytest.mark.parametrize("exit", [KeyboardInterrupt, SystemExit])
def test_an_interpreters_exit_is_ignored(breaker, totals, exit):
    with pytest.raises(exit):
        circuit_breaker(breaker)(fail)(exit())
    assert totals(breaker) == {"ignored": 1}


def test_an_exit_is_ignored_whatever_the_rules_say(breaker, totals):
    with pytest.raises(SystemExit):
        circuit_breaker(breaker, failure=BaseException)(fail)(SystemExit())
    assert totals(breaker) == {"ignored": 1}


def test_a_predicate_that_raises_is_logged_and_harms_nothing(breaker, totals, caplog):
    def broken(_):
        raise RuntimeError("my own fault")

    assert circuit_breaker(breaker, failure_result=broken)(lambda: 5)() == 5
    with pytest.raises(OSError):
        circuit_breaker(breaker, ignore=broken)(fail)(OSError())
    with pytest.raises(OSError):
        circuit_breaker(breaker, failure=broken)(fail)(OSError())
    with pytest.raises(OSError):
        circuit_breaker(breaker, error_type=broken)(fail)(OSError())
    assert totals(breaker) == {"success": 1, "failure": 3}
    assert [r.exc_info[1].args for r in caplog.records if r.exc_info] == [("my own fault",)] * 4


def test_a_predicate_that_is_a_coroutine_function_is_reported(breaker, totals, caplog):
    async def wrong(_):
        return True

    assert circuit_breaker(breaker, failure_result=wrong)(lambda: 5)() == 5
    assert totals(breaker) == {"success": 1}
    assert "not async def" in str(caplog.records[0].exc_info[1])


def test_error_type_names_what_is_counted(breaker):
    guarded = circuit_breaker(breaker, error_type=lambda e: f"status {e.args[0]}")(fail)
    with pytest.raises(OSError):
        guarded(OSError(503))
    assert 'error_type="status 503"' in breaker.metrics()


def test_a_fallback_answers_with_the_same_arguments(breaker, totals):
    @circuit_breaker(breaker, fallback=lambda *a, **k: ("instead", a, k))
    def f(*args, **kwargs):
        return "real"

    assert f(1, x=2) == "real"
    breaker.trip()
    assert f(1, x=2) == ("instead", (1,), {"x": 2})
    assert totals(breaker) == {"success": 1, "rejected": 1}


def test_what_a_fallback_raises_reaches_the_caller(breaker):
    breaker.trip()
    with pytest.raises(LookupError):
        circuit_breaker(breaker, fallback=lambda error: fail(error))(fail)(LookupError())


def test_a_rejection_inside_an_except_block_has_no_context(breaker):
    breaker.trip()
    try:
        raise ValueError("handled")
    except ValueError:
        with pytest.raises(CircuitOpenError) as raised:
            breaker.call(len, "")
    assert raised.value.__context__ is None
    chain = [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]
    assert len(chain) == 1


def test_rejections_keep_nothing_alive(breaker):
    class Big:
        pass

    breaker.trip()
    big = Big()
    alive = weakref.ref(big)
    with pytest.raises(CircuitOpenError) as raised:
        breaker.call(len, big)
    del big, raised
    gc.collect()
    assert alive() is None


def test_references_are_balanced(breaker):
    class Marked:
        pass

    argument, result, error = Marked(), Marked(), OSError()
    guarded = circuit_breaker(breaker, ignore=OSError)(lambda what, *, fails=False: fail(error) if fails else result)

    def count():
        gc.collect()
        return [sys.getrefcount(o) for o in (argument, result, guarded, breaker)]

    def round():
        for _ in range(100):
            assert guarded(argument) is result
            try:
                guarded(argument, fails=True)
            except OSError:
                error.__traceback__ = None

    round()
    before = count()
    round()
    assert count() == before


def test_with_is_one_call(breaker, totals):
    with breaker as permit:
        assert not permit.settled
    assert permit.settled
    with pytest.raises(OSError), breaker:
        raise OSError
    assert totals(breaker) == {"success": 1, "failure": 1}
    breaker.trip()
    with pytest.raises(CircuitOpenError), breaker:
        raise AssertionError("the block ran")


def test_with_nests(breaker, totals):
    with breaker, breaker, pytest.raises(OSError), breaker:
        raise OSError
    assert totals(breaker) == {"success": 2, "failure": 1}


def test_leaving_what_was_not_entered_is_an_error(breaker):
    with pytest.raises(RuntimeError, match="with breaker"):
        breaker.__exit__(None, None, None)


def test_a_permit_settles_once(breaker, totals):
    permit = breaker.acquire()
    assert permit.success() == "ok"
    with pytest.raises(AlreadySettledError, match="exactly one of"):
        permit.failure()
    with pytest.raises(AlreadySettledError):
        permit.ignore()
    assert totals(breaker) == {"success": 1}


def test_a_permit_is_a_context_manager(breaker, totals):
    with breaker.acquire():
        pass
    with pytest.raises(OSError), breaker.acquire():
        raise OSError
    with breaker.acquire() as permit:
        permit.ignore()
    assert totals(breaker) == {"success": 1, "failure": 1, "ignored": 1}


def test_a_permit_of_an_earlier_generation_is_late(breaker, totals):
    permit = breaker.acquire()
    breaker.trip()
    assert permit.failure(OSError("x"), duration=0.5) == "late"
    assert totals(breaker) == {"failure": 1, "late": 1}


def test_a_permit_that_is_let_go_is_ignored(breaker, totals):
    breaker.acquire()
    gc.collect()
    assert totals(breaker) == {"ignored": 1}


def test_a_permit_that_is_let_go_after_too_long_is_a_failure(clock, totals):
    breaker = CircuitBreaker("slow", cancelled_after=2, slow_call_duration=1, clock=clock)
    permit = breaker.acquire()
    clock.advance(2)
    del permit
    gc.collect()
    assert totals(breaker)["failure"] == 1
    assert breaker.snapshot().last_failure.error_type == "timeout"


def test_try_acquire_answers_none_when_the_call_is_turned_away(breaker):
    assert breaker.try_acquire().success() == "ok"
    breaker.trip()
    assert breaker.try_acquire() is None


def test_shadow_tells_why_a_call_would_have_been_rejected(clock):
    breaker = CircuitBreaker("shadow", mode="shadow", clock=clock)
    breaker.trip()
    permit = breaker.acquire()
    assert permit.would_reject == "open"
    assert permit.success() == "ok"


def test_recursion_ends_in_a_recursion_error(clock):
    # A transition that deep could not even be logged.
    breaker = CircuitBreaker("deep", failure_threshold=10_000, clock=clock)

    @circuit_breaker(breaker)
    def deep(n):
        return deep(n + 1)

    with pytest.raises(RecursionError):
        deep(0)


def test_a_breaker_in_a_cycle_is_collected(clock):
    class Rule:
        def __call__(self, error):
            return False

    rule = Rule()
    rule.breaker = CircuitBreaker("cycle", ignore=rule, clock=clock)
    rule.guarded = circuit_breaker(rule.breaker, failure=rule)(lambda: rule)  # noqa: F821
    alive = [weakref.ref(rule), weakref.ref(rule.breaker), weakref.ref(rule.guarded)]
    del rule
    gc.collect()
    assert [w() for w in alive] == [None] * 3
