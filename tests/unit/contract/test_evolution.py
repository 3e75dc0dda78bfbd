"""What a change of a schema does: held against Pandera's own answers on data of all kinds."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

import pandas as pd
import pandera.pandas as pa
import pandera.polars as pp
import polars as pl
import pytest
from assay.contract.evolution.compare import compare
from assay.contract.evolution.describe import describe
from assay.contract.evolution.section import Description, SchemaChange
from assay.contract.schema import LoadedSchema
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.errors import SchemaError, SchemaErrors

NUMBERS = [-1, 0, 1, 2, 3]


def _described(schema: Any) -> Description:
    flavour = "polars" if ".polars." in type(schema).__module__ else "pandas"
    found = describe(LoadedSchema(name="Schema", schema=schema, backend=flavour))
    return Description.model_validate_json(found.model_dump_json())  # as it comes from the process


def _changes(base: Any, head: Any, *sensitive: str) -> tuple[SchemaChange, ...]:
    return compare(_described(base), _described(head), sensitive)


def _column(*checks: pa.Check, dtype: Any = int, **settings: Any) -> pa.DataFrameSchema:
    return pa.DataFrameSchema({"x": pa.Column(dtype, list(checks), **settings)})


def _short(changes: tuple[SchemaChange, ...]) -> list[tuple[str, str]]:
    return [(change.aspect, change.effect) for change in changes]


def _positive(values: pd.Series) -> pd.Series:
    return values > LIMIT


def _positive_too(values: pd.Series) -> pd.Series:
    """It has a docstring."""
    # And a comment.
    return values > LIMIT


LIMIT = 0
C = pa.Check

CASES: dict[str, tuple[Any, Any, list[tuple[str, str]]]] = {
    "nothing": (_column(C.ge(0)), _column(C.ge(0)), []),
    "the same in other words": (_column(C.ge(0), C.le(5)), _column(C.in_range(0, 5)), []),
    "more than 0 is at least 1": (_column(C.gt(0)), _column(C.ge(1)), []),
    "but not of floats": (
        _column(C.gt(0), dtype=float),
        _column(C.ge(1), dtype=float),
        [("range", "narrows")],
    ),
    "a wider range": (_column(C.in_range(0, 5)), _column(C.ge(0)), [("range", "widens")]),
    "an end that belongs to it": (
        _column(C.in_range(0, 5, include_max=False), dtype=float),
        _column(C.in_range(0, 5), dtype=float),
        [("range", "widens")],
    ),
    "a range that moved": (
        _column(C.in_range(0, 5)),
        _column(C.in_range(1, 6)),
        [("range", "both")],
    ),
    "a category more": (
        _column(C.isin(["a"]), dtype=str),
        _column(C.isin(["b", "a"]), dtype=str),
        [("categories", "widens")],
    ),
    "other categories": (
        _column(C.isin(["a", "c"]), dtype=str),
        _column(C.isin(["b", "a"]), dtype=str),
        [("categories", "both")],
    ),
    "a range for a list": (_column(C.isin([1, 2])), _column(C.ge(0)), [("categories", "widens")]),
    "a value forbidden": (_column(), _column(C.ne(3)), [("categories", "narrows")]),
    "which was out of range anyway": (_column(C.lt(3)), _column(C.lt(3), C.ne(3)), []),
    "times": (
        _column(C.ge(pd.Timestamp("2011-01-01")), dtype="datetime64[ns]"),
        _column(C.ge(dt.datetime(2010, 1, 1)), dtype="datetime64[ns]"),  # noqa: DTZ001
        [("range", "widens")],
    ),
    "times with zones": (
        _column(C.ge(pd.Timestamp("2011-01-01T01:00", tz="Europe/Paris")), dtype=None),
        _column(C.ge(pd.Timestamp("2011-01-01", tz="UTC")), dtype=None),
        [],
    ),
    "what cannot be ordered": (_column(C.ge(0)), _column(C.ge("a")), [("check", "unknown")]),
    "lengths": (
        _column(C.str_length(1, 5), dtype=str),
        _column(C.str_length(max_value=5), dtype=str),
        [("length", "widens")],
    ),
    "a pattern": (
        _column(C.str_matches("^a"), dtype=str),
        _column(C.str_matches("^a+"), dtype=str),
        [("check", "unknown")],
    ),
    "a longer prefix": (
        _column(C.str_startswith("a"), dtype=str),
        _column(C.str_startswith("ab"), dtype=str),
        [("check", "narrows")],
    ),
    "nullable": (_column(nullable=True), _column(), [("nullable", "narrows")]),
    "unique": (_column(unique=True), _column(), [("unique", "widens")]),
    "optional": (_column(), _column(required=False), [("required", "widens")]),
    "coerced": (_column(), _column(coerce=True), [("coerce", "widens")]),
    "another type": (_column(), _column(dtype=float), [("dtype", "both")]),
    "a wider type is no other's": (_column(dtype="int8"), _column(), [("dtype", "both")]),
    "unless coerced": (_column(dtype="int8"), _column(coerce=True), [("dtype", "widens")]),
    "to floats": (_column(), _column(dtype=float, coerce=True), [("dtype", "widens")]),
    "to whole numbers": (_column(dtype=float), _column(coerce=True), [("dtype", "both")]),
    "any type": (_column(), _column(dtype=None), [("dtype", "widens")]),
    "some type": (_column(dtype=None), _column(), [("dtype", "narrows")]),
    "categories of a type": (
        _column(dtype=pd.CategoricalDtype(["a"])),
        _column(dtype=pd.CategoricalDtype(["a", "b"])),
        [("dtype", "both")],
    ),
    "a function more": (_column(), _column(C(_positive)), [("check", "narrows")]),
    "a function edited": (
        _column(C(_positive)),
        _column(C(lambda values: values > -1, name="_positive")),
        [("check", "unknown")],
    ),
    "only its comments": (
        _column(C(_positive, name="positive")),
        _column(C(_positive_too, name="positive")),
        [("check", "unknown")],  # its name is another
    ),
    "a warning is no promise": (_column(), _column(C.ge(0, raise_warning=True)), []),
    "a check that sees missing values": (
        _column(C.ge(0)),
        _column(C.ge(0, ignore_na=False)),
        [("range", "widens"), ("check", "narrows")],
    ),
    "a column more": (
        pa.DataFrameSchema({}),
        _column(),
        [("column", "narrows")],
    ),
    "a column more, none too many": (
        pa.DataFrameSchema({}, strict=True),
        pa.DataFrameSchema({"x": pa.Column(int)}, strict=True),
        [("column", "both")],
    ),
    "an optional column more": (
        pa.DataFrameSchema({}, strict=True),
        pa.DataFrameSchema({"x": pa.Column(int, required=False)}, strict=True),
        [("column", "widens")],
    ),
    "a column less": (_column(), pa.DataFrameSchema({}), [("column", "widens")]),
    "a column less, none too many": (
        pa.DataFrameSchema({"x": pa.Column(int)}, strict=True),
        pa.DataFrameSchema({}, strict=True),
        [("column", "both")],
    ),
    "strict": (
        _column(),
        pa.DataFrameSchema({"x": pa.Column(int)}, strict=True),
        [("strict", "narrows")],
    ),
    "filtered": (
        _column(),
        pa.DataFrameSchema({"x": pa.Column(int)}, strict="filter"),
        [("strict", "unknown")],
    ),
    "all coerced": (
        _column(),
        pa.DataFrameSchema({"x": pa.Column(int)}, coerce=True),
        [("coerce", "widens")],
    ),
    "a key": (
        _column(),
        pa.DataFrameSchema({"x": pa.Column(int)}, unique=["x"]),
        [("key", "narrows")],
    ),
    "an index": (
        _column(),
        pa.DataFrameSchema({"x": pa.Column(int)}, index=pa.Index(int)),
        [("index", "narrows")],
    ),
    "a wider index": (
        pa.DataFrameSchema({}, index=pa.Index(int, C.ge(0), name="i")),
        pa.DataFrameSchema({}, index=pa.Index(int, name="i")),
        [("range", "widens")],
    ),
    "a check of the table": (
        pa.DataFrameSchema({}, checks=C(_positive)),
        pa.DataFrameSchema({}),
        [("check", "widens")],
    ),
    "invalid rows dropped": (
        _column(),
        pa.DataFrameSchema({"x": pa.Column(int)}, drop_invalid_rows=True),
        [("option", "widens")],
    ),
    "a default": (_column(), _column(default=1), [("default", "unknown")]),
    "a parser": (_column(), _column(parsers=pa.Parser(_positive)), [("parser", "unknown")]),
}


@pytest.mark.parametrize(("base", "head", "expected"), CASES.values(), ids=CASES.keys())
def test_what_a_change_does(base: Any, head: Any, expected: list[tuple[str, str]]) -> None:
    assert _short(_changes(base, head)) == expected


@pytest.mark.parametrize(("base", "head", "expected"), CASES.values(), ids=CASES.keys())
def test_the_way_back_does_the_opposite(
    base: Any, head: Any, expected: list[tuple[str, str]]
) -> None:
    opposite = {"widens": "narrows", "narrows": "widens"}
    back = _changes(head, base)
    if {effect for _, effect in expected} <= {"widens", "narrows"} and "dtype" not in {
        aspect for aspect, _ in expected
    }:
        assert sorted(_short(back)) == sorted((a, opposite[e]) for a, e in expected)
    else:
        assert back


def test_columns_in_order() -> None:
    def ordered(*names: str) -> pa.DataFrameSchema:
        return pa.DataFrameSchema({name: pa.Column(int) for name in names}, ordered=True)

    assert _short(_changes(ordered("x", "y"), ordered("y", "x"))) == [("ordered", "both")]
    assert _short(_changes(ordered("x"), _column())) == [("ordered", "widens")]


def test_a_key_of_more_columns_is_weaker() -> None:
    def keyed(*names: str) -> pa.DataFrameSchema:
        columns = {name: pa.Column(int) for name in "xyz"}
        return pa.DataFrameSchema(columns, unique=list(names) or None)

    (change,) = _changes(keyed("x", "y"), keyed("x", "y", "z"))
    assert (change.aspect, change.effect, change.base) == ("key", "widens", "x, y")
    assert _short(_changes(keyed("x", "y"), keyed("x", "z"))) == [("key", "both")]
    assert _short(_changes(keyed("y", "x"), keyed("x", "y"))) == []


def test_a_model_of_polars() -> None:
    class Base(pp.DataFrameModel):
        x: int = pp.Field(ge=0)
        when: pl.Datetime("us", "UTC")  # type: ignore[valid-type]

    class Head(pp.DataFrameModel):
        x: pl.Int32 = pp.Field(ge=0, le=9)
        when: pl.Datetime("us", "UTC") = pp.Field(nullable=True)  # type: ignore[valid-type]

    assert _short(_changes(Base.to_schema(), Head.to_schema())) == [
        ("dtype", "both"),
        ("range", "narrows"),
        ("nullable", "widens"),
    ]


def test_pandas_and_polars_are_not_held_against_each_other() -> None:
    base, head = _column(), pp.DataFrameSchema({"x": pp.Column(pl.Int64)})
    assert _short(_changes(base, head)) == [("flavour", "unknown")]


def test_lists_of_values_are_told_by_what_differs() -> None:
    (change,) = _changes(
        _column(C.isin(["a", "b"]), dtype=str), _column(C.isin(["c", "b", "d"]), dtype=str)
    )
    assert (change.new, change.gone) == ("c, d", "a")
    (change,) = _changes(_column(C.isin([1, 2])), _column(C.ge(0)))
    assert (change.new, change.gone) == (None, None)


def test_values_of_sensitive_columns_are_not_told() -> None:
    base = _column(C.isin(["Jane Doe"]), C.str_startswith("Jane"), dtype=str)
    head = _column(C.isin(["John Doe"]), C.str_startswith("John"), dtype=str, default="John X")
    assert "Jane Doe" in str(_changes(base, head))
    told = str(_changes(base, head, "x"))
    assert "Jane" not in told
    assert "John" not in told
    listed = _column(dtype=pd.CategoricalDtype(["Jane"]))
    assert "Jane" not in str(_changes(listed, _column(dtype=pd.CategoricalDtype(["John"])), "x"))


@pytest.mark.parametrize(
    ("change", "breaking"),
    [("widens", False), ("narrows", True), ("both", True), ("unknown", None)],
)
def test_what_breaks(change: Any, breaking: bool | None) -> None:
    assert SchemaChange(aspect="range", effect=change).breaking is breaking


class _Pair(NamedTuple):
    base: pa.DataFrameSchema
    head: pa.DataFrameSchema
    frames: list[pd.DataFrame]


_CHECKS = st.one_of(
    st.builds(C.ge, st.sampled_from(NUMBERS)),
    st.builds(C.gt, st.sampled_from(NUMBERS)),
    st.builds(C.le, st.sampled_from(NUMBERS)),
    st.builds(C.lt, st.sampled_from(NUMBERS)),
    st.builds(C.eq, st.sampled_from(NUMBERS)),
    st.builds(C.ne, st.sampled_from(NUMBERS)),
    st.builds(C.isin, st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=4)),
    st.builds(C.notin, st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=2)),
    st.builds(
        lambda low, size, **ends: C.in_range(low, low + size, **ends),
        st.sampled_from(NUMBERS),
        st.sampled_from([1, 2]),
        include_min=st.booleans(),
        include_max=st.booleans(),
    ),
    st.builds(C.ge, st.sampled_from(NUMBERS), ignore_na=st.just(value=False)),
)
_COLUMNS = st.builds(
    pa.Column,
    st.sampled_from(["int64", "int64", "int8", "float64", None]),
    st.lists(_CHECKS, max_size=2),
    nullable=st.booleans(),
    unique=st.booleans(),
    coerce=st.booleans(),
    required=st.booleans(),
)
_SCHEMAS = st.builds(
    pa.DataFrameSchema,
    st.dictionaries(st.sampled_from(["x", "y"]), _COLUMNS, min_size=1),
    strict=st.sampled_from([False, False, True, "filter"]),
    ordered=st.booleans(),
    coerce=st.booleans(),
    unique=st.sampled_from([None, None, ["x"], ["x", "y"]]),
)
_VALUES = st.lists(st.sampled_from([*NUMBERS, 0.5, None]), min_size=2, max_size=2)


@st.composite
def _near(draw: st.DrawFn, base: pa.DataFrameSchema) -> pa.DataFrameSchema:
    """A schema that differs from another one in a thing or two, as a commit's does."""
    other = draw(_SCHEMAS)
    columns = dict(base.columns)
    for name in draw(st.lists(st.sampled_from(["x", "y"]), max_size=1)):
        if name not in other.columns:
            columns.pop(name, None)
            continue
        new, old = other.columns[name], columns.get(name, other.columns[name])
        keep = draw(st.sampled_from(["dtype", "checks", "flags", "nothing"]))
        columns[name] = pa.Column(
            old.dtype if keep in {"checks", "flags"} else new.dtype,
            old.checks if keep in {"dtype", "flags"} else new.checks,
            nullable=(new if keep == "flags" else old).nullable,
            unique=(new if keep == "flags" else old).unique,
            coerce=(new if keep == "flags" else old).coerce,
            required=(new if keep == "flags" else old).required,
        )
    flags = draw(st.sampled_from(["strict", "ordered", "coerce", "unique", "none", "none"]))
    said = {
        name: getattr(other if name == flags else base, name)
        for name in ("strict", "ordered", "coerce", "unique")
    }
    return pa.DataFrameSchema(columns, **said)


