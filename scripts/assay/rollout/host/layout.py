"""The folder of one environment on a host: what is where."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{12,64})")
KEY = 12
FOLDERS = ("versions", "run", "routes", "log", "nginx", "tmp")
SOCKET = 107
"""Bytes that the path of a unix socket may have (`sun_path` of unix(7), without its end)."""


def key(digest: str) -> str:
    """What a version is called on the host: the beginning of its digest.

    Raises:
        UsageError: It is no digest, so it could be a path that leads elsewhere.
    """
    match = _DIGEST.fullmatch(digest)
    if match is None:
        raise UsageError(f"{digest!r} is no digest of a bundle.")
    return match[1][:KEY]


def process(digest: str) -> str:
    """The name of a version's server among the processes."""
    return f"server-{key(digest)}"


@dataclass(frozen=True)
class Layout:
    """Paths below one folder; every program of the host runs in it.

    nginx and the servers are given paths relative to it: so none is longer than a socket's path may
    be, and the folder's own name stands in no configuration.
    """

    folder: Path

    @property
    def settings(self) -> Path:
        """`HostSettings`, as they were brought last."""
        return self.folder / "settings.json"

    @property
    def state(self) -> Path:
        """`agent.Promoted`."""
        return self.folder / "state.json"

    @property
    def journal(self) -> Path:
        """What rollouts meant to do and did."""
        return self.folder / "journal.jsonl"

    @property
    def lease(self) -> Path:
        """Who may change something."""
        return self.folder / "lease.json"

    @property
    def wanted(self) -> Path:
        """The processes that should run."""
        return self.folder / "wanted.json"

    @property
    def reserve(self) -> Path:
        """Of room on the disk: `room.py`."""
        return self.folder / "reserve"

    @property
    def lock(self) -> Path:
        """Held by whoever changes something."""
        return self.folder / "run" / "lock"

    @property
    def keeper(self) -> Path:
        """Who keeps processes running, once that is decided."""
        return self.folder / "keeper.json"

    @property
    def supervisor(self) -> Path:
        """Which process is the supervisor."""
        return self.folder / "run" / "supervisor.json"

    @property
    def environment(self) -> Path:
        """`NAME=value` lines that the owner may put here for the servers, as for API keys."""
        return self.folder / "environment"

    @property
    def current(self) -> Path:
        """A link to the route that is in use."""
        return self.folder / "current"

    @property
    def routes(self) -> Path:
        """All routings of late."""
        return self.folder / "routes"

    @property
    def nginx(self) -> Path:
        """The configuration of nginx."""
        return self.folder / "nginx" / "nginx.conf"

    @property
    def draining(self) -> Path:
        """While it exists, nginx closes each connection behind its answer."""
        return self.folder / "run" / "drain"

    def version(self, digest: str) -> Path:
        """The folder of a version."""
        return self.folder / "versions" / key(digest)

    def socket(self, digest: str) -> str:
        """Relative to the folder."""
        return f"run/{key(digest)}.sock"

    def make(self) -> None:
        """Make the folder for its owner alone.

        Raises:
            UsageError: It cannot be made, or is somebody else's.
        """
        if not str(self.folder).isprintable():
            raise UsageError(f"{str(self.folder)!r} cannot be a folder of versions.")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.folder.stat().st_uid != os.geteuid():
                # Root could use it; and its owner could then have root run what they like.
                raise PermissionError(errno.EPERM, "it belongs to another user")
            self.folder.chmod(0o700)
            for name in FOLDERS:
                (self.folder / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"The folder {self.folder} cannot be used: {error.strerror}.",
                hint="Make it, and give it to the user as whom versions run: "
                "`sudo install -d -m 700 -o USER FOLDER`.",
            ) from error
