"""Which model file may be loaded, and how.

Loading a pickle runs whatever is in it. So one is loaded only where the repository vouches for it:
an output that DVC tracks, whose content has the digest that dvc.lock or its `.dvc` file gives. A
file of skops says which types it needs, and is loaded where they are of known packages or of the
repository itself.
"""

from __future__ import annotations

import bz2
import hashlib
import importlib
import importlib.util
import json
import lzma
import platform
import posixpath
import re
import zipfile
import zlib
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from assay import models
from assay.console import printable
from assay.contract import usercode
from assay.errors import DataError, RepositoryError
from assay.models import ModelError
from assay.packaging import skopsfile
from assay.stats.columns import listed
from assay.workspace.objects import content_hash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from assay.models import Model
    from assay.workspace.dvcfiles import DvcFiles, Output

HARMLESS = (
    "Estimators of scikit-learn and their like are harmless, and so are functions of numbers. Move "
    "anything else into a function or class of the repository, without `partial` and `operator`."
)
_PULL = "Run `dvc pull` or `dvc repro`; commit dvc.lock where the model is meant to be new."


def load(path: Path, *, shown: str, root: Path, files: DvcFiles) -> Model:
    """Load the repository's model. Call it inside `usercode.importable`.

    Args:
        path: The file, below `root`.
        shown: How messages call it.
        root: The project.
        files: What DVC's files say of it.

    Raises:
        ModelError: It is not the repository's own, or cannot be loaded.
        RepositoryError: It has another content than DVC's files say.
    """
    tracked = _check_place(path, shown, root, files)
    if tracked is not None:
        _check_digest(path, shown, root, tracked)
    if path.suffix.lower() == ".skops":
        _check_types(path, shown, root)
    try:
        return models.load(path, shown=shown, root=root)
    except ModelError as error:
        error.hint = " ".join(filter(None, [error.hint, _versions(path)]))
        raise


def _check_place(path: Path, shown: str, root: Path, files: DvcFiles) -> Output | None:
    """The output that the file is, or is in; `None` for one of skops that DVC does not know."""
    place = Path(posixpath.normpath(path))
    if not place.is_relative_to(root):
        raise ModelError(
            f"{shown} lies outside of the project, and is not loaded.",
            hint="Loading a model runs code. Put it under DVC in this repository.",
        )
    if not place.exists():
        raise ModelError(f"{shown} is missing.", hint="Run `dvc pull`, or `dvc repro`.")
    tracked = files.output(place.relative_to(root).as_posix())
    real = place.resolve()
    if not real.is_relative_to(root.resolve()) and not _in_cache(real):
        raise ModelError(
            f"{shown} is a link that leads out of the project, and is not loaded.",
            hint="Put the file itself under DVC: `dvc add`, or an output of a stage.",
        )
    if tracked is None and path.suffix.lower() != ".skops":
        raise ModelError(
            f"{shown} is not tracked by DVC, and is not loaded: nothing says whose code is in it.",
            hint="Make it an output of a stage in dvc.yaml, or `dvc add` it. Or write it with "
            "skops, which names what it needs.",
        )
    return tracked


def _in_cache(real: Path) -> bool:
    """Whether a path looks as DVC's cache does, to which `cache.type: symlink` makes links.

    The cache may be anywhere. The content is held to the digest all the same.
    """
    return re.search(r"/[0-9a-f]{2}/[0-9a-f]{30}$", real.as_posix()) is not None


def _check_digest(path: Path, shown: str, root: Path, tracked: Output) -> None:
    if tracked.md5 is None:
        raise RepositoryError(
            f"DVC's files do not say which content {shown} has.",
            hint="Run `dvc repro` or `dvc add`, and commit what it writes.",
        )
    expected = tracked.md5.removesuffix(".dir")
    try:
        if tracked.md5.endswith(".dir"):
            same = _folder_hash(root / tracked.path) == expected
        else:
            same = content_hash(path) == expected
            same = same or (tracked.legacy and _text_hash(path) == expected)
    except OSError as error:
        raise DataError(f"{shown} cannot be read: {error.strerror or error}.") from error
    if not same:
        what = shown if tracked.path == path.relative_to(root).as_posix() else tracked.path
        raise RepositoryError(
            f"{printable(what)} has another content than DVC's files say (MD5 {expected}), and is "
            "not loaded.",
            hint=_PULL,
        )


