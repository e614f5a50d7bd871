"""What ``get_metrics`` answers: a breaker's snapshot, and those of several, as plain dicts."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ._breaker import CircuitBreaker

#: The figures that are summed over breakers.
COUNTS = (
    "total_requests",
    "success_count",
    "failure_count",
    "ignored_count",
    "slow_count",
    "late_count",
    "expired_count",
    "rejected_count",
)


def figures_of(breaker: CircuitBreaker) -> dict[str, Any]:
    """A breaker's figures."""
    snapshot = breaker.snapshot()
    totals = snapshot.totals
    counts = {
        "total_requests": totals.success + totals.failure + totals.ignored,
        "success_count": totals.success,
        "failure_count": totals.failure,
        "ignored_count": totals.ignored,
        "slow_count": totals.slow,
        "late_count": totals.late,
        "expired_count": totals.expired,
        "rejected_count": sum(vars(totals.rejected).values()),
    }
    return {
        "service_id": snapshot.name,
        "state": str(snapshot.state),
        "mode": str(snapshot.mode),
        "generation": snapshot.generation,
        "opened": snapshot.opened,
        "retry_after": snapshot.retry_after,
        **counts,
        **_rates(counts),
        "rejected": dict(vars(totals.rejected)),
        "would_reject": dict(vars(totals.would_reject)),
        "consecutive_failures": snapshot.consecutive_failures,
        "window": _dict(snapshot.window),
        "half_open": _dict(snapshot.half_open),
        "ramp": _dict(snapshot.ramp),
        "last_transition": _dict(snapshot.last),
        "last_failure": _dict(snapshot.last_failure),
    }


def summed(figures: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The figures of several breakers, by name, with their sums."""
    counts = {key: sum(of[key] for of in figures.values()) for key in COUNTS}
    states = [of["state"] for of in figures.values()]
    return {
        "total_breakers": len(figures),
        "states": {state: states.count(state) for state in ("closed", "open", "half_open")},
        **counts,
        **_rates(counts),
        "breakers": figures,
    }


def _rates(counts: Mapping[str, int]) -> dict[str, float | None]:
    """Shares of the calls that were a success or a failure; ``None`` while there is none."""
    settled = counts["success_count"] + counts["failure_count"]
    return {
        "success_rate": counts["success_count"] / settled if settled else None,
        "failure_rate": counts["failure_count"] / settled if settled else None,
    }


def _dict(namespace: object) -> dict[str, Any] | None:
    """Plain values: states as their names."""
    if namespace is None:
        return None
    return {key: str(value) if isinstance(value, str) else value for key, value in vars(namespace).items()}
