"""``/metrics`` for ASGI servers and frameworks.

from fusewire.asgi import metrics_app

app.mount("/metrics", metrics_app())  # FastAPI, Starlette; or serve it alone
"""

from __future__ import annotations

from ._exposition import CONTENT_TYPE, registry_of, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
    from typing import Any

    from ._registry import Registry

    # As ASGI servers and frameworks write it.
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

__all__ = ["metrics_app"]


def metrics_app(
    registry: Registry | None = None, *, pid: bool = False
) -> Callable[[Message, Receive, Send], Coroutine[Any, Any, None]]:
    """An ASGI application that answers every path with the metrics of ``registry`` (the default one if not said).

    It is OpenMetrics text, for GET and HEAD. With ``pid=True`` each sample has a label ``pid``, the process that
    answers: under a prefork server every worker has breakers of its own, and one of them answers.
    """
    home = registry_of(registry)

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            await _live(receive, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close"})
        elif scope["method"] in ("GET", "HEAD"):
            await _answer(send, 200, CONTENT_TYPE, text_of(home, pid).encode(), scope["method"] == "HEAD")
        else:
            await _answer(send, 405, "text/plain", b"only GET and HEAD\n", False)

    return app


async def _answer(send: Send, status: int, content_type: str, body: bytes, is_head: bool) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    if status == 405:
        headers.append((b"allow", b"GET, HEAD"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else body})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        event = (await receive())["type"]
        await send({"type": event + ".complete"})
        if event == "lifespan.shutdown":
            return
