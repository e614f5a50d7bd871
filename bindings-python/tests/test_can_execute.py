"""``can_execute`` and ``record_*``: which permit a record settles, wherever it is taken and told."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import threading

import pytest
import trio

from fusewire import CircuitBreaker, CircuitState, ConfigError
from fusewire._taken import MOST


@pytest.fixture
def probing(clock):
    """A breaker that is due to probe: three successes close it."""
    breaker = CircuitBreaker("probing", failure_threshold=1, recovery_timeout=60, clock=clock)
    breaker.trip()
    clock.advance(60)
    return breaker


def in_flight(breaker):
    return breaker.snapshot().half_open.in_flight


def test_the_reference_signature_has_the_reference_defaults():
    breaker = CircuitBreaker(failure_threshold=5, recovery_timeout=60.0, half_open_max_calls=3)
    assert breaker.document() == CircuitBreaker().document()
    assert (breaker.name, breaker.state) == ("unnamed", CircuitState.CLOSED)


def test_failures_open_a_timeout_probes_and_successes_close(clock):
    breaker = CircuitBreaker(failure_threshold=5, recovery_timeout=60.0, half_open_max_calls=3, clock=clock)
    for _ in range(5):
        assert breaker.state is CircuitState.CLOSED
        assert breaker.can_execute() is True
        breaker.record_failure()
    assert breaker.state is CircuitState.OPEN
    assert breaker.can_execute() is False
    clock.advance(60)
    assert breaker.state is CircuitState.HALF_OPEN
    assert [breaker.can_execute() for _ in range(4)] == [True, True, True, False]
    for _ in range(3):
        assert breaker.state is CircuitState.HALF_OPEN
        breaker.record_success()
    assert breaker.state is CircuitState.CLOSED


def test_a_failed_probe_opens_again(probing):
    assert probing.can_execute()
    probing.record_failure(OSError())
    assert probing.state is CircuitState.OPEN
    assert probing.snapshot().last.cause == "probe_failed"


def test_a_record_without_a_permit_counts_while_closed(breaker, totals):
    for _ in range(3):
        breaker.record_failure()
    assert breaker.state is CircuitState.OPEN
    assert totals(breaker) == {"failure": 3}


def test_a_record_without_a_permit_counts_in_the_totals_only_otherwise(probing, clock, totals):
    breaker = CircuitBreaker("open", clock=clock)
    breaker.trip(30)
    breaker.record_success()
    breaker.record_failure(OSError())
    assert totals(breaker) == {"success": 1, "failure": 1}
    assert breaker.state is CircuitState.OPEN

    assert probing.can_execute()
    probing.record_success()
    generation = probing.snapshot().generation
    probing.record_success()
    probing.record_failure()
    assert (probing.state, probing.snapshot().generation) == (CircuitState.HALF_OPEN, generation)
    assert vars(probing.snapshot().half_open) == {"successes": 1, "failures": 0, "in_flight": 0}
    assert totals(probing) == {"success": 2, "failure": 1}


def test_the_oldest_permit_is_settled_first(clock):
    breaker = CircuitBreaker("oldest", slow_call_duration=1, clock=clock)
    assert breaker.can_execute()
    clock.advance(5)
    assert breaker.can_execute()
    breaker.record_success()
    assert breaker.snapshot().totals.slow == 1
    breaker.record_success()
    assert breaker.snapshot().totals.slow == 1


def test_permits_of_several_breakers_are_told_apart(clock, totals):
    one, two = (CircuitBreaker(name, clock=clock) for name in ("one", "two"))
    assert one.can_execute() and two.can_execute() and one.can_execute()
    two.record_failure()
    one.record_success()
    one.record_success()
    assert (totals(one), totals(two)) == ({"success": 2}, {"failure": 1})


@pytest.mark.parametrize(
    ("error", "error_type"),
    [
        (OSError("x"), "OSError"),
        (TimeoutError, "TimeoutError"),
        ("connection refused", "connection refused"),
        (None, None),
    ],
)
@pytest.mark.parametrize("permitted", [True, False])
def test_a_failure_is_counted_under_what_it_is(breaker, totals, error, error_type, permitted):
    assert not permitted or breaker.can_execute()
    breaker.record_failure(error)
    assert totals(breaker) == {"failure": 1}
    assert breaker.snapshot().last_failure.error_type == error_type
    label = f'error_type="{error_type or "other"}"'
    assert f'circuit_breaker_failures_total{{service="case",{label}}} 1' in breaker.metrics()


@pytest.mark.parametrize("permitted", [True, False])
def test_the_rules_say_what_an_exception_counts_as(clock, totals, permitted):
    breaker = CircuitBreaker("rules", ignore=KeyError, failure=OSError, clock=clock)
    for error in (KeyError(), OSError(), ValueError(), asyncio.CancelledError(), KeyboardInterrupt()):
        assert not permitted or breaker.can_execute()
        breaker.record_failure(error)
    # Neither an exception nor a rule: said to be a failure.
    assert not permitted or breaker.can_execute()
    breaker.record_failure()
    assert totals(breaker) == {"failure": 2, "success": 1, "ignored": 3}


@pytest.mark.parametrize("error", [5, int, object(), ["OSError"]])
def test_what_is_no_error_is_told_and_settles_nothing(breaker, totals, error):
    assert breaker.can_execute()
    with pytest.raises(ConfigError, match="an exception, its class, a short text, or nothing"):
        breaker.record_failure(error)
    assert totals(breaker) == {}
    breaker.record_success()
    assert totals(breaker) == {"success": 1}


def test_threads_have_their_own_permits(clock, totals):
    breaker = CircuitBreaker("threads", failure_threshold=1_000_000, clock=clock)
    assert breaker.can_execute()
    barrier = threading.Barrier(8)

    def work(fails):
        barrier.wait()
        for _ in range(500):
            assert breaker.can_execute()
            breaker.record_failure(OSError()) if fails else breaker.record_success()

    threads = [threading.Thread(target=work, args=(n % 2 == 0,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert totals(breaker) == {"success": 2_000, "failure": 2_000}
    breaker.record_success()
    assert totals(breaker) == {"success": 2_001, "failure": 2_000}


def test_a_thread_does_not_settle_another_threads_permit(probing, totals):
    assert probing.can_execute()
    thread = threading.Thread(target=probing.record_failure)
    thread.start()
    thread.join()
    assert (probing.state, in_flight(probing)) == (CircuitState.HALF_OPEN, 1)
    assert totals(probing) == {"failure": 1}


def test_a_permit_whose_context_is_gone_counts_as_ignored(probing, totals):
    thread = threading.Thread(target=probing.can_execute)
    thread.start()
    thread.join()
    gc.collect()
    assert totals(probing) == {"ignored": 1}
    assert in_flight(probing) == 0


def test_gathered_tasks_have_their_own_permits(clock):
    breaker = CircuitBreaker("tasks", slow_call_duration=1, failure_threshold=1_000, clock=clock)

    async def call(n):
        assert breaker.can_execute()
        for _ in range(n % 5):
            await asyncio.sleep(0)
        if n % 2:
            breaker.record_success()
        else:
            breaker.record_failure(OSError())

    async def main():
        # A permit of the starter's that is older, and slow: none of the tasks may settle it.
        assert breaker.can_execute()
        clock.advance(5)
        await asyncio.gather(*[call(n) for n in range(200)])
        assert breaker.snapshot().totals.slow == 0
        breaker.record_success()

    asyncio.run(main())
    totals = breaker.snapshot().totals
    assert (totals.success, totals.failure, totals.slow, totals.ignored) == (101, 100, 1, 0)


def test_a_task_may_settle_what_it_inherited(probing):
    async def record():
        probing.record_success()

    async def main():
        for _ in range(3):
            assert probing.can_execute()
            await asyncio.wait_for(asyncio.create_task(record()), 60)
        assert probing.can_execute()
        await asyncio.get_running_loop().run_in_executor(None, contextvars.copy_context().run, probing.record_success)

    asyncio.run(main())
    assert probing.state is CircuitState.CLOSED


def test_what_a_task_took_itself_comes_before_what_it_inherited(clock):
    breaker = CircuitBreaker("own", slow_call_duration=1, clock=clock)

    async def child():
        assert breaker.can_execute()
        breaker.record_success()
        assert breaker.snapshot().totals.slow == 0
        breaker.record_success()
        assert breaker.snapshot().totals.slow == 1

    async def main():
        assert breaker.can_execute()
        clock.advance(5)
        await asyncio.create_task(child())
        # Settled by the child: this one has no permit.
        breaker.record_success()

    asyncio.run(main())
    assert (breaker.snapshot().totals.success, breaker.snapshot().totals.slow) == (3, 1)


def test_one_inherited_permit_is_settled_once_by_threads_that_race(clock, totals):
    breaker = CircuitBreaker("race", failure_threshold=1_000_000, clock=clock)
    for _ in range(100):
        assert breaker.can_execute()
        barrier = threading.Barrier(4)

        def record(wait=barrier.wait):
            wait()
            breaker.record_failure()

        # Each thread runs in a copy of this context, and so holds the same permit.
        threads = [threading.Thread(target=contextvars.copy_context().run, args=(record,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert totals(breaker) == {"failure": 400}


def test_trio_tasks_have_their_own_permits(clock):
    breaker = CircuitBreaker("trio", slow_call_duration=1, failure_threshold=1_000, clock=clock)

    async def call(n):
        assert breaker.can_execute()
        for _ in range(n % 5):
            await trio.lowlevel.checkpoint()
        if n % 2:
            breaker.record_success()
        else:
            breaker.record_failure(OSError())

    async def main():
        assert breaker.can_execute()
        clock.advance(5)
        async with trio.open_nursery() as nursery:
            for n in range(100):
                nursery.start_soon(call, n)
        assert breaker.snapshot().totals.slow == 0
        breaker.record_success()

    trio.run(main)
    totals = breaker.snapshot().totals
    assert (totals.success, totals.failure, totals.slow, totals.ignored) == (51, 50, 1, 0)


def test_a_context_has_its_own_permits(probing, totals):
    one, two = contextvars.copy_context(), contextvars.copy_context()
    assert one.run(probing.can_execute)
    two.run(probing.record_failure)
    assert totals(probing) == {"failure": 1}
    one.run(probing.record_success)
    assert totals(probing) == {"failure": 1, "success": 1}
    assert probing.snapshot().half_open.successes == 1


def test_a_generator_settles_in_the_context_that_runs_it(clock):
    breaker = CircuitBreaker("generator", slow_call_duration=1, clock=clock)

    def stream():
        assert breaker.can_execute()
        try:
            yield 1
        except OSError as error:
            breaker.record_failure(error)
        else:
            breaker.record_success()

    assert list(stream()) == [1]
    stopped = stream()
    next(stopped)
    with pytest.raises(StopIteration):
        stopped.throw(OSError())
    totals = breaker.snapshot().totals
    assert (totals.success, totals.failure, totals.ignored) == (1, 1, 0)


def test_an_exception_on_the_way_leaves_the_permit_to_be_recorded(breaker, totals):
    def call():
        if breaker.can_execute():
            raise OSError("on the way")

    try:
        call()
    except OSError as error:
        breaker.record_failure(error)
    assert totals(breaker) == {"failure": 1}
    assert breaker.snapshot().last_failure.error_type == "OSError"


def test_permits_that_are_never_recorded_do_not_grow_without_end(clock, totals):
    breaker, other = (CircuitBreaker(name, clock=clock) for name in ("forgotten", "other"))

    def forget():
        assert other.can_execute()
        for _ in range(MOST + 10):
            assert breaker.can_execute()
        assert totals(breaker) == {"ignored": 10}
        other.record_success()
        assert totals(other) == {"success": 1}
        for _ in range(MOST):
            breaker.record_success()
        assert totals(breaker) == {"ignored": 10, "success": MOST}

    contextvars.copy_context().run(forget)


def test_in_shadow_what_would_be_rejected_may_run(clock, totals):
    breaker = CircuitBreaker("shadow", mode="shadow", clock=clock)
    breaker.trip()
    assert breaker.can_execute()
    breaker.record_failure()
    assert (totals(breaker), breaker.snapshot().totals.would_reject.open) == ({"failure": 1}, 1)


def test_records_of_an_earlier_generation_are_late(clock):
    breaker = CircuitBreaker("late", failure_threshold=1, clock=clock)
    assert breaker.can_execute() and breaker.can_execute()
    breaker.record_failure()
    breaker.record_success()
    assert breaker.state is CircuitState.OPEN
    assert breaker.snapshot().totals.late == 1


def test_no_event_loop_is_imported_for_it():
    import subprocess

    code = (
        "import sys, fusewire; b = fusewire.CircuitBreaker(); b.can_execute(); b.record_success();"
        "assert not {'asyncio', 'trio'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
