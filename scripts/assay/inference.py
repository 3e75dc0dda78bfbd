"""How sure the differences between head and base are: of all rows, of each slice, of groups.

Here the user's configuration and files meet the statistics; what is computed is in `stats`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from assay.console import printable
from assay.errors import AssayError, DataError
from assay.evidence import Evidence, FairnessFact, SliceEvidence
from assay.gates import nulls
from assay.section import Fact
from assay.stats.catalogue import find

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from assay.config import Config
    from assay.evaluation import Found
    from assay.ownmetrics import OwnMetric
    from assay.pairing import Paired
    from assay.stats.difference import Settings
    from assay.stats.predictions import Predictions
    from assay.stats.slicing import Slice

MOST_OF_A_SLICE = 3
"""Metrics of each slice where `assay.yaml` names none."""


class LeftOutFact(Fact):
    """Values that get no slice."""

    slices: str
    """The columns, or the name of an expression."""
    reason: Literal["too few rows", "too many values"]
    values: int
    rows: int
    """How many rows they have together."""
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inferred:
    """What follows from the rows of head and base."""

    evidence: tuple[Evidence, ...] = ()
    no_evidence: dict[str, str] = field(default_factory=dict)
    slices: tuple[SliceEvidence, ...] = ()
    left_out: tuple[LeftOutFact, ...] = ()
    fairness: tuple[FairnessFact, ...] = ()


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of one revision."""

    table: pd.DataFrame
    predictions: Predictions
    groups: NDArray[np.intp] | None = None
    mask: NDArray[np.bool_] | None = None
    """Which rows of the table; `None` for all."""

    @property
    def frame(self) -> pd.DataFrame:
        """The rows of the table; only the user's own metrics need them."""
        return self.table if self.mask is None else self.table.loc[self.mask]

    @property
    def units(self) -> int:
        """How many rows, or groups of rows."""
        return len(self.predictions) if self.groups is None else len(set(self.groups.tolist()))

    def subset(self, mask: NDArray[np.bool_]) -> Sample:
        """Some of all rows."""
        groups = None if self.groups is None else self.groups[mask]
        return Sample(self.table, self.predictions.subset(mask), groups, mask)


@dataclass(frozen=True, eq=False)
class Samples:
    """The rows that are compared.

    Args:
        head: Of this change.
        base: `None` without a baseline.
        paired: Whether base's rows are head's, in the same order.
        config: Rules, confidence, seed.
        own: The user's own metrics.
    """

    head: Sample
    base: Sample | None
    paired: bool
    config: Config
    own: Mapping[str, OwnMetric]

    @cached_property
    def settings(self) -> Settings:
        """How sure is sure."""
        from assay.stats.difference import Settings

        wanted = self.config.statistics
        return Settings(confidence=wanted.confidence, resamples=wanted.resamples, seed=wanted.seed)


def samples(
    head: Found, paired: Paired | None, config: Config, own: Mapping[str, OwnMetric]
) -> Samples | None:
    """The rows that are compared; `None` without predictions at head.

    Raises:
        PredictionsError: The column `group` is missing, or has rows without a value.
    """
    if head.frame is None or head.predictions is None:
        return None
    group = config.predictions.group if config.predictions else None
    first = Sample(head.frame, head.predictions, _groups(head.frame, group))
    second = None
    is_paired = paired is not None and paired.is_paired
    if paired is not None and paired.base.frame is not None and paired.base.predictions is not None:
        groups = first.groups if is_paired else _groups(paired.base.frame, group)
        second = Sample(paired.base.frame, paired.base.predictions, groups)
    return Samples(first, second, is_paired, config, own)


def _groups(frame: pd.DataFrame, column: str | None) -> NDArray[np.intp] | None:
    if column is None:
        return None
    import pandas as pd

    from assay.stats.columns import PredictionsError, pick, require

    require(frame, [column])
    codes, _ = pd.factorize(pick(frame, column))
    if (codes < 0).any():
        missing = int((codes < 0).sum())
        raise PredictionsError(f"the group column {column!r} has no value in {missing:,} rows")
    return codes


def infer(rows: Samples, metrics: Sequence[str]) -> tuple[Inferred, list[AssayError]]:
    """Everything that is inferred from the rows, and what of it could not be, for a mistake.

    Args:
        rows: Of head and base.
        metrics: Those that head's rows give, in order.
    """
    problems: list[AssayError] = []
    found = Inferred()
    if rows.base is not None:
        evidence, missing = whole(rows, metrics)
        found = replace(found, evidence=evidence, no_evidence=missing)
    try:
        slices, left_out = by_slice(rows, of_slices(rows.config, metrics))
        found = replace(found, slices=slices, left_out=left_out)
    except DataError as error:
        problems.append(located(error, rows.config, "slices"))
    return found, problems


