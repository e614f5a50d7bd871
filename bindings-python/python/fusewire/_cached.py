"""Values of earlier calls, and calls of one key that make one attempt. Which value is fresh, which goes, and who leads the core
knows; here are the values, and those who wait."""

from __future__ import annotations

import _thread
from _contextvars import ContextVar
from itertools import count

from ._errors import CallTimeoutError, attach
from ._fork import lock
from ._limits import Expired, within
from ._waiting import runs_loop, trio_task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._course import Run
    from ._native import Attempts, Breaker


#: What the present context makes for others, too; what is over may still be among it.
_leading: ContextVar[tuple[Leading, ...]] = ContextVar("fusewire_leading", default=())

#: What the keys of functions begin with, by function.
_spaces: Any = None
_numbers = count(1)


def space_of(function: Any) -> str:
    """What keeps the keys of that function apart from those of others, however often it is decorated."""
    global _spaces
    if _spaces is None:
        from weakref import WeakKeyDictionary

        _spaces = WeakKeyDictionary()
    try:
        # A bound method is made anew each time that it is asked for, and is then one of its own.
        found: str | None = _spaces.get(function)
        if found is None:
            found = _spaces[function] = f"\0{next(_numbers)}\0"
    except TypeError:
        # Neither hashed nor held weakly.
        return f"\0{next(_numbers)}\0"
    return found


class Leading:
    """A key that somebody makes the attempt for."""

    __slots__ = ("cached", "is_over", "key")

    def __init__(self, cached: Cached, key: str | None) -> None:
        self.cached, self.key, self.is_over = cached, key, False


class Cached:
    """What one breaker keeps."""

    def __init__(self) -> None:
        #: By place: the version, and the value.
        self._values: dict[int, tuple[int, Any]] = {}
        #: When it was last seen which places are vacant.
        self._epoch = 0
        #: Those who follow, by ticket.
        self._following: dict[int, Follower] = {}

    def value(self, place: tuple[int, int] | None) -> tuple[Any] | None:
        """What lies there; ``None`` when nothing does, or something else."""
        if place is None:
            return None
        version, value = self._values.get(place[0], (0, None))
        return (value,) if version == place[1] else None

    def store(self, attempts: Attempts, value: Any) -> None:
        """Keeps the value of a call that has succeeded."""
        gone: list[Any] = []
        with lock:
            place = attempts._cache_store()
            if place is not None:
                at, version, epoch = place
                if epoch != self._epoch:
                    gone = self._vacate(attempts.breaker)
                gone.append(self._values.get(at))
                self._values[at] = (version, value)
        # Let go without the lock: they may have finalisers.
        del gone

    def vacate(self, breaker: Breaker) -> None:
        """Lets go of the values that are of no use under the present rules."""
        with lock:
            gone = self._vacate(breaker)
        del gone

    def _vacate(self, breaker: Breaker) -> list[Any]:
        vacant = breaker._cache_vacant()
        if vacant is None:
            gone: list[Any] = list(self._values.values())
            self._values.clear()
            return gone
        self._epoch, places, end = vacant
        beyond = [at for at in self._values if at >= end]
        return [self._values.pop(at, None) for at in (*places, *beyond)]

    def join(self, attempts: Attempts) -> Follower | Leader | None:
        """Joins the calls of the same key; ``None`` where each is made. Who makes the attempt for all does not wait for
        itself: what it calls in the middle of that is made."""
        key = attempts._whole_key
        if any(led.cached is self and led.key == key and not led.is_over for led in _leading.get()):
            return None
        with lock:
            joined = attempts._join()
            if joined is None:
                return None
            ticket, leads = joined
            if leads:
                return Leader(self, attempts, ticket)
            self._following[ticket] = found = Follower(self, attempts, ticket)
            return found

    def tell(self, tickets: list[int], told: Callable[[Follower], None]) -> None:
        """Tells those who follow, and wakes them."""
        with lock:
            found = [self._following.pop(ticket) for ticket in tickets if ticket in self._following]
        for follower in found:
            told(follower)
            follower.wake()


