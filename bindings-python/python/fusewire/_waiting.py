"""Waits for a slot, and for the turn that a leaky bucket gives, in threads and in loops. The core decides, and says for how
long: here is only what waits.

A thread that runs an event loop never waits in a queue by a form that blocks: its loop would stand still, and those who
have the slots may be its own tasks.
"""

from __future__ import annotations

import _thread
import sys
import time

from ._errors import CircuitOpenError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from typing import Any

    from ._native import Attempts, Permit


def wait_here(permit: Permit) -> None:
    """Waits until the call has its slot; in an event loop the permit is to be awaited."""
    if not runs_loop() and not permit._ask():
        _block(permit)


def enter(permit: Permit) -> None:
    """Waits until the call may be made. In an event loop only its turn is waited for."""
    if permit.waiting:
        if runs_loop():
            permit._ask_now()
        elif not permit._ask():
            _block(permit)
    seconds = permit._take_pause()
    if seconds > 0.0:
        time.sleep(seconds)


async def wait(permit: Permit) -> Permit:
    """Waits until the call has its slot."""
    if permit.waiting and not permit._ask():
        if trio_task() is not None:
            await _wait_in_trio(permit)
        else:
            await _wait_in_asyncio(permit)
    return permit


async def enter_async(permit: Permit) -> Permit:
    """Waits until the call may be made."""
    await wait(permit)
    seconds = permit._take_pause()
    if seconds > 0.0:
        await sleep(seconds)
    return permit


def ask_here(attempts: Attempts) -> None:
    """Asks for the permit of an attempt, and waits for its slot. Its turn is a step of its own."""
    permit = attempts._permit()
    try:
        if runs_loop():
            permit._ask_now()
        elif not permit._ask():
            _block(permit)
    except CircuitOpenError:
        pass
    attempts._take(permit)


async def ask_async(attempts: Attempts, permit: Permit | None = None) -> None:
    """As ``ask_here``, in a loop; a permit is one that has a place in the queue."""
    permit = attempts._permit() if permit is None else permit
    try:
        await wait(permit)
    except CircuitOpenError:
        pass
    attempts._take(permit)


async def sleep(seconds: float) -> None:
    """Waits in the loop that runs."""
    trio = trio_task()
    if trio is not None:
        await trio.sleep(seconds)
    else:
        from asyncio import sleep

        await sleep(seconds)


async def done() -> None:
    """Nothing is left to wait for."""


def _block(permit: Permit) -> None:
    # Looked up when it is needed, which is after gevent has put its own in place. To wait for it lets other threads run,
    # and signal handlers.
    lock = _thread.allocate_lock()
    lock.acquire()
    try:
        while not permit._poll(lock.release):
            left = permit._left()
            if left > 0.0:
                lock.acquire(timeout=min(left, _thread.TIMEOUT_MAX))
            else:
                permit._expire()
    except BaseException:
        permit._give_up()
        raise


async def _wait_in_asyncio(permit: Permit) -> None:
    from asyncio import get_running_loop

    bell = _Bell(permit, get_running_loop())
    try:
        if not permit._poll(bell.ring):
            bell.set_timer()
            await bell.future
            permit._poll(bell.ring)
    except BaseException:
        permit._give_up()
        raise
    finally:
        bell.let_go()


class _Bell:
    """Wakes a task of asyncio's when its wait has ended, and ends the wait when its time is over."""

    def __init__(self, permit: Permit, loop: asyncio.AbstractEventLoop) -> None:
        self.permit: Permit | None = permit
        self.loop = loop
        self.future: asyncio.Future[None] = loop.create_future()
        self.timer: asyncio.Handle | None = None

    def ring(self) -> None:
        """From any thread. Raises ``RuntimeError`` when the loop is closed."""
        self.loop.call_soon_threadsafe(self.end)

    def end(self) -> None:
        if not self.future.done():
            self.future.set_result(None)

    def set_timer(self) -> None:
        if self.permit is not None:
            self.timer = self.loop.call_later(self.permit._left(), self.due)

    def due(self) -> None:
        if self.permit is None or not self.permit._expire():
            return self.set_timer()
        # After those whom the core has told before.
        self.timer = self.loop.call_soon(self.end)

    def let_go(self) -> None:
        """The permit is its holder's alone: who drops it gives its slot back."""
        self.permit = None
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


async def _wait_in_trio(permit: Permit) -> None:
    trio: Any = sys.modules["trio"]
    token, rung = trio.lowlevel.current_trio_token(), trio.Event()
    try:
        while not permit._poll(lambda: token.run_sync_soon(rung.set)):
            with trio.move_on_after(permit._left()):
                await rung.wait()
            if not rung.is_set():
                permit._expire()
    except BaseException:
        permit._give_up()
        raise


def runs_loop() -> bool:
    """Whether this thread runs an event loop."""
    asyncio: Any = sys.modules.get("asyncio")
    running = getattr(asyncio, "_get_running_loop", None)
    return (running is not None and running() is not None) or trio_task() is not None


def in_trio() -> bool:
    """Whether trio runs this, for who knows that it is there: what asyncio runs is found out faster."""
    asyncio: Any = sys.modules.get("asyncio")
    running = getattr(asyncio, "_get_running_loop", None)
    loop = None if running is None else running()
    # One that is only trio's host runs no task.
    return (loop is None or asyncio.current_task(loop) is None) and trio_task() is not None


def trio_task() -> Any:
    """trio, if this is a task of its; ``None`` otherwise."""
    trio: Any = sys.modules.get("trio")
    try:
        trio.lowlevel.current_task()
    except (AttributeError, RuntimeError):
        return None
    return trio
