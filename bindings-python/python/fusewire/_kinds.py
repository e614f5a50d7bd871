"""What exceptions are in the core's words. Which category a word is of, and so whether it is tried once more, the core knows."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Kind = tuple[str | None, int | None, float | None]

#: The core's word by class, the nearest ancestor first. By name: none of these modules need be loaded, and none is loaded for this.
_WORDS = {
    "builtins.TimeoutError": "timeout",
    "asyncio.exceptions.TimeoutError": "timeout",
    "concurrent.futures._base.TimeoutError": "timeout",
    "socket.timeout": "timeout",
    "trio.TooSlowError": "timeout",
    "builtins.ConnectionRefusedError": "connection_refused",
    "builtins.ConnectionResetError": "connection_reset",
    "builtins.ConnectionAbortedError": "connection_reset",
    "builtins.BrokenPipeError": "connection_reset",
    "builtins.ConnectionError": "connection_error",
    "socket.gaierror": "dns",
    "builtins.MemoryError": "out_of_memory",
    "httpx.TimeoutException": "timeout",
    "httpx.PoolTimeout": "too_many_connections",
    "httpx.NetworkError": "connection_error",
    "httpx.RemoteProtocolError": "connection_reset",
    "requests.exceptions.Timeout": "timeout",
    "requests.exceptions.ConnectionError": "connection_error",
    "requests.exceptions.ChunkedEncodingError": "connection_reset",
    "urllib3.exceptions.TimeoutError": "timeout",
    "urllib3.exceptions.NewConnectionError": "connection_refused",
    "urllib3.exceptions.ProtocolError": "connection_reset",
    "aiohttp.client_exceptions.ServerTimeoutError": "timeout",
    "aiohttp.client_exceptions.ServerDisconnectedError": "connection_reset",
    "aiohttp.client_exceptions.ClientConnectorDNSError": "dns",
    "aiohttp.client_exceptions.ClientConnectionError": "connection_error",
}


def kind_of(given: object) -> Kind:
    """Of an exception, or of a result that counts as a failure: the core's word, an HTTP status, and seconds that it asks
    to wait; each ``None`` when it says none."""
    word = _word(given) if isinstance(given, BaseException) else None
    answer = getattr(given, "response", None)
    status = _status(given if answer is None else answer)
    if status is None:
        return word, None, None
    return word, status, _asked_wait(given if answer is None else answer)


def _asked_wait(answer: Any) -> float | None:
    """Seconds that an HTTP answer asks to wait."""
    text = getattr(answer, "headers", {}).get("Retry-After")
    if not isinstance(text, str):
        return None
    from ._status import seconds_of

    return seconds_of(text)


def _word(error: BaseException) -> str | None:
    for ancestor in type(error).__mro__:
        found = _WORDS.get(f"{ancestor.__module__}.{ancestor.__qualname__}")
        if found is not None:
            return found
    return None


def _status(answer: Any) -> int | None:
    for name in ("status_code", "status"):
        status = getattr(answer, name, None)
        if isinstance(status, int) and 100 <= status <= 599:
            return int(status)
    return None
