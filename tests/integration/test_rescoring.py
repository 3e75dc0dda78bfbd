"""Base's model on head's rows, from a checkout with nothing in its cache to the new predictions."""

from __future__ import annotations

import fcntl
import io
import os
import shutil
import sys
from typing import TYPE_CHECKING

import joblib
import numpy as np
import pandas as pd
import pytest
from assay import process, rescoring
from assay.stages import checkout

from tests import repos
from tests.builders import printed, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from assay.context import Context
    from assay.rescoring import Rescored

# A model that is the repository's own class, as many are that wrap an estimator.
OWN = """\
import numpy as np


class Own:
    classes_ = np.array([0, 1])
    feature_names_in_ = np.array(["size", "age"])

    def __init__(self, weight):
        self.weight = weight

    def predict_proba(self, table):
        score = 1 / (1 + np.exp(-table["size"] * self.weight - 0.3 * table["age"]))
        return np.column_stack([1 - score, score])

    def predict(self, table):
        return (self.predict_proba(table)[:, 1] >= 0.5).astype(int)
"""
TRAIN = """\
import sys
from pathlib import Path

import joblib
import pandas as pd

sys.path.insert(0, ".")
from own import Own

weight, threshold = (float(line.split(":")[1]) for line in Path("params.yaml").open())
table = pd.read_csv("raw.csv")
table.drop(columns="season").to_csv("features.csv", index=False)
model = Own(weight)
joblib.dump(model, "model.joblib")
score = model.predict_proba(table[["size", "age"]])[:, 1].round(6)
label = (score >= threshold).astype(int)
pd.DataFrame(
    {"id": table.id, "y_true": table.y, "y_pred": label, "y_score": score, "season": table.season}
).to_csv("predictions.csv", index=False)
"""
PIPELINE = """\
stages:
  train:
    cmd: python train.py
    deps: [raw.csv, own.py, train.py]
    params: [weight, threshold]
    outs: [model.joblib, features.csv, predictions.csv]
"""
CONFIG = """\
predictions:
  path: predictions.csv
  prediction: y_pred
  score: y_score
  key: id
  features: features.csv
metrics:
  roc_auc: {min: 0.5}
"""
REMOTE = """\
[core]
    remote = storage
['remote "storage"']
    url = {}/remote
"""
BASE, HEAD = (1.0, 0.5), (2.0, 0.6)


def rows(first: int, last: int) -> str:
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {"id": range(1000), "size": random.normal(size=1000), "age": random.normal(size=1000)}
    )
    table["y"] = (table["size"] + random.normal(size=1000) > 0).astype(int)
    table["season"] = np.where(table["id"] % 2, "winter", "summer")
    return str(table.iloc[first:last].to_csv(index=False))


def params(weight: float, threshold: float) -> str:
    return f"weight: {weight}\nthreshold: {threshold}\n"


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose other branches have another model and other evaluation rows."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder = folder / "rescoring"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes run tests
        if not (folder / "done").exists():
            build(folder)
            (folder / "done").touch()
    return folder


def build(folder: Path) -> None:
    # With this interpreter as `python`, which has joblib and pandas.
    environ = process.user_environment(repos.environment(folder / "home"))
    project = repos.Project(folder / "project", environ)
    project.root.mkdir()
    project.git("init", "--quiet", "--initial-branch=main")
    project.dvc("init", "--quiet")
    project.write(
        {
            ".dvc/config": REMOTE.format(folder),
            "own.py": OWN,
            "train.py": TRAIN,
            "dvc.yaml": PIPELINE,
            "params.yaml": params(*BASE),
            "raw.csv": rows(0, 600),
            "assay.yaml": CONFIG,
        }
    )
    project.dvc("repro", "--quiet")
    project.commit()
    for branch, first in (("better", 300), ("apart", 600)):
        project.git("checkout", "--quiet", "-b", branch, "main")
        project.write({"params.yaml": params(*HEAD), "raw.csv": rows(first, 900)})
        project.dvc("repro", "--quiet")
        project.commit()
    project.dvc("push", "--quiet", "--all-branches")


