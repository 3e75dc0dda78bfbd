"""Tables in real databases: PostgreSQL by its URL, and files of SQLite and DuckDB."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from assay.contract import check, scan, sources
from assay.contract.schema import LoadedSchema
from assay.errors import DataError, OutsideError

if TYPE_CHECKING:
    from pathlib import Path

    from assay.contract.check import Findings

ROWS = [(1, 1.0, "x"), (2, None, None), (None, 0.5, "é1"), (2, -1.0, "Ab"), (9, 2.5, "ab")]
CREATE = 'CREATE TABLE "My table" (n BIGINT, f DOUBLE PRECISION, s TEXT)'
INSERT = 'INSERT INTO "My table" VALUES '


def _filled_postgres(url: str) -> str:
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute('DROP TABLE IF EXISTS "My table"')
        connection.execute(CREATE)
        for row in [*ROWS, (4, float("nan"), "z")]:
            connection.execute(f"{INSERT} (%s, %s, %s)", row)
    return url


def _filled_sqlite(folder: Path) -> str:
    path = folder / "data.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(CREATE)
        connection.executemany(f"{INSERT} (?, ?, ?)", ROWS)
    return f"sqlite://{path}"


def _filled_duckdb(folder: Path) -> str:
    import duckdb

    path = folder / "data.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(CREATE)
        connection.executemany(f"{INSERT} (?, ?, ?)", ROWS)
    return f"duckdb://{path}"


@pytest.fixture(params=["postgres", "sqlite", "duckdb"])
def url(request, tmp_path) -> str:
    if request.param == "postgres":
        return _filled_postgres(request.getfixturevalue("postgres"))
    fill = {"sqlite": _filled_sqlite, "duckdb": _filled_duckdb}[request.param]
    return fill(tmp_path)


def _found(url: str, loaded: LoadedSchema, root: Path) -> tuple[Findings, Findings]:
    """What the scan says, and what Pandera says of the same table."""
    with closing(sources.open_table(url, "My table", shown="My table")) as source:
        layout = source.layout(loaded.backend, has_index=False)
        frame = next(iter(source.frames(layout)))
        return (
            scan.findings(source, loaded, root=root, sensitive=()),
            check.check(frame, loaded, root=root, sensitive=()),
        )


def _told(found: Findings) -> list[Any]:
    return sorted((f.check, f.column or "", f.count, f.share) for f in found.failures)


def _of_ibis() -> Any:
    import pandera.ibis as pa

    return pa.DataFrameSchema(
        {
            "n": pa.Column(int, [pa.Check.gt(1), pa.Check.isin([1, 2, 9])]),
            "f": pa.Column(float, [pa.Check.in_range(0, 2), pa.Check.ne(0.5)]),
            "s": pa.Column(
                str,
                [pa.Check.str_startswith("x"), pa.Check.str_length(1, 1)],
                nullable=True,
            ),
            "gone": pa.Column(int),
        },
        unique=["n"],
        checks=[pa.Check(lambda data: data.table.n > data.table.f, name="n above f")],
    )


def test_schema_of_ibis(url, tmp_path):
    ours, theirs = _found(url, LoadedSchema("Schema", _of_ibis(), "ibis"), tmp_path)
    assert _told(ours) == _told(theirs)
    assert len(ours.failures) > 8
    assert {planned.how for planned in ours.plan} == {"scan"}


def test_schema_of_pandas(url, tmp_path):
    import pandera.pandas as pa

    schema = pa.DataFrameSchema(
        {
            "n": pa.Column(float, [pa.Check.gt(1), pa.Check(lambda s: s.max() < 5, name="small")]),
            "f": pa.Column(float, [pa.Check.le(2)], nullable=True, unique=True),
            "s": pa.Column(None, [pa.Check.isin(["x", "ab"])], nullable=True),
        }
    )
    ours, theirs = _found(url, LoadedSchema("Schema", schema, "pandas"), tmp_path)
    assert _told(ours) == _told(theirs)
    assert len(ours.failures) >= 4


def test_schema_of_polars(url, tmp_path):
    import pandera.polars as pa
    import polars as pl

    schema = pa.DataFrameSchema(
        {
            "n": pa.Column(pl.Int64, [pa.Check.gt(1)], unique=True),
            "f": pa.Column(pl.Float64, [pa.Check.le(2), pa.Check.gt(0, ignore_na=False)]),
            "s": pa.Column(pl.String, [pa.Check.str_matches("[a-z]"), pa.Check.lt("b")]),
        }
    )
    ours, theirs = _found(url, LoadedSchema("Schema", schema, "polars"), tmp_path)
    assert _told(ours) == _told(theirs)
    assert len(ours.failures) >= 5


def test_table_that_is_not_there(url):
    with pytest.raises(DataError) as caught:
        sources.open_table(url, "Mytable", shown="Mytable")
    assert caught.value.exit_code == 2
    assert "s3cr3t" not in f"{caught.value.message} {caught.value.hint}"


def test_wrong_password(postgres):
    wrong = postgres.replace("s3cr3t-pw", "wr0ng-pw")
    with pytest.raises(OutsideError) as caught:
        sources.open_table(wrong, "My table", shown="My table")
    assert caught.value.exit_code == 3
    assert "wr0ng" not in f"{caught.value.message} {caught.value.hint} {caught.value!r}"
    assert caught.value.__cause__ is None


def test_server_that_does_not_answer():
    nobody = "postgres://assay:s3cr3t-pw@127.0.0.1:1/postgres"
    with pytest.raises(OutsideError) as caught:
        sources.open_table(nobody, "t", shown="t")
    assert "s3cr3t" not in f"{caught.value.message} {caught.value.hint}"
