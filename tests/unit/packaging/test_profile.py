"""The reference profile: what a monitor can tell from it, against the whole sample."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from assay.packaging import profile
from assay.packaging.facts import InputSpec, OutputSpec, Signature
from assay.packaging.profile import Categories, Numbers, Profile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

SIGNATURE = Signature(
    task="binary",
    inputs=(
        InputSpec(name="size", dtype="float64"),
        InputSpec(name="grade", dtype="int64", categories=(1, 2)),
        InputSpec(name="town", dtype="string"),
    ),
    outputs=(
        OutputSpec(name="label", meaning="label", dtype="string", shape=(None,)),
        OutputSpec(name="probabilities", meaning="probability", dtype="float64", shape=(None, 2)),
    ),
    classes=("no", "yes"),
)
FRAME = pd.DataFrame(
    {
        "size": [1.0, 2.0, np.nan, 4.0, np.inf, 2.0, 2.0, 1.0],
        "grade": [1, 2, 1, 1, 1, 1, 2, 2],
        "town": ["Ulm"] * 5 + ["Bonn", "x" * 200, None],
    }
)
ANSWERS: dict[str, Any] = {
    "label": np.asarray(["yes"] * 6 + ["no"] * 2, dtype=object),
    "probabilities": np.column_stack([np.linspace(0, 1, 8), np.linspace(1, 0, 8)]),
}


def cumulative(found: Numbers, at: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    """The share of values below, and not above, each number: as the profile's text says."""
    edges, total = np.asarray(found.edges), found.upto[-1]
    below, upto = np.asarray(found.below), np.asarray(found.upto)
    place = np.searchsorted(edges, at, side="right") - 1
    inside = np.clip(place, 0, len(edges) - 2)
    width = edges[inside + 1] - edges[inside]
    share = (at - edges[inside]) / np.where(width > 0, width, 1)
    between = upto[inside] + np.clip(share, 0, 1) * (below[inside + 1] - upto[inside])
    exact = (place >= 0) & (edges[np.maximum(place, 0)] == at)
    upper = np.where(exact, upto[np.maximum(place, 0)], between)
    lower = np.where(exact, below[np.maximum(place, 0)], between)
    outside = [(place < 0, 0), (at > edges[-1], total)]
    for where, value in outside:
        upper, lower = np.where(where, value, upper), np.where(where, value, lower)
    return lower / total, upper / total


def distance(found: Numbers, sample: np.ndarray[Any, Any]) -> float:
    """Kolmogorov-Smirnov between a profile and a sample."""
    values = np.unique(np.concatenate([sample, np.asarray(found.edges)]))
    ordered = np.sort(sample)
    lower, upper = cumulative(found, values)
    below = np.searchsorted(ordered, values, side="left") / len(sample)
    upto = np.searchsorted(ordered, values, side="right") / len(sample)
    return float(max(np.abs(lower - below).max(), np.abs(upper - upto).max()))


def stability(reference: Any, current: Any) -> float:
    """The population stability index of counts by bin."""
    a, b = reference / reference.sum(), current / current.sum()
    return float(((b - a) * np.log(b / a)).sum())


DRAWS = np.random.default_rng(11)
SHAPES = {
    "normal": (DRAWS.normal(size=50_000), DRAWS.normal(0.1, 1.1, size=50_000)),
    "skewed": (DRAWS.lognormal(size=50_000), DRAWS.lognormal(0.1, size=50_000)),
    "whole numbers": (
        DRAWS.poisson(30, size=50_000) * 1.0,
        DRAWS.poisson(31, size=50_000) * 1.0,
    ),
    "half of it zero": (
        np.maximum(DRAWS.normal(size=50_000), 0),
        np.maximum(DRAWS.normal(0.1, size=50_000), 0),
    ),
    "many whole numbers": (
        np.round(DRAWS.normal(0, 1000, size=50_000)),
        np.round(DRAWS.normal(50, 1000, size=50_000)),
    ),
}


class TestWhatAMonitorCanTell:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_kolmogorov_smirnov(self, shape: str):
        reference, current = SHAPES[shape]
        exact = ks_2samp(reference, current, method="asymp").statistic
        assert distance(profile.numbers("x", reference), current) == pytest.approx(exact, abs=1e-4)

    @pytest.mark.parametrize("shape", SHAPES)
    def test_population_stability_over_ten_bins(self, shape: str):
        reference, current = SHAPES[shape]
        found = profile.numbers("x", reference)
        shares = np.asarray(found.upto) / found.upto[-1]
        places = np.unique(np.searchsorted(shares, np.arange(1, 10) / 10))
        edges = np.asarray(found.edges)[places]
        if len(places) == 9 and shape in {"normal", "skewed"}:
            assert edges == pytest.approx(np.quantile(reference, np.arange(1, 10) / 10), abs=1e-3)
        counts = np.diff([0, *np.asarray(found.upto)[places], found.upto[-1]])
        binned = [np.searchsorted(edges, values, side="left") for values in (reference, current)]
        exact, now = (np.bincount(one, minlength=len(edges) + 1) for one in binned)
        # The profile's counts at its edges are those of the sample, to the last row.
        assert counts.tolist() == exact.tolist()
        assert (now > 0).all()
        assert stability(counts, now) == pytest.approx(stability(exact, now), rel=1e-12)


