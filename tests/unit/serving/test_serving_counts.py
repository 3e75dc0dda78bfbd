"""What a server counts: bins, the exposition for Prometheus, and the window of a rollout."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from assay.errors import UsageError
from assay.packaging.profile import Categories, numbers
from assay.rollout.latency import BINS as LATENCY_BINS
from assay.rollout.snapshot import Snapshot
from assay.serving import bins, window
from assay.serving.app import App, create_app
from assay.serving.hooks import Call, Hooks
from assay.serving.settings import ServeSettings
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tests.serving_bundles import ROW, expected, loaded, profile, rows

if TYPE_CHECKING:
    from pathlib import Path

    from assay.serving.loaded import Loaded

FINITE = st.floats(-1e6, 1e6)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return loaded(tmp_path_factory.mktemp("served"))


def asked(app: App, asked_rows: list[dict[str, Any]], path: str = "/predict") -> Call:
    """A request, as the connection asks it."""
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": path, "headers": []}
    call = app.opened(scope, path, {})
    found = app.at_once(call, app.asks[path], json.dumps({"rows": asked_rows}).encode())
    assert found is not None
    app.done(call, 0.0)
    return call


@given(st.floats(1e-9, 1e4))
def test_a_latency_is_within_its_bin(seconds: float) -> None:
    found = bins.latency_bin(seconds)
    micros = seconds * 1e6
    if 0 < found < LATENCY_BINS - 1:
        assert 2 ** (found / 8) * (1 - 1e-8) <= micros < 2 ** ((found + 1) / 8) * (1 + 1e-8)
    elif found == 0:
        assert micros < 2 ** (1 / 8) * (1 + 1e-8)
    else:
        assert micros >= 2 ** ((LATENCY_BINS - 1) / 8) * (1 - 1e-8)


def test_latencies_at_the_edges() -> None:
    assert [bins.latency_bin(one) for one in (0.0, 1e-6, 2e-6, 1024e-6)] == [0, 0, 8, 80]
    assert bins.latency_bin(1e6) == LATENCY_BINS - 1
    assert bins.latency_upper(7) == pytest.approx(2e-6)


@given(st.lists(FINITE, min_size=1, max_size=60), st.lists(FINITE | st.just(math.nan), max_size=60))
def test_numbers_are_counted_as_numpy_would(before: list[float], now: list[float]) -> None:
    counter = bins.Counter(numbers("x", np.array(before)))
    assert counter.edges is not None
    assert list(counter.edges) == sorted(set(counter.edges))
    assert len(counter.edges) <= 9
    values = np.array(now, dtype=np.float64)
    counter.add(values[:20])
    counter.add(values[20:])
    ends = [-np.inf, *counter.edges, np.inf]
    there = values[~np.isnan(values)]
    by_hand = [
        int(((there >= low) & (there < high)).sum()) for low, high in itertools.pairwise(ends)
    ]
    assert counter.counts == by_hand
    assert counter.nulls == int(np.isnan(values).sum())


@given(st.lists(FINITE, min_size=1, max_size=200))
def test_the_reference_share_is_that_of_the_values(before: list[float]) -> None:
    one = bins.Counter(numbers("x", np.array(before)))
    one.add(np.array(before))
    assert one.reference == pytest.approx([count / len(before) for count in one.counts])


def test_deciles_of_many_values_have_a_tenth_each() -> None:
    counter = bins.Counter(numbers("x", np.random.default_rng(0).normal(size=5000)))
    assert counter.reference == pytest.approx([0.1] * 10, abs=1e-3)


def test_a_bin_starts_at_its_edge() -> None:
    counter = bins.Counter(numbers("x", np.array([0.0, 1.0])))
    counter.add(np.array([-0.5, 0.0, 0.5, 1.0, 2.0, np.inf, -np.inf]))
    assert counter.edges == (0.0, 1.0)
    assert dict(zip(counter.labels, counter.counts, strict=True)) == {
        "[-inf, 0.0)": 2,
        "[0.0, 1.0)": 2,
        "[1.0, inf)": 3,
    }


def test_categories_are_counted_and_all_others_together() -> None:
    known = Categories(name="c", count=12, nulls=1, values=("1", "0"), counts=(6, 3), other=2)
    counter = bins.Counter(known)
    counter.add(np.array([1, 1, 0, 5]))
    counter.add(np.array(["1", "", "x"], dtype=object))
    assert dict(zip(counter.labels, counter.counts, strict=True)) == {"1": 3, "0": 1, "other": 2}
    assert counter.nulls == 1
    assert counter.reference == pytest.approx([6 / 11, 3 / 11, 2 / 11])


def test_of_a_column_with_many_categories_the_most_frequent_are_counted() -> None:
    values = tuple(f"v{at}" for at in range(100))
    known = Categories(name="c", count=5000, nulls=0, values=values, counts=(50,) * 100, other=0)
    counter = bins.Counter(known)
    counter.add(np.array(["v0", "v31", "v32", "v99"], dtype=object))
    assert len(counter.counts) == bins.MOST_CATEGORIES + 1
    assert (counter.counts[0], counter.counts[31], counter.counts[-1]) == (1, 1, 2)
    assert sum(counter.reference) == pytest.approx(1)


def samples(app: App) -> dict[tuple[str, ...], float]:
    """What Prometheus' own parser reads; a name and the values of its labels, in order."""
    return {
        (one.name, *one.labels.values()): one.value
        for family in text_string_to_metric_families(app.metrics.text(app))
        for one in family.samples
    }


