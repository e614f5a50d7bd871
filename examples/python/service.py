"""The service: a route that calls the upstream while its user waits, and a worker that calls it behind their backs. All
that this demo needs of fusewire is here.

The route is asynchronous, the worker is a thread that blocks. Each has a breaker of its own in one registry: that jobs
fail must not turn users away, nor the other way round.
"""

import math
import queue
import threading

import httpx
from fastapi import FastAPI, Request, Response

from fusewire import CircuitOpenError, Registry, circuit_breaker

#: How long a call waits for its answer, in seconds. It is not scaled, since the upstream's latencies are not.
TIMEOUT = 0.15
FAILURE_THRESHOLD = 5
#: The worker has fewer calls to learn from.
JOB_FAILURE_THRESHOLD = 3

OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Guards:
    """The breakers around the calls, and the registry that shows their metrics."""

    def __init__(self, *, recovery_timeout, shadow):
        self.registry = Registry()
        shared = {"recovery_timeout": recovery_timeout, "mode": "shadow" if shadow else "auto"}
        self.route = self.registry.get_or_create("upstream", failure_threshold=FAILURE_THRESHOLD, **shared)
        self.worker = self.registry.get_or_create("upstream-jobs", failure_threshold=JOB_FAILURE_THRESHOLD, **shared)


def route_call(client, follow, breaker):
    """The call of the route: a coroutine function. `follow` tells under which tag the upstream is to count it."""

    async def ask():
        with follow() as tag:
            answer = await client.get("/work", params={"tag": tag}, timeout=TIMEOUT)
            answer.raise_for_status()
            return answer.json()

    return circuit_breaker(breaker)(ask) if breaker else ask


def worker_call(client, follow, breaker):
    """The call of the worker: a plain function."""

    def ask():
        with follow() as tag:
            answer = client.get("/work", params={"tag": tag}, timeout=TIMEOUT)
            answer.raise_for_status()
            return answer.json()

    return circuit_breaker(breaker)(ask) if breaker else ask


class Worker:
    """Does jobs one after the other in a thread; tells `done(job, error)` of each."""

    def __init__(self, ask, done):
        self._jobs = queue.Queue()
        self._thread = threading.Thread(target=self._run, args=(ask, done), name="worker")
        self._thread.start()

    def add(self, job):
        self._jobs.put(job)

    def finish(self):
        """Waits until every job is done."""
        self._jobs.join()

    def stop(self):
        """Ends the thread after the jobs that are there."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self, ask, done):
        while (job := self._jobs.get()) is not None:
            error = None
            try:
                ask()
            except (httpx.HTTPError, CircuitOpenError) as raised:
                error = raised
            done(job, error)
            self._jobs.task_done()


def application(ask, worker, registry):
    """The FastAPI application over the route's call and the worker."""
    app = FastAPI(title="orders")

    @app.get("/order")
    async def order():
        return await ask()

    @app.post("/jobs", status_code=202)
    async def job(request: Request):
        worker.add(await request.json())

    @app.get("/metrics")
    async def metrics():
        return Response(registry.metrics(), media_type=OPEN_METRICS)

    @app.exception_handler(CircuitOpenError)
    async def turned_away(_request, error):
        return Response(status_code=503, headers={"Retry-After": str(math.ceil(error.retry_after or 0))})

    @app.exception_handler(httpx.TimeoutException)
    async def too_late(_request, _error):
        return Response(status_code=504)

    @app.exception_handler(httpx.HTTPError)
    async def failed(_request, _error):
        return Response(status_code=502)

    return app
