"""How the columns of a frame stand in DuckDB."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.contract.sources.base import LEVEL
from assay.datadiff.engine import quoted
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assay.contract.schema import Backend

_INTEGERS = {
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
}
_WHOLE = re.compile(r"[+-]?\d{1,9}")


def refuse_repeated(names: Sequence[str], shown: str) -> None:
    """A table in which a name stands twice cannot be held against a schema.

    Raises:
        DataError: A name stands twice.
    """
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DataError(
            f"{shown} has the column `{printable(repeated[0])}` {names.count(repeated[0])} times.",
            hint="Column names must differ: rename one where the file is written.",
        )


def ambiguous(names: Sequence[str]) -> bool:
    """Whether SQL cannot tell the columns apart, or cannot name them: DuckDB ignores case."""
    return len({name.lower() for name in names}) < len(names) or any(
        not name or "\0" in name or name.lower().startswith("__assay_") for name in names
    )


def not_for_sql(shown: str) -> DataError:
    """Ibis gets a table whose columns SQL cannot tell apart."""
    return DataError(
        f"{shown} has columns that SQL cannot tell apart, or cannot name.",
        hint="Column names must differ in more than their case, and not be empty.",
    )


def selected(found: Mapping[str, str], empty: Any, backend: Backend) -> list[str]:
    """The SQL of each column, with the values that it has in a frame of the backend.

    Args:
        found: DuckDB's names and types.
        empty: The frame without rows.
        backend: The one that it is of.
    """
    dtypes = {str(name): empty[name].dtype for name in empty.columns} if backend == "pandas" else {}
    columns = []
    for name, type_ in found.items():
        if backend == "pandas" and name not in dtypes:
            continue  # it is in the index
        column, sql = quoted(name), _value(name, type_, dtypes.get(name))
        columns.append(column if sql == column else f"{sql} AS {column}")
    return columns


def levels(found: Mapping[str, str], names: Sequence[str], index: Any) -> dict[str, str]:
    """The SQL of the levels of a pandas index, by `LEVEL`; of none where the file has not all.

    Args:
        found: DuckDB's names and types.
        names: The columns that are the levels, in their order.
        index: The index without rows.
    """
    if len(names) != index.nlevels or not set(names) <= set(found):
        return {}
    return {
        LEVEL.format(number): _value(name, found[name], index.get_level_values(number).dtype)
        for number, name in enumerate(names)
    }


def _value(name: str, type_: str, dtype: Any) -> str:
    """A column as pandas has it, where `dtype` is pandas', or as it is."""
    column = quoted(name)
    if type_.strip('"') == "NULL":
        return f"CAST({column} AS INTEGER)"
    if dtype is not None and type_ in _INTEGERS and dtype.kind == "f":
        return f"CAST({column} AS DOUBLE)"
    if dtype is not None and type_ in {"FLOAT", "DOUBLE"}:
        return f"CASE WHEN isnan({column}) THEN NULL ELSE {column} END"
    return column


def all_whole(values: Sequence[str]) -> bool:
    """Whether texts are whole numbers that fit into 32 bits."""
    return bool(values) and all(_WHOLE.fullmatch(value) for value in values)


def of_polars(dtype: Any) -> str:
    """DuckDB's type for what polars makes of the value in a folder's name."""
    if dtype.is_integer():
        return "BIGINT"
    if dtype.is_float():
        return "DOUBLE"
    return {"Date": "DATE", "Boolean": "BOOLEAN"}.get(
        str(dtype), "TIMESTAMP" if dtype.is_temporal() else "VARCHAR"
    )
