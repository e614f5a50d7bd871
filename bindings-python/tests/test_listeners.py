"""Listeners: who hears of a transition, when and in which order."""

from __future__ import annotations

import gc
import logging
import threading
import weakref

import pytest

from fusewire import CircuitBreaker, CircuitOpenError, Transition
from fusewire.testing import ManualClock


def fail(error=None):
    raise error or OSError("down")


def made(name="listened", **options):
    return CircuitBreaker(name, **{"failure_threshold": 1, **options})


def test_a_listener_is_told_all_there_is_to_know():
    clock = ManualClock()
    breaker = made(failure_threshold=2, recovery_timeout=1, half_open_max_calls=1, clock=clock)
    told = []
    breaker.add_listener(told.append)
    clock.advance(0.5)
    for _ in range(2):
        with pytest.raises(OSError):
            breaker.call(fail)
    clock.advance(1)
    breaker.call(int)
    assert vars(told[0]) == {
        "breaker": "listened",
        "generation": 1,
        "from_state": "closed",
        "to_state": "open",
        "cause": "failure_threshold",
        "at": 0.5,
        "actor": None,
        "reason": None,
        "total": 2,
        "failures": 2,
        "slow": 0,
        "missed": 0,
    }
    assert isinstance(told[0], Transition)
    assert [event.cause for event in told[1:]] == ["recovery_timeout", "probes_succeeded"]


def test_what_was_done_by_hand_says_who_and_why():
    breaker, told = made(), []
    breaker.add_listener(told.append)
    breaker.trip(5, actor="ada", reason="maintenance")
    assert (told[0].actor, told[0].reason, told[0].cause) == ("ada", "maintenance", "manual")


def test_it_hears_before_the_call_that_caused_it_returns():
    breaker, told = made(), []
    breaker.add_listener(told.append)
    try:
        breaker.call(fail)
    except OSError:
        assert [event.to_state for event in told] == ["open"]


def test_add_listener_decorates():
    breaker, told = made(), []

    @breaker.add_listener
    def listener(event):
        told.append(event.to_state)

    assert callable(listener)
    breaker.trip()
    assert told == ["open"]


def test_one_that_raises_is_logged_and_disturbs_nobody(caplog):
    breaker, told = made(), []
    for error in (ValueError("mine"), SystemExit(3), GeneratorExit()):
        breaker.add_listener(lambda event, error=error: fail(error))
    breaker.add_listener(told.append)
    with pytest.raises(OSError, match="down"):
        breaker.call(fail)
    assert [event.to_state for event in told] == ["open"]
    records = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in records] == ["a listener of circuit breaker 'listened' raised"] * 3
    assert records[0].exc_info[1].args == ("mine",)


def test_an_exception_on_its_way_stays_what_it_was():
    breaker = made()
    breaker.add_listener(lambda event: fail(ValueError("the listener's")))
    error = OSError("the call's")
    with pytest.raises(OSError) as raised:
        breaker.call(fail, error)
    assert raised.value is error
    assert error.__context__ is None


def test_an_interrupt_of_a_listener_reaches_the_main_thread_and_the_others_are_told():
    breaker, told = made(), []
    breaker.add_listener(lambda event: fail(KeyboardInterrupt()))
    breaker.add_listener(told.append)
    with pytest.raises(KeyboardInterrupt):
        breaker.trip()
        pytest.fail("the interrupt was lost")
    assert len(told) == 1


def test_one_that_acts_on_the_breaker_is_not_entered_again_and_the_order_holds():
    breaker, told, depth = made(), [], []

    def first(event):
        depth.append(None)
        assert len(depth) == 1
        told.append((event.generation, "first"))
        if event.generation < 5:
            breaker.reset() if event.to_state == "open" else breaker.trip()
        depth.pop()

    breaker.add_listener(first)
    breaker.add_listener(lambda event: told.append((event.generation, "second")))
    with pytest.raises(OSError):
        breaker.call(fail)
    assert told == [(n, who) for n in range(1, 6) for who in ("first", "second")]


def test_one_that_makes_calls_on_this_breaker_and_another():
    one, other, told = made("one"), made("other"), []

    def listener(event):
        told.append("one")
        with pytest.raises(OSError):
            other.call(fail)
        with pytest.raises(CircuitOpenError):
            one.call(fail)
        told.append("one is done")

    one.add_listener(listener)
    other.add_listener(lambda event: told.append("other"))
    with pytest.raises(OSError):
        one.call(fail)
    assert told == ["one", "other", "one is done"]


def test_one_that_leaves_while_it_hears_takes_no_turn_from_the_others():
    breaker, told = made(), []

    def once(event):
        told.append(("once", event.generation))
        breaker.remove_listener(once)

    breaker.add_listener(once)
    breaker.add_listener(lambda event: told.append(("always", event.generation)))
    breaker.trip()
    breaker.reset()
    assert told == [("once", 1), ("always", 1), ("always", 2)]


def test_one_that_is_added_while_another_hears_hears_the_next():
    breaker, told = made(), []
    breaker.add_listener(lambda event: event.generation == 1 and breaker.add_listener(told.append))
    breaker.trip()
    breaker.reset()
    assert [event.generation for event in told] == [2]


def test_transitions_of_many_threads_come_in_order_and_once_each_or_are_counted_as_missed():
    breaker, told = made(), []
    breaker.add_listener(told.append)
    at_once = threading.Barrier(4)

    def churn():
        at_once.wait()
        for _ in range(250):
            breaker.trip()
            breaker.reset()

    threads = [threading.Thread(target=churn) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    breaker.trip()
    generations = [event.generation for event in told]
    assert generations == sorted(set(generations))
    assert generations[-1] == 2001
    assert len(told) + sum(event.missed for event in told) == 2001


def test_threads_that_add_the_first_listener_at_once_are_all_heard():
    for _ in range(50):
        breaker, told, at_once = made(), [], threading.Barrier(4)

        def add(breaker=breaker, told=told, at_once=at_once):
            at_once.wait()
            breaker.add_listener(lambda event: told.append(event))

        threads = [threading.Thread(target=add) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        breaker.trip()
        assert len(told) == 4


def test_a_breaker_that_its_listener_holds_is_collected():
    breaker = made()
    breaker.add_listener(lambda event, held=breaker: None)
    breaker.trip()
    gone = weakref.ref(breaker)
    del breaker
    gc.collect()
    assert gone() is None


def test_what_cannot_listen_is_refused():
    breaker = made()

    async def listener(event):
        pass

    with pytest.raises(TypeError, match="async for transition in breaker.events()"):
        breaker.add_listener(listener)
    with pytest.raises(TypeError, match="a listener is a function of one transition, not 3"):
        breaker.add_listener(3)
    with pytest.raises(ValueError, match="does not listen to the breaker 'listened'"):
        breaker.remove_listener(print)
