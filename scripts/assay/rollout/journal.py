"""The journal of a target: what rollouts meant to do and did, one JSON object a line.

It is only appended to, and every line is on disk before the next step begins. A process that is
killed while it writes leaves a torn last line: that step was not recorded, and the line is passed
over and told of.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from pydantic import Field, ValidationError

from assay.errors import OutsideError
from assay.rollout.host.files import sync_folder
from assay.section import Fact

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Kind = Literal["begin", "intent", "done", "judged", "note", "end"]
NEWEST = 1
LONG = 1_000_000
"""Bytes: about twenty rollouts."""


class JournalError(OutsideError):
    """A journal is not one, or from a newer version of Assay."""


class Event(Fact):
    """One line."""

    format: Literal[1] = 1
    kind: Kind
    """`begin` and `end` of a rollout; `intent` and `done` of a step; `judged` when an interval
    ended; `note` for all else."""
    rollout: str
    """Which one."""
    time: float
    """Seconds since 1970 by the clock of whoever wrote it; for people, nothing depends on it."""
    what: str = ""
    """In a sentence, for people."""
    facts: dict[str, Any] = Field(default_factory=dict)
    """What a program reads: JSON."""


def line(event: Event) -> bytes:
    """An event as it stands in the file."""
    return event.model_dump_json().encode() + b"\n"


def append(path: Path, event: Event) -> None:
    """Add an event; it is on disk when this returns. Nothing where it is the last one already.

    A torn line before it is closed first, so that the event is not lost with it. A new rollout
    begins a new file once this one is long, for every look at a target reads it.
    """
    data = line(event)
    if event.kind == "begin" and path.exists() and path.stat().st_size > LONG:
        _turn_over(path)
    new = not path.exists()
    with path.open("ab+") as file:
        before = _end(file, len(data))
        if before == data:
            return
        if before and not before.endswith(b"\n"):
            data = b"\n" + data
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_folder(path.parent)


def _turn_over(path: Path) -> None:
    """Keep the file beside itself under another name, and begin with what must not be forgotten.

    Which version is below which (`history.promotions`) is all that later rollouts ask of it.
    """
    kept = [one for one in read(path)[0] if one.facts.get("step") == "promote"]
    numbers = (int(old.name.split(".")[1]) for old in path.parent.glob(f"{path.stem}.*.jsonl"))
    scratch = path.with_name(f".{path.name}.part")
    with scratch.open("wb") as file:
        file.writelines(map(line, kept))
        file.flush()
        os.fsync(file.fileno())
    path.with_name(f"{path.stem}.{max(numbers, default=0) + 1}.jsonl").hardlink_to(path)
    scratch.replace(path)
    sync_folder(path.parent)


def _end(file: BinaryIO, length: int) -> bytes:
    """The last bytes of a file, at most `length` of them."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - length))
    return file.read()


def read(path: Path) -> tuple[list[Event], list[str]]:
    """The events of a file, and notes on lines that were torn.

    Raises:
        JournalError: A line is whole and yet no event: another program wrote here, or a newer
            Assay.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise JournalError(f"The journal {path} cannot be read: {error.strerror}.") from error
    return parse(data, name=str(path))


def parse(data: bytes, *, name: str = "the journal") -> tuple[list[Event], list[str]]:
    """See `read`."""
    events: list[Event] = []
    notes: list[str] = []
    for number, text in enumerate(data.split(b"\n"), 1):
        if not text:
            continue
        try:
            value = json.loads(text)
        except ValueError:
            notes.append(f"Line {number} of {name} is torn: whoever wrote it was killed meanwhile.")
            continue
        events.append(_event(value, number, name))
    return events, notes


def _event(value: object, number: int, name: str) -> Event:
    written = value.get("format") if isinstance(value, dict) else None
    if isinstance(written, int) and written > NEWEST:
        raise JournalError(
            f"Line {number} of {name} has the format {written}; this Assay knows {NEWEST}.",
            hint="Use the version of Assay that wrote it, or a newer one.",
        )
    try:
        return Event.model_validate(value)
    except ValidationError as error:
        raise JournalError(
            f"Line {number} of {name} is no event of a rollout.",
            hint="Something else wrote into the file: move it away, and look at `rollout status`.",
        ) from error


def unfinished(events: Iterable[Event]) -> str | None:
    """The rollout that began last, if it has no end."""
    found: str | None = None
    for event in events:
        if event.kind == "begin":
            found = event.rollout
        elif event.kind == "end" and event.rollout == found:
            found = None
    return found


def of(events: Iterable[Event], rollout: str) -> list[Event]:
    """The events of one rollout."""
    return [event for event in events if event.rollout == rollout]
