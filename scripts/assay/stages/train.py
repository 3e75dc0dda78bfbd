"""train: `dvc repro` here, or proof that somebody ran it elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from assay.config import TrainMode
from assay.console import printable
from assay.errors import AssayError, ProgramError
from assay.section import Fact, Reason, Section, Status
from assay.stages.checkout import no_lock
from assay.workspace import dvccli, lockcheck
from assay.workspace.git import WorkTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from assay.context import Context

_MOST_SHOWN = 5
Outcome = Literal["ran", "restored", "unchanged", "verified", "stale", "failed"]


class StageRun(Fact):
    """What happened to one stage of `dvc.yaml`."""

    name: str
    outcome: Outcome
    """`restored`: DVC's run cache had its outputs. `stale`: `dvc.lock` does not match."""
    seconds: float | None = None
    """Wall time, where it ran."""
    changes: tuple[str, ...] = ()
    """Why it is stale: `params.yaml train.depth modified`."""


class TrainSection(Section):
    """The stages of the pipeline."""

    mode: TrainMode = "run"
    stages: tuple[StageRun, ...] = ()


def run(context: Context) -> TrainSection:
    """Train, verify or skip, as `train:` in `assay.yaml` says.

    Raises:
        ProgramError: DVC is not installed, or answers what we do not understand.
        RepositoryError: There is no dvc.lock to verify.
    """
    mode = context.config.train
    if mode == "skip":
        return _not_trained(context)
    files = context.workspace.head_files()
    if not files.stages:
        return _skipped(mode, "There is no pipeline in dvc.yaml, so nothing to train.")
    if mode == "run":
        return _repro(context)
    if not files.has_lock:
        raise no_lock()
    return _verify(context, files.stages)


def _skipped(mode: TrainMode, why: str) -> TrainSection:
    reason = Reason(message=why, severity="note")
    return TrainSection(status=Status.SKIPPED, reasons=(reason,), mode=mode)


def _not_trained(context: Context) -> TrainSection:
    """Skipped, as it was asked for; with a warning where what is evaluated may be outdated."""
    section = _skipped("skip", "Training is skipped: `train: skip`.")
    workspace = context.workspace
    try:
        files = workspace.head_files()
        found = lockcheck.outdated(workspace.root, WorkTree(workspace.git), files)
    except (AssayError, OSError):
        return section  # checkout says what is wrong with these files
    if not found:
        return section
    shown = ", ".join(f"`{printable(name)}`" for name in found[:_MOST_SHOWN])
    more = f" and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
    reason = Reason(
        message="Nothing was trained, and dvc.lock is of other code or parameters: "
        f"{shown}{more}. Metrics and predictions may be of another commit.",
        severity="warning",
        file="dvc.lock",
        hint="Run `dvc repro`, commit dvc.lock, and `dvc push`.",
    )
    return section.model_copy(update={"status": Status.WARN, "reasons": (reason, *section.reasons)})


# --- run ----------------------------------------------------------------------------------------


def _repro(context: Context) -> TrainSection:
    stages = _Stages(context.clock)
    workspace = context.workspace
    # Without an argument DVC only sees the dvc.yaml in this folder, and not those further down.
    nested = any(":" in name for name in workspace.head_files().stages)
    # What the run cache knows of a stage are hashes: its outputs are still in the remote.
    pull = workspace.dvc.remote() is not None

    def on_line(line: str) -> None:
        context.console.raw(line)
        stages.read(line)

    with context.console.untrusted():
        done = workspace.dvc.stream(
            "repro",
            *(["--all-pipelines"] if nested else []),
            *(["--pull"] if pull else []),
            on_line=on_line,
        )
    runs = stages.finish(failed=done.code != 0)
    if done.code == 0:
        return TrainSection(status=Status.PASS, mode="run", stages=runs)
    failed = next((run.name for run in runs if run.outcome == "failed"), None)
    detail = dvccli.explanation(done.tail) or f"dvc {done.ending}"
    detail = _REPEATED.sub("", detail).rstrip(".")
    reason = Reason(
        message=f"Training failed{f' in stage `{printable(failed)}`' if failed else ''}: {detail}.",
        file="dvc.yaml",
        hint=_OUT_OF_MEMORY if _KILLED.search(detail) else _SEE_LOG,
    )
    return TrainSection(status=Status.FAIL, reasons=(reason,), mode="run", stages=runs)


