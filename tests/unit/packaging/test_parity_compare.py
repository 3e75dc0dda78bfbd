"""When two answers are the same."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from assay.packaging.facts import Tolerance
from assay.packaging.parity.compare import (
    differ,
    furthest,
    labels_differ,
    rounded_up,
    undecided,
)
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


def array(*values: Any) -> np.ndarray[Any, Any]:
    return np.asarray(values)


def as_python(a: float, b: float, tolerance: Tolerance) -> bool:
    """The definition, one number at a time: b is the model's."""
    if math.isnan(b) or math.isnan(a):
        return math.isnan(a) != math.isnan(b)
    if math.isinf(b) or math.isinf(a):
        return a != b
    return not abs(a - b) <= tolerance.absolute + tolerance.relative * abs(b)


class TestNumbers:
    @given(
        st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20),
        st.floats(0, 1),
        st.floats(0, 1),
    )
    def test_as_the_definition_says(
        self, pairs: list[tuple[float, float]], absolute: float, relative: float
    ):
        tolerance = Tolerance(absolute=absolute, relative=relative)
        model, export = np.asarray(pairs, dtype=np.float64).T
        expected = [as_python(a, b, tolerance) for b, a in pairs]
        assert differ(model, export, tolerance).tolist() == expected

    @given(st.lists(NUMBERS, min_size=1))
    def test_what_is_the_same_is_the_same_without_tolerance(self, values: list[float]):
        exact = Tolerance(absolute=0, relative=0)
        assert not differ(array(*values), array(*values), exact).any()

    def test_just_within_and_just_beyond(self):
        tolerance = Tolerance(absolute=0.5, relative=0.25)
        model = array(4.0, 4.0, -4.0, -4.0)
        export = array(5.5, np.nextafter(5.5, 6), -2.5, np.nextafter(-2.5, 0))
        assert differ(model, export, tolerance).tolist() == [False, True, False, True]

    def test_an_infinity_is_near_nothing_but_itself(self):
        model = array(np.inf, np.inf, -np.inf, 1.0)
        export = array(np.inf, 1e308, np.inf, np.inf)
        assert differ(model, export, Tolerance()).tolist() == [False, True, True, True]

    def test_one_class_of_a_row_is_enough(self):
        model, export = array([0.5, 0.5], [0.1, 0.9]), array([0.5, 0.5], [0.1, 0.8])
        assert differ(model, export, Tolerance()).tolist() == [False, True]

    def test_another_shape(self):
        assert differ(np.zeros((2, 2)), np.zeros(2), Tolerance()).all()


class TestLabels:
    @pytest.mark.parametrize(
        ("model", "export", "expected"),
        [
            (array(0, 1), array(0, 1), [False, False]),
            (array(0, 1), array(1, 1), [True, False]),
            (array(True, False), array(1, 0), [False, False]),
            (array(0.0, 1.0), array(0, 1), [False, False]),
            (array("a", "b"), np.asarray(["a", "c"], dtype=object), [False, True]),
            (array("1", "2"), array(1, 2), [True, True]),
            (array([0, 1], [1, 1]), array([0, 1], [1, 0]), [False, True]),
            (array([0, 1], [1, 1]), array(0, 1), [True, True]),
        ],
    )
    def test_labels(self, model: Any, export: Any, expected: list[bool]):
        assert labels_differ(model, export).tolist() == expected


class TestHowFar:
    def test_of_finite_numbers(self):
        model, export = array(2.0, 100.0, np.inf, np.nan, 0.0), array(3.0, 90.0, np.inf, 1.0, 1.0)
        assert furthest(model, export) == (10.0, 0.5)

    @given(st.floats(min_value=1e-9, max_value=1e300))
    def test_is_rounded_up_to_two_digits(self, value: float):
        shown = rounded_up(value)
        assert value * (1 - 1e-12) <= shown <= value * 1.1000001
        assert len(f"{shown:e}".split("e", maxsplit=1)[0].rstrip("0").replace(".", "")) <= 2

    @pytest.mark.parametrize("value", [0.0, 1e-16, 9.9e-10])
    def test_noise_is_nothing(self, value: float):
        assert rounded_up(value) == 0.0


class TestUndecided:
    SCORES = np.asarray([[0.5, 0.5, 0.0], [0.4999, 0.5001, 0.0], [0.3, 0.3, 0.4]])

    def test_the_label_that_is_as_good(self):
        chosen = array(0, 0, 0)
        assert undecided(self.SCORES, chosen, Tolerance()).tolist() == [True, False, False]

    def test_within_the_tolerance(self):
        chosen = array(0, 0, 0)
        wide = Tolerance(absolute=1e-3)
        assert undecided(self.SCORES, chosen, wide).tolist() == [True, True, False]

    def test_a_label_that_the_model_does_not_know(self):
        assert not undecided(self.SCORES, array(-1, -1, -1), Tolerance(absolute=9)).any()
