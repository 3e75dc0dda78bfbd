"""The profile of a reference data set, for a model whose bundle has none, or instead of it.

Two scans in bounded memory: the edges come from a sample of about `SAMPLE` rows, then every row is
counted at them. So the counts are exact, and only where the edges lie is that of the sample: a
decile of the profile is within 0.5 % of the rows of the data's own decile (three standard errors).
Up to `SAMPLE` rows, it is the profile that `assay package` writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.monitor import scan
from assay.packaging.profile import BINS, LEAST, Categories, Numbers, Profile, numbers

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from assay.monitor.scan import Table

SAMPLE = 100_000
_LONGEST = 100


def of_table(
    table: Table,
    *,
    features: Collection[str],
    predictions: Collection[str] = (),
    categorical: Collection[str] = (),
    seed: int = 0,
) -> Profile:
    """The profile of all rows of a table.

    Args:
        table: The reference.
        features: What the model is given.
        predictions: What it says.
        categorical: Numbers among them that are categories.
        seed: Of the sample.

    Raises:
        DataError: The table cannot be read.
        OutsideError: Memory or disk space ran out, or a remote does not answer.
    """
    names = {name: table.features.get(name, name) for name in features}
    names |= {name: table.predictions.get(name, name) for name in predictions}
    first = _first(table, names, categorical, seed)
    edges = Profile(
        rows=0,
        features=tuple(first[name] for name in features),
        predictions=tuple(first[name] for name in predictions),
    )
    counted = scan.profile(table, edges)
    return Profile(rows=counted.rows, features=counted.features, predictions=counted.predictions)


def _first(
    table: Table, names: Mapping[str, str], categorical: Collection[str], seed: int
) -> dict[str, Numbers | Categories]:
    """By name the edges and categories of a sample, which is let go of before all is counted."""
    sample = _sampled(table, list(names.values()), seed)
    return {
        name: _column(name, sample[column], is_category=name in categorical)
        for name, column in names.items()
    }


def _sampled(table: Table, columns: list[str], seed: int) -> dict[str, Any]:
    """By column an Arrow array of some rows, all of them where there are few."""
    import pyarrow as pa

    rows = table.rows
    schema = rows.schema()
    cast = {
        name: rows[name].cast("float64") if schema[name].is_numeric() else rows[name]
        for name in columns
    }
    count = scan.answer(rows.aggregate(n=rows.count()), private=table.private)["n"]
    share = min(1.0, SAMPLE / max(1, count))
    chance = np.random.default_rng(seed)
    parts = []
    for batch in scan.batches(rows.select(**cast), private=table.private):
        chosen = np.flatnonzero(chance.random(batch.num_rows) < share)
        parts.append(batch if share == 1 else batch.take(pa.array(chosen)))
    if not parts:
        return {name: pa.array([]) for name in columns}
    return dict(zip(columns, pa.Table.from_batches(parts).columns, strict=True))


def _column(name: str, values: Any, *, is_category: bool) -> Numbers | Categories:
    import pyarrow.types as arrow

    if arrow.is_floating(values.type) and not is_category:
        return numbers(name, values.to_numpy())
    counted: dict[str, int] = {}
    for one in values.drop_null().value_counts().to_pylist():
        text = _text(one["values"])
        counted[text] = counted.get(text, 0) + one["counts"]
    ranked = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    listed = [text for text, n in ranked if n >= LEAST and len(text) <= _LONGEST][:BINS]
    return Categories(name=name, count=0, nulls=0, values=tuple(listed), counts=(0,) * len(listed))


def _text(value: Any) -> str:
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value)
