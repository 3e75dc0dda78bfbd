"""evaluate: metrics of head and base, how sure their difference is, and where it lies."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING

from pydantic import Field

from assay import inference, ownmetrics, pairing
from assay.errors import AssayError, DataError
from assay.evaluation import Evaluation, Found, evaluate, measure, read
from assay.evidence import Evidence, FairnessFact, SliceEvidence
from assay.inference.metrics import LeftOutFact
from assay.inference.worst import Search
from assay.pairing import RowMatch
from assay.plots import DeclaredPlot, declared_plots
from assay.section import Reason, Section, Status

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from assay.config import Config
    from assay.context import Context
    from assay.pairing import Paired


class EvaluateSection(Section):
    """Head, and base where there is one."""

    head: Evaluation | None = None
    base: Evaluation | None = None
    """On head's rows, where base could be scored on them."""
    rows: RowMatch | None = None
    """`None` where one of the two has no predictions."""
    evidence: tuple[Evidence, ...] = ()
    """One for each metric that the predictions of both give."""
    no_evidence: dict[str, str] = Field(default_factory=dict)
    """Metrics without an interval, and why."""
    slices: tuple[SliceEvidence, ...] = ()
    left_out: tuple[LeftOutFact, ...] = ()
    """What is in no slice."""
    fairness: tuple[FairnessFact, ...] = ()
    search: Search | None = None
    """The slice that got worst, of those that nobody thought of."""
    plots: tuple[DeclaredPlot, ...] = ()


def run(context: Context) -> EvaluateSection:
    """Evaluate head and base in the same way, and hold one against the other.

    A metrics file that is missing, damaged, holds NaN, or contradicts the predictions fails the
    stage; the same at base is only a warning, because this pull request cannot mend it.
    """
    with ThreadPoolExecutor(max_workers=1) as pool, _own_code(context):
        plots = pool.submit(declared_plots, context)  # DVC takes a second: do it beside the rest
        section = _evaluate(context)
        declared, plot_reasons = plots.result()
    reasons = [*section.reasons, *plot_reasons]
    if section.head is not None and not section.head.metrics and not reasons:
        reasons.append(_nothing_to_evaluate())
    return section.model_copy(
        update={
            "status": _status(reasons),
            "exit_code": DataError.exit_code if _failed(reasons) else 0,
            "reasons": tuple(reasons),
            "plots": declared,
        }
    )


def _own_code(context: Context) -> AbstractContextManager[object]:
    if not any(spec.function for spec in context.config.metrics.values()):
        return nullcontext()
    from assay.contract import usercode

    return usercode.importable(context.workspace.root)


def _evaluate(context: Context) -> EvaluateSection:
    workspace, config = context.workspace, context.config
    head = read(workspace.root, workspace.head_files(), config)
    own = _own_metrics(head, context)
    measure(head, own)
    evaluated = evaluate(head, config)
    base = paired = base_evaluated = None
    if context.record.base is not None:
        base_files = workspace.files_at(context.record.base.sha)
        base = read(workspace.base_folder, base_files, config, like=head)
        paired = pairing.pair(head, base, config, rescore=lambda: (None, ""))
        base_evaluated = _evaluate_base(base, paired, own, config)
    measured = [metric.name for metric in evaluated.metrics if metric.recomputed]
    inferred, problems = inference.infer(head, paired, config, measured=measured, own=own)
    reasons = [Reason.of(problem) for problem in [*head.problems, *problems]]
    reasons += [
        Reason.of(p, severity="warning", prefix="Base: ") for p in (base.problems if base else [])
    ]
    return EvaluateSection(
        status=Status.PASS,
        reasons=(*reasons, *pairing.reasons(paired)),
        head=evaluated,
        base=base_evaluated if base_evaluated and base_evaluated.metrics else None,
        rows=paired.rows if paired else None,
        evidence=inferred.evidence,
        no_evidence=inferred.no_evidence,
        slices=inferred.slices,
        left_out=inferred.left_out,
        fairness=inferred.fairness,
        search=inferred.search,
    )


def _evaluate_base(
    base: Found, paired: Paired | None, own: dict[str, ownmetrics.OwnMetric], config: Config
) -> Evaluation:
    """Base on the rows that it is compared on."""
    if paired is None or not paired.is_paired:
        measure(base, own)
        return evaluate(base, config)
    if not paired.rows.same and base.numbers:
        evaluate(base, config)  # its metrics files are of its own rows: they must agree with these
    measure(paired.base, own)
    found = evaluate(paired.base, config)
    base.problems += paired.base.problems if paired.rows.same else []
    return found


def _own_metrics(head: Found, context: Context) -> dict[str, ownmetrics.OwnMetric]:
    """The user's own metrics; what cannot be imported is a problem of head."""
    try:
        with context.console.untrusted():
            return ownmetrics.load(context.config, context.workspace.root)
    except AssayError as error:
        head.problems.append(error)
        return {}


def _nothing_to_evaluate() -> Reason:
    return Reason(
        message="There is nothing to evaluate: dvc.yaml declares no metrics, and assay.yaml names "
        "no predictions.",
        severity="warning",
        hint="Declare `metrics:` in dvc.yaml, or add `predictions:` to assay.yaml.",
    )


def _failed(reasons: list[Reason]) -> bool:
    return any(reason.severity == "error" for reason in reasons)


def _status(reasons: list[Reason]) -> Status:
    if _failed(reasons):
        return Status.FAIL
    warned = any(reason.severity == "warning" for reason in reasons)
    return Status.WARN if warned else Status.PASS
