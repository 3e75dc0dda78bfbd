"""What DVC's own files say at one revision: outputs, metrics, plots, parameters, artifacts.

Reads `dvc.yaml`, `dvc.lock` and `*.dvc` as the text files that they are
(https://dvc.org/doc/user-guide/project-structure), so that a revision that is not checked out can
be read as fast as one that is. `dvc.lock` holds resolved paths; where `dvc.yaml` uses templating
(`${model.dir}/m.pkl`), its entries are matched against the lock instead of being evaluated.
"""

from __future__ import annotations

import contextlib
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from assay import yamlfile
from assay.console import printable
from assay.errors import RepositoryError
from assay.workspace.git import named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from assay.errors import AssayError

Kind = Literal["data", "out", "metric", "plot"]


class Tree(Protocol):
    """The files of a project at one revision."""

    def read(self, path: str) -> bytes | None:
        """The content of a file, or `None`."""

    def files(self) -> Sequence[str]:
        """All files, relative to the project folder."""


@dataclass(frozen=True)
class Output:
    """A file or folder that DVC tracks."""

    path: str
    """Relative to the project folder, with `/`."""
    kind: Kind
    """`data` stands in a `.dvc` file; the others are made by a stage."""
    md5: str | None
    """Content hash; ends in `.dir` for a folder."""
    size: int | None
    """Bytes."""
    stage: str | None = None
    cached: bool = True
    """Whether DVC stores it; metrics and plots are often kept in git instead."""
    legacy: bool = False
    """Hashed as DVC 2 did, and stored where DVC 2 did."""
    pushed: bool = True
    """Whether remotes are meant to have it; `push: false` says that they are not."""

    @property
    def object_path(self) -> str | None:
        """Where the object lies below a cache or a remote."""
        # The hash becomes a path: one that is no hash is never looked up.
        if not self.cached or self.md5 is None or not is_hash(self.md5):
            return None
        spread = f"{self.md5[:2]}/{self.md5[2:]}"
        return spread if self.legacy else f"files/md5/{spread}"


@dataclass(frozen=True)
class Artifact:
    """An entry of `artifacts:` in `dvc.yaml`."""

    name: str
    path: str
    type: str | None
    description: str | None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class DvcFiles:
    """Everything that one revision declares."""

    outputs: tuple[Output, ...] = ()
    stages: tuple[str, ...] = ()
    """As DVC calls them, before `foreach` and `matrix` multiply them: `train` in the project's own
    `dvc.yaml`, `models/dvc.yaml:train` in one further down."""
    has_lock: bool = False
    metrics: tuple[str, ...] = ()
    has_plots: bool = False
    param_files: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    """What stages read, as locked when they last ran: data, code, and outputs of other stages."""
    locked_params: tuple[tuple[str, str, object], ...] = ()
    """(file, key, value), as they were when the stages last ran."""
    artifacts: tuple[Artifact, ...] = ()
    problem: AssayError | None = None
    """Why the files of a revision that nobody can mend any more cannot be read."""

    def output(self, path: str) -> Output | None:
        """The output at `path`, or the tracked folder that holds it."""
        for out in self.outputs:
            if path == out.path or path.startswith(f"{out.path}/"):
                return out
        return None


def read(tree: Tree) -> DvcFiles:
    """Read all of DVC's files in `tree`.

    Raises:
        ConfigError: One of them is not YAML.
        RepositoryError: One of them does not look as DVC writes it.
    """
    files = _own(tree.files())
    data: list[Output] = []
    found: list[DvcFiles] = []
    for path in named(files, suffix=".dvc"):
        with _understood(path):
            data += _dvc_file(tree, path)
    for path in named(files, name="dvc.yaml"):
        with _understood(path):
            found.append(_pipeline(tree, path))
    outputs = [*data, *(out for part in found for out in part.outputs)]
    metrics = dict.fromkeys(path for part in found for path in part.metrics)
    param_files = dict.fromkeys(path for part in found for path in part.param_files)
    return DvcFiles(
        # What lies outside of the project is not DVC's to store, nor ours to read and to show.
        outputs=tuple(out for out in outputs if is_inside(out.path)),
        stages=tuple(name for part in found for name in part.stages),
        has_lock=any(part.has_lock for part in found),
        metrics=tuple(path for path in metrics if is_inside(path)),
        has_plots=any(part.has_plots for part in found),
        param_files=tuple(path for path in param_files if is_inside(path)),
        dependencies=tuple(path for part in found for path in part.dependencies),
        locked_params=tuple(param for part in found for param in part.locked_params),
        artifacts=tuple(a for part in found for a in part.artifacts if is_inside(a.path)),
    )