def located(error: DataError, config: Config, key: str) -> DataError:
    """An error of the predictions file, at the key of `assay.yaml` that asked for it."""
    path = "" if config.predictions is None else f"{printable(config.predictions.path)}: "
    message = f"{path}{error.message.rstrip('.')}."
    return DataError(message, hint=error.hint, key=("predictions", key))


def of_slices(config: Config, metrics: Sequence[str]) -> list[str]:
    """Which metrics each slice gets: the configured ones, else the first few."""
    wanted = [
        name
        for name, spec in config.metrics.items()
        if name in metrics and (spec.function is None or spec.slices is not None)
    ]
    return wanted or list(metrics)[:MOST_OF_A_SLICE]


def whole(rows: Samples, metrics: Sequence[str]) -> tuple[tuple[Evidence, ...], dict[str, str]]:
    """The evidence of all rows, and for which metrics there is none, with the reason."""
    assert rows.base is not None  # noqa: S101 (the caller has a baseline)
    return _evidence(rows, rows.head, rows.base, metrics)


def _evidence(
    rows: Samples, head: Sample, base: Sample, metrics: Sequence[str]
) -> tuple[tuple[Evidence, ...], dict[str, str]]:
    from assay.stats import paired

    known = [name for name in metrics if name not in rows.own and find(name)]
    wanted = {name: nulls(rows.config, name) for name in metrics}
    if rows.paired:
        found = paired.compare(
            head.predictions,
            base.predictions,
            metrics=known,
            settings=rows.settings,
            groups=head.groups,
            nulls=wanted,
        )
    else:
        found = paired.compare_unpaired(
            head.predictions,
            base.predictions,
            metrics=known,
            settings=rows.settings,
            head_groups=head.groups,
            base_groups=base.groups,
            nulls=wanted,
        )
    differences, undefined = dict(found.differences), dict(found.undefined)
    for name in metrics:
        if name in rows.own and not rows.paired:
            undefined[name] = "a metric of your own needs the same rows at head and base"
        elif name in rows.own:
            try:
                differences[name] = paired.compare_function(
                    rows.own[name],
                    head.frame,
                    base.frame,
                    metric=name,
                    settings=rows.settings,
                    groups=head.groups,
                    nulls=wanted[name],
                )
            except AssayError as error:
                undefined[name] = error.message
    confidence = rows.config.statistics.confidence
    ordered = [differences[name] for name in metrics if name in differences]
    return tuple(Evidence.of(one, confidence=confidence) for one in ordered), undefined


def by_slice(
    rows: Samples, metrics: Sequence[str]
) -> tuple[tuple[SliceEvidence, ...], tuple[LeftOutFact, ...]]:
    """Metrics and evidence of each slice, and the values that got none.

    Raises:
        PredictionsError: A column does not exist, or an expression is not one.
    """
    from assay.stats.slicing import slices

    spec = rows.config.predictions
    if spec is None or not spec.slices:
        return (), ()
    found = slices(rows.head.table, spec.slices, min_rows=spec.min_slice_rows)
    elsewhere = {}
    if rows.base is not None and not rows.paired:
        elsewhere = {part.name: part.mask for part in found.of(rows.base.table)}
    facts = []
    for part in found:
        head = rows.head.subset(part.mask)
        mask = part.mask if rows.paired else elsewhere.get(part.name)
        base = None if rows.base is None or mask is None else rows.base.subset(mask)
        facts.append(_slice(rows, part, head, base, metrics))
    left = tuple(
        LeftOutFact(
            slices=one.name,
            reason=one.reason,
            values=one.values,
            rows=one.rows,
            examples=tuple(str(value) for value in one.examples),
        )
        for one in found.left_out
    )
    return tuple(facts), left


def _slice(
    rows: Samples, part: Slice, head: Sample, base: Sample | None, metrics: Sequence[str]
) -> SliceEvidence:
    evidence: tuple[Evidence, ...] = ()
    values, undefined = _values(rows, head, metrics)
    before: dict[str, float] = {}
    if base is not None and len(base.predictions):
        before, _ = _values(rows, base, metrics)
        evidence, _ = _evidence(
            rows, head, base, [m for m in metrics if m in values and m in before]
        )
    return SliceEvidence(
        name=part.name,
        rows=len(head.predictions),
        units=head.units,
        judged=True,
        declared=part.declared,
        evidence=evidence,
        head=values,
        base=before,
        undefined=undefined,
    )


def _values(
    rows: Samples, sample: Sample, metrics: Sequence[str]
) -> tuple[dict[str, float], dict[str, str]]:
    from assay.stats.metrics import compute

    known = [name for name in metrics if name not in rows.own and find(name)]
    found = compute(sample.predictions, metrics=known)
    values, undefined = dict(found.values), dict(found.undefined)
    for name in metrics:
        if name in rows.own:
            try:
                values[name] = rows.own[name](sample.frame)
            except AssayError as error:
                undefined[name] = error.message
    return {name: values[name] for name in metrics if name in values}, undefined
