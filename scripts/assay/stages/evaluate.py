"""evaluate: metrics of head and base, how sure their difference is, and where it lies."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field

from assay import inference, ownmetrics, pairing, process, rescoring, seeds
from assay.errors import AssayError, DataError
from assay.evaluation import Evaluation, Found, evaluate, measure, read
from assay.evidence import Evidence, FairnessFact, SliceEvidence
from assay.inference import recent as newer
from assay.inference.metrics import LeftOutFact
from assay.inference.recent import Recent
from assay.inference.worst import Search
from assay.pairing import RowMatch
from assay.plots import DeclaredPlot, declared_plots
from assay.rescoring import Importance, Rescoring
from assay.section import Reason, Section, Status
from assay.seeds import SeedNoise
from assay.stats.catalogue import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    rescoring: Rescoring | None = None
    """That base's model predicted head's rows; `None` where it did not have to, or could not."""
    seeds: SeedNoise | None = None
    """What other seeds would have given; the evidence covers it, that of slices does not."""
    importance: Importance | None = None
    """How much each feature matters to both models."""
    recent: Recent | None = None
    """Both models on rows that neither was trained on; `None` where `retrain.recent` is not set."""
    plots: tuple[DeclaredPlot, ...] = ()


def run(context: Context) -> EvaluateSection:
    """Evaluate head and base in the same way, and hold one against the other.

    A metrics file that is missing, damaged, holds NaN, or contradicts the predictions fails the
    stage; the same at base is only a warning, because this pull request cannot mend it.
    """
    with ThreadPoolExecutor(max_workers=2) as pool, _own_code(context):
        # DVC takes a second, and so does scikit-learn: both in programs of their own, beside this.
        plots = pool.submit(declared_plots, context)
        weighed = pool.submit(_importance, context)
        workspace = context.workspace
        head = read(workspace.root, workspace.head_files(), context.config)
        section = _evaluate(context, head)
        declared, plot_reasons = plots.result()
        importance, weigh_reasons = weighed.result()
    reasons = [*section.reasons, *plot_reasons, *weigh_reasons]
    if section.head is not None and not section.head.metrics:
        nothing = _no_metric_of(section.head) or (None if reasons else _nothing_to_evaluate())
        reasons += [nothing] if nothing else []
    return section.model_copy(
        update={
            "status": _status(reasons),
            "exit_code": DataError.exit_code if _failed(reasons) else 0,
            "reasons": tuple(reasons),
            "importance": importance,
            "plots": declared,
        }
    )


def _importance(context: Context) -> tuple[Importance | None, tuple[Reason, ...]]:
    """By the first metric that matters; without one, by the loss that suits the task."""
    named = [name for name, spec in context.config.metrics.items() if spec.function is None]
    metric = next((known for name in named if (known := canonical(name))), "")
    return rescoring.importance(context, metric)


@contextmanager
def _own_code(context: Context) -> Iterator[None]:
    """Where the user's own metrics run: in this process, fenced in as their programs are."""
    if not any(spec.function for spec in context.config.metrics.values()):
        yield
        return
    from assay.contract import usercode

    console = context.console
    importable = usercode.importable(context.workspace.root)
    with console.untrusted(), process.without_secrets(), importable:
        try:
            yield
        finally:
            if (
                console.github
            ):  # a line that they did not end would hide the one that lifts the fence
                console.raw("")


def again(context: Context, head: Found) -> EvaluateSection:
    """What the evaluation would have been with other predictions of head's rows.

    Args:
        context: After the evaluation; base's files are in place where there is a base.
        head: The other predictions.
    """
    known = context.record.evaluate
    once = replace(context, config=context.config.model_copy(update={"seeds": None}))
    with _own_code(once):
        section = _evaluate(once, head)
    return section.model_copy(
        update={
            "status": _status(list(section.reasons)),
            "evidence": tuple(_with_noise(section.evidence, known.seeds if known else None)),
        }
    )


def _evaluate(context: Context, head: Found) -> EvaluateSection:
    workspace, config = context.workspace, context.config
    own = _own_metrics(head, context)
    measure(head, own)
    evaluated = evaluate(head, config)
    base = paired = base_evaluated = None
    if context.record.base is not None:
        base_files = workspace.files_at(context.record.base.sha)
        base = read(workspace.base_folder, base_files, config, like=head)
        paired = pairing.pair(
            head, base, config, rescore=lambda frame: rescoring.rescore(context, frame)
        )
        base_evaluated = _evaluate_base(base, paired, own, config)
    measured = [metric.name for metric in evaluated.metrics if metric.recomputed]
    inferred, problems = inference.infer(head, paired, config, measured=measured, own=own)
    folders = (workspace.root, workspace.base_folder)
    since, said = newer.recent(head, paired, config, folders, measured=measured, own=own)
    reasons = [Reason.of(problem) for problem in [*head.problems, *problems]]
    reasons += [
        Reason.of(p, severity="warning", prefix="Base: ") for p in (base.problems if base else [])
    ]
    if base is not None and not workspace.base_folder.exists() and context.record.checkout is None:
        reasons.append(_base_is_not_here())
    nothing = _no_metric_of(base_evaluated, whose="Base: ") if base_evaluated else None
    reasons += [nothing] if nothing else []
    noise = None
    if config.seeds is not None and not reasons:
        noise = seeds.repeat(context, head, measure=lambda found: _metrics_of(found, own, config))
        reasons += noise.problems
    return EvaluateSection(
        status=Status.PASS,
        reasons=(*reasons, *said, *pairing.reasons(paired)),
        head=evaluated,
        base=base_evaluated if base_evaluated and base_evaluated.metrics else None,
        rows=paired.rows if paired else None,
        rescoring=paired.rescored.fact if paired and paired.rescored else None,
        evidence=tuple(_with_noise(inferred.evidence, noise)),
        no_evidence=inferred.no_evidence,
        slices=inferred.slices,
        left_out=inferred.left_out,
        fairness=inferred.fairness,
        search=inferred.search,
        recent=since,
        seeds=noise,
    )


def _metrics_of(
    found: Found, own: dict[str, ownmetrics.OwnMetric], config: Config
) -> dict[str, float]:
    measure(found, own)
    return {metric.name: metric.value for metric in evaluate(found, config).metrics}


def _with_noise(evidence: tuple[Evidence, ...], noise: SeedNoise | None) -> Iterator[Evidence]:
    """The evidence of all rows, its intervals widened by what the seed does."""
    for one in evidence:
        deviation = noise.standard_deviation.get(one.metric) if noise else None
        if noise is None or deviation is None:
            yield one
        else:
            yield seeds.widen(one, deviation, len(noise.values[one.metric]))


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
        return ownmetrics.load(context.config, context.workspace.root)
    except AssayError as error:
        head.problems.append(error)
        return {}


def _no_metric_of(found: Evaluation, *, whose: str = "") -> Reason | None:
    """That predictions were read, and give nothing."""
    why = "; ".join(dict.fromkeys(found.undefined.values()))
    message = f"{whose}The predictions give no metric: {why}."
    return Reason(message=message, severity="warning") if why and not found.metrics else None


def _base_is_not_here() -> Reason:
    return Reason(
        message="Base's files were not brought here, so nothing can be compared with them.",
        severity="warning",
        hint="Run `assay checkout` first, or `assay check` for all stages.",
    )


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
