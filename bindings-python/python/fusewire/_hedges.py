"""Attempts beside one that takes long, in a loop: the first that succeeds is the answer, and the others are cancelled. When
one begins the core says; so does what they cost."""

from __future__ import annotations

from ._limits import Expired, within
from ._native import TIMEOUT
from ._streams import _awaitable
from ._waiting import trio_task

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine
    from typing import Any

    from ._course import Run
    from ._native import Permit

    Ended = tuple[int, Any, BaseException | None]


async def race(run: Run, limit: float | None, after: float) -> None:
    """The attempt that is under way, with those beside it; settles it by what they come to."""
    trio = trio_task()
    hedges: dict[int, Permit] = {}
    try:
        await (_in_asyncio(run, hedges, limit, after) if trio is None else _in_trio(trio, run, hedges, limit, after))
    finally:
        # Whoever keeps the exception has its traceback, and would keep them with it.
        for permit in hedges.values():
            permit._let_go()


async def _in_asyncio(run: Run, hedges: dict[int, Permit], limit: float | None, after: float) -> None:
    tasks = _Tasks()
    try:
        await _lead(run, tasks, hedges, limit, after)
    except BaseException:
        await tasks.end()
        raise
    tasks.leave(hedges)


async def _in_trio(trio: Any, run: Run, hedges: dict[int, Permit], limit: float | None, after: float) -> None:
    raised = None
    async with trio.open_nursery() as nursery:
        try:
            await _lead(run, _Nursery(trio, nursery), hedges, limit, after)
        except trio.Cancelled:
            raise
        except BaseException as error:
            # What leaves a nursery is wrapped in a group.
            raised = error
        nursery.cancel_scope.cancel()
    try:
        if raised is not None:
            raise raised
    finally:
        del raised


async def _lead(
    run: Run, lanes: _Tasks | _Nursery, hedges: dict[int, Permit], limit: float | None, after: float | None
) -> None:
    running = {0}
    primary: tuple[Any, BaseException | None] = (None, None)
    lanes.start(0, _attempt(run, limit))
    while running:
        asked = lanes.now()
        ended = await lanes.next(after)
        if ended is None:
            number = _begin(run, hedges)
            if number is None:
                after = None
                continue
            running.add(number)
            lanes.start(number, _attempt(run, hedges[number].timeout))
            after = run.attempts._hedge_after()
            continue
        number, result, error = ended
        if after is not None:
            # What ends does not put off the next.
            after = max(0.0, after - (lanes.now() - asked))
        running.discard(number)
        if error is None and not run.attempts._is_failure(result):
            return _won(run, hedges.get(number), result)
        if number == 0:
            primary, after = (result, error), None
            if running and not _has_failed(run, result, error):
                break
        else:
            _settle(hedges[number], error)
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise error
    _lost(run, limit, *primary)


def _begin(run: Run, hedges: dict[int, Permit]) -> int | None:
    """The number of another attempt, with its permit; ``None`` when there is to be none."""
    permit = run.attempts._hedge()
    if permit is None:
        return None
    number = len(hedges) + 1
    hedges[number] = permit
    return number


def _won(run: Run, permit: Permit | None, result: Any) -> None:
    """An attempt has succeeded, with that permit if it is not the first."""
    if permit is not None:
        run.attempts._hedge_won(permit)
    run.error, run.result = None, result
    run.attempts.success()


def _settle(permit: Permit, error: BaseException | None) -> None:
    """A hedge has failed; without an error, by what it has returned."""
    if error is None:
        permit.failure()
    elif isinstance(error, Expired):
        permit.failure(TIMEOUT)
    else:
        permit.settle(error)


def _has_failed(run: Run, result: Any, error: BaseException | None) -> bool:
    """Settles the first attempt, if that is a failure; what else it may be decides the call."""
    if error is None:
        run.attempts._returned_failure(result, True)
        return True
    if isinstance(error, Expired):
        run.attempts._primary_timed_out()
        return True
    return run.attempts._primary_failed(error)


def _lost(run: Run, limit: float | None, result: Any, error: BaseException | None) -> None:
    """None has succeeded: it comes to what the first attempt came to."""
    if error is None:
        run.error, run.result = None, result
        run.attempts._returned_failure(result, False)
    elif isinstance(error, Expired):
        run.timed_out(limit or 0.0, error.__cause__)
    else:
        run.raised(error)


async def _attempt(run: Run, limit: float | None) -> Any:
    awaitable = _awaitable(run.function(*run.args, **run.kwargs))
    return await (awaitable if limit is None else within(limit, awaitable))


#: What has lost and still cleans up: a loop holds its tasks weakly.
_losers: set[asyncio.Task[Any]] = set()


class _Tasks:
    """Of asyncio."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[Any], int] = {}

    def start(self, number: int, attempt: Coroutine[Any, Any, Any]) -> None:
        from asyncio import get_running_loop

        self._tasks[get_running_loop().create_task(attempt)] = number

    def now(self) -> float:
        from asyncio import get_running_loop

        return get_running_loop().time()

    async def next(self, after: float | None) -> Ended | None:
        """The next that has ended; ``None`` when so many seconds have passed."""
        from asyncio import FIRST_COMPLETED, CancelledError, wait

        done, _ = await wait(self._tasks, timeout=after, return_when=FIRST_COMPLETED)
        if not done:
            return None
        # The first that was begun, of several.
        task = min(done, key=self._tasks.__getitem__)
        number = self._tasks.pop(task)
        if task.cancelled():
            return number, None, CancelledError()
        error = task.exception()
        return (number, None, error) if error is not None else (number, task.result(), None)

    def leave(self, hedges: dict[int, Permit]) -> None:
        """Cancels what still runs, and does not wait for it: there is an answer. Its permit is let go when it has ended."""
        for task, number in self._tasks.items():
            permit = hedges.pop(number, None)

            def end(task: asyncio.Task[Any], permit: Permit | None = permit) -> None:
                _losers.discard(task)
                if not task.cancelled():
                    # Somebody has seen it.
                    task.exception()
                if permit is not None:
                    permit._let_go()

            _losers.add(task)
            task.add_done_callback(end)
            task.cancel()

    async def end(self) -> None:
        """Cancels what still runs, and waits for its end."""
        from asyncio import gather

        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await gather(*self._tasks, return_exceptions=True)


class _Nursery:
    """Of trio."""

    def __init__(self, trio: Any, nursery: Any) -> None:
        self._trio, self._nursery = trio, nursery
        self._ended: list[Ended] = []
        self._rung: Any = trio.Event()

    def start(self, number: int, attempt: Coroutine[Any, Any, Any]) -> None:
        self._nursery.start_soon(self._run, number, attempt)

    def now(self) -> float:
        return float(self._trio.current_time())

    async def _run(self, number: int, attempt: Coroutine[Any, Any, Any]) -> None:
        try:
            self._ended.append((number, await attempt, None))
        except self._trio.Cancelled:
            raise
        except BaseException as error:
            self._ended.append((number, None, error))
        self._rung.set()

    async def next(self, after: float | None) -> Ended | None:
        """The next that has ended; ``None`` when so many seconds have passed."""
        if not self._ended:
            self._rung = self._trio.Event()
            with self._trio.move_on_after(float("inf") if after is None else after):
                await self._rung.wait()
        return self._ended.pop(0) if self._ended else None
