"""``/metrics`` for WSGI servers and frameworks.

from fusewire.wsgi import metrics_app

app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/metrics": metrics_app()})  # Flask; or serve it alone
"""

from __future__ import annotations

from ._exposition import CONTENT_TYPE, registry_of, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from ._registry import Registry

__all__ = ["metrics_app"]


def metrics_app(registry: Registry | None = None, *, pid: bool = False) -> WSGIApplication:
    """A WSGI application that answers every path with the metrics of ``registry`` (the default one if not said).

    It is OpenMetrics text, for GET and HEAD. With ``pid=True`` each sample has a label ``pid``, the process that
    answers: under a prefork server every worker has breakers of its own, and one of them answers.
    """
    home = registry_of(registry)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD"):
            body = b"only GET and HEAD\n"
            headers = [("Content-Type", "text/plain"), ("Allow", "GET, HEAD"), ("Content-Length", str(len(body)))]
            start_response("405 Method Not Allowed", headers)
            return [body]
        body = text_of(home, pid).encode()
        start_response("200 OK", [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(body)))])
        return [] if method == "HEAD" else [body]

    return app
