"""The upstream: `examples/upstream` as a process of its own, on a free port of loopback."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
BUILD = "cargo run --quiet --locked -p fusewire-upstream --"


class Upstream:
    """It ends with `stop()`, and by itself should this process die: its standard input is a pipe."""

    def __init__(self, scale):
        command = shlex.split(os.environ.get("FUSEWIRE_UPSTREAM") or BUILD)
        self._process = subprocess.Popen(
            [*command, "--until-eof", "--scale", str(scale)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self._process.stdout.readline().strip()
        found = re.fullmatch(r"listening on (.+)", line)
        if found is None:
            self.stop()
            raise RuntimeError(f"the upstream did not say where it listens, but {line!r}")
        self.url = found.group(1)
        self._control = httpx.AsyncClient(base_url=self.url)

    async def _ask(self, method, path):
        answer = await self._control.request(method, path)
        answer.raise_for_status()
        return answer.json()

    async def start(self):
        """Begins the script again; tells how long it lasts, in seconds."""
        return (await self._ask("POST", "/start"))["script_remaining_ms"] / 1000

    async def phase(self):
        """The name of the phase, and for how many seconds it has lasted."""
        told = await self._ask("GET", "/phase")
        return told["phase"], told["elapsed_ms"] / 1000

    async def stats(self):
        """The calls that it received: `total`, `by_phase` and `by_tag`."""
        return await self._ask("GET", "/stats")

    def stop(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
