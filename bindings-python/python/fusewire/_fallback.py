"""The rungs of a fallback: their names, which are the document's, and what answers by them."""

from __future__ import annotations

from contextvars import ContextVar

from ._errors import UnknownBreakerError, invalid
from ._native import Breaker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ._breaker import CircuitBreaker

__all__ = ["Constant"]

#: The breakers that are in the middle of asking a rung in the present call, the outermost first.
_asking: ContextVar[tuple[Breaker, ...]] = ContextVar("fusewire.asking", default=())


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
        name = _free(_name_of(rung), rungs)
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
    if rungs or options.get("rungs") is not None:
        options["rungs"] = {**(options.get("rungs") or {}), **rungs}


def taken_apart(options: Mapping[str, object]) -> Mapping[str, object]:
    """The options, with the names of rungs in the place of a list of them."""
    if not isinstance(options.get("fallback"), (list, tuple)):
        return options
    own = dict(options)
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
