"""Expressions: what they select, what they refuse, and how they say so."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from assay.stats import expressions
from assay.stats.columns import PredictionsError
from assay.stats.expressions import ExpressionError
from hypothesis import given, settings
from hypothesis import strategies as st

FRAME = pd.DataFrame(
    {
        "age": [20.0, 60.0, 70.0, None],
        "visits": [3, 1, 4, 1],
        "region": ["north", "east", None, "west"],
        "my col": [1, 2, 3, 4],
        "flag": [True, False, True, True],
        "maybe": pd.Series([True, None, False, True], dtype="boolean"),
        "whole": pd.Series([1, None, 3, 4], dtype="Int64"),
        "day": pd.to_datetime(["2024-01-01", "2024-02-01", None, "2024-03-01"]),
        "moment": pd.to_datetime(["2024-01-01", "2024-02-01", None, "2024-03-01"]).tz_localize(
            "Europe/Berlin"
        ),
        "date": [dt.date(2024, 1, 1), dt.date(2024, 2, 1), None, dt.date(2024, 3, 1)],
        "size": pd.Categorical(["S", "L", None, "M"], categories=["S", "M", "L"], ordered=True),
        "grade": pd.Categorical([1, 2, None, 1]),
        "town": pd.Categorical(["Ulm", "Aachen", None, "Ulm"]),
        "price": [Decimal("1.5"), None, Decimal(2), Decimal(3)],
        "id": np.array([2**62 + 1, 2**62, 5, 6]),
        "nothing": [None] * 4,
        "mixed": [1, "a", None, 2.5],
        "straße": [1, 2, 3, 4],
    }
)


def rows(text: str, frame: pd.DataFrame = FRAME) -> list[int]:
    return np.flatnonzero(expressions.compile(text).mask(frame)).tolist()


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("age >= 60 and region in ('north', 'east')", [1]),
        ("age >= 60 or visits == 3", [0, 1, 2]),
        ("not (visits == 1)", [0, 2]),
        ("visits == 1 and not region == 'west'", [1]),
        ("20 <= age < 70", [0, 1]),
        ("60 < age", [2]),
        ("age > -1", [0, 1, 2]),
        ("-age < -60", [2]),
        ("`my col` * 2 + visits > 6", [2, 3]),
        ("visits / 0 > 1", [0, 1, 2, 3]),
        ("`my col` > visits", [1, 3]),
        ("  `my col` == 1\n  or\t`my col` == 2  ", [0, 1]),
        ("region not in ['north', 'west']", [1]),
        ("region > 'm'", [0, 3]),
        ("'m' < region", [0, 3]),
        ("region == town", []),
        ("region != town", [0, 1, 3]),
        ("region in ()", []),
        ("flag", [0, 2, 3]),
        ("flag and maybe", [0, 3]),
        ("flag == 1", [0, 2, 3]),
        ("maybe == False", [2]),
        ("whole >= 3", [2, 3]),
        ("whole + 1 >= 4", [2, 3]),
        ("day >= '2024-02-01'", [1, 3]),
        ("'2024-02-01' > day", [0]),
        ("day in ('2024-02-01', '2024-03-01')", [1, 3]),
        ("moment == '2024-02-01'", [1]),
        ("moment == '2024-01-31T23:00:00+00:00'", [1]),
        ("date >= '2024-02-01'", [1, 3]),
        ("date == day", [0, 1, 3]),
        ("size >= 'M'", [1, 3]),
        ("size == 'S'", [0]),
        ("grade == 1", [0, 3]),
        ("grade < 2", [0, 3]),
        ("town > 'Aachen'", [0, 3]),
        ("price > 1.5", [2, 3]),
        ("id == 4611686018427387905", [0]),
        ("nothing == 'x' or nothing > 3", []),
        ("straße > 2 and `straße` < 4", [2]),
        ("visits == True", [1, 3]),
        ("visits < 1e999", [0, 1, 2, 3]),
        (r"region == 'no\x72th'", [0]),
        ('region == "it\'s `a` # b" or visits == 4', [2]),
    ],
)
def test_what_is_selected(text: str, selected: list[int]) -> None:
    assert rows(text) == selected


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("age > 0", [0, 1, 2]),
        ("age != 20", [1, 2]),
        ("age not in (20, 60)", [2]),
        ("not age > 0", [3]),
        ("age is None", [3]),
        ("age is not None", [0, 1, 2]),
        ("maybe is None", [1]),
        ("not maybe", [1, 2]),
        ("region is None", [2]),
        ("region != 'north'", [1, 3]),
        ("mixed is None", [2]),
        ("nothing is None", [0, 1, 2, 3]),
        ("day != '2024-01-01'", [1, 3]),
        ("size != 'S'", [1, 3]),
        ("0 / (whole - 1) is None", [0, 1]),
    ],
)
def test_a_missing_value_is_in_no_comparison(text: str, selected: list[int]) -> None:
    assert rows(text) == selected


def test_columns_are_named_in_order() -> None:
    found = expressions.compile("`my col` > 1 and (b in (1, 2) or not a) and 3 < b + c")
    assert found.columns == ("my col", "b", "a", "c")
    assert found.text == "`my col` > 1 and (b in (1, 2) or not a) and 3 < b + c"


def test_no_rows() -> None:
    with pytest.raises(PredictionsError, match="no rows"):
        expressions.compile("a > 1").mask(pd.DataFrame({"a": []}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty"),
        ("age", r"'age' \(float64\) does not hold true/false"),
        ("age >", "it ends too early"),
        ("age = 3", "not understood from `= 3` on"),
        ("age => 3", "not understood from `=> 3` on"),
        ("class == 3", "not understood from `class == 3` on"),
        ("age > 60 && flag", "not understood from `& flag` on"),
        ("a ? b", r"not understood from `\? b` on"),
        ("age > `my col", "not understood from `my col on"),
        ("age > 1 # why", "not understood from # why on"),
        ("age > 1if", "not understood"),
        (r"region == '\d'", "not understood"),
        ("\x00 > 1", r"not understood from \\x00 > 1 on"),
        ("\udc80 > 1", "it cannot be read"),
        ("x; y", "not understood"),
        ("x := 3", "not understood"),
        ("1 < 2", "`1` and `2` are both no column"),
        ("3 in (1, 2)", r"`3` and `\(1, 2\)` are both no column"),
        ("1 < 2 < age", "`1` and `2` are both no column"),
        ("True", "`True` is no condition"),
        ("age + 1", r"`age \+ 1` is no condition"),
        ("age > 1 & flag", "`1 & flag` is no condition: write `and` in place of `&`"),
        ("flag | maybe", "write `or` in place of"),
        ("~flag", "write `not` in place of `~`"),
        ("abs(age) > 1", r"`abs\(age\)` calls a function"),
        ("__import__('os').system('true')", "calls a function"),
        ("age.max > 1", "`age.max` looks into an object"),
        ("age[0] > 1", r"`age\[0\]` looks into an object"),
        ("().__class__ == 1", "looks into an object"),
        ("f'{age}' == region", "is a text with code in it"),
        ("age > 10 ** 9", r"`10 \*\* 9` is no value"),
        ("age % 2 == 0", "`age % 2` is no value"),
        ("age == None", "`None` is no value: write `is None`"),
        ("age in (1, None)", "`None` is no value: write `is None`"),
        ("age in (1, visits)", "`visits` is no value"),
        ("age is 3", "`3` after `is` is not None"),
        ("flag is True", "`True` after `is` is not None"),
        ("region in ('north')", r"`'north'` is no list: write in \('a', 'b'\), or in \('a',\)"),
        ("region in town", "`town` is no list"),
        ("region in ('north' 'east')", "one quote follows another"),
        ("region == '''north'''", "one quote follows another"),
        ("region == b'north'", "`b'north'` is no value"),
        ("age > 1j", "`1j` is no value"),
        ("age > ...", "is no value"),
        ("age > -True", "`-True` is no value"),
        ("age > 99999999999999999999", "`99999999999999999999` is too large"),
        ("(age > 1) == (age > 2)", "`age > 1` is no value"),
        ("[a for a in b]", "is no condition"),
        ("lambda: age > 1", "is no condition"),
        ("age if flag else 1", "is no condition"),
        ("*age > 1", "not understood"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(PredictionsError, match=message) as caught:
        rows(text)
    assert caught.value.exit_code == 2
    assert repr(text.strip())[1:-1][:20] in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a" * 2001, "it has 2,001 characters; at most 2,000"),
        ("not " * 100 + "flag", "nested more than 60 levels deep"),
        ("-" * 1900 + "age > 1", "nested more than 60 levels deep|cannot be read"),
        ("(" * 900 + "flag" + ")" * 900, "not understood|cannot be read"),
        ("age" + " + 1" * 400 + " > 1", "nested more than 60 levels deep"),
    ],
)
def test_what_is_too_long_or_too_deep(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message) as caught:
        expressions.compile(text)
    assert len(caught.value.message) < 400


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("seson == 1", "no column 'seson'; the table has 'season', 'y'", "Did you mean 'season'?"),
        ("Season == 1", "no column 'Season'", "Did you mean 'season'?"),
        ("zzz == 1", "no column 'zzz'", "assay.yaml"),
    ],
)
def test_columns_that_are_missing(text: str, message: str, hint: str) -> None:
    with pytest.raises(PredictionsError, match=message) as caught:
        rows(text, pd.DataFrame({"season": [1], "y": [2]}))
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "age > '60'",
            r"'age' \(float64\) holds numbers and cannot be compared with the text '60'",
            "without quotes",
        ),
        ("region == 3", r"'region' \(\w+\) holds text .* with the number 3", "'3'"),
        ("3 == region", "holds text and cannot be compared", "'3'"),
        ("region in ('a', 1)", "with the number 1", "'1'"),
        ("region == True", "holds text and cannot be compared with the true/false True", ""),
        ("flag == 'true'", "holds true/false and cannot be compared with the text 'true'", "True"),
        ("age == region", r"'region' \(\w+\), which holds text", ""),
        ("day > 3", "holds dates and cannot be compared with the number 3", ""),
        ("day > 'soon'", r"holds dates, and 'soon' is no date", "2024-01-31"),
        ("day > '10'", "holds dates, and '10' is no date", "2024-01-31"),
        ("day == region", "holds dates and cannot be compared", ""),
        ("day == moment", "'moment' .* has a time zone and the column 'day' .* has none", ""),
        ("day == '2024-01-31T00:00+01:00'", "has a time zone and the column 'day'", ""),
        ("mixed == 1", "neither numbers, text, true/false nor dates", ""),
        ("size > 'XL'", "no category 'XL', .* its order is 'S', 'M', 'L'", ""),
        ("size > region", "not ordered in the same way", ""),
        ("region + 1 > 2", "holds text, not numbers", ""),
        ("-region > 2", "holds text, not numbers", ""),
        ("age + 'a' > 2", "'a' holds text, not numbers", ""),
    ],
)
def test_what_cannot_be_compared(text: str, message: str, hint: str) -> None:
    with pytest.raises(PredictionsError, match=message) as caught:
        rows(text)
    assert hint in (caught.value.hint or "")


def test_ordered_columns_of_one_order() -> None:
    order = pd.CategoricalDtype(["S", "M", "L"], ordered=True)
    frame = pd.DataFrame({"a": ["S", "L", "M"], "b": ["L", "M", "M"]}, dtype=order)
    assert rows("a < b", frame) == [0]
    assert rows("a == b", frame) == [2]


def test_nothing_is_ever_called() -> None:
    class Trap:
        def __eq__(self, other: object) -> bool:
            raise AssertionError(other)

        __hash__ = object.__hash__

    frame = pd.DataFrame({"a": [Trap(), Trap()]})
    with pytest.raises(PredictionsError, match="neither numbers"):
        rows("a == 1", frame)


# The same as pandas.DataFrame.query -------------------------------------------------------------

CLEAN = pd.DataFrame(
    {
        "a": [3, -1, 0, 7, 2, 2],
        "b": [0.5, -2.0, 3.25, 0.0, 2.0, 7.0],
        "my col": [1, 5, 2, 2, 9, 0],
        "t": ["x", "y", "x", "z", "", "it"],
        "f": [True, False, False, True, True, False],
    }
)
numbers = st.sampled_from(["a", "b", "`my col`"])
constants = st.one_of(st.integers(-3, 9).map(str), st.sampled_from(["0.5", "-2.0", "3.25", "1e1"]))
sums = st.one_of(
    numbers,
    st.tuples(numbers, st.sampled_from("+-*"), st.one_of(numbers, constants)).map(
        lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
    ),
)
signs = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
texts = st.sampled_from(["'x'", '"y"', "''", "'none'"])


def joined(parts: tuple[Any, ...]) -> str:
    return " ".join(parts)


leaves = st.one_of(
    st.tuples(sums, signs, st.one_of(sums, constants)).map(joined),
    st.tuples(constants, signs, sums).map(joined),
    st.tuples(constants, st.just("<"), sums, st.just("<="), constants).map(joined),
    st.tuples(st.just("t"), signs, texts).map(joined),
    st.tuples(
        st.just("t"),
        st.sampled_from(["in", "not in"]),
        st.lists(texts, min_size=1, max_size=3).map(lambda found: f"[{', '.join(found)}]"),
    ).map(joined),
    st.tuples(
        numbers,
        st.sampled_from(["in", "not in"]),
        st.lists(constants, min_size=1, max_size=3).map(lambda found: f"[{', '.join(found)}]"),
    ).map(joined),
    st.just("f"),
)
grammar = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"
        ),
        inner.map(lambda part: f"not ({part})"),
    ),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(grammar)
def test_the_same_rows_as_pandas_query(text: str) -> None:
    expected = CLEAN.query(text, engine="python").index.tolist()
    assert rows(text, CLEAN) == expected


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.one_of(
        st.text(max_size=40),
        st.lists(
            st.sampled_from(
                ["age", "`my col`", "'a'", "1", "and", "or", "not", "in", "is", "None", "(", ")",
                 "<", "==", "-", "+", ",", "[", "]", ".", "lambda", ":", "if", "else", "*", "`"]
            ),
            max_size=12,
        ).map(" ".join),
    )
)  # fmt: skip
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    message, mask = "", None
    try:
        mask = expressions.compile(text).mask(FRAME)
    except PredictionsError as error:
        message = error.message
    assert (mask is None) == bool(message)
    assert message.isprintable()
    assert mask is None or (mask.shape == (4,) and mask.dtype == bool)
