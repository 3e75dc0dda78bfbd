"""The data of the contract's benchmark, seeded, and the contract that it is held against.

20 columns, about 90 bytes a row as Parquet, in row groups, so that 100 million rows need no more
memory to make than a million. The contract is 30 checks, one unique column, and no missing values
but in two columns; every peer is given the same.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from benchmarks.harness import CACHE

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

FOLDER = CACHE / "bench" / "contract"

FLOATS = tuple(f"f{i}" for i in range(8))
NUMBERS = tuple(f"n{i}" for i in range(5))
TEXTS = tuple(f"c{i}" for i in range(4))
COLUMNS = ("id", *FLOATS, *NUMBERS, *TEXTS, "day", "flag")
UNIQUE = "id"
NULLABLE = ("f7", "c3")

KINDS = [f"kind {i}" for i in range(3)]
CITIES = [f"city {i}" for i in range(12)]
FIRST_DAY, LAST_DAY = dt.datetime(2020, 1, 1), dt.datetime(2024, 1, 1)  # noqa: DTZ001 (the file's timestamps have no zone)

CHECKS: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("f0", "in_range", (0, 1000)),
    ("f1", "in_range", (0, 1000)),
    ("f2", "in_range", (0, 1000)),
    ("f3", "in_range", (0, 1000)),
    ("f4", "ge", (0,)),
    ("f4", "le", (1000,)),
    ("f5", "ge", (0,)),
    ("f5", "lt", (1000,)),
    ("f6", "gt", (-1,)),
    ("f7", "ge", (0,)),
    ("f7", "lt", (1000,)),
    ("n0", "in_range", (0, 9)),
    ("n0", "isin", (list(range(10)),)),
    ("n1", "in_range", (0, 99)),
    ("n1", "notin", ([-1, 999],)),
    ("n2", "in_range", (0, 999)),
    ("n3", "ge", (0,)),
    ("n3", "lt", (10_000,)),
    ("n4", "ge", (0,)),
    ("n4", "ne", (-1,)),
    ("c0", "isin", (KINDS,)),
    ("c1", "isin", (CITIES,)),
    ("c1", "notin", (["", "unknown"],)),
    ("c2", "str_startswith", ("shop-",)),
    ("c2", "str_length", (9, 9)),
    ("c2", "str_matches", ("shop-[0-9]{4}",)),
    ("c3", "str_startswith", ("SKU-",)),
    ("c3", "str_length", (5, 12)),
    ("day", "ge", (FIRST_DAY,)),
    ("day", "lt", (LAST_DAY,)),
)
"""Column, name of Pandera's check, its arguments."""


def pandera_schema(pandera: ModuleType, types: dict[str, Any]) -> Any:
    """The contract as a `DataFrameSchema` of one of Pandera's flavours.

    Args:
        pandera: The flavour: `pandera.pandas`, `pandera.polars` or `pandera.ibis`.
        types: What it calls `int`, `float`, `str`, `time` and `bool`.
    """

    def checks(column: str) -> list[Any]:
        return [getattr(pandera.Check, name)(*args) for on, name, args in CHECKS if on == column]

    return pandera.DataFrameSchema(
        {
            column: pandera.Column(
                types[_kind(column)],
                checks(column),
                nullable=column in NULLABLE,
                unique=column == UNIQUE,
            )
            for column in COLUMNS
        }
    )


def _kind(column: str) -> str:
    kinds = {"i": "int", "f": "float", "n": "int", "c": "str", "d": "time"}
    return "bool" if column == "flag" else kinds[column[0]]


def pandas_schema() -> Any:
    import pandera.pandas as pa

    # The column of times is as pandas reads Parquet's, in microseconds.
    return pandera_schema(
        pa, {"int": int, "float": float, "str": str, "time": "datetime64[us]", "bool": bool}
    )


def polars_schema() -> Any:
    import pandera.polars as pa
    import polars as pl

    time = pl.Datetime("us")
    return pandera_schema(
        pa,
        {"int": pl.Int64, "float": pl.Float64, "str": pl.String, "time": time, "bool": pl.Boolean},
    )


def ibis_schema() -> Any:
    import ibis.expr.datatypes as types
    import pandera.ibis as pa

    return pandera_schema(
        pa,
        {
            "int": types.int64,
            "float": types.float64,
            "str": types.string,
            "time": types.Timestamp(scale=6),
            "bool": types.boolean,
        },
    )


FORMS = {"parquet": "parquet", "csv": "csv, HEADER", "jsonl": "json"}
"""What DuckDB writes, by the file's suffix."""


def file(rows: int, suffix: str = "parquet") -> Path:
    """A file of so many rows; made once, and kept."""
    path = FOLDER / f"{rows}.{suffix}"
    if not path.is_file():
        FOLDER.mkdir(parents=True, exist_ok=True)
        print(f"   making {rows:,} rows in {path}", flush=True)
        begun = path.with_suffix(".begun")
        _make(rows, begun, FORMS[suffix])
        begun.rename(path)
    return path


def _make(rows: int, path: Path, form: str) -> None:
    import duckdb

    # Multiplied by an odd number modulo a power of two: each once, in no order.
    mask = 2 ** rows.bit_length() - 1
    columns = [f"((row * 2654435761) & {mask})::BIGINT AS id"]
    for i, name in enumerate(FLOATS):
        # The last but one is coarse, so that Parquet keeps it as a dictionary.
        steps = 10 if name == "f6" else 100_000
        value = f"(hash(row, {i}) % {1000 * steps} / {steps})::DOUBLE"
        columns.append(f"{_sometimes(name, value)} AS {name}")
    for i, name in enumerate(NUMBERS):
        columns.append(f"(hash(row, {20 + i}) % {10 ** (i + 1)})::BIGINT AS {name}")
    sku = "'SKU-' || lpad((hash(row, 33) % 5000)::VARCHAR, 6, '0')"
    columns += [
        "'kind ' || hash(row, 30) % 3 AS c0",
        "'city ' || hash(row, 31) % 12 AS c1",
        "'shop-' || lpad((hash(row, 32) % 200)::VARCHAR, 4, '0') AS c2",
        f"{_sometimes('c3', sku)} AS c3",
        f"TIMESTAMP '{FIRST_DAY}' + to_seconds((hash(row, 41) % {4 * 365 * 86400})::BIGINT) AS day",
        "hash(row, 42) % 2 = 0 AS flag",
    ]
    connection = duckdb.connect(config={"memory_limit": "2GB"})
    connection.execute("SET enable_progress_bar = false")
    connection.execute(
        f"COPY (SELECT {', '.join(columns)} FROM range({rows}) AS made(row))"
        f" TO '{path}' (FORMAT {form})"
    )


def _sometimes(column: str, value: str) -> str:
    """One in ten is missing where that is allowed."""
    missing = f"hash(row, 'no {column}') % 10 = 0"
    return f"CASE WHEN NOT {missing} THEN {value} END" if column in NULLABLE else value
