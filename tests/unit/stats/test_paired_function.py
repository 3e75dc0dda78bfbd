"""A metric of the user's own, by the paired bootstrap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from assay.stats.columns import PredictionsError
from assay.stats.difference import Difference, Settings
from assay.stats.paired import compare_function
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Callable

FAST = Settings(resamples=300)


def tables(n: int = 300, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    chance = np.random.default_rng(seed)
    truth = chance.normal(size=n)
    head, base = (truth + level * chance.normal(size=n) for level in (0.5, 0.8))
    return pd.DataFrame({"t": truth, "p": head}), pd.DataFrame({"t": truth, "p": base})


def error(table: pd.DataFrame) -> float:
    return float((table["t"] - table["p"]).abs().mean())


def run(
    function: Callable[[pd.DataFrame], float], *, settings: Settings = FAST, n: int = 300
) -> Difference:
    return compare_function(function, *tables(n), metric="cost", settings=settings)


def test_interval_is_that_of_scipy() -> None:
    head, base = tables()
    found = run(error, settings=Settings(resamples=1000))
    theirs = stats.bootstrap(
        (head["t"], head["p"], base["p"]),
        lambda t, h, b: np.mean(np.abs(t - h)) - np.mean(np.abs(t - b)),
        paired=True,
        vectorized=False,
        n_resamples=2000,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    slack = 0.25 * theirs.standard_error
    assert found.low == pytest.approx(theirs.confidence_interval.low, abs=slack)
    assert found.high == pytest.approx(theirs.confidence_interval.high, abs=slack)
    assert (found.method, found.units) == ("bootstrap", 300)
    assert found.high < 0
    assert found.p_value < 0.01


def test_it_is_the_same_every_time_and_the_other_way_round() -> None:
    head, base = tables()
    assert run(error) == run(error)
    back = compare_function(error, base, head, metric="cost", settings=FAST)
    assert (back.low, back.high) == pytest.approx((-run(error).high, -run(error).low))


def test_groups_are_drawn_whole() -> None:
    head, base = tables(100)
    rows = np.repeat(np.arange(100), 4)
    settings = Settings(resamples=1000)
    once = compare_function(error, head, base, metric="cost", settings=settings)
    many = compare_function(
        error, head.iloc[rows], base.iloc[rows], metric="cost", settings=settings, groups=rows
    )
    assert many.units == 100
    assert many.standard_error == pytest.approx(once.standard_error, rel=0.1)


def test_a_function_may_spoil_its_table() -> None:
    def spoils(table: pd.DataFrame) -> float:
        value = error(table)
        table["p"] = 0.0
        return value

    assert run(spoils) == run(error)


def test_a_function_that_always_fails_is_named_with_its_error() -> None:
    with pytest.raises(PredictionsError, match="cost failed: KeyError: 'price'"):
        run(lambda table: table["price"].mean())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_finite_number_is_an_error(value: float) -> None:
    with pytest.raises(PredictionsError, match=r"cost returned (nan|inf), which is no finite"):
        run(lambda table: value)


def test_text_is_no_number() -> None:
    with pytest.raises(PredictionsError, match="cost failed: ValueError"):
        run(lambda table: "good")


def test_a_few_failures_are_left_out_and_more_are_an_error() -> None:
    settings = Settings(resamples=200)
    failing = iter([*[0.5] * 2, *[float("nan")] * 5, *np.linspace(0, 1, 1000)])
    found = compare_function(
        lambda table: next(failing), *tables(), metric="cost", settings=settings
    )
    assert np.isfinite([found.low, found.high]).all()
    often = iter([0.5, 0.5, *[float("nan")] * 1000])
    with pytest.raises(PredictionsError, match=r"cost failed in 11 of 11 resamples.*nan") as caught:
        compare_function(lambda table: next(often), *tables(), metric="cost", settings=settings)
    assert "repeats others" in (caught.value.hint or "")


def test_one_row_and_other_rows_are_errors() -> None:
    head, base = tables(1)
    with pytest.raises(PredictionsError, match="1 rows do not tell"):
        compare_function(error, head, base, metric="cost", settings=FAST)
    with pytest.raises(ValueError, match="head has 1 rows and base 300"):
        compare_function(error, head, tables()[1], metric="cost", settings=FAST)
