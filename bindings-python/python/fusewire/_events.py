"""Transitions: one line of ``logging`` for each, and the listeners. Called by the native part."""

from __future__ import annotations

import os
import sys
from _thread import get_ident
from _weakref import ref

from ._namespace import Namespace
from ._state import CircuitState

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable
    from typing import Any
    from weakref import ReferenceType

    from ._options import Listener, Reason


class Transition(Namespace):
    """A change of a breaker: ``breaker`` (its name), ``generation``, ``from_state``, ``to_state``, ``cause``, ``at``
    (seconds on the breaker's clock), ``actor`` and ``reason`` (of what was done by hand), the counts that led to it
    (``total``, ``failures``, ``slow``) and how many events this listener ``missed`` before it."""

    breaker: str
    generation: int
    from_state: CircuitState
    to_state: CircuitState
    cause: str
    at: float
    actor: str | None
    reason: str | None
    total: int
    failures: int
    slow: int
    missed: int


class PolicyEvent(Namespace):
    """A change around a breaker's machine: ``breaker`` (its name), ``kind`` (``"min_priority"``, ``"slots"``, ``"limit"``,
    ``"rate"``, ``"feature"`` or ``"close"``), ``from_value`` and ``to_value`` (names of levels or of a feature's states, a dict
    of ``max_concurrent`` and ``reserved``, or numbers), of a feature its name, ``feature``, the ``cause`` and the ``health``
    that it had (``None`` without outcomes, and of all others), ``generation``, ``sequence`` (from 1, for each breaker), ``at`` (seconds on the breaker's clock), ``actor``
    and ``reason`` (of what was done by hand) and how many events this listener ``missed`` before it."""

    breaker: str
    kind: str
    from_value: Any
    to_value: Any
    feature: str | None
    cause: str | None
    health: float | None
    generation: int
    sequence: int
    at: float
    actor: str | None
    reason: str | None
    missed: int


class Listeners:
    """The listeners of one breaker, which holds them; the core knows them weakly."""

    def __init__(self) -> None:
        self.functions: list[Callable[..., object]] = []
        self.weak = ref(self)


_known: logging.Logger | None = None
#: Who hears of the transitions of every breaker: functions of a ``Transition``.
watchers: list[Listener] = []
#: Who hears of every call that is turned away: functions of the breaker's name, the reason, and seconds or ``None``.
#: The native part tells of them while ``_native.hear_rejections(True)`` holds.
rejection_watchers: list[Callable[[str, Reason, float | None], object]] = []


#: Threads that are on their way through the first import of `logging`.
_importing: set[int] = set()
#: Whether `logging` can never be imported here.
_is_lost = False


def _logger() -> logging.Logger | None:
    global _known
    if _known is None and not _is_lost:
        # Imported when there is something to say: it is the heaviest thing that this package needs.
        me = get_ident()
        _importing.add(me)
        try:
            import logging

            _known = logging.getLogger("fusewire")
        finally:
            _importing.discard(me)
    return _known


def _after_fork() -> None:
    """A thread that stayed behind in the middle of importing `logging` has left it locked for good in this child: who
    imported it here would wait for ever."""
    global _is_lost
    module = sys.modules.get("logging")
    is_whole = module is not None and not getattr(module.__spec__, "_initializing", False)
    _is_lost = _is_lost or (bool(_importing - {get_ident()}) and not is_whole)
    _importing.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def log_transition(told: dict[str, Any]) -> None:
    """Logs a transition of whichever breaker, an opening as a warning and any other as information, and tells the
    watchers."""
    try:
        _log(told)
    finally:
        if watchers:
            _tell_each(watchers, told["breaker"], _transition(told))


def _log(told: dict[str, Any]) -> None:
    logger = _logger()
    if logger is None:
        return
    level = 30 if told["to_state"] == "open" and told["from_state"] != "open" else 20
    if not logger.isEnabledFor(level):
        return
    text = "circuit breaker '%s': %s -> %s (%s)"
    args = [told["breaker"], told["from_state"], told["to_state"], told["cause"]]
    _say(logger, level, text, args, told)


def log_policy(told: dict[str, Any]) -> None:
    """Logs a change of a breaker's policies: as a warning that it was closed, any other as information."""
    logger = _logger()
    level = 30 if told["kind"] == "close" else 20
    if logger is None or not logger.isEnabledFor(level):
        return
    text, args = "circuit breaker '%s': %s", [told["breaker"], told["kind"]]
    if told["kind"] == "feature":
        text += " '%s'"
        args.append(told["feature"])
    if told["to"] is not None:
        text += " %s -> %s"
        args += [told["from"], told["to"]]
    if told["kind"] == "feature":
        text += " (%s)"
        args.append(told["cause"])
    _say(logger, level, text, args, told)


def _say(logger: logging.Logger, level: int, text: str, args: list[Any], told: dict[str, Any]) -> None:
    if told["actor"] or told["reason"]:
        text += " by %s: %s"
        args += [told["actor"] or "unknown", told["reason"] or "no reason given"]
    if told["missed"]:
        text += "; %d before it were missed"
        args.append(told["missed"])
    logger.log(level, text, *args, extra={"circuit_breaker": told})


def log_error(what: str, breaker: str, error: BaseException) -> None:
    """Logs what a function of the user's raised."""
    logger = _logger()
    if logger is not None:
        logger.error("%s of circuit breaker '%s' raised", what, breaker, exc_info=error)


def deliver(listeners: ReferenceType[Listeners], told: dict[str, Any]) -> None:
    """Calls the listeners; ``listeners`` is a weak reference to a ``Listeners``."""
    found = listeners()
    if found is not None:
        _tell_each(found.functions, told["breaker"], _transition(told))


def deliver_policy(listeners: ReferenceType[Listeners], told: dict[str, Any]) -> None:
    """As ``deliver``, for a change of the policies."""
    found = listeners()
    if found is not None:
        ours = dict.fromkeys(("feature", "cause", "health"))
        event = {**ours, "from_value": told.pop("from"), "to_value": told.pop("to"), **told, "at": told["at"] / 1e9}
        _tell_each(found.functions, told["breaker"], PolicyEvent(**event))


def tell_rejection(breaker: str, reason: Reason, retry_after: float | None) -> None:
    """A call was turned away."""
    _tell_each(rejection_watchers, breaker, breaker, reason, retry_after)


def _transition(told: dict[str, Any]) -> Transition:
    states = {key: CircuitState(told[key]) for key in ("from_state", "to_state")}
    return Transition(**{**told, **states})


def _tell_each(functions: Iterable[Callable[..., object]], breaker: str, *told: object) -> None:
    """Calls each. What they raise is logged when all have been called; an interrupt goes on, to the main thread."""
    errors: list[BaseException] = []
    interrupt = None
    for function in list(functions):
        try:
            function(*told)
        except KeyboardInterrupt as error:
            interrupt = error
        except BaseException as error:
            errors.append(error)
    for raised in errors:
        log_error("a listener", breaker, raised)
    if interrupt is not None:
        raise interrupt
