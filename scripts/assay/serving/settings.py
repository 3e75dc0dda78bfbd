"""How a server is to behave: where it listens, and what it takes at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class ServeSettings:
    """Limits and places. A request that is beyond a limit is refused, and costs little."""

    host: str = "127.0.0.1"
    port: int = 8080
    """0: any that is free."""
    uds: Path | None = None
    """A unix socket, in place of host and port."""
    max_body: int = 1_000_000
    """Bytes."""
    max_rows: int = 1000
    timeout: float = 10.0
    """Seconds that a client has to send its request, and that the model has to answer it."""
    concurrency: int = 64
    """Requests inside at once; one more is told to come again."""
    drain: float = 10.0
    """Seconds that requests which are inside have when the server is to end."""
    admin: bool = False
    """Whether `/assay/...` is there: only where nobody but the deployer can reach it."""
    version: str | None = None
    """What the version is called; by default the first 12 digits of the bundle's digest."""
    bins: Path | None = None
    """A profile.json by whose edges predictions are counted, in place of the bundle's own."""

    def __post_init__(self) -> None:
        for name, least in (
            ("max_body", 1),
            ("max_rows", 1),
            ("concurrency", 1),
            ("timeout", 0.001),
            ("drain", 0),
            ("port", 0),
        ):
            value = getattr(self, name)
            if not value >= least:
                raise UsageError(f"`--{name.replace('_', '-')}` is {value}; at least {least}.")
        if self.port > 65535:
            raise UsageError(f"`--port` is {self.port}; at most 65535.")
