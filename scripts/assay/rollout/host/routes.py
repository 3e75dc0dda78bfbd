"""Who answers which request: a folder a routing, and one link to the one that is in use.

nginx looks up `current/...` at each request, so a shift is the renaming of one link: all requests
after it go the new way, nothing is loaded again, and there is nothing that could be refused.

    current -> routes/000007
    routes/000007/stable.sock -> ../../run/3f....sock
    routes/000007/canary.sock -> ../../run/91....sock
    routes/000007/canary/00 ... 04      one empty file a slot of 1 %
    routes/000007/routing.json
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from pydantic import ValidationError

from assay.rollout.host import layout
from assay.rollout.host.files import StateError, sync_folder, unreadable, write_whole
from assay.rollout.targets.base import Routing

if TYPE_CHECKING:
    from pathlib import Path

    from assay.rollout.host.layout import Layout

KEPT = 5
"""Routes behind the one in use: requests that began before a shift may still look there."""


def read(place: Layout) -> Routing | None:
    """The routing in use; `None` before the first.

    Raises:
        StateError: It cannot be read.
    """
    path = place.current / "routing.json"
    try:
        return Routing.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        if place.current.is_symlink():
            raise unreadable(path) from None
        return None
    except ValidationError:
        raise unreadable(path) from None


def switch(place: Layout, routing: Routing) -> None:
    """Put a routing into use, at once.

    Raises:
        StateError: The disk refused it; then the old one stays in use.
    """
    last = max(_numbers(place), default=0)
    made = place.routes / f"{last + 1:06d}"
    scratch = place.routes / ".part"
    link = place.folder / ".current.part"
    try:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        _fill(scratch, place, routing)
        scratch.rename(made)
        sync_folder(place.routes)
        link.unlink(missing_ok=True)
        link.symlink_to(f"routes/{made.name}")
        link.rename(place.current)
        sync_folder(place.folder)
    except OSError as error:
        raise StateError(
            f"The way of requests cannot be changed in {place.folder}: {error.strerror}.",
            hint="Make room on the disk. Users are answered as before.",
        ) from error
    _prune(place)


def _fill(folder: Path, place: Layout, routing: Routing) -> None:
    (folder / "stable.sock").symlink_to(f"../../{place.socket(routing.stable.digest)}")
    canary = folder / "canary"
    canary.mkdir(mode=0o700)
    if routing.candidate is not None:
        (folder / "canary.sock").symlink_to(f"../../{place.socket(routing.candidate.digest)}")
        for slot in range(routing.percent):
            (canary / f"{slot:02d}").touch(mode=0o600)
    write_whole(folder / "routing.json", routing.model_dump_json().encode() + b"\n")


def _numbers(place: Layout) -> list[int]:
    return [int(path.name) for path in place.routes.iterdir() if path.name.isdecimal()]


def _prune(place: Layout) -> None:
    """Remove routes that no request can look at any more; never the one in use."""
    used = place.current.readlink().name
    for number in sorted(_numbers(place))[:-KEPT]:
        name = f"{number:06d}"
        if name != used:
            shutil.rmtree(place.routes / name, ignore_errors=True)


def answers(routing: Routing | None) -> set[str]:
    """The names of the servers that a routing needs."""
    if routing is None:
        return set()
    both = (routing.stable, routing.candidate)
    return {layout.process(one.digest) for one in both if one is not None}
