"""Transitions: one line of ``logging`` for each, and the listeners. Called by the native part."""

from __future__ import annotations

import sys
from _weakref import ref

from ._fork import lock

_Namespace = type(sys.implementation)


class Transition(_Namespace):
    """A change of a breaker: ``breaker`` (its name), ``generation``, ``from_state``, ``to_state``, ``cause``, ``at``
    (seconds on the breaker's clock), ``actor`` and ``reason`` (of what was done by hand), the counts that led to it
    (``total``, ``failures``, ``slow``) and how many events this listener ``missed`` before it."""


class Listeners:
    """The listeners of one breaker, which holds them; the core knows them weakly."""

    def __init__(self):
        self.functions = []
        self.weak = ref(self)


_known = None
#: Who hears of the transitions of every breaker: functions of a ``Transition``.
watchers = []
#: Who hears of every call that is turned away: functions of the breaker's name, the reason, and seconds or ``None``.
#: The native part tells of them while ``_native.hear_rejections(True)`` holds.
rejection_watchers = []


def _logger():
    global _known
    if _known is None:
        # Imported when there is something to say: it is the heaviest thing that this package needs.
        with lock:
            import logging

            _known = logging.getLogger("fusewire")
    return _known


def log_transition(told):
    """Logs a transition of whichever breaker, an opening as a warning and any other as information, and tells the
    watchers."""
    try:
        _log(told)
    finally:
        if watchers:
            _tell_each(watchers, told["breaker"], Transition(**told))


def _log(told):
    logger = _logger()
    level = 30 if told["to_state"] == "open" and told["from_state"] != "open" else 20
    if not logger.isEnabledFor(level):
        return
    text = "circuit breaker '%s': %s -> %s (%s)"
    args = [told["breaker"], told["from_state"], told["to_state"], told["cause"]]
    if told["actor"] or told["reason"]:
        text += " by %s: %s"
        args += [told["actor"] or "unknown", told["reason"] or "no reason given"]
    if told["missed"]:
        text += "; %d before it were missed"
        args.append(told["missed"])
    logger.log(level, text, *args, extra={"circuit_breaker": told})


def log_error(what, breaker, error):
    """Logs what a function of the user's raised."""
    _logger().error("%s of circuit breaker '%s' raised", what, breaker, exc_info=error)


def deliver(listeners, told):
    """Calls the listeners; ``listeners`` is a weak reference to a ``Listeners``."""
    found = listeners()
    if found is not None:
        _tell_each(found.functions, told["breaker"], Transition(**told))


def tell_rejection(breaker, reason, retry_after):
    """A call was turned away."""
    _tell_each(rejection_watchers, breaker, breaker, reason, retry_after)


def _tell_each(functions, breaker, *told):
    """Calls each. What they raise is logged when all have been called; an interrupt goes on, to the main thread."""
    errors = []
    interrupt = None
    for function in list(functions):
        try:
            function(*told)
        except KeyboardInterrupt as error:
            interrupt = error
        except BaseException as error:
            errors.append(error)
    for error in errors:
        log_error("a listener", breaker, error)
    if interrupt is not None:
        raise interrupt
