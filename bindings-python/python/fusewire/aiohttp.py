"""`aiohttp` under one circuit breaker for each origin.

    import aiohttp
    from fusewire.aiohttp import CircuitBreakerMiddleware

    session = aiohttp.ClientSession(middlewares=[CircuitBreakerMiddleware(failure_threshold=3)])

A request that is turned away raises ``RejectedRequest``, which is a ``CircuitOpenError`` and an
``aiohttp.ClientError``; nothing was sent. One that took longer than its
``timeout`` raises ``TimedOutRequest``, which is a ``CallTimeoutError`` and an ``aiohttp.ServerTimeoutError``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ._extra import missing

try:
    import aiohttp
except ModuleNotFoundError as error:
    if error.name != "aiohttp":
        raise
    raise missing("aiohttp") from None
if not hasattr(aiohttp, "ClientMiddlewareType"):
    raise ImportError(
        f"fusewire.aiohttp needs aiohttp 3.12, which has client middleware, and this is {aiohttp.__version__}: "
        "pip install 'fusewire[aiohttp]'"
    )

from ._errors import CallTimeoutError
from ._origins import Origins, Rejected, origin_of
from ._status import Call, has_body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from typing_extensions import Unpack

    from ._breaker import CircuitBreaker
    from ._options import AdapterOptions, Reason
    from ._registry import Registry

__all__ = ["CircuitBreakerMiddleware", "RejectedRequest", "TimedOutRequest"]


class RejectedRequest(Rejected, aiohttp.ClientError):
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
        request: aiohttp.ClientRequest | None = None,
    ) -> None:
        aiohttp.ClientError.__init__(self)
        self.request = request
        self._keep(breaker, reason, retry_after, service_retry_after)


class TimedOutRequest(CallTimeoutError, aiohttp.ServerTimeoutError):
    """An attempt took longer than its ``timeout`` and was cancelled. It has what ``fusewire.CallTimeoutError`` has, and the
    ``request``."""

    def __init__(
        self, breaker: CircuitBreaker | str, limit: float, *, request: aiohttp.ClientRequest | None = None
    ) -> None:
        super().__init__(breaker, limit)
        self.request = request


_MISUSE = (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)

#: The session follows these by itself, and throws away their bodies unread.
_REDIRECTS = (301, 302, 303, 307, 308)


class CircuitBreakerMiddleware:
    """A client middleware: ``aiohttp.ClientSession(middlewares=[CircuitBreakerMiddleware()])``. Of several middlewares
    the first is the outermost: write one that retries before it.

    - ``breaker``: one ``CircuitBreaker`` for every request; or a function from a key to the options of its breaker.
    - ``key``: a function of an ``aiohttp.ClientRequest``; requests with the same key share a breaker of that name. By
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
      file or a generator cannot.

    A call that is cancelled is ignored, or a failure when it lasted at least ``cancelled_after``. Raises
    ``ConfigError`` or ``TypeError`` when an option is wrong.
    """

    def __init__(
        self,
        *,
        breaker: CircuitBreaker | Callable[[str], Mapping[str, Any]] | None = None,
        key: Callable[[aiohttp.ClientRequest], str] | None = None,
        registry: Registry | None = None,
        is_failure: Callable[[int], bool] | None = None,
        whole_body: bool = False,
        **options: Unpack[AdapterOptions],
    ) -> None:
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

    @property
    def breakers(self) -> dict[str, CircuitBreaker]:
        """The breakers by key, the one that was used last at the end."""
        return self._origins.breakers

    async def __call__(
        self,
        request: aiohttp.ClientRequest,
        handler: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]],
    ) -> aiohttp.ClientResponse:
        url = request.url
        origin = origin_of(url.scheme, url.raw_host, url.port)
        tries = self._origins.tries(
            origin, request, lambda: _can_be_sent_again(request), lambda e: _as_told(e, request)
        )
        if tries is not None:
            answer: aiohttp.ClientResponse = await tries.send_async(
                lambda: handler(request), lambda call, response: _look(call, request, response), _discard
            )
            return answer
        call = await self._origins.begin_async(origin, request)
        if call is None:
            return await handler(request)
        try:
            response = await handler(request)
        except BaseException as error:
            call.failed(_as_told(error, request))
            raise
        _look(call, request, response)
        return response


def _can_be_sent_again(request: aiohttp.ClientRequest) -> bool:
    """Whether its body is in memory: what is read from elsewhere is over when it was sent."""
    body: Any = request.body
    return not body or isinstance(body, (bytes, aiohttp.BytesPayload))


async def _discard(response: aiohttp.ClientResponse) -> None:
    response.release()


def _look(call: Call, request: aiohttp.ClientRequest, response: aiohttp.ClientResponse) -> bool:
    """Settles the call by the answer; whether its body decides."""
    status, headers = response.status, response.headers
    body = status not in _REDIRECTS and has_body(request.method, status, headers.get("Content-Length"))
    decides = call.answered(status, headers.get("Retry-After"), body)
    if decides:
        response.content = _Watched(response.content, call)  # type: ignore[assignment]
    return decides


def _as_told(error: BaseException, request: aiohttp.ClientRequest) -> BaseException:
    """The error that the caller will see: the session's own timeout is a cancellation until it has left the session."""
    if isinstance(error, asyncio.CancelledError):
        timer = getattr(request, "_timer", None)
        if getattr(timer, "_cancelled", False):
            return asyncio.TimeoutError()
    return error


