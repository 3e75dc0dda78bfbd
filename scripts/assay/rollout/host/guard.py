"""Changes of a host, one at a time, and only by who may."""

from __future__ import annotations

import contextlib
import fcntl
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.errors import AssayError
from assay.rollout.host import lease, room
from assay.rollout.targets.base import BusyError, FencedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.rollout.host.layout import Layout

BUSY = 60.0
"""Seconds to wait for another change: one whose caller lost the connection may be under way."""


@dataclass(frozen=True)
class Guard:
    """Of one folder, for one owner."""

    place: Layout
    owner: str | None
    """Who asks; `None` for somebody without a lease."""
    clock: lease.Clock
    patience: float = BUSY

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes anything meanwhile.

        Raises:
            BusyError: Somebody does for longer than we wait.
        """
        with self.place.lock.open("ab") as file:
            until = time.monotonic() + self.patience
            while not _locks(file.fileno()):
                if time.monotonic() > until:
                    raise BusyError(
                        f"Another change of {self.place.folder} takes too long.",
                        hint="It is still under way: try again a little later.",
                    )
                time.sleep(0.02)
            room.use(self.place)
            yield

    @contextmanager
    def changing(self) -> Iterator[None]:
        """A change; the lease begins anew with it, and again at its end.

        Raises:
            FencedError: The lease is somebody else's by now, or nobody's any more.
            BusyError: It is somebody else's, and we never had it.
        """
        with self.locked():
            held = lease.read(self.place.lease)
            if self.owner is not None and (held is None or held.owner != self.owner):
                by = "given back, as by the watchdog" if held is None else f"taken by {held.owner}"
                raise FencedError(
                    f"The lease of {self.owner} was {by}.",
                    hint="Nothing was changed. Look at `assay rollout status`, then deploy again.",
                )
            if self.owner is None and held is not None and not held.expired(self.clock):
                raise self._busy(held)
            self._renew(held)
            try:
                yield
            finally:
                self._renew(held)

    def take(self, owner: str, ttl: float, *, force: bool) -> None:
        """Take the lease, while it is locked.

        Raises:
            BusyError: Somebody else has it, and `force` is not given.
        """
        held = lease.read(self.place.lease)
        others = held is not None and held.owner != owner and not held.expired(self.clock)
        if held is not None and others and not force:
            raise self._busy(held)
        lease.write(self.place.lease, lease.taken(owner, ttl, self.clock))

    def give_back(self, owner: str) -> None:
        """Give it back; nothing where it is somebody else's."""
        with self.locked():
            held = lease.read(self.place.lease)
            if held is not None and held.owner == owner:
                self.place.lease.unlink()

    def renew(self) -> None:
        """Have it begin anew, where it is ours."""
        with self.locked():
            self._renew(lease.read(self.place.lease))

    def check(self) -> None:
        """Whether we may still change something; see `changing`."""
        with self.changing():
            pass

    @contextmanager
    def kept(self) -> Iterator[None]:
        """The lease does not run out meanwhile, however long it takes."""
        held = lease.read(self.place.lease)
        if held is None or held.owner != self.owner:
            yield
            return
        over = threading.Event()

        def keep() -> None:
            while not over.wait(min(held.ttl / 3, 5.0)):
                with contextlib.suppress(AssayError):  # the change itself will say it
                    self.renew()

        thread = threading.Thread(target=keep, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _renew(self, held: lease.Lease | None) -> None:
        if held is not None and self.owner == held.owner:
            lease.write(self.place.lease, lease.taken(held.owner, held.ttl, self.clock))

    def _busy(self, held: lease.Lease) -> BusyError:
        left = held.until - self.clock.now()
        return BusyError(
            f"{held.owner} is changing {self.place.folder}, and may for {left:.0f} s more.",
            hint="Wait until it has ended; `assay rollback` takes over at once.",
        )


def _locks(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
