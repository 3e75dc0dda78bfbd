"""What a table holds, column by column: a few aggregate queries over all of its rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.contract.infer import keys, patterns, query
from assay.contract.infer.dtypes import declared
from assay.contract.infer.facts import ColumnProfile, Profile, Texts
from assay.contract.sources import tables
from assay.contract.sources.base import POSITION
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from assay.contract.infer.facts import Declared, Flavour, Scalar
    from assay.contract.sources.base import Layout, Source

MOST_VALUES = 400
"""Distinct values that are counted one by one: days of a year, and some more."""
AT_ONCE = 40
"""Columns in one query."""
EXACT = 2**53
"""Whole numbers below it are exact as floats."""
NEARLY_ALL = 0.7
"""Of the rows: so many different values by estimate may be as many as there are rows."""

_COMPARED = {"integer", "number", "time", "date"}
_COUNTED = {"integer", "number", "text", "category", "boolean"}
_DAY = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_ISO = f"^{_DAY}([ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?)?$"


def profile(source: Source, flavour: Flavour) -> Profile:
    """Look at a table as `flavour` reads it.

    Raises:
        DataError: It cannot be read, or there is nothing in it to learn from.
    """
    layout = source.layout(flavour, has_index=False)
    found = of_layout(layout, flavour, shown=source.shown)
    source.check_unchanged()
    return found


def of_layout(layout: Layout, flavour: Flavour, *, shown: str) -> Profile:
    """Look at a table whose layout is known.

    Raises:
        DataError: There is nothing in it to learn from, or SQL cannot tell its columns apart.
    """
    table = layout.table
    if table is None:
        raise tables.not_for_sql(printable(shown))
    names = [str(name) for name in layout.empty.columns]
    if not names:
        raise DataError(f"{shown} has no columns.", hint="Name a table with a header and rows.")
    rows = _rows(layout, shown)
    types = _declared(layout, names, flavour)
    columns: list[ColumnProfile] = []
    for start in range(0, len(names), AT_ONCE):
        chunk = names[start : start + AT_ONCE]
        columns += _basics(table, {name: types[name] for name in chunk}, rows)
    columns = [_with_values(table, column) for column in columns]
    columns = patterns.add(table, columns)
    columns = [_with_exact_count(table, column, rows) for column in columns]
    columns = _with_times(table, columns, flavour)
    columns = _with_order(layout.numbered, columns)
    key = keys.find(table, columns, rows)
    return Profile(
        shown=printable(shown), flavour=flavour, rows=rows, columns=tuple(columns), key=key
    )


def _rows(layout: Layout, shown: str) -> int:
    """The number of rows, of which there must be some."""
    (row,) = query.rows(layout.table.aggregate(rows=layout.table.count()))
    if not row["rows"]:
        raise DataError(
            f"{shown} has no rows.", hint="A schema is inferred from data: name a table with rows."
        )
    return int(row["rows"])


def _declared(layout: Layout, names: Sequence[str], flavour: Flavour) -> dict[str, Declared]:
    return {
        name: declared(
            layout.empty[name].dtype,
            flavour,
            text=layout.table[name].type().is_string(),
            boolean=layout.table[name].type().is_boolean(),
        )
        for name in names
    }


def _basics(table: Any, types: Mapping[str, Declared], rows: int) -> Iterator[ColumnProfile]:
    """Missing values, extremes and lengths of some columns, by one query."""
    wanted: dict[str, Any] = {}
    for number, (name, type_) in enumerate(types.items()):
        aggregates = dict(_aggregates(table[name], type_))
        wanted |= {f"c{number}_{what}": value for what, value in aggregates.items()}
    (row,) = query.rows(table.aggregate(**wanted))
    for number, (name, type_) in enumerate(types.items()):
        prefix = f"c{number}_"
        found = {k.removeprefix(prefix): v for k, v in row.items() if k.startswith(prefix)}
        yield _column(name, type_, found, rows)


def _aggregates(column: Any, type_: Declared) -> Iterator[tuple[str, Any]]:
    yield "missing", column.isnull().sum()
    if type_.kind != "other":
        yield "distinct", column.approx_nunique()
    if type_.kind == "number":
        finite = ~(column.isnan() | column.isinf())
        yield "low", column.min(where=finite)
        yield "high", column.max(where=finite)
        yield "nan", column.isnan().sum()
        yield "below", (column.isinf() & (column < 0)).sum()
        yield "above", (column.isinf() & (column > 0)).sum()
        yield "broken", (column % 1 != 0).sum(where=finite)
    elif type_.kind in _COMPARED:
        yield "low", column.min()
        yield "high", column.max()
    elif type_.kind == "text":
        yield "shortest", column.length().min()
        yield "longest", column.length().max()
        yield "spaced", column.contains(" ").sum()


def _column(name: str, type_: Declared, found: Mapping[str, Any], rows: int) -> ColumnProfile:
    low, high = found.get("low"), found.get("high")
    nan = found.get("nan") or 0
    missing = int(found["missing"] or 0) + int(nan)
    texts = None
    if found.get("shortest") is not None:
        texts = Texts(
            shortest=found["shortest"], longest=found["longest"], spaced=bool(found["spaced"])
        )
    return ColumnProfile(
        name=name,
        declared=type_,
        missing=missing,
        distinct=min(int(found.get("distinct") or 0), rows - missing),
        low=low,
        high=high,
        open_below=bool(found.get("below")),
        open_above=bool(found.get("above") or nan),
        whole=_is_whole(type_, found),
        texts=texts,
    )


def _is_whole(type_: Declared, found: Mapping[str, Any]) -> bool:
    low, high = found.get("low"), found.get("high")
    if type_.kind != "number" or low is None or high is None:
        return False
    if any(found[what] for what in ("broken", "below", "above", "nan")):
        return False
    return bool(max(abs(low), abs(high)) < EXACT)


def _with_values(table: Any, column: ColumnProfile) -> ColumnProfile:
    """The column with each of its values counted, where they are few."""
    # The estimate may be off by some percent.
    if column.declared.kind not in _COUNTED or not 0 < column.distinct <= 2 * MOST_VALUES:
        return column
    if column.declared.kind == "category" and not table[column.name].type().is_string():
        return column
    kept = table.filter(table[column.name].notnull()).select(value=table[column.name])
    counted = kept.group_by("value").aggregate(rows=kept.count()).limit(MOST_VALUES + 1)
    values: dict[Scalar, int] = {row["value"]: row["rows"] for row in query.rows(counted)}
    if len(values) > MOST_VALUES:
        return column
    return replace(column, values=values, distinct=len(values))


def _with_exact_count(table: Any, column: ColumnProfile, rows: int) -> ColumnProfile:
    """The column with its distinct values counted, where they may be as many as the rows."""
    if (
        column.declared.kind not in {"integer", "text"}
        or column.missing
        or column.values
        or column.distinct < NEARLY_ALL * rows
    ):
        return column
    return replace(column, distinct=query.count(table.select(column.name).distinct()))


def _with_times(
    table: Any, columns: Sequence[ColumnProfile], flavour: Flavour
) -> list[ColumnProfile]:
    """The columns, with ISO dates in text as times. Pandera's polars cannot turn text into them."""
    texts = [c for c in columns if patterns.is_time(c.texts)]
    if not texts or flavour == "polars":
        return list(columns)
    wanted: dict[str, Any] = {}
    for number, column in enumerate(texts):
        values = table[column.name]
        moments = values.try_cast("timestamp")
        wanted |= {f"c{number}_low": moments.min(), f"c{number}_high": moments.max()}
        wanted[f"c{number}_iso"] = values.re_search(_ISO).all()
        wanted[f"c{number}_valid"] = moments.count()
    (row,) = query.rows(table.aggregate(rows=table.count(), **wanted))
    times = {}
    for number, column in enumerate(texts):
        low, high = row[f"c{number}_low"], row[f"c{number}_high"]
        complete = row[f"c{number}_valid"] == row["rows"] - column.missing
        # What pandas can hold in nanoseconds.
        if row[f"c{number}_iso"] and complete and low.year >= 1700 and high.year <= 2200:
            type_ = replace(column.declared, kind="time", written="pd.Timestamp", coerce=True)
            times[column.name] = replace(
                column, declared=type_, low=low, high=high, texts=None, values={}
            )
    return [times.get(column.name, column) for column in columns]


def _with_order(numbered: Any, columns: Sequence[ColumnProfile]) -> list[ColumnProfile]:
    """The columns; those of times that never go back are marked, where rows have an order."""
    import ibis

    times = [
        c
        for c in columns
        if not c.missing
        and c.distinct > 1
        and (c.declared.kind in {"time", "date"} or patterns.is_time(c.texts))
    ]
    if numbered is None or not times:
        return list(columns)
    before = ibis.window(order_by=POSITION)
    back = {
        f"c{number}": numbered[c.name] < numbered[c.name].lag().over(before)
        for number, c in enumerate(times)
    }
    marked = numbered.select(**back)
    (row,) = query.rows(marked.aggregate(**{name: marked[name].sum() for name in back}))
    ordered = {c.name for number, c in enumerate(times) if not row[f"c{number}"]}
    return [replace(c, in_order=True) if c.name in ordered else c for c in columns]
