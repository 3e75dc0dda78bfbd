"""A bundle on disk: written whole or not at all, and read with suspicion."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from assay.errors import DataError
from assay.notwritten import not_written
from assay.packaging.manifest import FILE, OUTSIDE, FileEntry, Manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FOLDER = "bundles"
"""Below `.assay/`, where those are that were made in this project."""
LARGEST_MANIFEST = 20_000_000
"""Bytes."""
_PIECE = 64 * 1024
"""Bytes of a file that are held at once."""


class BundleError(DataError):
    """A bundle is not what it says it is."""


@dataclass(frozen=True)
class Bundle:
    """A bundle in a folder."""

    folder: Path
    manifest: Manifest
    digest: str
    """Its address: the SHA-256 of the manifest's bytes."""


def name_of(manifest: Manifest, digest: str) -> str:
    """What the bundle's folder is called: `peak-hour-0123456789ab`."""
    return f"{re.sub(r'[^A-Za-z0-9-]+', '-', manifest.name)}-{digest[:12]}"


def write(parent: Path, manifest: Manifest, files: Mapping[str, bytes | Path]) -> Bundle:
    """Put a bundle together.

    Args:
        parent: Where its folder goes.
        manifest: Without `files`, which are entered here.
        files: By path within the bundle: content, or the file to copy.

    Raises:
        OutsideError: It cannot be written, as on a full disk; then nothing is left of it.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent, prefix=".assay-") as scratch:
            made = Path(scratch) / "bundle"
            entries = [_put(made, path, files[path]) for path in sorted(files)]
            whole = manifest.model_copy(update={"files": tuple(entries)})
            (made / FILE).write_text(whole.to_json(), encoding="utf-8", newline="\n")
            target = parent / name_of(whole, whole.digest)
            # The same content has the same name: what is there is equal, damaged, or older than
            # what vouches for it now.
            shutil.rmtree(target, ignore_errors=True)
            made.rename(target)
    except OSError as error:
        raise not_written(parent, error) from error
    return Bundle(target, whole, whole.digest)


def _put(folder: Path, path: str, content: bytes | Path) -> FileEntry:
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Path):
        shutil.copyfile(content, target)
    else:
        target.write_bytes(content)
    return FileEntry(path=path, bytes=target.stat().st_size, sha256=sha256(target))


def read(folder: Path, *, shown: str | None = None) -> Bundle:
    """Read the manifest of a bundle, and nothing else of it.

    Args:
        folder: The bundle.
        shown: How messages call it; by default as the path.

    Raises:
        BundleError: There is none, or it is not one that this version of Assay can read.
    """
    path, shown = folder / FILE, shown or str(folder)
    try:
        if path.is_symlink() or not path.is_file():
            raise BundleError(
                f"{shown} is no bundle: it has no {FILE}.",
                hint="Name the folder, or the .tar.zst, that `assay package` made.",
            )
        if path.stat().st_size > LARGEST_MANIFEST:
            raise BundleError(f"{shown}/{FILE} is larger than a manifest can be.")
        content = path.read_bytes()
        manifest = Manifest.model_validate_json(content)
    except OSError as error:
        raise BundleError(f"{shown}/{FILE} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or FILE
        raise BundleError(
            f"{shown}/{FILE} is not a manifest that this version of Assay can read: `{where}`: "
            f"{first['msg']}.",
            hint="A newer Assay may have made it; else it was changed after it was made.",
        ) from error
    return Bundle(folder, manifest, hashlib.sha256(content).hexdigest())


def at_hand(state: Path) -> Iterator[Bundle]:
    """The bundles that were made in this project; not those that cannot be read.

    Args:
        state: The project's `.assay/`.
    """
    for path in sorted((state / FOLDER).glob(f"*/{FILE}")):
        with contextlib.suppress(BundleError):  # `assay verify` is what tells of it
            yield read(path.parent)


def damage(bundle: Bundle, *, digest: Callable[[Path], str] | None = None) -> Iterator[str]:
    """What is not as it was packaged, one sentence a finding; nothing of an intact bundle.

    A manifest has no digest of itself: the end of the folder's name is that, and who vouches for
    the bundle (`OUTSIDE`) vouches for its manifest.

    Args:
        bundle: As it was read.
        digest: `sha256`, or what remembers its answers for who asks again.
    """
    digest = digest or sha256
    folder, manifest = bundle.folder, bundle.manifest
    if folder.resolve().name != (name := name_of(manifest, bundle.digest)):
        yield f"The folder is not called {name}, as its manifest says: one of the two was changed."
    listed = {entry.path: entry for entry in manifest.files}
    if len({path.casefold() for path in listed}) < len(manifest.files):
        yield f"{FILE} lists a file twice."
    there = dict(_files(folder))
    for path, entry in listed.items():
        found = there.get(path)
        if found is None:
            yield f"{path} is missing."
        elif _is_plain(found) and _differs(found, entry, digest):
            yield f"{path} is not the file that was packaged: its SHA-256 differs."
    yield from _strays(folder, there, listed)
    if manifest.model not in listed:
        yield f"The model, {manifest.model}, is not listed in {FILE}."


def _strays(
    folder: Path, there: Mapping[str, Path], listed: Mapping[str, FileEntry]
) -> Iterator[str]:
    """What a bundle has no place for."""
    for path, found in sorted(there.items()):
        if not _is_plain(found):
            yield f"{path} is a link or a device; a bundle holds the file itself."
        elif path not in listed and path not in (FILE, *OUTSIDE):
            yield f"{path} is not listed in {FILE}."
    for inner in sorted(folder.rglob("*")):
        if inner.is_dir() and not inner.is_symlink() and not any(inner.iterdir()):
            yield f"{inner.relative_to(folder).as_posix()} is an empty folder; a bundle has none."


def files_of(folder: Path) -> dict[str, Path]:
    """The files in a folder and below it, by their paths within it, with `/`."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _differs(path: Path, entry: FileEntry, digest: Callable[[Path], str]) -> bool:
    return path.stat().st_size != entry.bytes or digest(path) != entry.sha256


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_dir():
            yield path.relative_to(folder).as_posix(), path


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal; the file is read once, and never held whole."""
    found = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        # `hashlib.file_digest` clears 256 KB first, and most files of a bundle are small.
        while piece := file.read(_PIECE):
            found.update(piece)
    return found.hexdigest()
