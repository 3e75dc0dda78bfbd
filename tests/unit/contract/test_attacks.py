"""What a hostile pull request, file or database tries, and does not get."""

from __future__ import annotations

import gzip
import os
import sqlite3
import time
import traceback
from typing import TYPE_CHECKING, Any

import duckdb
import ibis
import pandera.polars
import polars as pl
import pytest
from assay.contract import __main__ as contract
from assay.contract import commands, promises
from assay.contract.evolution.compare import compare
from assay.contract.evolution.describe import describe
from assay.contract.job import Job, JobSpec, Outcome, Table
from assay.contract.schema import LoadedSchema
from assay.contract.sources import database, open_table, packed, remote
from assay.errors import DataError, OutsideError, RemoteError

if TYPE_CHECKING:
    from pathlib import Path

    from assay.contract.evolution.section import Description

pytestmark = [
    pytest.mark.filterwarnings("ignore:The 'future.infer_string' option"),  # Ibis, of pandas
    pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning"),  # Ibis, of SQLite
]

VALUE = "123-45-6789"
SCHEMA = """
import pandera.pandas as pa

S = pa.DataFrameSchema({"ssn": pa.Column(), "n": pa.Column(int)})
"""


ANY_CHECK = "pa.Column(int, pa.Check(lambda data: data.lazyframe.select(data.key)))"


def _outcomes(folder: Path, schema: str = SCHEMA, **facts: Any) -> str:
    """What a job leaves, as it goes into the record."""
    (folder / "schema.py").write_text(schema)
    spec = JobSpec(number=0, reference="schema.py:S", **facts)
    job = Job(
        root=str(folder),
        state=str(folder / ".assay"),
        now="2026-01-01T00:00:00+00:00",
        specs=(spec,),
    )
    (folder / "job.json").write_text(job.model_dump_json())
    (folder / "results").write_text("")
    contract.main(folder / "job.json", folder / "results")
    return (folder / "results").read_text()


# --- secrets of databases -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("postgres://me:hunt/er2@host:1/db", "hunt"),
        ("postgres://me:hunt#er2@host:1/db", "er2"),
        ("postgres://me:hunt?er2@host:1/db", "hunt"),
        ("postgres://me:h%2Funter2@host/db", "h/unter2"),
        ("postgres://me:it's@host/db", "it's"),
        ("postgres://host/db?password=hun%2Bter2", "hun+ter2"),
        ("postgres://host/db?password=hun%2Bter2", "hun%2Bter2"),
        ("postgres://host/db?password=hun+ter2", "hun ter2"),
        ("trino://me:a@b@host/db", "a@b"),
        ("trino://:tok en@host/db", "tok%20en"),
        ("snowflake://me:back\\slash@acc/db", "back\\\\slash"),
    ],
)
def test_a_password_is_cut_out_in_each_form(url: str, secret: str) -> None:
    told = f"could not be cast to integer value as {secret!r}, or as {secret}; {url}"
    shown = database.without(told, database.secrets(url))

    assert secret not in shown
    assert "could not be cast" in shown


def test_a_port_that_is_half_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    from urllib.parse import urlsplit

    monkeypatch.setattr(ibis, "connect", lambda url: urlsplit(url).port)
    with pytest.raises(OutsideError) as caught:
        open_table("postgres://me:hunt/er2@host/db", "t", shown="t")

    assert "Port could not be cast" in caught.value.message  # what urllib says of it
    assert "hunt" not in f"{caught.value.message}{caught.value.hint}"


def test_what_a_driver_says_during_a_check_has_no_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgres://me:hunter2@host/db"

    def refuse(*_: Any, **__: Any) -> Any:
        raise DataError(f"no answer to {url}", hint="The password is hunter2.")

    monkeypatch.setenv("WAREHOUSE", url)
    monkeypatch.setattr("assay.contract.sources.open_table", refuse)
    told = _outcomes(tmp_path, tables=(Table(path="t"),), connection="WAREHOUSE")

    assert "no answer to ***" in told
    assert "hunter2" not in told


