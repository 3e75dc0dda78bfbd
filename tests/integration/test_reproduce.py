"""A release built again: a real DVC project, its remote, and the commands of the command line."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest
from assay.console import Console
from assay.environment import launch
from assay.errors import OutsideError, RepositoryError, UsageError
from assay.packaging import bundle
from assay.packaging.bundle import BundleError
from assay.release import released
from assay.release.reproduce import _Build, reproduce
from assay.workspace import Workspace

from tests.repos import Project, environment

TAG = "weather@v1.0.0"
TRAIN = """
import json, joblib
import pandas as pd
from sklearn.linear_model import LogisticRegression
table = pd.read_csv("raw.csv")
features = table[["a", "b"]]
model = LogisticRegression(C=2.0).fit(features, table["y_true"])
joblib.dump(model, "model.joblib")
features.assign(id=table["id"], y_true=table["y_true"]).to_csv("features.csv", index=False)
said = table[["id", "y_true"]].assign(
    y_pred=model.predict(features), score=model.predict_proba(features)[:, 1]
)
said.to_csv("predictions.csv", index=False)
"""
PIPELINE = """
stages:
  train:
    cmd: python train.py
    deps: [raw.csv, train.py]
    outs: [model.joblib, features.csv, predictions.csv]
artifacts:
  weather: {path: model.joblib, type: model}
"""
CONFIG = """
predictions: {path: predictions.csv, key: id, truth: y_true, prediction: y_pred, score: score,
  features: features.csv}
metrics: {accuracy: {min: 0.5}}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with one version, packaged, whose remote lies beside it."""
    folder = tmp_path_factory.mktemp("released")
    environ = environment(folder / "home")
    environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environ["PATH"]])
    made = Project(folder / "project", environ)
    made.root.mkdir()
    rows = [f"{n},{n % 7},{n * 3 % 11},{int(n % 7 > 3)}" for n in range(120)]
    made.git("init", "--quiet", "--initial-branch=main")
    made.dvc("init", "--quiet")
    made.write(
        {
            ".gitignore": "__pycache__/\n",
            "raw.csv": "\n".join(["id,a,b,y_true", *rows]) + "\n",
            "train.py": TRAIN,
            "dvc.yaml": PIPELINE,
            "assay.yaml": CONFIG,
            "test_nothing.py": "def test_nothing():\n    assert True\n",
        }
    )
    made.dvc("remote", "add", "--quiet", "--default", "store", "../remote")
    made.dvc("add", "--quiet", "raw.csv")
    made.dvc("repro", "--quiet")
    made.dvc("push", "--quiet")
    made.commit()
    made.git("tag", "--annotate", TAG, "--message=The first")
    made.run(sys.executable, "-m", "assay.cli", "check", "--no-report", "--train", "verify")
    made.run(sys.executable, "-m", "assay.cli", "package")
    return made


def released_of(project: Project) -> bundle.Bundle:
    (folder,) = (one for one in (project.root / ".assay/bundles").iterdir() if one.is_dir())
    return bundle.read(folder)


def test_a_release_is_built_again_byte_by_byte(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As where Assay was installed by pip: this environment, and not one that is built for it.
    monkeypatch.setattr(launch, "ROOT", tmp_path)
    workspace = Workspace(project.root, project.environ)
    told = io.StringIO()

    found = reproduce(released_of(project), workspace, Console(out=told), keep=tmp_path / "kept")

    assert (found.outcome, found.findings) == ("identical", ())
    (kept,) = (tmp_path / "kept").iterdir()
    assert f"kept {kept}\n" in told.getvalue()
    assert bundle.read(kept).digest == found.released
    assert not list(bundle.damage(bundle.read(kept)))
    assert project.git("status", "--porcelain") == ""


def test_what_a_step_prints_keeps_its_indents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "ROOT", tmp_path)
    (tmp_path / "step.py").write_text(
        "print('run:\\n\\tgit add dvc.lock\\x1b[2J')", encoding="utf-8"
    )
    told = io.StringIO()
    workspace = Workspace(tmp_path, {"PYTHONPATH": str(tmp_path)})
    _Build(workspace, Console(out=told))._run("Trying", "step")
    assert told.getvalue() == "Trying …\nrun:\n        git add dvc.lock\\x1b[2J\n"


def test_what_cannot_be_built_is_no_verdict(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "ROOT", tmp_path)
    elsewhere = project.remote.rename(tmp_path / "gone")
    workspace = Workspace(project.root, project.environ)
    try:
        with pytest.raises(OutsideError, match=r"^Fetching the data ended with exit code"):
            reproduce(released_of(project), workspace, Console())
    finally:
        elsewhere.rename(project.remote)


@pytest.mark.parametrize(
    ("tag", "error", "message"),
    [
        ("weather", UsageError, "`weather` is no version."),
        ("weather@v9.9.9", RepositoryError, "There is no version weather@v9.9.9 in this clone."),
        ("weather#prod#1", UsageError, "`weather#prod#1` is no version."),
    ],
)
def test_what_is_no_version(
    project: Project, tmp_path: Path, tag: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        released.bundle_of(project.context(), tag, given=None, scratch=tmp_path)
    assert str(caught.value) == message


def test_a_version_is_fetched_only_where_somebody_can_be_asked(
    project: Project, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="cannot be asked for") as caught:
        released.bundle_of(project.context(), TAG, given=None, scratch=tmp_path)
    assert "--bundle" in (caught.value.hint or "")


def test_a_bundle_of_another_commit_is_refused(project: Project, tmp_path: Path) -> None:
    project.commit({"note.txt": "a change"})
    project.git("tag", "--annotate", "weather@v1.1.0", "--message=The second")
    first = released_of(project).folder
    with pytest.raises(
        BundleError, match=r"^The bundle is of commit \w{12}, and weather@v1.1.0 of "
    ):
        released.bundle_of(project.context(), "weather@v1.1.0", given=first, scratch=tmp_path)
    (first / "model.onnx").write_bytes(b"another model")
    with pytest.raises(BundleError, match=r"^The bundle is not what it says it is: model\.onnx"):
        released.bundle_of(project.context(), TAG, given=first, scratch=tmp_path)