def _own(files: Sequence[str]) -> tuple[str, ...]:
    """Without the files of DVC projects further down, which DVC leaves alone too."""
    inner = tuple(
        path.removesuffix(".dvc/config") for path in files if path.endswith("/.dvc/config")
    )
    return tuple(path for path in files if not path.startswith(inner)) if inner else tuple(files)


def is_hash(text: str) -> bool:
    """Whether this is an MD5 as DVC writes it; `.dir` marks a folder."""
    return re.fullmatch(r"[0-9a-f]{32}(\.dir)?", text) is not None


def is_inside(path: str) -> bool:
    """Whether a normal path stays below the folder that it is relative to."""
    return not posixpath.isabs(path) and path.split("/", 1)[0] != ".."


def _load(tree: Tree, path: str) -> dict[str, Any]:
    return _parse(tree.read(path), path)


def _parse(content: bytes | None, path: str) -> dict[str, Any]:
    value = yamlfile.load((content or b"").decode("utf-8", errors="replace"), file=path)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _not_dvc(path, "its top level is no mapping")
    return value


def _not_dvc(path: str, why: str) -> RepositoryError:
    return RepositoryError(
        f"This is not what DVC expects in {printable(path)}: {why}.",
        file=path,
        hint="Run `dvc status` to see what DVC says; restore the file with `git checkout`.",
    )


@contextlib.contextmanager
def _understood(path: str) -> Iterator[None]:
    """For files in which a list may stand where a mapping should, or the reverse."""
    try:
        yield
    except KeyError as error:
        raise _not_dvc(path, f"an entry lacks {error}") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise _not_dvc(path, "some value is of another kind than it should be") from error


def _dvc_file(tree: Tree, path: str) -> tuple[Output, ...]:
    content = _load(tree, path)
    base = posixpath.join(posixpath.dirname(path), str(content.get("wdir") or "."))
    return tuple(
        _output(
            entry,
            base=base,
            kind="data",
            cached=bool(entry.get("cache", True)),
            pushed=bool(entry.get("push", True)),
        )
        for entry in content.get("outs") or ()
    )


def _output(
    entry: Mapping[str, Any],
    *,
    base: str,
    kind: Kind,
    cached: bool,
    pushed: bool,
    stage: str | None = None,
) -> Output:
    return Output(
        path=posixpath.normpath(posixpath.join(base, str(entry["path"]))),
        kind=kind,
        md5=entry.get("md5"),
        size=entry.get("size"),
        stage=stage,
        cached=cached,
        legacy="hash" not in entry,
        pushed=pushed,
    )


@dataclass(frozen=True)
class _Declared:
    """An output as `dvc.yaml` names it."""

    text: str
    kind: Kind
    cached: bool
    pushed: bool

    def matches(self, path: str) -> bool:
        first, *rest = re.split(r"\$\{[^}]*\}", self.text)
        if not rest:
            return path == first
        *middle, last = rest
        if not path.startswith(first) or not path.endswith(last):
            return False
        # No regular expression: thirty variables in one name would keep it busy for ever.
        at, end = len(first), len(path) - len(last)
        for part in middle:
            found = path.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return at <= end


