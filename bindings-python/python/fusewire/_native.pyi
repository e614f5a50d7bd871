"""The native part. Import `fusewire` instead: what is here is the package's own, but for `Permit` and `ManualClock`."""

from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping, Sequence
from datetime import timedelta
from types import CodeType, FrameType, TracebackType
from typing import Any, Generic, Literal, TypeVar, final
from weakref import ReferenceType

from typing_extensions import ParamSpec, Self, disjoint_base

from ._breaker import CircuitBreaker
from ._errors import CircuitOpenError
from ._events import Listeners
from ._options import Cost, Duration, Failure, Instant, Level, LevelName, ModeName, Reason, Settled, StateName
from ._state import Mode

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")

__all__ = [
    "METRICS_CONTENT_TYPE",
    "TIMEOUT",
    "Attempts",
    "Breaker",
    "Call",
    "Done",
    "GuardedCoroutine",
    "GuardedFunction",
    "ManualClock",
    "NativeRegistry",
    "Permit",
    "Use",
    "Wait",
    "__version__",
    "acquire_for",
    "attempts_for",
    "fallback_of",
    "guard_function",
    "hear_rejections",
    "level_name",
    "rejection_message",
    "require_main_interpreter",
    "rungs_of",
    "schema",
    "timeout_message",
]

__version__: str
METRICS_CONTENT_TYPE: str
TIMEOUT: str

def require_main_interpreter() -> None: ...
def schema() -> str:
    """The JSON schema (draft 2020-12) of the configuration document, for editors and checks before a release."""

