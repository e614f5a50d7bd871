"""Names that people compare with."""

from __future__ import annotations

from enum import Enum, IntEnum

from ._native import level_name

__all__ = ["CircuitState", "Mode", "Priority"]


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


class Priority(IntEnum):
    """How much a call matters. A level is its number; any number from 0 to 100 is taken as the next lower level, and a
    level's name is taken as the level, wherever a priority is asked for."""

    BULK = 0
    LOW = 25
    NORMAL = 50
    HIGH = 75
    CRITICAL = 100

    # To read what people configure: Priority("high") is Priority.HIGH, Priority(80) too.
    @classmethod
    def _missing_(cls, value: object) -> Priority:
        return cls[level_name(value).upper()]

    def __str__(self) -> str:
        return self.name.lower()

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)
