"""CSV into DuckDB: parsed once, as text, and then given types that all values of a column have.

DuckDB's own sniffer guesses the dialect and the types from a sample: it takes a longer row for the
header and drops what stands above, or fails a million rows on. Here nothing is guessed.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from typing import IO, TYPE_CHECKING, Any, cast

from assay.console import printable
from assay.datadiff.source import not_utf8
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from assay.datadiff.source import Source

# What pandas reads as missing, because that is how the schema sees the same file.
NULLS = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
_LONGEST_HEADER = 1 << 20
_SAMPLE = 10_000
_TRIED = 40
"""Columns whose types are tried in one query."""

_WHOLE = "TRY_CAST({0} AS BIGINT) IS NOT NULL AND NOT regexp_matches({0}, '[.eExX_]')"
_TYPES = {
    "BIGINT": _WHOLE,  # the cast alone rounds 1.5
    "DOUBLE": "TRY_CAST({0} AS DOUBLE) IS NOT NULL",
    "TIMESTAMP": "TRY_CAST({0} AS TIMESTAMP) IS NOT NULL",
}


def load(connection: Any, name: str, source: Source, links: Sequence[str]) -> dict[str, str]:
    """Make the table `name`, with columns `c0`, `c1`, ... in the order of what is returned.

    Returns:
        The column names of the file, and DuckDB's types.

    Raises:
        DataError: A header cannot be read, or the parts have different columns.
        duckdb.Error: The rest of the file cannot be read.
    """
    headers = [_header(path, source) for path in source.files]
    names = headers[0]
    for path, header in zip(source.files, headers, strict=True):
        if set(header) != set(names):
            raise DataError(
                f"The parts of {source.shown} have different columns: {printable(path.name)} is"
                f" not like {printable(source.files[0].name)}.",
                hint="Give each kind of file an entry of its own in `data`.",
            )
    parts = [
        f"SELECT {', '.join(f'c{header.index(column)}' for column in names)} FROM "
        + _read(link, len(header), source)
        for link, header in zip(links, headers, strict=True)
    ]
    aliases = ", ".join(f"c{number}" for number in range(len(names)))
    connection.execute(
        f"CREATE TEMP TABLE {name}_text({', '.join(f'c{n} VARCHAR' for n in range(len(names)))})"
    )
    for part in parts:
        connection.execute(f"INSERT INTO {name}_text({aliases}) {part}")
    types = _types(connection, f"{name}_text", len(names))
    typed = ", ".join(
        f"c{number}" if type_ == "VARCHAR" else f"CAST(c{number} AS {type_}) AS c{number}"
        for number, type_ in enumerate(types)
    )
    connection.execute(f"CREATE TEMP TABLE {name} AS SELECT {typed} FROM {name}_text")
    connection.execute(f"DROP TABLE {name}_text")
    return dict(zip(names, types, strict=True))


def _header(path: Path, source: Source) -> list[str]:
    """The column names, made different from each other as pandas does."""
    packed = source.suffix.endswith(".gz")
    try:
        with cast("IO[bytes]", gzip.open(path)) if packed else path.open("rb") as file:
            start = file.read(_LONGEST_HEADER)
        if b"\0" in start and (misread := not_utf8(source)) is not None:
            raise misread
        content = io.StringIO(start.decode("utf-8-sig", errors="replace"), newline="")
        fields = next(row for row in csv.reader(content, delimiter=source.separator) if row)
    except (EOFError, OSError) as error:
        raise DataError(
            f"{source.shown} is not a complete gzip file."
            if packed
            else f"{source.shown} cannot be read.",
            hint="It is damaged or was cut off: write it again, or run `dvc pull --force`.",
        ) from error
    except StopIteration:
        raise DataError(
            f"{source.shown} holds no table: it is blank.", hint="It needs a header."
        ) from None
    except csv.Error as error:
        raise DataError(
            f"{source.shown} has no readable header line.",
            hint="Look for a quote that is never closed.",
        ) from error
    names, seen = [], Counter[str]()
    for number, field in enumerate(fields):
        column = field or f"Unnamed: {number}"
        names.append(f"{column}.{seen[column]}" if seen[column] else column)
        seen[column] += 1
    return names


def _read(link: str, columns: int, source: Source) -> str:
    listed = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(columns))
    nulls = ", ".join(f"'{null}'" for null in NULLS)
    quoted = link.replace("'", "''")  # the folder for temporary files may be called anything
    return (
        f"read_csv('{quoted}', auto_detect = false, columns = {{{listed}}}, header = true,"
        f" delim = '{source.separator}', quote = '\"', escape = '\"', nullstr = [{nulls}])"
    )


def _types(connection: Any, table: str, columns: int) -> list[str]:
    """For each column the first of `_TYPES` that all its values have, else `VARCHAR`.

    Some rows rule most types out; what is left is then asked of all rows.
    """
    (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    step = max(rows // _SAMPLE, 1)
    some = f"(SELECT * FROM {table} WHERE rowid % {step} = 0)"
    found = ["VARCHAR"] * columns
    undecided = list(range(columns))
    for type_, condition in _TYPES.items():
        possible = _all(connection, some, condition, undecided, least=0) if step > 1 else undecided
        agreed = _all(connection, table, condition, possible, least=1)
        for number in agreed:
            found[number] = type_
        undecided = [number for number in undecided if number not in set(agreed)]
    return found


def _all(
    connection: Any, relation: str, condition: str, columns: Sequence[int], *, least: int
) -> list[int]:
    """The columns with at least `least` values, of which each satisfies the condition."""
    agreed: list[int] = []
    for start in range(0, len(columns), _TRIED):
        tried = columns[start : start + _TRIED]
        counts = ", ".join(
            f"count(c{n}), count(*) FILTER (c{n} IS NOT NULL AND NOT ({condition.format(f'c{n}')}))"
            for n in tried
        )
        row = connection.execute(f"SELECT {counts} FROM {relation}").fetchone()
        agreed += [n for i, n in enumerate(tried) if row[2 * i] >= least and not row[2 * i + 1]]
    return agreed
