"""Counting and uniqueness in DuckDB's own words: the answers of plain Python."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import duckdb
import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from assay.contract.scan import engines
from assay.contract.sources.base import Known
from hypothesis import example, given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def connection():
    return duckdb.connect()


def table_of(connection, values, type_):
    return stored(connection, pa.table({"a": pa.array(values, type_)}))


def stored(connection, arrow):
    connection.register("arrow", arrow)
    connection.execute("CREATE OR REPLACE TABLE made AS SELECT * FROM arrow")
    return ibis.duckdb.from_connection(connection).table("made")


def differ(table, *names, wrap=lambda column: column):
    return engines.all_differ(table, {name: wrap(table[name]) for name in names}, private=False)


INTEGERS = st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(-9, 9)))


@settings(max_examples=30)
@given(values=INTEGERS)
@example(values=[None])
@example(values=[None, None])
@example(values=[-(2**63), 2**63 - 1])
@example(values=[])
def test_numbers_differ_as_in_a_set(connection, values):
    assert differ(table_of(connection, values, pa.int64()), "a") == (
        len(set(values)) == len(values)
    )


@pytest.mark.parametrize("type_", [pa.int8(), pa.uint8(), pa.int16(), pa.uint32(), pa.uint64()])
def test_numbers_of_every_width(connection, type_):
    least = -100 if str(type_).startswith("int") else 0
    values = [*range(least, 100), 120]
    assert differ(table_of(connection, values, type_), "a")
    assert not differ(table_of(connection, [*values, 3], type_), "a")


def test_a_range_too_wide_for_bits_goes_by_hashes(connection, monkeypatch):
    dense, wide = [5, 6, 7], [5, 6, 10**9]
    asked = []
    by_hashes = engines._by_hashes
    monkeypatch.setattr(
        engines, "_by_hashes", lambda *args, **kwargs: asked.append(1) or by_hashes(*args, **kwargs)
    )
    assert differ(table_of(connection, dense, pa.int64()), "a")
    assert not asked
    assert differ(table_of(connection, wide, pa.int64()), "a")
    assert asked
    assert not differ(table_of(connection, [*wide, 5], pa.int64()), "a")


@pytest.mark.parametrize(
    ("type_", "values", "same"),
    [
        (pa.string(), ["a", "A", "", " ", "ä"], "a"),
        (pa.float64(), [0.5, float("inf"), float("nan"), 0.0], -0.0),
        (pa.float64(), [0.5, float("nan")], float("nan")),
        (pa.bool_(), [True, False], True),
        (pa.date32(), [dt.date(2020, 1, 1), dt.date(2020, 1, 2)], dt.date(2020, 1, 1)),
        (pa.timestamp("us", "UTC"), [dt.datetime(2020, 1, 1)], dt.datetime(2020, 1, 1)),  # noqa: DTZ001 (Arrow gives the zone)
        (pa.decimal128(9, 2), [Decimal("1.00"), Decimal("1.01")], Decimal("1.0")),
        (pa.string(), ["a", None], None),
    ],
)
def test_values_of_any_type(connection, type_, values, same):
    assert differ(table_of(connection, values, type_), "a")
    assert not differ(table_of(connection, [*values, same], type_), "a")


def test_several_columns_differ_together(connection):
    arrow = pa.table({"a": [1, 1, 2, None], "b": ["x", "y", "x", None]})
    table = stored(connection, arrow)
    assert differ(table, "a", "b")
    assert not differ(table, "b", wrap=lambda column: column.length())
    arrow = pa.concat_tables([arrow, arrow.slice(3)])
    assert not differ(stored(connection, arrow), "a", "b")


def test_a_collision_of_hashes_is_not_certain(connection, monkeypatch):
    monkeypatch.setattr(engines, "_hash", lambda type_: lambda value: value.length())
    assert not differ(table_of(connection, ["ab", "cd"], pa.string()), "a")


@settings(max_examples=15)
@given(values=st.lists(st.one_of(st.none(), st.integers(-9, 9))))
def test_count_leaves_null_out(connection, values):
    table = table_of(connection, values, pa.int64())
    counted = table.aggregate(n=engines.count(table, table.a > 0)).to_pyarrow()["n"][0].as_py()
    assert (counted or 0) == sum(value is not None and value > 0 for value in values)


@pytest.mark.parametrize("type_", [pa.string(), pa.dictionary(pa.int32(), pa.string())])
def test_texts_that_are_listed_or_found(connection, tmp_path, type_):
    path = tmp_path / "texts.parquet"
    values = ["a", "it's", "", None, "ä\n", "b"] * 3
    pq.write_table(pa.table({"a": pa.array(values, type_)}), path)
    column = ibis.duckdb.from_connection(connection).read_parquet(path).a
    many = ["it's", "ä\n", "a", *map(str, range(997))]
    assert answers(engines.listed(column, many)) == [value in many for value in values]
    for pattern, takes_text in (("^(?:a|b)", True), ("[^a]", True), ("^a*", False)):
        found = engines.found(column, pattern, takes_text=takes_text)
        assert answers(found) == [
            None if value is None else re.search(pattern, value) is not None for value in values
        ]


def answers(column):
    return column.to_pyarrow().to_pylist()


def test_what_is_known_is_not_asked(connection, monkeypatch):
    table = table_of(connection, [4, 9, 6], pa.int64())
    asked = []
    fetch = engines.fetch
    monkeypatch.setattr(
        engines,
        "fetch",
        lambda query, private: asked.append(query) or fetch(query, private=private),
    )

    def known(nulls, least=4):
        asked.clear()
        differ = engines.all_differ(
            table, {"a": table.a}, private=False, known=Known(least, 9, nulls)
        )
        return differ, list(asked[0].columns)

    assert known(0) == (True, ["rows"])
    assert known(None) == known(0, least=None) == (True, ["rows", "least", "most", "nulls"])


def test_another_engine_is_asked_in_its_own_sql(monkeypatch):
    class Elsewhere:
        name = "postgres"

    class Table:
        def get_backend(self):
            return Elsewhere()

    condition = ibis.table({"a": "boolean"}, name="t").a
    assert engines.count(Table(), condition).equals(condition.sum())
    assert engines.all_differ(Table(), {"a": condition}, private=False) is False
    text = ibis.table({"a": "string"}, name="t").a
    monkeypatch.setattr(engines, "is_duckdb", lambda _: False)
    assert "IN" in ibis.to_sql(engines.listed(text, ["a"]), dialect="postgres")
    assert engines.found(text, "a", takes_text=True).equals(text.re_search("a"))
