"""Holm's correction, against its definition and against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from assay.stats.holm import holm
from hypothesis import given, settings
from hypothesis import strategies as st

P_VALUES = st.lists(st.floats(min_value=0, max_value=1), max_size=30)
ALPHAS = (0.001, 0.01, 0.05, 0.3)


def _rejected(p_values: list[float], alpha: float) -> list[bool]:
    """By the procedure as Holm wrote it down, step by step."""
    rejected = [False] * len(p_values)
    left = list(range(len(p_values)))
    while left:
        smallest = min(left, key=lambda index: p_values[index])
        if p_values[smallest] * len(left) >= alpha:
            break
        rejected[smallest] = True
        left.remove(smallest)
    return rejected


@settings(deadline=None, derandomize=True, max_examples=300)
@given(P_VALUES, st.sampled_from(ALPHAS))
def test_it_rejects_what_the_procedure_rejects(p_values: list[float], alpha: float) -> None:
    assert [one.adjusted < alpha for one in holm(p_values)] == _rejected(p_values, alpha)


@settings(deadline=None, derandomize=True, max_examples=10)  # it takes 0.1 s a call
@given(P_VALUES.filter(bool))
def test_as_statsmodels_has_it(p_values: list[float]) -> None:
    from statsmodels.stats import multitest

    theirs = multitest.multipletests(p_values, method="holm")[1]
    np.testing.assert_allclose([one.adjusted for one in holm(p_values)], theirs, rtol=1e-12)


def test_ranks_are_of_the_sorted_p_values() -> None:
    found = holm([0.04, 0.01, 0.03, 0.01])
    assert [one.rank for one in found] == [4, 1, 3, 2]
    assert [one.adjusted for one in found] == pytest.approx([0.06, 0.04, 0.06, 0.04])
    assert {one.family for one in found} == {4}


def test_of_none_there_is_none() -> None:
    assert holm([]) == []


def test_one_is_left_as_it_is() -> None:
    assert holm([0.2])[0].adjusted == 0.2
