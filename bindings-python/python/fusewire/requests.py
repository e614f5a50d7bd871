"""`requests` under one circuit breaker for each origin.

    import requests
    from fusewire.requests import CircuitBreakerAdapter

    session = requests.Session()
    adapter = CircuitBreakerAdapter(failure_threshold=3)
    session.mount("https://", adapter)
    session.mount("http://", adapter)

A request that is turned away raises ``RejectedRequest``, which is a ``CircuitOpenError`` and a
``requests.RequestException``; nothing was sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ._extra import missing

try:
    import requests
except ModuleNotFoundError as error:
    if error.name != "requests":
        raise
    raise missing("requests") from None

from requests import exceptions
from requests.adapters import DEFAULT_POOLBLOCK, DEFAULT_POOLSIZE, DEFAULT_RETRIES, HTTPAdapter
from urllib3.exceptions import DecodeError, ProtocolError, ReadTimeoutError
from urllib3.exceptions import SSLError as TLSError

from ._origins import Origins, Rejected, origin_of
from ._status import Call, has_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from typing_extensions import Unpack
    from urllib3.util.retry import Retry

    from ._breaker import CircuitBreaker
    from ._options import AdapterOptions, Reason
    from ._registry import Registry

__all__ = ["CircuitBreakerAdapter", "RejectedRequest"]


class RejectedRequest(Rejected, requests.RequestException):
    """A request was turned away; nothing was sent.

    It has what ``fusewire.CircuitOpenError`` has, the ``request``, and ``service_retry_after``: the seconds that are
    left of the ``Retry-After`` of the service's last answer, if that was a failure, else ``None``.
    """

    def __init__(
        self,
        breaker: CircuitBreaker | str,
        reason: Reason,
        retry_after: float | None = None,
        service_retry_after: float | None = None,
        *,
        request: requests.PreparedRequest | None = None,
    ) -> None:
        requests.RequestException.__init__(self, request=request)
        self._keep(breaker, reason, retry_after, service_retry_after)


_MISUSE = (
    exceptions.InvalidHeader,
    exceptions.InvalidSchema,
    exceptions.InvalidURL,
    exceptions.MissingSchema,
    exceptions.UnrewindableBodyError,
)


class CircuitBreakerAdapter(HTTPAdapter):
    """An adapter whose calls are guarded: ``session.mount("https://", CircuitBreakerAdapter())``. One may be mounted
    under several prefixes.

    - ``pool_connections``, ``pool_maxsize``, ``max_retries``, ``pool_block``: as ``requests.adapters.HTTPAdapter``
      takes them. A call with its retries is one call.
    - ``breaker``: one ``CircuitBreaker`` for every request; or a function from a key to the options of its breaker.
    - ``key``: a function of a ``requests.PreparedRequest``; requests with the same key share a breaker of that name. By
      default the origin of the URL. At most 1,000 breakers are kept; then the one that was used least recently goes.
    - ``registry``: where the breakers live, so that its metrics show them; by default in none.
    - ``is_failure``: whether a status, an ``int``, is a failure; by default those from 500 on, 429, and 408.
    - ``whole_body``: settles a call when its body has ended, not when its headers are there; by default ``False``.
    - ``priority``: a function of a request that answers its level; without one the header ``x-request-priority`` says it: a
      level's name or a number from 0 to 100; what is neither counts as ``normal``. A mapping is the breakers' own table.
    - ``feature``: of which of the breakers' ``features`` a request is, or a function of a request that answers it; ``None``
      is none.
    - ``options``: those of each breaker, as ``fusewire.CircuitBreaker`` takes them, without ``fallback``, ``cache``,
      ``hedge`` and ``failure_result``. With ``retry`` a request is sent once more by its method (``retry.per_method``), as its
      error or status says, not before its ``Retry-After``, and only when its body can be sent again: one that is read from a
      file or a generator cannot. Leave ``max_retries`` at 0 then.

    Raises ``ConfigError`` or ``TypeError`` when one is wrong. A copy of a session has breakers of its own.
    """

    __attrs__: list[str] = [*HTTPAdapter.__attrs__, "_origins"]  # noqa: RUF012 (what a copy keeps; the parent's is a list, too)

    def __init__(
        self,
        pool_connections: int = DEFAULT_POOLSIZE,
        pool_maxsize: int = DEFAULT_POOLSIZE,
        max_retries: int | Retry = DEFAULT_RETRIES,
        pool_block: bool = DEFAULT_POOLBLOCK,
        *,
        breaker: CircuitBreaker | Callable[[str], Mapping[str, Any]] | None = None,
        key: Callable[[requests.PreparedRequest], str] | None = None,
        registry: Registry | None = None,
        is_failure: Callable[[int], bool] | None = None,
        whole_body: bool = False,
        **options: Unpack[AdapterOptions],
    ) -> None:
        self._origins = Origins(
            RejectedRequest,
            _MISUSE,
            breaker=breaker,
            key=key,
            registry=registry,
            is_failure=is_failure,
            whole_body=whole_body,
            options=options,
        )
        super().__init__(pool_connections, pool_maxsize, max_retries, pool_block)

    @property
    def breakers(self) -> dict[str, CircuitBreaker]:
        """The breakers by key, the one that was used last at the end."""
        return self._origins.breakers

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Sends a request, if its breaker lets it."""
        send, origin = super().send, _origin(request.url)
        tries = self._origins.tries(origin, request, lambda: _can_be_sent_again(request))
        if tries is not None:
            answer: requests.Response = tries.send(
                lambda: send(request, *args, **kwargs),
                lambda call, response: _look(call, request, response),
                requests.Response.close,
            )
            return answer
        call = self._origins.begin(origin, request)
        if call is None:
            return send(request, *args, **kwargs)
        try:
            response = send(request, *args, **kwargs)
        except BaseException as error:
            call.failed(error)
            raise
        _look(call, request, response)
        return response


