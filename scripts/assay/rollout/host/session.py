"""The agent over a pipe: one line of JSON a question, one line an answer.

    {"format": 1, "verb": "route", "folder": "/srv/assay/production", "owner": "...",
     "settings": {...}, "arguments": {"routing": {...}}}
    {"format": 1, "result": ...}    or    {"format": 1, "error": {"kind", "message", "hint"}}

Behind a question with `size` stand so many bytes, a bundle's archive. A question that has begun is
carried through, also where the one who asked goes away.
"""

from __future__ import annotations

import contextlib
import json
import signal
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pydantic import BaseModel

from assay.errors import AssayError, OutsideError, UsageError
from assay.rollout.host.agent import Agent, local
from assay.rollout.host.files import StateError
from assay.rollout.host.settings import HostSettings
from assay.rollout.journal import Event, JournalError
from assay.rollout.targets.base import (
    BusyError,
    FencedError,
    MissingVersionError,
    PlaceError,
    Routing,
    StartError,
    TargetError,
    VersionId,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FORMAT = 1
KINDS: dict[str, type[AssayError]] = {
    kind.__name__: kind
    for kind in (
        BusyError,
        FencedError,
        JournalError,
        MissingVersionError,
        OutsideError,
        PlaceError,
        StartError,
        StateError,
        TargetError,
        UsageError,
    )
}
"""Errors that pass through the pipe as what they are."""
_PIECE = 1 << 20


def _version(value: dict[str, Any] | None) -> VersionId | None:
    return None if value is None else VersionId.model_validate(value)


def _surely(value: dict[str, Any]) -> VersionId:
    return VersionId.model_validate(value)


VERBS: dict[str, Callable[[Agent, dict[str, Any]], Any]] = {
    "acquire": lambda agent, given: agent.acquire(
        given["owner"], given["ttl"], force=given["force"]
    ),
    "release": lambda agent, given: agent.release(given["owner"]),
    "state": lambda agent, _: agent.state(),
    "manifest": lambda agent, given: agent.manifest(_surely(given["version"])),
    "place": lambda agent, given: agent.place_bundle(
        Path(given.get("bundle", "bundle")), _surely(given["version"])
    ),
    "start": lambda agent, given: agent.start(_surely(given["version"])),
    "route": lambda agent, given: agent.route(Routing.model_validate(given["routing"])),
    "observe": lambda agent, _: agent.observe(),
    "stop": lambda agent, given: agent.stop(_surely(given["version"])),
    "promote": lambda agent, given: agent.promote(
        _surely(given["version"]), _version(given["last_good"])
    ),
    "append": lambda agent, given: agent.append(Event.model_validate(given["event"])),
    "events": lambda agent, _: agent.events(),
}


def run(source: IO[bytes], sink: IO[bytes]) -> None:
    """Answer until nobody asks any more."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    while question := source.readline():
        answer = _answered(question, source)
        try:
            sink.write(json.dumps({"format": FORMAT, **answer}).encode() + b"\n")
            sink.flush()
        except BrokenPipeError:
            return


def _answered(question: bytes, source: IO[bytes]) -> dict[str, Any]:
    try:
        asked = json.loads(question)
        if asked["format"] != FORMAT:
            raise UsageError(
                f"The deployer speaks format {asked['format']}; Assay on the host {FORMAT}.",
                hint="Install the same version of Assay on both.",
            )
        return {"result": _plain(_done(asked, source))}
    except AssayError as error:
        return {"error": _error(error)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        problem = UsageError(f"The host was asked what it does not understand: {error!r:.300}")
        return {"error": _error(problem)}
    except OSError as error:
        return {"error": _error(OutsideError(f"On the host: {error}"))}


def _error(error: AssayError) -> dict[str, Any]:
    kinds = [one.__name__ for one in type(error).__mro__ if one.__name__ in KINDS]
    kind = kinds[0] if kinds else "OutsideError"
    return {"kind": kind, "message": error.message, "hint": error.hint}


def _done(asked: dict[str, Any], source: IO[bytes]) -> Any:
    given = asked["settings"]
    settings = None if given is None else HostSettings.model_validate(given)
    agent = local(Path(asked["folder"]), settings, owner=asked["owner"])
    verb, arguments = VERBS[asked["verb"]], asked["arguments"]
    if asked.get("size") is None:
        return verb(agent, arguments)
    with _received(agent, source, asked["size"]) as archive:
        return verb(agent, {**arguments, "bundle": archive})


@contextlib.contextmanager
def _received(agent: Agent, source: IO[bytes], size: int) -> Iterator[Path]:
    """The bytes behind a question as a file. All are read, whatever becomes of them.

    Raises:
        PlaceError: The disk has no room, or the connection ended.
    """
    pieces = _pieces(source, size)
    try:
        agent.place.make()
        with (
            agent.guard().kept(),
            tempfile.TemporaryDirectory(dir=agent.place.folder / "tmp") as folder,
        ):
            path = Path(folder, "bundle.tar.zst")
            with path.open("wb") as file:
                file.writelines(pieces)
            yield path
    except OSError as error:
        raise PlaceError(
            f"The bundle was not taken: {error.strerror}.",
            hint="Make room on the host's disk. Users are answered as before.",
        ) from error
    finally:
        for _ in pieces:
            pass


def _pieces(source: IO[bytes], size: int) -> Iterator[bytes]:
    while size:
        piece = source.read(min(size, _PIECE))
        if not piece:
            raise PlaceError("The bundle did not arrive whole: the connection ended.")
        size -= len(piece)
        yield piece


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