def _pipeline(tree: Tree, path: str) -> DvcFiles:
    folder = posixpath.dirname(path)
    content = _load(tree, path)
    lock_path = posixpath.join(folder, "dvc.lock")
    lock = tree.read(lock_path)
    has_lock = lock is not None
    locked: dict[str, Any] = _parse(lock, lock_path).get("stages") or {}
    outputs: list[Output] = []
    params: list[tuple[str, str, object]] = []
    dependencies: list[str] = []
    metrics = [posixpath.join(folder, str(p)) for p in content.get("metrics") or ()]
    param_files = [posixpath.join(folder, str(p)) for p in content.get("params") or ()]
    stages: dict[str, Any] = content.get("stages") or {}
    for name, definition in stages.items():
        body = (definition or {}).get("do") or definition or {}
        wdir = str(body.get("wdir") or ".")
        declared = list(_declared(body))
        for lock_name, entry in locked.items():
            if lock_name != name and not lock_name.startswith(f"{name}@"):
                continue
            base = posixpath.join(folder, _filled_in(wdir, lock_name))
            outputs += _locked_outputs(entry, declared, base=base, stage=lock_name)
            dependencies += [posixpath.join(base, dep["path"]) for dep in entry.get("deps") or ()]
            for file, values in (entry.get("params") or {}).items():
                where = posixpath.normpath(posixpath.join(base, file))
                params += [(where, key, value) for key, value in values.items()]
        metrics += [
            posixpath.join(folder, wdir, d.text)
            for d in declared
            if d.kind == "metric" and "${" not in f"{wdir}{d.text}"
        ]
    metrics += [out.path for out in outputs if out.kind == "metric"]
    param_files += [file for file, _, _ in params]
    return DvcFiles(
        outputs=tuple(outputs),
        stages=tuple(f"{path}:{name}" if folder else name for name in stages),
        has_lock=has_lock,
        metrics=tuple(dict.fromkeys(map(posixpath.normpath, metrics))),
        has_plots=bool(content.get("plots")) or any(o.kind == "plot" for o in outputs),
        param_files=tuple(dict.fromkeys(map(posixpath.normpath, param_files))),
        dependencies=tuple(dict.fromkeys(map(posixpath.normpath, dependencies))),
        locked_params=tuple(params),
        artifacts=tuple(_artifacts(content.get("artifacts") or {}, folder)),
    )


def _filled_in(wdir: str, stage: str) -> str:
    """A `wdir` that a `foreach` stage varies: the part of the name after `@` is the item or key."""
    return re.sub(r"\$\{\s*(?:item|key)\s*\}", lambda _: stage.partition("@")[2], wdir)


def _declared(body: Mapping[str, Any]) -> Iterator[_Declared]:
    kinds: tuple[tuple[str, Kind], ...] = (
        ("outs", "out"),
        ("metrics", "metric"),
        ("plots", "plot"),
    )
    for key, kind in kinds:
        for entry in body.get(key) or ():
            # Either `path` or `path: {cache: false, ...}`.
            ((text, flags),) = entry.items() if isinstance(entry, dict) else [(entry, {})]
            flags = flags or {}
            yield _Declared(
                str(text),
                kind,
                cached=bool(flags.get("cache", True)),
                pushed=bool(flags.get("push", True)),
            )


def _locked_outputs(
    entry: Mapping[str, Any], declared: Sequence[_Declared], *, base: str, stage: str
) -> Iterator[Output]:
    for out in entry.get("outs") or ():
        match = next((d for d in declared if d.matches(str(out["path"]))), None)
        yield _output(
            out,
            base=base,
            kind=match.kind if match else "out",
            cached=match.cached if match else True,
            pushed=match.pushed if match else True,
            stage=stage,
        )


def _artifacts(content: Mapping[str, Any], folder: str) -> Iterator[Artifact]:
    for name, entry in content.items():
        if isinstance(entry, dict) and "path" in entry:
            labels = entry.get("labels")
            yield Artifact(
                name=str(name),
                path=posixpath.normpath(posixpath.join(folder, str(entry["path"]))),
                type=entry.get("type"),
                description=entry.get("desc"),
                labels=tuple(map(str, labels)) if isinstance(labels, list) else (),
            )