def _folder_hash(folder: Path) -> str:
    """The MD5 of a folder as DVC has it: of the list of its files."""
    listing = [
        {"md5": content_hash(path), "relpath": path.relative_to(folder).as_posix()}
        for path in folder.rglob("*")
        if path.is_file()
    ]
    listing.sort(key=lambda entry: entry["relpath"])
    return hashlib.md5(json.dumps(listing).encode(), usedforsecurity=False).hexdigest()


def _text_hash(path: Path) -> str:
    """As DVC 2 hashed text: with the line ends of Unix."""
    content = path.read_bytes().replace(b"\r\n", b"\n")
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _check_types(path: Path, shown: str, root: Path) -> None:
    """Refuse a file of skops that names what is neither harmless nor the project's."""
    try:
        named = skopsfile.needed(path)
    except skopsfile.NotSkopsError as error:
        raise ModelError(f"{shown} cannot be loaded: {error}.") from error
    if strange := strange_types(named, root):
        raise ModelError(
            f"{shown} needs {listed(strange)}, which nobody here vouches for, and is not loaded.",
            hint=HARMLESS,
        )


def strange_types(names: Iterable[str], root: Path) -> list[str]:
    """Those of the names in a file of skops that nobody here vouches for."""
    return [name for name in names if not _vouched(name, root)]


def _vouched(name: str, root: Path) -> bool:
    if skopsfile.is_refused(name):
        return False
    module, _, attribute = name.rpartition(".")
    top = module.partition(".")[0]
    is_known = skopsfile.is_vouched(name)
    if is_known and top not in skopsfile.PACKAGES:
        return True
    if not is_known and not _is_own(top, root):
        return False
    # What a module imports can be reached through it: `features.os` is no class of `features`.
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError):
        return False
    origin = getattr(found, "__module__", None) or type(found).__module__
    home = str(origin).partition(".")[0]
    return home in skopsfile.PACKAGES if is_known else _is_own(home, root)


def _is_own(top: str, root: Path) -> bool:
    """Whether a module or package lies in the project, and not in an environment inside of it."""
    try:
        spec = importlib.util.find_spec(top) if top else None
    except (ImportError, ValueError):
        return False
    if spec is None:
        return False
    places = [spec.origin, *(spec.submodule_search_locations or ())]
    return any(usercode.relative(place, root) is not None for place in places)


_WRITTEN = re.compile(
    rb"_sklearn_version.{0,200}?(\d+(?:\.\d+){1,2}(?:(?:rc|a|b|\.dev)\d+)?)", re.DOTALL
)
_READ = 50_000_000
"""Bytes of a file in which a version is looked for."""


def _versions(path: Path) -> str:
    """The versions that the file was written with, as far as they are known, and those here."""
    here = ", ".join(["Python " + platform.python_version(), *_installed()])
    written = _WRITTEN.search(_content(path))
    if written is None:
        return f"Here are {here}."
    return f"It was written with scikit-learn {written[1].decode()}; here are {here}."


def _installed() -> list[str]:
    found = []
    for name in ("scikit-learn", "numpy"):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"no {name}")
    return found


def _content(path: Path) -> bytes:
    """The beginning of a model file as pickle or skops wrote it: joblib may compress."""
    try:
        if path.suffix.lower() == ".skops":
            with zipfile.ZipFile(path) as archive, archive.open("schema.json") as file:
                return file.read(_READ)
        with path.open("rb") as file:
            raw = file.read(_READ)
        if raw[:2] == b"\x1f\x8b" or raw[:1] == b"\x78":
            return zlib.decompressobj(wbits=47).decompress(raw, _READ)
        if raw[:3] == b"BZh":
            return bz2.BZ2Decompressor().decompress(raw, _READ)
        if raw[:6] == b"\xfd7zXZ\x00" or raw[:2] == b"\x5d\x00":
            return lzma.LZMADecompressor().decompress(raw, _READ)
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, ValueError):
        return b""
    return raw