def test_a_defect_says_nothing_of_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgres://me:hunter2@host/db"

    def refuse(*_: Any, **__: Any) -> Any:
        raise KeyError(url)

    monkeypatch.setenv("WAREHOUSE", url)
    monkeypatch.setattr("assay.contract.sources.open_table", refuse)
    with pytest.raises(RuntimeError, match=r"^KeyError, whose words are hidden$") as caught:
        _outcomes(tmp_path, tables=(Table(path="t"),), connection="WAREHOUSE")

    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_remote_says_no_credentials(tmp_path: Path) -> None:
    def refuse() -> None:
        raise PermissionError("403, url='https://me:hunter2@host/x?sig=abcdef'")

    with pytest.raises(RemoteError) as caught:
        remote._translated("t", refuse)
    assert "url='https://host/x" in caught.value.message
    assert "hunter2" not in caught.value.message
    assert "abcdef" not in caught.value.message


def test_a_remote_says_no_values() -> None:
    def refuse() -> None:
        raise ValueError(f"Could not convert {VALUE!r}")

    with pytest.raises(RemoteError) as caught:
        remote._translated("t", refuse, private=True)
    assert "ValueError" in caught.value.message
    assert VALUE not in caught.value.message


# --- sensitive values ---------------------------------------------------------------------------


@pytest.mark.parametrize("declared", ["REAL", "DATE", "TIMESTAMP", "BOOLEAN"])
def test_a_value_that_is_not_of_its_columns_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, declared: str
) -> None:
    with sqlite3.connect(tmp_path / "x.db") as file:
        file.execute(f"CREATE TABLE t (ssn {declared}, n INTEGER)")
        file.executemany("INSERT INTO t VALUES (?, 1)", [(None,), (VALUE,)])
    file.close()
    monkeypatch.setenv("WAREHOUSE", f"sqlite://{tmp_path / 'x.db'}")
    table = (Table(path="t"),)
    hidden = _outcomes(tmp_path, tables=table, connection="WAREHOUSE", sensitive=("ssn",))
    last = Outcome.model_validate_json(hidden.splitlines()[-2])

    assert VALUE not in hidden
    assert last.exit_code in {1, 2} or last.file is not None


def test_a_first_row_that_is_taken_for_the_header(tmp_path: Path) -> None:
    first = f"{VALUE},7,Ada\n"
    (tmp_path / "head.csv").write_text(first + "".join(f"s{n},{n},Bob{n}\n" for n in range(40)))
    (tmp_path / "base.csv").write_text(first + "".join(f"t{n},9,Eve{n}\n" for n in range(40)))
    more = {
        "path": "head.csv",
        "schema": "schema.py:S",
        "expect": {"reference": "base.csv", "default": {"psi": 0, "new_categories": 0}},
    }
    hidden = ("ssn", "name")
    table = (Table(path="head.csv"),)
    told = _outcomes(tmp_path, tables=table, sensitive=hidden, more={**more, "sensitive": hidden})

    assert all(text not in told for text in (VALUE, "Ada", "Bob", "Eve", "'s1'"))
    last = Outcome.model_validate_json(told.splitlines()[-2]).file
    assert last is not None
    broken = [one for one in last.failures if one.check == "expect(new_categories=0)"]
    assert [(one.column, one.count, one.examples) for one in broken] == [("(hidden)", 40, ())] * 2


def test_a_file_that_is_damaged_in_its_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.contract.judge.SMALL", 0)  # so that it is scanned
    rows = pl.DataFrame({"ssn": [VALUE] * 2_000, "n": range(2_000)})
    rows.write_parquet(tmp_path / "t.parquet", compression="zstd")
    content = bytearray((tmp_path / "t.parquet").read_bytes())
    content[40:140] = b"x" * 100
    (tmp_path / "t.parquet").write_bytes(content)
    told = _outcomes(
        tmp_path,
        schema=SCHEMA.replace("pandas", "polars").replace("pa.Column(int)", ANY_CHECK),
        tables=(Table(path="t.parquet"),),
        sensitive=("ssn",),
    )
    last = Outcome.model_validate_json(told.splitlines()[-2])

    assert last.exit_code == 2
    assert VALUE not in told


