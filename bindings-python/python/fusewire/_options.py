"""The types of options. Imported by type checkers alone: what is allowed, and every default, the core knows.

Defaults, and how keys go together: https://github.com/fusewire/fusewire/blob/main/docs/configuration.md
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any, Literal, TypedDict, Union

from typing_extensions import Required

from ._events import PolicyEvent, Transition
from ._native import ManualClock
from ._policies import PriorityConfig, RateLimitConfig
from ._recovery import BackoffConfig, ExponentialBackoffPattern, FallbackChain, PartialRecoveryPattern
from ._recovery_options import Cache, Feature, Hedge, PercentileTimeout, Retry
from ._state import Mode, Priority

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

#: A function that hears of changes of policies.
PolicyListener = Callable[[PolicyEvent], None]

StateName = Literal["closed", "open", "half_open"]
ModeName = Literal["auto", "shadow", "forced_open", "forced_closed"]
Reason = Literal[
    "open",
    "half_open_full",
    "ramp",
    "forced_open",
    "shed",
    "rate_limited",
    "bulkhead_full",
    "queue_timeout",
    "limit_reached",
    "closed",
    "feature_disabled",
]
LevelName = Literal["bulk", "low", "normal", "high", "critical"]
#: A level, its name, or a number from 0 to 100, which is the next lower level.
Level = Union[Priority, LevelName, int]

#: A whole number from 1 up.
Cost = int

#: Seconds on the breaker's clock, which is that of ``time.monotonic()``.
Instant = float

#: How a service comes back, in the reference's words.
RecoveryPattern = Union[ExponentialBackoffPattern, PartialRecoveryPattern, FallbackChain]

#: A function that answers in place of a call that is turned away, or a list of rungs: functions, names, constants.
Fallback = Union[Callable[..., Any], list[Any], tuple[Any, ...]]

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


ByLevelDuration = Union[Duration, dict[LevelName, Duration]]


class AdaptiveRate(TypedDict, total=False):
    """A rate that follows the outcomes."""

    min: float | None
    """Least rate, 0.001 to ``rate``, a second."""
    max: float | None
    """Greatest rate, ``rate`` to 1,000,000, a second."""
    scale: float | None
    """Factor of a change, above 1 and up to 10."""
    cooldown: Duration | None
    """How long a rate holds at least, 1 ms to 24 h."""
    lower_above: float | None
    """Share of failures above which the rate is lowered."""
    raise_below: float | None
    """Share of failures below which it is raised, if calls were refused or paced; below ``lower_above``."""


class RateLimit(TypedDict, total=False):
    """How fast calls may come."""

    algorithm: Literal["token_bucket", "leaky_bucket", "fixed_window", "sliding_window"] | None
    rate: float | None
    """Of a bucket: calls a second, 0.001 to 1,000,000."""
    burst: int | None
    """Of a token bucket: tokens that it holds, 1 to 1,000,000."""
    reserve: dict[LevelName, int] | None
    """Of a token bucket: tokens that lower levels may not use, by level; together below ``burst``."""
    max_wait: Duration | None
    """Of a leaky bucket: how long a call may wait for its turn, 0 to 1 h."""
    limit: int | None
    """Of a window: calls in it, 1 to 1,000,000,000 (sliding: to 65,536)."""
    window: Duration | None
    """Of a window: its length, 1 ms to 24 h."""
    adaptive: AdaptiveRate | None
    """Of a bucket: lets the rate follow the outcomes; ``{}`` turns it on."""


class PriorityRules(TypedDict, total=False):
    """Who is let in when not all are."""

    min: LevelName | int | None
    """Calls below this level are refused."""
    half_open_min: LevelName | int | None
    """Calls below this level do not probe."""
    open_bypass: LevelName | int | None
    """Calls from this level up pass an open breaker."""


class _Queue(TypedDict, total=False):
    max_queue: int | None
    """Calls that may wait for a slot, 0 to 1,000,000."""
    queue_timeout: ByLevelDuration | None
    """How long a call waits at most, 1 ms to 1 h: for all, or by level."""


class Bulkhead(_Queue, total=False):
    """How many calls may run at the same time."""

    max_concurrent: Required[int]
    """Slots, 1 to 1,000,000; with ``reserved`` to 4,095."""
    reserved: dict[LevelName, int] | None
    """Slots that are kept for a level, by level; together at most ``max_concurrent``."""


class ConcurrencyLimit(_Queue, total=False):
    """A bound of the calls in flight that finds itself."""

    kind: Literal["aimd", "gradient"] | None
    initial: int | None
    """The limit at first, ``min`` to ``max``."""
    min: int | None
    """The least limit, 1 to 100,000."""
    max: int | None
    """The greatest limit, 1 to 100,000."""
    backoff_ratio: float | None
    """Of ``"aimd"``: factor after a failure, 0.5 and below 1."""
    tolerance: float | None
    """Of ``"gradient"``: how much slower calls may be than they usually are, 1 to 10."""
    queue: int | None
    """Of ``"gradient"``: by how many calls it grows, 0 to 1,000."""
    smoothing: float | None
    """Of ``"gradient"``: how fast it moves, above 0 and up to 1."""
    long_window: int | None
    """Of ``"gradient"``: over how many batches it learns what is usual, 10 to 100,000."""
    reserved: dict[LevelName, float] | None
    """Shares of the limit that are kept for a level, by level; together at most 1."""


class _EveryDocument(TypedDict, total=False):
    retry: Retry | None
    """Try a call that failed once more; ``{}`` turns it on."""
    cache: Cache | None
    """Values of earlier calls may answer those that name the same key; ``{}`` turns it on."""
    hedge: Hedge | None
    """Begin another attempt beside one that takes long; ``{}`` turns it on."""
    features: dict[str, Feature] | None
    """The features of the service, by name: each recovers, and is turned off, by itself."""
    rate_limit: RateLimit | None
    """How fast calls may come."""
    bulkhead: Bulkhead | None
    """How many calls may run at the same time, and how many wait. Not beside ``concurrency_limit``."""
    concurrency_limit: ConcurrencyLimit | None
    """A bound of the calls in flight that finds itself."""
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


class _Names(TypedDict, total=False):
    fallback: list[str] | tuple[str, ...] | None
    """The names of the rungs that answer, in this order, when the call does not."""


class _OwnDocument(TypedDict, total=False):
    timeout: Duration | PercentileTimeout | None
    """How long a call may take, 1 ms to 24 h, or how that is learned."""
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
class _DocumentButCalls(_OwnDocument, _EveryDocument, total=False):
    """All keys of the document but two, which calls have too."""


class _DocumentButFallback(_DocumentButCalls, total=False):
    priority: PriorityRules | None
    """Who is let in when not all are."""


class Document(_DocumentButFallback, _Names, total=False):
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
    fallback: Fallback | None
    """Called in place of a call that is turned away, with the same arguments; or a list of rungs, for calls that fail too."""
    fall_back_on: Matcher | None
    """Failures that rungs answer for; all of them where none is named."""
    rungs: dict[str, Any] | None
    """Functions and constants, by the names of rungs."""


class RulesAndClock(Rules, total=False):
    """The options that are in no document."""

    clock: ManualClock | None
    """For tests."""


class Options(_DocumentButFallback, RulesAndClock, total=False):
    """Everything that a ``CircuitBreaker`` may be given."""


class _OfCalls(TypedDict, total=False):
    cost: Cost | Callable[..., Cost] | None
    """How much of the rate limit a call takes, or a function of its arguments."""
    feature: str | Callable[..., str | None] | None
    """Of the breaker's features, the one that the call is of, or a function of its arguments."""
    method: str | Callable[..., str | None] | None
    """Its method, such as ``"GET"``, or a function of its arguments."""
    idempotent: bool | Callable[..., bool] | None
    """Whether it may be made more than once whatever its method, or a function of its arguments."""
    once: bool | Callable[..., bool] | None
    """Whether it cannot be made more than once, whatever its method: neither retried nor hedged. Or a function of its arguments."""
    key: str | Callable[..., str | None] | None
    """Under what its value is cached, or a function of its arguments."""