def _can_be_sent_again(request: requests.PreparedRequest) -> bool:
    """Whether its body is in memory: what is read from elsewhere is over when it was sent."""
    return request.body is None or isinstance(request.body, (bytes, str))


def _look(call: Call, request: requests.PreparedRequest, response: requests.Response) -> bool:
    """Settles the call by the answer; whether its body decides."""
    status, headers, raw = response.status_code, response.headers, response.raw
    body = not _is_over(raw) and has_body(request.method or "GET", status, headers.get("content-length"))
    decides = call.answered(status, headers.get("retry-after"), body)
    if decides:
        response.raw = _Watched(raw, call)
    return decides


def _origin(url: str | None) -> str | None:
    try:
        parts = urlsplit(url or "")
        return origin_of(parts.scheme, parts.hostname, parts.port)
    except ValueError:
        return None  # The client itself says what is wrong with it.


def _is_over(raw: Any) -> bool:
    return bool(getattr(raw, "closed", False))


class _Watched:
    """A body, urllib3's, whose end settles its call."""

    def __init__(self, raw: Any, call: Call) -> None:
        self._raw = raw
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def read(self, *args: Any, **kwargs: Any) -> Any:
        return self._reading(self._raw.read, args, kwargs)

    def read1(self, *args: Any, **kwargs: Any) -> Any:
        return self._reading(self._raw.read1, args, kwargs)

    def readinto(self, *args: Any, **kwargs: Any) -> Any:
        return self._reading(self._raw.readinto, args, kwargs)

    def readline(self, *args: Any, **kwargs: Any) -> Any:
        return self._reading(self._raw.readline, args, kwargs)

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
        return self._each(self._raw.stream(*args, **kwargs))

    def read_chunked(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
        return self._each(self._raw.read_chunked(*args, **kwargs))

    def __iter__(self) -> Iterator[bytes]:
        return self._each(iter(self._raw))

    def close(self) -> None:
        self._look()
        try:
            self._raw.close()
        finally:
            self._call.dropped()

    def release_conn(self) -> None:
        self._look()
        try:
            self._raw.release_conn()
        finally:
            self._call.dropped()

    def _reading(self, read: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        try:
            answer = read(*args, **kwargs)
        except BaseException as error:
            self._call.failed(_as_told(error))
            raise
        self._look()
        return answer

    def _each(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from chunks
        except GeneratorExit:
            raise  # Another one may read on.
        except BaseException as error:
            self._call.failed(_as_told(error))
            raise
        self._look()

    def _look(self) -> None:
        """Settles the call if the body is over."""
        if not _is_over(self._raw):
            return
        # Until version 2, urllib3 keeps silent about a body that is shorter than was said.
        missing = getattr(self._raw, "length_remaining", None)
        if missing:
            self._call.failed(exceptions.ChunkedEncodingError(f"{missing} bytes of the body are missing"))
        else:
            self._call.ended()


_TOLD: tuple[tuple[type[BaseException], type[Exception]], ...] = (
    (ProtocolError, exceptions.ChunkedEncodingError),
    (DecodeError, exceptions.ContentDecodingError),
    (ReadTimeoutError, exceptions.ConnectionError),
    (TLSError, exceptions.SSLError),
)


def _as_told(error: BaseException) -> BaseException:
    """An error of urllib3's as `requests` tells it: so the rules of the user's know it."""
    return next((told(error) for kind, told in _TOLD if isinstance(error, kind)), error)
