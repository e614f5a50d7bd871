"""`httpx` under one circuit breaker for each origin.

    import httpx
    from fusewire.httpx import CircuitBreakerTransport

    client = httpx.Client(transport=CircuitBreakerTransport(failure_threshold=3))

A request that is turned away raises ``RejectedRequest``, which is a ``CircuitOpenError`` and a
``httpx.TransportError``; nothing was sent. One that took longer than its
``timeout`` raises ``TimedOutRequest``, which is a ``CallTimeoutError`` and a ``httpx.TimeoutException``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ._extra import missing

try:
    import httpx
except ModuleNotFoundError as error:
    if error.name != "httpx":
        raise
    raise missing("httpx") from None

from ._errors import CallTimeoutError
from ._origins import Origins, Rejected, origin_of
from ._status import Call, has_body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from types import TracebackType

    from typing_extensions import Unpack

    from ._breaker import CircuitBreaker
    from ._options import AdapterOptions, Reason
    from ._registry import Registry

__all__ = ["AsyncCircuitBreakerTransport", "CircuitBreakerTransport", "RejectedRequest", "TimedOutRequest"]


class RejectedRequest(Rejected, httpx.TransportError):
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
        request: httpx.Request | None = None,
    ) -> None:
        httpx.TransportError.__init__(self, reason, request=request)
        self._keep(breaker, reason, retry_after, service_retry_after)


class TimedOutRequest(CallTimeoutError, httpx.TimeoutException):
    """An attempt took longer than its ``timeout`` and was cancelled. It has what ``fusewire.CallTimeoutError`` has, and the
    ``request``."""

    def __init__(self, breaker: CircuitBreaker | str, limit: float, *, request: httpx.Request | None = None) -> None:
        super().__init__(breaker, limit)
        self._request = request


_MISUSE = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.StreamError)


_T = TypeVar("_T", httpx.BaseTransport, httpx.AsyncBaseTransport)


class _Guarding(Generic[_T]):
    """What both transports share."""

    _kind: type[_T]

    def __init__(
        self,
        transport: _T | None = None,
        *,
        breaker: CircuitBreaker | Callable[[str], Mapping[str, Any]] | None = None,
        key: Callable[[httpx.Request], str] | None = None,
        registry: Registry | None = None,
        is_failure: Callable[[int], bool] | None = None,
        whole_body: bool = False,
        **options: Unpack[AdapterOptions],
    ) -> None:
        name = self._kind.__name__
        usual: type[_T] = getattr(httpx, name.replace("Base", "HTTP"))
        if not isinstance(transport, (self._kind, type(None))):
            raise TypeError(f"transport is a httpx.{name} such as httpx.{usual.__name__}(), not {transport!r}")
        self._origins = Origins(
            RejectedRequest,
            _MISUSE,
            TimedOutRequest,
            breaker=breaker,
            key=key,
            registry=registry,
            is_failure=is_failure,
            whole_body=whole_body,
            options=options,
        )
        self._transport: _T = usual() if transport is None else transport

    @property
    def breakers(self) -> dict[str, CircuitBreaker]:
        """The breakers by key, the one that was used last at the end."""
        return self._origins.breakers


def _origin(url: httpx.URL) -> str | None:
    return origin_of(url.scheme, url.raw_host.decode("ascii"), url.port)


def _can_be_sent_again(request: httpx.Request) -> bool:
    """Whether its body is in memory: a stream is over when it was sent."""
    return isinstance(request.stream, httpx.ByteStream)


def _body_decides(call: Call, request: httpx.Request, response: httpx.Response) -> bool:
    status, headers = response.status_code, response.headers
    # One that was made in memory is read already.
    body = not response.is_closed and has_body(request.method, status, headers.get("content-length"))
    return call.answered(status, headers.get("retry-after"), body)


class CircuitBreakerTransport(_Guarding[httpx.BaseTransport], httpx.BaseTransport):
    """A transport whose calls are guarded: ``httpx.Client(transport=CircuitBreakerTransport())``.

    - ``transport``: what sends; by default ``httpx.HTTPTransport()``. What a client would otherwise make its transport
      of, such as ``verify`` or ``http2``, is given to this one.
    - ``breaker``: one ``CircuitBreaker`` for every request; or a function from a key to the options of its breaker.
    - ``key``: a function of a ``httpx.Request``; requests with the same key share a breaker of that name. By default
      the origin of the URL. At most 1,000 breakers are kept; then the one that was used least recently goes.
    - ``registry``: where the breakers live, so that its metrics show them; by default in none.
    - ``is_failure``: whether a status, an ``int``, is a failure; by default those from 500 on, 429, and 408.
    - ``whole_body``: settles a call when its body has ended, not when its headers are there; by default ``False``.
    - ``priority``: a function of a request that answers its level; without one the header ``x-request-priority`` says it: a
      level's name or a number from 0 to 100; what is neither counts as ``normal``. A mapping is the breakers' own table.
    - ``feature``: of which of the breakers' ``features`` a request is, or a function of a request that answers it; ``None``
      is none.
    - ``options``: those of each breaker, as ``fusewire.CircuitBreaker`` takes them, without ``fallback``, ``cache``,
      ``hedge`` and ``failure_result``. With ``retry`` a request is sent once more by its method (``retry.per_method``), as its
      error or status says, not before its ``Retry-After``, and only when its body can be sent again: one that is a stream
      cannot.

    Raises ``ConfigError`` or ``TypeError`` when one is wrong.
    """

    _kind = httpx.BaseTransport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request, if its breaker lets it."""
        origin = _origin(request.url)
        tries = self._origins.tries(origin, request, lambda: _can_be_sent_again(request))
        if tries is not None:

            def look(call: Call, response: httpx.Response) -> bool:
                decides = _body_decides(call, request, response)
                if decides:
                    response.stream = _Watched(response.stream, call)  # type: ignore[arg-type]
                return decides

            send = self._transport.handle_request
            return tries.send(lambda: send(request), look, httpx.Response.close)
        call = self._origins.begin(origin, request)
        if call is None:
            return self._transport.handle_request(request)
        try:
            response = self._transport.handle_request(request)
        except BaseException as error:
            call.failed(error)
            raise
        if _body_decides(call, request, response):
            response.stream = _Watched(response.stream, call)  # type: ignore[arg-type]
        return response

    def close(self) -> None:
        """Closes the transport."""
        self._transport.close()

    def __enter__(self) -> CircuitBreakerTransport:
        self._transport.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._transport.__exit__(kind, error, traceback)


