"""The rungs of a fallback: their names, which are the document's, and what answers by them."""

from __future__ import annotations

from _contextvars import ContextVar

from ._errors import UnknownBreakerError, invalid
from ._native import Breaker, fallback_of, rungs_of
from ._policies import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ._breaker import CircuitBreaker
    from ._native import GuardedFunction

__all__ = ["Constant"]

#: The breakers that are in the middle of asking a rung in the present call, the outermost first.
_asking: ContextVar[tuple[Breaker, ...]] = ContextVar("fusewire.asking", default=())


#: The options that may hold what makes a table, such as a ``BackoffConfig``.
_TABLES = ("retry", "features", "rate_limit")

#: Among the rungs of a function: the names of those that it falls back on, of all that the breaker's functions do.
CHAIN = "\0chain"


class NotOurs(LookupError):
    """The rung is one of other functions of the breaker."""


class Constant:
    """A rung that answers with one ``value``, whatever it is: ``fallback=[load_from_disk, Constant("none")]``. Of a number, a
    list, a dict, ``None`` and other values that are no function and no text, the value itself is such a rung."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    @property
    def value(self) -> Any:
        """What it answers."""
        return self._value

    def __repr__(self) -> str:
        return f"Constant({self._value!r})"


def named(given: Iterable[Any]) -> tuple[list[str], dict[str, Any]]:
    """The names of rungs, as a document has them, and what answers by those that are no names themselves."""
    names: list[str] = []
    rungs: dict[str, Any] = {}
    for rung in given:
        if isinstance(rung, str):
            names.append(rung)
            continue
        # A function may be called as the rung of kept values is.
        name = _free(_name_of(rung), {"cache": None, **dict.fromkeys(names)})
        names.append(name)
        rungs[name] = rung
    return names, rungs


def check_names(given: object) -> None:
    """Where a document changes there are names alone: what answers by them is told when the breaker is made."""
    for rung in given if isinstance(given, (list, tuple)) else ():
        if not isinstance(rung, str):
            raise invalid(
                "fallback", rung, "the name of a rung: functions and constants are given when the breaker is made"
            )


def take(options: dict[str, Any]) -> None:
    """Puts the names in the place of a list of rungs, and what answers by them into ``rungs``."""
    given = options.get("fallback")
    if not isinstance(given, (list, tuple)):
        return
    names, rungs = named(given)
    options["fallback"] = names
    if rungs:
        rungs[CHAIN] = tuple(names)
    if rungs or options.get("rungs") is not None:
        options["rungs"] = {**(options.get("rungs") or {}), **rungs}


def joined(breaker: Breaker, names: list[str]) -> list[str]:
    """The rungs that the breaker has, and these: what other functions fall back on stays theirs."""
    known = names_of(breaker)
    both = known + [name for name in names if name not in known]
    places = [both.index(name) for name in names]
    if places != sorted(places):
        raise invalid("fallback", names, f"the rungs of circuit breaker '{breaker.name}' in their order: {known}")
    return both


def names_of(breaker: Breaker) -> list[str]:
    """The names of the rungs that the breaker has."""
    from json import loads

    return list(loads(breaker.document()).get("fallback") or [])


def check_rungs(breaker: Breaker, native: GuardedFunction[..., Any], function: Any, is_async: bool) -> None:
    """Each rung that the function falls back on has something that answers, and that it can wait for."""
    from ._decorator import is_coroutine_function

    called = getattr(function, "__qualname__", None) or repr(function)
    rungs = dict(rungs_of(native) or {})
    chain = rungs.pop(CHAIN, None)
    own = [name for name in names_of(breaker) if chain is None or name in chain]
    for name in own:
        if name != "cache" and name not in rungs:
            raise invalid(
                "fallback",
                name,
                f"a rung that something answers by, and for {called} nothing does: write rungs={{{name!r}: ...}} beside it, "
                "a function or a constant, or give it a breaker of its own",
            )
    answers = [rungs[name] for name in own if name in rungs] + [fallback_of(native)]
    for rung in answers if not is_async else ():
        if rung is not None and is_coroutine_function(rung):
            allowed = f"a plain function: {called} is one, and awaits nothing"
            raise invalid("fallback", getattr(rung, "__qualname__", rung), allowed)


def taken_apart(options: Mapping[str, object]) -> Mapping[str, object]:
    """The options, with the names of rungs in the place of a list of them, and tables in the place of what makes them."""
    own = {key: plain(value) if key in _TABLES else value for key, value in options.items()}
    take(own)
    return own


def _name_of(rung: Any) -> str:
    breaker = getattr(rung, "breaker", None)
    if breaker is not None:
        return f"breaker:{breaker.name}"
    if not callable(rung):
        return "constant"
    found = getattr(rung, "__name__", None) or getattr(getattr(rung, "func", None), "__name__", None)
    return str(found or type(rung).__name__)


def _free(name: str, taken: Mapping[str, Any]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"


class Asking:
    """While a rung of the breaker is asked: no breaker that this leads to falls back on it."""

    __slots__ = ("_before", "_breaker")

    def __init__(self, breaker: Breaker) -> None:
        self._breaker = breaker

    def __enter__(self) -> None:
        self._before = _asking.get()
        _asking.set((*self._before, self._breaker))

    def __exit__(self, *_error: object) -> None:
        # No token: the call may have been carried on in another context.
        _asking.set(self._before)


def answer_of(
    breaker: Breaker, rungs: Mapping[str, Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """What the rung of that name answers, while the breaker is asking; raises when it cannot."""
    try:
        rung = rungs[name]
    except KeyError:
        raise LookupError(
            f"nothing answers by the rung {name!r} of circuit breaker '{breaker.name}': write rungs={{{name!r}: ...}}, "
            "a function or a constant"
        ) from None
    if not callable(rung):
        return rung.value if isinstance(rung, Constant) else rung
    if name.startswith("breaker:"):
        other = getattr(rung, "breaker", None)
        if other is None:
            other, rung = _through(name[len("breaker:") :], rung)
        if isinstance(other, Breaker):
            other._check_descent(_asking.get())
    return rung(*args, **kwargs)


def _through(name: str, function: Any) -> tuple[CircuitBreaker, Any]:
    """The breaker of that name, and the function guarded by it."""
    from ._decorator import guard
    from ._registry import registry

    breaker: CircuitBreaker | None = registry.get(name)
    if breaker is None:
        raise UnknownBreakerError(name, f"there is no circuit breaker '{name}' in fusewire.registry")
    return breaker, guard(breaker, function, {})