@st.composite
def _pairs(draw: st.DrawFn) -> _Pair:
    base = draw(_SCHEMAS)
    head = draw(_near(base))
    frames = []
    for _ in range(4):
        names = draw(st.permutations(["x", "y", "z"]))[: draw(st.sampled_from([1, 1, 2, 3]))]
        frame = pd.DataFrame({name: draw(_VALUES) for name in names}, dtype=float)
        for name in names:
            whole = frame[name].notna().all() and (frame[name] % 1 == 0).all()
            if whole and draw(st.booleans()):
                frame[name] = frame[name].astype(draw(st.sampled_from(["int64", "int64", "int8"])))
        frames.append(frame)
    return _Pair(base, head, frames)


def _accepts(schema: pa.DataFrameSchema, frame: pd.DataFrame) -> bool:
    try:
        schema.validate(frame)  # not lazy: the verdict is the same, and comes sooner
    except (SchemaError, SchemaErrors, ValueError):
        return False  # older Panderas raise the last where no column of a key is there
    return True


@settings(max_examples=30)
@given(_pairs())
def test_pandera_agrees(pair: _Pair) -> None:
    effects = {change.effect for change in _changes(pair.base, pair.head)}
    for frame in pair.frames:
        if effects <= {"widens"} and _accepts(pair.base, frame):
            assert _accepts(pair.head, frame), "what base accepts, head must accept"
        if effects <= {"narrows"} and _accepts(pair.head, frame):
            assert _accepts(pair.base, frame), "what head accepts, base must have accepted"
