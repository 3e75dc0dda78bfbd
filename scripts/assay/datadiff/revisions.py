"""The data files of both revisions: which changed, and where base's version lies.

Base is not checked out. What DVC tracks is read where it lies in the cache, once `checkout` has
fetched the outputs that `needed` names; what git tracks is written to a scratch folder.
"""

from __future__ import annotations

import fnmatch
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.console import printable
from assay.datadiff.section import DataChange
from assay.errors import AssayError
from assay.section import Reason
from assay.workspace import objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.config import Config, DataSpec
    from assay.context import Context
    from assay.datadiff.section import Leakage
    from assay.workspace.dvcfiles import DvcFiles, Output


@dataclass(frozen=True)
class _File:
    """A data file of one revision."""

    name: str
    """Relative to the project folder."""
    md5: str
    path: Path
    """Where its content lies; a DVC object may not be there yet."""
    legacy: bool = False
    """Hashed as DVC 2 did, with line ends changed: `md5` is not that of the content."""


def needed(config: Config, head: DvcFiles, base: DvcFiles) -> list[Output]:
    """The outputs of base that the comparison of data reads: those that head has otherwise."""
    own = {(out.path, out.md5) for out in head.outputs}
    return [
        out
        for out in base.outputs
        if out.object_path is not None
        and (out.path, out.md5) not in own
        and any(_may_hold(out, spec.path) for spec in config.data if spec.is_local)
    ]


def changes(context: Context) -> tuple[DataChange, ...]:
    """What changed in each entry of `data` whose files differ between head and base.

    Nothing that goes wrong is raised: it is a problem of the entry.
    """
    revision = context.record.base
    if revision is None:
        return ()
    found = []
    for number, spec in enumerate(context.config.data):
        if not spec.is_local:
            continue
        key = ("data", number, "path")
        try:
            with tempfile.TemporaryDirectory(prefix="assay-base-") as folder:
                change = _change(context, spec, revision.sha, Path(folder))
        except (AssayError, OSError) as error:
            change = DataChange(
                path=printable(spec.path),
                problems=(_problem(error, key, "What changed in the data is"),),
            )
        if change is not None:
            found.append(change)
    return tuple(found)


def leaks(context: Context) -> tuple[Leakage | Reason, ...]:
    """For each entry of `data` with `disjoint_from`: the rows that it shares with that file."""
    from assay.datadiff.compare import leakage

    root = context.workspace.root
    found: list[Leakage | Reason] = []
    for number, spec in enumerate(context.config.data):
        if spec.disjoint_from is None or not spec.is_local:
            continue
        try:
            found.append(
                leakage(
                    [root / name for name in _at_head(root, spec.path)],
                    root / spec.disjoint_from,
                    key=spec.key,
                    sensitive=spec.sensitive,
                    shown=(spec.path, spec.disjoint_from),
                )
            )
        except (AssayError, OSError) as error:
            key = ("data", number, "disjoint_from")
            found.append(_problem(error, key, "The rows in common are"))
    return tuple(found)


def _problem(error: AssayError | OSError, key: tuple[str | int, ...], what: str) -> Reason:
    prefix = f"{what} not known: "
    if isinstance(error, AssayError):
        found = Reason.of(error, severity="warning", prefix=prefix)
        return found if found.file or found.key else found.model_copy(update={"key": key})
    return Reason(message=f"{prefix}{error.strerror or error}.", severity="warning", key=key)


def _change(context: Context, spec: DataSpec, sha: str, scratch: Path) -> DataChange | None:
    """What changed in one entry; `None` where nothing did."""
    from assay.datadiff.compare import compare  # which needs numpy, and the record does not

    workspace = context.workspace
    base = _at_base(context, spec, sha, scratch)
    cache = workspace.dvc.cache_dir()
    head = {f.name: f for f in _stored(cache, workspace.head_files().outputs, spec.path)}
    names = _at_head(workspace.root, spec.path)
    if not names and not base:
        return None
    if set(names) == set(base) and all(
        _is_same(head.get(name), base[name], workspace.root / name) for name in names
    ):
        return None
    shown = printable(spec.path)
    for side, files in (("head", names), ("base", list(base))):
        if not files:
            message = f"{shown} is not in {side}: there is nothing to compare it with."
            return DataChange(path=shown, problems=(Reason(message=message, severity="note"),))
    absent = [f.name for f in base.values() if not f.path.is_file()]
    if absent:
        message = f"Base's {printable(absent[0])} was not fetched: what changed is not known."
        hint = "Run `assay checkout`; if it is not in the remote, `dvc push` it from base's branch."
        problem = Reason(message=message, severity="warning", hint=hint)
        return DataChange(path=shown, problems=(problem,))
    return compare(
        [workspace.root / name for name in names],
        [base[name].path for name in sorted(base)],
        base_name=min(base),
        key=spec.key,
        label=spec.label,
        sensitive=spec.sensitive,
        shown=spec.path,
    )


