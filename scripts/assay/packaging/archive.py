"""A bundle as one file: a `.tar.zst` whose bytes depend on nothing but the bundle.

It is a tar of regular files alone, each with one plain header, in one zstd frame. Behind it stands
a frame that zstd skips (RFC 8878, section 3.1.2) with the SHA-256 of everything before it, because
zstd's own checksum is of the content: there are bytes of a frame that can change without it. Any
`tar --zstd` unpacks it; we read it ourselves, since `tarfile` takes links, devices and headers of
any size.
"""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import tempfile
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from assay.notwritten import not_written
from assay.packaging.bundle import Bundle, BundleError, files_of, name_of, read

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIX = ".tar.zst"
NAME = f"bundle{SUFFIX}"
"""Of the one that is left beside its folder."""
LEVEL = 10
"""Of zstd; above it ONNX files get hardly smaller."""
LARGEST = 50_000_000_000
"""Bytes, unpacked."""
MOST_TIMES = 50
"""How many times as large as the archive its content may be; models are not ten."""
ROOM = 100_000_000
"""Bytes that even a small archive may hold, as where most coefficients of a model are 0."""
MOST_FILES = 10_000
_BLOCK = 512
_END = bytes(2 * _BLOCK)
_PIECE = 1 << 20
_SKIPPED = bytes.fromhex("502a4d18 20000000")
"""A frame that zstd skips, of 32 bytes."""
_SEAL = len(_SKIPPED) + 32
_ANEW = "Nothing of it was used. Get the bundle anew from where it was released."


def pack(bundle: Bundle, target: Path) -> Path:
    """Write a bundle, with what vouches for it, as one file.

    Files are in order of their paths, of nobody, and as old as the commit.

    Raises:
        BundleError: A file is larger, or its path longer, than a tar can hold.
        OutsideError: It cannot be written; then nothing is left of it.
    """
    import zstandard

    scratch = target.with_name(f".{target.name}.part")
    held = 0
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    stamp = int(datetime.fromisoformat(bundle.manifest.source.committed).timestamp())
    folder = bundle.folder
    files = files_of(folder)
    try:
        with scratch.open("wb") as file:
            sealed = _Sealing(file)
            with compressor.stream_writer(cast("IO[bytes]", sealed), closefd=False) as packed:
                for name in sorted(files):
                    held += _add(packed, f"{folder.name}/{name}", files[name], stamp)
                packed.write(_END)
            file.write(_SKIPPED + sealed.hash.digest())
        if held > _most(scratch.stat().st_size):
            raise BundleError(
                f"{folder.name} becomes less than a {MOST_TIMES}th when it is compressed, and "
                "nobody would unpack it: archives that fill a disk look so.",
                hint="Nearly all of the model is zeros: leave them away, as `sparsify` does.",
            )
        scratch.replace(target)
    except OSError as error:
        raise not_written(target, error) from error
    finally:
        scratch.unlink(missing_ok=True)
    return target


def _most(size: int) -> int:
    """How many bytes an archive of so many may hold, headers included."""
    return min(LARGEST, ROOM + MOST_TIMES * size)


def _add(packed: Any, name: str, path: Path, stamp: int) -> int:
    """Returns: How many bytes of the content it took, as `_extract` counts."""
    if not _is_plain(name):
        raise BundleError(
            f"{name!r} cannot be packed: not every system can have a file of that name.",
            hint="Rename it: without `:`, `\\` and characters that are not printed, not ending in "
            "a dot or a space, and not called after a device of Windows.",
        )
    size = path.stat().st_size
    packed.write(_header(name, size, stamp))
    with path.open("rb") as content:
        while chunk := content.read(_PIECE):
            packed.write(chunk)
    packed.write(bytes(-size % _BLOCK))
    return size + _BLOCK


def _header(name: str, size: int, stamp: int) -> bytes:
    """The only header that we write for such a file, and the only one that we read."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, stamp, 0o644
    try:
        return info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "surrogateescape")
    except ValueError as error:
        raise BundleError(
            f"{name} cannot be packed: a tar holds files of at most 8 GiB, and paths of at most "
            "255 bytes."
        ) from error


class _Sealing:
    """A file to write to that hashes what it is given."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.hash = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        return self.file.write(data)


