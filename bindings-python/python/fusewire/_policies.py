"""The reference's names for rate limits and priorities. Each is the core's table under another name; none has a rule."""

from __future__ import annotations

from enum import Enum

from ._errors import ConfigError, invalid
from ._state import Priority

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ._breaker import CircuitBreaker
    from ._native import Permit
    from ._options import Cost, Duration, Level

__all__ = [
    "PriorityConfig",
    "PriorityManager",
    "RateLimitAlgorithm",
    "RateLimitConfig",
    "RateLimitingStrategy",
    "RequestPriority",
]

#: The reference's name of ``Priority``.
RequestPriority = Priority


class RateLimitAlgorithm(str, Enum):
    """How a rate limit counts. Each is equal to its name as text."""

    TOKEN_BUCKET = "token_bucket"
    LEAKY_BUCKET = "leaky_bucket"
    FIXED_WINDOW = "fixed_window"
    SLIDING_WINDOW = "sliding_window"

    __str__ = str.__str__
    __format__ = str.__format__  # type: ignore[assignment]


class Table:
    """Keys of the core's document; what is ``None`` is left out."""

    def __init__(self, **given: Any) -> None:
        self._given: dict[str, Any] = {key: value for key, value in given.items() if value is not None}

    def table(self) -> dict[str, Any]:
        """The core's keys."""
        return dict(self._given)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and type(other) is type(self) and other._given == self._given

    __hash__: None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in self._given.items())})"


def plain(value: Any) -> Any:
    """A value of the document, with the core's keys in the place of what is told as arguments."""
    if isinstance(value, Table) and not isinstance(value, PriorityConfig):
        return value.table()
    return {key: plain(inner) for key, inner in value.items()} if type(value) is dict else value


class RateLimitConfig(Table):
    """A ``rate_limit`` as keyword arguments: ``RateLimitConfig(rate=100, burst=20)``. The arguments are its keys, with their
    units, ranges and defaults: ``help(fusewire.CircuitBreaker)`` and ``docs/configuration.md``.

    ``algorithm``: a ``RateLimitAlgorithm`` or its name.
    """

    def __init__(
        self,
        algorithm: RateLimitAlgorithm | str | None = None,
        *,
        rate: float | None = None,
        burst: int | None = None,
        reserve: Mapping[Level, int] | None = None,
        max_wait: Duration | None = None,
        limit: int | None = None,
        window: Duration | None = None,
        adaptive: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            algorithm=None if algorithm is None else str(algorithm),
            rate=rate,
            burst=burst,
            reserve=_by_name(reserve),
            max_wait=max_wait,
            limit=limit,
            window=window,
            adaptive=adaptive,
        )


class PriorityConfig(Table):
    """``priority`` and ``bulkhead`` as keyword arguments: who is let in, and who has slots.

    - ``min_priority``, ``half_open_min_priority``, ``bypass_priority``: ``min``, ``half_open_min`` and ``open_bypass``.
    - ``max_concurrent``, ``reserved``, ``max_queue``, ``queue_timeout``: those of ``bulkhead``.
    """

    def __init__(
        self,
        *,
        min_priority: Level | None = None,
        half_open_min_priority: Level | None = None,
        bypass_priority: Level | None = None,
        max_concurrent: int | None = None,
        reserved: Mapping[Level, int] | None = None,
        max_queue: int | None = None,
        queue_timeout: Duration | Mapping[Level, Duration] | None = None,
    ) -> None:
        super().__init__(
            min_priority=min_priority,
            half_open_min_priority=half_open_min_priority,
            bypass_priority=bypass_priority,
            max_concurrent=max_concurrent,
            reserved=_by_name(reserved),
            max_queue=max_queue,
            queue_timeout=_by_name(queue_timeout) if hasattr(queue_timeout, "items") else queue_timeout,
        )

    def table(self) -> dict[str, Any]:
        """The core's keys: ``priority``, and ``bulkhead`` if one of its own was given."""
        given = self._given
        tables: dict[str, dict[str, Any]] = {"priority": {}, "bulkhead": {}}
        for own, (table, key) in PRIORITY_KEYS.items():
            if own in given:
                tables[table][key] = given[own]
        return {key: table for key, table in tables.items() if table or key == "priority"}


