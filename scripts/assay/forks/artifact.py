"""The record out of the artifact of an untrusted run. Nothing is ever written to disk."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.errors import ForgeError
from assay.forge.refusal import WRONG_API, ForbiddenError
from assay.forks import UntrustedError, quoted
from assay.record import FILE

if TYPE_CHECKING:
    from assay.forge.transport import Api

MOST_BYTES = 50_000_000
"""Of the archive: it holds the report's pages too."""
LIMIT = 10_000_000
"""Bytes of the record."""
MOST_MEMBERS = 100
_MOST_DIRECTORY = 64_000
"""Bytes of the archive's list of members."""
_END = struct.Struct("<4s4H2LH")
"""The end of an archive's list of members: APPNOTE 6.3.10, section 4.3.16."""
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    ValueError,
    OSError,
    struct.error,
)
"""What the library raises for archives that are damaged, or made to look so."""


@dataclass(frozen=True)
class Artifact:
    """What a run uploaded."""

    id: int
    bytes: int
    expired: bool


def find(api: Api, repository: str, run: int, name: str) -> Artifact | None:
    """The newest artifact of that name; `None` where the run uploaded none.

    Re-running failed jobs keeps the artifacts of earlier attempts: they are of the same commit.
    https://docs.github.com/en/rest/actions/artifacts#list-workflow-run-artifacts
    """
    found: list[Artifact] = []
    for data in api.pages(f"/repos/{repository}/actions/runs/{run}/artifacts", key="artifacts"):
        match data:
            case {
                "id": int(number),
                "name": str(called),
                "size_in_bytes": int(size),
                "expired": bool(expired),
            }:
                if called == name:
                    found.append(Artifact(number, size, expired))
            case _:
                raise ForgeError("GitHub sent no list of artifacts", hint=WRONG_API)
    return max(found, key=lambda artifact: (not artifact.expired, artifact.id), default=None)


def download(api: Api, repository: str, artifact: Artifact) -> bytes:
    """The archive.

    Raises:
        UntrustedError: It has expired, is too large, or GitHub does not have it.
        ForgeError: The token may not read it.
    """
    if artifact.expired:
        raise UntrustedError(
            "The artifact with the record has expired.", hint="Run the check again."
        )
    if artifact.bytes > MOST_BYTES:
        raise UntrustedError(f"The artifact has more than {MOST_BYTES // 1_000_000} MB.")
    try:
        return api.download(f"/repos/{repository}/actions/artifacts/{artifact.id}/zip", MOST_BYTES)
    except ForbiddenError:
        raise
    except ForgeError as error:
        # A run may say that it uploaded what it never did, or more than it says.
        raise UntrustedError(
            f"The artifact cannot be downloaded: {error.message}.", hint="Run the check again."
        ) from error


def record(content: bytes) -> bytes:
    """The one file that is wanted from the archive.

    `upload-artifact` strips what all paths have in common, so that it lies at the top.

    Raises:
        UntrustedError: The archive is damaged, or not one that `upload-artifact` makes.
    """
    _check_end(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _read(archive, _member(archive))
    except _BROKEN as error:
        raise UntrustedError(
            f"The artifact is a damaged archive: {quoted(str(error) or type(error).__name__)}."
        ) from error


def _check_end(content: bytes) -> None:
    """Refuse a list of members that would take long to read, before the library reads it.

    The end must be the last bytes, so that the library and we look at the same one.
    """
    end = content[-_END.size :]
    if len(end) < _END.size or end[:4] != b"PK\5\6":
        raise UntrustedError("The artifact is no archive that `upload-artifact` makes.")
    _, _, _, _, members, size, _, _ = (field for field in _END.unpack(end))
    if content[-_END.size - 20 : -_END.size].startswith(b"PK\6\7"):
        raise UntrustedError("The artifact is a zip64 archive, which one of this size never is.")
    if members > MOST_MEMBERS or size > _MOST_DIRECTORY:
        raise UntrustedError(f"The artifact holds more than {MOST_MEMBERS} files.")


def _member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise UntrustedError(f"The artifact holds more than {MOST_MEMBERS} files.")
    for member in members:
        # None of them is written anywhere; but no honest run makes such an archive.
        name = member.orig_filename
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
            raise UntrustedError(f"The artifact holds a path that leads out of it: {quoted(name)}.")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise UntrustedError(f"The artifact holds a symbolic link: {quoted(name)}.")
    # The library cuts a name at a zero byte, which the original one still has.
    found = [member for member in members if member.orig_filename == FILE]
    if not found:
        raise UntrustedError(f"The artifact holds no {FILE}.")
    if len(found) > 1:
        raise UntrustedError(f"The artifact holds {len(found)} files that are called {FILE}.")
    return found[0]


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.flag_bits & 0x1:
        raise UntrustedError(f"{FILE} in the artifact is encrypted.")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UntrustedError(f"{FILE} in the artifact is packed in a way that is not used for it.")
    found = bytearray()
    with archive.open(member) as file:
        # Never by the size that the archive states: it may be any.
        while chunk := file.read(1 << 16):
            found += chunk
            if len(found) > LIMIT:
                raise UntrustedError(
                    f"{FILE} in the artifact has more than {LIMIT // 1_000_000} MB."
                )
    return bytes(found)
