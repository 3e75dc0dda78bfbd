"""The server against others: requests a second, p99, start to the first answer, memory.

In each round every server is started, asked once, held against the others' answer, loaded and
ended; the ratio of a round is of two servers seconds apart, and the median of the rounds counts.
"""

from __future__ import annotations

import http.client
import json
import math
import os
import shutil
import signal
import socket
import statistics
import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import rollout_load
from benchmarks.harness import ROOT, Bench, CommandFailedError, Row
from benchmarks.rollout_peers import Models, Server, ours, peers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.rollout_load import Load

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))
"""How long each is loaded in a round."""
PATIENCE = 60.0
"""Seconds until a server must have answered."""
_LEAST_REQUESTS = {"FastAPI": 3, "MLServer": 5, "mlflow": 10, "BentoML": 10}


@dataclass(frozen=True)
class Seen:
    """A server in one round."""

    first: float
    """Seconds from its start to its first answer."""
    memory: int
    """Bytes of resident memory after the load, of all its processes."""
    cpu: float
    """Seconds of the processor that a request takes."""
    load: Load
    answer: float


def run(bench: Bench, models: Models) -> None:
    for program in ("wrk", "taskset"):
        if shutil.which(program) is None:
            raise CommandFailedError(f"`{program}` is not installed")
    found, missing = peers(bench, models)
    for name, why in missing.items():
        print(f"   {name} is not measured: {why}", flush=True)
    servers = [*ours(models, bench.folder("predictions")), *found]
    rounds = [_round(bench, servers, number) for number in range(ROUNDS)]
    _rows(bench, [server.name for server in found], rounds)


def _round(bench: Bench, servers: list[Server], number: int) -> dict[str, Seen]:
    order = servers if number % 2 == 0 else servers[::-1]
    seen = {server.name: _look(bench, server) for server in order}
    answers = {name: one.answer for name, one in seen.items()}
    known = next(iter(answers.values()))
    if not all(math.isclose(one, known, rel_tol=1e-9) for one in answers.values()):
        raise CommandFailedError(f"They do not answer alike: {answers}")
    return seen


def _look(bench: Bench, server: Server) -> Seen:
    """Start it, ask it, load it, end it."""
    theirs, own = rollout_load.cores()
    port = _free_port()
    log = bench.scratch / "server.log"
    start = time.perf_counter()
    with running(server, port, core=theirs, log=log) as process:
        answer = _first_answer(server, port, process, log)
        first = time.perf_counter() - start
        url, script = f"http://127.0.0.1:{port}{server.path}", bench.scratch / "load.lua"
        rollout_load.send(url, server.body, seconds=1, script=script, core=own)
        before = _used(process.pid)
        load = rollout_load.send(url, server.body, seconds=SECONDS, script=script, core=own)
        after = _used(process.pid)
    cpu = (after.cpu - before.cpu) / max(1, load.requests)
    seen = Seen(first=first, memory=after.memory, cpu=cpu, load=load, answer=answer)
    if load.errors:
        raise CommandFailedError(f"{server.name}: {load.errors} of {load.requests} failed")
    shown = f"{load.rate:8,.0f}/s, p99 {load.p99 * 1e3:6.1f} ms, {cpu * 1e6:4.0f} us each"
    more = f"first {first:5.2f} s, {seen.memory / 2**20:4.0f} MiB"
    print(f"   {server.name:<16} {shown}, {more}", flush=True)
    return seen


@contextmanager
def running(
    server: Server, port: int, *, core: int, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """It runs, with all that it starts, in a session of its own on one core."""
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": None, **server.env}
    command = ["taskset", "--cpu-list", str(core), *map(str, server.args(port))]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={name: value for name, value in env.items() if value is not None},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _first_answer(server: Server, port: int, process: subprocess.Popen[bytes], log: Path) -> float:
    """The probability that it answers, as soon as it does."""
    late = time.monotonic() + PATIENCE
    while time.monotonic() < late and process.poll() is None:
        try:
            return server.read(json.loads(_ask(server, port)))
        except (OSError, http.client.HTTPException):
            time.sleep(0.002)
    said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise CommandFailedError(f"{server.name} did not answer:\n{said}")


def _ask(server: Server, port: int) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Content-Type": "application/json"}
    try:
        connection.request("POST", server.path, server.body, headers)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status in {404, 502, 503}:  # it is up, and the model is not yet
        raise http.client.HTTPException(content)
    if answer.status != 200:
        raise CommandFailedError(f"{server.name} answers {answer.status}: {content[:500]!r}")
    return content


@dataclass(frozen=True)
class Used:
    """What a process and all that it started have used."""

    memory: int
    """Bytes of resident memory."""
    cpu: float
    """Seconds; those of processes that ended are left out."""


def _used(first: int) -> Used:
    found, parents = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The name of a program, in parentheses, may hold spaces.
            fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            continue
        one = int(folder.name)
        found[one], parents[one] = fields, int(fields[1])
    family = {first}
    while grown := {child for child, parent in parents.items() if parent in family} - family:
        family |= grown
    ours = [found[one] for one in family if one in found]
    return Used(  # proc(5): rss is field 24 in pages, utime and stime are 14 and 15 in ticks
        memory=sum(int(fields[21]) for fields in ours) * os.sysconf("SC_PAGE_SIZE"),
        cpu=sum(int(fields[11]) + int(fields[12]) for fields in ours) / os.sysconf("SC_CLK_TCK"),
    )


def _free_port() -> int:
    """The first of three free ports in a row: MLServer opens three."""
    while True:
        with ExitStack() as stack:
            first, *others = [stack.enter_context(socket.socket()) for _ in range(3)]
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                for at, one in enumerate(others, start=1):
                    one.bind(("127.0.0.1", port + at))
            except (OSError, OverflowError):  # taken, or beyond the last port
                continue
            return port


def _rows(bench: Bench, names: list[str], rounds: list[dict[str, Seen]]) -> None:
    for name in names:
        least = _LEAST_REQUESTS.get(name, -math.inf)
        row = _ratio(rounds, name, "requests/s", lambda one: one.load.rate, limit=least)
        bench.rows.append(replace(row, is_floor=True))
    for name, limit in (("FastAPI", 1 / 3), ("bare Starlette", math.inf)):
        bench.rows.append(
            _ratio(rounds, name, "p99 ms", lambda one: one.load.p99 * 1e3, limit=limit)
        )
    for name in names:
        for what, measure in (
            ("CPU us a request", lambda one: one.cpu * 1e6),
            ("first answer s", lambda one: one.first),
            ("memory MiB", lambda one: one.memory / 2**20),
        ):
            bench.rows.append(_ratio(rounds, name, what, measure, limit=_most(name, what)))


def _ratio(
    rounds: list[dict[str, Seen]],
    name: str,
    what: str,
    measure: Callable[[Seen], float],
    *,
    limit: float,
) -> Row:
    """Ours by another's, as the median of the rounds."""
    mine = _asked_like(name)
    both = [(measure(one[mine]), measure(one[name])) for one in rounds]
    return Row(
        name=f"{what}, {mine}: {name}",
        ours=_shown(statistics.median(pair[0] for pair in both)),
        peer=_shown(statistics.median(pair[1] for pair in both)),
        result=statistics.median(a / b for a, b in both),
        limit=limit,
    )


def _asked_like(name: str) -> str:
    """Ours, by the protocol in which this one is asked."""
    return "ours, V2" if name == "MLServer" else "ours, rows"


def _most(name: str, what: str) -> float:
    held = name == "bare Starlette" and not what.startswith("CPU")
    return 1.5 if held else math.inf


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
