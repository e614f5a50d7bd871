"""What there is to know of a breaker, as one value."""

from __future__ import annotations

from ._namespace import Namespace
from ._state import CircuitState, Mode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal


class Snapshot(Namespace):
    """A breaker at one moment. Times and durations are in seconds; what is absent is ``None``. ``vars(snapshot)`` has
    all of it by name.

    - ``name``; ``state``, the effective one: open past its deadline reads half_open; ``stored_state``; ``mode``.
    - ``generation``: how many transitions there were. ``opened``: how many times it opened; ``openings_in_a_row``: how
      many without a long enough closed spell in between.
    - ``retry_after``: seconds until a call may pass, while it is open.
    - What decides while closed: ``consecutive_failures``, or a ``window`` of ``total``, ``failures`` and ``slow`` calls
      with their ``failure_rate`` and ``slow_call_rate``, and of an adaptive one the ``baseline`` and ``threshold``.
    - ``half_open``: probes that are ``in_flight``, ``successes``, ``failures``. ``ramp``: the ``share`` of calls that is
      admitted, which ``step`` it is, calls ``settled`` in it and their ``failures``.
    - ``rate_limit``: the ``rate`` in force, or the limit of a window; what is ``available`` to a critical call, whole
      tokens or calls, ``None`` of a leaky bucket; seconds until a critical call is admitted, ``retry_after``.
    - ``bulkhead``, also of a concurrency limit: calls ``in_flight``, ``by_level`` too, calls ``queued``, the ``limit`` in
      force.
    - ``timeout``: seconds that a call may take now.
    - ``retry``: retries that the ``budget`` bears now, ``None`` without one; the ``scores`` of an adaptive backoff; by category
      ``retries``, those ``after_rejection``, and those that were ``denied``, by why.
    - ``fallbacks``: for each rung, how often it ``answered`` and how often it ``failed``.
    - ``cache``: its ``entries``, and answers that were ``fresh``, ``stale``, and times that one was ``absent``. ``hedge``:
      seconds ``after`` which a hedge begins, how many were ``begun`` and how many ``won``.
    - ``features``: by name the ``state``, ``"enabled"``, ``"testing"`` or ``"disabled"``; the ``health``, a share, ``None``
      without outcomes; calls ``admitted`` and ``refused``, ``successes`` and ``failures``.
    - ``totals``: ``success``, ``failure``, ``ignored``, ``slow``, ``late``, ``expired``, ``bypassed`` (calls that passed an
      open breaker), and by reason ``rejected`` and ``would_reject``.
    - ``last``: the last transition, ``at``, ``cause``, ``from_state``, ``to_state``. ``last_failure``: ``at``,
      ``error_type``.
    - ``durations``: a histogram: ``bounds``, and ``by_outcome`` for ``success``, ``failure`` and ``ignored`` the
      ``counts``, one more than bounds, and the ``sum``.
    """

    name: str
    state: CircuitState
    stored_state: CircuitState
    mode: Mode
    generation: int
    opened: int
    openings_in_a_row: int
    retry_after: float | None
    consecutive_failures: int | None
    window: WindowCounts | None
    half_open: HalfOpenCounts
    ramp: RampCounts | None
    rate_limit: RateLimitCounts | None
    bulkhead: BulkheadCounts | None
    timeout: float | None
    retry: RetryCounts | None
    fallbacks: list[FallbackCounts]
    cache: CacheCounts | None
    hedge: HedgeCounts | None
    features: dict[str, FeatureCounts] | None
    totals: Totals
    last: LastTransition | None
    last_failure: LastFailure | None
    durations: Durations


class WindowCounts(Namespace):
    """What a window has seen."""

    total: int
    failures: int
    slow: int
    failure_rate: float | None
    slow_call_rate: float | None
    baseline: float | None
    threshold: float | None


class HalfOpenCounts(Namespace):
    """The probes of a half-open breaker."""

    in_flight: int
    successes: int
    failures: int


class RampCounts(Namespace):
    """Where a ramp is."""

    share: float
    step: int
    settled: int
    failures: int


class RateLimitCounts(Namespace):
    """What a rate limit has left."""

    rate: float
    available: int | None
    retry_after: float | None


