"""`assay history`: the versions of an artifact with their metrics, data and stages.

By git alone: tags, and the files at the commits that they point to.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from assay import metricsfile
from assay.console import printable
from assay.errors import AssayError, UsageError
from assay.release import gto
from assay.release.tagname import GRAMMAR, is_artifact, parse
from assay.release.trees import Objects
from assay.workspace import dvcfiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from assay.packaging.manifest import Manifest
    from assay.release.gto import Artifact, Note, Registry, Version
    from assay.release.trees import CommitTree
    from assay.workspace.dvcfiles import DvcFiles, Output
    from assay.workspace.git import Git


@dataclass(frozen=True)
class Row:
    """One version."""

    version: str | None
    """`None` for a commit without a version that a stage was assigned to."""
    tag: str
    commit: str
    time: int
    """Of the tag: seconds since 1970."""
    registered: bool
    stages: tuple[str, ...]
    metrics: dict[str, float]
    model: str | None
    """The MD5 that DVC has of the model."""
    data: str | None
    """A digest over the data that DVC tracks."""
    data_changed: bool | None
    """Against the version below; `None` where one of the two is not known."""
    problem: str | None = None
    """Why nothing is known of the commit's files."""


@dataclass(frozen=True)
class History:
    """All versions of one artifact, the greatest first."""

    name: str
    deprecated: bool
    rows: tuple[Row, ...]
    notes: tuple[Note, ...]
    """Tags that do not say what they seem to."""


def of(
    git: Git,
    name: str | None = None,
    *,
    model: str | None = None,
    manifests: Mapping[str, Manifest] | None = None,
) -> tuple[History, ...]:
    """The history of one artifact, or of all.

    Args:
        git: The project.
        name: Which artifact; all without it.
        model: The model's file, where assay.yaml names it.
        manifests: Those of bundles at hand, by commit: they know metrics that no file has.

    Raises:
        UsageError: There is no such artifact.
    """
    registry = gto.read(git)
    artifacts = _chosen(registry, name)
    commits = [one.commit for artifact in artifacts for one in artifact.versions]
    objects = Objects(git)
    known = _known(objects, objects.trees(commits), manifests or {}, model)
    return tuple(
        History(
            artifact.name, artifact.deprecated, _rows(artifact, known), _notes(registry, artifact)
        )
        for artifact in artifacts
    )


def _chosen(registry: Registry, name: str | None) -> list[Artifact]:
    # One with lightweight tags alone has no versions, and its notes say why.
    known = {*registry.artifacts, *(_about(note) for note in registry.notes)}
    if name is None:
        return [registry.artifact(one) for one in sorted(known)]
    if name in known:
        return [registry.artifact(name)]
    if not is_artifact(name):
        raise UsageError(f"{printable(name)!r} is no name that GTO takes.", hint=GRAMMAR)
    others = ", ".join(f"`{one}`" for one in sorted(known)[:10])
    raise UsageError(
        f"No tag tells of `{name}`.",
        hint=f"Tags tell of {others}." if others else f"There are no versions yet: {FIRST}",
    )


FIRST = "`assay release` makes one, and `git fetch --tags` gets those of others."


def _notes(registry: Registry, artifact: Artifact) -> tuple[Note, ...]:
    return tuple(note for note in registry.notes if _about(note) == artifact.name)


def _about(note: Note) -> str:
    """The artifact that a note is about; only tags of GTO's grammar have notes."""
    found = parse(note.tag)
    return found.artifact if found else ""


@dataclass(frozen=True)
class _Known:
    """What the files at one commit say."""

    metrics: dict[str, float]
    model: str | None = None
    data: str | None = None
    problem: str | None = None


def _known(
    objects: Objects,
    trees: Mapping[str, CommitTree],
    manifests: Mapping[str, Manifest],
    model: str | None,
) -> dict[str, _Known]:
    objects.fetch(
        tree.paths[path]
        for tree in trees.values()
        for path in tree.files()
        if path.endswith((".dvc", "dvc.yaml", "dvc.lock"))
    )
    files: dict[str, DvcFiles] = {}
    problems: dict[str, str] = {}
    for commit, tree in trees.items():
        try:
            files[commit] = dvcfiles.read(tree)
        except AssayError as error:  # nobody can mend a commit; the others still tell
            problems[commit] = f"{error.where}: {error.message}" if error.where else error.message
    objects.fetch(
        trees[commit].paths[path]
        for commit, found in files.items()
        for path in found.metrics
        if path in trees[commit].paths
    )
    read = {
        commit: _Known(
            metrics=_metrics(trees[commit], found.metrics, manifests.get(commit)),
            model=_model(found, model),
            data=_digest(_data(found, model)),
        )
        for commit, found in files.items()
    }
    return read | {commit: _Known({}, problem=said) for commit, said in problems.items()}


def _metrics(tree: CommitTree, paths: Iterable[str], manifest: Manifest | None) -> dict[str, float]:
    """Of the metrics files in git, and over them of the bundle; a file that is none gives none."""
    found: list[tuple[str, str, float]] = []
    for path in paths:
        if (content := tree.read(path)) is None:
            continue
        try:
            numbers = metricsfile.numbers(content, file=path)
        except AssayError:
            continue
        found += [(path, name, value) for name, value in numbers.items()]
    times = Counter(name for _, name, _ in found)
    named = {name if times[name] == 1 else f"{path}:{name}": v for path, name, v in found}
    packaged = {metric.name: metric.value for metric in manifest.metrics} if manifest else {}
    return named | packaged


def _model(files: DvcFiles, model: str | None) -> str | None:
    path = model or next((a.path for a in files.artifacts if a.type == "model"), None)
    out = files.output(path) if path else None
    return out.md5 if out else None


def _data(files: DvcFiles, model: str | None) -> list[Output]:
    """What people put under DVC; in a project that tracks only what stages make, all but models."""
    added = [out for out in files.outputs if out.kind == "data" and out.path != model]
    models = {model, *(artifact.path for artifact in files.artifacts)}
    return added or [o for o in files.outputs if o.kind == "out" and o.path not in models]


def _digest(outputs: Sequence[Output]) -> str | None:
    lines = sorted(f"{out.path}\0{out.md5}\n" for out in outputs if out.md5)
    return hashlib.sha256("".join(lines).encode()).hexdigest() if lines else None


def _rows(artifact: Artifact, known: Mapping[str, _Known]) -> tuple[Row, ...]:
    rows: list[Row] = []
    below: str | None = None
    for version in reversed(artifact.versions):
        found = known.get(version.commit, _Known({}, problem=_ELSEWHERE))
        changed = None if None in (below, found.data) else found.data != below
        rows.append(_row(version, found, changed=changed))
        below = found.data
    return tuple(reversed(rows))


_ELSEWHERE = "The commit does not have the project's folder."


def _row(version: Version, found: _Known, *, changed: bool | None) -> Row:
    return Row(
        version=None if version.version == version.commit else version.version,
        tag=version.tag,
        commit=version.commit,
        time=version.time,
        registered=version.registered,
        stages=version.stages,
        metrics=found.metrics,
        model=found.model,
        data=found.data,
        data_changed=changed,
        problem=found.problem,
    )


def to_json(histories: Sequence[History]) -> str:
    """All that is known, for programs."""
    return json.dumps([_document(history) for history in histories], indent=1) + "\n"


def _document(history: History) -> dict[str, Any]:
    document = asdict(history)
    for row in document["rows"]:
        row["date"] = datetime.fromtimestamp(row.pop("time"), UTC).isoformat()
    return document
