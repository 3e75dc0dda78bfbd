"""Regular expressions in a scan, held against Pandera's own answers on the same texts."""

from __future__ import annotations

import warnings

import duckdb
import ibis
import pandas as pd
import pyarrow as pa
import pytest
from assay.contract.scan import builtin, pandasregex
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pandera.errors import SchemaErrors
from pandera.pandas import Check, Column, DataFrameSchema

PARTS = ["a", "b", "^", "$", ".", "[a-c]", "[^a]", r"\d", "a{2}", "b*", "(?:a|b)", "|", "-", r"\."]
TEXTS = ["", "a", "b", "ab", "aa", "ba", "a\n", "\n", "a\nb", "-", ".", "7", "٣", "ä", "A", "c\n\n"]


@pytest.fixture(scope="module")
def table():
    connection = duckdb.connect()
    connection.register("texts", pa.table({"a": TEXTS}))
    return ibis.duckdb.from_connection(connection).table("texts")


@settings(max_examples=60)
@given(
    pattern=st.lists(st.sampled_from(PARTS), min_size=1, max_size=4).map("".join),
    method=st.sampled_from(["str_matches", "str_contains"]),
)
@example(pattern="^a|b$", method="str_matches")
@example(pattern="a|b$", method="str_contains")
@example(pattern="a$", method="str_matches")
@example(pattern="^(?:^a|b)", method="str_matches")
def test_the_same_rows_fail(table, pattern, method):
    portable = pandasregex.portable(pattern)
    if portable in {None, "", "^"}:  # no part of a scan
        return
    check = getattr(Check, method)(pattern)
    failing = builtin.fails(method, {"pattern": pattern}, "text")(table.a)
    ours = table.filter(failing).to_pyarrow()["a"].to_pylist()
    assert sorted(ours) == sorted(by_pandera(check))


def by_pandera(check):
    schema = DataFrameSchema({"a": Column(str, check)})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # match groups
            schema.validate(pd.DataFrame({"a": TEXTS}), lazy=True)
    except SchemaErrors as errors:
        return list(errors.failure_cases["failure_case"])
    return []


@pytest.mark.parametrize("pattern", ["shop-[0-9]{4}", "^SKU-", "[A-Z]+", "a.b", "x*"])
def test_common_ones_are_compiled(pattern):
    assert pandasregex.portable(pattern) is not None


@pytest.mark.parametrize("pattern", [r"\w+", "(?i)a", r"a\b", "(", 7, None])
def test_others_are_left_to_pandera(pattern):
    assert pandasregex.portable(pattern) is None


def test_where_pandas_asks_another_engine_doubtful_ones_are_left_to_it(monkeypatch):
    monkeypatch.setattr(pandasregex, "_is_python", lambda: False)
    assert pandasregex.portable("a$") is None
    assert pandasregex.portable("ab") is not None
