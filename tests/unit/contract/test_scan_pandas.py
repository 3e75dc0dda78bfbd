"""Pandas schemas in a scan: everything is as Pandera says it, to the order of the failures."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
from assay.contract.scan import byparts, memory
from assay.errors import SchemaError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.contract.scans import agree, asked, hows, scanned

Check, Column = pa.Check, pa.Column
TRIPS = {
    "hour": [7, 23, 24, 7, 40],
    "speed": [1.5, None, 3.0, float("inf"), -0.0],
    "city": ["Bonn", None, "Köln", "Bonn", ""],
    "paid": [True, False, True, True, True],
    "day": pd.to_datetime(["2024-01-01", None, "2024-01-03", "2024-01-01", "1999-12-31"]),
}


def table(columns, **options):
    return pa.DataFrameSchema(columns, **options)


BUILT_IN = {
    "comparisons": table({"hour": Column(int, [Check.ge(8), Check.lt(24), Check.ne(7)])}),
    "a float for whole numbers": table({"hour": Column(int, Check.le(23.5))}),
    "a number for floats": table({"speed": Column(float, Check.in_range(0, 3), nullable=True)}),
    "open range": table({"hour": Column(int, Check.in_range(7, 40, include_max=False))}),
    "listed": table(
        {"city": Column(str, [Check.isin(["Bonn"]), Check.notin([""])], nullable=True)}
    ),
    "nothing is listed": table({"hour": Column(int, [Check.isin([]), Check.notin([])])}),
    "text": table(
        {
            "city": Column(
                str,
                [
                    Check.str_length(3, 4),
                    Check.str_length(4, 4),
                    Check.str_startswith("B"),
                    Check.str_endswith("n"),
                    Check.str_matches("[A-Z]"),
                    Check.str_contains("n$"),
                ],
                nullable=True,
            )
        }
    ),
    "booleans": table({"paid": Column(bool, [Check.eq(True), Check.isin([True])])}),
    "moments": table({"day": Column(None, Check.ge(pd.Timestamp("2000")), nullable=True)}),
    "nulls": table({"speed": Column(float), "city": Column(str)}),
    "values": table({"hour": Column(int, [Check.unique_values_eq([7, 23])])}),
    "unique": table({"hour": Column(int, unique=True), "city": Column(str, unique=True)}),
    "only the first": table({"hour": Column(int, unique=True, report_duplicates="exclude_last")}),
    "only the last": table({"hour": Column(int, unique=True, report_duplicates="exclude_first")}),
    "unique together": table({"hour": Column(int)}, unique=["hour", "city"]),
    "the first set": table({}, unique=[["speed"], ["hour", "city"], ["city"]]),
    "a pattern": table({"^s|h": Column(None, Check.lt(3), regex=True, nullable=True)}),
    "a pattern of nothing": table({"z.*": Column(None, regex=True)}),
    "structure": table({"hour": Column(int), "gone": Column(int)}, strict=True, ordered=True),
    "some failures": table({"hour": Column(int, Check.lt(8, n_failure_cases=2))}),
    "named": table({"hour": Column(int, Check.lt(8, error="too late"))}),
    "widened": table({"hour": Column(float, Check.lt(8), coerce=True, unique=True)}),
    "filled": table({"speed": Column(float, Check.gt(2), default=1.0)}),
    "one type": table({"hour": Column(None, Check.lt(8))}, dtype="int64"),
}


def test_a_built_in_check_under_another_name():
    schema = table({"hour": Column(int, Check.lt(8, name="early", error="too late"))})
    if asked(schema, TRIPS).failures[0].share is None:
        pytest.skip("older versions of Pandera look for a check of that name, and raise")
    agree(schema, TRIPS)


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_promises_are_scanned_as_pandera_says(name):
    found = agree(BUILT_IN[name], TRIPS)
    assert found.failures
    assert set(hows(found).values()) - {"scan"} <= {"batches"}  # dtypes that are wrong


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(memory, "MOST_ROWS", 2)


EARLY = Check(lambda x: x < 8, element_wise=True)
BY_PANDERA = {
    "other types": ("batches", table({"city": Column(str, Check.ge(3), nullable=True)})),
    "mixed list": ("batches", table({"hour": Column(int, Check.isin(["a", 7]))})),
    "missing too": ("batches", table({"city": Column(None, Check.isin(["a"], ignore_na=False))})),
    "each value": (
        "batches",
        table({"hour": Column(int, Check(lambda x: x < 8, element_wise=True))}),
    ),
    "dtype": ("batches", table({"speed": Column(int), "hour": Column(str)})),
    "order of booleans": ("batches", table({"paid": Column(bool, Check.gt(False))})),
    "own check": ("column", table({"hour": Column(int, Check(lambda s: s.mean() < 8))})),
    "no failure": ("column", table({"hour": Column(int, Check.lt(8, n_failure_cases=0))})),
    "turned": ("batches", table({"speed": Column("string", Check.str_length(1), coerce=True)})),
    "not to be turned": ("batches", table({"speed": Column(int, Check.lt(2), coerce=True)})),
    "parsed": (
        "column",
        table({"hour": Column(checks=Check.lt(8), parsers=pa.Parser(abs))}),
    ),
    "default": ("column", table({"city": Column(str, default=3, checks=Check.eq("Bonn"))})),
    "added": (
        "column",
        table({"new": Column(int, Check.lt(1), default=3)}, add_missing_columns=True),
    ),
    "index": ("column", table({}, index=pa.Index(int, Check(lambda s: s < 3), name="id"))),
    "groups": (
        "table",
        table(
            {
                "hour": Column(int, Check(lambda g: g[True].max() < 8, groupby="paid")),
                "paid": Column(),
            }
        ),
    ),
    "rows": (
        "batches",
        table({}, checks=Check(lambda row: row["hour"] < 8, element_wise=True)),
    ),
    "all": ("table", table({}, checks=Check(lambda df: df["hour"] < 8))),
    "table type": ("table", table({"hour": Column()}, dtype=float, coerce=True)),
    "dropped": ("column", table({"hour": Column(str, drop_invalid_rows=True)})),
    "filtered": (
        "table",
        table({"hour": Column(int)}, strict="filter", checks=Check(lambda df: df.shape[1] > 1)),
    ),
}


@pytest.mark.parametrize("name", BY_PANDERA)
def test_what_no_query_tells_is_left_to_pandera(name):
    how, schema = BY_PANDERA[name]
    found = agree(schema, TRIPS)
    assert how in hows(found).values()
    assert all(planned.why for planned in found.plan if planned.how != "scan")


def test_failures_come_in_the_order_of_pandera():
    schema = table(
        {
            "city": Column(int, [Check.isin([1]), Check(lambda s: s == "Bonn")], coerce=True),
            "hour": Column(str, [Check(lambda s: s > 8), Check.lt(8)], unique=True),
            "gone": Column(),
        },
        strict=True,
        unique=["hour"],
        checks=[Check(lambda df: df["hour"] < 8), Check(lambda df: False)],
    )
    checks = [failure.check for failure in agree(schema, TRIPS).failures]
    assert checks[0] == "column_in_schema"
    assert checks[-2:] == ["<lambda>", "<lambda>"]
    assert len(checks) >= 12


def test_checks_that_warn_say_what_pandera_says():
    schema = table(
        {
            "hour": Column(
                int,
                [
                    Check.lt(8, raise_warning=True),
                    Check.unique_values_eq([7], raise_warning=True),
                    Check(lambda x: x < 8, element_wise=True, raise_warning=True),
                ],
            ),
            "gone": Column(required=False),
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = agree(schema, TRIPS)
    assert not found.failures
    assert len(found.warnings) == 3
    assert any("number 0: less_than(8)" in text for text in found.warnings)


def test_sensitive_values_are_in_nothing():
    schema = table(
        {
            "city": Column(str, [Check.isin(["Bonn"]), Check(lambda s: s == "Bonn")], unique=True),
            "hour": Column(int, Check.lt(8)),
        },
        unique=["city"],
    )
    found = agree(schema, TRIPS, sensitive=("city",))
    assert "Köln" not in repr(found)
    assert "Bonn" not in repr(found)
    assert "row 2: 24" in found.failures[-1].examples


@pytest.mark.parametrize("dtype", ["int64", "datetime64[ns]"])
def test_sensitive_values_that_cannot_be_turned_are_in_nothing(dtype):
    schema = table({"^c": Column(dtype, coerce=True, regex=True)})
    found = agree(schema, TRIPS, sensitive=("city",))
    assert found.failures[0].column == "^c"
    assert "Köln" not in repr(found)


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(list("abcde"), name="id"),
        pd.Index([1, 1, 2, 2, 3]),
        pd.Index([1.5, 3.5, 2.5, None, 4.5], name="x"),
        pd.MultiIndex.from_arrays([list("aabbc"), range(5)], names=["k", "n"]),
        pd.RangeIndex(10, 20, 2),
    ],
    ids=["text", "repeated", "missing", "levels", "range"],
)
def test_rows_are_called_as_the_index_calls_them(index):
    schema = table(
        {"hour": Column(int, [Check.lt(8), Check.lt(24, n_failure_cases=1)], unique=True)},
        # Pandera itself raises where rows that come twice have no label.
        unique=None if index.name == "x" else ["hour", "paid"],
    )
    data = pd.DataFrame({name: pd.Series(values) for name, values in TRIPS.items()})
    ours, theirs = (run(schema, data.set_axis(index)) for run in (scanned, asked))
    assert ours.failures == theirs.failures


@pytest.mark.usefixtures("small_batches")
def test_rows_under_one_label_are_not_looked_at_apart():
    schema = table({}, checks=Check(lambda row: row["hour"] < 8, element_wise=True))
    data = pd.DataFrame(TRIPS).set_axis(pd.Index([1, 1, 2, 2, 2]))
    ours, theirs = scanned(schema, data), asked(schema, data)
    assert ours.failures == theirs.failures
    assert hows(ours) == {"<lambda>": "table"}  # Pandera raises, or counts them as one


def test_python_objects_are_shown_as_pandas_makes_them():
    schema = table({"a": Column(None), "b": Column(None)})
    agree(schema, {"a": pd.Series([[1], None]), "b": pd.Series([None, "x"], dtype=object)})


def test_rows_without_a_number_are_counted():
    found = scanned(BUILT_IN["comparisons"], TRIPS, numbered=False)
    assert [f.count for f in found.failures] == [2, 2, 2]
    assert found.failures[1].examples == ("24", "40")
    assert found.positions == ((), (), ())
    assert scanned(BUILT_IN["unique"], TRIPS, numbered=False).failures[0].examples == ()


def test_an_empty_table_is_one_failure():
    found = agree(BUILT_IN["structure"], pd.DataFrame({"hour": pd.Series([], dtype=int)}))
    assert [failure.check for failure in found.failures] == ["not_empty"]


@pytest.mark.parametrize("unique", [None, "hour"])
def test_a_schema_that_cannot_be_applied_says_why(unique):
    def broken(frame):
        raise ValueError("no such thing")

    with pytest.raises(SchemaError, match="`Schema` cannot be applied: ValueError: no such"):
        scanned(table({}, parsers=pa.Parser(broken), unique=unique), TRIPS)


# --- batches ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("name", [name for name in BY_PANDERA if BY_PANDERA[name][0] == "batches"])
def test_batches_add_up(name):
    agree(BY_PANDERA[name][1], TRIPS)


def late(value):
    if value == 40:
        raise RuntimeError("too late")
    return value < 8


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize(
    "checks",
    [
        Check(late, element_wise=True),
        Check(lambda x: x < 8, element_wise=True, n_failure_cases=2),
        [Check.lt("a"), Check(lambda x: x < 24, element_wise=True)],
        Check(lambda x: x < 8, element_wise=True, raise_warning=True),
    ],
    ids=["one raises", "some are reported", "all raise", "warns"],
)
def test_batches_are_one_answer(checks):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agree(table({"hour": Column(int, checks)}), TRIPS)


def test_batches_hold_only_what_they_need(monkeypatch):
    monkeypatch.setattr(memory, "BATCH", 16)
    from tests.unit.contract.scans import ROOT, FrameSource, loaded, scan

    source = FrameSource(pd.DataFrame(TRIPS))
    schema = table({"hour": Column(int, Check(lambda x: x < 24, element_wise=True))})
    scan.findings(source, loaded(schema), root=ROOT, sensitive=())
    assert source.loaded == [(("hour",), 2)]
    assert source.looked == 1


def test_merged_counts_no_further_than_asked():
    from assay.contract.check import Finding
    from assay.stages.validate import CheckFailure

    def piece(count, most, rows=()):
        failure = CheckFailure(
            check="c", column="a", count=count, share=0.5, examples=("x",) * count
        )
        return Finding(failure, "DATAFRAME_CHECK", rows), 10, most

    found = byparts.merged([piece(2, 3, (0, 1)), piece(2, 3, (4,))], 8)
    assert (found.failure.count, found.failure.share) == (3, 0.375)
    assert (found.failure.examples, found.positions) == (("x",) * 3, (10, 11, 14))


# --- any numbers --------------------------------------------------------------------------------

WHOLE = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)
FLOAT = st.floats(width=64) | st.sampled_from([0.0, -0.0, 0.1, 1.0, 2.0**53])
SMALL = st.floats(width=32) | st.sampled_from([np.float32(0.1).item(), 0.5])
TEXT = st.text("ab\n%_'\"\\é😀", max_size=3)
KINDS = {"int64": (WHOLE, WHOLE | FLOAT), "float64": (FLOAT, FLOAT | WHOLE)}
KINDS |= {"float32": (SMALL, FLOAT | st.integers(-3, 3)), "str": (TEXT, TEXT)}
KINDS |= {"uint8": (st.integers(0, 255), st.integers(-3, 300)), "bool": (st.booleans(),) * 2}


def comparisons(bound, other):
    yield from (getattr(Check, name)(bound) for name in ("eq", "ne", "gt", "ge", "lt", "le"))
    yield from (Check.isin([bound, other]), Check.notin([other]))
    yield Check.unique_values_eq([bound, other])
    if bound < other:
        yield from (Check.in_range(bound, other), Check.in_range(bound, other, False, False))


@pytest.mark.parametrize("dtype", KINDS)
def test_any_values_compare_as_in_pandera(dtype):
    values, bounds = KINDS[dtype]

    @settings(max_examples=2)
    @given(st.lists(values, min_size=1, max_size=6), bounds, bounds)
    def holds(some, bound, other):
        checks = list(comparisons(bound, other))
        schema = table({"a": Column(None, checks, nullable=True, unique=True)}, unique=["a"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numbers too large for their type
            agree(schema, {"a": pd.Series(some, dtype=dtype)})

    holds()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int8"])
def test_bounds_that_the_type_cannot_hold(dtype):
    checks = [
        kind(bound)
        for kind in (pa.Check.eq, pa.Check.ne, pa.Check.gt, pa.Check.ge, pa.Check.lt, pa.Check.le)
        for bound in (-1, 0, 300, 2**40, -(2**40))
    ]
    checks += [pa.Check.isin([-1, 2]), pa.Check.notin([-1, 2, 2**40]), pa.Check.in_range(-5, 1)]
    checks.append(pa.Check.unique_values_eq({0, 2, -1}))
    data = pd.DataFrame({"a": pd.Series([0, 2], dtype=dtype)})
    schema = pa.DataFrameSchema({"a": pa.Column(None, checks)})
    found = scanned(schema, data)
    assert found.failures == asked(schema, data).failures
    assert {one.how for one in found.plan} == {"scan"}
