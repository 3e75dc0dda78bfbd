"""What footers prove is what Pandera says of the rows; what they do not prove is looked at."""

from __future__ import annotations

import datetime as dt
import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pandera.polars as pa_polars
import polars as pl
import pyarrow as arrow  # noqa: ICN001 (pa is Pandera)
import pyarrow.parquet as pq
import pytest
from assay.contract import check, scan
from assay.contract.scan import builtin, proofs
from assay.contract.scan import pandas as semantics
from assay.contract.sources import base, footers, open_source
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.contract.scans import ROOT, loaded

pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")  # Ibis

Check, Column, Known = pa.Check, pa.Column, base.Known
MOST, EXACT = 2**63 - 1, 2**53
DAY = dt.datetime(2024, 1, 1)  # noqa: DTZ001 (a column without a zone)

WHOLE = st.sampled_from([*range(-3, 4), EXACT - 1, EXACT, EXACT + 1, MOST, -MOST, -MOST - 1])
REAL = st.sampled_from([-0.0, 0.0, 0.1, -2.5, 3.0, 1e16, math.nan, math.inf, -math.inf])
MOMENT = st.integers(-2, 2).map(lambda days: DAY + dt.timedelta(days))
VALUES = {
    "whole": (arrow.int64(), WHOLE),
    "small": (arrow.int8(), st.integers(-3, 3)),
    "natural": (arrow.uint64(), st.integers(0, 3) | st.just(2**64 - 1)),
    "real": (arrow.float64(), REAL),
    "single": (arrow.float32(), st.sampled_from([0.0, -0.0, 2.5, math.nan, math.inf])),
    "moment": (arrow.timestamp("us"), MOMENT),
    "text": (arrow.string(), st.sampled_from(["", "a", "b" * 99])),
    "flag": (arrow.bool_(), st.booleans()),
}
BELOW_TWO = pa_polars.DataFrameSchema({"x": pa_polars.Column(float, Check.lt(2))})
BOUNDS = {
    **dict.fromkeys(["whole", "small", "natural"], st.integers(-3, 4) | st.floats(-3, 3) | WHOLE),
    **dict.fromkeys(["real", "single"], REAL.filter(math.isfinite) | st.integers(-3, 3)),
    "moment": MOMENT,
    "text": st.sampled_from(["", "a", "c"]),
    "flag": st.booleans(),
}


@st.composite
def checks(draw, bounds):
    """One of the built-in checks with bounds of a column."""
    name = draw(st.sampled_from(["ge", "gt", "le", "lt", "eq", "ne", "in_range", "isin", "notin"]))
    if name in {"isin", "notin"}:
        return getattr(Check, name)(draw(st.lists(bounds, max_size=6)))
    if name != "in_range":
        return getattr(Check, name)(draw(bounds))
    least, most = sorted([draw(bounds), draw(bounds)])
    ends = {end: draw(st.booleans()) for end in ("include_min", "include_max")}
    return Check.in_range(least, most, **(ends if least < most else {}))


@st.composite
def cases(draw, flavour):
    """Columns of values in row groups, and what a flavour's schema promises of them."""
    rows = draw(st.integers(1, 5))
    columns, promised = {}, {}
    for name in draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3)):
        type_, values = VALUES[name]
        cell = values if draw(st.booleans()) else st.none() | values
        columns[name] = arrow.array(draw(st.lists(cell, min_size=rows, max_size=rows)), type_)
        promised[name] = flavour.Column(
            checks=draw(st.lists(checks(BOUNDS[name]), min_size=1, max_size=3)),
            nullable=draw(st.booleans()),
            unique=draw(st.booleans()),
        )
    return arrow.table(columns), flavour.DataFrameSchema(promised)


@settings(max_examples=12)
@given(case=cases(pa), told=st.booleans())
@example((arrow.table({"x": [1.0, math.nan]}), pa.DataFrameSchema({"x": Column(float)})), True)
def test_a_scan_finds_what_pandera_finds_whatever_the_footers_tell(case, told):
    agree("pandas", pd.read_parquet, *case, told=told)


@settings(max_examples=12)
@given(case=cases(pa_polars), told=st.booleans())
@example((arrow.table({"x": [1.0, math.nan]}), BELOW_TWO), True)
@example((arrow.table({"x": [1.0, None]}), BELOW_TWO), True)
def test_so_does_one_of_polars(case, told):
    agree("polars", pl.read_parquet, *case, told=told)


def agree(backend, read, table, schema, *, told):
    by_backend = replace(loaded(schema), backend=backend)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        pq.write_table(table, path, row_group_size=2, write_statistics=told)
        source = open_source(path, shown=path.name, private=False)
        ours = scan.findings(source, by_backend, root=ROOT, sensitive=())
        source.close()
        theirs = check.check(read(path), by_backend, root=ROOT, sensitive=())
    assert ours.failures == theirs.failures
    assert ours.positions == theirs.positions


def decided(one, kind, known):
    name, given = builtin.arguments(one)
    builtin.fails(name, given, kind)  # is compiled at all
    return proofs.passes(name, given, kind, known)


