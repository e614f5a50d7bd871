"""Four threads that call one breaker around a sleep: whether a breaker holds a lock over the call."""

import sys
import threading
import time

from peers import PEERS

CASE = "four_threads_around_a_sleep"
THREADS = 4
SLEEP = 0.2


def elapsed(peers):
    """Nanoseconds until all have returned, by package; those without functions are left out."""
    found = {}
    for peer in peers:
        offer = PEERS[peer]("consecutive", False)
        if offer is not None:
            print(f"measuring {CASE} of {peer}", file=sys.stderr)
            found[peer] = _elapsed(offer.decorate(_sleep))
    return found


def _sleep(request):
    time.sleep(SLEEP)
    return request


def _elapsed(guard):
    gate = threading.Barrier(THREADS + 1)

    def run():
        gate.wait()
        guard(1)

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    gate.wait()
    start = time.perf_counter_ns()
    for thread in threads:
        thread.join()
    return time.perf_counter_ns() - start
