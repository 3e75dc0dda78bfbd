"""The server of a version: how it is started, whether it is ready, what it has counted."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from typing import TYPE_CHECKING

from pydantic import ValidationError

from assay.rollout.host import bundles, environment, layout, scrape
from assay.rollout.host.files import write_whole
from assay.rollout.host.settings import SERVE
from assay.rollout.host.wanted import Spec
from assay.rollout.snapshot import Snapshot
from assay.rollout.targets.base import Seen, StartError, TargetError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from assay.rollout.host.layout import Layout
    from assay.rollout.host.processes import Processes
    from assay.rollout.host.settings import HostSettings, Trusted
    from assay.rollout.targets.base import VersionId

READY = "/v2/health/ready"
WINDOW = "/assay/window"
SHADOW = "/assay/shadow"
_OK = 200
_LATER = 5
"""Seconds after which nginx gives up a server that should have."""
_LINES = 15
"""Of a log's end that an error shows."""
_BINS = "bins.json"


def spec(place: Layout, settings: HostSettings, version: VersionId, bins: VersionId | None) -> Spec:
    """How the server of a version is started.

    Args:
        place: The folder.
        settings: The owner's.
        version: Which one.
        bins: By whose bins it counts predictions, so that the two can be compared.

    Raises:
        MissingVersionError: Its bundle is not there.
    """
    bundle = bundles.folder(place, version).relative_to(place.folder)
    home = place.version(version.digest)
    values = {
        "assay": settings.assay,
        "bundle": str(bundle),
        "socket": place.socket(version.digest),
        "name": version.name,
        "version": version.version,
        "digest": version.digest,
    }
    argv = tuple(_filled(word, values) for word in settings.serve)
    if settings.serve == SERVE:
        argv += _trust(place, home, settings.trusted)
    env = {"ASSAY_SERVE_ADMIN": "true", "ASSAY_SERVE_VERSION": version.version}
    env |= {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    if (profile := _bins(place, home, bundle, bins)) is not None:
        env["ASSAY_SERVE_BINS"] = profile
    name = layout.process(version.digest)
    return Spec(
        argv=argv,
        log=f"log/{name}.log",
        socket=place.socket(version.digest),
        env=env,
        memory=settings.memory,
        drain=settings.drain,
    )


def _filled(word: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        word = word.replace(f"{{{name}}}", value)
    return word


def _trust(place: Layout, home: Path, trusted: Trusted) -> tuple[str, ...]:
    """Options of `assay serve`."""
    for option, text in (("--key", trusted.key), ("--certificate", trusted.certificate)):
        if text is not None:
            path = home / "trusted.pem"
            write_whole(path, text.encode())
            return (option, str(path.relative_to(place.folder)))
    if trusted.identity is not None:
        more = () if trusted.issuer is None else ("--issuer", trusted.issuer)
        return ("--identity", trusted.identity, *more)
    return ("--unsigned",)


def _bins(place: Layout, home: Path, bundle: Path, of: VersionId | None) -> str | None:
    """The profile by whose bins a version counts; a copy, for it may outlive the other."""
    kept = home / _BINS
    source = None if of is None else place.version(of.digest) / _BINS
    own = place.folder / bundle / "profile.json"
    found = next((one for one in (source, own) if one is not None and one.exists()), None)
    if found is None:
        return None
    if found != kept:
        scratch = home / f".{_BINS}.part"
        shutil.copyfile(found, scratch)
        scratch.replace(kept)
    return str(kept.relative_to(place.folder))


def fitted(place: Layout, settings: HostSettings) -> HostSettings:
    """What nginx must let pass, so that servers decide: their limits may be set by the owner."""
    given = environment.of_file(place.environment)
    more: dict[str, float] = {}
    with contextlib.suppress(KeyError, ValueError):  # what is no number, the server refuses
        more["max_body"] = max(settings.max_body, int(given["ASSAY_SERVE_MAX_BODY"]) + 1)
    with contextlib.suppress(KeyError, ValueError):
        more["timeout"] = max(settings.timeout, float(given["ASSAY_SERVE_TIMEOUT"]) + _LATER)
    return settings.model_copy(update=more)


def ready(path: Path) -> bool:
    """Whether a server says that it may be asked."""
    try:
        return scrape.ask(path, READY, timeout=1).status == _OK
    except OSError:
        return False


def wait(
    place: Layout,
    processes: Processes,
    version: VersionId,
    timeout: float,
    check: Callable[[], None],
) -> None:
    """Wait until a version is ready.

    Args:
        place: The folder.
        processes: Who keeps it running.
        version: Which one.
        timeout: Seconds.
        check: Raises where we should not wait any more.

    Raises:
        StartError: It ended, or was not in time.
    """
    until = time.monotonic() + timeout
    name = layout.process(version.digest)
    before = processes.status(name).restarts
    while not ready(place.folder / place.socket(version.digest)):
        found = processes.status(name)
        if found.restarts > before or (found.pid is None and found.why):
            raise _not_up(place, version, f"it {found.why}")
        if time.monotonic() > until:
            raise _not_up(place, version, f"it was not ready within {timeout:g} s")
        check()
        time.sleep(0.02)


def _not_up(place: Layout, version: VersionId, why: str) -> StartError:
    end = log_end(place, version)
    return StartError(
        f"{version} does not get up: {why}." + (f" Its log ends:\n{end}" if end else ""),
        hint="Users are answered as before. `assay serve-test BUNDLE` tries a bundle anywhere.",
    )


def log_end(place: Layout, version: VersionId) -> str:
    """The last lines that a server printed."""
    path = place.folder / "log" / f"{layout.process(version.digest)}.log"
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 8000))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-_LINES:])


def seen(place: Layout, processes: Processes, version: VersionId) -> Seen:
    """How a version does that should run."""
    found = processes.status(layout.process(version.digest))
    if found.pid is None:
        end = log_end(place, version)
        why = f"It {found.why or 'does not run'}." + (f" Its log ends:\n{end}" if end else "")
        return Seen(version=version, alive=False, restarts=found.restarts, problem=why)
    snapshot, problem = _snapshot(place.folder / place.socket(version.digest))
    if snapshot is None and found.why:
        problem += f" Before, it {found.why}."
    return Seen(version=version, restarts=found.restarts, snapshot=snapshot, problem=problem)


def _snapshot(path: Path) -> tuple[Snapshot | None, str]:
    try:
        answer = scrape.ask(path, WINDOW)
    except OSError as error:
        return None, f"It does not tell what it counted: {error}."
    if answer.status != _OK:
        return None, f"It does not tell what it counted: HTTP {answer.status}."
    with contextlib.suppress(ValidationError):
        return Snapshot.model_validate_json(answer.body), ""
    return None, "What it says that it counted cannot be read."


def shadow(place: Layout, stable: VersionId, candidate: VersionId | None) -> None:
    """Have stable send copies of its requests to the candidate, or to nobody any more.

    Raises:
        TargetError: It does not.
    """
    # The server takes absolute paths; this one is short wherever its folder is.
    socket = None if candidate is None else f"/proc/self/cwd/{place.socket(candidate.digest)}"
    body = json.dumps({"socket": socket, "share": 0.0 if socket is None else 1.0}).encode()
    try:
        answer = scrape.ask(place.folder / place.socket(stable.digest), SHADOW, body=body)
    except OSError as error:
        raise TargetError(f"{stable} cannot be told to send copies: {error}.") from error
    if answer.status not in (_OK, 202, 204):
        said = answer.body.decode(errors="replace")[:300]
        raise TargetError(f"{stable} does not send copies: HTTP {answer.status}: {said}")