class TestNumbers:
    @settings(max_examples=40)
    @given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=400))
    def test_counts_are_those_of_the_values(self, values: list[float]):
        found = profile.numbers("x", np.asarray(values))
        there = np.asarray([value for value in values if np.isfinite(value)])
        assert found.count == len(values)
        assert found.nulls + found.infinite + len(there) == len(values)
        assert len(found.edges) <= 289
        for edge, below, upto in zip(found.edges, found.below, found.upto, strict=True):
            assert below == (there < edge).sum()
            assert upto == (there <= edge).sum()
        if len(there):
            assert (found.min, found.max) == (there.min(), there.max())
            assert (found.edges[0], found.edges[-1]) == (there.min(), there.max())
            assert list(found.edges) == sorted(set(found.edges))

    def test_every_bin_has_as_many(self):
        found = profile.numbers("x", np.random.default_rng(0).permutation(25_601) * 1.0)
        # 256 bins of 100, and cuts within some of them.
        assert 257 < len(found.edges) <= 289
        assert set(range(0, 25_601, 100)) <= set(found.edges)
        assert max(np.diff(found.upto)) == 100

    def test_mean_and_deviation(self):
        found = profile.numbers("x", np.asarray([1.0, 2.0, 3.0, np.nan, np.inf]))
        assert (found.mean, found.std) == (2.0, pytest.approx(np.std([1, 2, 3])))

    def test_no_value_at_all(self):
        found = profile.numbers("x", np.asarray([np.nan, np.nan]))
        assert (found.count, found.nulls, found.edges, found.mean) == (2, 2, (), None)

    def test_what_is_too_large_to_add(self):
        found = profile.numbers("x", np.asarray([1.7e308, 1.7e308]))
        assert (found.mean, found.std, found.max) == (None, None, 1.7e308)


class TestProfile:
    def test_features_and_predictions(self):
        found = profile.of(FRAME, ANSWERS, SIGNATURE)
        size, grade, town = found.features
        assert isinstance(size, Numbers)
        assert (size.edges, size.below, size.upto) == ((1.0, 2.0, 4.0), (0, 2, 5), (2, 5, 6))
        assert (size.count, size.nulls, size.infinite) == (8, 1, 1)
        assert grade == Categories(
            name="grade", count=8, nulls=0, values=("1",), counts=(5,), other=3
        )
        assert town == Categories(
            name="town", count=8, nulls=1, values=("Ulm",), counts=(5,), other=2
        )
        names = [one.name for one in found.predictions]
        assert names == ["label", "probabilities[no]", "probabilities[yes]"]
        label = found.predictions[0]
        assert isinstance(label, Categories)
        assert (label.values, label.counts, label.other) == (("yes",), (6,), 2)

    def test_sensitive_columns_are_left_out(self):
        found = profile.of(FRAME, ANSWERS, SIGNATURE, sensitive=["town"])
        assert [one.name for one in found.features] == ["size", "grade"]
        assert "Ulm" not in found.model_dump_json()

    def test_the_file_comes_back_the_same(self):
        found = profile.of(FRAME, ANSWERS, SIGNATURE)
        assert Profile.model_validate_json(found.model_dump_json()) == found

    @pytest.mark.parametrize(
        "values",
        [
            pd.Series([True, False, True, True, True, True]),
            pd.Series(["a"] * 5 + ["b"], dtype="category"),
            pd.Series([True] * 5 + [None], dtype="boolean"),
        ],
        ids=lambda values: str(values.dtype),
    )
    def test_what_is_a_category(self, values: pd.Series):
        found = profile.column("x", values, categorical=False)
        assert isinstance(found, Categories)
        assert sum(found.counts) == 5

    @pytest.mark.parametrize("dtype", ["int8", "Int64", "float32", "Float64"])
    def test_what_is_a_number(self, dtype: str):
        found = profile.column("x", pd.Series([1, 2, 2], dtype=dtype), categorical=False)
        assert isinstance(found, Numbers)
        assert (found.edges, found.upto) == ((1.0, 2.0), (1, 3))

    def test_many_categories_and_outputs_stay_bounded(self):
        values = pd.Series([f"t{number}" for number in range(400) for _ in range(5)])
        found = profile.column("x", values, categorical=False)
        assert isinstance(found, Categories)
        assert (len(found.values), found.other) == (256, 144 * 5)
        wide = profile.of(FRAME, {"value": np.zeros((8, 300))}, SIGNATURE)
        assert len(wide.predictions) == 100
