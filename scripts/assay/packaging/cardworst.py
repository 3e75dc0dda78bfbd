"""Where a model is worst, for its card: slices, and groups that it treats differently."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.packaging.cardtables import interval, table
from assay.report import escape
from assay.report.escape import Code
from assay.report.wording import count, metric_title, number
from assay.stats.catalogue import direction_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.evidence import FairnessFact, SliceEvidence
    from assay.packaging.manifest import Manifest, MetricValue

MOST = 5
"""Slices of a card; the report has all."""
_METRICS = 3


def by_weight(manifest: Manifest) -> list[MetricValue]:
    """Its metrics, those that `assay.yaml` names first."""
    return sorted(manifest.metrics, key=lambda one: not one.configured)


def of_slices(manifest: Manifest, slices: Sequence[SliceEvidence]) -> Iterator[str]:
    """The slices that are worst by the first metric that matters."""
    metrics = [
        one
        for one in by_weight(manifest)
        if any(part.judged and one.name in part.head for part in slices)
    ][:_METRICS]
    first = next((one.name for one in metrics if direction_of(one.name)), None)
    if first is None:
        return
    known = [part for part in slices if part.judged and first in part.head]
    known.sort(key=lambda part: part.head[first], reverse=direction_of(first) == "lower")
    rows: list[tuple[object, ...]] = [
        (
            Code(part.name),
            f"{part.rows:,}",
            *(number(part.head.get(one.name)) for one in metrics),
        )
        for part in known[:MOST]
    ]
    rows.append(("all rows", "", *(number(one.value) for one in metrics)))
    yield f"Of {count(len(known), 'slice')}, by {escape.markdown(metric_title(first))}:"
    titles = [escape.markdown(metric_title(one.name)) for one in metrics]
    yield table(("slice", "rows", *titles), rows, "lr" + "r" * len(metrics))


def of_groups(fairness: Sequence[FairnessFact]) -> Iterator[str]:
    """How far apart groups of rows are."""
    rows: list[tuple[object, ...]] = []
    for one in fairness:
        value = one.undefined or "" if one.head is None else number(one.head)
        apart: tuple[str, ...] = ("",)
        if one.apart is not None:
            apart = (Code(one.apart[0]), " and ", Code(one.apart[1]))
        measure = one.measure.replace("_", " ")
        rows.append(
            (Code(one.column), measure, value, interval(one.head, one.low, one.high), apart)
        )
    yield table(("column", "measure", "value", "interval", "furthest apart"), rows, "llrll")