def cloned(source: Path, tmp_path: Path, *, branch: str = "better") -> repos.Project:
    """What CI has: the data is in the remote alone."""
    shutil.copytree(source / "remote", tmp_path / "remote")
    project = repos.Project(tmp_path / "project", repos.environment(tmp_path / "home"))
    project.root.mkdir()
    project.git("clone", "--quiet", "--branch", branch, str(source / "project"), ".")
    project.write({".dvc/config.local": REMOTE.format(tmp_path)})
    return project


def checked_out(project: repos.Project, *, config: str = CONFIG, **options: bool) -> Context:
    context = project.context(base="origin/main", train="skip", config=config, **options)
    checkout.run(context)
    return context


def rescore(context: Context) -> tuple[Rescored, pd.DataFrame]:
    frame = pd.read_csv(context.workspace.root / "predictions.csv")
    return rescoring.rescore(context, frame), frame


def expected(first: int, last: int, weight: float, threshold: float) -> pd.DataFrame:
    scope: dict[str, object] = {}
    exec(OWN, scope)
    table = pd.read_csv(io.StringIO(rows(first, last)))
    score = scope["Own"](weight).predict_proba(table)[:, 1].round(6)  # type: ignore[operator]
    return pd.DataFrame(
        {
            "id": table["id"],
            "y_true": table["y"],
            "y_pred": (score >= threshold).astype(int),
            "y_score": score,
            "season": table["season"],
        }
    )


def test_base_predicts_heads_rows_with_its_own_threshold(source: Path, tmp_path: Path):
    project = cloned(source, tmp_path)
    context = checked_out(project)
    found, frame = rescore(context)
    assert found.why == ""
    assert found.frame is not None
    pd.testing.assert_frame_equal(found.frame, expected(300, 900, *BASE))
    pd.testing.assert_frame_equal(frame, expected(300, 900, *HEAD))
    assert found.fact is not None
    assert found.fact.model_copy(update={"notes": ()}) == rescoring.Rescoring(
        model="model.joblib", rows=600, checked=300, threshold=None, head_threshold=0.6
    )
    assert project.git("status", "--porcelain") == ""


def test_base_without_a_row_in_common_is_checked_on_its_own(source: Path, tmp_path: Path):
    found, _ = rescore(checked_out(cloned(source, tmp_path, branch="apart")))
    assert found.frame is not None
    pd.testing.assert_frame_equal(found.frame, expected(600, 900, *BASE))
    assert found.fact is not None
    assert found.fact.checked == 600
    assert [note.message for note in found.fact.notes] == [
        "No row is in both revisions: that features still mean the same is not checked."
    ]


def test_base_that_cannot_be_checked_at_all_is_said_to_be_so(source: Path, tmp_path: Path):
    context = checked_out(cloned(source, tmp_path, branch="apart"))
    (context.workspace.base_folder / "features.csv").unlink()
    found, _ = rescore(context)
    assert found.frame is not None
    pd.testing.assert_frame_equal(found.frame, expected(600, 900, *BASE))
    assert found.fact is not None
    assert found.fact.checked == 0
    assert found.fact.notes[0].message == (
        "Base's model could not be held against predictions of its own."
    )


def test_importance_of_both_models(source: Path, tmp_path: Path):
    found, reasons = rescoring.importance(checked_out(cloned(source, tmp_path)), "roc_auc")
    assert reasons == ()
    assert found is not None
    assert (found.rows, found.has_base, found.notes) == (600, True, ())
    assert {part.feature for part in found.features} == {"size", "age"}
    size = next(part for part in found.features if part.feature == "size")
    assert size.head is not None
    assert size.base is not None
    assert size.head > size.base > 0.1


