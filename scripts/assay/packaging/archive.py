"""A bundle as one file: a `.tar.zst` whose bytes depend on nothing but the bundle."""

from __future__ import annotations

import tarfile
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from assay.packaging.bundle import Bundle, BundleError, read
from assay.workspace import not_written

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIX = ".tar.zst"
LEVEL = 10
"""Of zstd; above it ONNX files get hardly smaller."""
LARGEST = 50_000_000_000
"""Bytes, unpacked. Headers say how large each file is, so a bomb is refused unread."""
MOST_FILES = 10_000


def pack(bundle: Bundle, target: Path) -> Path:
    """Write a bundle, with what vouches for it, as one file.

    Files are in order of their paths, of nobody, and as old as the commit.

    Raises:
        OutsideError: It cannot be written; then nothing is left of it.
    """
    import zstandard

    scratch = target.with_name(f".{target.name}.part")
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    stamp = int(datetime.fromisoformat(bundle.manifest.source.committed).timestamp())
    try:
        with (
            scratch.open("wb") as file,
            compressor.stream_writer(file) as packed,
            tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
        ):
            for path in sorted(one for one in bundle.folder.rglob("*") if one.is_file()):
                name = f"{bundle.folder.name}/{path.relative_to(bundle.folder).as_posix()}"
                info = tarfile.TarInfo(name)
                info.size, info.mtime, info.mode = path.stat().st_size, stamp, 0o644
                with path.open("rb") as content:
                    tar.addfile(info, content)
        scratch.replace(target)
    except OSError as error:
        raise not_written(target, error) from error
    finally:
        scratch.unlink(missing_ok=True)
    return target


def unpack(archive: Path, parent: Path) -> Bundle:
    """Unpack a bundle into a new folder below `parent`, which is empty.

    Raises:
        BundleError: It is not an archive that `pack` made: damaged, of several folders, with links
            or with paths that lead out of the folder.
        OutsideError: It cannot be written, as on a full disk.
    """
    tops: set[str] = set()
    files = size = 0
    with _opened(archive) as tar:
        for info in tar:
            parts = PurePosixPath(info.name).parts
            if not info.isreg() or ".." in parts or len(parts) < 2 or info.name.startswith("/"):
                raise BundleError(
                    f"{archive.name} holds {info.name!r}, which no bundle holds.",
                    hint="Nothing of it was used. Get the bundle from where it was released.",
                )
            tops.add(parts[0])
            files, size = files + 1, size + info.size
            if size > LARGEST or files > MOST_FILES or len(tops) > 1:
                raise BundleError(f"{archive.name} is larger than a bundle can be, or is several.")
            target = parent.joinpath(*parts)
            content = tar.extractfile(info)
            try:
                _write(target, content)
            except OSError as error:
                raise not_written(target, error) from error
    if not tops:
        raise BundleError(f"{archive.name} is empty.")
    return read(parent / tops.pop())


def _write(target: Path, content: IO[bytes] | None) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        while content is not None and (chunk := content.read(1 << 20)):
            file.write(chunk)


@contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    import zstandard

    try:
        with (
            archive.open("rb") as file,
            zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as plain,
            tarfile.open(fileobj=plain, mode="r|") as tar,
        ):
            yield tar
            # To the end, where the checksum is, and where something could have been added.
            while plain.read(1 << 20):
                pass
    except FileNotFoundError:
        raise BundleError(f"There is no {archive}.") from None
    except (tarfile.TarError, zstandard.ZstdError, EOFError, ValueError) as error:
        raise BundleError(
            f"{archive.name} is damaged: it cannot be unpacked.", hint="Get it anew."
        ) from error
