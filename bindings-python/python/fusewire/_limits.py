"""How long an attempt may take, in a loop: what lasts longer is cancelled, and ends as ``Expired``."""

from __future__ import annotations

import sys

from ._waiting import trio_task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any


class Expired(Exception):
    """The attempt was cut off. Its ``__cause__`` is what the function raised when it was, if that was no cancellation."""


async def within(seconds: float, awaitable: Awaitable[Any]) -> Any:
    """What it answers, if that is within so many seconds; else it is cancelled and waited for, and this raises ``Expired``.

    Whoever is cancelled from outside stays so, also when both happen at the same time.
    """
    trio = trio_task()
    return await (_in_asyncio(seconds, awaitable) if trio is None else _in_trio(trio, seconds, awaitable))


async def _in_asyncio(seconds: float, awaitable: Awaitable[Any]) -> Any:
    limit = Limit(seconds)
    try:
        answer = await awaitable
    except BaseException as error:
        told = limit.end(error)
        if told is None:
            raise
        raise Expired from told[0]
    if limit.end(None) is not None:
        # It did not heed the cancellation. What it answers now comes too late.
        raise Expired
    return answer


class Limit:
    """How long the running task of asyncio's may take for what it awaits, from now on."""

    __slots__ = ("before", "is_over", "task", "timer")

    def __init__(self, seconds: float) -> None:
        # Whoever runs a loop has imported it; to import it here would cost as much as all the rest.
        asyncio: Any = sys.modules.get("asyncio")
        if asyncio is None:
            raise RuntimeError("no running event loop")
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self.task = task
        # Those that were asked for before are not ours. Before 3.11 nobody counts them.
        self.before = task.cancelling() if hasattr(task, "cancelling") else 0
        self.is_over = False
        self.timer = loop.call_later(seconds, self.cut)

    def cut(self) -> None:
        """The time is over."""
        self.is_over = True
        self.task.cancel()

    def end(self, error: BaseException | None) -> tuple[BaseException | None] | None:
        """It is awaited no longer. What it has raised when it was cut off, if that was no cancellation; ``None`` when it was
        not cut off."""
        self.timer.cancel()
        if not self.is_over or not self._is_taken_back():
            return None
        from asyncio import CancelledError

        if error is None or isinstance(error, CancelledError):
            return (None,)
        return (error,) if isinstance(error, Exception) else None

    def _is_taken_back(self) -> bool:
        """Whether nobody else has cancelled the task."""
        return not hasattr(self.task, "uncancel") or self.task.uncancel() <= self.before


async def _in_trio(trio: Any, seconds: float, awaitable: Awaitable[Any]) -> Any:
    answer = raised = None
    with trio.move_on_after(seconds) as scope:
        try:
            answer = await awaitable
        except Exception as error:
            if not scope.cancel_called:
                raise
            raised = error
    if scope.cancel_called:
        raise Expired from raised
    return answer
