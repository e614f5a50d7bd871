"""How long an attempt may take, in a loop: what lasts longer is cancelled, and ends as ``Expired``."""

from __future__ import annotations

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
    from asyncio import CancelledError, current_task, get_running_loop

    task = current_task()
    assert task is not None
    # Those that were asked for before are not ours. Before 3.11 nobody counts them.
    before = task.cancelling() if hasattr(task, "cancelling") else 0
    is_over = False

    def cut() -> None:
        nonlocal is_over
        is_over = True
        task.cancel()

    timer = get_running_loop().call_later(seconds, cut)
    try:
        answer = await awaitable
    except CancelledError:
        timer.cancel()
        if is_over and _taken_back(task, before):
            raise Expired from None
        raise
    except BaseException as error:
        timer.cancel()
        if is_over and _taken_back(task, before) and isinstance(error, Exception):
            raise Expired from error
        raise
    timer.cancel()
    if is_over and _taken_back(task, before):
        # It did not heed the cancellation. What it answers now comes too late.
        raise Expired
    return answer


def _taken_back(task: Any, before: int) -> bool:
    """Whether nobody else has cancelled the task."""
    return not hasattr(task, "uncancel") or task.uncancel() <= before


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