class ByLevel(Namespace):
    """Counts by level."""

    critical: int
    high: int
    normal: int
    low: int
    bulk: int


class BulkheadCounts(Namespace):
    """Slots that are taken, and calls that wait for one."""

    in_flight: int
    by_level: ByLevel
    queued: int
    limit: int


class RetryCounts(Namespace):
    """What retries there were, and may be."""

    budget: int | None
    scores: dict[str, float] | None
    retries: dict[str, int]
    after_rejection: int
    denied: dict[str, int]


class FallbackCounts(Namespace):
    """What became of a rung."""

    rung: str
    answered: int
    failed: int


class CacheCounts(Namespace):
    """What a cache has, and has answered."""

    entries: int
    fresh: int
    stale: int
    absent: int


class HedgeCounts(Namespace):
    """Attempts beside attempts."""

    after: float | None
    begun: int
    won: int


class FeatureCounts(Namespace):
    """A feature."""

    state: Literal["enabled", "testing", "disabled"]
    health: float | None
    admitted: int
    refused: int
    successes: int
    failures: int


class ByReason(Namespace):
    """How many calls were turned away, by reason."""

    open: int
    half_open_full: int
    ramp: int
    forced_open: int
    shed: int
    rate_limited: int
    bulkhead_full: int
    queue_timeout: int
    limit_reached: int
    closed: int
    feature_disabled: int


class Totals(Namespace):
    """Counts since the breaker was made."""

    success: int
    failure: int
    ignored: int
    slow: int
    late: int
    expired: int
    rejected: ByReason
    would_reject: ByReason
    bypassed: int


class LastTransition(Namespace):
    """The last transition."""

    at: float
    cause: str
    from_state: CircuitState
    to_state: CircuitState


class LastFailure(Namespace):
    """The last failure."""

    at: float
    error_type: str | None


class Distribution(Namespace):
    """How long calls took: how many up to each bound and above the last, and the sum of all."""

    counts: list[int]
    sum: float


class ByOutcome(Namespace):
    """How long calls took, by what came of them."""

    success: Distribution
    failure: Distribution
    ignored: Distribution


class Durations(Namespace):
    """How long calls took."""

    bounds: list[float]
    by_outcome: ByOutcome


_PARTS = {
    "window": WindowCounts,
    "half_open": HalfOpenCounts,
    "ramp": RampCounts,
    "rate_limit": RateLimitCounts,
    "bulkhead": BulkheadCounts,
    "by_level": ByLevel,
    "retry": RetryCounts,
    "cache": CacheCounts,
    "hedge": HedgeCounts,
    "totals": Totals,
    "rejected": ByReason,
    "would_reject": ByReason,
    "last": LastTransition,
    "last_failure": LastFailure,
    "durations": Durations,
    "by_outcome": ByOutcome,
    "success": Distribution,
    "failure": Distribution,
    "ignored": Distribution,
}

#: `from` is no name in Python.
_NAMES = {"from": "from_state", "to": "to_state"}

#: The entries that the core tells by their names.
_NAMED = {"state": CircuitState, "stored_state": CircuitState, "from": CircuitState, "to": CircuitState, "mode": Mode}

#: The entries that the core tells in nanoseconds.
_TIMES = frozenset({"at", "retry_after", "bounds", "sum", "timeout", "after"})

#: The entries that are tables of plain values, by names that are not ours.
_TABLES = frozenset({"scores", "retries", "denied"})


def snapshot_of(told: Mapping[str, Any]) -> Snapshot:
    """A snapshot from what the core tells."""
    return Snapshot(**_values(told))


def _values(told: Mapping[str, Any]) -> dict[str, Any]:
    return {_NAMES.get(key, key): _value(key, value) for key, value in told.items()}


def _value(key: str, value: Any) -> Any:
    if key in _TABLES:
        return value
    if key == "fallbacks":
        return [FallbackCounts(**of) for of in value]
    if key == "features" and value is not None:
        return {name: FeatureCounts(**of) for name, of in value.items()}
    if isinstance(value, dict):
        return _PARTS[key](**_values(value))
    if value is None:
        return None
    if key in _NAMED:
        return _NAMED[key](value)
    if key in _TIMES:
        return [v / 1e9 for v in value] if isinstance(value, list) else value / 1e9
    return value
