"""Coroutine functions under ``timeout``, ``retry`` and ``fallback``, in asyncio and in trio; cancelled wherever they wait."""

from __future__ import annotations

import asyncio

import pytest
import trio

from fusewire import CallTimeoutError, CircuitBreaker, CircuitBreakerError, CircuitOpenError, attached, circuit_breaker

#: Short waits of the real clock: a loop has no other.
RETRY = {"backoff": {"base": "1ms", "jitter": 0, "kind": "fixed"}, "budget": False}


def by_asyncio(function, *args):
    async def main():
        return await function(*args)

    return asyncio.run(main())


def by_trio(function, *args):
    return trio.run(function, *args)


@pytest.fixture(params=["asyncio", "trio"])
def loop(request):
    """Runs a coroutine function, and the sleep of that loop."""
    return (by_asyncio, asyncio.sleep) if request.param == "asyncio" else (by_trio, trio.sleep)


def make(**options):
    return CircuitBreaker("case", **{"failure_threshold": 100, **options})


def failing(times, sleep, error=ConnectionError):
    async def function(*args):
        function.calls.append(args)
        await sleep(0)
        if len(function.calls) <= times:
            function.errors.append(error(f"no {len(function.calls)}"))
            raise function.errors[-1]
        return "answer"

    function.calls, function.errors = [], []
    return function


@pytest.mark.parametrize("way", ["call_async", "decorated", "at", "policy"])
def test_a_call_that_fails_is_tried_once_more(loop, totals, way):
    run, sleep = loop
    breaker, function = make(retry=RETRY), failing(2, sleep)

    async def call(*args):
        if way == "decorated":
            return await circuit_breaker(breaker)(function)(*args)
        of = {"call_async": breaker, "at": breaker.at("high"), "policy": breaker.policy()}[way]
        return await of.call_async(function, *args)

    assert run(call, 1) == "answer"
    assert function.calls == [(1,)] * 3
    assert totals(breaker) == {"success": 1, "failure": 2}


def test_the_last_error_itself_is_raised(loop):
    run, sleep = loop
    function = failing(9, sleep)
    with pytest.raises(ConnectionError) as raised:
        run(circuit_breaker(make(retry=RETRY))(function))
    assert raised.value is function.errors[-1]
    assert attached(raised.value).attempts == 3


def test_an_attempt_that_takes_too_long_is_cancelled_and_raised_with_its_limit(loop, totals):
    run, sleep = loop
    breaker, ended = make(timeout="10ms"), []

    @circuit_breaker(breaker)
    async def slow():
        try:
            await sleep(60)
        finally:
            ended.append(True)

    with pytest.raises(TimeoutError) as raised:
        run(slow)
    error = raised.value
    assert isinstance(error, CallTimeoutError) and isinstance(error, CircuitBreakerError)
    assert (error.limit, error.breaker, ended) == (0.01, breaker, [True])
    assert str(error) == "circuit breaker 'case': the call took longer than its timeout of 10ms"
    assert totals(breaker) == {"failure": 1}
    assert breaker.snapshot().last_failure.error_type == "timeout"


def test_a_timeout_is_tried_once_more(loop, totals):
    run, sleep = loop
    breaker, calls = make(timeout="10ms", retry=RETRY), []

    @circuit_breaker(breaker)
    async def slow_at_first():
        calls.append(1)
        await sleep(60 if len(calls) == 1 else 0)
        return "answer"

    assert run(slow_at_first) == "answer"
    assert totals(breaker) == {"failure": 1, "success": 1}


def test_what_it_raises_when_it_is_cut_off_is_the_cause(loop):
    run, sleep = loop

    @circuit_breaker(make(timeout="10ms", retry={"max_attempts": 1}))
    async def slow():
        try:
            await sleep(60)
        finally:
            raise LookupError("while cleaning up")

    with pytest.raises(CallTimeoutError) as raised:
        run(slow)
    assert isinstance(raised.value.__cause__, LookupError)


@pytest.mark.parametrize("options", [{}, {"retry": {"max_attempts": 1}}])
def test_what_ignores_its_cancellation_is_dropped_when_it_answers(options, totals):
    breaker = make(timeout="10ms", **options)

    @circuit_breaker(breaker)
    async def stubborn():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "too late"

    with pytest.raises(CallTimeoutError):
        by_asyncio(stubborn)
    assert totals(breaker) == {"failure": 1}


def test_rungs_answer_in_the_loop(loop):
    run, sleep = loop

    async def first(*args):
        await sleep(0)
        raise LookupError("not here")

    async def second(*args):
        await sleep(0)
        return "second", args

    breaker = make(retry=RETRY, fallback=[first, second])
    assert run(circuit_breaker(breaker)(failing(9, sleep)), 1) == ("second", (1,))

    async def told():
        return await breaker.policy().result_async(failing(9, sleep))

    result = run(told)
    assert (result.degraded, result.rung, result.attempts) == (True, "second", 3)


def test_one_function_as_fallback_answers_calls_that_were_turned_away(loop):
    run, sleep = loop
    breaker = make(retry=RETRY, fallback=lambda: "in its place")
    breaker.trip()
    assert run(circuit_breaker(breaker)(failing(0, sleep))) == "in its place"


