"""How sure the differences between head and base are: of all rows, of slices, between groups.

Here the user's configuration and files meet the statistics; what is computed is in `stats`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from assay.console import printable
from assay.errors import AssayError, DataError
from assay.inference import groups, metrics, samples, worst

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assay.config import Config
    from assay.evaluation import Found
    from assay.evidence import Evidence, FairnessFact, SliceEvidence
    from assay.inference.metrics import LeftOutFact
    from assay.inference.samples import Samples
    from assay.inference.worst import Search
    from assay.ownmetrics import OwnMetric
    from assay.pairing import Paired


@dataclass(frozen=True)
class Inferred:
    """What follows from the rows of head and base."""

    evidence: tuple[Evidence, ...] = ()
    no_evidence: dict[str, str] = field(default_factory=dict)
    slices: tuple[SliceEvidence, ...] = ()
    left_out: tuple[LeftOutFact, ...] = ()
    fairness: tuple[FairnessFact, ...] = ()
    search: Search | None = None


def infer(
    head: Found,
    paired: Paired | None,
    config: Config,
    *,
    measured: Sequence[str],
    own: Mapping[str, OwnMetric],
) -> tuple[Inferred, list[AssayError]]:
    """Everything that is inferred from the rows, and the mistakes that keep something from it.

    Args:
        head: This change.
        paired: Base, as it is compared; `None` without a baseline.
        config: What is asked for.
        measured: The metrics that head's rows give, in order.
        own: The user's own metrics.
    """
    try:
        rows = samples.samples(head, paired, config, own)
    except DataError as error:
        return Inferred(), [_located(error, config, ("predictions", "group"))]
    if rows is None:
        return Inferred(), []
    import numpy as np

    # What overflows has no interval, and that is said of it; a warning of numpy's says it worse.
    with np.errstate(over="ignore", invalid="ignore"):
        return _infer(rows, config, measured)


def _infer(
    rows: Samples, config: Config, measured: Sequence[str]
) -> tuple[Inferred, list[AssayError]]:
    problems: list[AssayError] = []
    found = Inferred()
    if rows.base is not None:
        evidence, missing = metrics.whole(rows, measured)
        found = Inferred(evidence=evidence, no_evidence=missing, search=worst.search(rows))
    try:
        slices, left_out = metrics.by_slice(rows, metrics.of_slices(config, measured))
        found = replace(found, slices=slices, left_out=left_out)
    except DataError as error:
        problems.append(_located(error, config, ("predictions", "slices")))
    try:
        found = replace(found, fairness=tuple(groups.fairness(rows)))
    except DataError as error:
        problems.append(_located(error, config, ("fairness",)))
    return found, problems


def _located(error: DataError, config: Config, key: tuple[str, ...]) -> DataError:
    """An error of the predictions file, at the key of `assay.yaml` that asked for it."""
    path = "" if config.predictions is None else f"{printable(config.predictions.path)}: "
    return DataError(f"{path}{error.message.rstrip('.')}.", hint=error.hint, key=key)