class Leader:
    """Makes the attempt for all who follow."""

    def __init__(self, cached: Cached, attempts: Attempts, ticket: int) -> None:
        self._cached, self._attempts, self._ticket = cached, attempts, ticket
        self._leading = Leading(cached, attempts._whole_key)
        _leading.set((*(led for led in _leading.get() if not led.is_over), self._leading))

    def land(self, value: Any, error: Exception | None, run: Run) -> None:
        """Hands over what the call came to."""
        self._leading.is_over = True

        def told(follower: Follower) -> None:
            follower.came = (value, error, run)

        self._cached.tell(self._attempts._land(self._ticket), told)

    def leave(self) -> None:
        """It is cancelled: the next one leads."""
        self._leading.is_over = True
        self._cached.tell(self._attempts._leave(self._ticket), lambda follower: None)


class Follower:
    """Waits for what its leader's call comes to, or leads when that one is cancelled."""

    def __init__(self, cached: Cached, attempts: Attempts, ticket: int) -> None:
        self._cached, self._attempts, self._ticket = cached, attempts, ticket
        self._ring: Callable[[], object] | None = None
        self._is_woken = False
        #: The value, the error and the call that has made them; ``None`` when it leads from now on.
        self.came: tuple[Any, Exception | None, Run] | None = None

    def wake(self) -> None:
        """Its wait is over."""
        with lock:
            self._is_woken, ring = True, self._ring
        if ring is not None:
            try:
                ring()
            except RuntimeError:
                # Its loop is over: whoever would have led is gone.
                self.leave()

    def leads(self) -> Leader:
        """It makes the attempt now."""
        return Leader(self._cached, self._attempts, self._ticket)

    def leave(self) -> None:
        """It is cancelled."""
        with lock:
            self._cached._following.pop(self._ticket, None)
        self._cached.tell(self._attempts._leave(self._ticket), lambda follower: None)

    def _late(self, limit: float) -> CallTimeoutError:
        """The call's deadline has come while it waited; it has left."""
        error = CallTimeoutError(self._attempts.breaker, limit)
        attach(error, None, [], 0)
        return error

    def _rings(self, ring: Callable[[], object]) -> bool:
        """Whether there is something to wait for."""
        with lock:
            self._ring = ring
            return not self._is_woken

    def wait(self) -> None:
        """Waits in this thread; ``CallTimeoutError`` at the deadline of the call."""
        limit = self._attempts._left()
        bell = _thread.allocate_lock()
        bell.acquire()
        try:
            if self._rings(bell.release):
                came = bell.acquire(timeout=-1 if limit is None else min(limit, _thread.TIMEOUT_MAX))
            else:
                came = True
        except BaseException:
            self.leave()
            raise
        if not came:
            self.leave()
            raise self._late(limit or 0.0)

    async def wait_async(self) -> None:
        """Waits in the loop that runs; ``CallTimeoutError`` at the deadline of the call."""
        limit = self._attempts._left()
        if limit is None:
            return await self._wait_async()
        try:
            await within(limit, self._wait_async())
        except Expired:
            pass
        else:
            return
        raise self._late(limit)

    async def _wait_async(self) -> None:
        try:
            trio = trio_task()
            if trio is not None:
                token, rung = trio.lowlevel.current_trio_token(), trio.Event()
                if self._rings(lambda: token.run_sync_soon(rung.set)):
                    await rung.wait()
                return
            from asyncio import get_running_loop

            loop = get_running_loop()
            future = loop.create_future()

            def end() -> None:
                if not future.done():
                    future.set_result(None)

            if self._rings(lambda: loop.call_soon_threadsafe(end)):
                await future
        except BaseException:
            self.leave()
            raise


def may_wait() -> bool:
    """Whether a call may wait for another one here: the loop that would stand still may be the one that makes it."""
    return not runs_loop()