_REPEATED = re.compile(r"^failed to reproduce '[^']*': (?:failed to run: )?")
"""What DVC says before the cause, and the reason says already."""
_SEE_LOG = "The output of the stage is in the log of `train`."
_OUT_OF_MEMORY = (
    f"SIGKILL mostly means that memory ran out: use less, or a larger runner. {_SEE_LOG}"
)
# As Python and as a shell say it: which of them runs a stage depends on the system.
_KILLED = re.compile(r"exited with (-9|137)\b|killed by SIGKILL")


class _Stages:
    """Reads what `dvc repro` says about its stages, and times them."""

    # https://github.com/iterative/dvc/blob/main/dvc/stage/run.py and .../stage/__init__.py
    _SAYINGS: tuple[tuple[re.Pattern[str], Outcome], ...] = (
        (re.compile(r"Running stage '(.+)':$"), "ran"),
        (re.compile(r"Stage '(.+)' didn't change, skipping$"), "unchanged"),
        # With `--pull`, of a stage that matches dvc.lock and whose outputs are not here.
        (re.compile(r"Pulling data for stage: '(.+(?<!\.dvc))'$"), "unchanged"),
        (re.compile(r"Stage '(.+)' is cached - skipping run, checking out outputs$"), "restored"),
    )

    _FAILURE = re.compile(r"ERROR: failed to reproduce '(.+?)':")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._runs: list[StageRun] = []
        self._since = 0.0
        self._failed: str | None = None

    def read(self, line: str) -> None:
        """Take note of a line, if it is DVC's about a stage."""
        for pattern, outcome in self._SAYINGS:
            if match := pattern.match(line):
                self._close()
                if self._runs and self._runs[-1].name == match[1]:
                    self._runs.pop()  # what could not be pulled is run after all
                self._runs.append(StageRun(name=match[1], outcome=outcome))
                self._since = self._clock()
        if match := self._FAILURE.match(line):
            self._failed = self._failed or match[1]

    def finish(self, *, failed: bool) -> tuple[StageRun, ...]:
        """All stages; the one that DVC names failed, or else the one that was running."""
        self._close()
        if failed and self._failed is not None and self._failed not in {r.name for r in self._runs}:
            self._runs.append(StageRun(name=self._failed, outcome="failed"))
        elif failed and self._runs and self._runs[-1].outcome == "ran":
            self._runs[-1] = self._runs[-1].model_copy(update={"outcome": "failed"})
        return tuple(self._runs)

    def _close(self) -> None:
        if self._runs and self._runs[-1].outcome == "ran" and self._runs[-1].seconds is None:
            seconds = round(self._clock() - self._since, 3)
            self._runs[-1] = self._runs[-1].model_copy(update={"seconds": seconds})


# --- verify -------------------------------------------------------------------------------------


def _verify(context: Context, names: tuple[str, ...]) -> TrainSection:
    status = context.workspace.dvc.json("status", "--json")
    if not isinstance(status, dict):
        raise ProgramError("`dvc status` answered what we do not understand.")
    stale = {
        name: tuple(_changes(entries))
        for name, entries in status.items()
        # `always_changed: true` in dvc.yaml: that alone says nothing about dvc.lock.
        if entries != ["always changed"]
    }
    runs = [StageRun(name=name, outcome="stale", changes=why) for name, why in stale.items()]
    runs += [
        StageRun(name=name, outcome="verified")
        for name in names
        if not any(s == name or s.startswith(f"{name}@") for s in stale)
    ]
    if not stale:
        return TrainSection(status=Status.PASS, mode="verify", stages=tuple(runs))
    reasons = tuple(
        Reason(
            message=f"`{printable(name)}` is stale: {'; '.join(why) or 'it changed'}.",
            file="dvc.lock",
            hint="Run `dvc repro`, commit dvc.lock, and `dvc push`.",
        )
        for name, why in stale.items()
    )
    return TrainSection(status=Status.FAIL, reasons=reasons, mode="verify", stages=tuple(runs))


def _changes(entries: list[Any]) -> Iterator[str]:
    """What `dvc status` lists for a stage, flat: `params.yaml train.depth modified`."""
    for entry in entries:
        if isinstance(entry, str):  # "changed command", "always changed"
            yield printable(entry)
            continue
        for changed in entry.values():
            yield from _flat(changed)


def _flat(changed: Mapping[str, Any]) -> Iterator[str]:
    for path, how in changed.items():
        if isinstance(how, dict):
            for key, state in how.items():
                yield printable(f"{path} {key} {state}")
        else:
            yield printable(f"{path} {how}")
