"""Coroutine functions of breakers with gates or policies around the call: the first attempt, which the native part makes from
its first step to its last, and what it leaves to Python."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import sys
import warnings
import weakref

import pytest
import trio

from fusewire import CallTimeoutError, CircuitBreaker, CircuitOpenError, circuit_breaker

RETRY = {"backoff": {"base": "1ms", "jitter": 0, "kind": "fixed"}, "budget": False}

#: Policies with which nobody waits before the first attempt.
POLICIES = {
    "timeout": {"timeout": "10s"},
    "retry": {"retry": RETRY},
    "all": {"timeout": "10s", "retry": RETRY, "fallback": [None]},
    "rate": {"rate_limit": {"rate": 1000, "burst": 1000}},
    "slots": {"bulkhead": {"max_concurrent": 3}},
    "queue": {"bulkhead": {"max_concurrent": 3, "max_queue": 3}, "retry": RETRY, "timeout": "10s"},
}
NATIVE = pytest.mark.skipif(
    sys.version_info < (3, 10), reason="Python 3.9 makes every call of a coroutine function itself"
)


def make(**options):
    return CircuitBreaker("case", **{"failure_threshold": 100, **options})


@pytest.fixture(params=sorted(POLICIES))
def some(request):
    return make(**POLICIES[request.param])


class Timers(asyncio.SelectorEventLoop):
    """asyncio's own loop, which remembers the timers that it was asked for."""

    def __init__(self):
        super().__init__()
        self.timers = []

    def call_at(self, when, *args, **kwargs):
        timer = super().call_at(when, *args, **kwargs)
        self.timers.append((when - self.time(), timer))
        return timer


@pytest.fixture
def timers():
    loop = Timers()
    yield loop
    loop.close()


class Pause:
    """What a coroutine yields that is run by hand."""

    def __await__(self):
        return (yield "paused")


def in_flight(breaker):
    bulkhead = breaker.snapshot().bulkhead
    return 0 if bulkhead is None else bulkhead.in_flight + bulkhead.queued


# ---- what succeeds at once ----


@NATIVE
def test_a_call_that_is_never_suspended_sets_no_timer_and_needs_no_loop(some, totals, timers):
    @circuit_breaker(some)
    async def call(*args, **kwargs):
        return args, kwargs

    async def main():
        for _ in range(3):
            assert await call(1, 2, 3, of="them") == ((1, 2, 3), {"of": "them"})

    timers.run_until_complete(main())
    assert timers.timers == []
    with pytest.raises(StopIteration) as ended:
        call().send(None)
    assert ended.value.value == ((), {})
    assert totals(some) == {"success": 4}
    assert in_flight(some) == 0


@pytest.mark.parametrize("value", [None, (1, 2), ValueError("as a value"), StopIteration(3)])
def test_any_result_comes_back_also_after_it_was_suspended(some, value):
    @circuit_breaker(some)
    async def call(times):
        for _ in range(times):
            await asyncio.sleep(0)
        return value

    for times in range(3):
        assert asyncio.run(call(times)) is value


def test_the_function_runs_in_the_callers_task_and_context(some):
    variable = contextvars.ContextVar("variable", default="before")

    @circuit_breaker(some)
    async def call():
        before = asyncio.current_task(), variable.get()
        variable.set("inside")
        await asyncio.sleep(0)
        assert asyncio.current_task() is before[0]
        assert variable.get() == "inside"
        return before

    async def main():
        variable.set("outside")
        assert await call() == (asyncio.current_task(), "outside")
        assert variable.get() == "inside"

    asyncio.run(main())


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_references_are_balanced_and_nothing_is_kept(policy):
    some = make(**POLICIES[policy])

    class Marked:
        pass

    value = Marked()

    @circuit_breaker(some)
    async def call(what, times, fails=False):
        for _ in range(times):
            await asyncio.sleep(0)
        if fails:
            raise KeyError("told to")
        return value

    async def main():
        for times in (0, 0, 1, 2):
            assert await call(value, times) is value
            assert await asyncio.create_task(call(value, times)) is value
            with pytest.raises(KeyError) if policy != "all" else contextlib.nullcontext():
                await asyncio.wait_for(call(value, times, fails=True), 10)
        waiting = asyncio.create_task(call(value, 10_000))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        call(value, 1).close()

    asyncio.run(main())
    gc.collect()
    before = sys.getrefcount(value), sys.getrefcount(call), sys.getrefcount(some)
    asyncio.run(main())
    gc.collect()
    assert (sys.getrefcount(value), sys.getrefcount(call), sys.getrefcount(some)) == before
    assert in_flight(some) == 0


