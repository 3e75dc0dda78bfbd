"""How far apart the groups of a column are, as `fairness:` in assay.yaml asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.evidence import FairnessFact

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from assay.config import FairnessMeasure
    from assay.inference.samples import Samples
    from assay.stats.disparity import Compared


MOST_GROUPS = 50
"""Of one column; the rest is named as left out."""


@dataclass(frozen=True, eq=False)
class _Groups:
    names: list[str]
    head: NDArray[np.signedinteger]
    """(n,): the position of each row's group in `names`; -1 is none."""
    base: NDArray[np.signedinteger]
    left_out: dict[str, str]


def fairness(rows: Samples) -> Iterator[FairnessFact]:
    """Each measure of each column that is asked for, in the order of assay.yaml.

    Raises:
        PredictionsError: A column does not exist.
    """
    from assay.stats import disparity

    specs = rows.config.fairness
    least = rows.config.predictions.min_slice_rows if rows.config.predictions else 1
    for column in dict.fromkeys(spec.column for spec in specs):
        measures = list(dict.fromkeys(s.measure for s in specs if s.column == column))
        groups = _coded(rows, column)
        head = disparity.Sample(
            predictions=rows.head.predictions, codes=groups.head, clusters=rows.head.groups
        )
        base = None
        if rows.base is not None:
            base = disparity.Sample(
                predictions=rows.base.predictions, codes=groups.base, clusters=rows.base.groups
            )
        found = disparity.compare(
            head,
            base,
            groups.names,
            measures,
            paired=rows.paired,
            min_rows=least,
            settings=rows.settings,
        )
        for measure, one in zip(measures, found, strict=True):
            yield _fact(column, measure, groups, one)


def _coded(rows: Samples, column: str) -> _Groups:
    from assay.config import Column
    from assay.stats.slicing import slices

    found = slices(rows.head.table, [Column(column=column)], min_rows=1, max_values=MOST_GROUPS)
    (part,) = found.parts
    codes, left_out = part.codes, found.left_out
    other = codes
    if rows.base is not None and not rows.paired:
        elsewhere = found.of(rows.base.table)
        other, left_out = elsewhere.parts[0].codes, (*left_out, *elsewhere.left_out)
    values = [one.values[0] for one in part.slices]
    names = ["no value" if value is None else str(value) for value in values]
    rest = {", ".join(one.examples): f"{one.reason} ({one.rows:,} rows)" for one in left_out}
    return _Groups(names, codes, other, rest)


def _fact(column: str, measure: FairnessMeasure, groups: _Groups, found: Compared) -> FairnessFact:
    excluded = {one.group: f"{one.rate}: {one.reason}" for one in found.head.excluded}
    return FairnessFact(
        column=column,
        measure=measure,
        head=found.head.value,
        base=found.base.value if found.base else None,
        low=found.low,
        high=found.high,
        groups=tuple(name for name in groups.names if name not in excluded),
        apart=None
        if found.head.highest is None or found.head.lowest is None
        else (found.head.lowest, found.head.highest),
        excluded=groups.left_out | excluded,
        undefined=found.head.undefined,
    )
