"""How the columns of a frame stand in DuckDB."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from assay.console import printable
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
        column = quoted(name)
        if type_.strip('"') == "NULL":
            sql = f"CAST({column} AS INTEGER)"
        elif backend == "pandas" and type_ in _INTEGERS and dtypes[name].kind == "f":
            sql = f"CAST({column} AS DOUBLE)"
        elif backend == "pandas" and type_ in {"FLOAT", "DOUBLE"}:
            sql = f"CASE WHEN isnan({column}) THEN NULL ELSE {column} END"
        else:
            sql = column
        columns.append(column if sql == column else f"{sql} AS {column}")
    return columns


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
