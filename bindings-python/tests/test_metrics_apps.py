"""``/metrics`` from real servers: uvicorn, hypercorn, wsgiref and gunicorn."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import wsgiref.simple_server
import wsgiref.validate

import pytest

from fusewire import Registry
from fusewire.asgi import metrics_app as asgi_app
from fusewire.wsgi import metrics_app as wsgi_app

OUR_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

PROGRAM = """
import os
from fusewire import registry
from fusewire.{kind} import metrics_app

registry.get_or_create("served", mode="forced_open")
app = metrics_app(pid=bool(os.environ.get("PID")))
"""

SERVERS = {
    "uvicorn": ("asgi", ["-m", "uvicorn", "--fd", "{fd}", "--lifespan", "on", "served:app"]),
    "hypercorn": ("asgi", ["-m", "hypercorn", "--bind", "fd://{fd}", "served:app"]),
    "gunicorn": ("wsgi", ["-m", "gunicorn", "--bind", "fd://{fd}", "--workers", "2", "--preload", "served:app"]),
}


class Served:
    """A server program on a socket that is listened to before it starts: nobody has to ask whether it is ready."""

    def __init__(self, name, folder, **environment):
        kind, command = SERVERS[name]
        (folder / "served.py").write_text(PROGRAM.format(kind=kind))
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        fd = self.listening.fileno()
        self.log = folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *(part.format(fd=fd) for part in command)],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(folder), **environment},
                pass_fds=[fd],
                stdout=log,
                stderr=log,
            )

    def ask(self, method="GET", path="/metrics"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path)
        answer = connection.getresponse()
        found = answer.status, dict(answer.getheaders()), answer.read().decode()
        connection.close()
        return found[0], {name.lower(): value for name, value in found[1].items()}, found[2]

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.listening.close()
        if error is not None:
            print(self.log.read_text())


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_answers_with_the_cores_text_and_its_type(name, tmp_path):
    home = Registry()
    home.get_or_create("served", mode="forced_open")
    with Served(name, tmp_path) as server:
        status, headers, text = server.ask()
        assert (status, headers["content-type"], text) == (200, OUR_TYPE, home.metrics())
        status, headers, text = server.ask("HEAD")
        assert (status, headers["content-type"], text) == (200, OUR_TYPE, "")
        assert headers["content-length"] == str(len(home.metrics()))
        status, headers, text = server.ask("POST")
        assert (status, headers["allow"], text) == (405, "GET, HEAD", "only GET and HEAD\n")
    assert "Traceback" not in server.log.read_text(), server.log.read_text()


def test_each_worker_of_a_prefork_server_says_who_it_is(tmp_path):
    with Served("gunicorn", tmp_path, PID="1") as server:
        pids = set()
        while len(pids) < 2:
            text = server.ask()[2]
            (pid,) = set(re.findall(r'pid="(\d+)"', text))
            pids.add(int(pid))
        assert server.process.pid not in pids


def test_the_wsgi_application_keeps_to_the_standard():
    home = Registry()
    home.get_or_create("näme")
    checked = wsgiref.validate.validator(wsgi_app(home))
    with wsgiref.simple_server.make_server("127.0.0.1", 0, checked) as server:
        server.RequestHandlerClass.log_message = lambda *args: None
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.getheader("content-type") == OUR_TYPE
        assert answer.read().decode() == home.metrics()
        connection.close()
        thread.join()


def test_what_is_no_registry_is_refused():
    for app in (asgi_app, wsgi_app):
        with pytest.raises(TypeError, match="registry is a fusewire.Registry, or None"):
            app({})
