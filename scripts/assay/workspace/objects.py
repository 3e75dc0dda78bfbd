"""The objects behind DVC's outputs: which are in the cache, and whether they are what they say.

DVC checks the content of what it pulls from a directory, and takes a cloud's word for the rest; a
truncated object would then be trained on. The layout of the cache is documented at
https://dvc.org/doc/user-guide/project-structure/internal-files.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.workspace.dvcfiles import is_hash, is_inside

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from assay.workspace.dvcfiles import Output

_CHUNK = 1 << 20


@dataclass(frozen=True)
class CacheObject:
    """One file in the cache."""

    output: Output
    """The output that it belongs to."""
    path: Path
    md5: str
    name: str
    """What it becomes in the project; a file inside a tracked folder has a name of its own."""

    @property
    def present(self) -> bool:
        """Whether it is in the cache."""
        return self.path.is_file()


def objects(cache: Path, outputs: Iterable[Output]) -> Iterator[CacheObject]:
    """All objects of the outputs that DVC stores; those of a folder once its list is there."""
    for output in outputs:
        if output.object_path is None or output.md5 is None:
            continue
        listing = CacheObject(output, cache / output.object_path, output.md5, output.path)
        yield listing
        if output.md5.endswith(".dir") and listing.present:
            yield from _members(cache, listing)


def _members(cache: Path, listing: CacheObject) -> Iterator[CacheObject]:
    try:
        entries = json.loads(listing.path.read_bytes())
        for entry in entries:
            md5, name = str(entry["md5"]), posixpath.normpath(str(entry["relpath"]))
            if not is_hash(md5) or not is_inside(name):
                continue  # it would be a path to somewhere else
            path = cache / "files" / "md5" / md5[:2] / md5[2:]
            if listing.output.legacy:
                path = cache / md5[:2] / md5[2:]
            yield CacheObject(listing.output, path, md5, f"{listing.name}/{name}")
    except (OSError, ValueError, KeyError, TypeError):
        return  # a damaged list is found by `is_intact`, which is asked about it as well


def unfinished(cache: Path) -> Iterator[Path]:
    """Files that DVC writes before it gives them the name of an object."""
    return (cache / "files" / "md5").glob("??/.*.tmp")


def is_intact(found: CacheObject) -> bool:
    """Whether the content has the hash that the name says."""
    if found.output.legacy:
        return True  # DVC 2 hashed text with its line ends changed: the content cannot tell
    return content_hash(found.path) == found.md5.removesuffix(".dir")


def content_hash(path: Path) -> str:
    """The MD5 of a file's content."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