def rejection_message(breaker: str, reason: str, retry_after: float | None) -> str: ...
def timeout_message(breaker: str, limit: float) -> str: ...
def hear_rejections(is_heard: bool) -> None: ...
def level_name(given: object) -> LevelName: ...
def guard_function(
    breaker: Breaker, function: Callable[_P, _R], is_async: bool, options: Mapping[str, object]
) -> GuardedFunction[_P, _R]: ...
def acquire_for(
    owner: GuardedFunction[..., Any] | Breaker, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Permit: ...
def fallback_of(owner: GuardedFunction[..., Any] | Breaker) -> Callable[..., Any] | None: ...
def rungs_of(owner: GuardedFunction[..., Any] | Breaker) -> dict[str, Any] | None: ...
def attempts_for(
    owner: GuardedFunction[..., Any] | Breaker, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Attempts | None: ...

@disjoint_base
class Breaker:
    # The options are a dict; a TypedDict is no dict to a checker.
    def __new__(
        cls,
        name: str,
        options: Mapping[str, object],
        document: str | Mapping[str, object] | None = None,
        registry: NativeRegistry | None = None,
    ) -> Self: ...
    @property
    def name(self) -> str:
        """The name, for people and metrics."""

    @property
    def state_name(self) -> StateName: ...
    @property
    def mode(self) -> str:
        """Who decides: the name of a `Mode`."""

    def is_same(self, other: Breaker) -> bool:
        """Whether both are the same breaker of a registry."""

    @property
    def _is_gated(self) -> bool: ...
    def acquire(
        self,
        *,
        priority: Level | None = None,
        cost: Cost | None = None,
        deadline: Instant | None = None,
        feature: str | None = None,
        method: str | None = None,
        idempotent: bool | None = None,
        once: bool | None = None,
        key: str | None = None,
        wait: bool = True,
    ) -> Permit:
        """Asks for a permit to call; settle it once.

        Where calls wait in a queue, the thread waits here; in an event loop such a permit is to be awaited or entered, and
        asks then. With `wait=False` it never waits. `priority`: a `Priority`, its name, or a number from 0 to 100; `cost`:
        how much of a rate limit the call takes, from 1 up; `deadline`: an instant of the breaker's clock, as
        `time.monotonic()` tells it, from which on the call is of no use; `feature`: of the document's `features`, the one that
        the call is of; `method`, `idempotent`, `once` and `key` matter to calls that are retried or cached.

        Raises `CircuitOpenError`, or what extends it, when the call is turned away; `RequestError` when an argument is
        wrong.
        """

    def try_acquire(
        self,
        *,
        priority: Level | None = None,
        cost: Cost | None = None,
        deadline: Instant | None = None,
        feature: str | None = None,
        method: str | None = None,
        idempotent: bool | None = None,
        once: bool | None = None,
        key: str | None = None,
    ) -> Permit | None:
        """As `acquire`, but never waits, and `None` when the call is turned away."""

    def attempts(
        self,
        *,
        priority: Level | None = None,
        cost: Cost | None = None,
        deadline: Instant | None = None,
        feature: str | None = None,
        method: str | None = None,
        idempotent: bool | None = None,
        once: bool | None = None,
        key: str | None = None,
    ) -> Attempts:
        """Begins a call that is made step by step: retries with their waits, timeouts, and the rungs that answer when it
        fails. It says what is to be done, and does none of it but asking for permits. The arguments are those of `acquire`.
        Raises `RequestError` when one is wrong."""

    @property
    def _has_course(self) -> bool: ...
    @property
    def _rungs(self) -> list[str]: ...
    def set_utilisation(self, to: float) -> None:
        """Reports how much of the host's resources is used, 0 to 1, for retries whose backoff is `"resource_sensitive"`.
        Raises `ConfigError` when it is no share."""

    def call(self, function: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Calls the function under the breaker.

        A result is a success, an exception a failure, unless the rules say otherwise. Raises `CircuitOpenError` when the
        call is turned away.
        """

    def call_async(
        self, function: Callable[_P, Awaitable[_T]], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> Coroutine[Any, Any, _T]:
        """Calls the coroutine function under the breaker, when it is awaited."""

    def record(self, error: BaseException | None = None) -> None:
        """Records the outcome of a call that asked for no permit: a success, or what `error` counts as. While closed it
        counts like any other, otherwise in the totals only."""

    def record_failed(self, error_type: str | None = None) -> None: ...
    def trip(self, duration: Duration | None = None, *, actor: str | None = None, reason: str | None = None) -> None:
        """Opens the breaker from any state: for `duration` seconds (1 ms to 168 h) or, without one, for as long as an
        opening lasts now. Raises `ConfigError` when it is out of range."""

    def half_open(self, *, actor: str | None = None, reason: str | None = None) -> None:
        """Lets the next calls probe, from any state."""

    def reset(self, *, actor: str | None = None, reason: str | None = None) -> None:
        """Closes the breaker, from any state, and ends the row of openings."""

    def set_mode(self, mode: Mode | ModeName, *, actor: str | None = None, reason: str | None = None) -> None:
        """Sets the mode; setting the one that is set does nothing. Raises `ConfigError` when there is no such mode."""

    def set_min_priority(self, to: Level, *, actor: str | None = None, reason: str | None = None) -> bool:
        """Sets the lowest level that is let in; whether it is another. It holds until a document says another one. Raises
        `RequestError` for no level, and `ConfigError` when the document has no `priority`."""

    def _set_slots(self, table: dict[str, object], actor: str | None, reason: str | None) -> bool: ...
    def set_rate(self, to: float, *, actor: str | None = None, reason: str | None = None) -> bool:
        """Sets the rate of a token or leaky bucket, in calls a second, or the limit of a window; whether it is another. It
        holds until a document says another one. Raises `ConfigError`."""

    def set_limit(self, to: int, *, actor: str | None = None, reason: str | None = None) -> bool:
        """Sets the concurrency limit, from which it goes on to find itself; whether it is another. Raises
        `ConfigError`."""

    def close(self, *, actor: str | None = None, reason: str | None = None) -> bool:
        """Ends the breaker's life: whoever comes or waits is turned away with the reason `closed`. Calls in flight settle.
        Whether it lived."""

    def poll(self) -> None:
        """Carries out what is due without asking for a permit."""

    def document(self) -> str:
        """The configuration with its defaults filled in, as JSON text."""

    def metrics(self) -> str:
        """Its metrics as OpenMetrics 1.0 text."""

    def listen(self, listeners: ReferenceType[Listeners]) -> None: ...
    def listen_policies(self, listeners: ReferenceType[Listeners]) -> None: ...
    def _reconfigure(
        self,
        options: Mapping[str, object],
        document: str | Mapping[str, object] | None,
        actor: str | None,
        reason: str | None,
    ) -> bool: ...
    def _cache_vacant(self) -> tuple[int, list[int], int] | None: ...
    def _check_descent(self, asking: Sequence[Breaker]) -> None: ...
    def _snapshot(self) -> dict[str, Any]: ...

@final
class Permit:
    """Leave to make one call. Settle it once with what came of the call; `with` settles it by what the block raises.

    A permit that is let go unsettled counts as ignored, or as a failure when it lasted at least `cancelled_after`. Any
    thread may settle it.
    """

    @property
    def breaker(self) -> CircuitBreaker:
        """The breaker that gave it."""

    @property
    def would_reject(self) -> Reason | None:
        """In mode `shadow`: why the call would have been rejected."""

    @property
    def bypassed(self) -> bool:
        """Whether the call is made although the breaker turns others away: `priority.open_bypass`."""

    @property
    def wait(self) -> float:
        """Seconds to wait before the call is made: a leaky bucket paces calls. 0.0 for any other. A block waits by
        itself."""

    @property
    def timeout(self) -> float | None:
        """Seconds that the call may take: `timeout`, or what is left until the call's deadline where that is less; `None`
        when there is no limit. A success after that counts as a failure of type `timeout`."""

    @property
    def waiting(self) -> bool:
        """Whether it has no slot yet: it waits for one, or is to be awaited."""

    @property
    def settled(self) -> bool:
        """Whether it was settled."""

    def raise_priority(self, to: Level) -> None:
        """Lets the call wait at the end of a higher level, with the deadline that it has. A level that is not higher, and a
        permit that waits no more, change nothing."""

    def _ask(self) -> bool: ...
    def _ask_now(self) -> None: ...
    def _poll(self, ring: Callable[[], object]) -> bool: ...
    def _left(self) -> float: ...
    def _expire(self) -> bool: ...
    def _give_up(self) -> None: ...
    def _let_go(self) -> None: ...
    def _take_pause(self) -> float: ...
    def __await__(self) -> Generator[Any, Any, Self]:
        """Waits for its slot, in an event loop."""

    def __aenter__(self) -> Coroutine[Any, Any, Self]: ...
    def __aexit__(
        self,
        _class: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
        /,
    ) -> Coroutine[Any, Any, None]: ...
    def success(self, *, duration: float | timedelta | None = None) -> Settled:
        """The dependency did what it should. `duration` in seconds, where the caller measured it.

        Like the other two it answers "late" when the breaker has moved on since, otherwise "ok", and raises
        `AlreadySettledError` when the permit was settled before.
        """

    def failure(
        self,
        error: Failure = None,
        *,
        duration: float | timedelta | None = None,
    ) -> Settled:
        """The dependency failed. `error` is the exception, its class, or a text under which it is counted."""

    def ignore(self, *, duration: float | timedelta | None = None) -> Settled:
        """The call says nothing about the dependency."""

    def settle(self, error: BaseException | None = None) -> bool:
        """Settles it as a call that returned, or raised `error`, counts under the rules; `False`, and nothing else, when
        it was settled already."""

    def settle_result(self, result: object) -> None:
        """Settles it as a call that returned `result` counts under the rules; once settled, does nothing."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        _class: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
        /,
    ) -> Literal[False]: ...

@final
class Call:
    """A step: make the call, then settle the attempt."""

    __match_args__: list[str]
    @property
    def attempt(self) -> int:
        """The attempt's number, from 1: how often the breaker was asked."""

    @property
    def timeout(self) -> float | None:
        """Seconds that it may take; `None` when there is no limit. End it then, and settle it as `failure("timeout")`."""

@final
class Wait:
    """A step: wait so long, then ask again."""

    __match_args__: list[str]
    @property
    def seconds(self) -> float:
        """How long."""

@final
class Use:
    """A step: answer from a rung, then tell whether it has `answered`."""

    __match_args__: list[str]
    @property
    def rung(self) -> str:
        """`"cache"`, `"breaker:<name>"`, or the name of a function or constant."""

@final
class Done:
    """The last step: it is over."""

    __match_args__: list[str]
    @property
    def outcome(self) -> Literal["success", "failure", "ignored", "rejected"]:
        """Of the last attempt that ran, `"success"` when a rung has answered, `"rejected"` when nothing ran."""

    @property
    def rung(self) -> str | None:
        """The rung that has answered: the answer is degraded."""

    @property
    def attempts(self) -> int:
        """How often the breaker was asked."""

    @property
    def rejected(self) -> Reason | None:
        """Why the last attempt was turned away, if it was."""

    @property
    def retry_after(self) -> float | None:
        """Seconds until that answer can differ, if that is known."""

    @property
    def error_type(self) -> str | None:
        """Of the last attempt that failed."""

@final
class Attempts:
    """A call that is made step by step; `CircuitBreaker.attempts` begins one.

    `next()` says what is to be done; `success`, `failure`, `ignore` or `settle` tell how an attempt ended, `answered` whether a
    rung has answered. An iteration goes from step to step and ends when the call is over, without `Done`. As a context manager
    it lets go of the permit of an attempt that is under way when the block ends. Any thread may go on with it, one at a time.
    """

    @property
    def breaker(self) -> CircuitBreaker:
        """The breaker."""

    @property
    def key(self) -> str | None:
        """Under what the call's value is cached, if it is."""

    def next(self) -> Call | Wait | Use | Done:
        """What is to be done now: a `Call`, a `Wait`, a `Use` or `Done`. Asks the breaker when it is time to, and never
        waits itself. Asked again before anything was done it answers the same; of a `Wait`, what is left of it."""

    def success(self, *, duration: float | timedelta | None = None) -> Settled:
        """The attempt did what it should. `duration` in seconds, where the caller measured it. Answers `"late"` when the
        breaker has moved on since, otherwise `"ok"`; raises `AlreadySettledError` when no attempt is under way."""

    def failure(
        self,
        error: Failure = None,
        *,
        status: int | None = None,
        retry_after: float | timedelta | None = None,
        duration: float | timedelta | None = None,
        fall_back: bool = True,
    ) -> Settled:
        """The attempt failed. `error`: the exception, its class, or the core's name of the error; `status`: of an HTTP
        answer; `retry_after`: seconds that the dependency asks to wait; `fall_back=False`: no rung answers in its place."""

    def ignore(self, error: Failure = None, *, duration: float | timedelta | None = None) -> Settled:
        """The attempt says nothing about the dependency: it is not tried once more, and nothing answers in its place.
        `error`: as for `failure`; it is told when the call is over."""

    def settle(self, error: BaseException | None = None) -> bool:
        """Settles the attempt as one that returned, or raised `error`, counts under the rules. `False` when it was
        cancelled: its permit is let go, and nothing more is to be done."""

    def settle_result(self, result: object) -> None:
        """Settles the attempt as one that returned `result` counts under the rules."""

    def answered(self, has_answered: bool = True) -> None:
        """Whether the rung that was to be used has answered."""

    def close(self) -> None:
        """Gives it up: the permit of an attempt that is under way is let go. Nothing when it is over."""

    def _next(self) -> Call | Wait | Use | Done | None: ...
    def _permit(self) -> Permit: ...
    def _take(self, permit: Permit) -> None: ...
    def _rejection(self) -> CircuitOpenError | None: ...
    def _cache_fresh(self) -> tuple[int, int] | None: ...
    def _cache_any(self) -> tuple[int, int] | None: ...
    def _cache_store(self) -> tuple[int, int, int] | None: ...
    def _join(self) -> tuple[int, bool] | None: ...
    def _land(self, ticket: int) -> list[int]: ...
    def _leave(self, ticket: int) -> list[int]: ...
    def _hedge_after(self) -> float | None: ...
    def _hedge(self) -> Permit | None: ...
    def _primary_failed(self, error: BaseException) -> bool: ...
    def _primary_timed_out(self) -> None: ...
    def _is_failure(self, result: object) -> bool: ...
    def _returned_failure(self, result: object, goes_on: bool) -> None: ...
    def _hedge_won(self, permit: Permit) -> None: ...
    @property
    def _whole_key(self) -> str | None: ...
    def _left(self) -> float | None: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> Call | Wait | Use: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        _class: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
        /,
    ) -> Literal[False]: ...

@final
class ManualClock:
    """A clock that moves only when it is told to."""

    def __new__(cls) -> Self: ...
    def advance(self, by: float | timedelta) -> None:
        """Moves the clock forward by seconds, or a `timedelta`."""

    def now(self) -> float:
        """Seconds since the clock's zero."""

@final
class NativeRegistry:
    def __new__(
        cls, clock: ManualClock | None = None, duration_bounds: Sequence[float | timedelta] | None = None
    ) -> Self: ...
    def require(self, name: str) -> None: ...
    def remove(self, name: str) -> bool: ...
    def metrics(self) -> str: ...

@final
class GuardedFunction(Generic[_P, _R]):
    __wrapped__: Callable[_P, _R]
    @property
    def breaker(self) -> CircuitBreaker: ...
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R: ...
    # What shows through of the function.
    @property
    def __builtins__(self) -> dict[str, Any]: ...
    @property
    def __closure__(self) -> tuple[Any, ...] | None: ...
    @property
    def __code__(self) -> CodeType: ...
    @property
    def __defaults__(self) -> tuple[Any, ...] | None: ...
    @property
    def __globals__(self) -> dict[str, Any]: ...
    @property
    def __kwdefaults__(self) -> dict[str, Any] | None: ...
    @property
    def __type_params__(self) -> tuple[Any, ...]: ...

@final
class GuardedCoroutine(Coroutine[Any, Any, _T]):
    def send(self, value: Any, /) -> Any: ...
    def throw(self, *args: Any) -> Any: ...
    def close(self) -> None: ...
    def __await__(self) -> Any: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> Any: ...
    # What shows through of the coroutine.
    @property
    def __name__(self) -> str: ...
    @property
    def __qualname__(self) -> str: ...
    @property
    def cr_await(self) -> Any: ...
    @property
    def cr_code(self) -> CodeType: ...
    @property
    def cr_frame(self) -> FrameType | None: ...
    @property
    def cr_origin(self) -> tuple[tuple[str, int, str], ...] | None: ...
    @property
    def cr_running(self) -> bool: ...
    @property
    def cr_suspended(self) -> bool: ...
