"""wrk, the load: one core for the server, another one for it and for us."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.harness import CommandFailedError

if TYPE_CHECKING:
    from pathlib import Path

CONNECTIONS = 16
# Answers that are no 2xx count as errors, and what wrk itself could not send or read.
_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [==[%s]==]
done = function(summary, latency)
  local errors = 0
  for _, number in pairs(summary.errors) do errors = errors + number end
  local form = '\\n{"requests": %%d, "seconds": %%f, "errors": %%d, "p50": %%f, "p99": %%f}\\n'
  io.write(string.format(form, summary.requests, summary.duration / 1e6, errors,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6))
end
"""


@dataclass(frozen=True)
class Load:
    """What wrk saw; times in seconds."""

    requests: int
    seconds: float
    errors: int
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def cores() -> tuple[int, int]:
    """(the server's, ours): two of those that we may use; one for both where there is one only."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


def send(url: str, body: bytes, *, seconds: float, script: Path, core: int) -> Load:
    """The same request over and over, by 16 connections that stay open."""
    script.write_text(_SCRIPT % body.decode(), encoding="utf-8")
    pinned = ["taskset", "--cpu-list", str(core), "wrk", "--threads=1"]
    flags = [f"--connections={CONNECTIONS}", f"--duration={seconds:g}s", f"--script={script}"]
    done = subprocess.run([*pinned, *flags, url], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise CommandFailedError(f"wrk: {done.stdout}{done.stderr}")
    return Load(**json.loads(done.stdout.splitlines()[-1]))
