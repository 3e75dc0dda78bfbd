"""What Pandera's documentation shows of schemas, checks and parsers: the scan says the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest

from tests.differential.held import failures, said

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def rides() -> pd.DataFrame:
    """A table of bicycle rides, one of which is odd in every column."""
    return pd.DataFrame(
        {
            "bike": [1, 2, 3, 4, 2],
            "km": [1.5, 3.25, 0.0, 12.0, -1.0],
            "from": ["north", "south", "north", "east", "Mars"],
            "paid": [True, True, False, True, False],
        }
    )


def test_a_table_that_keeps_every_promise(tmp_path: Path, rides: pd.DataFrame) -> None:
    schema = pa.DataFrameSchema(
        {
            "bike": pa.Column(int, pa.Check.in_range(1, 4)),
            "km": pa.Column(float, [pa.Check.ge(-1), pa.Check.lt(100)]),
            "from": pa.Column(str, pa.Check.isin(["north", "south", "east", "Mars"])),
            "paid": pa.Column(bool),
        }
    )
    assert failures(schema, rides, tmp_path) == []


def test_every_failure_of_every_column_is_reported(tmp_path: Path, rides: pd.DataFrame) -> None:
    schema = pa.DataFrameSchema(
        {
            "bike": pa.Column(int, pa.Check.le(3), unique=True),
            "km": pa.Column(float, [pa.Check.gt(0), pa.Check.ne(12.0)]),
            "from": pa.Column(str, [pa.Check.str_startswith("n"), pa.Check.str_length(4, 5)]),
            "paid": pa.Column(bool, pa.Check.eq(True)),
        }
    )
    assert failures(schema, rides, tmp_path) == [
        ("equal_to(True)", "paid", 2),
        ("field_uniqueness", "bike", 2),
        ("greater_than(0)", "km", 2),
        ("less_than_or_equal_to(3)", "bike", 1),
        ("not_equal_to(12.0)", "km", 1),
        ("str_startswith('n')", "from", 3),
    ]


def test_the_checks_of_text(tmp_path: Path, rides: pd.DataFrame) -> None:
    schema = pa.DataFrameSchema(
        {
            "from": pa.Column(
                str,
                [
                    pa.Check.str_matches("[a-z]+$"),
                    pa.Check.str_matches(re.compile("^n")),
                    pa.Check.str_contains("th"),
                    pa.Check.str_endswith("h"),
                    pa.Check.notin(["Mars"]),
                ],
            )
        }
    )
    found = failures(schema, rides, tmp_path)
    assert [count for _, _, count in found] == [1, 2, 2, 1, 3]


def test_a_set_of_values_that_must_all_be_there(tmp_path: Path, rides: pd.DataFrame) -> None:
    whole = pa.Check.unique_values_eq(["north", "south", "east", "Mars"])
    other = pa.Check.unique_values_eq(["north", "south"])
    schema = pa.DataFrameSchema({"from": pa.Column(str, [whole, other])})
    assert [(column, count) for _, column, count in failures(schema, rides, tmp_path)] == [
        ("from", 1)
    ]


@pytest.mark.parametrize(
    "check",
    [
        pa.Check(lambda series: series > 0, name="by column"),
        pa.Check(lambda value: value > 0, element_wise=True, name="by value"),
        pa.Check(lambda series: (series > 0).all(), name="in one answer"),
        pa.Check(lambda series: series.mean() > 3, error="the mean is too small"),
        pa.Check(lambda series: series > 0, n_failure_cases=1),
    ],
    ids=lambda check: check.name or check.error or "n_failure_cases",
)
def test_functions_as_checks(tmp_path: Path, rides: pd.DataFrame, check: pa.Check) -> None:
    schema = pa.DataFrameSchema({"km": pa.Column(float, check)})
    passes = rides["km"].mean() > 3 and check.error == "the mean is too small"
    assert bool(failures(schema, rides, tmp_path)) is not passes


def test_a_check_that_raises_is_a_failure(tmp_path: Path, rides: pd.DataFrame) -> None:
    schema = pa.DataFrameSchema({"from": pa.Column(str, pa.Check(lambda s: s > 5, name="size"))})
    assert failures(schema, rides, tmp_path) == [("size", "from", 1)]


def test_nulls_are_left_out_of_checks_unless_asked_for(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.0, np.nan, -1.0, np.nan]})
    left_out = pa.Column(float, pa.Check.gt(0), nullable=True)
    looked_at = pa.Column(float, pa.Check.gt(0, ignore_na=False), nullable=True)
    forbidden = pa.Column(float)
    assert failures(pa.DataFrameSchema({"x": left_out}), frame, tmp_path) == [
        ("greater_than(0)", "x", 1)
    ]
    assert failures(pa.DataFrameSchema({"x": looked_at}), frame, tmp_path) == [
        ("greater_than(0)", "x", 3)
    ]
    assert failures(pa.DataFrameSchema({"x": forbidden}), frame, tmp_path) == [
        ("not_nullable", "x", 2)
    ]


def test_groups_of_a_column(tmp_path: Path, rides: pd.DataFrame) -> None:
    longer = pa.Check(
        lambda km: km[True].mean() > km[False].mean(), groupby="paid", name="who pays rides longer"
    )
    some = pa.Check(
        lambda km: (km["north"] > 1).all(), groupby="from", groups=["north"], name="far from north"
    )
    own = pa.Check(
        lambda km: km["odd"].sum() > 0,
        name="odd bikes",
        groupby=lambda df: df.assign(odd=df["bike"].mod(2).map({0: "even", 1: "odd"})).groupby(
            "odd"
        ),
    )
    schema = pa.DataFrameSchema(
        {
            "paid": pa.Column(bool),
            "from": pa.Column(str),
            "bike": pa.Column(int),
            "km": pa.Column(float, [longer, some, own]),
        }
    )
    assert failures(schema, rides, tmp_path) == [("far from north", "km", 1)]


def test_checks_of_the_whole_table(tmp_path: Path, rides: pd.DataFrame) -> None:
    schema = pa.DataFrameSchema(
        {"km": pa.Column(float)},
        checks=[
            pa.Check(lambda df: df["km"] > df["bike"], name="far"),
            pa.Check(lambda df: len(df) > 10, name="many"),
            pa.Check(lambda row: row["paid"] or row["km"] <= 0, element_wise=True, name="free"),
        ],
    )
    assert failures(schema, rides, tmp_path) == [("far", None, 2), ("many", None, 1)]


def test_a_check_that_only_warns(tmp_path: Path, rides: pd.DataFrame) -> None:
    checks = [pa.Check.gt(0, raise_warning=True), pa.Check(lambda s: s < 12, raise_warning=True)]
    answer = said(pa.DataFrameSchema({"km": pa.Column(float, checks)}), rides, tmp_path)
    assert not answer.failures
    assert len(answer.warnings) == 2


def test_a_test_of_a_hypothesis(tmp_path: Path, rides: pd.DataFrame) -> None:
    pytest.importorskip("scipy")
    test = pa.Hypothesis(
        test=lambda paid, free: (paid.mean() - free.mean(), 0.5),
        samples=[True, False],
        groupby="paid",
        relationship=lambda difference, p_value, alpha: bool(difference > 0 and p_value < alpha),
        relationship_kwargs={"alpha": 0.05},
        name="paid rides are longer",
    )
    schema = pa.DataFrameSchema({"km": pa.Column(float, test), "paid": pa.Column(bool)})
    assert [(column, count) for _, column, count in failures(schema, rides, tmp_path)] == [
        ("km", 1)
    ]


def test_dtypes_that_are_not_as_promised(tmp_path: Path, rides: pd.DataFrame) -> None:
    schema = pa.DataFrameSchema(
        {
            "bike": pa.Column(float),
            "km": pa.Column("int64"),
            "from": pa.Column(str),
            "paid": pa.Column("datetime64[ns]"),
        }
    )
    assert [(check, column) for check, column, _ in failures(schema, rides, tmp_path)] == [
        ("dtype('datetime64[ns]')", "paid"),
        ("dtype('float64')", "bike"),
        ("dtype('int64')", "km"),
    ]


def test_a_dtype_for_all_columns(tmp_path: Path, rides: pd.DataFrame) -> None:
    schema = pa.DataFrameSchema(dtype=float, coerce=True)
    numbers = rides[["bike", "km"]]
    assert failures(schema, numbers, tmp_path) == []


@pytest.mark.parametrize("coerce_all", [True, False])
def test_values_are_converted_before_they_are_checked(tmp_path: Path, coerce_all: bool) -> None:
    frame = pd.DataFrame({"year": ["2001", "1999", "2020"], "month": ["3", "x", "12"]})
    schema = pa.DataFrameSchema(
        {
            "year": pa.Column(int, pa.Check.gt(2000), coerce=not coerce_all),
            "month": pa.Column(int, pa.Check.in_range(1, 12), coerce=not coerce_all),
        },
        coerce=coerce_all,
    )
    found = failures(schema, frame, tmp_path)
    assert ("greater_than(2000)", "year", 1) in found
    assert any(check.startswith("coerce_dtype") and column == "month" for check, column, _ in found)


def test_columns_that_are_missing(tmp_path: Path, rides: pd.DataFrame) -> None:
    schema = pa.DataFrameSchema(
        {"km": pa.Column(), "to": pa.Column(), "note": pa.Column(str, required=False)}
    )
    assert failures(schema, rides, tmp_path) == [("column_in_dataframe", "to", 1)]


def test_columns_that_nobody_promised(tmp_path: Path, rides: pd.DataFrame) -> None:
    columns = {"bike": pa.Column(int), "km": pa.Column(float, pa.Check.ge(0))}
    strict = pa.DataFrameSchema(columns, strict=True)
    assert failures(strict, rides, tmp_path) == [
        ("column_in_schema", "from", 1),
        ("column_in_schema", "paid", 1),
        ("greater_than_or_equal_to(0)", "km", 1),
    ]
    dropped = pa.DataFrameSchema(columns, strict="filter")
    assert failures(dropped, rides, tmp_path) == [("greater_than_or_equal_to(0)", "km", 1)]


def test_columns_in_another_order(tmp_path: Path, rides: pd.DataFrame) -> None:
    columns = {"km": pa.Column(float), "bike": pa.Column(int)}
    found = failures(pa.DataFrameSchema(columns, ordered=True), rides, tmp_path)
    assert {check for check, _, _ in found} == {"column_ordered"}


def test_columns_that_are_added_and_filled(tmp_path: Path, rides: pd.DataFrame) -> None:
    schema = pa.DataFrameSchema(
        {
            "bike": pa.Column(int),
            "country": pa.Column(str, pa.Check.isin(["CH", "SE"]), default="DK"),
            "height": pa.Column(float, nullable=True),
        },
        add_missing_columns=True,
    )
    assert [column for _, column, _ in failures(schema, rides, tmp_path)] == ["country"]


def test_nulls_that_are_filled_by_a_default(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.0, np.nan, 3.0]})
    good = pa.DataFrameSchema({"x": pa.Column(float, pa.Check.gt(0), default=2.0)})
    bad = pa.DataFrameSchema({"x": pa.Column(float, pa.Check.gt(0), default=-2.0)})
    assert failures(good, frame, tmp_path) == []
    assert failures(bad, frame, tmp_path) == [("greater_than(0)", "x", 1)]


def test_columns_by_a_pattern(tmp_path: Path) -> None:
    frame = pd.DataFrame({"n_a": [1, 2], "n_b": [3, -1], "t_a": ["x", "y"]})
    schema = pa.DataFrameSchema(
        {
            "^n_": pa.Column(int, pa.Check.gt(0), regex=True),
            "^t_": pa.Column(str, pa.Check.str_length(1, 1), regex=True),
            "^q_": pa.Column(float, regex=True, required=False),
        }
    )
    assert failures(schema, frame, tmp_path) == [("greater_than(0)", "n_b", 1)]


@pytest.mark.parametrize(("report", "count"), [("all", 3), ("exclude_first", 2)])
def test_columns_that_are_unique_together(tmp_path: Path, report: str, count: int) -> None:
    frame = pd.DataFrame({"a": [1, 1, 2, 1], "b": ["x", "x", "x", "x"], "c": [1, 2, 3, 4]})
    schema = pa.DataFrameSchema(
        {"a": pa.Column(int), "b": pa.Column(str), "c": pa.Column(int, unique=True)},
        unique=["a", "b"],
        report_duplicates=report,
    )
    assert failures(schema, frame, tmp_path) == [("multiple_fields_uniqueness", None, count)]


def test_the_index(tmp_path: Path, rides: pd.DataFrame) -> None:
    schema = pa.DataFrameSchema(
        {"km": pa.Column(float)},
        index=pa.Index(int, [pa.Check.ge(0), pa.Check.lt(3)], unique=True, name="ride"),
    )
    named = rides.set_index(pd.Index(range(5), name="ride"))
    assert failures(schema, named, tmp_path) == [("less_than(3)", "ride", 2)]
    assert failures(schema, rides, tmp_path) != []


def test_an_index_of_two_levels(tmp_path: Path, rides: pd.DataFrame) -> None:
    schema = pa.DataFrameSchema(
        {"km": pa.Column(float)},
        index=pa.MultiIndex(
            [
                pa.Index(str, pa.Check.isin(["north", "south", "east"]), name="from"),
                pa.Index(int, pa.Check.gt(0), name="bike"),
            ]
        ),
    )
    found = failures(schema, rides.set_index(["from", "bike"]), tmp_path)
    assert [count for _, _, count in found] == [1]


def test_rows_that_fail_are_dropped(tmp_path: Path, rides: pd.DataFrame) -> None:
    schema = pa.DataFrameSchema({"km": pa.Column(float, pa.Check.gt(0))}, drop_invalid_rows=True)
    assert failures(schema, rides, tmp_path) == []


def test_parsers_come_before_checks(tmp_path: Path, rides: pd.DataFrame) -> None:
    schema = pa.DataFrameSchema(
        {
            "km": pa.Column(float, pa.Check.ge(0), parsers=pa.Parser(lambda s: s.clip(lower=0))),
            "from": pa.Column(str, pa.Check.str_matches("[A-Z]+$")),
        },
        parsers=pa.Parser(lambda df: df.assign(**{"from": df["from"].str.upper()})),
    )
    assert failures(schema, rides, tmp_path) == []


def test_a_schema_made_from_another(tmp_path: Path, rides: pd.DataFrame) -> None:
    first = pa.DataFrameSchema({"bike": pa.Column(int), "km": pa.Column(float)}, strict=True)
    changed = (
        first.add_columns({"from": pa.Column(str), "free": pa.Column(bool)})
        .rename_columns({"free": "paid"})
        .update_column("km", checks=pa.Check.gt(0))
    )
    assert failures(changed, rides, tmp_path) == [("greater_than(0)", "km", 2)]


def test_a_schema_that_was_inferred(tmp_path: Path, rides: pd.DataFrame) -> None:
    schema = pa.infer_schema(rides)
    assert failures(schema, rides, tmp_path) == []
    assert failures(schema, rides.assign(km=rides["km"] - 1), tmp_path) != []
