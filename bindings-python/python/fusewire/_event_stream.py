"""``breaker.events()`` and ``breaker.policy_events()``: events for a reader who comes when it likes."""

from __future__ import annotations

import _thread
import sys
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable
    from types import TracebackType
    from typing import Any, Generic, TypeVar

    from typing_extensions import Self

    from ._breaker import CircuitBreaker
    from ._events import PolicyEvent, Transition

    E = TypeVar("E", Transition, PolicyEvent)

    Waker = Callable[[], object]
    Change = Callable[[Callable[[E], None]], object]
else:
    from ._generic import Generic

    E = None

__all__ = ["EventStream"]

#: As many events are kept for a reader.
CAPACITY = 1024


class _Feed(Generic[E]):
    """What lies between a breaker and a stream: the breaker's listeners hold it, and it holds neither.

    There is no lock, which a garbage collection or a fork in the wrong moment could leave held: the core delivers one
    event of a breaker after the other, and a deque and a list keep order among threads. A reader that finds
    nothing leaves a waker and looks once more; a writer writes and then takes the wakers.
    """

    def __init__(self) -> None:
        self.waiting: deque[E] = deque()
        self.wakers: list[Waker] = []
        self.missed = 0
        self.is_closed = False

    def __call__(self, event: E) -> None:
        if len(self.waiting) >= CAPACITY:
            self.missed += 1 + event.missed
            return
        if self.missed:
            event = type(event)(**{**vars(event), "missed": event.missed + self.missed})
            self.missed = 0
        self.waiting.append(event)
        self.wake()

    def wake(self) -> None:
        # Those that are there now: who is woken in vain leaves another.
        for _ in range(len(self.wakers)):
            try:
                waker = self.wakers.pop(0)
            except IndexError:
                return
            waker()

    def take(self) -> E | None:
        """The oldest event, or ``None``."""
        try:
            return self.waiting.popleft()
        except IndexError:
            return None

    def forget(self, waker: Waker) -> None:
        try:
            self.wakers.remove(waker)
        except ValueError:
            pass


class EventStream(Generic[E]):
    """The transitions of one breaker, or the changes of its policies; see ``CircuitBreaker.events`` and
    ``CircuitBreaker.policy_events``.

    Several readers may share one stream: each event goes to one of them.
    """

    def __init__(self, breaker: CircuitBreaker, add: Change[E], remove: Change[E]) -> None:
        self._breaker = breaker
        self._remove: Change[E] = remove
        self._feed: _Feed[E] = _Feed()
        add(self._feed)

    def drain(self) -> list[E]:
        """The events that wait, at once: a list, perhaps an empty one."""
        return list(iter(self._feed.take, None))

    def close(self) -> None:
        """Ends the stream and everybody's waiting for it. What was not read is gone. To close again does nothing."""
        self._stop()
        self._feed.waiting.clear()
        self._feed.wake()

    def _stop(self) -> None:
        self._feed.is_closed = True
        try:
            self._remove(self._feed)
        except ValueError:
            pass

    # ---- in a thread ----

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> E:
        """Waits for the next event; no loop should be kept waiting so."""
        while True:
            event = self._feed.take()
            if event is not None:
                return event
            if self._feed.is_closed:
                raise StopIteration
            # Looked up when it is needed, which is after gevent has put its own in place.
            lock = _thread.allocate_lock()
            lock.acquire()
            with _Waiting(self._feed, lock.release) as must_wait:
                if must_wait:
                    lock.acquire()

    # ---- in a loop ----

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        while True:
            event = self._feed.take()
            if event is not None:
                return event
            if self._feed.is_closed:
                raise StopAsyncIteration
            wait, waker = _bell()
            with _Waiting(self._feed, waker) as must_wait:
                if must_wait:
                    await wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # Nobody waits: who waits has the stream.
        if hasattr(self, "_feed"):
            self._stop()

    def __repr__(self) -> str:
        state = "closed" if self._feed.is_closed else f"{len(self._feed.waiting)} waiting"
        return f"<EventStream of '{self._breaker.name}', {state}>"


class _Waiting:
    """Leaves a waker while the block runs; says whether there is still nothing to take."""

    def __init__(self, feed: _Feed[Any], waker: Waker) -> None:
        self.feed, self.waker = feed, waker

    def __enter__(self) -> bool:
        self.feed.wakers.append(self.waker)
        return not self.feed.waiting and not self.feed.is_closed

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.feed.forget(self.waker)


def _bell() -> tuple[Callable[[], Awaitable[None]], Waker]:
    """What to await, and what rings it from any thread: of trio where this is a task of trio's, else of asyncio."""
    trio: Any = sys.modules.get("trio")
    if trio is not None and _is_trio_task(trio):
        token, rung = trio.lowlevel.current_trio_token(), trio.Event()
        return rung.wait, lambda: _ring(token.run_sync_soon, rung.set)
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    return lambda: future, lambda: _ring(loop.call_soon_threadsafe, _finish, future)


def _is_trio_task(trio: Any) -> bool:
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return False
    return True


def _ring(call_soon: Callable[..., object], *what: object) -> None:
    try:
        call_soon(*what)
    except RuntimeError:
        # The loop is over, and whoever waited in it too.
        pass


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
