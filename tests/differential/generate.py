"""Cases of chance: a schema, and data that lies near it.

What draws is a `Random`: of a seed, or hypothesis' own (`st.randoms()`), which can shrink.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.differential import checks, functions, kinds
from tests.differential.case import (
    ANNOTATIONS,
    COUNTING,
    Case,
    Check,
    Column,
    Field,
    Flavour,
    Format,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

_NAMES = ("a", "b", "c", "A", "x y", "é", "select", 'q"q', "a.b", "0")
_REPORTS = ("'all'", "'exclude_first'", "'exclude_last'")


def pandas_case(draw: Random) -> Case:
    """A case of pandas, in Parquet or CSV."""
    written: Format = draw.choice(("parquet", "parquet", "bare", "csv"))
    every = kinds.CSV if written == "csv" else kinds.PANDAS
    return _case(draw, "pandas", written, every)


def polars_case(draw: Random) -> Case:
    """A case of polars, in Parquet."""
    from tests.differential.polarskinds import POLARS

    return _case(draw, "polars", "parquet", POLARS)


def ibis_case(draw: Random) -> Case:
    """A case of Ibis: a table of DuckDB."""
    from tests.differential.polarskinds import IBIS, IN_IBIS

    return _renamed(_case(draw, "ibis", "parquet", IBIS), IN_IBIS)


def pyspark_case(draw: Random) -> Case:
    """A case of PySpark: a Parquet file that Spark reads."""
    from tests.differential.polarskinds import IN_SPARK, SPARK

    return _renamed(_case(draw, "pyspark", "parquet", SPARK), IN_SPARK)


def _renamed(case: Case, dtypes: Mapping[str, str]) -> Case:
    """A case whose schema names its dtypes in its own way."""
    columns = (replace(column, dtype=dtypes.get(str(column.dtype))) for column in case.columns)
    return replace(case, columns=tuple(columns), style="schema")


def _case(draw: Random, flavour: Flavour, written: Format, every: Sequence[kinds.Kind]) -> Case:
    rows = 0 if checks.one_in(draw, 40) else draw.randint(1, 12)
    # SQL does not tell `a` from `A`; the scan of a table in a database refuses to. What has a dot
    # is part of a struct to PySpark.
    refused = {"ibis": {"A"}, "pyspark": {"A", "a.b"}}.get(flavour, set())
    allowed = [name for name in _NAMES if name not in refused]
    # What differs, differs in one column or between two; each costs as much time as the first.
    names = draw.sample(allowed, draw.choice((1, 1, 1, 2, 2, 3)))
    drawn = [(name, draw.choice(every)) for name in names]
    fields = tuple(_field(draw, name, kind, rows, written) for name, kind in drawn)
    plain = checks.one_in(draw, 8)  # a model or a document: what can be written in every style
    columns = [
        _column(draw, part, kind, flavour, plain)
        for part, (_, kind) in zip(fields, drawn, strict=True)
    ]
    style = draw.choice(("model", "yaml")) if plain else "schema"
    if flavour != "pandas" and style == "yaml":
        style = "model"
    if style == "model":
        columns = [column for column in columns if _annotated(column, flavour)]
    elif checks.one_in(draw, 12):
        columns = _astray(draw, columns)
    if flavour == "pandas" and style == "schema" and checks.one_in(draw, 15):
        groups = Check(f"{functions.GROUPS}, groupby={names[-1]!r}", builtin=False)
        columns[0] = replace(columns[0], checks=(*columns[0].checks, groups))
    index, levels, several = (), (), ()
    indexed = checks.one_in(draw, 6 if written == "parquet" else 60)
    if flavour == "pandas" and style == "schema" and indexed:
        index, levels = _index(draw, rows, written)
        several = _several(draw, levels)
    of_table = ()
    if style == "schema" and checks.one_in(draw, 8):
        of_table = (draw.choice(functions.of_tables(flavour, names)),)
    return Case(
        fields=fields,
        columns=tuple(columns),
        checks=of_table,
        options=_table_options(draw, names, flavour, style),
        index=index if written == "parquet" else (),
        levels=levels,
        index_options=several,
        flavour=flavour,
        style=style,
        format=written,
    )


def _annotated(column: Column, flavour: Flavour) -> bool:
    return column.dtype in ANNOTATIONS if flavour == "pandas" else column.dtype is not None


def _field(draw: Random, name: str, kind: kinds.Kind, rows: int, written: Format) -> Field:
    # Few different values: duplicates, and sets that hold all of them.
    few = [draw.choice(kind.values) for _ in range(draw.randint(1, 4))]
    values: list[Any] = []
    lacking = bool(kind.missing) and checks.one_in(draw, 3)
    for _ in range(rows):
        if lacking and checks.one_in(draw, 4):
            values.append(draw.choice(kind.missing))
        else:
            values.append(draw.choice(kind.values if checks.one_in(draw, 3) else few))
    if written == "csv" and not any(values):
        values = ["0" for _ in values]  # a line that is empty would be no row
    return Field(name, draw.choice(kind.dtypes), tuple(values))


def _column(draw: Random, part: Field, kind: kinds.Kind, flavour: Flavour, plain: bool) -> Column:
    known = _known(part, kind)
    options: dict[str, str] = {}
    if len(known) < len(part.values) and not checks.one_in(draw, 4):
        options["nullable"] = "True"
    dtype = _dtype(draw, part, kind)
    if kind.cast and checks.one_in(draw, 8):
        dtype, options["coerce"] = draw.choice(kind.cast), "True"
    unique = checks.one_in(draw, 5 if len(checks.different(known)) == len(known) else 15)
    if unique and flavour != "pyspark":
        options["unique"] = "True"
    if checks.one_in(draw, 12):
        options["required"] = "False"
    if not plain:
        options |= _rare_options(draw, kind, flavour, unique="unique" in options)
    drawn = [checks.drawn(draw, known, kind, flavour, plain) for _ in range(draw.randint(0, 3))]
    if plain:  # an argument of a field is given once
        drawn = list({check.name: check for check in drawn}.values())
    return Column(part.name, dtype, tuple(drawn), tuple(options.items()))


def _rare_options(
    draw: Random, kind: kinds.Kind, flavour: Flavour, *, unique: bool
) -> dict[str, str]:
    """Options that a model or a document does not have, or that few use."""
    options = {}
    if kind.default is not None and checks.one_in(draw, 12) and flavour != "pyspark":
        options["default"] = repr(kind.default)
    if flavour == "pandas" and unique:
        options["report_duplicates"] = draw.choice(_REPORTS)
    if flavour == "pandas" and checks.one_in(draw, 40):
        options["drop_invalid_rows"] = "True"
    if flavour == "pandas" and checks.one_in(draw, 40):
        options["parsers"] = draw.choice(functions.PARSERS)
    return options


def _dtype(draw: Random, part: Field, kind: kinds.Kind) -> str | None:
    if checks.one_in(draw, 6):
        return None
    if checks.one_in(draw, 25):
        return draw.choice(("'int64'", "'float64'", "str", "'bool'")) if part.dtype else "object"
    options = [option for option in (part.dtype, *kind.near) if option]
    return draw.choice(options) if options else None


def _known(part: Field, kind: kinds.Kind) -> list[Any]:
    """The values that are not missing, as a check would name them."""
    values = [v for v in part.values if not (v is None or v != v)]  # noqa: PLR0124 (NaN)
    if part.dtype:
        return values
    return [
        _as_number(v) if kind.family == "number" else v for v in values if v not in kind.missing
    ]


def _as_number(text: str) -> Any:
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return 0


def _astray(draw: Random, columns: list[Column]) -> list[Column]:
    """The schema names another column, one by a pattern, or they stand in another order."""
    how = draw.randint(0, 2)
    first, *rest = columns
    if how == 0:
        return [*rest, first]
    name = "gone" if how == 1 else draw.choice(("^[abc]$", "^.$", "^x", "^z"))
    options = dict(first.options) | ({"regex": "True"} if how == 2 else {})
    return [Column(name, first.dtype, first.checks, tuple(options.items())), *rest]


def _index(
    draw: Random, rows: int, written: Format
) -> tuple[tuple[Field, ...], tuple[Column, ...]]:
    every = [kind for kind in kinds.PANDAS if kind.dtypes[0] in _INDEXED]
    fields, levels = [], []
    for number in range(1 if not checks.one_in(draw, 3) else 2):
        kind = draw.choice(every)
        name = f"level{number}" if checks.one_in(draw, 2) else ""
        part = _field(draw, name, kind, rows, written)
        part = replace(part, dtype=kind.dtypes[0])
        fields.append(part)
        column = _column(draw, part, kind, "pandas", plain=False)
        allowed = {"nullable", "unique", "coerce", "report_duplicates", "drop_invalid_rows"}
        options = tuple((key, value) for key, value in column.options if key in allowed)
        astray = checks.one_in(draw, 8)
        named = f"level{number}" if astray else name
        levels.append(Column(named, column.dtype, column.checks, options))
    if len(fields) == 1 and checks.one_in(draw, 3):
        start, step = draw.choice(_COUNTED)
        counted = tuple(range(start, start + step * rows, step))
        fields = [Field(fields[0].name, COUNTING, counted)]
    if checks.one_in(draw, 4):
        return (), tuple(levels)
    return tuple(fields), tuple(levels) if not checks.one_in(draw, 4) else ()


_INDEXED = {"'int64'", "str", "'float64'", "'bool'", "'datetime64[ns]'"}
_COUNTED = ((0, 1), (1, 1), (0, 5), (3, -1))


def _several(draw: Random, levels: Sequence[Column]) -> tuple[tuple[str, str], ...]:
    """The options of several levels together."""
    rare = (("strict", "True"), ("ordered", "False"), ("coerce", "True"))
    several = len(levels) > 1
    options = [option for option in rare if several and checks.one_in(draw, 6)]
    if several and checks.one_in(draw, 8):
        options.append(("unique", repr([level.name for level in levels if level.name] or True)))
    return tuple(options)


def _table_options(
    draw: Random, names: Sequence[str], flavour: Flavour, style: str
) -> tuple[tuple[str, str], ...]:
    options: dict[str, str] = {}
    if checks.one_in(draw, 8):
        options["strict"] = draw.choice(("True", "'filter'"))
    if checks.one_in(draw, 10):
        options["ordered"] = "True"
    if checks.one_in(draw, 6):
        options["unique"] = repr(list(names[: draw.randint(1, 2)]))
        if flavour == "pandas" and style == "schema":
            options["report_duplicates"] = draw.choice(_REPORTS)
    if checks.one_in(draw, 12):
        options["coerce"] = "True"
    if checks.one_in(draw, 20):
        options["unique_column_names"] = "True"
    if checks.one_in(draw, 20):
        options["add_missing_columns"] = "True"
    if checks.one_in(draw, 20):
        options["drop_invalid_rows"] = "True"
    if checks.one_in(draw, 40) and flavour == "pandas" and style == "schema":
        options["dtype"] = draw.choice(("str", "'float64'", "'int64'"))
    return tuple(options.items())


MAKERS = {
    "pandas": pandas_case,
    "polars": polars_case,
    "ibis": ibis_case,
    "pyspark": pyspark_case,
}
