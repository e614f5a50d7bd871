"""Permits that ``can_execute`` took, until they are recorded.

They lie in a context variable: threads, tasks and greenlets have their own, and what is started with a copy of a context
(a task, ``asyncio.to_thread``) inherits those that its starter holds.
"""

from __future__ import annotations

import sys
from _contextvars import ContextVar
from _weakref import ref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._breaker import CircuitBreaker
    from ._native import Permit

    Entry = tuple[CircuitBreaker, Permit, object]

#: Permits that wait in one context for one breaker, at most; then the oldest is let go, and counts as ignored.
MOST = 1024

#: Entries ``(breaker, permit, owner)``, the oldest first.
_taken: ContextVar[tuple[Entry, ...]] = ContextVar("fusewire_taken", default=())


def take(breaker: CircuitBreaker, **asked: Any) -> bool:
    """Asks for a permit, and keeps it to be settled; whether it was given."""
    permit = breaker.try_acquire(**asked)
    if permit is None:
        return False
    entries = _taken.get()
    if len(entries) >= MOST:
        mine = [at for at, entry in enumerate(entries) if entry[0] is breaker]
        if len(mine) >= MOST:
            entries = entries[: mine[0]] + entries[mine[0] + 1 :]
    _taken.set((*entries, (breaker, permit, _owner())))
    return True


def settle_oldest(breaker: CircuitBreaker, settle: Callable[[Permit], bool]) -> bool:
    """Settles the oldest permit that this context took of that breaker; whether there was one.

    ``settle`` is called with a permit and tells whether it was in time: another context may hold the same one.
    """
    while True:
        permit = _put_back(breaker)
        if permit is None:
            return False
        if settle(permit):
            return True


def _put_back(breaker: CircuitBreaker) -> Permit | None:
    """The oldest permit that this context took of that breaker, or ``None``.

    What a task took itself comes before what it inherited.
    """
    owner = _owner()
    entries = [entry for entry in _taken.get() if not entry[1].settled]
    mine = [entry for entry in entries if entry[0] is breaker]
    found = next((entry for entry in mine if entry[2] == owner), mine[0] if mine else None)
    _taken.set(tuple(entry for entry in entries if entry is not found))
    return None if found is None else found[1]


def _owner() -> object:
    """Who runs here: a task, or else a thread or greenlet."""
    return _task("asyncio", "current_task") or _task("trio", "lowlevel", "current_task") or _thread()


def _task(module: str, *path: str) -> object:
    """The task that runs here, weakly; `None` outside the event loops of a module, or while nobody has imported it."""
    found: Any = sys.modules.get(module)
    try:
        for name in path:
            found = getattr(found, name)
        task = found()
    except (AttributeError, RuntimeError):
        return None
    return None if task is None else ref(task)


def _thread() -> int:
    # gevent replaces it by one that tells greenlets apart.
    from threading import get_ident

    return get_ident()
