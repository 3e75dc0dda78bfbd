"""What the owner of a host decides: `target` in `assay.yaml`, as the agent reads it."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from assay.errors import UsageError
from assay.section import Fact

SERVE = ("{assay}", "serve", "{bundle}", "--uds", "{socket}")
# `unix:1` would be the socket of that name.
_LISTEN = re.compile(r"(?!unix:)(?:[A-Za-z0-9_.-]+|\*|\[[0-9A-Fa-f:.]+\]):(\d{1,5})", re.ASCII)
_PORTS = range(1, 65536)


class Trusted(Fact):
    """Whose signature counts; nobody's has to where nothing is given."""

    key: str | None = None
    """A public key, its text."""
    certificate: str | None = None
    """Root certificates, their text."""
    identity: str | None = None
    """The workflow that signs without a key."""
    issuer: str | None = None


class HostSettings(Fact):
    """How the versions of one environment run on one host."""

    listen: str = "127.0.0.1:8080"
    """Where nginx answers: an address and a port."""
    assay: str = "assay"
    """The program on the host that starts a server."""
    serve: tuple[str, ...] = SERVE
    """The command of a server. `{assay}`, `{bundle}`, `{socket}`, `{name}`, `{version}` and
    `{digest}` are put in. What says whose signature counts is added to the usual one."""
    memory: int | None = Field(default=None, gt=0)
    """Bytes that a server may use before it is ended, and started again."""
    keep: int = Field(default=3, ge=2)
    """Bundles that stay on the host; the one in use and the one before it always do."""
    start_timeout: float = Field(default=60, gt=0)
    """Seconds until a version must be ready."""
    drain: float = Field(default=15, ge=0, le=90)
    """Seconds that a server is given to finish its requests."""
    timeout: float = Field(default=15, gt=0)
    """Seconds that nginx waits for an answer of stable."""
    canary_timeout: float = Field(default=2, gt=0)
    """Seconds that nginx waits for the candidate, before stable answers."""
    max_body: int = Field(default=1_048_576, gt=0)
    """Bytes of a request; larger ones are 413."""
    access_log: bool = False
    """Whether nginx writes a line of JSON a request; the servers have a log of their own."""
    keeper: Literal["usual", "supervisor", "systemd", "systemd-user"] = "usual"
    """Who keeps processes running: see `systemd.usual`. It stays what it was at the first time."""
    trusted: Trusted = Trusted()

    @field_validator("listen")
    @classmethod
    def _is_an_address(cls, text: str) -> str:
        return checked_listen(text)


def checked_listen(text: str) -> str:
    """An address for nginx, which therefore holds nothing that its configuration could mean else.

    Raises:
        UsageError: It is none.
    """
    match = _LISTEN.fullmatch(text)
    if match is None or int(match[1]) not in _PORTS:
        raise UsageError(
            f"`listen` is {text!r}, which is no address with a port.",
            hint="An IP address and a port, as 127.0.0.1:8080, 0.0.0.0:80 or [::]:8080.",
        )
    return text
