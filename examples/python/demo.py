"""A service under steady load lives through an outage, once without and once with circuit breakers."""

import argparse
import asyncio
import logging
import socket
import sys
import time
from contextlib import asynccontextmanager

import httpx
import uvicorn
from ledger import Ledger, unprotected
from load import JOB_RATE, RATE, Run
from report import table, verify
from service import (
    FAILURE_THRESHOLD,
    JOB_FAILURE_THRESHOLD,
    TIMEOUT,
    Guards,
    Worker,
    application,
    route_call,
    worker_call,
)
from upstream import Upstream

from fusewire import Registry

LEGEND = """upstream/s: calls that reached the upstream, by its own account. failures/s: calls that failed for their
users. rejected/s: those of them that a breaker turned away at once."""
#: What both runs of the upstream's script take together when it is not scaled, in seconds.
UNSCALED = 90


def seconds(text):
    number = float(text)
    if not 9 <= number <= 900:
        raise argparse.ArgumentTypeError(f"{text}: allowed are 9 to 900")
    return number


def options():
    parser = argparse.ArgumentParser(prog="demo.py", description=__doc__)
    parser.add_argument("--seconds", type=seconds, default=40, help="how long both runs last together, 9 to 900; 40")
    parser.add_argument(
        "--check", action="store_true", help="verify the breakers' promises; exit with 1 if one is broken"
    )
    parser.add_argument("--shadow", action="store_true", help="let the breakers only watch, which --check finds out")
    return parser.parse_args()


@asynccontextmanager
async def serving(app, listener):
    """Serves the application on a socket that listens."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    task = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


async def play(upstream, tick, *, registry, follow=(unprotected, unprotected), breakers=(None, None)):
    """One run of the service against the upstream; tells what it left behind, and its metrics."""
    # Of a socket that does not say that it is TCP, asyncio does not turn off Nagle's wait.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    run = Run(url, upstream)
    async with httpx.AsyncClient(base_url=upstream.url) as client:
        with httpx.Client(base_url=upstream.url) as blocking:
            worker = Worker(worker_call(blocking, follow[1], breakers[1]), run.job_done)
            try:
                app = application(route_call(client, follow[0], breakers[0]), worker, registry)
                async with serving(app, listener):
                    await run.play([breaker for breaker in breakers if breaker], worker, tick)
                    async with httpx.AsyncClient(base_url=url) as reader:
                        metrics = (await reader.get("/metrics")).text
            finally:
                worker.stop()
    return run, metrics


async def guarded(upstream, tick, *, recovery_timeout, shadow):
    guards = Guards(recovery_timeout=recovery_timeout, shadow=shadow)
    breakers = (guards.route, guards.worker)
    ledgers = [Ledger(breaker.name) for breaker in breakers]
    began = time.monotonic()
    for breaker, ledger in zip(breakers, ledgers):

        @breaker.add_listener
        def turn(event, ledger=ledger):
            spell = ledger.turn(event)
            states = f"{event.from_state} -> {event.to_state} ({event.cause})"
            print(f"{time.monotonic() - began:6.1f}  {event.breaker}: {states}, {spell.in_flight} calls in flight")

    follow = [ledger.follow for ledger in ledgers]
    run, metrics = await play(upstream, tick, registry=guards.registry, follow=follow, breakers=breakers)
    return run, metrics, list(zip(("route", "job"), breakers, ledgers))


async def demo(wanted):
    """Whether what it checked holds."""
    scale = wanted.seconds / UNSCALED
    upstream = Upstream(scale)
    try:
        print(
            f"Two runs of {wanted.seconds / 2:.1f} s against {upstream.url}: {RATE} requests per second to an async route "
            f"and {JOB_RATE} jobs per\nsecond to a worker thread, each with a timeout of {TIMEOUT * 1000:.0f} ms. Their "
            f"breakers open after {FAILURE_THRESHOLD} and {JOB_FAILURE_THRESHOLD} failures in a row\nand probe "
            f"{2 * scale:.1f} s later.\n{LEGEND}\n\nFirst run: every call goes to the upstream"
        )
        bare, _ = await play(upstream, scale, registry=Registry())
        print("\nSecond run: the same load through breakers")
        second, metrics, parts = await guarded(upstream, scale, recovery_timeout=2 * scale, shadow=wanted.shadow)
        print(f"\n{table(bare, second)}\n\nMetrics of the second run, from /metrics\n\n{metrics}")
        if not wanted.check:
            return True
        findings = list(verify(bare, second, parts))
        for kept, text in findings:
            print(f"check: {'ok' if kept else 'BROKEN'}: {text}")
        return all(kept for kept, _ in findings)
    finally:
        upstream.stop()


if __name__ == "__main__":
    # Each transition is printed here, with what was in flight: the package's own line of it is one too many.
    logging.getLogger("fusewire").setLevel(logging.ERROR)
    sys.stdout.reconfigure(line_buffering=True)
    sys.exit(0 if asyncio.run(demo(options())) else 1)
