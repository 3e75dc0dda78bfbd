"""Frames of pandas, one after the other, kept as Parquet: the table that they are together.

What pandas infers from some rows of a text file is less than what it infers from all: a column of
whole numbers may hold a float further down. Each frame is written with the types that are known by
then, and what was written too narrowly is written again at the end.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_GROUP_ROWS = 122_880
"""Rows of a row group, as DuckDB likes them: one is the work of one thread."""
_GROUP_BYTES = 64 << 20
_NUMBERS = {"int", "uint", "float", "none"}


@dataclass
class _Seen:
    """What the values of a column are, up to now."""

    kinds: set[str] = field(default_factory=set)
    samples: dict[int, dict[Any, Any]] = field(default_factory=dict)
    """Of each file, by dtype: a value, as a column."""


class Pieces:
    """A table that comes in frames.

    Args:
        folder: Where Parquet files are made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = 0
        self._columns: dict[Any, _Seen] = {}
        self._types: dict[str, Any] = {}
        self._held: list[Any] = []
        self._written: list[Path] = []
        self._writer: Any = None

    def next_file(self) -> None:
        """What is added from now on was read by itself."""
        self._files += 1

    def add(self, frame: Any) -> None:
        """Rows of the current file."""
        if not self._columns:
            self._columns = {name: _Seen() for name in frame.columns}
        noted = [
            _note(seen, frame.iloc[:, number], self._files)
            for number, seen in enumerate(self._columns.values())
        ]
        if any(noted):
            types = {str(name): _type(seen.kinds) for name, seen in self._columns.items()}
            if types != self._types:
                self._end_file()
                self._types = types
        self._held.append(_table(frame, self._types))
        rows = sum(held.num_rows for held in self._held)
        if rows >= _GROUP_ROWS or sum(held.nbytes for held in self._held) >= _GROUP_BYTES:
            self._write()

    def finish(self) -> tuple[list[Path], Any]:
        """The files, of one schema, and the table without rows, with its dtypes."""
        import pandas as pd
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._end_file()
        schema = pa.schema(list(self._types.items()))
        for path in self._written:
            if not pq.read_schema(path).equals(schema):
                _rewrite(path, schema)
        columns = [pd.Series([], dtype=_dtype(seen)) for seen in self._columns.values()]
        empty = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(0))
        empty.columns = pd.Index(list(self._columns))
        return self._written, empty

    @property
    def kinds(self) -> dict[Any, set[str]]:
        """What a column has: `int`, `uint`, `float`, `bool`, `text`, `mixed`, and `none`."""
        return {name: seen.kinds for name, seen in self._columns.items()}

    @property
    def mixed(self) -> set[str]:
        """The columns whose values have no common type; of them only nulls are kept."""
        import pyarrow as pa

        return {name for name, type_ in self._types.items() if type_ == pa.binary()}

    def _write(self) -> None:
        import pyarrow as pa

        if not self._held:
            return
        table = pa.concat_tables(self._held)
        self._held.clear()
        if self._writer is None:
            path = self._folder / f"{len(self._written):06}.parquet"
            self._written.append(path)
            self._writer = _writer(path, table.schema)
        self._writer.write_table(table)

    def _end_file(self) -> None:
        self._write()
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _note(seen: _Seen, column: Any, file: int) -> bool:
    """Add to what is known of a column; whether its values are of a new kind."""
    kind = _kind(column)
    samples = seen.samples.setdefault(file, {})
    if (known := samples.get(column.dtype)) is None or known.isna().all():
        values = column if kind == "none" else column[column.notna()]
        samples[column.dtype] = values.iloc[:1]
    is_new = kind not in seen.kinds
    seen.kinds.add(kind)
    return is_new


def _kind(column: Any) -> str:
    """What the values of a column are."""
    import pandas as pd

    dtype = column.dtype
    kind = {"i": "int", "u": "uint", "f": "float", "b": "bool"}.get(dtype.kind, "")
    if kind == "float":
        return "none" if column.isna().all() else kind
    if kind or isinstance(dtype, pd.StringDtype):
        return kind or "text"
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    return {"string": "text", "boolean": "bool", "empty": "none"}.get(inferred, "mixed")


def _type(kinds: set[str]) -> Any:
    """Arrow's type for values of some kinds."""
    import pyarrow as pa

    for kind, type_ in (("int", pa.int64()), ("uint", pa.uint64())):
        if kinds == {kind}:
            return type_
    if kinds <= _NUMBERS:
        return pa.float64()
    for kind, type_ in (("bool", pa.bool_()), ("text", pa.large_string())):
        if kinds <= {kind, "none"}:
            return type_
    return pa.binary()


def _dtype(seen: _Seen) -> Any:
    """What pandas makes of values of these dtypes: those of one file first, then of all files."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of columns without a value, in some versions
        by_file = [pd.concat(each.values()).to_frame("x") for each in seen.samples.values()]
        return (by_file[0] if len(by_file) == 1 else pd.concat(by_file))["x"].dtype


def _table(frame: Any, types: dict[str, Any]) -> Any:
    import pyarrow as pa

    columns = [_array(frame.iloc[:, number], type_) for number, type_ in enumerate(types.values())]
    return pa.table(columns, schema=pa.schema(list(types.items())))


def _array(column: Any, type_: Any) -> Any:
    import pyarrow as pa

    if type_ == pa.binary():
        return presence(pa.array(column.notna()))
    if type_ == pa.float64() and column.dtype.kind in "iu":
        column = column.astype("float64")
    if column.dtype.kind == "f" and type_ != pa.float64():
        return pa.nulls(len(column), type_)
    return pa.array(column, type=type_, from_pandas=True)


def presence(there: Any) -> Any:
    """Empty bytes where there is a value: of values without a common type that is all."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(there, pa.scalar(b""), pa.scalar(None, pa.binary()))


def _writer(path: Path, schema: Any) -> Any:
    """A new file: what is read once or twice is not worth packing, and few numbers repeat."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = [each.name for each in schema if each.type == pa.large_string()]
    return pq.ParquetWriter(path, schema, compression="none", use_dictionary=texts)


def _rewrite(path: Path, schema: Any) -> None:
    """Widen what a file holds."""
    import pyarrow.parquet as pq

    wider = path.with_suffix(".wider")
    with (
        pq.ParquetFile(path) as file,
        _writer(wider, schema) as writer,
    ):
        for batch in _batches(file, schema):
            writer.write_table(batch)
    wider.replace(path)


def _batches(file: Any, schema: Any) -> Iterator[Any]:
    import pyarrow as pa

    for group in range(file.num_row_groups):
        table = file.read_row_group(group)
        columns = [_widened(table[each.name], each.type) for each in schema]
        yield pa.table(columns, schema=schema)


def _widened(column: Any, type_: Any) -> Any:
    """A column as a type that is wider."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.type == type_:
        return column
    if type_ == pa.binary():
        return presence(pc.is_valid(column))
    if column.type == pa.float64():  # all of them are missing
        return pa.nulls(len(column), type_)
    return pc.cast(column, type_, safe=False)
