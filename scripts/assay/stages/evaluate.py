"""evaluate: metrics of head and base, from metrics files and recomputed from predictions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from assay.errors import DataError
from assay.evaluation import Evaluation, Found, evaluate, read
from assay.plots import DeclaredPlot, declared_plots
from assay.section import Fact, Reason, Section, Status

if TYPE_CHECKING:
    from assay.config import Config
    from assay.context import Context


class RowMatch(Fact):
    """How the rows of head's predictions and of base's relate."""

    shared: int
    only_head: int
    only_base: int
    truth_differs: int
    by_key: bool

    @property
    def same(self) -> bool:
        """Whether the two can be compared row by row."""
        return self.only_head == self.only_base == self.truth_differs == 0


class EvaluateSection(Section):
    """Head, and base where there is one."""

    head: Evaluation | None = None
    base: Evaluation | None = None
    rows: RowMatch | None = None
    """`None` where one of the two has no predictions."""
    plots: tuple[DeclaredPlot, ...] = ()


def run(context: Context) -> EvaluateSection:
    """Evaluate head and base in the same way.

    A metrics file that is missing, damaged, holds NaN, or contradicts the predictions fails the
    stage; the same at base is only a warning, because this pull request cannot mend it.
    """
    workspace, config = context.workspace, context.config
    with ThreadPoolExecutor(max_workers=1) as pool:
        plots = pool.submit(declared_plots, context)  # DVC takes a second: do it beside the rest
        files = workspace.head_files()
        head = read(workspace.root, files, config)
        evaluated = evaluate(head, config)
        base = rows = base_evaluated = None
        if context.record.base is not None:
            base_files = workspace.files_at(context.record.base.sha)
            base = read(workspace.base_folder, base_files, config, like=head)
            base_evaluated = evaluate(base, config)
            rows = _match_rows(head, base, config)
        declared, plot_reasons = plots.result()
    reasons = [Reason.of(problem) for problem in head.problems]
    reasons += [
        Reason.of(p, severity="warning", prefix="Base: ") for p in (base.problems if base else [])
    ]
    reasons += [*_row_reasons(rows), *plot_reasons]
    if not evaluated.metrics and not reasons:
        reasons.append(_nothing_to_evaluate())
    return EvaluateSection(
        status=_status(reasons),
        exit_code=DataError.exit_code if head.problems else 0,
        reasons=tuple(reasons),
        head=evaluated,
        base=base_evaluated if base_evaluated and base_evaluated.metrics else None,
        rows=rows,
        plots=declared,
    )


def _match_rows(head: Found, base: Found, config: Config) -> RowMatch | None:
    spec = config.predictions
    if head.frame is None or base.frame is None or spec is None:
        return None
    from assay.stats.rows import align

    try:
        found = align(head.frame, base.frame, truth=spec.truth, key=spec.key or None)
    except DataError as error:
        message = f"Its rows cannot be matched with head's: {error.message.rstrip('.')}."
        base.problems.append(DataError(message, hint=error.hint, key=("predictions", "key")))
        return None
    return RowMatch(
        shared=found.shared,
        only_head=found.only_head,
        only_base=found.only_base,
        truth_differs=int(found.truth_differs.size),
        by_key=found.by_key,
    )


def _row_reasons(rows: RowMatch | None) -> list[Reason]:
    if rows is None or rows.same:
        return []
    parts = [
        (rows.only_head, "only in head"),
        (rows.only_base, "only in base"),
        (rows.truth_differs, "with another true value"),
    ]
    what = ", ".join(f"{count} {text}" for count, text in parts if count)
    message = f"Head and base were evaluated on different rows: {what}."
    hint = "Their metrics are compared all the same; part of a difference may come from the rows."
    return [Reason(message=message, severity="warning", hint=hint)]


def _nothing_to_evaluate() -> Reason:
    return Reason(
        message="There is nothing to evaluate: dvc.yaml declares no metrics, and assay.yaml names "
        "no predictions.",
        severity="warning",
        hint="Declare `metrics:` in dvc.yaml, or add `predictions:` to assay.yaml.",
    )


def _status(reasons: list[Reason]) -> Status:
    severities: set[Any] = {reason.severity for reason in reasons}
    if "error" in severities:
        return Status.FAIL
    return Status.WARN if "warning" in severities else Status.PASS
