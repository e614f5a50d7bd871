"""Attempts beside one that takes long, in a loop: the first that succeeds is the answer, and the others are cancelled. When
one begins the core says; so does what they cost."""

from __future__ import annotations

from ._limits import Expired, within
from ._native import TIMEOUT
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
    hedges: dict[int, Permit] = {}
    try:
        await _race(run, hedges, limit, after)
    finally:
        # Those that have lost are let go when they have ended; an error's traceback would hold them.
        hedges.clear()


async def _race(run: Run, hedges: dict[int, Permit], limit: float | None, after: float) -> None:
    trio = trio_task()
    if trio is None:
        tasks = _Tasks()
        try:
            await _lead(run, tasks, hedges, limit, after)
        finally:
            await tasks.end()
    else:
        async with trio.open_nursery() as nursery:
            await _lead(run, _Nursery(trio, nursery), hedges, limit, after)
            nursery.cancel_scope.cancel()


async def _lead(
    run: Run, lanes: _Tasks | _Nursery, hedges: dict[int, Permit], limit: float | None, after: float | None
) -> None:
    running = {0}
    primary: BaseException | None = None
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
        if error is None:
            if number:
                run.attempts._hedge_won(hedges[number])
            run.returned(result)
            return
        if number == 0:
            primary, after = error, None
            if running and not _has_failed(run, error):
                break
        elif isinstance(error, Expired):
            hedges[number].failure(TIMEOUT)
        else:
            hedges[number].settle(error)
    assert primary is not None
    if isinstance(primary, Expired):
        run.timed_out(limit or 0.0, primary.__cause__)
    else:
        run.raised(primary)


def _begin(run: Run, hedges: dict[int, Permit]) -> int | None:
    """The number of another attempt, with its permit; ``None`` when there is to be none."""
    permit = run.attempts._hedge()
    if permit is None:
        return None
    number = len(hedges) + 1
    hedges[number] = permit
    return number


def _has_failed(run: Run, error: BaseException) -> bool:
    """Settles the first attempt, if that is a failure; what else it may be decides the call."""
    if isinstance(error, Expired):
        run.attempts._primary_timed_out()
        return True
    return run.attempts._primary_failed(error)


async def _attempt(run: Run, limit: float | None) -> Any:
    awaitable = run.function(*run.args, **run.kwargs)
    return await (awaitable if limit is None else within(limit, awaitable))


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
