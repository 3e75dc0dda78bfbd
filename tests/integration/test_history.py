"""`assay history` in real repositories."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
import typer
from assay import clihistory
from assay.errors import RepositoryError, UsageError
from assay.release import gto, history, historytable
from assay.workspace.git import Git
from typer.testing import CliRunner

from tests.golden import assert_golden
from tests.repos import Repo
from tests.unit.packaging import bundles

if TYPE_CHECKING:
    from pathlib import Path

    from assay.release.tagname import Action
    from typer.testing import Result

START = 1_790_000_000

DVC_YAML = """\
stages:
  train:
    cmd: python train.py
    outs: [model.bin]
    metrics: [{metrics.json: {cache: false}}]
artifacts:
  churn: {path: model.bin, type: model}
"""


def files(*, model: int, data: int, f1: float, folder: str = "") -> dict[str, str]:
    """A project of which a training run left these."""
    outs = (
        f"    - {{path: model.bin, md5: a{model:031x}, size: 10}}\n"
        f"    - {{path: metrics.json, md5: a{0:031x}, size: 10}}\n"
    )
    lock = f"schema: '2.0'\nstages:\n  train:\n    cmd: python train.py\n    outs:\n{outs}"
    content = {
        "dvc.yaml": DVC_YAML,
        "dvc.lock": lock,
        "data/raw.csv.dvc": f"outs:\n- {{path: raw.csv, md5: d{data:031x}, size: 5}}\n",
        "metrics.json": json.dumps({"f1": f1, "loss": 1 - f1}),
    }
    return {f"{folder}{name}": text for name, text in content.items()}


def tag(repo: Repo, action: Action, commit: str, **what: str) -> None:
    registry = gto.read(repo.git())
    after = registry.artifact("churn").newest
    name = registry.name("churn", action, **what)
    gto.tag(repo.git(), name, commit=commit, message="m", after=after, now=START + after % 7)


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Three versions and a commit without one, in a folder of the repository."""
    made = Repo(tmp_path_factory.mktemp("history") / "repo")
    # The time is what makes the same commits: they are part of the golden file.
    made.environ |= {
        "GIT_AUTHOR_DATE": f"@{START - 9000} +0000",
        "GIT_COMMITTER_DATE": f"@{START - 9000} +0000",
    }
    one = made.commit(files(model=1, data=1, f1=0.81, folder="ml/"))
    two = made.commit(files(model=2, data=1, f1=0.8425, folder="ml/"))
    three = made.commit(files(model=3, data=2, f1=0.86, folder="ml/"))
    four = made.commit(files(model=4, data=2, f1=0.7, folder="ml/"))
    made.commit({"ml/dvc.yaml": "stages: [: {"})
    broken = made("rev-parse", "HEAD")
    tag(made, "register", one, version="v1.0.0")
    tag(made, "register", two, version="v1.1.0")
    tag(made, "register", three, version="v1.10.0")
    tag(made, "register", four, version="v1.9.0-rc.1")
    tag(made, "deregister", four, version="v1.9.0-rc.1")
    tag(made, "assign", one, stage="prod")
    tag(made, "assign", three, stage="prod")
    tag(made, "assign", three, stage="dev")
    tag(made, "assign", broken, stage="try")
    return made


def test_the_table_fits_eighty_columns_and_says_what_is_where(repo: Repo) -> None:
    shown = historytable.text(history.of(repo.git("ml")), metrics=["f1"])
    assert max(map(len, shown.splitlines())) <= historytable.WIDTH
    assert_golden("history.txt", shown)


def test_what_is_known_is_there_for_programs(repo: Repo) -> None:
    (document,) = json.loads(history.to_json(history.of(repo.git("ml"), "churn")))
    rows = {row["version"]: row for row in document["rows"]}
    assert list(rows) == ["v1.10.0", "v1.9.0-rc.1", "v1.1.0", "v1.0.0", None]
    newest = rows["v1.10.0"]
    assert newest["metrics"] == {"f1": 0.86, "loss": pytest.approx(0.14)}
    assert newest["model"] == f"a{3:031x}"
    assert newest["stages"] == ["dev", "prod"]
    assert newest["date"].startswith("2026-09-21T14:13:")
    assert [row["data_changed"] for row in document["rows"]] == [False, True, False, None, None]
    assert not rows["v1.9.0-rc.1"]["registered"]
    assert "ml/" not in str(rows[None]["problem"])
    assert rows[None]["problem"] is not None


def test_a_bundle_at_hand_knows_metrics_that_no_file_has(repo: Repo) -> None:
    newest = gto.read(repo.git()).artifact("churn").latest
    assert newest is not None
    (found,) = history.of(repo.git("ml"), manifests={newest.commit: bundles.manifest()})
    assert found.rows[0].metrics["roc_auc"] == 0.8795
    assert found.rows[0].metrics["f1"] == 0.86


