"""What the tests of the conversion share: a table of mixed types, and both answers side by side."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from assay.packaging import signature
from assay.packaging.conversion import Converted, convert
from assay.packaging.parity.answers import Original
from assay.packaging.parity.session import Session

if TYPE_CHECKING:
    from assay.packaging.facts import Signature

TIGHT = 1e-9
"""All is float64: what is left is the order of sums."""


@cache
def table(rows: int = 160) -> pd.DataFrame:
    """Numbers, integers, booleans and text, some of it missing."""
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, rows),
            "income": np.exp(rng.normal(8, 1, rows)),
            "owner": rng.random(rows) < 0.4,
            "city": rng.choice(["Berlin", "Wien", "Zürich"], rows).astype(object),
            "job": rng.choice(["a", "b", "c"], rows).astype(object),
            "change": rng.normal(size=rows),
        }
    )
    frame.loc[rng.random(rows) < 0.1, "job"] = np.nan
    frame.loc[rng.random(rows) < 0.15, "change"] = np.nan
    return frame


def target(frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Numbers above 0 that follow from a table."""
    found = frame["change"].fillna(0) * 3 + frame["age"] / 20 + (frame["city"] == "Wien") * 2
    return np.asarray(found - found.min() + 1.0)


def classes(frame: pd.DataFrame, count: int = 2) -> np.ndarray[Any, Any]:
    """Text of two or three classes."""
    values = target(frame)
    edges = np.quantile(values, np.linspace(0, 1, count + 1)[1:-1])
    return np.array(["no", "perhaps", "yes"], dtype=object)[np.digitize(values, edges)]


def converted(estimator: Any, rows: Any) -> tuple[Converted, Signature]:
    """The ONNX model of a fitted estimator, and its signature."""
    signed = signed_for(estimator, rows)
    return convert(estimator, signed, pd.DataFrame(rows)), signed


def signed_for(estimator: Any, rows: Any) -> Signature:
    matrix = not isinstance(rows, pd.DataFrame)
    frame = pd.DataFrame(rows).rename(columns=str) if matrix else rows
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return signature.of(estimator, frame, matrix=matrix, shown="rows")


def agree(estimator: Any, rows: Any, *, tolerance: float = TIGHT) -> Converted:
    """Hold the export to the estimator on rows: labels equal, numbers within the tolerance."""
    made, signed = converted(estimator, rows)
    names = tuple(one.name for one in signed.outputs)
    dtype = None if isinstance(rows, pd.DataFrame) else rows.dtype.name
    frame = pd.DataFrame(rows).rename(columns=str)
    expected = Original(estimator, dtype, names).ask(frame)
    got = Session(made.model, signed).ask(frame)
    for name in names:
        if name == "label":
            assert got[name].tolist() == expected[name].tolist()
        else:
            np.testing.assert_allclose(
                got[name], expected[name], tolerance, tolerance, err_msg=name
            )
    return made