def test_a_retry_that_is_turned_away_is_attached(loop):
    run, sleep = loop
    function = failing(9, sleep)
    with pytest.raises(ConnectionError) as raised:
        run(circuit_breaker(make(retry=RETRY, failure_threshold=1))(function))
    assert isinstance(attached(raised.value).rejection, CircuitOpenError)


def test_attempts_wait_for_slots_in_the_queue(loop):
    run, sleep = loop
    breaker = make(retry=RETRY, bulkhead={"max_concurrent": 1, "max_queue": 5})
    guarded = circuit_breaker(breaker)(failing(2, sleep))

    async def both():
        if sleep is trio.sleep:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(guarded)
                nursery.start_soon(guarded)
        else:
            await asyncio.gather(guarded(), guarded())

    run(both)
    snapshot = breaker.snapshot()
    assert (snapshot.totals.success, snapshot.totals.failure, snapshot.bulkhead.in_flight) == (2, 2, 0)


# ---- cancellation ----


def scene():
    """A call that waits wherever a call can: for a slot, in an attempt, for a retry, in a rung that fails and in one that
    does not."""

    async def attempt():
        await asyncio.sleep(0)
        raise ConnectionError("no")

    async def bad():
        await asyncio.sleep(0)
        raise LookupError("not here")

    async def good():
        await asyncio.sleep(0)
        return "rung"

    breaker = make(
        retry={**RETRY, "max_attempts": 2},
        timeout="10s",
        fallback=[bad, good],
        bulkhead={"max_concurrent": 1, "max_queue": 5, "queue_timeout": "5s"},
    )
    return breaker, circuit_breaker(breaker)(attempt)


async def cancelled_after(turns, release):
    """Makes the call, and cancels it after so many turns of its coroutine; answers the breaker, and what came of it."""
    breaker, guarded = scene()
    blocking = breaker.acquire()
    await blocking
    turned = 0

    class Watched:
        """Counts the times that the call waits."""

        def __await__(self):
            nonlocal turned
            inner = guarded().__await__()
            value = None
            while True:
                try:
                    waits_for = inner.send(value)
                except StopIteration as end:
                    return end.value
                turned += 1
                if turned == turns:
                    task.cancel()
                if turned == 1:
                    release(asyncio.get_running_loop(), blocking.settle)
                try:
                    value = yield waits_for
                except BaseException as error:
                    try:
                        inner.throw(error)
                    except StopIteration as end:
                        return end.value
                    raise AssertionError("it went on after it was cancelled") from None

    async def main():
        return await Watched()

    task = asyncio.get_running_loop().create_task(main())
    try:
        return breaker, await task, turned
    except asyncio.CancelledError:
        return breaker, "cancelled", turned
    finally:
        blocking.settle(GeneratorExit())


@pytest.mark.parametrize(
    ("release", "settled_in_all"),
    [
        (lambda loop, free: loop.call_later(0.001, free, GeneratorExit()), {1, 2, 3}),
        # The slot is granted and the wait is cancelled in one turn of the loop.
        (lambda loop, free: loop.call_soon(free, GeneratorExit()), {2, 3}),
    ],
)
def test_cancelled_at_every_point_where_it_waits_no_permit_is_lost_and_nothing_settles_twice(release, settled_in_all):
    seen = []
    for turns in range(1, 50):
        breaker, came, turned = asyncio.run(cancelled_after(turns, release))
        snapshot = breaker.snapshot()
        totals = snapshot.totals
        settled = totals.failure + totals.ignored
        assert (snapshot.bulkhead.in_flight, snapshot.bulkhead.queued) == (0, 0)
        # The one that held the slot is ignored, as is the attempt that was cancelled.
        assert (totals.success, totals.late, settled <= 3) == (0, 0, True)
        breaker.acquire(wait=False).success()
        if came != "cancelled":
            assert (came, turned < turns) == ("rung", True)
            break
        seen.append(settled)
    # In the queue; in the first attempt; in the wait; in the second attempt; in either rung.
    assert len(seen) >= 6
    assert set(seen) == settled_in_all


def test_a_cancellation_from_outside_is_no_timeout(totals):
    breaker = make(timeout="10s", retry=RETRY)

    @circuit_breaker(breaker)
    async def slow():
        await asyncio.sleep(60)

    async def main():
        task = asyncio.get_running_loop().create_task(slow())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert totals(breaker) == {"ignored": 1}


def test_a_scope_of_trio_that_ends_ends_the_call(totals):
    breaker = make(timeout="10s", retry=RETRY)

    async def main():
        with trio.move_on_after(0.01) as scope:
            await circuit_breaker(breaker)(trio.sleep)(60)
        assert scope.cancelled_caught

    trio.run(main)
    assert totals(breaker) == {"ignored": 1}


def test_a_call_that_is_closed_in_the_middle_lets_its_permit_go(totals):
    breaker = make(retry=RETRY, bulkhead={"max_concurrent": 1})

    class Pause:
        def __await__(self):
            yield

    async def attempt():
        await Pause()

    coroutine = circuit_breaker(breaker)(attempt)()
    coroutine.send(None)
    assert breaker.snapshot().bulkhead.in_flight == 1
    coroutine.close()
    assert breaker.snapshot().bulkhead.in_flight == 0
    assert totals(breaker) == {"ignored": 1}
