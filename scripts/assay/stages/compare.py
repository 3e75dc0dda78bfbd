"""compare: head against base: metrics, slices, parameters, data, model, time."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any, Literal

from assay import causes, metricsfile
from assay.causes import Causes
from assay.changes import MetricChange, SliceChange, metric_changes, slice_changes
from assay.contract.evolution import revisions as schema_revisions
from assay.contract.evolution.section import SchemaComparison
from assay.datadiff import revisions
from assay.datadiff.section import DataChange, Leakage
from assay.errors import AssayError
from assay.gates import Gate, disjoint
from assay.gates.judge import judge
from assay.section import Fact, Reason, Section, Status
from assay.stats.catalogue import canonical
from assay.workspace.git import GitTree, WorkTree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.context import Context
    from assay.workspace.dvcfiles import DvcFiles, Tree

MODEL_SUFFIXES = (".joblib", ".pkl", ".pickle", ".skops", ".onnx")


class ParameterChange(Fact):
    """A parameter that differs; values as JSON text, `None` where there is none."""

    file: str
    key: str
    head: str | None
    base: str | None


class FileChange(Fact):
    """A file or folder that DVC tracks and that differs."""

    path: str
    change: Literal["added", "removed", "modified"]
    kind: Literal["data", "out", "metric", "plot"]
    head_bytes: int | None = None
    base_bytes: int | None = None


class CompareSection(Section):
    """Everything that changed between base and head, and what the gates say."""

    baseline: bool = False
    """Whether there was a base to compare with."""
    same_rows: bool | None = None
    """Whether both revisions' predictions are of the same rows; `None` without predictions."""
    metrics: tuple[MetricChange, ...] = ()
    slices: tuple[SliceChange, ...] = ()
    parameters: tuple[ParameterChange, ...] = ()
    files: tuple[FileChange, ...] = ()
    model: str | None = None
    model_bytes: int | None = None
    base_model_bytes: int | None = None
    train_seconds: float | None = None
    """Wall time of the stages that ran in this run."""
    causes: Causes | None = None
    """What else changed; `None` without a base."""
    data: tuple[DataChange, ...] = ()
    """How the files of `data` changed."""
    leakage: tuple[Leakage, ...] = ()
    schemas: tuple[SchemaComparison, ...] = ()
    """How the schemas of `data` changed."""
    gates: tuple[Gate, ...] = ()

    @property
    def sliced(self) -> int:
        """How many slices there are, whatever the number of metrics on each."""
        return len({part.name for part in self.slices})

    @property
    def worse_slices(self) -> tuple[str, ...]:
        """Those on which any metric got worse, the surest first."""
        worse = [part for part in self.slices if part.change == "worse"]
        worse.sort(key=lambda part: 1.0 if part.adjusted is None else part.adjusted)
        return tuple(dict.fromkeys(part.name for part in worse))

    @property
    def worse_on(self) -> int:
        """On how many of them any metric got worse."""
        return len(self.worse_slices)


def run(context: Context) -> CompareSection:
    """Hold head against base.

    Raises:
        RepositoryError: DVC's files cannot be read at one of the revisions.
    """
    record, config, workspace = context.record, context.config, context.workspace
    evaluated = record.evaluate
    head = workspace.head_files()
    base = None if record.base is None else workspace.files_at(record.base.sha)
    metrics = metric_changes(evaluated, config)
    leaks = revisions.leaks(context)
    gates = (*judge(config, evaluated), *disjoint.decide(config, leaks))
    model = config.model or model_path(head)
    parameters: tuple[ParameterChange, ...] = ()
    found = None
    if base is not None and record.base is not None:
        trees = WorkTree(workspace.git), GitTree(workspace.git, record.base.sha)
        parameters = tuple(_parameters(trees[0], head, trees[1], base))
        asked = context.environ.get("ASSAY_REQUIREMENTS")
        found = causes.find(workspace, record.base.sha, config, requirements=asked)
    has_base = evaluated is not None and evaluated.base is not None
    measured = [metric.name for metric in metrics if metric.head is not None]
    data = revisions.changes(context)
    schemas = schema_revisions.of(context)
    problems = [p for change in data for p in change.problems]
    problems += [one.problem for one in schemas if one.problem is not None]
    reasons = [*_reasons(gates, measured), *problems]
    if evaluated is None:
        reasons.append(
            Reason(
                message="Nothing was evaluated, so there is nothing to compare.",
                hint="Run `assay evaluate` first, or `assay check` for all stages.",
                severity="warning",
            )
        )
    elif not has_base:
        reasons.append(_no_baseline(base_known=record.base is not None))
    return CompareSection(
        status=status_of(gates, evaluated=evaluated is not None),
        reasons=tuple(reasons),
        baseline=has_base,
        same_rows=None if evaluated is None or evaluated.rows is None else evaluated.rows.same,
        metrics=metrics,
        slices=slice_changes(evaluated, config, gates),
        parameters=parameters,
        files=() if base is None else tuple(_files(head, base)),
        causes=found,
        data=data,
        schemas=schemas,
        leakage=tuple(leak for leak in leaks if isinstance(leak, Leakage)),
        model=model,
        model_bytes=_size(head, model, WorkTree(workspace.git)),
        base_model_bytes=None
        if base is None or record.base is None
        else _size(base, model, GitTree(workspace.git, record.base.sha)),
        train_seconds=_train_seconds(context),
        gates=gates,
    )


