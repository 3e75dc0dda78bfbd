"""Measures us against a peer: alternately, in one session, as the median ratio of the pairs.

A machine's speed drifts; the two runs of a pair, one right after the other, see the same of it.

A benchmark is a module of this package with one function:

    def run(bench: Bench) -> None:
        ours, peer = Command(["assay", "checkout"]), Command(["dvc", "pull"])
        bench.compare("checkout, warm", ours, peer, limit=1.3)

`ours` and `peer` may also be lists of commands: they are run one after the other and count as one.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache"


@dataclass(frozen=True)
class Command:
    """A program with its arguments; `env` is laid over ours, and `None` there removes a name."""

    args: Sequence[str | Path]
    cwd: Path = ROOT
    env: Mapping[str, str | None] = field(default_factory=dict)
    allowed: Sequence[int] = (0,)
    """Exit codes that are no failure of the measurement."""
    says_seconds: bool = False
    """Its last line says how many seconds count, as without its imports; else all do."""


Commands = Command | Sequence[Command]


@dataclass(frozen=True)
class Taken:
    seconds: float
    peak: int
    """Bytes of resident memory, of the largest process among it and its children."""
    whole: float
    """Seconds from its start to its end, whatever `seconds` leaves out."""


@dataclass(frozen=True)
class Row:
    """One line of the table: a ratio, or a number with a unit of its own."""

    name: str
    ours: str
    peer: str
    result: float
    limit: float
    memory: str = ""
    unit: str = "x"
    is_floor: bool = False
    """The result is to be at least the limit, not at most."""

    @property
    def is_met(self) -> bool:
        return self.result >= self.limit if self.is_floor else self.result <= self.limit


class CommandFailedError(Exception):
    """What was to be measured did not work."""


class Bench:
    """What a benchmark is given: a folder of its own, and a table to add rows to."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.rows: list[Row] = []

    def compare(
        self,
        name: str,
        ours: Commands,
        peer: Commands,
        *,
        limit: float,
        runs: int = 5,
        before: Callable[[], None] = lambda: None,
        warmup: bool = True,
    ) -> Row:
        """Run both alternately and add a row with the median ratio of the pairs.

        Args:
            name: What the row is called.
            ours: What we measure.
            peer: What it is held against.
            limit: The largest ratio that is good enough; infinite where it is only shown.
            runs: How often each is run.
            before: Brings back the state that each run starts from; not measured.
            warmup: Whether to run each once without counting, so that files are in memory.
        """
        sides = {"ours": ours, "peer": peer}
        taken = self.take_turns(name, sides, runs=runs, before=before, warmup=warmup)
        return self.ratio(name, taken["ours"], taken["peer"], limit=limit)

    def take_turns(
        self,
        name: str,
        sides: Mapping[str, Commands],
        *,
        runs: int,
        before: Callable[[], None] = lambda: None,
        warmup: bool = True,
    ) -> dict[str, list[Taken]]:
        """Run any number of sides one after the other, again and again."""
        taken: dict[str, list[Taken]] = {side: [] for side in sides}
        for number in range(-1 if warmup else 0, runs):
            # Who goes first changes, so that neither always finds the other's files in memory.
            order = list(sides) if number % 2 == 0 else list(reversed(sides))
            for side in order:
                before()
                result = _measure(sides[side])
                if number < 0:
                    continue
                taken[side].append(result)
                if result.seconds > 0.3:  # progress where there is something to wait for
                    label = f"{name}: {side} {number + 1}/{runs}"
                    print(f"   {label:<60} {result.seconds:8.2f} s", flush=True)
        return taken

    def ratio(
        self, name: str, ours: Sequence[Taken], peer: Sequence[Taken], *, limit: float
    ) -> Row:
        """Add a row with the median ratio of the pairs."""
        times = [statistics.median(taken.seconds for taken in side) for side in (ours, peer)]
        peaks = [max(taken.peak for taken in side) / 2**20 for side in (ours, peer)]
        row = Row(
            name=name,
            ours=f"{times[0]:.2f} s",
            peer=f"{times[1]:.2f} s",
            result=statistics.median(
                one.seconds / other.seconds for one, other in zip(ours, peer, strict=True)
            ),
            limit=limit,
            memory=f"{peaks[0]:.0f} / {peaks[1]:.0f} MiB",
        )
        self.rows.append(row)
        return row

    def number(self, name: str, value: float, *, limit: float, unit: str) -> Row:
        """Add a row for something that is not a comparison."""
        row = Row(name=name, ours="", peer="", result=value, limit=limit, unit=unit)
        self.rows.append(row)
        return row

    def venv(self, name: str, *requirements: str) -> Path:
        """The `bin` folder of an environment with these packages; kept from run to run."""
        key = hashlib.sha256("\n".join(requirements).encode()).hexdigest()[:12]
        folder = CACHE / "bench" / f"{name}-{key}"
        if not (folder / "done").is_file():
            uv = uv_program()
            subprocess.run([uv, "venv", "--quiet", "--clear", folder], check=True)
            python = f"--python={folder / 'bin' / 'python'}"
            install = [uv, "pip", "install", "--quiet", python, *requirements]
            subprocess.run(install, check=True)
            (folder / "done").touch()
        return folder / "bin"

    def folder(self, name: str) -> Path:
        """An empty folder in the scratch space of this benchmark."""
        path = self.scratch / name
        remove(path)
        path.mkdir(parents=True)
        return path