@settings(max_examples=80)
@given(one=checks(st.integers(-5, 5)), low=st.integers(-4, 4), size=st.integers(0, 4))
def test_whole_numbers_are_proved_exactly_where_pandera_passes_all(one, low, size):
    every = pd.Series(range(low, low + size + 1))
    assert decided(one, "integer", Known(low, low + size)) == bool(one(every).check_passed)


@settings(max_examples=60)
@given(
    one=checks(st.sampled_from([-1.5, -0.0, 0.1, 1, float(EXACT), EXACT])),
    values=st.lists(WHOLE | st.sampled_from([-1.5, 0.1, math.inf]), min_size=1),
    dtype=st.sampled_from(["int64", "float64", "float32"]),
)
@example(Check.gt(float(EXACT)), [EXACT + 1], "int64")
@example(Check.notin([0.1]), [0.1], "float32")
@example(Check.lt(0.1), [0.1], "float32")
def test_numbers_that_are_rounded_are_proved_only_where_pandera_passes(one, values, dtype):
    if dtype == "int64":
        values = [value for value in values if type(value) is int] or [0]
    column = pd.Series(np.array(values, dtype=dtype))
    kind = "integer" if dtype == "int64" else dtype
    try:
        proved = decided(one, kind, Known(column.min().item(), column.max().item()))
    except builtin.NotInScan:
        return
    assert not proved or one(column).check_passed


def test_nothing_is_proved_of_what_is_not_known():
    assert not decided(Check.ge(0), "integer", Known())
    assert not decided(Check.notin([0]), "integer", Known(nulls=0))


def test_a_list_that_is_used_up_proves_nothing():
    known = Known(1, 2)
    for name, argument in (("isin", "allowed_values"), ("notin", "forbidden_values")):
        assert not proofs.passes(name, {argument: iter([7])}, "integer", known)


ROWS = {"n": [1, 5], "f": [0.5, 2.5], "t": ["a", "b"], "day": [DAY, DAY], "id": [1, 2]}
PROMISED = pa.DataFrameSchema(
    {
        "n": Column(int, [Check.in_range(0, 9), Check.isin(range(9)), Check.ge(2)]),
        "f": Column(float, Check.gt(0)),
        "t": Column(str, Check.isin(["a", "b"])),
        "day": Column(None, Check.lt(DAY + dt.timedelta(1))),
        "id": Column(int, unique=True),
    }
)


@pytest.mark.parametrize(
    ("told", "asked"),
    [
        (True, ["n", "f", "t"]),
        (False, ["n"] * 4 + ["f"] * 2 + ["t"] * 2 + ["day"] * 2 + ["id"]),
    ],
)
def test_only_what_is_not_proved_is_asked_of_rows(tmp_path, told, asked):
    path = tmp_path / "rows.parquet"
    pq.write_table(arrow.table(ROWS), path, write_statistics=told)
    source = open_source(path, shown=path.name, private=False)
    layout = source.layout("pandas", has_index=False)
    plan = semantics.plan(layout, loaded(PROMISED), root=ROOT, private=False)
    source.close()
    assert [one.column for one in plan.rows] == asked
    assert len(plan.promises) == 16
    assert {one.how for one in plan.promises} == {"scan"}
    assert plan.repeats[0].known == (Known(1, 2, 0) if told else Known())


def known(tmp_path, *tables, **options):
    """What is known of a folder with these parts."""
    for number, table in enumerate(tables):
        pq.write_table(table, tmp_path / f"{number}.parquet", **options)
    source = open_source(tmp_path, shown="rows", private=False)
    return footers.known(source._footers, nan_is_null=True)


def test_parts_and_row_groups_are_known_together(tmp_path):
    first = arrow.table({"a": arrow.array([3, None, None, None, 7], arrow.int64())})
    found = known(tmp_path, first, first.slice(2, 2), first.slice(0, 0), row_group_size=2)
    assert found == {"a": Known(3, 7, 5)}


def test_a_part_without_statistics_leaves_a_column_unknown(tmp_path):
    table = arrow.table({"a": [1, 2]})
    pq.write_table(table, tmp_path / "z.parquet", write_statistics=False)
    assert known(tmp_path, table) == {"a": Known()}


def test_what_footers_cannot_tell_of_values_as_pandas_has_them(tmp_path):
    table = arrow.table(
        {
            "nan": [1.0, math.nan],
            "no number": [math.nan, math.nan],
            "nat": arrow.array([-MOST - 1, 0], arrow.timestamp("us")),
            "no time": arrow.array([-MOST - 1, 0], arrow.timestamp("ns")),
            "year 290000": arrow.array([MOST, 0], arrow.timestamp("us")),
            "zoned": arrow.array([1, 2], arrow.timestamp("us", "UTC")),
            "text": ["a", "b"],
            "natural": arrow.array([0, 2**64 - 1], arrow.uint64()),
            "s": arrow.array([{"x": 1}, {"x": 2}]),
            "s.x": [7, 8],
            "kinds": arrow.array(["a", "b"]).dictionary_encode(),
        }
    )
    found = known(tmp_path, table)
    assert "s.x" not in found
    assert {name for name, one in found.items() if one.least is not None} == {"nan"}
    assert {name for name, one in found.items() if one.nulls is not None} == {"text", "natural"}
    assert found["nan"] == Known(1.0, 1.0)
