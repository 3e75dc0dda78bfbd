"""A verdict on a million rows: intervals and p-values against others' point values and intervals.

Each side of a pair is a process of its own that reads the same arrays, imports what it needs and
then takes the time of the computation alone: importing scikit-learn would take longer.

`scipy.stats.bootstrap` gets 200 resamples, and so do we: with our usual 10,000 it would take an
hour. It calls scikit-learn's metrics one resample after the other (`vectorized=False`), as one does
with it. `confidenceinterval` gives an interval of each model alone, not of the difference.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.harness import Bench

METRICS = (
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "f1",
    "mcc",
    "roc_auc",
    "log_loss",
)
COUNTED = ("accuracy", "precision", "recall", "f1", "roc_auc")
SLICES = 50
FEW = 200


def run(bench: Bench) -> None:
    folder = bench.folder("data")
    million, tenth = folder / "1000000.npz", folder / "100000.npz"
    for path in (million, tenth):
        _write(path, int(path.stem))

    peak = _pair_of_sides(
        bench, "1M rows, 8 metrics: scikit-learn's values", million, "ours", "sklearn", limit=1.0
    )
    bench.number("1M rows, 8 metrics: peak memory", peak, limit=500, unit="MiB")
    _pair_of_sides(
        bench,
        f"100k rows, {FEW} resamples: scipy.stats.bootstrap",
        tenth,
        "few",
        "scipy",
        limit=0.01,
        runs=1,
    )
    _pair_of_sides(
        bench, f"1M rows, {SLICES} slices: unsliced", million, "slices", "ours", limit=5.0
    )
    _pair_of_sides(
        bench,
        "1M rows, DeLong: roc_auc_score of both",
        million,
        "delong",
        "roc_auc_score",
        limit=2.0,
    )
    others = bench.venv("confidenceinterval", "confidenceinterval")
    _pair_of_sides(
        bench,
        "1M rows, 5 metrics: confidenceinterval of both",
        million,
        "five",
        "confidenceinterval",
        limit=1.0,
        python=others / "python",
    )


def _pair_of_sides(
    bench: Bench,
    name: str,
    data: Path,
    ours: str,
    peer: str,
    *,
    limit: float,
    runs: int = 5,
    python: Path | str = sys.executable,
) -> float:
    """Run both alternately; add a row, and return our peak memory in MiB."""
    from benchmarks.harness import Row

    pairs = []
    for _ in range(runs):
        pairs.append((_measure(ours, data, sys.executable), _measure(peer, data, python)))
        print(f"   {name:<60} {pairs[-1][0][0]:8.3f} s {pairs[-1][1][0]:8.3f} s", flush=True)
    mine, theirs = zip(*pairs, strict=True)
    peaks = [max(peak for _, peak in side) for side in (mine, theirs)]
    bench.rows.append(
        Row(
            name=name,
            ours=f"{statistics.median(seconds for seconds, _ in mine):.3f} s",
            peer=f"{statistics.median(seconds for seconds, _ in theirs):.3f} s",
            result=statistics.median(one[0] / two[0] for one, two in pairs),
            limit=limit,
            memory=f"{peaks[0]:.0f} / {peaks[1]:.0f} MiB",
        )
    )
    return peaks[0]


def _measure(side: str, data: Path, python: Path | str) -> tuple[float, float]:
    from benchmarks.harness import CommandFailedError

    done = subprocess.run(
        [python, __file__, side, data], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CommandFailedError(f"{side} failed:\n{done.stderr[-2000:]}")
    seconds, peak = json.loads(done.stdout.splitlines()[-1])
    return seconds, peak


def _write(path: Path, rows: int) -> None:
    """Two models that really differ, one row in ten positive."""
    chance = np.random.default_rng(0)
    odds = 2 * chance.normal(size=rows) - 3.2
    truth = (chance.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.intp)
    head, base = (
        1 / (1 + np.exp(-odds - noise * chance.normal(size=rows))) for noise in (0.6, 0.8)
    )
    np.savez(path, truth=truth, head=head, base=base, slice=chance.integers(SLICES, size=rows))


def _pair(data: Any) -> Any:
    from assay.stats.predictions import Predictions

    return [
        Predictions(
            task="binary",
            truth=data["truth"],
            prediction=(data[name] >= 0.5).astype(np.intp),
            score=data[name],
            classes=(0, 1),
            positive=1,
        )
        for name in ("head", "base")
    ]


def _ours(metrics: tuple[str, ...] = METRICS, **given: Any) -> Callable[[Any], None]:
    import scipy.special  # noqa: F401 (what a comparison would import)
    from assay.stats import areas  # noqa: F401
    from assay.stats.difference import Settings
    from assay.stats.paired import compare

    settings = Settings(**given)

    def work(data: Any) -> None:
        head, base = _pair(data)
        print(compare(head, base, metrics=metrics, settings=settings))

    return work


def _slices() -> Callable[[Any], None]:
    whole = _ours()

    from assay.stats.difference import Settings
    from assay.stats.paired import compare

    def work(data: Any) -> None:
        whole(data)
        head, base = _pair(data)
        for value in range(SLICES):
            rows = np.flatnonzero(data["slice"] == value)
            part = head.subset(rows), base.subset(rows)
            print(compare(*part, metrics=METRICS, settings=Settings()))

    return work


def _functions() -> dict[str, Any]:
    from sklearn import metrics as sk

    functions = {name: getattr(sk, f"{name}_score") for name in METRICS[:5]}
    functions |= {"mcc": sk.matthews_corrcoef, "roc_auc": sk.roc_auc_score}
    return functions | {"log_loss": sk.log_loss}


def _columns(data: Any, name: str) -> list[Any]:
    ranked = name in {"roc_auc", "log_loss"}
    return [data[side] if ranked else (data[side] >= 0.5).astype(int) for side in ("head", "base")]


def _scikit_learn(metrics: tuple[str, ...] = METRICS) -> Callable[[Any], None]:
    functions = {name: one for name, one in _functions().items() if name in metrics}

    def work(data: Any) -> None:
        for name, function in functions.items():
            print(name, *(function(data["truth"], column) for column in _columns(data, name)))

    return work


def _scipy() -> Callable[[Any], None]:
    from scipy.stats import bootstrap

    functions = _functions()

    def work(data: Any) -> None:
        for name, function in functions.items():

            def difference(truth: Any, head: Any, base: Any, function: Any = function) -> Any:
                return function(truth, head) - function(truth, base)

            found = bootstrap(
                (data["truth"], *_columns(data, name)),
                difference,
                paired=True,
                vectorized=False,
                n_resamples=FEW,
                method="percentile",
            )
            print(name, found.confidence_interval)

    return work


def _confidenceinterval() -> Callable[[Any], None]:
    import confidenceinterval as ci

    def work(data: Any) -> None:
        for side in ("head", "base"):
            truth, score = data["truth"], data[side]
            told = (score >= 0.5).astype(int)
            print(ci.roc_auc_score(truth, score), ci.f1_score(truth, told, average="macro"))
            for function in (ci.accuracy_score, ci.ppv_score, ci.tpr_score):
                print(function(truth, told))

    return work


_SIDES: dict[str, Callable[[], Callable[[Any], None]]] = {
    "ours": _ours,
    "sklearn": _scikit_learn,
    "few": lambda: _ours(resamples=FEW),
    "scipy": _scipy,
    "slices": _slices,
    "delong": lambda: _ours(("roc_auc",)),
    "roc_auc_score": lambda: _scikit_learn(("roc_auc",)),
    "five": lambda: _ours(COUNTED),
    "confidenceinterval": _confidenceinterval,
}


def _side(name: str, path: str) -> None:
    with np.load(path) as file:
        data = dict(file)
    work = _SIDES[name]()
    start = time.perf_counter()
    work(data)
    seconds = time.perf_counter() - start
    unit = 2**20 if sys.platform == "darwin" else 2**10
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit]))


if __name__ == "__main__":
    _side(sys.argv[1], sys.argv[2])
