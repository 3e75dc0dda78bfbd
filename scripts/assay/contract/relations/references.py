"""Foreign keys: the values of some columns stand in another table.

As in SQL (MATCH SIMPLE), a row with a null in one of the columns refers to nothing and passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.contract.privacy import as_text
from assay.contract.relations.meeting import together
from assay.contract.relations.side import dotted
from assay.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.configdata import ReferenceSpec
    from assay.contract.relations.side import Found, KeyPath, Side


def name(spec: ReferenceSpec) -> str:
    """What reports call it: `references('countries.csv', 'code')`."""
    several = len(spec.columns) > 1
    own = [list(spec.columns)] if several else []
    targets = [list(spec.targets) if several else spec.targets[0]] if spec.to_columns else []
    return f"references({', '.join(map(repr, [*own, spec.to, *targets]))})"


def find(side: Side, other: Side, spec: ReferenceSpec, *, key: KeyPath, total: int) -> list[Found]:
    """The rows that refer to what is not there.

    Args:
        side: The table with the promise.
        other: The table that it refers to.
        spec: The promise.
        key: Where it stands in `assay.yaml`.
        total: The rows of `side`.

    Raises:
        ConfigError: A column is missing, or its type cannot equal that of the other table.
        DataError: The other table has no key, or one twice.
    """
    to_key = (*key, "to_columns" if spec.to_columns else "to")
    side.require(spec.columns, (*key, "columns"))
    other.require(spec.targets, to_key)
    comparable(side, other, spec.columns, spec.targets, key=(*key, "columns"))
    with together(side, other, spec.columns, spec.targets) as (left, right):
        _check_keys(right, spec, key=key)
        keys = complete(right.table.select(*spec.targets), spec.targets)
        pairs = list(zip(spec.columns, spec.targets, strict=True))

        def dangling(table: Any) -> Any:
            some = complete(table, spec.columns) if spec.nulls else table
            return some.anti_join(keys, pairs)

        (counted,) = left.rows(dangling(left.table).aggregate(rows=lambda t: t.count()))
        if counted["rows"] == 0:
            return []
        return [
            left.failing(
                dangling, spec.columns, check=name(spec), count=counted["rows"], total=total
            )
        ]


def complete(table: Any, columns: Sequence[str]) -> Any:
    """The rows without a null in these columns."""
    return table.filter([table[column].notnull() for column in columns])


def comparable(
    side: Side, other: Side, columns: Sequence[str], targets: Sequence[str], *, key: KeyPath
) -> None:
    """Look whether values of both tables can be equal.

    Raises:
        ConfigError: They cannot, because their types differ.
    """
    for column, target in zip(columns, targets, strict=True):
        own, its = side.table.schema()[column], other.table.schema()[target]
        kinds = side.kind(column), other.kind(target)
        if own == its or (kinds[0] == kinds[1] != "other" and own.is_boolean() == its.is_boolean()):
            continue
        if other.row({"values": other.table[target].count()})["values"] == 0:
            continue  # the type of no values is a guess; that there are none is told by the caller
        raise ConfigError(
            f"`{dotted(key)}` compares `{printable(column)}`, which is {own} in {side.shown}, with"
            f" `{printable(target)}`, which is {its} in {other.shown}: no value could be equal.",
            hint="Write both files with the same type.",
            key=key,
        )


def _check_keys(right: Side, spec: ReferenceSpec, *, key: KeyPath) -> None:
    """Look whether the other table has keys, each once."""
    keys = complete(right.table.select(*spec.targets), spec.targets)
    if not spec.unique:
        (found,) = right.rows(keys.limit(1).aggregate(keys=lambda t: t.count()))
        twice = 0
    else:
        times = keys.group_by(list(spec.targets)).aggregate(times=lambda t: t.count())
        (found,) = right.rows(
            times.aggregate(keys=times.count(), twice=(times.times > 1).sum().coalesce(0))
        )
        twice = found["twice"]
    listed = ", ".join(f"`{printable(target)}`" for target in spec.targets)
    if found["keys"] == 0:
        raise DataError(
            f"`{dotted((*key, 'to'))}`: {right.shown} has no row with a value of {listed}.",
            hint="Nothing could refer to it: is it the right file, and was it written whole?",
            key=(*key, "to"),
        )
    if twice:
        shown = "" if right.hides(spec.targets) else f" ({_example(right, times, spec.targets)})"
        raise DataError(
            f"`{dotted((*key, 'to'))}`: {twice:,} key{'s' if twice > 1 else ''} of {right.shown}"
            f" ({listed}) {'stand' if twice > 1 else 'stands'} in more than one row{shown}.",
            hint="Remove the duplicates, or write `unique: false` for a set of allowed values.",
            key=(*key, "to"),
        )


def _example(right: Side, times: Any, targets: Sequence[str]) -> str:
    """The smallest key that stands twice."""
    (row,) = right.rows(times.filter(times.times > 1).order_by(list(targets)).limit(1))
    return printable(", ".join(as_text(row[target]) for target in targets))