def test_without_a_table_of_features_nothing_is_fetched_or_loaded(source: Path, tmp_path: Path):
    config = CONFIG.replace("  features: features.csv\n", "")
    context = checked_out(cloned(source, tmp_path), config=config)
    base = context.workspace.base_folder
    assert sorted(path.name for path in base.iterdir()) == ["predictions.csv"]
    found, _ = rescore(context)
    assert (found.frame, found.why) == (None, "")
    assert rescoring.importance(context, "roc_auc") == (None, ())
    assert printed(context).count("\n") == 1  # what checkout said


def test_base_files_that_lie_in_git_are_placed_too(source: Path, tmp_path: Path):
    context = checked_out(cloned(source, tmp_path), config=f"{CONFIG}model: own.py\n")
    assert (context.workspace.base_folder / "own.py").read_text() == OWN


def test_a_base_model_that_is_not_in_the_remote_is_said_and_costs_the_model_alone(
    source: Path, tmp_path: Path
):
    project = cloned(source, tmp_path)
    context = project.context(base="origin/main", train="skip")
    assert context.record.base is not None
    out = context.workspace.files_at(context.record.base.sha).output("model.joblib")
    assert out is not None
    assert out.object_path is not None
    (project.remote / out.object_path).unlink()
    section = checkout.run(context)
    assert section.status == "warn"
    assert any("model.joblib" in reason.message for reason in section.reasons)
    assert (context.workspace.base_folder / "predictions.csv").is_file()
    found, _ = rescore(context)
    assert found.why == "Base's model.joblib is missing."


def test_what_the_model_prints_is_no_command_and_tokens_are_out_of_its_reach(
    source: Path, tmp_path: Path
):
    project = cloned(source, tmp_path)
    spy = "import os\nprint('::error::' + str('GITHUB_TOKEN' in os.environ))\n"
    context = project.context(
        base="origin/main", train="skip", github=True, environ={"GITHUB_TOKEN": "secret"}
    )
    checkout.run(context)
    write(project.root, {"own.py": spy + OWN})
    found, _ = rescore(context)
    assert found.frame is not None
    lines = printed(context).splitlines()
    at = lines.index("::error::False")
    assert any(line.startswith("::stop-commands::") for line in lines[:at])


BROKEN: Mapping[str, tuple[Mapping[str, str | bytes], str]] = {
    "head's model is damaged": (
        {"model.joblib": b"nonsense"},
        "model.joblib cannot be loaded: ",
    ),
    "base's model is damaged": (
        {".assay/base/model.joblib": b"nonsense"},
        "Base's model.joblib cannot be loaded: ",
    ),
    "its class is gone": (
        {"own.py": OWN.replace("class Own", "class Other")},
        "model.joblib needs `Own` of `own`, which is not there.",
    ),
    "its module is gone": (
        {"own.py": "import not_there\n"},
        "model.joblib needs the module `not_there`, which is not there.",
    ),
    "its class does something else": (
        {"own.py": OWN.replace("0.3", "0.4")},
        "model.joblib does not give predictions.csv from features.csv: 59",
    ),
    "a module that ends the program": (
        {"own.py": "import os\nos._exit(3)\n"},
        "The process that loads the models ended with exit code 3.",
    ),
    "features of other rows": (
        {"features.csv": rows(300, 800)},
        "features.csv lacks 100 of the 600 rows of the predictions, by the key 'id' (rows 501, 502",
    ),
    "features without the key": (
        {"features.csv": rows(300, 900).replace("id,", "number,", 1)},
        "features.csv has no column 'id', the key of the predictions.",
    ),
    "features whose key is not unique": (
        {"features.csv": rows(300, 900) + rows(300, 302).split("\n", 1)[1]},
        "The key 'id' is not unique in features.csv: 4 rows share theirs with another (rows 1, 2",
    ),
    "a feature that is gone": (
        {"features.csv": rows(300, 900).replace("age", "years", 1)},
        "model.joblib was fitted with the column 'age', which the table of features does not have",
    ),
    "features that are no table": ({"features.csv": ""}, "features.csv is empty (0 bytes)."),
}


