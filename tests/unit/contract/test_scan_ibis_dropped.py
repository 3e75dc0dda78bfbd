"""Ibis schemas that drop the rows that fail: nothing of single rows is a failure."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from assay.contract import check, scan, sources
from assay.contract.schema import LoadedSchema
from assay.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pandera.ibis")

# Ibis calls what new versions of DuckDB deprecate.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

MANY = pa.Check(lambda data: data.table.n.mean() > 5, name="mean")
RANKED = pa.Check(lambda data: data.table.select(data.table.n >= data.table.n.min()))
PARSED = pa.Check(lambda data: data.table[data.key].cast("int64") > 1, name="parsed")


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Any]:
    path = tmp_path / "data.parquet"
    pl.DataFrame({"n": [1, 2, None, 2], "s": ["x", None, "y", "x"]}).write_parquet(path)
    with closing(sources.open_source(path, shown="data.parquet", private=False)) as opened:
        yield opened


def _asked(source: Any, schema: Any, root: Path) -> tuple[Any, Any]:
    """What the scan says, and Pandera: findings, or the error."""
    loaded = LoadedSchema("Schema", schema, "ibis")
    table = source.layout("ibis", has_index=False).table
    answers: list[Any] = []
    for ask in (
        lambda: scan.findings(source, loaded, root=root, sensitive=()),
        lambda: check.check(table, loaded, root=root, sensitive=()),
    ):
        try:
            answers.append(ask())
        except SchemaError as error:
            answers.append(error)
    return answers[0], answers[1]


PASSES = {
    "nulls": ({"n": pa.Column(int)}, {}),
    "checks of rows": ({"n": pa.Column(int, [pa.Check.gt(1), pa.Check.isin([7])])}, {}),
    "a check of which null is all": ({"n": pa.Column(None, pa.Check.gt(9, ignore_na=False))}, {}),
    "a check of the table": ({}, {"checks": [pa.Check(lambda data: data.table.n > 1)]}),
    "a check of all that holds": ({"n": pa.Column(None, RANKED)}, {}),
    "columns that are left out": ({"n": pa.Column(int)}, {"strict": "filter"}),
}
RAISES = {
    "one answer for all": ({"n": pa.Column(None, MANY)}, {}),
    "a dtype": ({"n": pa.Column(str)}, {}),
    "a column that is not there": ({"gone": pa.Column()}, {}),
    "a column too many": ({"n": pa.Column()}, {"strict": True}),
    "rows that are not unique": ({"n": pa.Column(nullable=True)}, {"unique": ["n"]}),
    "a query that fails": ({"s": pa.Column(None, PARSED, nullable=True)}, {}),
}


@pytest.mark.parametrize(("columns", "options"), PASSES.values(), ids=PASSES)
def test_rows_that_are_dropped(
    tmp_path: Path, source: Any, columns: dict[str, Any], options: dict[str, Any]
) -> None:
    schema = pa.DataFrameSchema(columns, drop_invalid_rows=True, **options)
    ours, theirs = _asked(source, schema, tmp_path)
    assert ours.failures == theirs.failures == ()
    assert ours.rows == 4
    assert "schema" not in {planned.check for planned in ours.plan}


@pytest.mark.parametrize(("columns", "options"), RAISES.values(), ids=RAISES)
def test_what_cannot_be_dropped(
    tmp_path: Path, source: Any, columns: dict[str, Any], options: dict[str, Any]
) -> None:
    schema = pa.DataFrameSchema(columns, drop_invalid_rows=True, **options)
    ours, theirs = _asked(source, schema, tmp_path)
    for answer in (ours, theirs):
        assert isinstance(answer, SchemaError)
        assert answer.exit_code == 2
        assert "cannot be applied" in answer.message


def test_uniqueness_that_holds(tmp_path: Path, source: Any) -> None:
    schema = pa.DataFrameSchema({"s": pa.Column()}, unique=["n", "s"], drop_invalid_rows=True)
    ours, theirs = _asked(source, schema, tmp_path)
    assert ours.failures == theirs.failures == ()
    assert [planned.how for planned in ours.plan] == ["table"]


def test_a_table_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pl.DataFrame({"n": pl.Series([], dtype=pl.Int64)}).write_parquet(path)
    schema = pa.DataFrameSchema({"n": pa.Column(str)}, drop_invalid_rows=True)
    with closing(sources.open_source(path, shown="data.parquet", private=False)) as opened:
        ours, theirs = _asked(opened, schema, tmp_path)
    assert ours.failures == theirs.failures
    assert [failure.check for failure in ours.failures] == ["not_empty"]
