"""One run: the script from its start to its end under a steady load, with a line for every tick."""

import asyncio
import time
from collections import Counter

import httpx

#: Requests of users per second, and of jobs.
RATE, JOB_RATE = 80, 5
LOOPS = 4

ENDINGS = {200: "answered", 502: "failed", 503: "rejected", 504: "failed"}
HEAD = "  time  phase      route      worker     calls/s  upstream/s  failures/s  rejected/s       p50       p99"


class Call:
    """A user's request or a job, when it has ended."""

    def __init__(self, kind, planned, latency, ending):
        self.kind = kind
        #: When it was to begin, and how long it took from then on, in seconds: who began late kept the user waiting.
        self.planned = planned
        self.latency = latency
        self.ending = ending
        self.phase = None


def millis(latency):
    return "-" if latency is None else f"{latency * 1000:.1f} ms"


def percentile(calls, percent):
    """The smallest latency that at least this share of the calls do not exceed."""
    latencies = sorted(call.latency for call in calls)
    return latencies[max(1, -(-len(latencies) * percent // 100)) - 1] if latencies else None


def count(calls, ending):
    return sum(call.ending == ending for call in calls)


class Run:
    """What a run leaves behind: its calls, each with the phase in which it was planned, and what the upstream received."""

    def __init__(self, url, upstream):
        self.calls = []
        self.phases = []
        self.received = None
        self._upstream = upstream
        self._users = httpx.AsyncClient(base_url=url, timeout=60)
        self._began = None

    def now(self):
        return time.monotonic() - self._began

    def job_done(self, planned, error):
        """For the worker, of each job."""
        ending = "answered" if error is None else "failed" if isinstance(error, httpx.HTTPError) else "rejected"
        self.calls.append(Call("job", planned, self.now() - planned, ending))

    async def request(self, planned):
        answer = await self._users.get("/order")
        self.calls.append(Call("route", planned, self.now() - planned, ENDINGS[answer.status_code]))

    async def job(self, planned):
        (await self._users.post("/jobs", json=planned)).raise_for_status()

    async def _loop(self, begin, first, step, duration):
        """Calls begin when the plan says so, however long the others take."""
        begun = []
        for n in range(int((duration - first) / step) + 1):
            planned = first + n * step
            await asyncio.sleep(max(0, planned - self.now()))
            begun.append(asyncio.ensure_future(begin(planned)))
        await asyncio.gather(*begun)

    async def play(self, breakers, worker, tick):
        """The whole script; `breakers` are the two to show, or none."""
        duration = await self._upstream.start()
        self._began = time.monotonic()
        loops = [self._loop(self.request, n / RATE, LOOPS / RATE, duration) for n in range(LOOPS)]
        load = asyncio.gather(*loops, self._loop(self.job, 0, 1 / JOB_RATE, duration))
        starts = await self._watch(load, breakers, tick)
        await load
        await asyncio.to_thread(worker.finish)
        await self._bring_back(breakers, worker)
        self.phases = list(starts)
        for call in self.calls:
            call.phase = max((p for p in starts if starts[p] <= call.planned), key=starts.get, default=self.phases[0])
        self.received = await self._upstream.stats()
        await self._users.aclose()

    async def _watch(self, load, breakers, tick):
        """A line for every tick until the load is over; tells when each phase began."""
        print(HEAD)
        starts, before, seen, received = {}, 0.0, 0, 0
        planned = tick
        while not load.done():
            await asyncio.wait([load], timeout=max(0, planned - self.now()))
            (phase, elapsed), stats = await asyncio.gather(self._upstream.phase(), self._upstream.stats())
            at, calls = self.now(), self.calls[seen:]
            starts.setdefault(phase, at - elapsed)
            print(_line(at, phase, breakers, at - before, stats["total"] - received, calls))
            before, seen, received = at, seen + len(calls), stats["total"]
            planned += tick
        return starts

    async def _bring_back(self, breakers, worker):
        """On a machine with other work the script may be over before the last probes are: the upstream is well now, so a
        few more calls bring the breakers back."""
        patience = self.now() + 10
        while any(breaker.state != "closed" for breaker in breakers) and self.now() < patience:
            await self.request(self.now())
            await self.job(self.now())
            await asyncio.to_thread(worker.finish)
            await asyncio.sleep(0.02)


def _line(at, phase, breakers, seconds, received, calls):
    endings = Counter(call.ending for call in calls)
    states = [breaker.state.value for breaker in breakers] or ["-", "-"]
    rates = [len(calls), received, endings["failed"] + endings["rejected"], endings["rejected"]]
    columns = [f"{at:6.1f}", phase.ljust(9), *(state.ljust(9) for state in states)]
    columns += [f"{number / seconds:.0f}".rjust(width) for number, width in zip(rates, (7, 10, 10, 10))]
    return "  ".join([*columns, *(millis(percentile(calls, percent)).rjust(8) for percent in (50, 99))])
