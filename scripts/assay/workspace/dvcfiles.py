"""What DVC's own files say at one revision: outputs, metrics, plots, parameters, artifacts.

Reads `dvc.yaml`, `dvc.lock` and `*.dvc` as the text files that they are
(https://dvc.org/doc/user-guide/project-structure), so that a revision that is not checked out can
be read as fast as one that is. `dvc.lock` holds resolved paths; where `dvc.yaml` uses templating
(`${model.dir}/m.pkl`), its entries are matched against the lock instead of being evaluated.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from assay import yamlfile
from assay.errors import RepositoryError
from assay.workspace.git import named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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

    @property
    def object_path(self) -> str | None:
        """Where the object lies below a cache or a remote."""
        if self.md5 is None or not self.cached:
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


@dataclass(frozen=True)
class DvcFiles:
    """Everything that one revision declares."""

    outputs: tuple[Output, ...] = ()
    stages: tuple[str, ...] = ()
    """Names in `dvc.yaml`, before `foreach` and `matrix` multiply them."""
    has_lock: bool = False
    metrics: tuple[str, ...] = ()
    has_plots: bool = False
    param_files: tuple[str, ...] = ()
    locked_params: tuple[tuple[str, str, object], ...] = ()
    """(file, key, value), as they were when the stages last ran."""
    artifacts: tuple[Artifact, ...] = ()

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
    files = tree.files()
    data = tuple(out for path in named(files, suffix=".dvc") for out in _dvc_file(tree, path))
    found = [_pipeline(tree, path) for path in named(files, name="dvc.yaml")]
    return DvcFiles(
        outputs=(*data, *(out for part in found for out in part.outputs)),
        stages=tuple(name for part in found for name in part.stages),
        has_lock=any(part.has_lock for part in found),
        metrics=tuple(dict.fromkeys(path for part in found for path in part.metrics)),
        has_plots=any(part.has_plots for part in found),
        param_files=tuple(dict.fromkeys(path for part in found for path in part.param_files)),
        locked_params=tuple(param for part in found for param in part.locked_params),
        artifacts=tuple(artifact for part in found for artifact in part.artifacts),
    )


def _load(tree: Tree, path: str) -> dict[str, Any]:
    content = tree.read(path)
    value = yamlfile.load((content or b"").decode("utf-8", errors="replace"), file=path)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RepositoryError(
            "This is not a file that DVC wrote: its top level is no mapping.",
            file=path,
            hint="Restore it with `git checkout`, or run `dvc status` to see what DVC says.",
        )
    return value


def _dvc_file(tree: Tree, path: str) -> Iterator[Output]:
    content = _load(tree, path)
    base = posixpath.join(posixpath.dirname(path), str(content.get("wdir") or "."))
    for entry in content.get("outs") or ():
        yield _output(entry, base=base, kind="data", cached=bool(entry.get("cache", True)))


def _output(
    entry: Mapping[str, Any], *, base: str, kind: Kind, cached: bool, stage: str | None = None
) -> Output:
    return Output(
        path=posixpath.normpath(posixpath.join(base, str(entry["path"]))),
        kind=kind,
        md5=entry.get("md5"),
        size=entry.get("size"),
        stage=stage,
        cached=cached,
        legacy="hash" not in entry,
    )


@dataclass(frozen=True)
class _Declared:
    """An output as `dvc.yaml` names it."""

    text: str
    kind: Kind
    cached: bool

    def matches(self, path: str) -> bool:
        literal = (re.escape(part) for part in re.split(r"\$\{[^}]*\}", self.text))
        return re.fullmatch(".*".join(literal), path, flags=re.DOTALL) is not None


def _pipeline(tree: Tree, path: str) -> DvcFiles:
    folder = posixpath.dirname(path)
    content = _load(tree, path)
    lock_path = posixpath.join(folder, "dvc.lock")
    has_lock = tree.read(lock_path) is not None
    locked: dict[str, Any] = _load(tree, lock_path).get("stages") or {} if has_lock else {}
    outputs: list[Output] = []
    params: list[tuple[str, str, object]] = []
    metrics = [posixpath.join(folder, str(p)) for p in content.get("metrics") or ()]
    param_files = [posixpath.join(folder, str(p)) for p in content.get("params") or ()]
    stages: dict[str, Any] = content.get("stages") or {}
    for name, definition in stages.items():
        body = (definition or {}).get("do") or definition or {}
        base = posixpath.join(folder, str(body.get("wdir") or "."))
        declared = list(_declared(body))
        for lock_name, entry in locked.items():
            if lock_name != name and not lock_name.startswith(f"{name}@"):
                continue
            outputs += _locked_outputs(entry, declared, base=base, stage=lock_name)
            for file, values in (entry.get("params") or {}).items():
                where = posixpath.normpath(posixpath.join(base, file))
                params += [(where, key, value) for key, value in values.items()]
        metrics += [
            posixpath.join(base, d.text)
            for d in declared
            if d.kind == "metric" and "${" not in d.text
        ]
    metrics += [out.path for out in outputs if out.kind == "metric"]
    param_files += [file for file, _, _ in params]
    return DvcFiles(
        outputs=tuple(outputs),
        stages=tuple(stages),
        has_lock=has_lock,
        metrics=tuple(dict.fromkeys(map(posixpath.normpath, metrics))),
        has_plots=bool(content.get("plots")) or any(o.kind == "plot" for o in outputs),
        param_files=tuple(dict.fromkeys(map(posixpath.normpath, param_files))),
        locked_params=tuple(params),
        artifacts=tuple(_artifacts(content.get("artifacts") or {}, folder)),
    )


def _declared(body: Mapping[str, Any]) -> Iterator[_Declared]:
    kinds: tuple[tuple[str, Kind], ...] = (
        ("outs", "out"),
        ("metrics", "metric"),
        ("plots", "plot"),
    )
    for key, kind in kinds:
        for entry in body.get(key) or ():
            # Either `path` or `path: {cache: false, ...}`.
            text, flags = next(iter(entry.items())) if isinstance(entry, dict) else (entry, {})
            yield _Declared(str(text), kind, cached=bool((flags or {}).get("cache", True)))


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
            stage=stage,
        )


def _artifacts(content: Mapping[str, Any], folder: str) -> Iterator[Artifact]:
    for name, entry in content.items():
        if isinstance(entry, dict) and "path" in entry:
            yield Artifact(
                name=str(name),
                path=posixpath.normpath(posixpath.join(folder, str(entry["path"]))),
                type=entry.get("type"),
                description=entry.get("desc"),
            )
