"""Rows that are dropped, and columns that are left out: no failures, and no reason to load all."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa
import pandera.polars as pp
import polars as pl
import pytest
from assay.contract import scan
from assay.errors import SchemaError
from pandera.pandas import Check, Column

from tests.differential import run
from tests.unit.contract.scans import FrameSource, asked, hows, loaded, scanned

DATA = {"a": [1, 2, 3, 3], "b": ["x", None, "y", "z"], "z": [0.5, 1.5, 2.5, 3.5]}
EARLY = Check.lt(3)


def frame():
    return pd.DataFrame(DATA)


def told(found):
    return [(one.check, one.column, one.count) for one in found.failures]


PASSING = {
    "rows": {"a": Column(int, EARLY), "b": Column(str)},
    "repeated": {"a": Column(int, unique=True)},
    "each value": {"a": Column(int, Check(lambda x: x < 3, element_wise=True))},
    "all values": {"a": Column(int, Check(lambda s: s < 3))},
    "values turned": {"a": Column("int8", EARLY, coerce=True)},
}
FAILING = {
    "a column is gone": {"gone": Column(int), "a": Column(int, EARLY)},
    "a check raises": {"a": Column(int, [EARLY, Check(lambda _: 1 / 0)])},
}
REFUSED = {
    "one answer": {"a": Column(int, [EARLY, Check(lambda s: s.sum() < 3)])},
    "the set of values": {"a": Column(int, Check.unique_values_eq({1, 2}))},
}


@pytest.mark.parametrize("name", PASSING)
def test_rows_that_fail_are_dropped(name):
    schema = pa.DataFrameSchema(PASSING[name], drop_invalid_rows=True)
    found = scanned(schema, frame())
    assert told(found) == told(asked(schema, frame())) == []
    assert "table" not in hows(found).values()
    assert all(planned.why for planned in found.plan)


@pytest.mark.parametrize("name", FAILING)
def test_what_is_not_about_rows_fails_with_all_that_fails(name):
    schema = pa.DataFrameSchema(FAILING[name], drop_invalid_rows=True)
    found = scanned(schema, frame())
    assert told(found) == told(asked(schema, frame()))
    assert len(found.failures) == 2


@pytest.mark.parametrize("name", REFUSED)
def test_one_answer_for_all_rows_drops_none(name):
    schema = pa.DataFrameSchema(REFUSED[name], drop_invalid_rows=True)
    for ask in (asked, scanned):
        with pytest.raises(SchemaError, match="has one answer for all rows") as raised:
            ask(schema, frame())
        assert raised.value.hint == "Let the check tell of each row whether it holds."
        assert raised.value.exit_code == 2


def test_one_answer_of_a_column_that_drops_rows():
    many = Check(lambda s: s.sum() < 3, error="few")
    schema = pa.DataFrameSchema({"a": Column(int, many, drop_invalid_rows=True)})
    for ask in (asked, scanned):
        with pytest.raises(SchemaError, match="`few` has one answer for all rows"):
            ask(schema, frame())


def test_a_check_that_drops_no_rows_is_named_without_its_values():
    check = Check.unique_values_eq({1, 987654})
    schema = pa.DataFrameSchema({"a": Column(int, check)}, drop_invalid_rows=True)
    for ask in (asked, scanned):
        with pytest.raises(SchemaError, match="`unique_values_eq` has one answer"):
            ask(schema, frame(), sensitive=("a",))


def test_dropped_rows_are_not_loaded():
    schema = pa.DataFrameSchema({"a": Column(int, EARLY, unique=True)}, drop_invalid_rows=True)
    source = FrameSource(frame())
    assert not scan.findings(source, loaded(schema), root=None, sensitive=()).failures
    assert source.loaded == []


def test_a_table_that_holds_what_is_promised():
    schema = pa.DataFrameSchema({"a": Column(int, Check.unique_values_eq({1, 2, 3}))})
    schema.drop_invalid_rows = True
    assert told(scanned(schema, frame())) == []


def test_rows_under_several_labels_are_dropped_by_pandera():
    schema = pa.DataFrameSchema({"a": Column(int, EARLY)}, drop_invalid_rows=True)
    index = pd.MultiIndex.from_arrays([[1, 1, 2, 2], [1, 2, 1, 2]])
    found = scanned(schema, frame().set_axis(index))
    assert told(found) == told(asked(schema, frame().set_axis(index)))
    assert set(hows(found).values()) == {"table"}


@pytest.mark.parametrize(
    ("how", "checks"),
    [
        ("scan", [EARLY]),
        ("scan", [Check.lt(3, raise_warning=True)]),
        ("column", [Check(lambda s: s < 3)]),
    ],
)
def test_a_column_that_drops_rows(how, checks):
    schema = pa.DataFrameSchema({"a": Column(int, checks, drop_invalid_rows=True)})
    found, theirs = scanned(schema, frame()), asked(schema, frame())
    assert told(found) == told(theirs) == []
    assert sorted(found.warnings) == sorted(theirs.warnings)
    assert hows(found)[found.plan[-1].check] == how
    assert found.plan[-1].why == "rows that fail are dropped"


FILTERED = {
    "checks of the table": {"checks": Check(lambda df: df.shape[1] == 2)},
    "the columns left": {"checks": Check(lambda df: "z" not in df)},
    "in order": {"ordered": True, "checks": Check(lambda df: df.shape[1] == 2)},
    "unique": {"unique": ["z", "a"]},
}


@pytest.mark.parametrize("name", FILTERED)
@pytest.mark.parametrize("columns", [("a", "b"), ("b", "a")], ids=["", "another order"])
def test_columns_that_are_left_out(name, columns):
    promised = {column: Column(nullable=True) for column in columns}
    schema = pa.DataFrameSchema(promised, strict="filter", **FILTERED[name])
    found = scanned(schema, frame())
    assert told(found) == told(asked(schema, frame()))
    assert hows(found)["strict='filter'"] == "scan"


def test_polars_without_any_column_left(tmp_path):
    path = tmp_path / "data.parquet"
    pl.DataFrame(DATA).write_parquet(path)
    many = pp.Check(lambda d: d.lazyframe.select(pl.len() > 3))
    verdict = run.compare(path, pp.DataFrameSchema({}, checks=many, strict="filter"), "polars")
    assert not verdict.problems
    assert set(verdict.how) == {"table"}


def test_a_type_for_all_columns_of_which_none_is_left():
    schema = pa.DataFrameSchema({}, dtype="int64", strict="filter")
    assert told(scanned(schema, frame())) == told(asked(schema, frame())) == []


POLARS = {
    "rows": {"a": pp.Column(pl.Int64, pp.Check.lt(3)), "b": pp.Column(str)},
    "a type": {"a": pp.Column(str), "b": pp.Column(str)},
    "the set of values": {"a": pp.Column(pl.Int64, pp.Check.unique_values_eq([7]))},
    "one answer": {"a": pp.Column(pl.Int64, pp.Check(lambda d: d.lazyframe.select(pl.len() > 9)))},
    "another order": {"b": pp.Column(str, nullable=True), "a": pp.Column(pl.Int64)},
    "the table": {
        "a": pp.Column(
            pl.Int64, pp.Check(lambda d: d.lazyframe.select(pl.all_horizontal(pl.all() != 2.5)))
        )
    },
}


@pytest.mark.parametrize("name", POLARS)
@pytest.mark.parametrize(
    "options",
    [
        {"drop_invalid_rows": True},
        {"strict": "filter"},
        {"strict": "filter", "ordered": True, "drop_invalid_rows": True},
    ],
    ids=["dropped", "filtered", "both"],
)
def test_polars(tmp_path, name, options):
    path = tmp_path / "data.parquet"
    pl.DataFrame(DATA).write_parquet(path)
    schema = pp.DataFrameSchema(POLARS[name], **options)
    verdict = run.compare(path, schema, "polars")
    assert not verdict.problems
    if name == "rows":
        assert set(verdict.how) == {"scan"}