def _at_base(context: Context, spec: DataSpec, sha: str, scratch: Path) -> dict[str, _File]:
    """Base's files of one entry, by name.

    Raises:
        AssayError: DVC's files at base cannot be read.
    """
    workspace = context.workspace
    base_files = workspace.files_at(sha)
    if base_files.problem is not None:
        raise base_files.problem
    cache = workspace.dvc.cache_dir()
    stored = {f.name: f for f in _stored(cache, base_files.outputs, spec.path)}
    return stored | _from_git(context, spec.path, sha, scratch, known=stored)


def base_paths(context: Context, spec: DataSpec, scratch: Path) -> dict[str, Path]:
    """Where the content of base's files of one entry lies, by name; those that can be read here.

    Args:
        context: The run; without a base there are none.
        spec: The entry.
        scratch: A folder for what git tracks.

    Raises:
        AssayError: DVC's files at base cannot be read.
    """
    if context.record.base is None or not spec.is_local:
        return {}
    files = _at_base(context, spec, context.record.base.sha, scratch)
    return {name: file.path for name, file in files.items() if file.path.is_file()}


def _is_same(stored: _File | None, base: _File, path: Path) -> bool:
    """Whether head's file has base's content: as it lies there, saved in DVC or not."""
    if base.legacy and stored is not None:
        return base.md5 == stored.md5
    return base.md5 == objects.content_hash(path)


def _at_head(root: Path, pattern: str) -> list[str]:
    """The files of the work tree that an entry of `data` names, those in a folder one by one."""
    if (root / pattern).is_file():
        return [pattern]
    if (root / pattern).is_dir():
        pattern = f"{pattern.rstrip('/')}/**/*"
    return matching(root, pattern)


def matching(root: Path, pattern: str) -> list[str]:
    """The data files of the work tree that a glob stands for, by name.

    Raises:
        ValueError: It is no glob.
    """
    return sorted(
        name
        for path in root.glob(pattern)
        if path.is_file() and _is_data(name := path.relative_to(root).as_posix())
    )


def _is_data(name: str) -> bool:
    """DVC's pointers lie beside the data; hidden files are no data in a shell either."""
    hidden = any(part.startswith(".") for part in name.split("/"))
    return not hidden and not name.endswith(".dvc")


def _stored(cache: Path, outputs: Sequence[Output], pattern: str) -> Iterator[_File]:
    """The objects that DVC stores of the files that a pattern names."""
    for found in objects.objects(cache, [out for out in outputs if _may_hold(out, pattern)]):
        is_file = not found.md5.endswith(".dir")
        if is_file and _matches(found.name, pattern) and _is_data(found.name):
            yield _File(found.name, found.md5, found.path, legacy=found.output.legacy)


def _from_git(
    context: Context, pattern: str, sha: str, scratch: Path, *, known: dict[str, _File]
) -> dict[str, _File]:
    """Base's files that git tracks, written to a scratch folder."""
    git = context.workspace.git
    found: dict[str, _File] = {}
    for number, name in enumerate(git.files(sha)):
        if name in known or not _matches(name, pattern) or not _is_data(name):
            continue
        content = git.read(sha, name)
        if content is None:
            continue
        path = scratch / f"{number}{''.join(Path(name).suffixes[-2:])}"
        path.write_bytes(content)
        found[name] = _File(name, objects.content_hash(path), path)
    return found


def _may_hold(out: Output, pattern: str) -> bool:
    """Whether an output is, or as a folder may hold, a file that a pattern names."""
    if _matches(out.path, pattern):
        return True
    if out.md5 is None or not out.md5.endswith(".dir"):
        return False
    depth = out.path.count("/") + 1
    start = pattern.split("/")[:depth]
    return "**" in start or (pattern.count("/") >= depth and _matches(out.path, "/".join(start)))


def _matches(name: str, pattern: str) -> bool:
    """What `Path.glob` says, of a file that need not be there; or whether it is in a folder."""
    return (
        name == pattern
        or name.startswith(f"{pattern}/")
        or _matched(name.split("/"), pattern.split("/"))
    )


def _matched(name: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether folders and a file fit a pattern with `**`, in steps that grow with their product."""
    fits = [True] + [False] * len(name)  # which beginnings of the name the pattern so far can be
    for part in pattern:
        if part == "**":
            first = fits.index(True) if True in fits else len(fits)
            fits = [at >= first for at in range(len(fits))]
        else:
            fits = [False] + [
                before and fnmatch.fnmatchcase(folder, part)
                for before, folder in zip(fits, name, strict=False)
            ]
    return fits[-1]
