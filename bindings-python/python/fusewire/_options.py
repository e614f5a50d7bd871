"""The types of options. Imported by type checkers alone: what is allowed, and every default, the core knows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal, TypedDict, Union

from ._native import ManualClock

#: Seconds, a ``timedelta``, or a text such as ``"250ms"``.
Duration = Union[float, timedelta, str]

#: An exception class, a predicate of an exception, or a tuple or list of them.
Matcher = Union[
    type[BaseException],
    Callable[[Any], bool],
    "tuple[Union[type[BaseException], Callable[[Any], bool]], ...]",
    "list[Any]",
]

ModeName = Literal["auto", "shadow", "forced_open", "forced_closed"]


class CountWindow(TypedDict, total=False):
    """Judges the last ``size`` outcomes."""

    kind: Literal["count"]
    size: int | None
    min_calls: int | None
    failure_rate: float | None
    slow_call_rate: float | None


class TimeWindow(TypedDict, total=False):
    """Judges the outcomes of the last ``period``."""

    kind: Literal["time"]
    period: Duration | None
    buckets: int | None
    min_calls: int | None
    failure_rate: float | None
    slow_call_rate: float | None


class AdaptiveWindow(TypedDict, total=False):
    """A time window whose threshold follows the service's own history."""

    kind: Literal["adaptive"]
    period: Duration | None
    buckets: int | None
    min_calls: int | None
    failure_rate: float | None
    slow_call_rate: float | None
    min_failures: int | None
    floor: float | None
    sensitivity: float | None
    baseline: float | None
    memory_calls: int | None


Window = Union[CountWindow, TimeWindow, AdaptiveWindow]


class Backoff(TypedDict, total=False):
    """How repeated openings lengthen ``recovery_timeout``."""

    kind: Literal["fixed", "linear", "exponential", "fibonacci", "decorrelated_jitter"]
    max: Duration | None
    multiplier: float | None
    reset_after: Duration | None
    jitter: float | None


class Ramp(TypedDict, total=False):
    """Admits a growing share of the calls after the probes."""

    initial: float | None
    step: float | None
    window_calls: int | None
    max_failure_rate: float | None
    step_timeout: Duration | None


class Document(TypedDict, total=False):
    """The keys of the configuration document; ``None`` is what was not given. Their meanings, defaults and ranges:
    https://github.com/fusewire/fusewire/blob/main/docs/configuration.md"""

    failure_threshold: int | None
    window: Window | None
    slow_call_duration: Duration | None
    sample_durations_every: int | None
    cancelled_after: Duration | None
    recovery_timeout: Duration | None
    backoff: Backoff | None
    half_open_max_calls: int | None
    half_open_concurrency: int | None
    success_threshold: int | None
    half_open_timeout: Duration | None
    ramp: Ramp | None
    mode: ModeName | None
    seed: int | None


class Rules(TypedDict, total=False):
    """What counts as what."""

    ignore: Matcher | None
    failure: Matcher | None
    failure_result: Callable[[Any], bool] | None
    error_type: Callable[[Any], str | None] | None
    fallback: Callable[..., Any] | None


class RulesAndClock(Rules, total=False):
    """The options that are in no document."""

    clock: ManualClock | None


class Options(Document, RulesAndClock, total=False):
    """Everything that a breaker may be given."""
