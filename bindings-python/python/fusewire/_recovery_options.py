"""The types of options of what is done around a call; see ``_options``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from ._options import Duration


class PercentileTimeout(TypedDict, total=False):
    """A timeout that is learned from the durations of calls."""

    kind: Literal["percentile", "adaptive", "hybrid"] | None
    percentile: float | None
    """Which of the durations, by their order, is the measure, above 0 and below 1. Not for ``"adaptive"``."""
    factor: float | None
    """How many times as long as the measure a call may take, 1 to 10."""
    min: Duration | None
    """The shortest timeout, 1 ms to 1 h."""
    max: Duration | None
    """The longest timeout, ``min`` to 24 h."""
    window: int | None
    """From how many of the last calls it is learned, 10 to 10,000."""
    initial: Duration | None
    """The timeout until 10 durations are known, ``min`` to ``max``."""


CategoryName = Literal[
    "timeout",
    "rate_limit",
    "resource_exhausted",
    "network_error",
    "internal_error",
    "invalid_request",
    "unknown",
]


class RetryBackoff(TypedDict, total=False):
    """How long a retry waits."""

    kind: (
        Literal[
            "fixed",
            "linear",
            "exponential",
            "fibonacci",
            "decorrelated_jitter",
            "resource_sensitive",
            "pattern_based",
            "adaptive",
        ]
        | None
    )
    base: Duration | None
    """How long the first retry waits, 1 ms to 1 h."""
    max: Duration | None
    """The longest wait, ``base`` to 168 h. Not for ``"fixed"``."""
    multiplier: float | None
    """Factor from one wait to the next, 1 to 100. For ``"exponential"`` and what is made of it."""
    jitter: float | None
    """j, 0 to 1: multiplies the wait by a random factor in [1 - j, 1 + j)."""


class RetryBudget(TypedDict, total=False):
    """How many retries and hedges may begin, of all calls together."""

    ratio: float | None
    """So many for each first attempt, 0 to 1."""
    min_per_second: float | None
    """So many each second on top of that, 0 to 1,000,000."""
    window: Duration | None
    """Over which time both are counted, 1 s to 24 h."""


class Retry(TypedDict, total=False):
    """Tries a call that failed once more."""

    max_attempts: int | None
    """How often a call is tried, the first included, 1 to 100."""
    backoff: RetryBackoff | None
    """How long a retry waits."""
    on: list[CategoryName] | None
    """The categories of failures that are tried once more."""
    per_method: dict[str, int] | None
    """How often a call of a method is tried, 1 to 100; other methods once, unless the request says that it is idempotent."""
    max_elapsed: Duration | None
    """A wait that would end later after the call began is not begun, 1 ms to 168 h."""
    budget: RetryBudget | Literal[False] | None
    """How many retries may begin, of all calls together; ``False``: any number."""
    rejected: bool | None
    """Whether calls that were turned away are tried once more, too."""


class Cache(TypedDict, total=False):
    """Values of earlier calls may answer those that name the same key."""

    mode: Literal["on_failure", "read_through"] | None
    """After a failure, or, while they are fresh, before the call."""
    ttl: Duration | None
    """How long a value is fresh, 1 ms to 168 h."""
    stale_ttl: Duration | None
    """How long after that a stale value may answer a failure, 0 to 168 h."""
    max_entries: int | None
    """How many values are kept, 1 to 1,000,000."""
    coalesce: bool | None
    """Whether concurrent calls of one key make one attempt."""


class Hedge(TypedDict, total=False):
    """Begins another attempt beside one that takes long. Async calls only."""

    after: Duration | Literal["p95"] | None
    """How long an attempt takes before another begins, 1 ms to 1 h."""
    max: int | None
    """How many attempts may begin beside one, 1 to 10."""


class Feature(TypedDict, total=False):
    """A part of the service that recovers, and is turned off, by itself."""

    priority: int | None
    """Features of a higher priority recover first, 0 to 1000."""
    requires: list[str] | None
    """The features without which this one does not work."""
    min_health: float | None
    """The share of successes that passes a test, above 0 and up to 1."""
    test_duration: Duration | None
    """How long a test takes, 1 ms to 168 h."""
    min_calls: int | None
    """Calls below which no health is judged, 1 to 50."""
    required: bool | None
    """Whether its failed test ends the recovery of all features and opens the breaker."""
