"""The types of options. Imported by type checkers alone: what is allowed, and every default, the core knows.

Defaults, and how keys go together: https://github.com/fusewire/fusewire/blob/main/docs/configuration.md
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any, Literal, TypedDict, Union

from typing_extensions import Required

from ._events import Transition
from ._native import ManualClock
from ._state import Mode

#: Seconds, a ``timedelta``, or a text such as ``"250ms"``.
Duration = Union[float, timedelta, str]

#: An exception class or a predicate of an exception.
OneMatcher = Union[type[BaseException], Callable[[Any], bool]]

#: An exception class, a predicate of an exception, or a tuple, list or set of them.
Matcher = Union[OneMatcher, Collection[OneMatcher]]

#: What came of a failed call: the exception, its class, a text under which it is counted, or nothing.
Failure = Union[BaseException, type[BaseException], str, None]

#: A function that hears of transitions. One that is a coroutine function would never be awaited.
Listener = Callable[[Transition], None]

StateName = Literal["closed", "open", "half_open"]
ModeName = Literal["auto", "shadow", "forced_open", "forced_closed"]
Reason = Literal["open", "half_open_full", "ramp", "forced_open"]
Settled = Literal["ok", "late"]
StrategyType = Literal["basic", "count_window", "time_window", "adaptive", "gradual"]


class CountWindow(TypedDict, total=False):
    """Judges the last ``size`` outcomes."""

    kind: Required[Literal["count"]]
    size: int | None
    """Outcomes that the window holds, 1 to 65,535."""
    min_calls: int | None
    """Outcomes below which no rate is judged, 1 to ``size``."""
    failure_rate: float | None
    """Share of failures that opens, above 0 and up to 1."""
    slow_call_rate: float | None
    """Share of slow calls that opens, above 0 and up to 1. Needs ``slow_call_duration``."""


class _OverTime(TypedDict, total=False):
    period: Duration | None
    """How far the window looks back, 1 s to 24 h."""
    buckets: int | None
    """Into how many buckets ``period`` is divided, 1 to 60."""
    min_calls: int | None
    """Outcomes below which no rate is judged, 1 to 1,000,000."""
    failure_rate: float | None
    """Share of failures that opens, above 0 and up to 1."""
    slow_call_rate: float | None
    """Share of slow calls that opens, above 0 and up to 1. Needs ``slow_call_duration``."""


class TimeWindow(_OverTime, total=False):
    """Judges the outcomes of the last ``period``."""

    kind: Required[Literal["time"]]


class AdaptiveWindow(_OverTime, total=False):
    """A time window whose threshold follows the service's own history."""

    kind: Required[Literal["adaptive"]]
    min_failures: int | None
    """Failures below which the failure rate does not open, 1 to 1,000,000."""
    floor: float | None
    """Least threshold, above 0 and up to ``failure_rate``."""
    sensitivity: float | None
    """How many standard deviations above the learned share the threshold lies, 1 to 10."""
    baseline: float | None
    """The learned share at first, 0 to ``failure_rate``."""
    memory_calls: int | None
    """Over how many calls the learned share forgets, 1 to 1,000,000."""


Window = Union[CountWindow, TimeWindow, AdaptiveWindow]


class StrategyWindow(_OverTime, total=False):
    """A window whose ``kind`` the strategy says."""

    kind: Literal["count", "time", "adaptive"] | None
    size: int | None
    min_failures: int | None
    floor: float | None
    sensitivity: float | None
    baseline: float | None
    memory_calls: int | None


class Backoff(TypedDict, total=False):
    """How repeated openings lengthen ``recovery_timeout``."""

    kind: Literal["fixed", "linear", "exponential", "fibonacci", "decorrelated_jitter"] | None
    max: Duration | None
    """The longest an opening lasts, ``recovery_timeout`` to 1680 h. Not for ``"fixed"``."""
    multiplier: float | None
    """Factor from one opening to the next, 1 to 100. For ``"exponential"``."""
    reset_after: Duration | None
    """A closed spell at least this long starts the row of openings afresh, 1 ms to 168 h."""
    jitter: float | None
    """j, 0 to 1: multiplies the duration by a random factor in [1 - j, 1 + j)."""


