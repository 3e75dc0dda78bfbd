"""Metrics of all rows and of each slice, and the evidence that they differ from base."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from assay.config import Where
from assay.errors import AssayError
from assay.evidence import Evidence, SliceEvidence
from assay.gates import nulls
from assay.section import Fact
from assay.stats.catalogue import find

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.config import Config, SliceSpec
    from assay.inference.samples import Sample, Samples
    from assay.stats.difference import Difference
    from assay.stats.slicing import LeftOut, Slice, Slices

MOST_OF_A_SLICE = 3
"""Metrics of each slice where `assay.yaml` names none."""


class LeftOutFact(Fact):
    """Values that get no slice."""

    name: str
    """The column, the columns that are crossed, or the name of an expression."""
    reason: Literal["too few rows", "too many values", "equal values", "not in head"]
    values: int
    rows: int
    """How many rows they have together."""
    examples: tuple[str, ...] = ()


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
                undefined[name] = " ".join(filter(None, (f"{error.message}.", error.hint)))[:-1]
    for name in [name for name, one in differences.items() if not _is_finite(one)]:
        del differences[name]
        undefined[name] = "the numbers are too large to compute with"
    confidence = rows.config.statistics.confidence
    ordered = [differences[name] for name in metrics if name in differences]
    return tuple(Evidence.of(one, confidence=confidence) for one in ordered), undefined


def _is_finite(found: Difference) -> bool:
    return all(map(math.isfinite, (found.low, found.high, found.standard_error, found.p_value)))


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
    other = None if rows.base is None or rows.paired else found.of(rows.base.table)
    facts = []
    for part, same in zip(found, found if other is None else other, strict=True):
        base = None if rows.base is None else rows.base.subset(same.mask)
        facts.append(_slice(rows, part, rows.head.subset(part.mask), base, metrics))
    left_out = [*found.left_out, *(other.left_out if other is not None else ())]
    facts += _too_small(spec.slices, found, left_out)
    return tuple(facts), tuple(
        LeftOutFact(
            name=one.name,
            reason=one.reason,
            values=one.values,
            rows=one.rows,
            examples=one.examples,
        )
        for one in left_out
    )


def _too_small(
    specs: Sequence[SliceSpec], found: Slices, left_out: Sequence[LeftOut]
) -> Iterator[SliceEvidence]:
    """Slices that somebody named, and that have too few rows to be judged, or none."""
    names = {part.name for part in found}
    rows = {one.name: one.rows for one in left_out if one.reason == "too few rows"}
    for spec in specs:
        if isinstance(spec, Where) and spec.name not in names:
            count = rows.get(spec.name, 0)
            yield SliceEvidence(
                name=spec.name, rows=count, units=count, judged=False, declared=True
            )


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