@pytest.mark.parametrize(("files", "why"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_done_is_said(ready: Context, files: Mapping[str, str | bytes], why: str):
    for name in files:
        (ready.workspace.root / name).unlink()  # DVC's links lead into the cache
    write(ready.workspace.root, files)
    found, _ = rescore(ready)
    assert found.frame is None
    assert found.why.startswith(why)


def test_importance_without_base_and_without_head(ready: Context):
    write(ready.workspace.base_folder, {"model.joblib": b"nonsense"})
    measured, reasons = rescoring.importance(ready, "roc_auc")
    assert reasons == ()
    assert measured is not None
    assert not measured.has_base
    assert measured.notes[0].message.startswith(
        "Importance at base is not known: Base's model.joblib cannot be loaded: "
    )
    (ready.workspace.root / "model.joblib").unlink()
    measured, reasons = rescoring.importance(ready, "roc_auc")
    assert measured is None
    assert [reason.message for reason in reasons] == [
        "The importance of features is not known. model.joblib is missing."
    ]


@pytest.fixture(scope="module")
def prepared(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with everything in place, to be copied."""
    folder = tmp_path_factory.mktemp("prepared")
    checked_out(cloned(source, folder))
    return folder


@pytest.fixture
def ready(prepared: Path, tmp_path: Path) -> Context:
    shutil.copytree(prepared, tmp_path / "copy", symlinks=True)
    project = repos.Project(tmp_path / "copy/project", repos.environment(tmp_path / "home"))
    return project.context(base="origin/main", train="skip")


def test_features_that_mean_something_else_at_head(ready: Context):
    """Head's own model fits them; base's, asked about rows that it knows, does not."""
    root = ready.workspace.root
    for name in ("features.csv", "predictions.csv", "model.joblib"):
        (root / name).unlink()
    table = pd.read_csv(io.StringIO(rows(300, 900)))
    table["size"] *= 100  # from metres to centimetres
    table.to_csv(root / "features.csv", index=False)
    expected(300, 900, *HEAD).to_csv(root / "predictions.csv", index=False)
    sys.path.insert(0, str(root))
    try:
        import own

        joblib.dump(own.Own(HEAD[0] / 100), root / "model.joblib")
    finally:
        sys.path.remove(str(root))
        sys.modules.pop("own", None)
    found, _ = rescore(ready)
    assert found.frame is None
    assert found.why.startswith(
        "Base's model does not give base's predictions from head's features of the 300 rows that "
        "are in both: "
    )
    assert found.hint == "Features, code or packages that the model depends on have changed."


def test_a_base_without_a_model(ready: Context):
    (ready.workspace.base_folder / "model.joblib").unlink()
    found, _ = rescore(ready)
    assert found.why == "Base's model.joblib is missing."


def test_a_repository_in_which_no_file_is_known_to_be_the_model(ready: Context):
    dvc = ready.workspace.root / "dvc.yaml"
    dvc.write_text(dvc.read_text().replace("model.joblib, ", ""))
    lock = ready.workspace.root / "dvc.lock"
    lock.write_text(lock.read_text().replace("model.joblib", "model.bin"))
    found, _ = rescore(ready)
    assert found.why == "Which file is the model is not known."
    assert "`model`" in (found.hint or "")


def test_rows_by_their_order(ready: Context):
    config = CONFIG.replace("  key: id\n", "")
    project = repos.Project(ready.workspace.root, ready.environ)
    found, _ = rescore(project.context(base="origin/main", train="skip", config=config))
    assert found.frame is not None
    pd.testing.assert_frame_equal(found.frame, expected(300, 900, *BASE))
    assert found.fact is not None
    assert found.fact.checked == 600  # on base's own table


def test_another_number_of_rows_without_a_key(ready: Context):
    config = CONFIG.replace("  key: id\n", "")
    features = ready.workspace.root / "features.csv"
    features.unlink()
    features.write_text(rows(300, 800))
    project = repos.Project(ready.workspace.root, ready.environ)
    found, _ = rescore(project.context(base="origin/main", train="skip", config=config))
    assert found.why == (
        "features.csv has 500 rows and the predictions 600, and there is no key to match them by."
    )
