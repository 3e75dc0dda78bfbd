"""Tables in databases as sources, with Ibis' own frames as the oracle."""

from __future__ import annotations

import builtins
import sqlite3
from typing import TYPE_CHECKING, Any

import duckdb
import ibis
import pandas as pd
import polars as pl
import pytest
from assay.contract.sources import open_table
from assay.errors import AssayError, DataError, OutsideError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = [
    pytest.mark.filterwarnings("ignore:The 'future.infer_string' option"),  # Ibis, of pandas
    pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning"),  # Ibis, of SQLite
]

PASSWORD = "hunter2%40x"
SECRET = "hunter2"


@pytest.fixture
def urls(tmp_path: Path) -> Mapping[str, str]:
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        connection.execute("CREATE SCHEMA s")
        for name in ("orders", "s.orders"):
            connection.execute(
                f"CREATE TABLE {name} AS SELECT * FROM (VALUES (1, 1.5::DOUBLE, 'a', true),"
                " (2, 'nan'::DOUBLE, NULL, NULL), (NULL, NULL, 'c', false))"
                " t(id, price, name, paid)"
            )
    with sqlite3.connect(tmp_path / "x.db") as file:
        file.execute("CREATE TABLE orders (id INTEGER, price REAL, name TEXT)")
        file.executemany("INSERT INTO orders VALUES (?, ?, ?)", [(1, 1.5, "a"), (None, None, "b")])
    file.close()
    return {
        "duckdb": f"duckdb://{tmp_path / 'x.duckdb'}",
        "sqlite": f"sqlite://{tmp_path / 'x.db'}",
    }


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_a_table_is_what_ibis_makes_of_it(urls: Mapping[str, str], kind: str) -> None:
    source = open_table(urls[kind], "orders", shown="orders")
    plain = source.layout("ibis", has_index=False).table
    as_pandas, as_polars = plain.to_pandas(), plain.to_polars()

    layout = source.layout("pandas", has_index=False)
    pd.testing.assert_frame_equal(layout.empty, as_pandas.iloc[:0])
    pd.testing.assert_frame_equal(next(iter(source.frames(layout))), as_pandas)
    pd.testing.assert_frame_equal(pd.concat(source.frames(layout, rows=1)), as_pandas)
    missing = layout.table.price.isnull().sum().to_pyarrow().as_py()
    assert missing == as_pandas["price"].isna().sum()
    assert layout.table.id.type().is_floating()

    layout = source.layout("polars", has_index=False)
    assert layout.empty.schema == as_polars.schema
    assert pl.concat(source.frames(layout, rows=1)).equals(as_polars)
    assert next(iter(source.frames(layout, ["name"]))).columns == ["name"]
    assert source.bytes > 0
    source.check_unchanged()
    source.close()


def test_a_table_in_a_schema(urls: Mapping[str, str]) -> None:
    source = open_table(urls["duckdb"], "s.orders", shown="orders")

    assert source.layout("ibis", has_index=False).table.count().to_pyarrow().as_py() == 3
    source.close()


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_a_table_that_is_not_there(urls: Mapping[str, str], kind: str) -> None:
    with pytest.raises(DataError) as caught:
        open_table(urls[kind], "order", shown="orders")

    assert caught.value.message == "orders: the database has no table `order`."
    assert caught.value.hint == "Did you mean `orders`? Tables in it: `orders`."


def test_a_database_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match="orders cannot be read: the database's file does not exist"
    ):
        open_table(f"sqlite://{tmp_path / 'new.db'}", "orders", shown="orders")

    assert not (tmp_path / "new.db").exists()


def test_a_database_that_changes_while_it_is_read(urls: Mapping[str, str], tmp_path: Path) -> None:
    source = open_table(urls["sqlite"], "orders", shown="orders")
    with sqlite3.connect(tmp_path / "x.db") as file:
        file.execute("CREATE TABLE more AS SELECT * FROM orders")
    file.close()

    with pytest.raises(DataError, match="orders was changed while it was validated"):
        source.check_unchanged()
    source.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"mysql://me:{PASSWORD}@host/x", "starts with `mysql://`, which is not supported"),
        (f"me:{PASSWORD}", "has no scheme, which is not supported"),
        ("", "has no scheme, which is not supported"),
        (f"http://[{PASSWORD}", "has no scheme, which is not supported"),
    ],
)
def test_a_url_that_cannot_be_used(url: str, said: str) -> None:
    with pytest.raises(DataError) as caught:
        open_table(url, "orders", shown="orders")

    assert said in caught.value.message.replace("starts with `://`", "has no scheme")
    assert "postgres://" in (caught.value.hint or "")
    assert SECRET not in _everything(caught.value)


def _everything(error: AssayError) -> str:
    chain: list[BaseException | None] = [error, error.__cause__]
    return f"{error!r}{error.message}{error.hint}{[repr(each) for each in chain]}"


@pytest.mark.parametrize(
    ("scheme", "package", "extra"),
    [
        ("postgres", "psycopg", "postgres"),
        ("snowflake", "snowflake", "snowflake"),
        ("bigquery", "google", "bigquery"),
        ("trino", "trino", "trino"),
    ],
)
def test_a_driver_that_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, scheme: str, package: str, extra: str
) -> None:
    original = builtins.__import__

    def imported(name: str, *rest: Any, **options: Any) -> Any:
        if name.partition(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
        return original(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", imported)
    monkeypatch.delitem(__import__("sys").modules, f"ibis.backends.{scheme}", raising=False)
    with pytest.raises(OutsideError) as caught:
        open_table(f"{scheme}://me:{PASSWORD}@host/x/y", "orders", shown="orders")

    assert caught.value.exit_code == 3
    assert caught.value.message == f"orders cannot be read: {package} is not installed."
    assert f"ibis-framework[{extra}]" in (caught.value.hint or "")
    assert SECRET not in _everything(caught.value)


def test_a_driver_that_quotes_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"postgres://me:{PASSWORD}@host/x?sslkey={SECRET}abc"

    def refuse(_: str) -> None:
        raise RuntimeError(f"no route to {url}, user 'me', password 'hunter2@x', {SECRET}abc")

    monkeypatch.setattr(ibis, "connect", refuse)
    with pytest.raises(OutsideError) as caught:
        open_table(url, "orders", shown="orders")

    assert caught.value.exit_code == 3
    assert caught.value.message.startswith("orders cannot be connected to: RuntimeError: no route")
    assert SECRET not in _everything(caught.value)


def test_nothing_shows_the_url(urls: Mapping[str, str]) -> None:
    source = open_table(urls["duckdb"], "orders", shown="orders")

    assert "x.duckdb" not in repr(source)
    source.close()
