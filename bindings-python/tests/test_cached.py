"""Calls that earlier calls' values answer, and calls of one key that make one attempt."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import weakref

import pytest
import trio

from fusewire import CircuitBreaker, Registry, circuit_breaker
from fusewire._cached import Cached


@pytest.fixture
def make(clock):
    return lambda **options: CircuitBreaker("case", **{"failure_threshold": 100, **options}, clock=clock)


def test_a_fresh_value_answers_before_the_call(make, clock, totals):
    breaker, calls = make(cache={"mode": "read_through", "ttl": 60, "stale_ttl": 60}), []

    @circuit_breaker(breaker, key=lambda name: name)
    def load(name):
        calls.append(name)
        if len(calls) > 2:
            raise OSError
        return [name]

    assert load("a") is load("a")
    assert (load("b"), calls) == (["b"], ["a", "b"])
    clock.advance(61)
    # Stale: it is called, fails, and the value answers.
    assert (load("a"), calls) == (["a"], ["a", "b", "a"])
    clock.advance(60)
    with pytest.raises(OSError):
        load("a")
    assert totals(breaker) == {"success": 2, "failure": 2}


def test_of_a_cached_value_a_result_tells_that_nobody_was_asked(make):
    policy = make(cache={"mode": "read_through"}).policy(key="all")
    assert [policy.result(lambda: "value").attempts for _ in range(2)] == [1, 0]


def test_on_failure_the_call_is_made_first(make):
    breaker, given = make(cache={}), iter(["one", OSError(), "two", OSError()])

    @circuit_breaker(breaker, key="all")
    def load():
        value = next(given)
        if isinstance(value, Exception):
            raise value
        return value

    assert [load() for _ in range(4)] == ["one", "one", "two", "two"]
    snapshot = breaker.snapshot()
    assert (snapshot.cache.entries, snapshot.fallbacks[0].rung, snapshot.fallbacks[0].answered) == (1, "cache", 2)


@pytest.mark.parametrize("key", [None, lambda: None, lambda: 1 / 0, lambda: 5])
def test_without_a_key_nothing_is_cached_and_one_that_cannot_be_made_is_none(make, key):
    breaker = make(cache={"mode": "read_through"})
    load = circuit_breaker(breaker, key=key)(lambda: object())
    assert load() is not load()


def test_as_many_values_are_kept_as_were_said(make):
    class Value:
        pass

    breaker = make(cache={"mode": "read_through", "max_entries": 10})
    load = circuit_breaker(breaker, key=str)(lambda number: Value())
    kept = [weakref.ref(load(number)) for number in range(100)]
    gc.collect()
    assert sum(ref() is not None for ref in kept) <= 10


def test_a_result_that_is_a_failure_is_not_kept(make):
    breaker = make(cache={"mode": "read_through"}, failure_result=lambda value: value < 0)
    given = iter([-1, 1, 2])
    load = circuit_breaker(breaker, key="all")(lambda: next(given))
    assert [load(), load(), load()] == [-1, 1, 1]


def test_what_a_rung_answers_is_not_kept(make):
    breaker = make(cache={"mode": "read_through"}, fallback=["cache", 0])

    @circuit_breaker(breaker, key="all")
    def load():
        raise OSError

    assert (load(), breaker.snapshot().cache.entries) == (0, 0)


def test_in_a_loop_it_is_the_same(make):
    breaker, calls = make(cache={"mode": "read_through"}), []

    @circuit_breaker(breaker, key=lambda name: name)
    async def load(name):
        calls.append(name)
        await asyncio.sleep(0)
        return [name]

    async def main():
        return await load("a") is await load("a")

    assert (asyncio.run(main()), calls) == (True, ["a"])


# ---- one attempt for all ----

COALESCE = {"mode": "read_through", "coalesce": True}


def test_threads_that_ask_for_the_same_key_make_one_call(make):
    breaker, calls, free = make(cache=COALESCE), [], threading.Event()

    @circuit_breaker(breaker, key="all")
    def load():
        calls.append(1)
        free.wait(10)
        return ["answer"]

    answers = []
    threads = [threading.Thread(target=lambda: answers.append(load())) for _ in range(5)]
    for thread in threads:
        thread.start()
    while len(breaker._cached._following) < 4:
        pass
    free.set()
    for thread in threads:
        thread.join()
    assert (calls, len(answers), len({id(answer) for answer in answers})) == ([1], 5, 1)
    assert breaker.snapshot().totals.success == 1


def test_those_who_follow_are_handed_the_error_too(make):
    breaker, calls = make(cache=COALESCE), []

    @circuit_breaker(breaker, key="all")
    async def load():
        calls.append(1)
        await asyncio.sleep(0)
        raise LookupError("no")

    async def main():
        return await asyncio.gather(*(load() for _ in range(4)), return_exceptions=True)

    answers = asyncio.run(main())
    assert (calls, [type(answer) for answer in answers]) == ([1], [LookupError] * 4)


def test_when_the_leader_is_cancelled_its_first_follower_leads(make, totals):
    breaker, calls = make(cache=COALESCE), []

    @circuit_breaker(breaker, key="all")
    async def load():
        calls.append(1)
        await asyncio.sleep(60 if len(calls) == 1 else 0)
        return "answer"

    async def main():
        tasks = [asyncio.ensure_future(load()) for _ in range(4)]
        for _ in range(3):
            await asyncio.sleep(0)
        tasks[2].cancel()
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    came = asyncio.run(main())
    assert [one if isinstance(one, str) else type(one).__name__ for one in came] == [
        "CancelledError",
        "answer",
        "CancelledError",
        "answer",
    ]
    assert (len(calls), totals(breaker)) == (2, {"success": 1, "ignored": 1})


def test_in_trio_it_is_the_same(make, totals):
    breaker, answers = make(cache=COALESCE), []

    @circuit_breaker(breaker, key="all")
    async def load():
        await trio.sleep(0)
        return "answer"

    async def main():
        async def ask():
            answers.append(await load())

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask)

    trio.run(main)
    assert (answers, totals(breaker)) == (["answer"] * 3, {"success": 1})


class Value:
    """Can be looked at when it is gone."""


def test_what_other_rules_have_no_room_for_is_let_go(make):
    breaker = make(cache={"max_entries": 8})
    load = circuit_breaker(breaker, key=lambda name: name)(lambda name: Value())
    values = [weakref.ref(load(str(n))) for n in range(8)]

    def kept():
        gc.collect()
        return [n for n, value in enumerate(values) if value() is not None]

    assert len(kept()) == 8
    breaker.reconfigure(failure_threshold=100, cache={"max_entries": 3})
    assert kept() == [5, 6, 7]
    breaker.reconfigure(failure_threshold=100)
    assert kept() == []


def test_what_another_object_has_made_vacant_goes_with_the_next_store(make):
    home = Registry()
    breaker = home.get_or_create("case", cache={"max_entries": 8})
    load = circuit_breaker(breaker, key=lambda name: name)(lambda name: Value())
    values = [weakref.ref(load(str(n))) for n in range(8)]
    # Another object of the same breaker.
    CircuitBreaker._in(home._native, "case", {"cache": {"max_entries": 8}}, None).reconfigure(cache={"max_entries": 2})
    load("other")
    gc.collect()
    assert [n for n, value in enumerate(values) if value() is not None] == [7]


def at_lines(names, n, call):
    """Makes the call, and interrupts it at the ``n``-th line of the functions of those names; answers whether it came so far."""
    left = n

    def trace(frame, event, arg):
        nonlocal left
        if frame.f_code.co_qualname not in names:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(None)
    return False


# Not those that take the lock: where a trace interrupts the end of a `with`, Python leaves that out.
LINES = {"call", "call_async", "Run.kept"}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="code objects have no co_qualname")
@pytest.mark.parametrize("is_async", [False, True])
def test_wherever_a_leader_is_interrupted_the_next_call_of_its_key_is_made(make, is_async):
    async def answer():
        return "answer"

    for n in range(1, 100):
        load = circuit_breaker(make(cache={"coalesce": True}), key="all")(answer if is_async else lambda: "answer")

        def call(load=load):
            return asyncio.run(load()) if is_async else load()

        was_interrupted = at_lines(LINES, n, call)
        answers = []
        after = threading.Thread(target=lambda call=call, answers=answers: answers.append(call()), daemon=True)
        after.start()
        after.join(10)
        assert answers == ["answer"], f"interrupted at line {n} of them, it is followed for ever"
        if not was_interrupted:
            break
    assert n > 10


def test_who_joins_after_the_leader_has_kept_its_answer_and_landed_has_that(make):
    breaker, calls = make(cache=COALESCE), []

    @circuit_breaker(breaker, key="all")
    def load():
        calls.append(1)
        return ["answer"]

    def trace(frame, event, arg):
        # The key is asked for by another one between the look for a value and the joining.
        if frame.f_code is Cached.join.__code__:
            sys.settrace(None)
            other = threading.Thread(target=load)
            other.start()
            other.join()

    sys.settrace(trace)
    try:
        answers = [load()]
    finally:
        sys.settrace(None)
    assert (answers, calls, breaker.snapshot().cache.fresh) == ([["answer"]], [1], 1)


# ---- across documents ----


def test_who_follows_is_handed_the_answer_though_the_cache_is_taken_out_and_put_back_meanwhile(make):
    breaker, frees = make(cache=COALESCE), {"a": threading.Event(), "b": threading.Event()}

    @circuit_breaker(breaker, key=lambda name: name)
    def load(name):
        frees[name].wait(10)
        return [name]

    answers = {"a": [], "b": []}

    def ask_twice(name):
        threads = [threading.Thread(target=lambda: answers[name].append(load(name)), daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        return threads

    first = ask_twice("a")
    while len(breaker._cached._following) < 1:
        pass
    breaker.reconfigure()
    breaker.reconfigure(cache=COALESCE)
    second = ask_twice("b")
    while len(breaker._cached._following) < 2:
        pass
    for name, threads in (("a", first), ("b", second)):
        frees[name].set()
        for thread in threads:
            thread.join(10)
        assert answers[name] == [[name], [name]]