#: The core's key of each argument of a ``PriorityConfig``.
PRIORITY_KEYS = {
    "min_priority": ("priority", "min"),
    "half_open_min_priority": ("priority", "half_open_min"),
    "bypass_priority": ("priority", "open_bypass"),
    "max_concurrent": ("bulkhead", "max_concurrent"),
    "reserved": ("bulkhead", "reserved"),
    "max_queue": ("bulkhead", "max_queue"),
    "queue_timeout": ("bulkhead", "queue_timeout"),
}


class RateLimitingStrategy:
    """A rate limit by itself: a breaker that turns calls away for nothing else. ``breaker`` is that breaker.

    ``config``: a ``RateLimitConfig``. ``clock``: a ``fusewire.testing.ManualClock``, for tests.
    """

    def __init__(self, service_id: str, config: RateLimitConfig, *, clock: Any = None) -> None:
        self.breaker: CircuitBreaker = alone(service_id, {"rate_limit": config.table()}, clock)

    async def should_allow_request(self, priority: Level | None = None, cost: Cost | None = None) -> bool:
        """Whether a call may be made now; if so, what it takes of the rate is taken."""
        permit = self.breaker.try_acquire(priority=priority, cost=cost)
        if permit is None:
            return False
        permit.ignore()
        return True

    @property
    def rate(self) -> float:
        """The rate in force, or the limit of a window."""
        found = self.breaker.snapshot().rate_limit
        assert found is not None
        return found.rate


class PriorityManager:
    """Slots and priorities by themselves: a breaker that turns calls away for nothing else. ``breaker`` is that breaker.

    ``config``: a ``PriorityConfig``. ``clock``: a ``fusewire.testing.ManualClock``, for tests.
    """

    def __init__(self, service_id: str, config: PriorityConfig, *, clock: Any = None) -> None:
        self.breaker: CircuitBreaker = alone(service_id, config.table(), clock)

    def acquire(self, priority: Level | None = None) -> Permit:
        """As ``CircuitBreaker.acquire``: ``async with manager.acquire("high"):``."""
        return self.breaker.acquire(priority=priority)

    def set_min_priority(self, to: Level, *, actor: str | None = None, reason: str | None = None) -> bool:
        """As ``CircuitBreaker.set_min_priority``."""
        return self.breaker.set_min_priority(to, actor=actor, reason=reason)

    def reserve(self, reserved: Mapping[Level, int], *, actor: str | None = None, reason: str | None = None) -> bool:
        """Replaces the table of reserved slots, as ``CircuitBreaker.set_slots``."""
        return self.breaker.set_slots(reserved=reserved, actor=actor, reason=reason)


def alone(name: str, tables: Mapping[str, Any], clock: Any) -> CircuitBreaker:
    from ._breaker import CircuitBreaker

    # In this mode the machine turns nobody away; the gates do.
    return CircuitBreaker(name, mode="forced_closed", clock=clock, **tables)


def _by_name(levels: Any) -> dict[str, Any] | None:
    return (
        None if levels is None else {key if isinstance(key, str) else str(Priority(key)): levels[key] for key in levels}
    )


def take_configs(options: dict[str, Any]) -> dict[str, str]:
    """Puts the core's tables in the place of ``rate_limit_config`` and ``priority_config``; answers which argument each of the
    core's keys comes from, for errors."""
    if "backoff_config" in options or "recovery_pattern" in options:
        from ._recovery import take_recovery

        take_recovery(options)
    names: dict[str, str] = {}
    for argument, kind in (("rate_limit_config", RateLimitConfig), ("priority_config", PriorityConfig)):
        config = options.pop(argument, None)
        if config is None:
            continue
        if not isinstance(config, kind):
            raise invalid(argument, config, f"a fusewire.{kind.__name__}")
        tables = {"rate_limit": config.table()} if isinstance(config, RateLimitConfig) else config.table()
        for key, table in tables.items():
            if options.get(key) is not None:
                raise invalid(argument, config, f"absent beside {key}: it says the same")
            options[key] = table
            names[key] = argument
    return names


def renamed(error: ConfigError, names: Mapping[str, str]) -> str:
    """The key of an error as the argument that it comes from."""
    table, _, key = error.key.partition(".")
    if table not in names:
        return error.key
    own = {of: argument for argument, of in PRIORITY_KEYS.items()}.get((table, key))
    return f"{names[table]}.{own or key}" if key else names[table]
