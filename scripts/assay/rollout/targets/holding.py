"""Who may change an environment whose files are here: a lease, and whether its owner lives."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from assay.errors import AssayError
from assay.rollout.host import lease
from assay.rollout.targets.base import BusyError, FencedError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Holding:
    """One process's hold of a folder."""

    folder: Path
    name: str
    """What people call it."""
    clock: lease.Clock = field(default_factory=lease.Clock)
    owner: str | None = None
    alive: BinaryIO | None = None
    """The file whose lock says that the owner of the lease lives."""

    @property
    def lease(self) -> lease.Lease | None:
        """Whose it is; `None` where it is nobody's, or has run out."""
        held = lease.read(self._file)
        return None if held is None or held.expired(self.clock) else held

    @property
    def _file(self) -> Path:
        return self.folder / "lease.json"

    def acquire(self, owner: str, ttl: float, *, force: bool = False) -> None:
        """See `Target.acquire`. Of a process that was killed nobody waits for the lease's end."""
        with self._locked():
            held = lease.read(self._file)
            theirs = held is not None and held.owner != owner and not held.expired(self.clock)
            if held is not None and theirs and not force and self._lives(held.owner):
                raise BusyError(
                    f"{held.owner} is changing {self.name}, and may for "
                    f"{held.until - self.clock.now():.0f} s more.",
                    hint="Wait until it has ended; `assay rollback` takes over at once.",
                )
            self._live(owner)
            lease.write(self._file, lease.taken(owner, ttl, self.clock))
        self.owner = owner

    def release(self, owner: str) -> None:
        """See `Target.release`."""
        with self._locked():
            held = lease.read(self._file)
            if held is not None and held.owner == owner:
                self._file.unlink()
        self.owner = None
        self.close()

    def close(self) -> None:
        """Let others know that this one is gone."""
        if self.alive is not None:
            Path(self.alive.name).unlink(missing_ok=True)
            self.alive.close()
            self.alive = None

    def _live(self, owner: str) -> None:
        """Hold a lock that the kernel takes away when this process ends, however it does."""
        self.close()
        self.alive = self._sign(owner).open("ab")
        with contextlib.suppress(BlockingIOError):  # another object of the same owner has it
            fcntl.flock(self.alive, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _lives(self, owner: str) -> bool:
        """Whether the process of an owner still runs."""
        sign = self._sign(owner)
        if not sign.exists():
            return False
        with sign.open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _sign(self, owner: str) -> Path:
        return self.folder / f"alive-{hashlib.sha256(owner.encode()).hexdigest()[:12]}"

    def renew(self, longest: float = 0.0) -> None:
        """Hold the lease for longer; everything that changes something begins with it.

        Args:
            longest: Seconds beside the lease's own that nobody is to take over.

        Raises:
            FencedError: It is somebody else's.
        """
        with self._locked():
            held = lease.read(self._file)
            if held is None or held.owner != self.owner:
                by = "given back" if held is None else f"taken by {held.owner}"
                raise FencedError(f"The lease of {self.owner} on {self.name} was {by}.")
            until = self.clock.now() + held.ttl + longest
            kept = lease.Lease(held.owner, held.ttl, until, self.clock.boot())
            lease.write(self._file, kept)

    @contextlib.contextmanager
    def changing(self, longest: float) -> Iterator[None]:
        """What others may do meanwhile: take over."""
        self.renew(longest)
        try:
            yield
        finally:
            with contextlib.suppress(AssayError):
                self.shorten()

    def shorten(self) -> None:
        """What a program did not need of its time is not kept from others."""
        with self._locked():
            held = lease.read(self._file)
            if held is not None and held.owner == self.owner:
                fresh = lease.taken(held.owner, held.ttl, self.clock)
                lease.write(self._file, fresh)

    @contextlib.contextmanager
    def moving(self, longest: float) -> Iterator[int]:
        """Nobody else moves traffic meanwhile, also not who takes over: one after the other.

        The program inherits the lock and holds it to its end, should we be killed. Longer than it
        may take nobody waits.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "moving").open("ab") as file:
            end = time.monotonic() + longest
            while time.monotonic() < end:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                time.sleep(0.02)
            with self.changing(longest):
                yield file.fileno()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
