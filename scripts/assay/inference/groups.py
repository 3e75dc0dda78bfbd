"""How far apart the groups of a column are, as `fairness:` in assay.yaml asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.evidence import FairnessFact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from assay.config import FairnessMeasure
    from assay.inference.samples import Samples
    from assay.stats.disparity import Compared


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
        names, codes, other = _coded(rows, column)
        head = disparity.Sample(
            predictions=rows.head.predictions, codes=codes, clusters=rows.head.groups
        )
        base = None
        if rows.base is not None:
            base = disparity.Sample(
                predictions=rows.base.predictions, codes=other, clusters=rows.base.groups
            )
        found = disparity.compare(
            head,
            base,
            names,
            measures,
            paired=rows.paired,
            min_rows=least,
            settings=rows.settings,
        )
        for measure, one in zip(measures, found, strict=True):
            yield _fact(column, measure, names, one)


def _coded(rows: Samples, column: str) -> tuple[list[str], NDArray[np.intp], NDArray[np.intp]]:
    """The names of the groups, and which is each row's, of head and of base; -1 is none."""
    import numpy as np
    import pandas as pd

    from assay.stats.columns import pick, require

    tables = [rows.head.table]
    if rows.base is not None and not rows.paired:
        tables.append(rows.base.table)
    for table in tables:
        require(table, [column])
    columns = [pick(table, column) for table in tables]
    values = np.concatenate([np.asarray(series, dtype=object) for series in columns])
    codes, uniques = pd.factorize(values, sort=False, use_na_sentinel=True)
    size = len(rows.head.table)
    names = [str(value) for value in uniques]
    return names, codes[:size], codes[size:] if len(tables) > 1 else codes[:size]


def _fact(
    column: str, measure: FairnessMeasure, names: Sequence[str], found: Compared
) -> FairnessFact:
    excluded = {one.group for one in found.head.excluded}
    return FairnessFact(
        column=column,
        measure=measure,
        head=found.head.value,
        base=found.base.value if found.base else None,
        low=found.low,
        high=found.high,
        groups=tuple(name for name in names if name not in excluded),
        undefined=found.head.undefined,
    )
