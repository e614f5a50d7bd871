"""The reference's strategies, and the arguments that go with them, in the core's words."""

from __future__ import annotations

from ._breaker import CircuitBreaker
from ._errors import ConfigError, invalid
from ._policies import renamed, take_configs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    from ._options import StrategyType

    T = TypeVar("T")

#: The strategies that exist, with the kind of window that each judges by.
KINDS: dict[StrategyType, str | None] = {
    "basic": None,
    "count_window": "count",
    "time_window": "time",
    "adaptive": "adaptive",
    "gradual": None,
}

#: What always has another name here.
_RENAMED = {"recovery_timeout": "timeout", "name": "service_id"}

#: The keys that errors tell otherwise.
_TOLD = {**_RENAMED, "timeout": "call_timeout"}


class Default(int):
    """A default that gives way when another argument makes it impossible."""


class Arguments:
    """The arguments of an ``AdvancedCircuitBreaker``, as the core's options and with the way back for errors."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        for key, own in _RENAMED.items():
            if given.get(key) is not None:
                raise invalid(key, given[key], f"absent: it is called {own} here")
        self.given = dict(given)
        self.configs = take_configs(self.given)
        self.strategy = self.given.pop("strategy_type")
        if not isinstance(self.strategy, str) or self.strategy not in KINDS:
            raise invalid("strategy_type", self.strategy, "one of " + ", ".join(KINDS))
        self.failures = self.given.pop("failure_threshold")
        self.successes = self.given.pop("success_threshold")
        #: The core's options.
        self.options = self.given
        #: The core's keys that come from an argument of another name.
        self.names = dict(_TOLD)
        self.options["recovery_timeout"] = self.options.pop("timeout")
        if self.options.get("call_timeout") is not None:
            self.options["timeout"] = self.options["call_timeout"]
        self.options.pop("call_timeout", None)
        self._say_successes()
        self._say_failures()

    def told(self, make: Callable[[dict[str, Any]], T]) -> T:
        """``make(options)``; an error of it is told in the names of the arguments."""
        try:
            return make(self.options)
        except ConfigError as error:
            raise self._renamed(error) from None

    def _say_successes(self) -> None:
        probes = self.options.get("half_open_max_calls")
        if probes is None:
            self.options["half_open_max_calls"] = self.successes
            self.names["half_open_max_calls"] = "success_threshold"
        elif not self._gives_way_to(probes):
            self.options["success_threshold"] = self.successes

    def _gives_way_to(self, probes: object) -> bool:
        return isinstance(self.successes, Default) and isinstance(probes, (int, float)) and probes < self.successes

    def _say_failures(self) -> None:
        kind = KINDS[self.strategy]
        if kind is None:
            if self.options.get("window") is not None:
                windows = " or ".join(f"'{name}'" for name, of in KINDS.items() if of)
                allowed = f"absent beside '{self.strategy}': write strategy_type={windows}"
                raise invalid("window", self.options["window"], allowed)
            self.options["failure_threshold"] = self.failures
            if self.strategy == "gradual" and self.options.get("ramp") is None:
                self.options["ramp"] = {}
            return
        self._say_window(kind)

    def _say_window(self, kind: str) -> None:
        window = self.options.get("window")
        if window is None:
            window = {}
        if not hasattr(window, "items"):
            raise invalid("window", window, "a mapping, such as {'failure_rate': 0.3}")
        window = {key: value for key, value in window.items() if value is not None}
        if window.setdefault("kind", kind) != kind:
            raise invalid("window.kind", window["kind"], f"'{kind}' with strategy_type='{self.strategy}'")
        self.options["window"] = window
        key = "min_failures" if kind == "adaptive" else "min_calls"
        if key in window:
            return
        if key == "min_failures":
            window[key] = self.failures
            self.names["window.min_failures"] = "failure_threshold"
        else:
            window[key] = self._calls_for_failures()

    def _calls_for_failures(self) -> int:
        """How many calls it takes that their failure rate opens at no fewer failures than the threshold.

        The core checks both, and knows the rate that holds when none is written.
        """
        from json import loads

        failures = loads(CircuitBreaker(failure_threshold=self.failures).document())["failure_threshold"]
        rate = loads(self.told(lambda options: CircuitBreaker(**options)).document())["window"]["failure_rate"]
        calls: int = -(-failures * 10_000 // round(rate * 10_000))
        try:
            CircuitBreaker(**{**self.options, "window": {**self.options["window"], "min_calls": calls}})
        except ConfigError as error:
            takes = f"with a failure_rate of {rate} it takes {calls} calls, and window.min_calls is {error.allowed}"
            raise invalid("failure_threshold", self.failures, f"what the window can see: {takes}") from None
        return calls

    def _own_words(self, text: str) -> str:
        """With the arguments' names in the place of the core's keys."""
        parts = text.split("`")
        parts[1::2] = [self.names.get(key, key) for key in parts[1::2]]
        return "`".join(parts)

    def _renamed(self, error: ConfigError) -> ConfigError:
        key, value, allowed, message = error.args
        if "known: failure_threshold," in allowed:
            for old, new in (
                (" timeout,", " call_timeout,"),
                ("recovery_timeout", "timeout"),
                ("known: ", "known: strategy_type, "),
            ):
                allowed, message = allowed.replace(old, new), message.replace(old, new)
            return type(error)(key, value, allowed, message)
        told = renamed(error, self.configs)
        if told != key:
            return type(error)(told, value, allowed, message.replace(key, told, 1))
        allowed, message = self._own_words(allowed), self._own_words(message)
        message = message.replace(f"{key}:", f"{self.names.get(key, key)}:", 1)
        return type(error)(self.names.get(key, key), value, allowed, message)


def strategy_of(breaker: CircuitBreaker) -> StrategyType:
    """The strategy that a breaker's rules amount to."""
    from json import loads

    document = loads(breaker.document())
    kind = document.get("window", {}).get("kind")
    if kind is None:
        return "gradual" if document.get("ramp") is not None else "basic"
    return next(name for name, of in KINDS.items() if of == kind)
