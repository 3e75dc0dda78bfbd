"""`make year`, shortened, with the workflow of its alarm in act: a retrained model, and quiet."""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
from typing import TYPE_CHECKING, Any

import yaml
from assay.monitor.watched import FILE, MonitorSection
from rich.console import Console

from scripts import year
from tests.fakes.github_api import workflow_token
from tests.monitor_year import MODEL, NAME, Company, Done, end
from tests.workflows import scratch
from tests.workflows.engine import ROOT, TOKEN
from tests.workflows.scratch import EXAMPLE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.github_api import Level
    from tests.monitor_year import Version
    from tests.workflows.conftest import World
    from tests.workflows.engine import Run

MONTHS = ("2012-03", "2012-04", "2012-05")
WORKFLOW = (EXAMPLE / ".github/workflows/model-monitor.yml").read_text(encoding="utf-8")
RIGHTS: dict[str, Level] = {"contents": "write", "issues": "write", "actions": "read"}


class OnRunner(Company):
    """Whose alarm is found by the reusable workflow, as the example calls it."""

    def __init__(self, folder: Path, world: World) -> None:
        super().__init__(folder, world.api, change=brief)
        self.world = world
        world.api.state.tokens[TOKEN] = workflow_token(**RIGHTS)
        self.run: Run | None = None

    def monitor(self, month: str, version: Version) -> MonitorSection:
        """In a runner once; afterwards by the command line."""
        if self.run is not None:
            return super().monitor(month, version)
        self.check_out("origin/main")
        given = f"      until: '{end(month)}'\n      bundle: {version.bundle}\n"
        self.run = started(
            self.world, self.project, WORKFLOW.replace("    with:\n", f"    with:\n{given}")
        )
        written = self.world.artifact("assay-monitor") / FILE
        assert written.is_file(), self.run.tail
        return MonitorSection.model_validate_json(written.read_text(encoding="utf-8"))

    def retrain(self) -> Done:
        """The workflow did."""
        return Done(0, "")


def started(world: World, project: Path, text: str) -> Run:
    """The workflow, by the clock."""
    folder = project.parent
    event, workflow = folder / "schedule.json", folder / "model-monitor.yml"
    repository = {"full_name": NAME, "name": NAME.split("/")[1], "default_branch": "main"}
    event.write_text(json.dumps({"ref": "refs/heads/main", "repository": repository}))
    workflow.write_text(text, encoding="utf-8")
    return world.engine.run(
        project,
        workflow,
        event=event,
        event_name="schedule",
        store=world.store,
        name=NAME,
        variables={
            "GITHUB_API_URL": world.api.url,
            "GITHUB_REF": "refs/heads/main",
            # Building environments is what other tests are about.
            "ASSAY_PYTHON": sys.executable,
            **world.variables,
        },
    )


def brief(root: Path) -> None:
    """The same model, data and rules; nothing that this is not about, and fewer processes."""
    shutil.rmtree(root / "tests")
    (root / "tests").mkdir()
    (root / "tests/test_light.py").write_text("def test_light():\n    assert True\n")
    path = root / "assay.yaml"
    settings: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    del settings["data"], settings["environments"]
    del settings["predictions"]["slices"], settings["metrics"]["roc_auc"]["slices"]
    path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    _as_one_stage(root)


def _as_one_stage(root: Path) -> None:
    """Each stage of the pipeline would import pandas and scikit-learn anew."""
    path, lock = root / "dvc.yaml", root / "dvc.lock"
    pipeline: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    locked: dict[str, Any] = yaml.safe_load(lock.read_text(encoding="utf-8"))
    command = "; ".join(f"from peakhour import {name}; {name}.main()" for name in locked["stages"])
    outs = [out for stage in pipeline["stages"].values() for out in stage["outs"]]
    metrics = pipeline["stages"]["evaluate"]["metrics"]
    raw = pipeline["stages"]["prepare"]["deps"][:2]
    run = f'python -c "{command}"'
    params = list(locked["stages"])
    pipeline["stages"] = {
        "all": {"cmd": run, "deps": raw, "params": params, "outs": outs, "metrics": metrics}
    }
    path.write_text(yaml.safe_dump(pipeline, sort_keys=False), encoding="utf-8")
    known = {
        one["path"]: one
        for stage in locked["stages"].values()
        for one in (*stage["deps"], *stage["outs"])
    }
    values = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    locked["stages"] = {
        "all": {
            "cmd": run,
            "deps": [known[name] for name in raw],
            "params": {"params.yaml": {name: values[name] for name in params}},
            "outs": [known[name] for name in sorted([*outs, "reports/metrics.json"])],
        }
    }
    lock.write_text(yaml.safe_dump(locked, sort_keys=False), encoding="utf-8")


def test_a_year_ends_with_a_merged_candidate_and_a_quiet_monitor(
    world: World, tmp_path: Path
) -> None:
    out = io.StringIO()
    (tmp_path / "company").mkdir()
    company = OnRunner(tmp_path / "company", world)

    comment = year.play(company, MONTHS, Console(file=out, width=80), brief=True)

    # The alarm fails the job that watches, and the other one runs all the same.
    run = company.run
    assert run is not None
    assert (run.exit_code, run.jobs) == (1, {"monitor": "failure", "retrain": "success"}), run.tail
    assert run.outputs["monitor"]["monitor"]["alarm"] == "true"
    assert run.outputs["retrain"]["retrain"]["outcome"] == "opened"
    assert "Brier score got worse" in run.summary
    assert TOKEN not in run.log
    said = out.getvalue()
    assert all(len(line) <= 80 for line in said.splitlines()), said
    ((_, issue),) = company.issues
    assert (issue.title, issue.state) == (f"{MODEL}: Brier score got worse", "closed")
    ((number, pull),) = company.pulls
    assert run.outputs["retrain"]["retrain"]["pull-request"] == str(number)
    assert pull.merged_at is not None
    assert pull.labels == ["assay-retrain"]
    assert comment.number == number
    assert "### ✅ Passed: ROC AUC" in comment.body
    assert re.search(r"\*\*F1\*\*.*\| 0\.64\d+ →&nbsp;\*\*0\.85\d+", comment.body), comment.body
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert [line for line in lines if line.split(" ")[0] in {"March", "April", "May"}] == [
        "April 718 0.187 0.074 0.967 quiet drift ALARM",
        "May 744 0.077 0.069 0.968 quiet quiet",
    ]
    assert "issue #1 opened: peak-hour: Brier score got worse" in lines
    assert "issue #1 closed: peak-hour: Brier score got worse" in lines


def test_where_nothing_was_released_there_is_nothing_to_watch(world: World, tmp_path: Path) -> None:
    project = tmp_path / "project"
    scratch.copy_example(project)
    scratch.git(project, "init", "--quiet", "--initial-branch=main")
    scratch.commit(project, "Predict peak hours")
    world.api.state.tokens[TOKEN] = workflow_token(**RIGHTS)

    starter = (ROOT / "workflow-templates/model-monitor.yml").read_text(encoding="utf-8")

    run = started(world, project, starter)

    # No word of an alarm, so nothing is retrained.
    assert (run.exit_code, run.jobs) == (1, {"monitor": "failure"}), run.tail
    assert any("No version was ever released" in one.message for one in run.annotations), run.tail
    assert world.api.state.repositories[NAME].issues == {}
