"""The bundles on a host: taken in whole and verified, and removed when nobody needs them."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, ValidationError

from assay.errors import AssayError
from assay.rollout.host.files import unreadable, write_whole
from assay.rollout.targets.base import (
    BusyError,
    FencedError,
    MissingVersionError,
    PlaceError,
    VersionId,
)
from assay.section import Fact

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from assay.packaging.signing import Trust
    from assay.rollout.host.layout import Layout
    from assay.rollout.host.settings import Trusted

    Receive = Callable[[Path, Path, VersionId, Trusted], Path]

_FACTS = "version.json"
"""It is there when all of a bundle is."""
_AGAIN = "Nothing of it was used, and users are answered as before."


class Placed(Fact):
    """What is written beside a bundle."""

    id: VersionId
    bundle: str
    """The name of its folder."""
    order: int = Field(ge=0)
    """It rises with each one that is placed."""


def placed(place: Layout) -> list[Placed]:
    """All bundles, the newest first.

    Raises:
        StateError: One cannot be read.
    """
    found = [_read(path) for path in (place.folder / "versions").glob(f"*/{_FACTS}")]
    return sorted(found, key=lambda one: one.order, reverse=True)


def _read(path: Path) -> Placed:
    try:
        return Placed.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise unreadable(path) from None


def folder(place: Layout, version: VersionId) -> Path:
    """Where a bundle is.

    Raises:
        MissingVersionError: It is not there.
    """
    path = place.version(version.digest) / _FACTS
    if not path.exists():
        raise MissingVersionError(
            f"{version} is not on this host.", hint="Deploy it: `assay deploy` brings it there."
        )
    return path.parent / _read(path).bundle


def manifest(place: Layout, version: VersionId) -> str | None:
    """`manifest.json` of a bundle; `None` where that is not there.

    Raises:
        StateError: It cannot be read.
    """
    try:
        path = folder(place, version) / "manifest.json"
    except MissingVersionError:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise unreadable(path) from None


@contextmanager
def checked(
    place: Layout, source: Path, version: VersionId, trusted: Trusted, receive: Receive
) -> Iterator[Path | None]:
    """A bundle in a folder of its own, looked at; `None` where it is in its place already.

    Raises:
        PlaceError: It is not what it should be, or the disk has no room; then nothing is left.
    """
    if (place.version(version.digest) / _FACTS).exists():
        yield None
        return
    try:
        with tempfile.TemporaryDirectory(dir=place.folder / "tmp") as scratch:
            parts = Path(scratch, "version")
            parts.mkdir(mode=0o700)
            bundle = receive(source, parts, version, trusted)
            _note(parts, Placed(id=version, bundle=bundle.name, order=0))
            yield parts
    except (FencedError, BusyError):
        raise
    except AssayError as error:
        raise PlaceError(f"{version} was not taken: {error.message}", hint=_AGAIN) from error
    except OSError as error:
        message = f"{version} was not taken: {_why(error)}."
        raise PlaceError(message, hint=f"{_AGAIN} Make room on the host's disk.") from error


def _why(error: OSError) -> str:
    """What the system said; `copytree` collects it file by file, as text."""
    if isinstance(error, shutil.Error):
        return str(error.args[0][0][2]).partition("] ")[2].partition(":")[0]
    return str(error.strerror)


def take(place: Layout, parts: Path | None, version: VersionId) -> None:
    """Put a bundle that was checked in its place, as the newest one."""
    target = place.version(version.digest)
    order = max((one.order for one in placed(place)), default=-1) + 1
    there = (target / _FACTS).exists()
    source = target if there or parts is None else parts
    if not (source / _FACTS).exists():
        raise PlaceError(f"{version} was removed meanwhile.", hint="Place it again.")
    _note(source, _read(source / _FACTS).model_copy(update={"id": version, "order": order}))
    if source != target:
        shutil.rmtree(target, ignore_errors=True)  # without that file it is no bundle
        source.rename(target)


def _note(target: Path, value: Placed) -> None:
    write_whole(target / _FACTS, value.model_dump_json().encode() + b"\n")


def received(source: Path, parts: Path, version: VersionId, trusted: Trusted) -> Path:
    """Unpack a bundle, and look whether it is the right one, by the right one.

    Args:
        source: An archive, or a folder.
        parts: Where its folder goes.
        version: What it should be.
        trusted: Whose signature counts.

    Returns:
        Its folder below `parts`.

    Raises:
        AssayError: It is not.
    """
    from assay.packaging import archive, verify

    if source.is_dir():
        path = Path(shutil.copytree(source, parts / source.name))
    else:
        path = archive.unpack(source, parts).folder
    verdict = verify.verify(path, trust(trusted))
    refused = [check for check in verdict.checks if check.result == "refused"]
    if refused:
        raise PlaceError(f"{refused[0].name}: {refused[0].detail}", hint=refused[0].hint)
    if verdict.digest is None or version.digest not in (verdict.digest, f"sha256:{verdict.digest}"):
        raise PlaceError(
            f"its digest is {verdict.digest}, and {version.digest} is what was released."
        )
    return path


def trust(trusted: Trusted) -> Trust | None:
    """Whose signature counts; `None` where nobody's has to."""
    from datetime import UTC, datetime

    from assay.packaging import certificates, keys, signing

    if trusted.key is not None:
        return signing.KeyTrust(keys.public(trusted.key.encode(), shown="the key"))
    if trusted.certificate is not None:
        roots = certificates.read(trusted.certificate.encode(), shown="the certificates")
        return signing.CertificateTrust(roots, datetime.now(UTC))
    if trusted.identity is not None:
        return signing.KeylessTrust(trusted.identity, trusted.issuer or signing.GITHUB)
    return None


def prune(place: Layout, keep: int, needed: Collection[str], good: Collection[str] = ()) -> None:
    """Remove old bundles.

    Args:
        place: The folder.
        keep: How many stay: first those that were good, then the newest ones.
        needed: Digests of those that stay in any case.
        good: Digests of those that were stable: candidates that failed must not push them out.
    """
    stay = {place.version(digest) for digest in needed}
    ordered = sorted(placed(place), key=lambda one: one.id.digest not in good)
    for number, one in enumerate(ordered):
        path = place.version(one.id.digest)
        if number >= keep and path not in stay:
            (path / _FACTS).unlink(missing_ok=True)  # so that no half of it counts
            shutil.rmtree(path, ignore_errors=True)