class AsyncCircuitBreakerTransport(_Guarding[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport):
    """As ``CircuitBreakerTransport``, for ``httpx.AsyncClient``, under asyncio and trio. A call that is cancelled is
    ignored, or a failure when it lasted at least ``cancelled_after``."""

    _kind = httpx.AsyncBaseTransport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request, if its breaker lets it."""
        origin = _origin(request.url)
        tries = self._origins.tries(origin, request, lambda: _can_be_sent_again(request))
        if tries is not None:

            def look(call: Call, response: httpx.Response) -> bool:
                decides = _body_decides(call, request, response)
                if decides:
                    response.stream = _AsyncWatched(response.stream, call)  # type: ignore[arg-type]
                return decides

            send = self._transport.handle_async_request
            return await tries.send_async(lambda: send(request), look, httpx.Response.aclose)
        call = await self._origins.begin_async(origin, request)
        if call is None:
            return await self._transport.handle_async_request(request)
        try:
            response = await self._transport.handle_async_request(request)
        except BaseException as error:
            call.failed(error)
            raise
        if _body_decides(call, request, response):
            response.stream = _AsyncWatched(response.stream, call)  # type: ignore[arg-type]
        return response

    async def aclose(self) -> None:
        """Closes the transport."""
        await self._transport.aclose()

    async def __aenter__(self) -> AsyncCircuitBreakerTransport:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._transport.__aexit__(kind, error, traceback)


class _Watched(httpx.SyncByteStream):
    """A body whose end settles its call."""

    def __init__(self, stream: httpx.SyncByteStream, call: Call) -> None:
        self._stream = stream
        self._call = call

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except BaseException as error:
            self._call.failed(error)
            raise
        self._call.ended()

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            self._call.dropped()


class _AsyncWatched(httpx.AsyncByteStream):
    """A body whose end settles its call."""

    def __init__(self, stream: httpx.AsyncByteStream, call: Call) -> None:
        self._stream = stream
        self._call = call

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                yield chunk
        except BaseException as error:
            self._call.failed(error)
            raise
        self._call.ended()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._call.dropped()