def test_columns_that_sql_cannot_tell_apart(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("ssn,n,N\n1,2,3\n")
    with pytest.raises(DataError, match="SQL cannot tell apart"):
        commands.infer(tmp_path / "t.csv", shown="t.csv")
    told = _outcomes(
        tmp_path,
        tables=(Table(path="t.csv"),),
        more={
            "path": "t.csv",
            "schema": "schema.py:S",
            "fresh": {"column": "n", "within": "2 days"},
        },
    )
    last = Outcome.model_validate_json(told.splitlines()[-2])

    assert last.exit_code == 2
    assert last.problem is not None
    assert "SQL cannot tell apart" in last.problem.message


def test_types_that_list_values() -> None:
    def described(*values: str) -> Description:
        allowed = pl.List(pl.Struct({"a": pl.Enum(values)}))
        columns = {"ssn": pandera.polars.Column(allowed)} if values else {}
        schema = pandera.polars.DataFrameSchema(columns)
        return describe(LoadedSchema(name="S", schema=schema, backend="polars"))

    for base, head in (((VALUE,), (VALUE, "b")), ((), (VALUE,)), ((VALUE,), ())):
        told = compare(described(*base), described(*head), ["ssn"])

        assert len(told) == 1
        assert VALUE not in str(told)
        assert VALUE in str(compare(described(*base), described(*head), []))


# --- files that a database should not reach -----------------------------------------------------


def test_a_view_does_not_read_other_files(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("hunter2")
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        connection.execute(f"CREATE VIEW t AS FROM read_text('{tmp_path}/credentials')")
    with pytest.raises(OutsideError, match="disabled by configuration"):
        open_table(f"duckdb://{tmp_path / 'x.duckdb'}", "t", shown="t")


def test_a_file_that_unpacks_to_more_than_the_disk_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 1_000_000))
    monkeypatch.setattr(packed, "_CHUNK", 1 << 10)
    monkeypatch.setattr(packed, "SPARED", 1 << 62)
    with pytest.raises(OutsideError, match="There is no space to unpack t"):
        packed.unpacked(tmp_path / "t.csv.gz", ".gz", tmp_path / "t.csv", shown="t")

    assert (tmp_path / "t.csv").stat().st_size < 100_000


@pytest.mark.parametrize(("given", "used"), [(None, "60"), ("5", "5")])
def test_a_server_that_never_answers(
    monkeypatch: pytest.MonkeyPatch, given: str | None, used: str
) -> None:
    monkeypatch.setattr(os, "environ", {} if given is None else {"PGCONNECT_TIMEOUT": given})

    def answer(_: str) -> None:
        raise TimeoutError(f"after {os.environ['PGCONNECT_TIMEOUT']} s")  # as libpq reads it

    monkeypatch.setattr(ibis, "connect", answer)
    with pytest.raises(OutsideError, match=f"cannot be connected to: TimeoutError: after {used} s"):
        open_table("postgres://me:hunter2@host/db", "t", shown="t")


# --- sources that are made to be slow -----------------------------------------------------------


@pytest.mark.parametrize("template", ["S = f({})", "class S({}):\n    pass"])
def test_names_nested_deeply(template: str) -> None:
    source = template.format("a" + ".a" * 2000).encode()
    places = promises.lines_of("schema.py:S", {"schema.py": source}.get)

    assert places("x", "isin(['a'])") == ("schema.py", 1)


def test_many_imports_and_many_names() -> None:
    imports = "".join(f"from m import x{n}\n" for n in range(10_000))
    source = f"{imports}S = f({', '.join(f'y{n}' for n in range(500))})\n".encode()
    begun = time.process_time()
    found = promises.lines_of("schema.py:S", {"schema.py": source}.get)("x", "isin(['a'])")

    assert found == ("schema.py", 10_001)
    assert time.process_time() - begun < 2  # 4 s where each name is looked for in all lines