def _parameters(
    head_tree: Tree, head: DvcFiles, base_tree: Tree, base: DvcFiles
) -> Iterator[ParameterChange]:
    """Parameters of every file that a stage reads, and of params.yaml."""
    files = dict.fromkeys([*head.param_files, *base.param_files, "params.yaml"])
    for file in files:
        now, then = _values(head_tree, head, file), _values(base_tree, base, file)
        for key in dict.fromkeys([*now, *then]):
            new, old = now.get(key), then.get(key)
            if new != old:
                yield ParameterChange(file=file, key=key, head=new, base=old)


def _values(tree: Tree, files: DvcFiles, file: str) -> dict[str, str]:
    """The parameters in a file; of a Python file, those that dvc.lock holds."""
    content = tree.read(file)
    if content is not None and not file.endswith(".py"):
        try:
            return {k: _text(v) for k, v in metricsfile.leaves(content, file=file).items()}
        except AssayError:
            pass  # DVC says what is wrong with it when it trains
    return {key: _text(value) for where, key, value in files.locked_params if where == file}


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _files(head: DvcFiles, base: DvcFiles) -> Iterator[FileChange]:
    now = {out.path: out for out in head.outputs}
    then = {out.path: out for out in base.outputs}
    for path in dict.fromkeys([*now, *then]):
        new, old = now.get(path), then.get(path)
        if new and old and new.md5 == old.md5:
            continue
        known = new or old
        if known is None:
            continue
        yield FileChange(
            path=path,
            change="modified" if new and old else "added" if new else "removed",
            kind=known.kind,
            head_bytes=new.size if new else None,
            base_bytes=old.size if old else None,
        )


def model_path(files: DvcFiles) -> str | None:
    """The artifact of type `model`; else the only output that looks like one; else nothing."""
    candidates = model_paths(files)
    return candidates[0] if len(candidates) == 1 else None


def model_paths(files: DvcFiles) -> list[str]:
    """The artifacts of type `model`; else the outputs that look like one."""
    declared = [artifact.path for artifact in files.artifacts if artifact.type == "model"]
    looks = [out.path for out in files.outputs if out.path.endswith(MODEL_SUFFIXES)]
    return list(dict.fromkeys(declared or looks))


def _size(files: DvcFiles, path: str | None, tree: Tree) -> int | None:
    """Of a model under DVC as its files say, else of the file in git."""
    if path is None:
        return None
    for out in files.outputs:
        if out.path == path:
            return out.size
    content = tree.read(path)
    return None if content is None else len(content)


def _train_seconds(context: Context) -> float | None:
    train = context.record.train
    times = [run.seconds for run in (train.stages if train else ()) if run.seconds is not None]
    return round(sum(times), 3) if times else None


def status_of(gates: tuple[Gate, ...], *, evaluated: bool) -> Status:
    """How a comparison ends that comes to these gates."""
    if any(gate.stops for gate in gates):
        return Status.FAIL
    return Status.PASS if evaluated and not any(gate.warns for gate in gates) else Status.WARN


def reason_of(gate: Gate, hint: str | None = None) -> Reason:
    """What a gate says that stops the run, or warns."""
    return Reason(
        message=f"{gate.message}.",
        severity="error" if gate.stops else "warning",
        hint=hint,
        key=gate.key,
    )


def _reasons(gates: tuple[Gate, ...], measured: list[str]) -> Iterator[Reason]:
    for gate in gates:
        if gate.stops or gate.warns:
            yield reason_of(gate, _hint(gate, measured))
    unseen = [gate for gate in gates if (gate.rule, gate.result) == ("present", "not decided")]
    if unseen:
        others = f" (and {len(unseen) - 1} more)" if len(unseen) > 1 else ""
        yield Reason(
            message=f"Not gated{others}: {unseen[0].message}.",
            severity="note",
            key=unseen[0].key,
        )


def _hint(gate: Gate, measured: list[str]) -> str | None:
    if gate.result == "inconclusive":
        return "Evaluate on more rows; or set `severity: warn`, to be told and not stopped."
    # A name that we know is spelt as it should be, and has no value for another reason.
    known = gate.column or gate.metric in measured or canonical(gate.metric) is not None
    close = [] if known else difflib.get_close_matches(gate.metric, measured, n=1)
    return f"Did you mean `{close[0]}`?" if close else None


def _no_baseline(*, base_known: bool) -> Reason:
    why = "The base revision has no metrics" if base_known else "There is no base revision"
    return Reason(
        message=f"{why}, so nothing can be compared: only absolute bounds are gated.",
        severity="note",
    )
