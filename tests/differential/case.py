"""One schema and the data that it is held against, as values that can be printed and cut down."""

from __future__ import annotations

import csv
import datetime as dt
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from math import inf, nan
from typing import TYPE_CHECKING, Any, Literal, Optional

import numpy as np
import pandas as pd
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Flavour = Literal["pandas", "polars", "ibis", "pyspark"]
Style = Literal["schema", "model", "yaml"]
Format = Literal["parquet", "bare", "csv"]
"""`bare` is Parquet without what pandas writes beside the data: the index, and its own dtypes."""

NAMES: dict[str, Any] = {
    "datetime": dt,
    "Decimal": Decimal,
    "inf": inf,
    "nan": nan,
    "np": np,
    "Optional": Optional,
    "pd": pd,
    "pl": pl,
    "re": re,
    "Timedelta": pd.Timedelta,
    "Timestamp": pd.Timestamp,
}
"""What the source of a case may name, besides `pa`."""

ANNOTATIONS = {
    "'bool'": "Series[bool]",
    "'boolean'": "Series[pd.BooleanDtype]",
    "'category'": "Series[pd.CategoricalDtype]",
    "'float64'": "Series[float]",
    "'int64'": "Series[int]",
    "'Int64'": "Series[pd.Int64Dtype]",
    "'object'": "Series[object]",
    "'string'": "Series[pd.StringDtype]",
    "bool": "bool",
    "float": "float",
    "int": "int",
    "object": "object",
    "str": "str",
    **{f"'{name}'": f"np.{name}" for name in ("int8", "int16", "int32", "uint8", "float32")},
}
"""How a `DataFrameModel` of pandas writes a dtype."""


COUNTING = "range"
"""In place of the dtype of an index: its values are not stored."""
_CUT = ("fields", "columns", "checks", "options", "index", "levels", "index_options")