class _Watched:
    """A body, a ``StreamReader``, whose end settles its call."""

    def __init__(self, content: Any, call: Call) -> None:
        self._content = content
        self._call = call
        content.on_eof(call.ended)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        # Code that takes a body asks whether it is a StreamReader.
        return type(self._content)

    async def read(self, n: int = -1) -> Any:
        return await self._reading(self._content.read(n))

    async def readany(self) -> Any:
        return await self._reading(self._content.readany())

    async def readexactly(self, n: int) -> Any:
        return await self._reading(self._content.readexactly(n))

    async def readline(self, **limits: Any) -> Any:
        return await self._reading(self._content.readline(**limits))

    async def readuntil(self, *args: Any, **limits: Any) -> Any:
        return await self._reading(self._content.readuntil(*args, **limits))

    async def readchunk(self) -> Any:
        return await self._reading(self._content.readchunk())

    async def wait_eof(self) -> None:
        await self._reading(self._content.wait_eof())

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._each(self._content.__aiter__())

    def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        return self._each(self._content.iter_chunked(n))

    def iter_any(self) -> AsyncIterator[bytes]:
        return self._each(self._content.iter_any())

    def iter_chunks(self) -> AsyncIterator[tuple[bytes, bool]]:
        return self._each(self._content.iter_chunks())

    def exception(self) -> BaseException | None:
        # The response asks before it closes: so a body that broke unread is heard of.
        error: BaseException | None = self._content.exception()
        if error is not None:
            self._call.failed(error)
        return error

    def set_exception(self, *args: Any) -> None:
        # The response closes. The connection tells its errors to the reader within.
        self._call.dropped()
        self._content.set_exception(*args)

    def _each(self, chunks: Any) -> _Each:
        return _Each(self, chunks)

    async def _reading(self, read: Awaitable[Any]) -> Any:
        try:
            return await read
        except Exception as error:
            # Others, that of a line too long for instance, do not end the body.
            if self.exception() is None and isinstance(error, asyncio.TimeoutError):
                self._call.failed(error)
            raise


class _Each:
    def __init__(self, body: _Watched, chunks: Any) -> None:
        self._body = body
        self._chunks = chunks

    def __aiter__(self) -> _Each:
        return self

    async def __anext__(self) -> Any:
        return await self._body._reading(self._chunks.__anext__())
