"""The rows that two predictions tables share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from assay.stats.predictions import PredictionsError, align
from hypothesis import given, settings
from hypothesis import strategies as st

bounded = settings(max_examples=60, deadline=None, derandomize=True)


def table(keys: list[Any], truth: list[Any] | None = None) -> pd.DataFrame:
    return pd.DataFrame({"id": keys, "y": truth or [1] * len(keys)})


def test_same_rows_in_another_order() -> None:
    found = align(table([1, 2, 3], [0, 1, 0]), table([3, 1, 2], [0, 0, 1]), truth="y", key="id")
    assert found.same
    assert found.head_rows.tolist() == [0, 1, 2]
    assert found.base_rows.tolist() == [1, 2, 0]
    assert found.by_key


def test_other_rows_and_other_truths_are_counted() -> None:
    head, base = table([1, 2, 3, 9], [0, 1, 0, 1]), table([2, 3, 4, 5, 6], [1, 1, 0, 0, 0])
    found = align(head, base, truth="y", key="id")
    assert (found.shared, found.only_head, found.only_base) == (2, 2, 3)
    assert found.truth_differs.tolist() == [2]
    assert not found.same_rows
    assert not found.same


def test_by_order() -> None:
    found = align(table([1, 2, 3], [0, 1, 0]), table([7, 8], [0, 0]), truth="y")
    assert (found.shared, found.only_head, found.only_base) == (2, 1, 0)
    assert found.truth_differs.tolist() == [1]
    assert not found.by_key


def test_a_key_of_two_columns() -> None:
    head = pd.DataFrame({"day": ["mon", "mon", "tue"], "hour": [1, 2, 1], "y": [1, 2, 3]})
    found = align(head, head.iloc[::-1], truth="y", key=["day", "hour"])
    assert found.same
    assert found.base_rows.tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("head", "base", "message"),
    [
        (
            [1, 2, 2, 2],
            [1, 2, 3, 4],
            r"not unique in the predictions of the head: 3 .*rows 2, 3, 4",
        ),
        ([1, 2], [1, 1], r"not unique in the predictions of the base: 2 rows"),
        ([1, None], [1, 2], r"'id' has 1 missing values in the predictions of the head \(row 2\)"),
        ([1, 2], ["1", "2"], r"'id' is int64 in the head and .* in the base"),
    ],
)
def test_keys_that_identify_nothing(head: list[Any], base: list[Any], message: str) -> None:
    with pytest.raises(PredictionsError, match=message) as caught:
        align(table(head), table(base), truth="y", key="id")
    assert caught.value.exit_code == 2


def test_a_key_that_cannot_be_compared() -> None:
    frame = pd.DataFrame({"a": [[1], [2]], "y": [0, 1]})
    with pytest.raises(PredictionsError, match="key column 'a' holds lists"):
        align(frame, frame, truth="y", key="a")


@pytest.mark.parametrize(
    ("head", "base", "same"),
    [
        (pd.Series([0.1, 1e9]), pd.Series([0.1, 1e9], dtype="float32"), True),
        (pd.Series([0.1, 2.0]), pd.Series([0.1001, 2.0]), False),
        (pd.Series([10_000_000]), pd.Series([10_000_001]), False),
        (pd.Series(["a"]), pd.Series(["a"]).astype("category"), True),
        (pd.Series([1, 0]), pd.Series([True, False]), True),
        (pd.Series([1, 0]), pd.Series([1.0, 0.0]), True),
        (pd.Series([1, None]), pd.Series([1, None], dtype="Int64"), True),
        (pd.Series([1, None]), pd.Series([1, 2]), False),
        (pd.Series([1, 2], dtype="object"), pd.Series([1, 2]), True),
    ],
)
def test_truths_of_different_dtypes(head: pd.Series, base: pd.Series, *, same: bool) -> None:
    assert align(head.to_frame("y"), base.to_frame("y"), truth="y").same is same


@bounded
@given(st.sets(st.integers(0, 30), min_size=1), st.sets(st.integers(0, 30), min_size=1))
def test_alignment_is_set_arithmetic(head: set[int], base: set[int]) -> None:
    found = align(table(sorted(head)), table(sorted(base, reverse=True)), truth="y", key="id")
    assert found.shared == len(head & base)
    assert found.only_head == len(head - base)
    assert found.only_base == len(base - head)
    ids, others = np.array(sorted(head)), np.array(sorted(base, reverse=True))
    assert ids[found.head_rows].tolist() == others[found.base_rows].tolist()
