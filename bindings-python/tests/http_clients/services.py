"""Services for the adapters to call: the scripted one of the examples, and one whose answers do not end well."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import socket
import struct
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).resolve().parents[3]

DAY = 86_400
SCRIPT = [
    {"name": name, "seconds": DAY, "behaviour": behaviour}
    for name, behaviour in {
        "healthy": {"kind": "ok", "latency_ms": 0},
        "errors": {"kind": "error", "status": 503},
        "broken": {"kind": "error", "status": 500},
        "missing": {"kind": "error", "status": 404},
        "busy": {"kind": "error", "status": 429},
        "hanging": {"kind": "slow", "latency_ms": 3_600_000},
    }.items()
]


def program():
    """`examples/upstream`, built if it is not there. FUSEWIRE_UPSTREAM names another one."""
    given = os.environ.get("FUSEWIRE_UPSTREAM")
    if given:
        return Path(given)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    for profile in ("debug", "release"):
        found = target / profile / "fusewire-upstream"
        if found.exists():
            return found
    subprocess.run(["cargo", "build", "--quiet", "--locked", "-p", "fusewire-upstream"], cwd=ROOT, check=True)
    return target / "debug" / "fusewire-upstream"


class Upstream:
    """`examples/upstream` in phases that last until another one is asked for."""

    def __init__(self, folder):
        script = Path(folder) / "script.json"
        script.write_text(json.dumps(SCRIPT))
        command = [program(), "--until-eof", "--script", script]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.origin = self._process.stdout.readline().strip().replace("listening on ", "")
        self.work = f"{self.origin}/work"

    def phase(self, name):
        assert self._ask("POST", f"/phase/{name}")["phase"] == name

    def stats(self):
        return self._ask("GET", "/stats")

    def total(self):
        """How many calls have arrived."""
        return self.stats()["total"]

    def _ask(self, method, path):
        connection = http.client.HTTPConnection(urlsplit(self.origin).netloc)
        try:
            connection.request(method, path)
            return json.load(connection.getresponse())
        finally:
            connection.close()

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class Bodies:
    """A service whose answers end as their path says.

    ``arrived`` has the path of each request. ``/broken`` and ``/short`` wait within the body for ``go.release()``.
    """

    def __init__(self):
        self.arrived = queue.Queue()
        self.go = threading.Semaphore(0)
        handler = type("Handler", (_Handler,), {"service": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.port = self._server.server_address[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.service.arrived.put(self.path)
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        getattr(self, url.path.strip("/"))(**query)

    do_HEAD = do_POST = do_GET

    def _head(self, status=200, length=None, **headers):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.flush()

    def _write(self, data):
        if self.command != "HEAD":
            self.wfile.write(data)
            self.wfile.flush()

    def _begin(self):
        self._head(length=100)
        self._write(b"first")

    def _end(self, reset):
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self.connection.shutdown(socket.SHUT_RDWR)
        # At once, although the handler's files hold the socket, too.
        os.close(self.connection.detach())
        self.close_connection = True

    def _until_closed(self):
        """Waits until the client gives up."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.recv(1)

    def whole(self, **_):
        self._head(length=12)
        self._write(b"first second")

    def chunked(self, **_):
        self._head(Transfer_Encoding="chunked")
        self._write(b"5\r\nfirst\r\n7\r\n second\r\n0\r\n\r\n")

    def items(self, **_):
        self._head(length=2, Content_Type="application/json")
        self._write(b"[]")

    def empty(self, **_):
        self._head(status=204)

    def status(self, code="200", **headers):
        self._head(status=int(code), length=2, **headers)
        self._write(b"ok")

    def redirect(self, to, **_):
        self._head(status=302, length=5, Location=to)
        self._write(b"there")

    def endless_redirect(self, to, **_):
        self._head(status=302, length=100, Location=to)
        self._until_closed()

    def reset(self, **_):
        self._end(reset=True)

    def broken(self, **_):
        self._begin()
        self.service.go.acquire()
        self._end(reset=True)

    def short(self, **_):
        self._begin()
        self.service.go.acquire()
        self._end(reset=False)

    def endless(self, **_):
        self._begin()
        self._until_closed()

    def hanging(self, **_):
        self._until_closed()

    def log_message(self, *_):
        pass


def nobody():
    """An origin where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    return f"http://127.0.0.1:{port}"
