"""Users' requests while versions change: wrk checks the status and the body of every answer.

Each of wrk's threads sends one row over and over, so that it knows what a version has to answer.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.harness import CommandFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

PAUSE = 0.003
"""Seconds; by it, users leave a server time for something else, as a real one has."""
BIN = 0.25
"""Seconds for which answers are counted together."""
_SCRIPT = """
local ffi = require("ffi")
ffi.cdef[[typedef struct { long s; long ns; } moment; int clock_gettime(int clock, moment *at);
  int usleep(unsigned int microseconds);]]
local at, threads = ffi.new("moment"), {}

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"

function setup(thread)
  table.insert(threads, thread)
  thread:set("index", #threads)
end

function init(args)
  local all = dofile(args[1])
  wrk.body, expected = all[index].body, all[index].answers
  -- The first thread is asked once for a request that is not sent.
  seen, wrong, lost, example = {}, 0, index == 1 and -1 or 0, ""
  sent = wrk.format()
end

-- A connection that is closed while nothing was asked on it is no failed request; one on which an
-- answer is waited for is. There is one connection a thread.
function request()
  if waiting then lost = lost + 1 end
  waiting = true
  return sent
end

-- The pause is here: then wrk looks whether the connection was closed meanwhile, and opens another
-- one only when it has something to send, as clients do.
function response(status, headers, body)
  waiting = false
  check(status, body)
  ffi.C.usleep(PAUSE)
end

function check(status, body)
  if status == 200 then
    for version, answer in pairs(expected) do
      local named = '"version":"' .. version .. '"'
      if string.find(body, named, 1, true) and string.find(body, answer, 1, true) then
        ffi.C.clock_gettime(0, at)
        local now = tonumber(at.s) + tonumber(at.ns) / 1e9
        local key = version .. " " .. math.floor(now / BIN)
        seen[key] = (seen[key] or 0) + 1
        last = last or {}
        last[version] = now
        return
      end
    end
  end
  wrong = wrong + 1
  if example == "" then example = status .. " " .. body end
end

function done(summary, latency)
  local e = summary.errors
  print("RESULT requests " .. summary.requests)
  print("RESULT seconds " .. summary.duration / 1e6)
  print("RESULT failed " .. e.connect + e.timeout)
  print("RESULT closed " .. e.read + e.write)
  print("RESULT p99 " .. latency:percentile(99) / 1e6)
  for _, thread in ipairs(threads) do
    print("RESULT failed " .. thread:get("lost"))
    print("RESULT wrong " .. thread:get("wrong"))
    print("RESULT example " .. thread:get("example"):gsub("%s", " "))
    for key, count in pairs(thread:get("seen")) do print("SEEN " .. key .. " " .. count) end
    for version, time in pairs(thread:get("last") or {}) do
      print(string.format("LAST %s %.4f", version, time))
    end
  end
end
"""


@dataclass
class Traffic:
    """What users got; complete once the load has ended."""

    requests: int = 0
    seconds: float = 0.0
    failed: int = 0
    """Not connected, not answered, or after more than 10 s."""
    closed: int = 0
    """Connections that were closed, with a request on them or without."""
    wrong: int = 0
    """Answers that are not 200, or that no version gives for the row."""
    examples: list[str] = field(default_factory=list)
    p99: float = 0.0
    counts: dict[str, Counter[float]] = field(default_factory=dict)
    """Version -> start of each bin, in seconds since 1970 -> its answers."""
    last: dict[str, float] = field(default_factory=dict)
    """Version -> when it answered last."""

    @property
    def first(self) -> dict[str, float]:
        """Version -> the bin of its first answer."""
        return {version: min(bins) for version, bins in self.counts.items()}


@dataclass(frozen=True)
class Row:
    """A request, and the predictions in each version's answer, as text."""

    body: str
    answers: Mapping[str, str]


@contextmanager
def under_load(
    url: str, rows: Sequence[Row], folder: Path, *, pause: float = PAUSE
) -> Iterator[Traffic]:
    """Requests until the block ends, by a connection for each row.

    Args:
        url: Where they go.
        rows: What is asked; one for each of wrk's threads.
        folder: For what wrk reads.
        pause: Seconds that a connection waits between an answer and its next request.
    """
    script, given = folder / "traffic.lua", folder / "rows.lua"
    text = _SCRIPT.replace("BIN", str(BIN)).replace("PAUSE", str(round(pause * 1e6)))
    script.write_text(text, encoding="utf-8")
    given.write_text(_lua(rows), encoding="utf-8")
    flags = [f"--threads={len(rows)}", f"--connections={len(rows)}", "--timeout=10s"]
    command = ["wrk", *flags, "--duration=3600s", f"--script={script}", url, "--", given]
    process = subprocess.Popen(
        [str(arg) for arg in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    traffic = Traffic()
    time.sleep(1)
    try:
        yield traffic
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    if "RESULT requests" not in said:
        raise CommandFailedError(f"wrk: {said[-2000:]}")
    _read(said, traffic)


def _lua(rows: Sequence[Row]) -> str:
    """The rows as a table of Lua; JSON's escapes are Lua's for what stands in them."""
    entries = []
    for row in rows:
        answers = ", ".join(
            f"[{json.dumps(version)}] = {json.dumps(text)}" for version, text in row.answers.items()
        )
        entries.append(f"{{body = {json.dumps(row.body)}, answers = {{{answers}}}}}")
    return f"return {{{', '.join(entries)}}}\n"


def _read(said: str, traffic: Traffic) -> None:
    for line in said.splitlines():
        match line.split(" ", 2):
            case ["RESULT", "requests", number]:
                traffic.requests = int(number)
            case ["RESULT", "failed", number]:
                traffic.failed += int(number)
            case ["RESULT", "wrong", number]:
                traffic.wrong += int(number)
            case ["RESULT", "closed", number]:
                traffic.closed = int(number)
            case ["RESULT", "seconds" | "p99" as name, number]:
                setattr(traffic, name, float(number))
            case ["RESULT", "example", text] if text.strip():
                traffic.examples.append(text)
            case ["SEEN", version, rest]:
                at, count = rest.split()
                traffic.counts.setdefault(version, Counter())[int(at) * BIN] += int(count)
            case ["LAST", version, when]:
                traffic.last[version] = max(float(when), traffic.last.get(version, 0.0))
