"""Columns that pandas turns into another type: one query where their values are plain."""

from __future__ import annotations

import datetime as dt
import warnings
from decimal import Decimal

import ibis
import pandas as pd
import pandera.pandas as pa
import pytest
from assay.contract import scan
from assay.contract.scan import memory
from assay.contract.scan import pandas as plans
from assay.contract.scan import values as values_of_a_scan
from assay.contract.sources.base import Layout
from assay.errors import SchemaError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.contract.scans import ROOT, FrameSource, agree, hows, loaded, scanned
from tests.unit.contract.scans import asked as by_pandera

Check = pa.Check
DAY = pd.Timestamp("2024-01-02")
ZONED = pd.Timestamp("2024-01-02", tz="UTC")


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(memory, "MOST_ROWS", 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas guesses forms of dates, and numbers overflow
        yield


def turned(dtype, *checks, **options):
    return pa.DataFrameSchema({"a": pa.Column(dtype, list(checks), coerce=True, **options)})


def asked(dtype, values, schema):
    """How promises are looked at, of a column that Pandera and the scan say the same of."""
    return agree(schema, {"a": pd.Series(values, dtype=dtype)})


PLAIN = {
    "text to whole": (str, ["1", "-7", "007"], turned("int64", Check.ge(2), unique=True)),
    "objects to whole": (object, ["1", "-7", "3"], turned("int8", Check.ge(2))),
    "text to nullable": (str, ["1", None, "3"], turned("Int64", Check.isin([1]))),
    "text to real": (str, ["1.5", None, "-0.25"], turned(float, Check.gt(0), nullable=True)),
    "text to day": (
        str,
        ["2024-01-01", None, "2024-02-29"],
        turned("datetime64[ns]", Check.ge(DAY)),
    ),
    "text to time": (
        str,
        ["2024-01-01T10:00:00", "2024-01-01T23:59:59"],
        turned(pd.Timestamp, Check.ge(DAY)),
    ),
    "text to categories": (
        str,
        ["x", "y", None],
        turned(pd.CategoricalDtype(["x", "y"]), Check.eq("x")),
    ),
    "a default, then": ("string", ["1", None], turned("int64", Check.ge(2), default="1")),
    "a default among nullable numbers": (
        "Int8",
        [1, None],
        turned("int64", Check.ge(2), default=1),
    ),
    "a default among truths": (
        "boolean",
        [True, None],
        turned(bool, Check.eq(True), default=False),
    ),
    "a default among categories": (
        "category",
        ["x", "y", None],
        turned(pd.CategoricalDtype(["x", "y"]), Check.eq("y"), default="x"),
    ),
    "real to whole": (float, [1.5, -1.5, -0.5], turned("int64", Check.isin([1, 0]))),
    "real to nullable": (float, [1.0, None], turned("Int8", Check.lt(1))),
    "real to small": (float, [0.1, 2.5, None], turned("float32", Check.le(0.1))),
    "whole to narrow": ("int64", [1, 127], turned("int8", Check.lt(100))),
    "nullable to whole": ("Int64", [1, 2], turned("int64", Check.lt(2))),
    "nullable to real": ("Int64", [1, None], turned("float64", Check.lt(1))),
    "whole to truth": ("int64", [0, 3], turned(bool, Check.eq(True))),
    "whole to nullable truth": ("int64", [0, 1], turned("boolean", Check.eq(True))),
    "truth to whole": (bool, [True, False], turned("int64", Check.eq(1))),
    "whole to text": ("int64", [7, 40], turned(pd.StringDtype(), Check.str_length(2, 2))),
    "fine to nanoseconds": (
        "datetime64[us]",
        ["2024-01-01", None],
        turned("datetime64[ns]", Check.ge(DAY)),
    ),
    "another zone": (
        "datetime64[us, UTC]",
        ["2024-01-01", None],
        turned("datetime64[ns, Asia/Tokyo]", Check.ge(ZONED)),
    ),
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_values_are_turned_in_the_scan(name):
    dtype, values, schema = PLAIN[name]
    found = asked(dtype, values, schema)
    assert any(one.share for one in found.failures)
    assert set(hows(found).values()) == {"scan"}


def test_plain_values_are_not_loaded():
    dtype, values, schema = PLAIN["text to whole"]
    source = FrameSource(pd.DataFrame({"a": pd.Series(values, dtype=dtype)}))
    scan.findings(source, loaded(schema), root=ROOT, sensitive=())
    assert source.loaded == []


ODD = {
    "spaces": (str, [" 1", "2", "+3"], turned("int64", Check.ge(3)), "batches"),
    "not a number": (str, ["1", "x", "3", "y"], turned("int64", Check.ge(3)), "batches"),
    "missing": (str, ["1", "2", "3", None], turned("int64"), "batches"),
    "too large": (str, ["300", "2"], turned("int8", Check.ge(3)), "batches"),
    "no category": (str, ["x", "y", "z"], turned(pd.CategoricalDtype(["x"])), "batches"),
    "infinite": (float, [1.0, float("inf"), 2.0], turned("int64", Check.ge(2)), "batches"),
    "a fraction": (float, [1.0, 2.0, 2.5], turned("Int64"), "batches"),
    "wraps": ("int64", [1, 2, 300], turned("int8", Check.ge(2)), "batches"),
    "real to text": (float, [1.0, 2.5], turned(pd.StringDtype(), Check.eq("2.5")), "batches"),
    "bad days": (str, ["2024-01-01", "2024-02-30"], turned("datetime64[ns]"), "batches"),
    "two forms": (str, ["2024-01-01", "2024-01-01 10:00"], turned("datetime64[ns]"), "batches"),
    "one odd form": (
        str,
        ["1 May 2024", "2 May 2024"],
        turned("datetime64[ns]", Check.ge(DAY)),
        "column",
    ),
    "whole, unique": (str, [" 1", "1"], turned("int64", unique=True), "column"),
}


@pytest.mark.parametrize("name", ODD)
def test_pandera_turns_the_rest(name):
    dtype, values, schema, how = ODD[name]
    assert how in {*hows(asked(dtype, values, schema)).values(), "batches"}


def test_what_is_turned_by_value_never_stands_in_memory_at_once():
    frame = pd.DataFrame({"a": pd.Series(["1", "2", "3", "x", "5"], dtype=str)})
    source = FrameSource(frame)
    found = scan.findings(source, loaded(turned("int64", Check.ge(3))), root=ROOT, sensitive=())
    assert found.failures[0].check == "coerce_dtype('int64')"
    assert found.positions[0] == (3,)
    assert {rows for _, rows in source.loaded} == {2}


def test_values_that_cannot_be_turned_stay_hidden():
    frame = {"a": pd.Series(["1", "secret"], dtype=str)}
    assert "secret" not in repr(agree(turned("int64"), frame, sensitive=("a",)))


def test_one_of_two_columns_that_are_turned_cannot_be():
    schema = pa.DataFrameSchema(
        {
            "a": pa.Column(int, Check.ge(2)),
            "b": pa.Column(int, Check.ge(2)),
        },
        coerce=True,
        unique=["a", "b"],
    )
    found = agree(schema, pd.DataFrame({"a": ["1", "1", "1"], "b": ["1", "x", "1"]}, dtype=str))
    assert found.failures[0].column == "b"


KINDS = {
    "categories": (
        "category",
        ["x", "y", None],
        [Check.isin(["x"]), Check.ne("y"), Check.str_matches("x"), Check.eq("no such")],
    ),
    "zones": ("datetime64[us, Europe/Berlin]", [DAY, None], [Check.gt(ZONED), Check.ne(ZONED)]),
    "days": (object, [dt.date(2024, 1, 1), None], [Check.gt(dt.date(2024, 1, 1))]),
    "decimals": (
        object,
        [Decimal("1.50"), Decimal("-2.25"), None],
        [Check.gt(1), Check.isin([Decimal("1.5")]), Check.le(Decimal("1.499")), Check.notin([1])],
    ),
    "nullable reals": ("Float64", [1.5, -0.0, None], [Check.ge(0.1), Check.isin([0, 1])]),
    "nullable small reals": ("Float32", [0.1, None], [Check.gt(0.1), Check.isin([0.1])]),
}


@pytest.mark.parametrize("name", KINDS)
def test_types_beside_numbers_and_text_are_scanned(name):
    dtype, values, checks = KINDS[name]
    columns = {"a": pa.Column(None, checks, nullable=True, unique=True)}
    found = asked(dtype, values, pa.DataFrameSchema(columns, unique=["a"]))
    assert found.failures
    if name.startswith("nullable") and not values_of_a_scan._nan_is_missing():
        pytest.skip("older versions of pandas tell NaN from missing, and no table does")
    assert set(hows(found).values()) == {"scan"}


LEFT = {
    "an order of categories": (
        pd.CategoricalDtype(["x", "y"], ordered=True),
        ["x", "y"],
        Check.ge("y"),
    ),
    "a time without a zone": ("datetime64[us, UTC]", [DAY], Check.ge(DAY)),
    "days and times": (object, [dt.date(2024, 1, 1)], Check.ge(DAY)),
    "decimals and floats": (object, [Decimal("1.50")], Check.ge(1.6)),
    "decimals of many digits": (object, [Decimal("1.5")], Check.ge(Decimal("1e-30"))),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_compares_otherwise_is_left_to_pandera(name):
    dtype, values, check = LEFT[name]
    found = asked(dtype, values, pa.DataFrameSchema({"a": pa.Column(None, check)}))
    assert hows(found)[str(found.plan[-1].check)] == "batches"


TEXT = st.sampled_from(
    [
        *("1", "-0", "007", " 1", "+1", "1_0", "1.5", "1e3", ".5", "nan", "inf", "", "x", "300"),
        *("9" * 19, "True", "2024-01-01", "2024-02-30", "2024-01-01 10:00", "0999-01-01"),
    ]
)
DTYPES = st.sampled_from(["int64", "uint8", "Int64", "float64", "datetime64[ns]", "bool"])


@settings(max_examples=10)
@given(st.lists(TEXT, min_size=1, max_size=4), DTYPES, st.sampled_from([str, object]))
def test_any_text_is_turned_as_pandera_does(values, dtype, source):
    asked(source, values, turned(dtype, Check.ne(1), nullable=True))


@pytest.mark.parametrize(("dtype", "default"), [("Int8", 300), ("boolean", 0), ("category", 2)])
def test_defaults_that_the_type_cannot_hold_are_panderas_to_refuse(dtype, default):
    frame = pd.DataFrame({"a": pd.Series([1, None], dtype=dtype)})
    schema = pa.DataFrameSchema({"a": pa.Column(None, Check.eq(1), default=default)})
    assert answer(scanned, schema, frame) == answer(by_pandera, schema, frame)


def answer(run, schema, frame):
    try:
        return run(schema, frame).failures
    except SchemaError as refused:
        return refused.message


def test_other_databases_are_not_asked_how_pandas_would_turn_values():
    database = ibis.sqlite.connect()
    database.raw_sql("CREATE TABLE some (a TEXT)")
    layout = Layout(
        empty=pd.DataFrame({"a": pd.Series([], dtype=str)}), table=database.table("some")
    )
    plan = plans.plan(layout, loaded(turned("int64")), root=ROOT, private=False)
    assert [one.holds for one in plan.assumed] == [None]
    database.disconnect()
