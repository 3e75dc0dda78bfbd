"""What can be known of a repository without asking: for `assay init`."""

from __future__ import annotations

import ast
import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay import metricsfile
from assay.errors import AssayError
from assay.stages.compare import model_path
from assay.stats.catalogue import direction_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from assay.workspace import Workspace
    from assay.workspace.dvccli import Remote
    from assay.workspace.dvcfiles import DvcFiles

TABLE_SUFFIXES = (".csv", ".tsv", ".csv.gz", ".parquet")
# The order is that of `assay setup`: the first that exists is used.
REQUIREMENT_FILES = ("uv.lock", "pylock.toml", "requirements.txt", "pyproject.toml")
TRUTH = ("y_true", "truth", "true", "actual", "target", "label", "y")
PREDICTION = ("y_pred", "prediction", "predicted", "pred", "y_hat")
SCORE = ("y_score", "score", "y_prob", "proba", "probability", "y_proba")


@dataclass(frozen=True)
class PredictionsFile:
    """A table whose columns look like predictions."""

    path: str
    truth: str
    prediction: str | None
    score: str | None


@dataclass(frozen=True)
class Discovered:
    """Everything that was found."""

    remote: Remote | None
    dvc: DvcFiles
    default_branch: str | None
    requirements: str | None
    tables: tuple[str, ...]
    """Data files that DVC tracks and that no stage makes."""
    schemas: tuple[str, ...]
    """References to Pandera schemas: `schema.py:Schema`."""
    has_tests: bool
    predictions: PredictionsFile | None
    metrics: dict[str, float]
    """Numbers of the metrics files whose direction is known."""
    model: str | None


def discover(workspace: Workspace) -> Discovered:
    """Look at the work tree. Runs none of the user's code.

    Raises:
        RepositoryError: Not a git repository, or not a DVC one.
    """
    workspace.git.prefix()
    workspace.dvc.require()
    files = workspace.git.working_files()
    dvc = workspace.head_files()
    return Discovered(
        remote=workspace.dvc.remote(),
        dvc=dvc,
        default_branch=workspace.git.default_branch(),
        requirements=next((f for f in REQUIREMENT_FILES if f in files), None),
        tables=tuple(
            out.path
            for out in dvc.outputs
            if out.kind == "data" and out.path.endswith(TABLE_SUFFIXES)
        ),
        schemas=tuple(_schemas(workspace, files)),
        has_tests=any(_is_test(path) for path in files),
        predictions=_predictions(workspace, dvc),
        metrics=_metrics(workspace, dvc),
        model=model_path(dvc),
    )


def _is_test(path: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


def _schemas(workspace: Workspace, files: Iterable[str]) -> Iterator[str]:
    """Pandera schemas at the top level of the project's modules, read without running them."""
    for path in files:
        if not path.endswith(".py") or _is_test(path):
            continue
        try:
            source = (workspace.root / path).read_text(encoding="utf-8")
            tree = ast.parse(source) if "pandera" in source else ast.Module([], [])
        except (OSError, SyntaxError, ValueError):
            continue
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and any(
                _last_name(base) == "DataFrameModel" for base in node.bases
            ):
                yield f"{path}:{node.name}"
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                target = node.targets[0]
                is_schema = _last_name(node.value.func) == "DataFrameSchema"
                if is_schema and isinstance(target, ast.Name):
                    yield f"{path}:{target.id}"


def _last_name(node: ast.expr) -> str | None:
    """`DataFrameModel` of `pa.DataFrameModel`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def _predictions(workspace: Workspace, dvc: DvcFiles) -> PredictionsFile | None:
    for out in dvc.outputs:
        if out.kind == "data" or not out.path.endswith(".csv"):
            continue
        try:
            with (workspace.root / out.path).open(encoding="utf-8", newline="") as file:
                header = next(csv.reader(file), [])
        except (OSError, UnicodeDecodeError, csv.Error):
            continue
        truth, predicted, score = (
            next((name for name in names if name in header), None)
            for names in (TRUTH, PREDICTION, SCORE)
        )
        if truth and (predicted or score):
            return PredictionsFile(out.path, truth, predicted, score)
    return None


def _metrics(workspace: Workspace, dvc: DvcFiles) -> dict[str, float]:
    found: dict[str, float] = {}
    for path in dvc.metrics:
        try:
            content = (workspace.root / path).read_bytes()
            found |= metricsfile.numbers(content, file=path)
        except (OSError, AssayError):
            continue
    return {name: value for name, value in found.items() if direction_of(name)}
