"""How often the gates are wrong, by simulation: of two equal models, and of one that got worse.

Right or wrong, row by row, of two models on the same rows: what `no_significant_regression` raises
falsely, and what `non_inferior` and `superior` let pass wrongly, is at most alpha of all runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from assay import config as configuration
from assay import gates
from assay.evaluation import Evaluation, Metric
from assay.evidence import Evidence, SliceEvidence
from assay.gates.judge import judge
from assay.section import Status
from assay.stages.evaluate import EvaluateSection
from assay.stats.intervals import from_normal
from scipy.stats import binom

if TYPE_CHECKING:
    from assay.config import Config
    from assay.gates import Gate
    from numpy.typing import NDArray

RUNS = 400
ROWS = 200
"""Of each slice."""
ALPHA = 0.025
MOST = int(binom.ppf(0.999, RUNS, ALPHA))
"""A rate of alpha gives more in one of a thousand simulations."""


def _config(rules: str, *more: str) -> Config:
    metrics = "".join(f"  {line}\n" for line in (f"accuracy: {rules}", *more))
    return configuration.parse(
        f"predictions: {{path: p.csv, prediction: y, slices: [s]}}\nmetrics:\n{metrics}"
    )


def _models(
    slices: int, *, change: float = 0.0, others: float = 0.0, seed: int = 1
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(runs, slices, rows) whether base and head are right; they agree on most rows.

    Args:
        change: Of head's accuracy on the first slice.
        others: The same on the other slices.
    """
    random = np.random.default_rng(seed)
    base = random.random((RUNS, slices, ROWS)) < 0.8
    again = random.random(base.shape) < 0.3
    rate = 0.8 + np.where(np.arange(slices) == 0, change, others)[None, :, None] / 0.3
    return base, np.where(again, random.random(base.shape) < rate, base)


def _evidence(
    base: NDArray[np.bool_], head: NDArray[np.bool_], nulls: tuple[float, ...]
) -> Evidence:
    difference = head.astype(float) - base
    found = from_normal(
        metric="accuracy",
        base=float(base.mean()),
        head=float(head.mean()),
        standard_error=float(difference.std(ddof=1) / np.sqrt(difference.size)),
        units=difference.size,
        method="linearized",
        confidence=1 - 2 * ALPHA,
        nulls=nulls,
    )
    return Evidence.of(found, confidence=1 - 2 * ALPHA)


def _evaluation(value: float) -> Evaluation:
    metric = Metric(name="accuracy", value=value, source="p.csv", recomputed=True)
    return Evaluation(metrics=(metric,))


def _run(config: Config, base: NDArray[np.bool_], head: NDArray[np.bool_]) -> tuple[Gate, ...]:
    nulls = gates.nulls(config, "accuracy")
    whole = _evidence(base, head, nulls)
    parts = tuple(
        SliceEvidence(
            name=f"s = {index}",
            rows=ROWS,
            units=ROWS,
            judged=True,
            evidence=(part := _evidence(base[index], head[index], nulls),),
            head={"accuracy": part.head},
            base={"accuracy": part.base},
        )
        for index in range(len(base))
    )
    section = EvaluateSection(
        status=Status.PASS,
        head=_evaluation(whole.head),
        base=_evaluation(whole.base),
        evidence=(whole,),
        slices=parts,
    )
    return judge(config, section)


@pytest.mark.parametrize("slices", [1, 10, 100])
def test_false_alarms_of_the_whole_gate(slices: int) -> None:
    """Promised: at most alpha, however many slices are looked at."""
    config = _config("{no_significant_regression: true, slices: {no_significant_regression: true}}")
    alarms = uncorrected = 0
    for base, head in zip(*_models(slices), strict=True):
        found = _run(config, base, head)
        alarms += any(gate.result == "failed" for gate in found)
        uncorrected += any(gate.test and gate.test.p_value < ALPHA for gate in found)
    assert alarms <= MOST
    if slices > 1:
        assert uncorrected > 0.15 * RUNS, "this simulation would show a missing correction"


def test_a_slice_that_got_worse_is_found_among_ten() -> None:
    config = _config("{slices: {no_significant_regression: true}}")
    found = others = 0
    for base, head in zip(*_models(10, change=-0.1), strict=True):
        failed = {gate.slice for gate in _run(config, base, head) if gate.result == "failed"}
        found += "s = 0" in failed
        others += bool(failed - {"s = 0"})
    assert found > 0.8 * RUNS
    assert others <= MOST


@pytest.mark.parametrize(
    ("slices", "others"), [(1, 0.0), (5, 0.0), (5, 0.06)], ids=["one", "five", "four are better"]
)
def test_what_is_worse_by_the_margin_seldom_passes(slices: int, others: float) -> None:
    """Claims that must all hold are not corrected, and pass wrongly at most alpha of the time."""
    config = _config("{slices: {non_inferior: 0.02}}")
    passed = sum(
        all(gate.result == "passed" for gate in _run(config, base, head))
        for base, head in zip(*_models(slices, change=-0.02, others=others), strict=True)
    )
    assert passed <= MOST
    if slices == 1 or others:
        assert passed > 0, "at the margin it passes alpha of the time: the test can fail"


def test_equal_models_seldom_pass_for_superior() -> None:
    config = _config("{superior: true}")
    passed = sum(
        _run(config, base, head)[0].result == "passed"
        for base, head in zip(*_models(1), strict=True)
    )
    assert 0 < passed <= MOST