class DecoratorOptions(_DocumentButCalls, RulesAndClock, _OfCalls, total=False):
    """Everything that ``@circuit_breaker`` may be given beside a breaker."""

    priority: PriorityRules | Level | Callable[..., Level] | None
    """The calls' level, or a function of their arguments; a mapping is the document's table."""


class PolicyOptions(Rules, _OfCalls, total=False):
    """Everything that ``CircuitBreaker.policy`` may be given."""

    timeout: Duration | PercentileTimeout | None
    """How long a call may take, 1 ms to 24 h, or how that is learned."""
    retry: Retry | None
    """Try a call that failed once more; ``{}`` turns it on."""
    cache: Cache | None
    """Values of earlier calls may answer those that name the same key; ``{}`` turns it on."""
    hedge: Hedge | None
    """Begin another attempt beside one that takes long; ``{}`` turns it on."""
    features: dict[str, Feature] | None
    """The features of the service, by name: each recovers, and is turned off, by itself."""
    priority: Level | Callable[..., Level] | None
    """The calls' level, or a function of their arguments."""


class AdapterOptions(_DocumentButCalls, _OfErrors, total=False):
    """The options of breakers that an adapter of an HTTP client makes."""

    priority: PriorityRules | Callable[[Any], Level | None] | None
    """The level of a request, as a function of it; a mapping is the document's table."""
    feature: str | Callable[[Any], str | None] | None
    """Of which of the breakers' ``features`` a request is, or a function of it."""
    clock: ManualClock | None
    """For tests."""


class _EveryStrategy(_EveryDocument, total=False):
    call_timeout: Duration | PercentileTimeout | None
    """How long a call may take, or how that is learned: ``timeout`` elsewhere."""
    rate_limit_config: RateLimitConfig | None
    """For ``rate_limit``, in the reference's words."""
    priority_config: PriorityConfig | None
    """For ``priority`` and ``bulkhead``, in the reference's words."""
    backoff_config: BackoffConfig | None
    """For ``retry.backoff``, in the reference's words."""
    recovery_pattern: RecoveryPattern | list[RecoveryPattern] | None
    """For ``features``, ``recovery_timeout`` and ``backoff``, or ``fallback``, in the reference's words."""
    priority: PriorityRules | None
    """Who is let in when not all are."""
    window: StrategyWindow | None
    """What the strategy's window is told beside its ``kind``."""


class StrategyRest(_EveryStrategy, RulesAndClock, total=False):
    """The options of an ``AdvancedCircuitBreaker`` that its signature does not name."""


class _StrategyArguments(_EveryStrategy, total=False):
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


class StrategyDocument(_StrategyArguments, _Names, total=False):
    """What ``AdvancedCircuitBreaker`` makes a document of."""


class StrategyOptions(_StrategyArguments, RulesAndClock, total=False):
    """Everything that an ``AdvancedCircuitBreaker`` may be given beside its name."""