# ---- what the call asks for ----


@pytest.mark.parametrize("policy", ["rate", "slots", "queue", "retry"])
@pytest.mark.parametrize("given", [((1,), {}), ((1, 2, 3), {}), ((1,), {"of": 2}), ((), {"of": 2})])
def test_a_function_of_the_arguments_is_asked_once_a_call(policy, given):
    asked = []

    def priority(*args, **kwargs):
        asked.append((args, kwargs))
        return "high"

    breaker = make(**POLICIES[policy])

    @circuit_breaker(breaker, priority=priority)
    async def call(*args, **kwargs):
        await asyncio.sleep(0)
        if len(tries) < 1 and policy == "retry":
            tries.append(1)
            raise ConnectionError("once more")
        return args, kwargs

    tries = []
    args, kwargs = given
    assert asyncio.run(call(*args, **kwargs)) == given
    assert asked == [given]


def test_what_cannot_be_asked_for_is_raised_and_the_function_is_not_called(some, totals):
    def priority(*args):
        raise ArithmeticError("no level")

    @circuit_breaker(some, priority=priority)
    async def call():
        raise AssertionError("it was called")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ArithmeticError):
            asyncio.run(call())
    assert totals(some) == {}


def test_who_waits_in_the_queue_is_asked_for_once_and_comes_by_its_slot(totals):
    asked = []
    breaker = make(bulkhead={"max_concurrent": 1, "max_queue": 5}, retry=RETRY, timeout="10s")

    @circuit_breaker(breaker, priority=lambda n: asked.append(n) or ("high" if n == 2 else "low"))
    async def call(n):
        await asyncio.sleep(0)
        order.append(n)
        return n

    order = []

    async def main():
        return await asyncio.gather(*(call(n) for n in range(3)))

    assert asyncio.run(main()) == [0, 1, 2]
    assert (asked, order) == ([0, 1, 2], [0, 2, 1])
    assert totals(breaker) == {"success": 3}
    assert in_flight(breaker) == 0


def test_a_paced_call_with_retries_waits_for_its_turn(totals):
    breaker = make(rate_limit={"algorithm": "leaky_bucket", "rate": 1000}, retry=RETRY)

    @circuit_breaker(breaker)
    async def call(n):
        return n

    async def main():
        return await asyncio.gather(*(call(n) for n in range(5)))

    assert asyncio.run(main()) == [0, 1, 2, 3, 4]
    assert totals(breaker) == {"success": 5}


# ---- what fails ----


def test_arguments_that_do_not_fit_count_as_the_functions_failure(totals):
    breaker = make(bulkhead={"max_concurrent": 1})

    @circuit_breaker(breaker)
    async def call(one):
        return one

    with pytest.raises(TypeError, match="positional argument"):
        asyncio.run(call())
    assert (totals(breaker), in_flight(breaker)) == ({"failure": 1}, 0)


@pytest.mark.parametrize("turns", [0, 1])
def test_a_result_that_is_a_failure_is_tried_once_more(turns, totals):
    class Answer:
        def __init__(self, status_code):
            self.status_code = status_code

    breaker, answers = make(retry=RETRY, timeout="10s"), [Answer(503), Answer(200)]
    good = answers[1]

    @circuit_breaker(breaker, failure_result=lambda answer: answer.status_code >= 500, method="GET")
    async def call():
        for _ in range(turns):
            await asyncio.sleep(0)
        return answers.pop(0)

    assert asyncio.run(call()) is good
    assert totals(breaker) == {"success": 1, "failure": 1}