def remove(*paths: Path) -> None:
    """Delete folders, whatever the permissions of the files in them (uv's cache, DVC's cache)."""
    for path in paths:
        if path.exists():
            subprocess.run(["chmod", "-R", "u+w", str(path)], check=True)
            shutil.rmtree(path)


def uv_program() -> Path:
    """The uv that the project itself uses."""
    from assay.environment.launch import Launcher

    environ = {**os.environ, "ASSAY_HOME": str(CACHE)}
    return Launcher(environ, out=sys.stderr).uv().program


def _measure(commands: Commands) -> Taken:
    listed = [commands] if isinstance(commands, Command) else commands
    each = [_run(command) for command in listed]
    return Taken(
        seconds=sum(taken.seconds for taken in each),
        peak=max(taken.peak for taken in each),
        whole=sum(taken.whole for taken in each),
    )


def _run(command: Command) -> Taken:
    # Where this is set, Python compiles every module anew: that is what would be measured.
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": None, **command.env}
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(arg) for arg in command.args],
            cwd=command.cwd,
            env={name: value for name, value in env.items() if value is not None},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        whole = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)  # wait4 took it from Popen
        output.seek(0)
        said = output.read().decode(errors="replace")[-3000:]
    if process.returncode not in command.allowed:
        shown = " ".join(map(str, command.args))
        message = f"`{shown}` ended with exit code {process.returncode}:\n{said}"
        raise CommandFailedError(message)
    seconds = float(said.splitlines()[-1]) if command.says_seconds else whole
    unit = 1 if sys.platform == "darwin" else 1024
    return Taken(seconds=seconds, peak=usage.ru_maxrss * unit, whole=whole)


def _limit(row: Row) -> str:
    if not math.isfinite(row.limit):
        return ""
    return f"{'>= ' if row.is_floor else ''}{round(row.limit, 3):g} {row.unit}"


def table(rows: Sequence[Row]) -> str:
    """The rows for people."""
    head = ("", "ours", "peer", "result", "limit", "peak memory", "")
    lines = [head] + [
        (
            row.name,
            row.ours,
            row.peer,
            f"{row.result:.2f} {row.unit}",
            _limit(row),
            row.memory,
            "" if math.isinf(row.limit) else "ok" if row.is_met else "MISSED",
        )
        for row in rows
    ]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