class Ramp(TypedDict, total=False):
    """Admits a growing share of the calls after the probes."""

    initial: float | None
    """Share of the calls that the first step admits, above 0 and below 1."""
    step: float | None
    """By how much the share grows from step to step, above 0 and up to 1."""
    window_calls: int | None
    """Settled calls that pass a step, 1 to 1,000,000."""
    max_failure_rate: float | None
    """Share of ``window_calls`` that may fail in a step, from 0 and below 1."""
    step_timeout: Duration | None
    """A step without a failure is passed after this long, 1 ms to 168 h."""


class _EveryDocument(TypedDict, total=False):
    slow_call_duration: Duration | None
    """A call that took at least this long is slow, 1 ms to 168 h."""
    sample_durations_every: int | None
    """Time the first and then every n-th call of a thread, 0 to 1,000,000; 0: none."""
    cancelled_after: Duration | None
    """A call cancelled or dropped after at least this long is a failure, 1 ms to 168 h."""
    backoff: Backoff | None
    """How repeated openings lengthen ``recovery_timeout``."""
    half_open_max_calls: int | None
    """How many probes decide, 1 to 64."""
    half_open_concurrency: int | None
    """How many of them at the same time, 1 to ``half_open_max_calls``."""
    ramp: Ramp | None
    """After the probes, admit a growing share of the calls before closing; ``{}`` turns it on."""
    mode: Mode | ModeName | None
    """Who decides at first."""
    seed: int | None
    """Seed of the jitter, 0 to 2**53 - 1; written, a run can be repeated."""


class _OwnDocument(TypedDict, total=False):
    failure_threshold: int | None
    """Consecutive failures that open, 1 to 1,000,000. Not beside ``window``."""
    window: Window | None
    """Judge by rates over a window instead of by consecutive failures."""
    recovery_timeout: Duration | None
    """How long open lasts, 1 ms to 168 h; the base of ``backoff``."""
    success_threshold: int | None
    """Successful probes that close, 1 to ``half_open_max_calls``."""
    half_open_timeout: Duration | None
    """How long one probe may take, 1 ms to 168 h; then it counts as failed."""


# What stands first in an editor is what is asked for first.
class Document(_OwnDocument, _EveryDocument, total=False):
    """The keys of the configuration document; ``None`` is what was not given."""


class _OfErrors(TypedDict, total=False):
    ignore: Matcher | None
    """Exceptions that say nothing about the dependency."""
    failure: Matcher | None
    """Exceptions that are failures; all others are successes then."""
    error_type: Callable[[Any], str | None] | None
    """From an exception to a short text under which it is counted."""


class Rules(_OfErrors, total=False):
    """What counts as what."""

    failure_result: Callable[[Any], bool] | None
    """A predicate of a result; what it is true of is a failure."""
    fallback: Callable[..., Any] | None
    """Called in place of a call that is turned away, with the same arguments."""


class RulesAndClock(Rules, total=False):
    """The options that are in no document."""

    clock: ManualClock | None
    """For tests."""


class Options(Document, RulesAndClock, total=False):
    """Everything that a ``CircuitBreaker`` may be given."""


class AdapterOptions(Document, _OfErrors, total=False):
    """The options of breakers that an adapter of an HTTP client makes."""

    clock: ManualClock | None
    """For tests."""


class _EveryStrategy(_EveryDocument, total=False):
    window: StrategyWindow | None
    """What the strategy's window is told beside its ``kind``."""


class StrategyRest(_EveryStrategy, RulesAndClock, total=False):
    """The options of an ``AdvancedCircuitBreaker`` that its signature does not name."""


class StrategyDocument(_EveryStrategy, total=False):
    """What ``AdvancedCircuitBreaker`` makes a document of."""

    strategy_type: StrategyType | None
    """What opens it."""
    failure_threshold: int | None
    """The fewest failures that open it, 1 to 1,000,000."""
    success_threshold: int | None
    """Successful probes that close it, 1 to 64."""
    timeout: Duration | None
    """How long it stays open, 1 ms to 168 h."""
    half_open_timeout: Duration | None
    """How long one probe may take, 1 ms to 168 h; then it counts as failed."""


class StrategyOptions(StrategyDocument, RulesAndClock, total=False):
    """Everything that an ``AdvancedCircuitBreaker`` may be given beside its name."""
