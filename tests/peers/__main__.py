"""`python -m tests.peers`: our statistics against Evidently's and NannyML's, in their environments.

Where a peer defines the same statistic, it must be the same number to 1e-9. Not asked: Evidently's
binning of numbers (by both samples together, so that it moves with the window), its chi-squared
(of one sample against the other's shares, taken for certain), and p-values.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from assay.monitor import comparing, distances, estimated
from assay.monitor.counting import NumberCounter
from assay.packaging.profile import numbers

from benchmarks.harness import Bench
from benchmarks.monitor import EVIDENTLY_TOOLS, NANNYML_TOOLS

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS = 3000

EVIDENTLY = """
import json, sys
import pandas as pd
from evidently.legacy.calculations import stattests as tests
from evidently.legacy.core import ColumnType

before, now = (pd.read_parquet(f"{sys.argv[1]}/{name}.parquet") for name in ("before", "now"))
found = {}
for name, column, kind in (
    ("psi", "kind", ColumnType.Categorical),
    ("jensenshannon", "kind", ColumnType.Categorical),
    ("wasserstein", "heat", ColumnType.Numerical),
    ("wasserstein", "hour", ColumnType.Numerical),
):
    test = getattr(tests, f"{name}_stat_test")
    result = test(before[column], now[column], kind, None)
    found[f"{name} {column}"] = float(result.drift_score)
print(json.dumps(found))
"""

NANNYML = """
import json, sys
import pandas as pd
from nannyml.drift.univariate import FeatureType
from nannyml.drift.univariate.methods import MethodFactory
from nannyml.performance_estimation.confidence_based import metrics
from nannyml.thresholds import ConstantThreshold
from nannyml.chunk import SizeBasedChunker

before, now = (pd.read_parquet(f"{sys.argv[1]}/{name}.parquet") for name in ("before", "now"))
found = {}
for name, column, kind in (
    ("jensen_shannon", "kind", FeatureType.CATEGORICAL),
    ("chi2", "kind", FeatureType.CATEGORICAL),
    ("kolmogorov_smirnov", "heat", FeatureType.CONTINUOUS),
    ("kolmogorov_smirnov", "hour", FeatureType.CONTINUOUS),
    ("wasserstein", "heat", FeatureType.CONTINUOUS),
    ("wasserstein", "hour", FeatureType.CONTINUOUS),
):
    method = MethodFactory.create(name, kind, chunker=SizeBasedChunker(1000),
        threshold=ConstantThreshold(), computation_params={})
    found[f"{name} {column}"] = float(method._fit(before[column])._calculate(now[column]))
score, chance, said = (now[name].to_numpy() for name in ("score", "chance", "said"))
for name in ("accuracy", "precision", "recall", "f1"):
    found[name] = float(getattr(metrics, f"estimate_{name}")(said.astype(int), chance))
found["roc_auc"] = float(metrics.estimate_roc_auc(chance, score))
print(json.dumps(found))
"""


def frame(seed: int) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    score = chance.random(ROWS)
    return pd.DataFrame(
        {
            "heat": chance.normal(0.2 * seed, 1 + 0.1 * seed, ROWS),
            "hour": chance.integers(0, 20 + seed, ROWS).astype(float),
            "kind": chance.choice(
                list("abcd"), ROWS, p=[0.4 + 0.1 * seed, 0.3 - 0.1 * seed, 0.2, 0.1]
            ),
            "score": score,
            "chance": score**1.5,
            "said": score >= 0.5,
        }
    )


def ours(before: pd.DataFrame, now: pd.DataFrame) -> dict[str, dict[str, float]]:
    kinds = [frame["kind"].value_counts().reindex(list("abcd")).tolist() for frame in (before, now)]
    shannon = distances.jensen_shannon(*kinds)
    evidently = {
        "psi kind": distances.psi(kinds[1], kinds[0]),
        # Its base is e, ours 2.
        "jensenshannon kind": shannon * math.sqrt(math.log(2)),
    }
    nannyml = {
        "jensen_shannon kind": shannon,
        "chi2 kind": distances.chi_squared(*kinds).chi2,
    }
    for column in ("heat", "hour"):
        one, other = before[column].to_numpy(), now[column].to_numpy()
        moved = distances.wasserstein(one, other)
        nannyml[f"wasserstein {column}"] = moved
        nannyml[f"kolmogorov_smirnov {column}"] = distances.kolmogorov_smirnov(one, other)
        evidently[f"wasserstein {column}"] = moved / max(float(one.std()), comparing.FLAT)
    # Of few different values the profile is exact too.
    profile = numbers("hour", np.concatenate([before["hour"], now["hour"]]))
    sides = [_at_edges(profile, side["hour"].to_numpy()) for side in (before, now)]
    assert math.isclose(
        distances.curves(*sides).kolmogorov_smirnov, nannyml["kolmogorov_smirnov hour"]
    )
    assert math.isclose(distances.pieces(*sides).area, nannyml["wasserstein hour"])
    rows = estimated.OneClass(*(now[name].to_numpy() for name in ("score", "chance", "said")))
    for name in ("accuracy", "precision", "recall", "f1", "roc_auc"):
        nannyml[name] = estimated.METRICS[name](rows)[0]
    return {"evidently": evidently, "nannyml": nannyml}


def _at_edges(profile: Any, values: NDArray[np.float64]) -> Any:
    counter = NumberCounter(profile)
    counter.add(values)
    return counter.found()


def main() -> int:
    before, now = frame(0), frame(1)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        before.to_parquet(f"{folder}/before.parquet")
        now.to_parquet(f"{folder}/now.parquet")
        bench = Bench(Path(folder))
        peers = {
            "evidently": (
                bench.venv(*EVIDENTLY_TOOLS),
                EVIDENTLY,
            ),
            "nannyml": (bench.venv(*NANNYML_TOOLS), NANNYML),
        }
        expected = ours(before, now)
        for peer, (tools, script) in peers.items():
            args = [tools / "python", "-W", "ignore", "-c", script, folder]
            said = subprocess.run(args, check=True, capture_output=True, text=True).stdout
            for name, value in json.loads(said.splitlines()[-1]).items():
                mine = expected[peer].pop(name)
                # NannyML rounds the counts under its area to five digits.
                near = 1e-7 if name == "roc_auc" else 1e-9
                same = math.isclose(mine, value, rel_tol=near, abs_tol=near)
                wrong += not same
                print(
                    f"{'ok  ' if same else 'OFF '} {peer:<10} {name:<26} {value:.12g} {mine:.12g}"
                )
            assert not expected[peer], f"{peer} was not asked for {list(expected[peer])}"
    print(f"{wrong} differ" if wrong else "all the same")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
