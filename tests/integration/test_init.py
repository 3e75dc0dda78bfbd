"""`assay init`: what it finds, what it writes, and what it tells people to do next."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from assay import config
from assay.discover import Discovered
from assay.initialize import assay_yaml, workflow, workflow_file
from assay.workspace.dvcfiles import DvcFiles

if TYPE_CHECKING:
    from pathlib import Path

    from tests.repos import Project

ROOT_WORKFLOW = ".github/workflows/model-check.yml"
RELEASE_WORKFLOW = ".github/workflows/model-release.yml"


def _init(project: Project, *args: str, cwd: Path | None = None) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "assay.cli", "init", *args],
        cwd=cwd or project.root,
        env=project.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout


def _bare(project: Project) -> None:
    (project.root / "assay.yaml").unlink(missing_ok=True)


def _found(**changes: Any) -> Discovered:
    empty: dict[str, Any] = {
        "remote": None,
        "dvc": DvcFiles(),
        "default_branch": "main",
        "requirements": None,
        "tables": (),
        "schemas": (),
        "has_tests": False,
        "predictions": None,
        "metrics": {},
        "model": None,
    }
    return Discovered(**(empty | changes))


def test_one_command_and_one_commit(project: Project) -> None:
    _bare(project)
    code, out = _init(project)
    assert code == 0, out
    assert "metrics       metrics.json" in out
    assert "predictions   predictions.csv" in out
    assert f"git add assay.yaml {ROOT_WORKFLOW}\n" in out
    written = config.load(project.root)
    assert list(written.metrics) == ["accuracy"]
    assert written.predictions is not None
    assert written.predictions.path == "predictions.csv"
    jobs = yaml.safe_load((project.root / ROOT_WORKFLOW).read_text())["jobs"]
    assert "with" not in jobs["model-check"]


def test_data_without_a_schema_can_have_one_proposed(project: Project) -> None:
    _bare(project)
    for schema in project.root.glob("schema*.py"):
        schema.unlink()
    (project.root / "data").mkdir(exist_ok=True)
    (project.root / "data" / "more rides.csv").write_text("a,b\n1,x\n2,y\n", encoding="utf-8")
    _, out = _init(project)
    [line] = [line for line in out.splitlines() if line.startswith("schema")]
    told = re.search(r"`assay contract infer (.+) -o schema.py`", line)
    assert told is not None, out
    [path] = shlex.split(told[1])
    assert (project.root / path).is_file()


def test_nothing_is_ever_overwritten(project: Project) -> None:
    before = (project.root / "assay.yaml").read_bytes()
    assert _init(project)[0] == 0
    code, out = _init(project)
    assert code == 0
    assert out.count("it exists; init never overwrites") == 2
    assert "git add" not in out
    assert (project.root / "assay.yaml").read_bytes() == before


def test_projects_of_one_repository_have_a_workflow_each(project: Project) -> None:
    for name in ("a", "b c"):
        folder = project.root / "models" / name
        shutil.copytree(project.root / ".dvc", folder / ".dvc")
        (folder / "dvc.yaml").write_text("metrics: [m.json]\n")
        code, out = _init(project, cwd=folder)
        assert code == 0, out
        (command,) = (line for line in out.splitlines() if "git add" in line)
        done = subprocess.run(
            command, shell=True, cwd=folder, env=project.environ, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
    files = sorted((project.root / ".github/workflows").iterdir())
    assert [file.name for file in files] == [
        "model-check-models-a.yml",
        "model-check-models-b-c.yml",
    ]
    first, second = (yaml.safe_load(file.read_text()) for file in files)
    assert first["name"] != second["name"]
    assert second["jobs"]["model-check"]["with"] == {
        "working-directory": "models/b c",
        "comment-key": "models-b-c",
    }


def test_the_release_workflow_is_offered_and_written_when_asked(project: Project) -> None:
    _, out = _init(project)
    assert "To release versions as signed bundles too: assay init --release\n" in out
    assert not (project.root / RELEASE_WORKFLOW).exists()
    code, out = _init(project, "--release", "--uses", "o/n@v2")
    assert code == 0, out
    assert f"git add {RELEASE_WORKFLOW}\n" in out
    assert 'git commit -m "Check and release models with Assay"' in out
    assert "gh secret set ASSAY_SIGNING_KEY --env release" in out
    assert "init --release" not in out
    parsed = yaml.safe_load((project.root / RELEASE_WORKFLOW).read_text())
    assert parsed[True]["push"]["tags"] == ["**@v*"]
    assert parsed["jobs"]["model-release"]["uses"] == "o/n/.github/workflows/model-release.yml@v2"


def test_projects_of_one_repository_release_their_own_versions(project: Project) -> None:
    folder = project.root / "models" / "a"
    shutil.copytree(project.root / ".dvc", folder / ".dvc")
    (folder / "dvc.yaml").write_text("metrics: [m.json]\n")
    code, out = _init(project, "--release", cwd=folder)
    assert code == 0, out
    file = project.root / ".github/workflows/model-release-models-a.yml"
    parsed = yaml.safe_load(file.read_text())
    assert parsed["name"] == "Model release of models/a"
    assert parsed[True]["push"]["tags"] == ["a@v*"]
    assert parsed["jobs"]["model-release"]["with"]["working-directory"] == "models/a"
    assert parsed["jobs"]["model-release"]["with"]["environment"] == "release"
    assert config.load(folder).release.checked_by == "model-check-models-a.yml"
    assert "They need" not in out
    (folder / "assay.yaml").write_text("model: m.skops\n")
    _, out = _init(project, "--release", cwd=folder)
    assert "They need `release.checked_by: model-check-models-a.yml` in assay.yaml." in out


def test_an_assay_yaml_that_is_wrong_is_kept_as_it_is(project: Project) -> None:
    (project.root / "assay.yaml").write_text("metrics: 3\n")
    assert _init(project)[0] == 0


def test_an_artifact_that_no_tag_can_name_gets_no_release_workflow(project: Project) -> None:
    folder = project.root / "b c"
    shutil.copytree(project.root / ".dvc", folder / ".dvc")
    (folder / "dvc.yaml").write_text("metrics: [m.json]\n")
    code, out = _init(project, "--release", cwd=folder)
    assert code == 2
    assert "The artifact would be called 'b c'" in out
    assert "Set `package.name` in assay.yaml" in out
    assert not (project.root / ".github").exists()


@pytest.mark.skipif(os.name == "nt", reason="another drive has no relative path")
def test_from_outside_of_the_repository(project: Project, tmp_path: Path) -> None:
    _bare(project)
    code, out = _init(project, "-C", str(project.root), cwd=tmp_path)
    assert code == 0, out
    (command,) = (line for line in out.splitlines() if "git -C" in line)
    subprocess.run(command, shell=True, cwd=tmp_path, env=project.environ, check=True)
    assert "assay.yaml" in project.git("diff", "--cached", "--name-only")
    assert "assay check -C " in out


def test_a_repository_without_metrics_is_told_what_is_missing(project: Project) -> None:
    _bare(project)
    (project.root / "dvc.yaml").unlink()
    code, out = _init(project)
    assert code == 0, out
    assert "There is nothing to judge yet: declare `metrics:` in dvc.yaml" in out
    assert config.load(project.root) == config.Config()


def test_bounds_are_proposed_on_the_side_that_is_worse() -> None:
    found = _found(metrics={"r2": 0.98113, "mae": 11783.3, "loss": 0.0})
    text = " ".join(assay_yaml(found, uses="o/n@v1").split())
    assert "r2: # now 0.9811 # min: 0.98 # fail below this # max_regression: 0.01 # fail" in text
    assert "mae: # now 11,783 # max: 12000 # fail above this # max_regression: 100 # fail" in text
    assert "loss: # now 0.0000 # max: 0 # fail above this # max_regression: 0.01 # fail" in text


def test_names_stand_in_the_workflow_as_they_are() -> None:
    text = workflow(_found(default_branch="origin/a, b"), uses="o/n@v2", folder="x: [y]")
    parsed = yaml.safe_load(text)
    assert parsed[True]["pull_request"]["branches"] == ["a, b"]
    job = parsed["jobs"]["model-check"]
    assert job["uses"] == "o/n/.github/workflows/model-check.yml@v2"
    assert job["with"]["working-directory"] == "x: [y]"
    assert workflow_file("x: [y]") == ".github/workflows/model-check-x-y.yml"


def test_what_uses_must_look_like(project: Project) -> None:
    code, out = _init(project, "--uses", "a b@c")
    assert code == 2
    assert "It should be OWNER/NAME@REF" in out


def test_a_deployment_starts_when_the_release_of_the_same_project_has_ended() -> None:
    from assay import initialize

    alone = yaml.safe_load(initialize.deploy_workflow("bikes", uses="o/n@v2", folder=""))
    assert alone["jobs"]["model-deploy"]["uses"] == "o/n/.github/workflows/model-deploy.yml@v2"
    assert alone[True]["workflow_run"]["workflows"] == ["Model release"]
    one = yaml.safe_load(initialize.deploy_workflow("bikes", uses="o/n@v2", folder="models/a"))
    assert one["name"] == "Model deploy of models/a"
    assert one[True]["workflow_run"]["workflows"] == ["Model release of models/a"]
    assert one[True]["push"]["tags"] == ["bikes#*"]
    assert one["jobs"]["model-deploy"]["with"]["working-directory"] == "models/a"


def test_what_watches_production_is_of_one_project() -> None:
    from assay import initialize

    alone = yaml.safe_load(initialize.monitor_workflow(uses="o/n@v2", folder=""))
    job = alone["jobs"]["model-monitor"]
    assert job["uses"] == "o/n/.github/workflows/model-monitor.yml@v2"
    assert set(job["with"]) == {"why"}
    one = yaml.safe_load(initialize.monitor_workflow(uses="o/n@v2", folder="models/a"))
    assert one["name"] == "Model monitor of models/a"
    assert one["jobs"]["model-monitor"]["with"]["working-directory"] == "models/a"


def test_watching_says_what_it_needs(project: Project) -> None:
    code, out = _init(project, "--monitor")

    assert code == 0, out
    assert (project.root / ".github/workflows/model-monitor.yml").is_file()
    assert (project.root / RELEASE_WORKFLOW).is_file()  # what is watched is a release
    assert not (project.root / ".github/workflows/model-deploy.yml").exists()
    assert "Watching needs `monitor` in assay.yaml" in out
