"""How values are spread: both ways alike, as numpy counts them; nothing of what is sensitive."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pandera.polars as pap
import polars as pl
import pytest
from assay.contract import spread
from assay.contract.job import JobSpec
from assay.contract.job import Table as Named
from assay.contract.judge import Judge
from assay.contract.schema import LoadedSchema
from assay.contract.spread import STEPS, Counts
from assay.stages.validate import CheckFailure
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.contract.tables import NOW, Table

if TYPE_CHECKING:
    from pathlib import Path

    from assay.contract.sources.base import Layout

LOADED = LoadedSchema(
    "S",
    pa.DataFrameSchema(
        {
            "t": pa.Column(float, [pa.Check.in_range(0, 10), pa.Check.isin([1.0])]),
            "u": pa.Column(int, pa.Check.ge(3)),
            "v": pa.Column(str, pa.Check.ge("a")),
        }
    ),
    "pandas",
)
IN_RANGE = CheckFailure(check="in_range(0, 10)", column="t", count=1, share=0.1)


def layout(frame: pd.DataFrame) -> Layout:
    return Table(frame).layout("pandas", has_index=False)


def told(failure: CheckFailure, frame: pd.DataFrame, *sensitive: str) -> str | None:
    look = partial(spread.of_frame, frame)
    names = list(frame.columns)
    (found,) = spread.added([failure], LOADED, look, names=names, sensitive=sensitive)
    assert found.model_copy(update={"spread": None}) == failure
    return found.spread


NUMBERS = st.one_of(st.floats(), st.integers(-50, 50).map(float), st.just(None))


@settings(max_examples=15)
@given(st.lists(NUMBERS, max_size=40))
def test_a_frame_and_a_table_are_counted_alike(values: list[float | None]) -> None:
    frame = pd.DataFrame({"t": pd.Series(values, dtype=float)})
    found = spread.of_frame(frame, "t")
    assert spread.of_layout(layout(frame), "t") == found
    assert spread.of_frame(pl.DataFrame({"t": pl.Series(values, dtype=pl.Float64)}), "t") == found
    if found is not None:
        finite = frame["t"][np.isfinite(frame["t"])]
        assert sum(found.counts) == len(finite)
        assert (found.low, found.high) == (finite.min(), finite.max())


@settings(max_examples=20)
@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=60, unique=True))
def test_steps_are_those_of_numpy(values: list[int]) -> None:
    found = spread.of_frame(pd.DataFrame({"t": values}), "t")
    assert found is not None
    edges = np.linspace(found.low, found.high, STEPS + 1)
    # Of a value on an edge, floats may tell either side.
    if not np.isclose(np.subtract.outer(np.array(values[2:]), edges[1:-1]), 0, atol=1e-6).any():
        counts, _ = np.histogram(values, bins=STEPS)
        assert list(found.counts) == counts.tolist()


@pytest.mark.parametrize(
    ("counts", "bounds", "text"),
    [
        ((8, 1, *[0] * 17, 4), (), "0 █▁·················▄ 20"),
        ((1, *[0] * 18, 999), (1.0, 19), "0 ▁│··················│█ 20"),
        ((1,) * 20, (0.001, 20), "0 █│██████████████████│█ 20"),
        ((1,) * 20, (-5, 21), "0 ████████████████████ 20"),
    ],
)
def test_what_is_drawn(counts: tuple[int, ...], bounds: tuple[float, ...], text: str) -> None:
    assert spread.drawn(Counts(0.0, 20.0, counts), bounds) == text


@pytest.mark.parametrize(
    "column",
    [
        ["a", "b"],
        [True, False],
        [1.5, 1.5],
        [None, float("nan")],
        [float("inf"), 1.0],
        [-1e308, 1e308],
        [1.0, 1.0 + 2**-52],
        [],
        pd.to_datetime(["2026-01-01", "2026-01-02"]),
    ],
)
def test_what_has_no_steps(column: Any) -> None:
    frame = pd.DataFrame({"t": column})
    assert spread.of_frame(frame, "t") is None
    assert spread.of_layout(layout(frame), "t") is None
    assert spread.of_frame(frame.set_axis([7], axis=1), "7") is None
    assert spread.of_frame(pd.concat([frame, frame], axis=1), "t") is None


FRAME = pd.DataFrame({"t": [-10.0, 0, 5, 10, 30], "u": range(5), "v": list("abcde")})


def test_bounds_that_fail_are_drawn() -> None:
    assert told(IN_RANGE, FRAME) == "-10 █····│█·█··│█········█ 30"
    for check, column in (("isin([1.0])", "t"), ("greater_than_or_equal_to(a)", "v"), ("x", None)):
        assert told(IN_RANGE.model_copy(update={"check": check, "column": column}), FRAME) is None


def test_nothing_is_told_of_what_is_sensitive() -> None:
    assert told(IN_RANGE, FRAME, "u") is not None
    assert told(IN_RANGE, FRAME, "t") is None
    assert told(IN_RANGE, FRAME, "phone") is None, "its values may stand in any column"


def test_so_many_columns_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread, "MOST_COLUMNS", 1)
    other = CheckFailure(check="greater_than_or_equal_to(3)", column="u", count=3)
    seen: list[str] = []

    def look(column: str) -> Counts:
        seen.append(column)
        return Counts(0.0, 20.0, (1,) * STEPS)

    found = spread.added([IN_RANGE, other, IN_RANGE], LOADED, look, names=["t", "u"], sensitive=())
    assert [one.spread is None for one in found] == [False, True, False]
    assert seen == ["t"]


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("library", [pa, pap])
def test_a_file_of_any_size_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: Any, *, small: bool
) -> None:
    monkeypatch.setattr("assay.contract.judge.SMALL", 10**9 if small else 0)
    FRAME.to_parquet(tmp_path / "a.parquet")
    backend = "pandas" if library is pa else "polars"
    schema = library.DataFrameSchema({"t": library.Column(float, library.Check.ge(0))})
    loaded = LoadedSchema("S", schema, backend)  # type: ignore[arg-type]
    spec = JobSpec(number=0, reference="s.py:S", tables=())
    judge = Judge(spec=spec, loaded=loaded, root=tmp_path, state=tmp_path, now=NOW)
    (failure,) = judge.judge(Named(path="a.parquet")).findings.failures
    assert failure.spread == "-10 █····│█·█··█········█ 30"
