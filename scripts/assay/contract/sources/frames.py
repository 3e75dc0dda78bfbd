"""Frames of pandas with the dtypes that the whole table has, from a part of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def _pandas_metadata(schema: Any) -> dict[str, Any]:
    stored = (schema.metadata or {}).get(b"pandas")
    return dict(json.loads(stored)) if stored else {}


def index_columns(schema: Any) -> list[str]:
    """The columns of an Arrow schema that pandas takes for the index."""
    listed = _pandas_metadata(schema).get("index_columns", [])
    return [each for each in listed if isinstance(each, str) and each in schema.names]


def stored_range(schema: Any, rows: int) -> Any:
    """The index that pandas stored as a range, where it has as many rows as the table."""
    import pandas as pd

    for each in _pandas_metadata(schema).get("index_columns", []):
        if isinstance(each, dict) and each.get("kind") == "range":
            index = pd.RangeIndex(each["start"], each["stop"], each["step"], name=each["name"])
            return index if len(index) == rows else None
    return None


def of_arrow(table: Any) -> Any:
    """An Arrow table as pandas converts it."""
    return table.to_pandas()


def conform(frame: Any, empty: Any, constants: Mapping[str, str | None]) -> Any:
    """A part of a table with the columns and dtypes that the whole has.

    Args:
        frame: The part, whose dtypes may be narrower: a column without nulls in it is `int64`.
        empty: The whole, without rows.
        constants: Columns of categories with one value in this part.
    """
    import pandas as pd

    columns = {}
    for name in empty.columns:
        dtype = empty[name].dtype
        if name in frame.columns:
            column = frame[name]
            columns[name] = column if column.dtype == dtype else column.astype(dtype)
        else:
            value = constants.get(name)
            codes = [-1 if value is None else _code(dtype, value)] * len(frame)
            columns[name] = pd.Series(
                pd.Categorical.from_codes(codes, dtype=dtype), index=frame.index
            )
    conformed = pd.DataFrame(columns, index=frame.index)
    conformed.columns = empty.columns
    return conformed


def _code(dtype: Any, value: str) -> int:
    """The code of a text among categories that may be whole numbers."""
    return (
        int([str(each) for each in dtype.categories].index(value))
        if value in map(str, dtype.categories)
        else int(dtype.categories.get_loc(int(value)))
    )
