"""Which subjects stand side by side in which case; the first is what the others are compared with."""

import asyncio
from dataclasses import dataclass
from typing import Callable

from peers import PEERS, installed
from work import BAD, Refused, loop, refuse_async, refuse_sync, work_async, work_sync

#: Name, policy, scenario; each for functions and, with the prefix `async_`, for coroutine functions.
CASES = [
    ("closed_default", "default", "success"),
    ("closed_consecutive", "consecutive", "success"),
    ("closed_consecutive_timed", "timed", "success"),
    ("closed_count_100", "count", "success"),
    ("closed_time", "time", "success"),
    ("failures_1pct", "consecutive", "failures"),
    ("open_rejected", "consecutive", "rejected"),
]


@dataclass
class Subject:
    """One column of one line. ``make`` answers a loop: calls -> nanoseconds."""

    peer: str
    make: Callable
    note: str = ""
    case: str = ""
    #: Its column in the table, where that is not its peer.
    column: str = ""


@dataclass
class Group:
    """What takes turns."""

    name: str
    is_async: bool
    subjects: list
    #: Milliseconds that a turn lasts at most, where there is such a limit.
    longest_turn_ms: float = float("inf")


def empty(function):
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def empty_async(function):
    async def wrapper(*args, **kwargs):
        return await function(*args, **kwargs)

    return wrapper


def groups():
    made = []
    for is_async in (False, True):
        made += [_calls(case, is_async) for case in CASES]
        made.append(_references(is_async))
    return made


def _calls(case, is_async):
    name, policy, scenario = case
    work = work_async if is_async else work_sync
    wrapper = empty_async if is_async else empty
    if scenario == "rejected":
        refuse = refuse_async if is_async else refuse_sync
        subjects = [
            _plain("bare", None, "raised", is_async, "an ordinary exception, raised and caught in one place"),
            _plain("noop", refuse, "rejected", is_async, "an ordinary exception, raised by a function that is called"),
        ]
    else:
        subjects = [
            _plain("bare", work, scenario, is_async),
            _plain("noop", wrapper(work), scenario, is_async, "an empty decorator"),
        ]
    for peer in installed():
        subjects += _offered(peer, policy, scenario, is_async, work)
    return Group(("async_" if is_async else "") + name, is_async, subjects)


def _references(is_async):
    """The bare call twice, to see how far two equal figures differ, and an empty decorator."""
    prefix = "async_" if is_async else ""
    work, wrapper = (work_async, empty_async(work_async)) if is_async else (work_sync, empty(work_sync))
    return Group(
        f"{prefix}bare",
        is_async,
        [
            _plain("bare", work, "success", is_async),
            _plain("bare", work, "success", is_async, "the same once more", f"{prefix}bare (again)"),
            _plain("noop", wrapper, "success", is_async, "", "noop_async" if is_async else "noop_sync"),
        ],
    )


def _plain(peer, guard, scenario, is_async, note="", case=""):
    return Subject(peer, lambda: loop(scenario, is_async, guard, Refused), note, case)


def _offered(peer, policy, scenario, is_async, work):
    """A peer's subject, if it has that rule."""
    offer = PEERS[peer](policy, is_async)
    if offer is None:
        return []

    def make():
        offer = PEERS[peer](policy, is_async)
        guard = offer.decorate(work)
        if scenario == "rejected":
            open_it(guard, offer.rejection, is_async)
        return loop(scenario, is_async, guard, offer.rejection)

    return [Subject(peer, make, offer.note)]


def open_it(guard, rejection, is_async):
    """Fails until calls are turned away."""
    for _ in range(1000):
        try:
            asyncio.run(guard(BAD)) if is_async else guard(BAD)
        except rejection:
            continue
        except ConnectionError:
            continue
    try:
        asyncio.run(guard(BAD)) if is_async else guard(BAD)
    except rejection:
        return
    raise RuntimeError(f"{guard} did not open")
