"""A model as a bundle, against a plain script that converts it; and ONNX against scikit-learn.

The plain script loads the example's model, converts it with skl2onnx, and runs both on all rows of
the evaluation data. skl2onnx alone refuses the example's estimator (it hands ONNX a list of
`np.uint32`), so the script mends that in passing, as people do. `assay package` proves the export
on four times as many rows, and makes intervals, plots, card, bill of materials and archive.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks import package_sign
from benchmarks.harness import ROOT, Bench, Command, CommandFailedError, Row
from benchmarks.scratch import SCRIPTS, Scratch

if TYPE_CHECKING:
    from collections.abc import Callable

PLAIN = """
import joblib, numpy as np, onnx.helper, pandas as pd
make = onnx.helper.make_attribute
def mended(key, value, *args, **given):
    if isinstance(value, list) and value and isinstance(value[0], (int, np.integer)):
        value = [int(one) for one in value]
    return make(key, value, *args, **given)
onnx.helper.make_attribute = mended
from skl2onnx import to_onnx
import onnxruntime
model = joblib.load("models/model.joblib")
rows = pd.read_csv("data/features/evaluation.csv")[list(model.feature_names_in_)]
matrix = rows.to_numpy(np.float32)
graph = to_onnx(model, matrix[:1], options={"zipmap": False}).SerializeToString()
session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
print(abs(session.run(None, {"X": matrix})[1] - model.predict_proba(rows)).max())
"""
BATCHES = (1, 10_000)
TRAINED, FEATURES = 2_000, 20


def run(bench: Bench) -> None:
    packaging(bench)
    asking(bench)
    package_sign.run(bench)


def packaging(bench: Bench) -> None:
    """The example, packaged."""
    repository = Scratch(bench.folder("package"))
    repository.make()
    work = repository.work
    assay, python = SCRIPTS / "assay", SCRIPTS / "python"
    env = {"PATH": f"{SCRIPTS}:{repository.path}"}
    # As after a check on the commit of a tag: everything is there and evaluated.
    subprocess.run(["git", "checkout", "--quiet", "main"], cwd=work, check=True)
    whole = {**os.environ, **env}
    checked = subprocess.run(
        [assay, "check"], cwd=work, env=whole, check=False, capture_output=True
    )
    if checked.returncode != 0:
        raise CommandFailedError((checked.stdout + checked.stderr).decode()[-3000:])
    bench.compare(
        "package, the example: a plain conversion",
        Command([assay, "package"], cwd=work, env=env),
        Command([python, "-c", PLAIN], cwd=work, env={**env, "PYTHONPATH": "."}),
        limit=3.0,
    )
    archive = work / ".assay" / "bundles" / "bundle.tar.zst"
    size = archive.stat().st_size / 1e6
    bench.number("package, the example's archive", size, limit=1.0, unit="MB")


def asking(bench: Bench) -> None:
    """Each estimator's ONNX against itself, by the batch; in a process with one thread."""
    # One thread: what a single request gets where many are served.
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.package"]
    done = subprocess.run(command, cwd=ROOT, env=env, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise CommandFailedError(done.stderr[-3000:])
    for line in done.stdout.splitlines():
        name, batch, ours, peer = json.loads(line)
        bench.rows.append(
            Row(
                name=f"{name}, batch {batch:,}: scikit-learn",
                ours=f"{ours * 1e3:.3g} ms",
                peer=f"{peer * 1e3:.3g} ms",
                result=ours / peer,
                limit=math.inf,
            )
        )


def _times() -> None:
    """Print (estimator, batch, seconds of onnxruntime, seconds of scikit-learn)."""
    import numpy as np
    import pandas as pd
    from assay.packaging import conversion, signature

    rng = np.random.default_rng(0)
    columns = [f"x{at}" for at in range(FEATURES)]
    rows = pd.DataFrame(rng.normal(size=(max(BATCHES), FEATURES)), columns=columns)
    target = rows["x0"] + rows["x1"] * rows["x2"] + rng.normal(size=len(rows)) / 4
    for model in _models():
        known = rows.iloc[:TRAINED]
        wanted = target.iloc[:TRAINED]
        is_classifier = hasattr(model, "predict_proba")
        model.fit(known, (wanted > 0).astype(int) if is_classifier else wanted)
        signed = signature.of(model, known, matrix=False, shown="rows")
        content = conversion.convert(model, signed, known.iloc[:100]).model
        session = _session(content)
        ask = model.predict_proba if is_classifier else model.predict
        for batch in BATCHES:
            some = rows.iloc[:batch]
            feed = {name: some[[name]].to_numpy() for name in columns}
            answer = [signed.outputs[-1].name]
            ours, peer = _best(partial(session.run, answer, feed)), _best(partial(ask, some))
            print(json.dumps([type(model).__name__, batch, ours, peer]), flush=True)


def _session(content: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _models() -> list[Any]:
    from sklearn.ensemble import (
        GradientBoostingClassifier,
        HistGradientBoostingClassifier,
        RandomForestClassifier,
        RandomForestRegressor,
    )
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVR

    return [
        LogisticRegression(),
        Ridge(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        RandomForestClassifier(n_estimators=50, random_state=0),
        RandomForestRegressor(n_estimators=50, random_state=0),
        GradientBoostingClassifier(random_state=0),
        HistGradientBoostingClassifier(random_state=0),
        MLPClassifier(max_iter=30, random_state=0, early_stopping=True),
        KNeighborsClassifier(),
        SVR(),
    ]


def _best(call: Callable[[], object]) -> float:
    """Seconds of one call: the best of several, for anything else adds to it."""
    import timeit

    timer = timeit.Timer(call)
    once = max(timer.timeit(1), 1e-6)
    number = max(1, min(200, int(0.05 / once)))
    return min(timer.repeat(3, number)) / number


if __name__ == "__main__":
    _times()
