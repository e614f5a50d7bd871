"""Permits that a context holds: those of ``with breaker:``, and those that ``can_execute`` took.

Both lie in context variables: threads, tasks and greenlets have their own, and a task that is started inherits what its
starter holds.
"""

from __future__ import annotations

import sys
from _contextvars import ContextVar

#: Permits of ``can_execute`` that wait in one context for one breaker, at most; then the oldest is let go, and counts
#: as ignored.
MOST = 1024

#: Entries ``(breaker, permit)``, the innermost last.
_inside = ContextVar("fusewire_inside", default=())
#: Entries ``(breaker, permit, owner)``, the oldest first.
_taken = ContextVar("fusewire_taken", default=())


def enter(breaker):
    """Asks for a permit, and keeps it until the block ends."""
    permit = breaker.acquire()
    _inside.set((*_inside.get(), (breaker, permit)))
    return permit


def leave(breaker, error):
    """Settles the innermost permit of that breaker."""
    entries = _inside.get()
    for at in range(len(entries) - 1, -1, -1):
        if entries[at][0] is breaker:
            _inside.set(entries[:at] + entries[at + 1 :])
            entries[at][1].settle(error)
            return
    raise RuntimeError(f"the breaker '{breaker.name}' was not entered here: write `with breaker:`")


def take(breaker):
    """Asks for a permit, and keeps it for ``put_back``; whether it was given."""
    permit = breaker.try_acquire()
    if permit is None:
        return False
    entries = _taken.get()
    if len(entries) >= MOST:
        mine = [at for at, entry in enumerate(entries) if entry[0] is breaker]
        if len(mine) >= MOST:
            entries = entries[: mine[0]] + entries[mine[0] + 1 :]
    _taken.set((*entries, (breaker, permit, _owner())))
    return True


def put_back(breaker):
    """The oldest permit that this context took of that breaker, or ``None``.

    What a task took itself comes before what it inherited.
    """
    owner = _owner()
    entries = tuple(entry for entry in _taken.get() if not entry[1].settled)
    found = inherited = None
    for entry in entries:
        if entry[0] is not breaker:
            continue
        if entry[2] == owner:
            found = entry
            break
        inherited = inherited or entry
    found = found or inherited
    _taken.set(tuple(entry for entry in entries if entry is not found))
    return None if found is None else found[1]


def _owner():
    """Who runs here: a task, or else a thread or greenlet."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None:
        try:
            task = asyncio.current_task()
        except RuntimeError:
            task = None
        if task is not None:
            return id(task)
    trio = sys.modules.get("trio")
    if trio is not None:
        try:
            return id(trio.lowlevel.current_task())
        except RuntimeError:
            pass
    from threading import get_ident

    return get_ident()