def test_prometheus_reads_all_of_it(model: Loaded) -> None:
    app = create_app(model, ServeSettings())
    table = rows(700)
    for start in range(0, 700, 7):
        asked(app, table[start : start + 7])
    asked(app, [{"hour": 1}])
    found = samples(app)
    assert found["assay_model_info", "peak-hour", "v1.0.0", model.digest] == 1
    assert found["assay_requests_total", "rows", "200"] == 100
    assert found["assay_requests_total", "rows", "400"] == 1
    assert found["assay_rows_total",] == 700
    assert found["assay_request_seconds_count",] == 100
    assert found["assay_request_seconds_bucket", "+Inf"] == 100
    buckets = [value for key, value in found.items() if key[0] == "assay_request_seconds_bucket"]
    assert buckets == sorted(buckets)
    for season in ("autumn", "spring", "summer"):
        count = sum(one["season"] == season for one in table)
        assert found["assay_feature_bin_total", "season", season] == count
    missing = sum(one["temperature"] is None for one in table)
    assert found["assay_feature_null_total", "temperature"] == missing
    peaks = int((expected(table) > 0.5).sum())
    assert found["assay_prediction_bin_total", "label", "1"] == peaks
    for output in ("probabilities[0]", "probabilities[1]"):
        counted = [v for k, v in found.items() if k[:2] == ("assay_prediction_bin_total", output)]
        assert sum(counted) == 700
        shares = [
            v for k, v in found.items() if k[:2] == ("assay_prediction_bin_reference_share", output)
        ]
        assert sum(shares) == pytest.approx(1)


def test_names_that_would_break_the_exposition_are_escaped(model: Loaded) -> None:
    strange = 'a"b\\c\nd'
    app = create_app(dataclasses.replace(model, name=strange), ServeSettings())
    assert samples(app)["assay_model_info", strange, "v1.0.0", model.digest] == 1


def test_further_lines_of_other_parts(model: Loaded) -> None:
    app = create_app(model, ServeSettings(), Hooks(metrics=(lambda: ["other_total 3"],)))
    assert samples(app)["other_total",] == 3


def test_the_window_has_all_totals(model: Loaded) -> None:
    app = create_app(model, ServeSettings(admin=True))
    table = rows(30)
    asked(app, table)
    asked(app, [{**ROW, "season": "monsoon"}])
    found = Snapshot.model_validate_json(window.snapshot(app).model_dump_json())
    assert (found.requests, found.refused, found.errors) == (1, 1, {})
    assert (found.version, found.digest) == ("v1.0.0", model.digest)
    assert sum(found.latency) == 1
    assert found.memory > 1_000_000
    assert set(found.predictions) == {"label", "probabilities[0]", "probabilities[1]"}
    said = expected(table)
    edges = found.predictions["probabilities[1]"].edges
    by_numpy = np.bincount(np.searchsorted(edges or (), said, side="right"), minlength=10)
    assert found.predictions["probabilities[1]"].counts == tuple(by_numpy.tolist())
    assert window.snapshot(app).process == found.process


def test_predictions_are_counted_by_the_bins_of_another_profile(
    model: Loaded, tmp_path: Path
) -> None:
    other = profile().model_copy(
        update={"predictions": (numbers("probabilities[1]", np.array([0.25, 0.75])),)}
    )
    path = tmp_path / "profile.json"
    path.write_text(other.model_dump_json())
    app = create_app(model, ServeSettings(bins=path))
    asked(app, rows(10))
    found = window.snapshot(app).predictions
    assert list(found) == ["probabilities[1]"]
    assert found["probabilities[1]"].edges == (0.25, 0.75)
    assert sum(found["probabilities[1]"].counts) == 10


@pytest.mark.parametrize("text", [None, "", "{}", '{"rows": "x"}'])
def test_bins_that_cannot_be_read(model: Loaded, tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "profile.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(
        UsageError, match=r"profile.json .*: it should be the profile.json"
    ) as error:
        create_app(model, ServeSettings(bins=path))
    assert error.value.hint


def test_a_model_without_a_profile_is_served_without_distributions(model: Loaded) -> None:
    app = create_app(dataclasses.replace(model, profile=None), ServeSettings())
    asked(app, rows(3))
    assert window.snapshot(app).predictions == {}
    assert samples(app)["assay_rows_total",] == 3
