"""Which processes should run on a host, and how each does: files between agent and supervisor."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from assay.rollout.host.files import read_json, unreadable, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from assay.rollout.host.layout import Layout


@dataclass(frozen=True)
class Spec:
    """A process that should run. Paths are relative to the folder, in which it is started."""

    argv: tuple[str, ...]
    log: str
    socket: str
    """That it listens on; a file that is left of an earlier one is removed before it starts."""
    env: dict[str, str] = field(default_factory=dict)
    memory: int | None = None
    """Bytes, resident; above them it is killed."""
    drain: float = 15
    """Seconds from the signal to its end; after them it is killed."""
    signal: str = "SIGTERM"
    """That asks it to finish what it does and end."""


@dataclass(frozen=True)
class Status:
    """How a process does."""

    pid: int | None = None
    """`None` while it does not run."""
    born: int = 0
    """With `pid`: which process of that number; see `proc.Process`."""
    boot: str = ""
    restarts: int = 0
    """How often it ended by itself since it was asked for."""
    why: str = ""
    """How it ended the last time."""


def read(place: Layout) -> dict[str, Spec]:
    """All processes that should run.

    Raises:
        StateError: The file is damaged.
    """
    found = read_json(place.wanted)
    if found is None:
        return {}
    try:
        return {name: _spec(value) for name, value in found.items()}
    except (TypeError, KeyError):
        raise unreadable(place.wanted) from None


def _spec(value: dict[str, Any]) -> Spec:
    return Spec(**{**value, "argv": tuple(value["argv"])})


def write(place: Layout, specs: dict[str, Spec]) -> None:
    """Put all of them in the place of those before."""
    write_json(place.wanted, {name: asdict(spec) for name, spec in specs.items()})


def add(place: Layout, name: str, spec: Spec) -> None:
    """One more that should run."""
    specs = read(place)
    if specs.get(name) != spec:
        write(place, {**specs, name: spec})


def remove(place: Layout, name: str) -> None:
    """One less."""
    specs = read(place)
    if specs.pop(name, None) is not None:
        write(place, specs)


def status_file(place: Layout, name: str) -> Path:
    """Where it is written how a process does."""
    return place.folder / "run" / f"{name}.status"


def status(place: Layout, name: str) -> Status | None:
    """How a process does; `None` where it was never started."""
    path = status_file(place, name)
    found = read_json(path)
    if found is None:
        return None
    try:
        return Status(**found)
    except TypeError:
        raise unreadable(path) from None


def note(place: Layout, name: str, found: Status) -> None:
    """Write down how a process does."""
    write_json(status_file(place, name), asdict(found))


def forget(place: Layout, name: str) -> None:
    """Remove that, once a process is gone for good."""
    status_file(place, name).unlink(missing_ok=True)
