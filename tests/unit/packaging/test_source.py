"""Where a model comes from, as the commit says."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
import yaml
from assay.errors import RepositoryError, UsageError
from assay.packaging import source
from assay.workspace.dvcfiles import DvcFiles

from tests.builders import make_context, write
from tests.unit.packaging.projects import COMMITTED, LOCK, git, project

if TYPE_CHECKING:
    from pathlib import Path


def test_everything_that_the_commit_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    context = project(tmp_path, files={"uv.lock": "locked", "requirements.txt": "x"})
    found = source.of(context, "model.joblib")
    assert found.commit == context.workspace.git.head()
    assert found.committed == COMMITTED
    assert (found.model.path, found.model.md5, found.model.bytes) == ("model.joblib", "a" * 32, 5)
    assert [(one.path, one.md5) for one in found.data] == [("data/raw.csv", "c" * 32)]
    assert found.parameters == {
        "params.yaml:train.depth": "3",
        "params.yaml:train.names": '["é"]',
    }
    assert found.lock == hashlib.sha256(b"locked").hexdigest()
    assert found.project == ""


@pytest.mark.parametrize(
    ("read", "listed"),
    [
        ("predictions.csv", ["data/raw.csv", "predictions.csv"]),
        ("features/train.csv", ["data/raw.csv", "features"]),
        ("train.py", ["data/raw.csv"]),
    ],
)
def test_data_is_what_stages_read(tmp_path: Path, read: str, listed: list[str]) -> None:
    """What comes out and is read by nothing, as predictions, is a result and no cause."""
    train = LOCK["stages"]["train"]
    outs = [*train["outs"], {"path": "features", "md5": "e" * 32 + ".dir"}]
    changed = {**train, "outs": outs, "deps": [{"path": read, "md5": "f" * 32}]}
    lock = yaml.safe_dump({**LOCK, "stages": {"train": changed}})
    found = source.of(project(tmp_path, files={"dvc.lock": lock}), "model.joblib")
    assert [one.path for one in found.data] == listed


def test_a_project_in_a_folder_without_a_lock_file(tmp_path: Path) -> None:
    project(tmp_path, files={"inner/dvc.yaml": "stages: {}\n", "inner/.dvc/config": ""})
    context = make_context(tmp_path / "inner")
    write(tmp_path / "inner", {"m.joblib.dvc": f"outs:\n- md5: {'d' * 32}\n  path: m.joblib\n"})
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message=second")
    found = source.of(context, "m.joblib")
    assert found.project == "inner/"
    assert found.lock is None
    assert found.model.bytes is None


def test_a_model_in_a_tracked_folder_has_the_folder_s_digest(tmp_path: Path) -> None:
    folder = f"outs:\n- md5: {'d' * 32}.dir\n  size: 30\n  path: models\n"
    context = project(tmp_path, files={"models.dvc": folder})
    found = source.of(context, "models/model.pkl")
    assert (found.model.path, found.model.md5) == ("models", "d" * 32 + ".dir")
    assert "models" not in [one.path for one in found.data]


def test_a_work_tree_with_changes(tmp_path: Path) -> None:
    context = project(tmp_path)
    write(tmp_path, {"assay.yaml": "tests: tests\n"})
    with pytest.raises(RepositoryError, match="changes that are in no commit") as caught:
        source.of(context, "model.joblib")
    assert caught.value.exit_code == 2
    assert "Commit them" in (caught.value.hint or "")


def test_code_that_nobody_committed_is_a_change(tmp_path: Path) -> None:
    context = project(tmp_path)
    write(tmp_path, {"bikes/__init__.py": "", "helper.py": "", "model.joblib": ""})
    with pytest.raises(RepositoryError) as caught:
        source.of(context, "model.joblib")
    assert caught.value.message == (
        "A package names its commit, and this code is in none: bikes/__init__.py, helper.py."
    )
    assert caught.value.exit_code == 2
    assert ".gitignore" in (caught.value.hint or "")
    write(tmp_path, {".git/info/exclude": "bikes/\nhelper.py\n"})
    assert source.of(context, "model.joblib").commit


def test_files_that_nobody_tracks_are_no_change(tmp_path: Path) -> None:
    context = project(tmp_path)
    write(tmp_path, {"notes.txt": ""})
    assert source.of(context, "model.joblib").commit


@pytest.mark.parametrize("model", ["other.joblib", "model.joblib"])
def test_a_model_that_dvc_does_not_have(tmp_path: Path, model: str) -> None:
    outs = [{"path": "predictions.csv", "md5": "b" * 32}]
    lock = {**LOCK, "stages": {"train": {"cmd": "python train.py", "outs": outs}}}
    context = project(tmp_path, files={"dvc.lock": yaml.safe_dump(lock)})
    with pytest.raises(RepositoryError, match=f"{model} is not tracked by DVC") as caught:
        source.of(context, model)
    assert "dvc push" in (caught.value.hint or "")


def test_which_file_is_the_model_and_what_it_is_called(tmp_path: Path) -> None:
    context = project(tmp_path)
    files = context.workspace.head_files()
    assert source.model_file(context.config, files) == "model.joblib"
    other = make_context(tmp_path, "model: other.pkl\npackage: {name: bikes}\n").config
    assert source.model_file(other, files) == "other.pkl"
    name = source.artifact_name
    assert name(context.config, files, "model.joblib", folder="folder") == "peak"
    assert name(context.config, files, "other.pkl", folder="folder") == "folder"
    assert name(other, files, "model.joblib", folder="folder") == "bikes"
    assert source.description(files, "model.joblib") == "Probability of a peak"
    assert source.description(files, "other.pkl") is None


def test_no_file_looks_like_a_model(tmp_path: Path) -> None:
    context = project(tmp_path, files={"dvc.yaml": "stages: {}\n", "dvc.lock": "schema: '2.0'\n"})
    with pytest.raises(UsageError, match="Which file is the model is not known") as caught:
        source.model_file(context.config, context.workspace.head_files())
    assert "`model` in assay.yaml" in (caught.value.hint or "")


def test_two_files_that_may_be_the_model(tmp_path: Path) -> None:
    artifacts = {"peak": "model.joblib", "night": "night.pkl"}
    told = {name: {"path": path, "type": "model"} for name, path in artifacts.items()}
    other = yaml.safe_dump({"artifacts": told}, sort_keys=False)
    context = project(tmp_path, files={"dvc.yaml": other})
    with pytest.raises(UsageError) as caught:
        source.model_file(context.config, context.workspace.head_files())
    assert caught.value.message == (
        "Which file is the model is not known: model.joblib, night.pkl may be it."
    )
    assert caught.value.hint == "Set `model` in assay.yaml."


@pytest.mark.parametrize("folder", ["my project", "-x", "bikes@v1", "é", ""])
def test_a_name_that_no_tag_can_hold(tmp_path: Path, folder: str) -> None:
    context = make_context(tmp_path)
    with pytest.raises(UsageError, match="no tag of a version can hold") as caught:
        source.artifact_name(context.config, DvcFiles(), "model.pkl", folder=folder)
    assert caught.value.key == ("package", "name")