def test_a_call_that_is_turned_away_is_answered_by_a_rung(totals):
    breaker = make(fallback=[7], bulkhead={"max_concurrent": 1})
    held = breaker.acquire(wait=False)

    @circuit_breaker(breaker)
    async def call():
        raise AssertionError("it was called")

    assert asyncio.run(call()) == 7
    held.success()
    assert totals(breaker) == {"success": 1, "rejected": 1}


def test_a_call_that_a_gate_turns_away_is_not_made(totals):
    breaker = make(bulkhead={"max_concurrent": 1}, timeout="10s")
    held = breaker.acquire(wait=False)

    @circuit_breaker(breaker)
    async def call():
        raise AssertionError("it was called")

    with pytest.raises(CircuitOpenError):
        asyncio.run(call())
    held.success()
    assert totals(breaker) == {"success": 1, "rejected": 1}


# ---- how long it may take ----


def test_a_call_that_is_suspended_has_one_timer_that_is_cancelled_at_its_end(timers):
    breaker = make(timeout="10s", retry=RETRY)

    @circuit_breaker(breaker)
    async def call(fails=False):
        for _ in range(3):
            await asyncio.sleep(0)
        if fails:
            raise KeyError("told to")

    async def main():
        await call()
        with pytest.raises(KeyError):
            await call(fails=True)

    timers.run_until_complete(main())
    assert len(timers.timers) == 2
    assert all(timer.cancelled() for _, timer in timers.timers)


@NATIVE
def test_what_it_took_before_it_was_suspended_counts(clock, totals):
    breaker = make(timeout="10s", clock=clock)

    @circuit_breaker(breaker)
    async def call():
        clock.advance(10)
        await asyncio.sleep(60)

    with pytest.raises(CallTimeoutError) as raised:
        asyncio.run(call())
    assert raised.value.limit == 10.0
    assert totals(breaker) == {"failure": 1}


@NATIVE
def test_what_is_left_of_the_time_is_what_the_timer_is_set_for(clock, timers):
    breaker = make(timeout="100s", clock=clock)

    @circuit_breaker(breaker)
    async def call():
        clock.advance(40)
        await asyncio.sleep(0)

    timers.run_until_complete(call())
    ((left, timer),) = timers.timers
    assert 0 < left <= 60 and timer.cancelled()


def test_one_that_took_too_long_without_being_suspended_is_a_failure_and_its_result_is_passed_on(clock, totals):
    breaker = make(timeout="10s", clock=clock, retry=RETRY)

    @circuit_breaker(breaker)
    async def call():
        clock.advance(11)
        return "late"

    assert asyncio.run(call()) == "late"
    assert totals(breaker) == {"failure": 1}
    assert breaker.snapshot().last_failure.error_type == "timeout"


def test_a_timer_is_cancelled_when_the_call_is_closed_or_let_go(timers, totals):
    breaker = make(timeout="10s", bulkhead={"max_concurrent": 5}, retry=RETRY)

    @circuit_breaker(breaker)
    async def call():
        await Pause()

    async def main():
        closed, dropped = call(), call()
        for coroutine in (closed, dropped):
            assert coroutine.send(None) == "paused"
        assert len(timers.timers) == 2 and in_flight(breaker) == 2
        closed.close()
        del coroutine, dropped
        gc.collect()

    timers.run_until_complete(main())
    assert all(timer.cancelled() for _, timer in timers.timers)
    assert (totals(breaker), in_flight(breaker)) == ({"ignored": 2}, 0)


