"""Polars columns that are cast: one query where their values are plain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.contract.test_flavours import both, how, pa, pl, told

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
Check = pa.Check


def cast(dtype, *checks, **options):
    return pa.DataFrameSchema({"a": pa.Column(dtype, list(checks), coerce=True, **options)})


PLAIN = {
    "text to whole": (["1", "-7", "007", None], pl.String, pl.Int64, Check.ge(2)),
    "text to small": (["1", "127"], pl.String, pl.Int8, Check.lt(100)),
    "text to real": (["1.5", "-0.25", None], pl.String, pl.Float64, Check.gt(0)),
    "whole to narrow": ([1, 127], pl.Int64, pl.Int8, Check.lt(100)),
    "signed to unsigned": ([1, 2], pl.Int64, pl.UInt16, Check.lt(2)),
    "real to whole": ([1.5, -1.5, -0.5, None], pl.Float64, pl.Int64, Check.isin([1, 0])),
    "real to small": ([0.1, 2.5], pl.Float64, pl.Float32, Check.lt(2)),
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_values_are_cast_in_the_scan(name, tmp_path):
    values, source, target, check = PLAIN[name]
    schema = cast(target, check, nullable=True, unique=True)
    ours, theirs = both(pl.DataFrame({"a": pl.Series(values, dtype=source)}), schema, tmp_path)
    assert told(ours) == told(theirs)
    assert ours.failures
    assert how(ours) == {"scan"}


ODD = {
    "not a number": (["1", "x"], pl.String, pl.Int64),
    "a plus": (["1", "+2"], pl.String, pl.Int64),
    "too large": (["300"], pl.String, pl.Int8),
    "an exponent": (["1e3"], pl.String, pl.Float64),
    "narrow": ([1, 300], pl.Int64, pl.Int8),
    "negative": ([1, -1], pl.Int64, pl.UInt8),
    "nan": ([1.0, float("nan")], pl.Float64, pl.Int64),
    "infinite": ([1.0, float("inf")], pl.Float64, pl.Float32),
}


@pytest.mark.parametrize("name", ODD)
def test_polars_casts_the_rest(name, tmp_path):
    values, source, target = ODD[name]
    frame = pl.DataFrame({"a": pl.Series(values, dtype=source)})
    ours, theirs = both(frame, cast(target, Check.ge(2)), tmp_path)
    assert told(ours) == told(theirs)
    assert how(ours) == {"table"}


def below(data):
    """Fails for text, and where a column beside it is still text."""
    key = pl.col("*" if data.key is None else data.key)
    return data.lazyframe.select(key * pl.col("b") < 4)


BY_PANDERA = {
    "value by value": ("batches", [Check(lambda x: x < 2, element_wise=True)], {}),
    "the table beside a column": ("table", [Check(below)], {}),
    "the table": ("table", [], {"checks": Check(below)}),
    "a warning": ("column", [Check.unique_values_eq([1], raise_warning=True)], {}),
}


@pytest.mark.parametrize("name", BY_PANDERA)
@pytest.mark.parametrize("values", [["1", "2"], ["1", "no"]], ids=["plain", "odd"])
def test_what_is_left_to_pandera_is_given_cast_values(name, values, tmp_path):
    wanted, checks, more = BY_PANDERA[name]
    columns = {"a": pa.Column(pl.Int64, checks, coerce=True), "b": pa.Column(pl.Int8, coerce=True)}
    frame = pl.DataFrame({"a": values, "b": [1.5, 2.0]})
    ours, theirs = both(frame, pa.DataFrameSchema(columns, **more), tmp_path)
    assert told(ours) == told(theirs)
    assert how(ours) <= ({"scan", wanted} if values[1] == "2" else {"table"})


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_moments_with_a_zone(zone, tmp_path):
    day = datetime(2024, 1, 1, tzinfo=UTC)
    values = pl.Series([day, day + timedelta(hours=1), None], dtype=pl.Datetime("us", "UTC"))
    frame = pl.DataFrame({"a": values.dt.convert_time_zone(zone)})
    checks = [Check.gt(day), Check.ne(day), Check.ge(day.replace(tzinfo=None))]
    schema = pa.DataFrameSchema({"a": pa.Column(None, checks, nullable=True)})
    ours, theirs = both(frame, schema, tmp_path)
    assert told(ours) == told(theirs)
    planned = {one.check: one.how for one in ours.plan}
    assert planned[f"greater_than({day})"] == "scan"


TEXT = st.sampled_from(
    [
        "1",
        "-0",
        "007",
        " 1",
        "+1",
        "1_0",
        "1.5",
        "1e3",
        ".5",
        "nan",
        "inf",
        "",
        "x",
        "300",
        "9" * 19,
    ]
)
DTYPES = st.sampled_from([pl.Int64, pl.UInt8, pl.Float64, pl.Float32, pl.Boolean, pl.Date])


@settings(max_examples=12)
@given(st.lists(TEXT, min_size=1, max_size=4), DTYPES)
def test_any_text_is_cast_as_polars_does(tmp_path_factory, values, dtype):
    schema = cast(dtype, Check.ne(1), nullable=True)
    frame = pl.DataFrame({"a": values})
    ours, theirs = both(frame, schema, tmp_path_factory.getbasetemp())
    assert told(ours) == told(theirs)
