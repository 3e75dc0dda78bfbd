"""Who may change a host: one owner, for so long, counted by a clock that nobody can set.

CLOCK_BOOTTIME counts also while the machine sleeps and never jumps; it begins anew with each boot,
so a lease names its boot, and one of another boot has run out.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.rollout.host.files import read_json, unreadable, write_json

if TYPE_CHECKING:
    from collections.abc import Callable

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Another value after each boot."""
    return _BOOT.read_text(encoding="ascii").strip()


def boottime() -> float:
    """Seconds since the boot."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class Clock:
    """The two above; tests put in others."""

    now: Callable[[], float] = boottime
    boot: Callable[[], str] = boot_id


@dataclass(frozen=True)
class Lease:
    """As it stands in `lease.json`."""

    owner: str
    ttl: float
    """Seconds."""
    until: float
    """Seconds since the boot."""
    boot: str

    def expired(self, clock: Clock) -> bool:
        """Whether it has run out: from the very moment on that it names."""
        return self.boot != clock.boot() or clock.now() >= self.until


def taken(owner: str, ttl: float, clock: Clock) -> Lease:
    """A lease from now on."""
    return Lease(owner, ttl, clock.now() + ttl, clock.boot())


def read(path: Path) -> Lease | None:
    """The lease; `None` where nobody has one.

    Raises:
        StateError: The file is damaged.
    """
    found = read_json(path)
    if found is None:
        return None
    try:
        lease = Lease(**found)
    except TypeError:
        raise unreadable(path) from None
    sound = all(isinstance(one, int | float) for one in (lease.ttl, lease.until))
    if not sound or not isinstance(lease.owner, str) or not isinstance(lease.boot, str):
        raise unreadable(path)
    return lease


def write(path: Path, lease: Lease) -> None:
    """Put a lease in the place of any other."""
    write_json(path, asdict(lease))