@NATIVE
@pytest.mark.parametrize("options", [{}, {"retry": RETRY}])
def test_what_knows_no_timers_is_told_so_and_the_permit_goes_back(options, totals):
    breaker, ended = make(timeout="10s", bulkhead={"max_concurrent": 1}, **options), []

    @circuit_breaker(breaker)
    async def call():
        try:
            await Pause()
        finally:
            ended.append(True)

    with pytest.raises(RuntimeError, match="no running event loop"):
        call().send(None)
    assert (totals(breaker), in_flight(breaker), ended) == ({"ignored": 1}, 0, [True])


def test_a_cancellation_that_comes_with_the_end_of_the_time_is_no_timeout():
    if not hasattr(asyncio.Task, "uncancel"):
        pytest.skip("before 3.11 nobody counts cancellations")
    breaker = make(timeout="1ms", retry=RETRY)

    @circuit_breaker(breaker)
    async def call():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            asyncio.current_task().cancel()
            raise

    async def main():
        task = asyncio.ensure_future(call())
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_trio_ends_what_takes_too_long_also_where_it_has_scopes_of_its_own(totals):
    breaker = make(timeout="10ms")

    @circuit_breaker(breaker)
    async def call():
        with trio.CancelScope() as scope:
            await trio.sleep(60)
        return scope.cancelled_caught

    with pytest.raises(CallTimeoutError):
        trio.run(call)
    assert totals(breaker) == {"failure": 1}


# ---- cancellation ----


def scene(policy):
    """A call that waits twice in each of two attempts, between them and in a rung."""
    options = POLICIES[policy]
    if "retry" in options:
        options = {**options, "retry": {**RETRY, "max_attempts": 2}}
    breaker = make(**options)

    @circuit_breaker(breaker)
    async def call():
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        raise ConnectionError("no")

    return breaker, call


@pytest.mark.parametrize("policy", sorted(POLICIES))
@pytest.mark.parametrize("how", ["throw", "close", "drop"])
def test_ended_at_every_point_where_it_waits_it_settles_what_was_admitted_once(policy, how, timers):
    async def ended_after(turns):
        """Runs it by hand for so many turns, then ends it; whether it was still going on, and how many attempts it made."""
        breaker, call = scene(policy)
        coroutine = call()
        goes_on = True
        for _ in range(turns):
            try:
                waits_for = coroutine.send(None)
            except (ConnectionError, StopIteration):
                goes_on = False
                break
            if waits_for is not None:
                # A future of the loop's: it is waited for as a task would.
                waits_for._asyncio_future_blocking = False
                await waits_for
        if goes_on and how == "throw":
            with pytest.raises(asyncio.CancelledError):
                coroutine.throw(asyncio.CancelledError())
        elif how == "close":
            coroutine.close()
        del coroutine, call
        gc.collect()
        return goes_on, breaker

    seen = []
    for turns in range(1, 50):
        goes_on, breaker = timers.run_until_complete(ended_after(turns))
        counted = breaker.snapshot().totals
        assert in_flight(breaker) == 0
        assert (counted.success, counted.late) == (0, 0)
        if not goes_on:
            assert (counted.failure, counted.ignored) == (2 if "retry" in POLICIES[policy] else 1, 0)
            break
        seen.append((counted.failure, counted.ignored))
    else:
        raise AssertionError("it never ended")
    # The first attempt at each of its waits; then, where it retries, the wait and the second attempt.
    assert seen[:2] == [(0, 1)] * 2
    assert set(seen[2:]) == ({(1, 0), (1, 1)} if "retry" in POLICIES[policy] else set())
    assert all(timer.cancelled() or left <= 1 for left, timer in timers.timers)


def test_a_suspended_call_in_a_cycle_is_collected():
    breaker = make(bulkhead={"max_concurrent": 1}, retry=RETRY)

    class Holder:
        pass

    @circuit_breaker(breaker)
    async def call(holder):
        await Pause()

    holder = Holder()
    holder.coroutine = call(holder)
    holder.coroutine.send(None)
    gone = weakref.ref(holder)
    del holder
    gc.collect()
    assert gone() is None
    assert in_flight(breaker) == 0
