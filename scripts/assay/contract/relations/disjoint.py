"""Leakage by what rows are about: the same customer in training and evaluation data.

That no whole row may be in both files, and no key, is what `assay.datadiff` looks at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.contract.relations.meeting import together
from assay.contract.relations.references import comparable, complete
from assay.contract.relations.side import dotted
from assay.errors import DataError

if TYPE_CHECKING:
    from assay.configdata import DataSpec
    from assay.contract.relations.side import Found, KeyPath, Side


def name(spec: DataSpec) -> str:
    """What reports call it: `disjoint_on('customer', 'train.csv')`."""
    return f"disjoint_on({', '.join(map(repr, [*spec.disjoint_on, spec.disjoint_from]))})"


def find(side: Side, other: Side, spec: DataSpec, *, key: KeyPath, total: int) -> list[Found]:
    """The rows whose values of `disjoint_on` the other table has too.

    Args:
        side: The table with the promise.
        other: The table that it must be disjoint from.
        spec: The entry of `data`.
        key: Where it stands in `assay.yaml`.
        total: The rows of `side`.

    Raises:
        ConfigError: A column is missing, or its types in the tables cannot be equal.
        DataError: The other table has no value.
    """
    columns, key = spec.disjoint_on, (*key, "disjoint_on")
    for one in (side, other):
        one.require(columns, key)
    comparable(side, other, columns, columns, key=key)
    with together(side, other, columns, columns) as (left, right):
        entities = complete(right.table.select(*columns), columns)
        (known,) = right.rows(entities.limit(1).aggregate(any=lambda t: t.count()))
        if known["any"] == 0:
            raise DataError(
                f"`{dotted(key)}`: {right.shown} has no row with a value of {', '.join(columns)}.",
                hint="Is it the right file, and was it written whole?",
                key=key,
            )

        def shared(table: Any) -> Any:
            return table.semi_join(entities, list(columns))

        (counted,) = left.rows(shared(left.table).aggregate(rows=lambda t: t.count()))
        rows = counted["rows"]
        if rows == 0 or rows / total <= spec.max_shared:
            return []
        return [left.failing(shared, columns, check=name(spec), count=rows, total=total)]