class _Sealed:
    """A file to read from, up to its seal, that hashes what it gives."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.file, self.left, self.hash = file, size - _SEAL, hashlib.sha256()

    def read(self, size: int) -> bytes:
        data = self.file.read(min(size, self.left))
        self.left -= len(data)
        self.hash.update(data)
        return data


def unpack(archive: Path, parent: Path) -> Bundle:
    """Unpack a bundle into a new folder below `parent`, which has none of its name.

    Raises:
        BundleError: It is not an archive that `pack` made: damaged, of several folders, with links
            or with paths that lead out of the folder. Then nothing is left of it.
        OutsideError: It cannot be written, as on a full disk; nothing is left of it either.
    """
    with _scratch(parent) as scratch:
        with _opened(archive) as (plain, most):
            _extract(plain, archive.name, scratch, most)
        (made,) = scratch.iterdir()
        found = read(made, shown=archive.name)
        if made.name != name_of(found.manifest, found.digest):
            raise BundleError(
                f"{archive.name} holds the folder {made.name!r}, which is not what its manifest "
                "is called.",
                hint=_ANEW,
            )
        target = parent / made.name
        try:
            made.rename(target)
        except OSError as error:
            raise not_written(target, error) from error
    return Bundle(target, found.manifest, found.digest)


@contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    try:
        folder = tempfile.TemporaryDirectory(dir=parent, prefix=".assay-")
    except OSError as error:
        raise not_written(parent, error) from error
    with folder as path:
        yield Path(path)


@contextmanager
def _opened(archive: Path) -> Iterator[tuple[Any, int]]:
    """(what is in an archive, to be read; how many bytes that may be); sound, or it raises."""
    import zstandard

    try:
        with archive.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            sealed = _Sealed(file, size)
            if sealed.left < 0:
                raise _damaged(archive)
            frame = cast("IO[bytes]", sealed)
            with zstandard.ZstdDecompressor().stream_reader(frame, closefd=False) as plain:
                yield plain, _most(size)
                if plain.read(1) or sealed.read(1):
                    raise _damaged(archive)
            if file.read() != _SKIPPED + sealed.hash.digest():
                raise _damaged(archive)
    except FileNotFoundError:
        raise BundleError(f"There is no {archive}.") from None
    except OSError as error:
        raise BundleError(f"{archive} cannot be read: {error.strerror}.") from error
    except (zstandard.ZstdError, EOFError) as error:
        raise _damaged(archive) from error


def _damaged(archive: Path) -> BundleError:
    return BundleError(
        f"{archive.name} is damaged, or is no bundle: it is not as it was packed.", hint=_ANEW
    )


def _extract(plain: Any, shown: str, folder: Path, most: int) -> None:
    """Write the files of a tar.

    Args:
        plain: The tar, to be read.
        shown: What messages call the archive.
        folder: Where they go; empty.
        most: How many bytes they may have.
    """
    names: dict[str, str] = {}
    while (header := _exactly(plain, _BLOCK)) != bytes(_BLOCK):
        name, size = _parsed(header, shown)
        most -= size + _BLOCK
        if most < 0 or len(names) == MOST_FILES:
            raise BundleError(f"{shown} holds more than a bundle can.", hint=_ANEW)
        # As on a disk that does not tell upper from lower case.
        if name.casefold() in names:
            raise BundleError(f"{shown} holds {name!r} twice.", hint=_ANEW)
        names[name.casefold()] = name
        try:
            _write(folder / name, plain, size)
        except (FileExistsError, NotADirectoryError):
            raise BundleError(f"{shown} holds {name!r} in a file.", hint=_ANEW) from None
        except OSError as error:
            raise not_written(folder / name, error) from error
        if any(_exactly(plain, -size % _BLOCK)):
            raise EOFError
    if len({name.partition("/")[0] for name in names.values()}) != 1:
        raise BundleError(f"{shown} does not hold one folder.", hint=_ANEW)
    if any(_exactly(plain, _BLOCK)):
        raise EOFError


def _parsed(header: bytes, shown: str) -> tuple[str, int]:
    """Name and size of a file."""
    try:
        info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
    except tarfile.TarError as error:
        raise EOFError from error
    if not _is_ours(info, header):
        raise BundleError(
            f"{shown} holds {info.name!r}, which no bundle holds: links, devices and paths that "
            "lead elsewhere among them.",
            hint=_ANEW,
        )
    return info.name, info.size


def _is_ours(info: tarfile.TarInfo, header: bytes) -> bool:
    if "/" not in info.name or not _is_plain(info.name):
        return False
    try:
        return header == _header(info.name, info.size, int(info.mtime))
    except BundleError:
        return False


_DEVICE = re.compile(
    r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\..*)?", re.IGNORECASE
)
"""What Windows takes for a device, in any folder, whatever comes behind a dot."""


def _is_plain(name: str) -> bool:
    """Whether a path leads to a file below, and to the same one on every system."""
    return not any(
        part in ("", ".", "..")
        or part[-1] in ". "
        or any(ord(one) < 32 or one in ":\\\x7f" for one in part)
        or _DEVICE.fullmatch(part)
        for part in name.split("/")
    )


def _write(target: Path, plain: Any, size: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        while size:
            piece = _exactly(plain, min(size, _PIECE))
            file.write(piece)
            size -= len(piece)


def _exactly(plain: Any, size: int) -> bytes:
    """So many bytes.

    Raises:
        EOFError: There are fewer.
    """
    found = bytearray()
    while len(found) < size:
        piece = plain.read(size - len(found))
        if not piece:
            raise EOFError
        found += piece
    return bytes(found)
