"""Names that people compare with."""

from __future__ import annotations

from enum import Enum

__all__ = ["CircuitState", "Mode"]


class CircuitState(str, Enum):
    """A breaker's state. Each is equal to its name as text: ``CircuitState.OPEN == "open"``."""

    #: Calls pass.
    CLOSED = "closed"
    #: Calls are rejected until a deadline.
    OPEN = "open"
    #: A few calls probe.
    HALF_OPEN = "half_open"

    __str__ = str.__str__
    __format__ = str.__format__  # type: ignore[assignment]


class Mode(str, Enum):
    """Who decides. Each is equal to its name as text."""

    #: The machine.
    AUTO = "auto"
    #: The machine, but nothing is rejected: what would be, is counted.
    SHADOW = "shadow"
    #: Every call is rejected.
    FORCED_OPEN = "forced_open"
    #: Every call passes.
    FORCED_CLOSED = "forced_closed"

    __str__ = str.__str__
    __format__ = str.__format__  # type: ignore[assignment]
