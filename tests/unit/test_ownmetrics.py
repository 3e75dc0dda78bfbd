"""Metrics that are the user's own functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from assay.ownmetrics import OwnMetric

if TYPE_CHECKING:
    from pathlib import Path


def _spoils(rows: pd.DataFrame) -> float:
    total = float(rows["score"].sum())
    rows["score"] *= 0
    rows.loc[:, "y_true"] = 1
    rows["more"] = 1
    return total


def test_what_a_function_writes_into_its_rows_is_lost(tmp_path: Path) -> None:
    frame = pd.DataFrame({"y_true": [0, 1], "score": [0.25, 0.5]})
    metric = OwnMetric("mine", _spoils, tmp_path)
    assert (metric(frame), metric(frame)) == (0.75, 0.75)
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"y_true": [0, 1], "score": [0.25, 0.5]}))