class Source(str):
    """A value of a check that is written in another way than `repr` does."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Field:
    """A column of the data."""

    name: str
    dtype: str
    """As source, what the column is built with: `"int8"`, `pl.Int8`; empty for the cells of CSV."""
    values: tuple[Any, ...]

    @property
    def source(self) -> str:
        return f"{self.name!r}: ({list(self.values)!r}, {self.dtype or None})"


@dataclass(frozen=True)
class Check:
    """A check of a schema: one of Pandera's, or a function."""

    name: str
    """Of a built-in check, or the source of a function."""
    arguments: tuple[tuple[str, Any], ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    builtin: bool = True

    @property
    def source(self) -> str:
        named = [f"{key}={value!r}" for key, value in (*self.arguments, *self.options)]
        if self.builtin:
            return f"pa.Check.{self.name}({', '.join(named)})"
        return f"pa.Check({', '.join([self.name, *named])})"


@dataclass(frozen=True)
class Column:
    """A column, or a level of the index, of the schema."""

    name: str
    dtype: str | None
    """As source."""
    checks: tuple[Check, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    """Each value as source."""

    def source(self, kind: str = "pa.Column") -> str:
        checks = ", ".join(check.source for check in self.checks)
        options = "".join(f", {key}={value}" for key, value in self.options)
        return f"{kind}({self.dtype}, checks=[{checks}]{options})"


@dataclass(frozen=True)
class Case:
    """A schema, the data, and how both are written."""

    fields: tuple[Field, ...]
    columns: tuple[Column, ...]
    checks: tuple[Check, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    index: tuple[Field, ...] = ()
    """The levels of the data's index; none for numbered rows."""
    levels: tuple[Column, ...] = ()
    """Those of the schema's."""
    index_options: tuple[tuple[str, str], ...] = ()
    """Of the `MultiIndex`, where there are several."""
    flavour: Flavour = "pandas"
    style: Style = "schema"
    format: Format = "parquet"

    @property
    def rows(self) -> int:
        return len(self.fields[0].values) if self.fields else 0

    @property
    def schema_source(self) -> str:
        if self.style == "model":
            return _model(self)
        columns = "".join(f"\n    {c.name!r}: {c.source()}," for c in self.columns)
        parts = [f"{{{columns}\n}}"]
        if self.checks:
            parts.append(f"checks=[{', '.join(check.source for check in self.checks)}]")
        if self.levels:
            parts.append(f"index={_index(self.levels, self.index_options)}")
        parts += [f"{key}={value}" for key, value in self.options]
        return f"pa.DataFrameSchema({', '.join(parts)})"

    @property
    def source(self) -> str:
        """The case as a program, more or less, for people."""
        fields = "".join(f"\n    {f.source}," for f in self.fields)
        index = "".join(f"\n    index {f.source}," for f in self.index)
        what = f"# {self.flavour}, {self.style}, {self.format}, {self.rows} rows"
        return f"{what}\nschema = {self.schema_source}\ndata = {{{fields}{index}\n}}"

    def schema(self) -> Any:
        """The schema, as the user's module would hold it."""
        names = {**NAMES, **libraries(self.flavour)}
        if self.style == "model":
            # Not as this module, whose annotations are not evaluated.
            exec(compile(self.schema_source, "<case>", "exec", dont_inherit=True), names)
            return names["Model"].to_schema()
        schema = eval(self.schema_source, names)
        if self.style == "yaml":
            from pandera.io.pandas_io import from_yaml

            return from_yaml(schema.to_yaml())
        return schema

    def write(self, folder: Path) -> Path:
        """Write the data; the path of the file."""
        if self.format == "csv":
            return self._write_csv(folder / "data.csv")
        path = folder / "data.parquet"
        if self.flavour != "pandas":
            self._polars().write_parquet(path)
            return path
        frame = self._pandas()
        if self.format == "parquet":
            frame.to_parquet(path, row_group_size=5)
        else:
            import pyarrow as pa
            import pyarrow.parquet as pq

            table = pa.Table.from_pandas(frame, preserve_index=False)
            pq.write_table(table.replace_schema_metadata(None), path, row_group_size=5)
        return path

    def smaller(self) -> Iterator[Case]:
        """Cases with one thing less, the largest cuts first."""
        yield from self._fewer_rows()
        for attribute in _CUT:
            parts = getattr(self, attribute)
            least = 1 if attribute == "fields" else 0
            if len(parts) > least:
                for at in range(len(parts)):
                    yield replace(self, **{attribute: (*parts[:at], *parts[at + 1 :])})
        for attribute in ("columns", "levels"):
            columns = getattr(self, attribute)
            for at, column in enumerate(columns):
                for less in _simpler(column):
                    yield replace(self, **{attribute: (*columns[:at], less, *columns[at + 1 :])})

    def _fewer_rows(self) -> Iterator[Case]:
        step = self.rows // 2
        while step:
            for start in range(0, self.rows, step):
                yield self._without(start, min(start + step, self.rows))
            step //= 2

    def _without(self, start: int, end: int) -> Case:
        def cut(part: Field) -> Field:
            return replace(part, values=part.values[:start] + part.values[end:])

        return replace(self, fields=tuple(map(cut, self.fields)), index=tuple(map(cut, self.index)))

    def _pandas(self) -> Any:
        frame = pd.DataFrame({f.name: _series(f) for f in self.fields})
        if len(self.index) == 1:
            frame.index = _counting(self.index[0]) or pd.Index(
                _series(self.index[0]), name=self.index[0].name or None
            )
        elif self.index:
            arrays = [_series(level) for level in self.index]
            names = [level.name or None for level in self.index]
            frame.index = pd.MultiIndex.from_arrays(arrays, names=names)
        return frame

    def _polars(self) -> Any:
        return pl.DataFrame(
            [pl.Series(f.name, f.values, dtype=eval(f.dtype, dict(NAMES))) for f in self.fields]
        )

    def _write_csv(self, path: Path) -> Path:
        with path.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow([f.name for f in self.fields])
            writer.writerows(zip(*(f.values for f in self.fields), strict=True))
        return path


def libraries(flavour: Flavour) -> dict[str, Any]:
    """`pa`, as the user imports it, and what else only this flavour has."""
    if flavour == "pandas":
        import pandera.pandas
        from pandera.typing import Series

        return {"pa": pandera.pandas, "Series": Series}
    if flavour == "ibis":
        import ibis
        import pandera.ibis

        return {"pa": pandera.ibis, "ibis": ibis}
    if flavour == "pyspark":
        import pandera.pyspark
        from pyspark.sql import functions, types

        return {"pa": pandera.pyspark, "F": functions, "T": types}
    import pandera.polars

    return {"pa": pandera.polars}


def _series(part: Field) -> Any:
    return pd.Series(list(part.values), dtype=eval(part.dtype, dict(NAMES)))


def _counting(part: Field) -> Any:
    """A range that begins as the values of a field do; `None` where it holds others."""
    if part.dtype != COUNTING:
        return None
    start, step = [*part.values, 0][0], 1
    if len(part.values) > 1:
        step = part.values[1] - start
    return pd.RangeIndex(start, start + step * len(part.values), step, name=part.name or None)


def _simpler(column: Column) -> Iterator[Column]:
    for at in range(len(column.checks)):
        yield replace(column, checks=column.checks[:at] + column.checks[at + 1 :])
    for at in range(len(column.options)):
        yield replace(column, options=column.options[:at] + column.options[at + 1 :])
    for at, check in enumerate(column.checks):
        if check.options:
            plain = replace(check, options=())
            yield replace(column, checks=(*column.checks[:at], plain, *column.checks[at + 1 :]))
    if column.dtype is not None:
        yield replace(column, dtype=None)


def _index(levels: tuple[Column, ...], several: tuple[tuple[str, str], ...]) -> str:
    texts = [
        replace(level, options=(*level.options, ("name", repr(level.name or None)))).source(
            "pa.Index"
        )
        for level in levels
    ]
    if len(texts) == 1:
        return texts[0]
    options = "".join(f", {key}={value}" for key, value in several)
    return f"pa.MultiIndex([{', '.join(texts)}]{options})"


def _model(case: Case) -> str:
    """A `DataFrameModel`; its built-in checks become arguments of its fields."""
    lines = ["class Model(pa.DataFrameModel):"]
    for number, column in enumerate(case.columns):
        options = dict(column.options)
        required = options.pop("required", "True") == "True"
        options.pop("report_duplicates", None)
        named = [f"alias={column.name!r}", *(f"{key}={value}" for key, value in options.items())]
        named += [f"{check.name}={_argument(check)!r}" for check in column.checks]
        kind = column.dtype if case.flavour == "polars" else ANNOTATIONS[str(column.dtype)]
        annotation = kind if required else f"Optional[{kind}]"
        lines.append(f"    f{number}: {annotation} = pa.Field({', '.join(named)})")
    lines.append("    class Config:")
    lines += [f"        {key} = {value}" for key, value in case.options] or ["        pass"]
    return "\n".join(lines)


def _argument(check: Check) -> Any:
    """What `pa.Field` is given for a check: its only argument, or all of them by name."""
    return check.arguments[0][1] if len(check.arguments) == 1 else dict(check.arguments)
