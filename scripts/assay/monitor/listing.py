"""Which files a path of `monitor:` means: one, a folder's, a pattern's; here or in a store.

Names that begin with a dot or `_` are not looked at, as those that a server is still writing to.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from assay.console import printable
from assay.contract.sources.files import kind_of
from assay.errors import DataError, OutsideError, RemoteError

_REMOTE = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_PATTERN = re.compile(r"[*?\[]")
_MISSING = {
    "log": "Correct the path, or let the server write its log there: it may be empty.",
    "labels": "Correct the path; where labels are still to come, a folder may be empty.",
    "reference": "Correct the path; what DVC tracks has to be pulled before.",
}
"""What to do about a path that is not there, by the key of `monitor`."""


class NotReadable(Exception):  # noqa: N818 (no failure of the run: the file is left out)
    """A file is left out; the text says why."""


@dataclass(frozen=True)
class Listed:
    """A file."""

    shown: str
    path: str
    filesystem: Any = None
    """Of pyarrow, where it is in a store."""

    @property
    def name(self) -> str:
        """Whose suffix tells the format."""
        return PurePosixPath(self.shown).name


def listed(path: str, root: Path, *, key: tuple[str, ...]) -> list[Listed]:
    """The files that a path means, by name; none where nothing is written yet.

    Args:
        path: As `assay.yaml` has it.
        root: What it is relative to.
        key: Of `assay.yaml`, for errors.

    Raises:
        DataError: The folder does not exist, or it is no such address.
        OutsideError: A store does not answer, or a package is missing.
    """
    if _REMOTE.match(path):
        return _of_store(path, key)
    whole = Path(path).expanduser()
    fixed = root / _fixed(whole)  # an absolute path stays what it is
    if not fixed.exists():
        raise DataError(
            f"There is no {printable(str(_relative(fixed, root)))}.",
            hint=_MISSING[key[1]],
            key=key,
        )
    if fixed.is_file():
        return [Listed(str(_relative(fixed, root)), str(fixed))]
    pattern = "**/*" if fixed == root / whole else str(whole.relative_to(_fixed(whole)))
    names = sorted(one for one in fixed.glob(pattern) if one.is_file())
    return [
        Listed(str(_relative(one, root)), str(one))
        for one in names
        if _counts(one.relative_to(fixed).as_posix())
    ]


def _fixed(path: Path) -> Path:
    """The part of a path before its first pattern."""
    parts = list(itertools.takewhile(lambda part: not _PATTERN.search(part), path.parts))
    return Path(*parts)


def _relative(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path


def _counts(below: str) -> bool:
    parts = PurePosixPath(below).parts
    return not any(part[0] in "._" for part in parts) and kind_of(below) is not None


def _of_store(path: str, key: tuple[str, ...]) -> list[Listed]:
    from pyarrow import ArrowException
    from pyarrow.fs import FileSelector, FileSystem, FileType

    shown = without_credentials(path)
    address, mark, options = path.partition("?")
    base = _PATTERN.split(address, maxsplit=1)[0]
    has_pattern = base != address
    folder = base.rpartition("/")[0] if has_pattern else address
    try:
        filesystem, inside = FileSystem.from_uri(f"{folder}{mark}{options}")
        about = filesystem.get_file_info(inside)
        if about.type == FileType.File:
            return [Listed(shown, inside, filesystem)]
        found = filesystem.get_file_info(FileSelector(inside, recursive=True, allow_not_found=True))
    except (ArrowException, ValueError) as error:
        raise DataError(
            f"{shown} is no address that can be read: {type(error).__name__}.",
            hint="Supported are s3://, gs:// and abfs://, and files.",
            key=key,
        ) from None  # the words may hold the address
    except (OSError, ImportError) as error:
        raise unreached(shown, error) from None
    pattern = inside + address[len(folder) :]
    names = sorted(one.path for one in found if one.type == FileType.File)
    wanted = [one for one in names if not has_pattern or _matches(one, pattern)]
    scheme = path.partition("://")[0]
    return [
        Listed(f"{scheme}://{one}", one, filesystem)
        for one in wanted
        if _counts(one[len(inside) :].lstrip("/"))
    ]


def _matches(path: str, pattern: str) -> bool:
    """As for files here: `*` is within a folder, `**` any number of them."""
    names, wanted = path.split("/"), pattern.split("/")
    return _parts_match(names, wanted)


def _parts_match(names: list[str], wanted: list[str]) -> bool:
    if not wanted:
        return not names
    if wanted[0] == "**":
        return any(_parts_match(names[n:], wanted[1:]) for n in range(len(names) + 1))
    return bool(names) and fnmatch(names[0], wanted[0]) and _parts_match(names[1:], wanted[1:])


def copied(one: Listed, target: str | Path) -> None:
    """Copy a file of a store.

    Raises:
        OutsideError: It cannot be read there, or not written here.
    """
    try:
        with one.filesystem.open_input_stream(one.path) as source, Path(target).open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
    except OSError as error:
        raise unreached(one.shown, error) from None


def unreached(shown: str, error: Exception) -> OutsideError:
    """A store that did not give what it should."""
    # The words of a store may quote an address with a key in it.
    code = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else ""
    why = code or type(error).__name__
    return RemoteError(
        f"{printable(shown)} cannot be read: {why}.",
        hint="Check the address, the credentials in the environment, and the network.",
    )


def without_credentials(path: str) -> str:
    """An address as it may be shown; a path as it is."""
    if not _REMOTE.match(path):
        return printable(path)
    scheme, _, rest = path.partition("://")
    rest = rest.partition("?")[0]
    place, slash, below = rest.partition("/")
    return printable(f"{scheme}://{place.rpartition('@')[2]}{slash}{below}")
