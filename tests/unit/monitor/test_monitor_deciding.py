"""By which rule labels were decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from assay.monitor import deciding
from assay.stats.predictions import from_frame
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHARES = arrays.arrays(np.float64, (40,), elements=st.floats(0, 1))


@given(SHARES)
def test_the_largest_of_two_is_that_from_a_half_on(score: NDArray[np.float64]) -> None:
    said = np.where(score > 0.5, 0, -1)
    assert deciding.by_largest(score[:, None], said)
    turned = np.where(said == 0, -1, 0)
    apart = np.abs(score - (1 - score))
    assert deciding.by_largest(score[:, None], turned) == (apart <= deciding.CLOSE).all()


@given(arrays.arrays(np.float64, (30, 3), elements=st.floats(0, 1)), st.integers(0, 29))
def test_of_several_classes_one_row_tells(score: NDArray[np.float64], at: int) -> None:
    said = score.argmax(axis=1)
    assert deciding.by_largest(score, said)
    said[at] = score[at].argmin()
    assert deciding.by_largest(score, said) == (np.ptp(score[at]) <= deciding.CLOSE)
    said[at] = -1
    assert deciding.by_largest(score, said)


@pytest.mark.parametrize(("threshold", "same"), [(0.5, True), (0.501, True), (0.3, False)])
def test_a_threshold_of_its_own_is_seen_and_what_was_rounded_is_not_one(
    threshold: float, *, same: bool
) -> None:
    score = np.linspace(0, 1, 501)
    frame = pd.DataFrame({"y": score > 0.4, "p": score, "said": score >= threshold}).astype(
        {"y": int, "said": int}
    )
    rows = from_frame(frame, truth="y", prediction="said", score="p", positive=1)
    assert deciding.of(rows) is same
    assert deciding.of(from_frame(frame, truth="y", prediction="said")) is None
