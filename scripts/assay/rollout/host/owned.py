"""What the owner of a host decided, as its folder has it: settings, and who keeps processes."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from assay.errors import UsageError
from assay.rollout.host.files import read_json, unreadable, write_json, write_whole
from assay.rollout.host.processes import Processes, Supervised
from assay.rollout.host.settings import HostSettings
from assay.rollout.host.systemd import Kind, Systemd, usual

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.rollout.host.layout import Layout

_KEEPERS: dict[Kind, Callable[[Layout], Processes]] = {
    "supervisor": Supervised,
    "systemd": lambda place: Systemd(place, user=False),
    "systemd-user": lambda place: Systemd(place, user=True),
}


def settings(place: Layout) -> HostSettings:
    """As a deployer brought them the last time.

    Raises:
        StateError: They cannot be read.
    """
    try:
        return HostSettings.model_validate_json(place.settings.read_bytes())
    except FileNotFoundError:
        return HostSettings()
    except (ValidationError, UsageError):
        raise unreadable(place.settings) from None


def keep(place: Layout, given: HostSettings) -> None:
    """Write down a deployer's settings, by which `up`, a rollback and the watchdog act."""
    text = given.model_dump_json(indent=1).encode() + b"\n"
    if not place.settings.exists() or place.settings.read_bytes() != text:
        write_whole(place.settings, text)


def processes(place: Layout) -> Processes:
    """Who keeps processes running here.

    Raises:
        StateError: What says so cannot be read.
    """
    found = read_json(place.keeper) or {}
    kind = found.get("kind", "supervisor")
    if kind not in _KEEPERS:
        raise unreadable(place.keeper)
    return _KEEPERS[kind](place)


def decide(place: Layout, asked: str) -> bool:
    """Write down, once and for all, who keeps processes running; whether it was not known yet."""
    if place.keeper.exists():
        return False
    write_json(place.keeper, {"kind": usual() if asked == "usual" else asked})
    return True


def program(name: str) -> str:
    """The path of a program, since daemons may have another PATH later; ours, where it is ours."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name) or name