def test_a_commit_from_before_the_project_was_there_says_so(repo: Repo) -> None:
    (repo.root / "new").mkdir(exist_ok=True)
    (found,) = history.of(repo.git("new"))
    assert {row.problem for row in found.rows} == {"The commit does not have the project's folder."}
    assert "Data" in historytable.text((found,))


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("chrun", "No tag tells of `chrun`", "Tags tell of `churn`"),
        ("-x", "'-x' is no name that GTO takes", "Letters, digits"),
        ("a\x1b[1m", r"'a\\\\x1b\[1m' is no name that GTO takes", "Letters, digits"),
    ],
)
def test_an_artifact_that_is_none_is_an_error(
    repo: Repo, name: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        history.of(repo.git("ml"), name)
    assert hint in (caught.value.hint or "")
    assert caught.value.exit_code == 2


def test_without_tags_there_is_nothing_and_that_is_said(tmp_path: Path) -> None:
    empty = Repo(tmp_path / "empty")
    empty.commit({"a": "b"})
    assert historytable.text(history.of(empty.git())) == (
        "There are no versions yet: `assay release` makes one, and `git fetch --tags`\n"
        "gets those of others.\n"
    )
    with pytest.raises(UsageError) as caught:
        history.of(empty.git(), "churn")
    assert "`assay release` makes one" in (caught.value.hint or "")


def test_an_artifact_with_lightweight_tags_alone_says_why_it_has_no_versions(
    tmp_path: Path,
) -> None:
    light = Repo(tmp_path / "light")
    light.commit({"a": "b"})
    light("tag", "churn@v1.0.0")
    shown = historytable.text(history.of(light.git()))
    assert shown.startswith("churn\n`churn@v1.0.0` is a lightweight tag:")
    assert "Version" not in shown


def test_a_folder_without_a_repository_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="is not in a git repository") as caught:
        history.of(Git(tmp_path))
    assert caught.value.exit_code == 2


def test_a_hundred_versions_take_less_than_a_second(tmp_path: Path) -> None:
    many = Repo(tmp_path / "many")
    stream = []
    for n in range(100):
        changed = files(model=n, data=n // 10, f1=n / 200) | {f"src/{n}.py": f"x = {n}\n"}
        stream.append(
            f"commit refs/heads/main\nmark :{n + 1}\ncommitter A <a@b> {START + n} +0000\n"
            f"data 1\nc\n{'' if n == 0 else f'from :{n}' + chr(10)}"
        )
        for path, text in changed.items():
            stream.append(f"M 100644 inline {path}\ndata {len(text.encode())}\n{text}\n")
        stream.append(
            f"tag churn@v1.{n}.0\nfrom :{n + 1}\ntagger A <a@b> {START + n} +0000\ndata 1\nt\n"
        )
    subprocess.run(
        ["git", "fast-import", "--quiet"],
        cwd=many.root,
        env=many.environ,
        input="".join(stream).encode(),
        check=True,
    )
    began = time.process_time()
    (found,) = history.of(many.git())
    historytable.text((found,))
    # Of our own process: what other programs do meanwhile is not ours. git is asked six times.
    assert time.process_time() - began < 1
    assert [row.metrics["f1"] for row in found.rows] == [n / 200 for n in reversed(range(100))]
    assert sum(bool(row.data_changed) for row in found.rows) == 9


def command(root: Path, *argv: str) -> Result:
    app = typer.Typer()
    app.command()(clihistory.history)
    return CliRunner().invoke(app, [*argv, "-C", str(root)])


def test_the_command_shows_the_metrics_that_assay_yaml_names(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in repo.environ.items():
        monkeypatch.setenv(key, value)
    (repo.root / "ml" / "assay.yaml").write_text("metrics: {loss: {max: 1}}\n")
    said = command(repo.root / "ml", "churn")
    assert said.exit_code == 0, said.output
    assert "loss" in said.output
    assert " f1 " not in said.output
    newest = gto.read(repo.git()).artifact("churn").latest
    assert newest is not None
    made = bundles.manifest()
    packed = made.model_copy(
        update={"source": made.source.model_copy(update={"commit": newest.commit})}
    )
    for folder, text in (("churn-1", packed.to_json()), ("churn-2", "{")):
        place = repo.root / "ml" / ".assay" / "bundles" / folder
        place.mkdir(parents=True)
        (place / "manifest.json").write_text(text)
    (document,) = json.loads(command(repo.root / "ml", "--json").output)
    assert document["rows"][0]["metrics"]["roc_auc"] == 0.8795


def test_the_command_passes_on_what_is_wrong(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in repo.environ.items():
        monkeypatch.setenv(key, value)
    assert isinstance(command(repo.root / "ml", "chrun").exception, UsageError)
