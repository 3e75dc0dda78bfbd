"""CSV and JSON lines for polars: with types from all rows, and in bounded memory.

To infer types from all rows polars maps the whole file into memory. A block of it at a time gives
the same types, as long as the blocks agree; only where they do not is it asked for all at once.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 32 << 20


def to_parquet(path: str, target: Path, *, separator: str | None, shown: str) -> list[Path]:
    """Write what polars reads as Parquet.

    Args:
        path: The file, by a name that is no glob.
        target: The new file; where there are several, they get names like it.
        separator: What parts the fields of CSV; `None` for JSON lines.
        shown: What messages call the file.

    Raises:
        DataError: It holds numbers that no scan can compare.
        polars.exceptions.PolarsError: It cannot be read.
    """
    schema = _of_blocks(path, separator)
    if schema is None:
        schema = dict(_scan(path, separator).collect_schema())
    for name, dtype in schema.items():
        if str(dtype) in {"Int128", "UInt128"}:
            raise DataError(
                f"{shown} has whole numbers of more than 64 bits in column `{printable(name)}`.",
                hint="SQL cannot compare them: write them as text, or as floats.",
            )
    if separator is not None:
        sink(_scan(path, separator, schema=schema), target)
        return [target]
    # A line is a row, so that it need not be mapped whole here either.
    made = []
    for number, block in enumerate(_blocks(path)):
        made.append(target.with_stem(f"{target.stem}-{number:06}"))
        sink(_scan(io.BytesIO(block), None, schema=schema), made[-1])
    return made


def sink(lazy: Any, target: Path) -> None:
    """Write what polars reads as Parquet, a bit at a time where it can."""
    import polars as pl

    try:
        lazy.sink_parquet(target, compression="snappy")
    except pl.exceptions.InvalidOperationError:  # in older versions not from every format
        lazy.collect().write_parquet(target)


def _scan(source: Any, separator: str | None, *, schema: Any = None, headed: bool = True) -> Any:
    import polars as pl

    if separator is None:
        return pl.scan_ndjson(source, schema=schema, infer_schema_length=None)
    return pl.scan_csv(
        source, separator=separator, schema=schema, has_header=headed, infer_schema_length=None
    )


def _of_blocks(path: str, separator: str | None) -> dict[str, Any] | None:
    """The types of the columns, where blocks of the file agree about them."""
    import polars as pl

    schema: dict[str, Any] | None = None
    for block in _blocks(path):
        if separator is not None and b'"' in block:
            return None  # the end of a line may be no end of a row
        try:
            lazy = _scan(io.BytesIO(block), separator, headed=schema is None)
            found = dict(lazy.collect_schema())
        except pl.exceptions.PolarsError:
            return None  # whatever is wrong is told about the file
        if schema is not None and separator is not None and len(found) == len(schema):
            found = dict(zip(schema, found.values(), strict=True))
        schema = found if schema is None else _joined(schema, found)
        if schema is None:
            return None
    return schema


def _blocks(path: str) -> Iterator[bytes]:
    """The lines of a file, many at a time."""
    rest = b""
    with Path(path).open("rb") as file:
        while read := file.read(_BLOCK):
            rest += read
            end = rest.rfind(b"\n") + 1
            if end:
                yield rest[:end]
                rest = rest[end:]
    if rest:
        yield rest


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any] | None:
    """The types of two blocks together, if that is plain."""
    import polars as pl

    numbers = {pl.Int64(), pl.Float64()}
    joined = dict(one)
    if one.keys() != other.keys():
        return None
    for name, dtype in other.items():
        if dtype in (joined[name], pl.Null()):
            continue
        if joined[name] == pl.Null():
            joined[name] = dtype
        elif {dtype, joined[name]} == numbers:
            joined[name] = pl.Float64()
        else:
            return None
    return joined
