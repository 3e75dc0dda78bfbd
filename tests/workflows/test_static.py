"""What the engine does not enforce, and linters do not know of us: looked up in the YAML."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.engine import ROOT
from tests.workflows.test_agreement import ACTIONS, load, steps, uses_in

STARTERS = sorted(ROOT.glob("workflow-templates/*.yml"))
EXAMPLES = sorted(ROOT.glob("example-repo/.github/workflows/*.yml"))
WORKFLOWS = [*sorted(ROOT.glob(".github/workflows/*.yml")), *EXAMPLES, *STARTERS]
# What a job may have beyond `contents: read`, and why it may.
WRITE_PERMISSIONS = {
    ("model-check.yml", "pull-requests"),
    ("assay-accept.yml", "pull-requests"),
    ("assay-accept.yml", "actions"),
    ("model-report.yml", "pull-requests"),
    ("model-report.yml", "actions"),
    ("model-release.yml", "actions"),
    ("model-release.yml", "contents"),
    ("model-release.yml", "id-token"),
    ("model-release.yml", "attestations"),
    ("model-deploy.yml", "contents"),
    ("model-deploy.yml", "deployments"),
    ("model-deploy.yml", "issues"),
    ("model-monitor.yml", "actions"),
    ("model-monitor.yml", "checks"),
    ("model-monitor.yml", "contents"),
    ("model-monitor.yml", "issues"),
    ("model-monitor.yml", "pull-requests"),
    ("model-monitor.yml", "statuses"),
}

every_workflow = pytest.mark.parametrize(
    "path", WORKFLOWS, ids=lambda path: path.relative_to(ROOT).as_posix()
)
every_file = pytest.mark.parametrize(
    "path", [*WORKFLOWS, *ACTIONS], ids=lambda path: path.relative_to(ROOT).as_posix()
)


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = load(path)["jobs"]
    return found


def all_steps(path: Path) -> list[dict[str, Any]]:
    if path in ACTIONS:
        return steps(load(path))
    return [step for job in jobs(path).values() for step in job.get("steps", ())]


@every_workflow
def test_nothing_is_permitted_but_what_a_job_asks_for(path: Path) -> None:
    assert load(path)["permissions"] == {}
    for name, job in jobs(path).items():
        assert "permissions" in job, name
        for permission, level in job["permissions"].items():
            allowed = (permission, level) == ("contents", "read")
            # The branch of pictures, in a job that runs nobody's code.
            allowed |= (path.name, permission) == ("model-report.yml", "contents")
            assert allowed or (path.name, permission) in WRITE_PERMISSIONS, (name, permission)


@every_workflow
def test_every_job_ends_by_itself(path: Path) -> None:
    for name, job in jobs(path).items():
        assert "timeout-minutes" in job or "uses" in job, name


@every_file
def test_other_people_s_actions_are_pinned_to_a_commit_with_its_version(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        used = re.match(r"\s*(?:- )?uses: (\S+)(.*)", line)
        if used is None or used[1] == "./" or used[1].startswith("your-org/assay"):
            continue
        assert re.search(r"@[0-9a-f]{40}$", used[1]), line
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", used[2]), line


def test_an_action_is_pinned_to_the_same_commit_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for path in [*WORKFLOWS, *ACTIONS, ROOT / "README.md", *ROOT.glob("docs/**/*.md")]:
        text = path.read_text(encoding="utf-8")
        for action, pin in re.findall(r"uses: ([\w-]+/[\w-]+)[\w/-]*@([0-9a-f]{40} # \S+)", text):
            pins.setdefault(action, set()).add(pin)
    assert pins
    assert {action for action, found in pins.items() if len(found) > 1} == set()


@every_file
def test_nothing_is_interpolated_into_a_script(path: Path) -> None:
    for step in all_steps(path):
        assert "${{" not in step.get("run", ""), step.get("name")


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.parent.name)
def test_a_step_of_an_action_names_its_shell_and_itself(path: Path) -> None:
    for step in all_steps(path):
        assert step["name"]
        assert step.get("shell", "bash") == "bash"
        assert ("run" in step) == ("shell" in step)


@every_file
def test_secrets_are_passed_by_name(path: Path) -> None:
    assert not re.search(r"^\s*secrets: inherit", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert "pull_request_target" not in path.read_text(encoding="utf-8")


@every_workflow
def test_no_credentials_are_left_on_disk(path: Path) -> None:
    checkouts = [
        used for used in uses_in(jobs(path)) if used["uses"].startswith("actions/checkout@")
    ]
    for used in checkouts:
        assert used["with"]["persist-credentials"] is False
        assert used["with"]["fetch-depth"] == 0


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.parent.name)
def test_inputs_and_outputs_are_described(path: Path) -> None:
    action = load(path)
    for name, spec in {**action["inputs"], **(action.get("outputs") or {})}.items():
        assert spec["description"].endswith("."), name
    for name, spec in action["inputs"].items():
        assert isinstance(spec["default"], str), name


@every_workflow
def test_what_comments_start_runs_no_code_of_theirs(path: Path) -> None:
    if "issue_comment" in load(path)["on"]:
        for used in uses_in(jobs(path)):
            assert used["uses"].startswith("your-org/assay/"), used
        assert not [step for step in all_steps(path) if "run" in step]


def test_the_gate_of_our_ci_waits_for_every_other_job() -> None:
    ci = jobs(ROOT / ".github/workflows/ci.yml")
    assert set(ci["all-green"]["needs"]) == set(ci) - {"all-green"}


@pytest.mark.parametrize("path", STARTERS, ids=lambda path: path.name)
def test_a_starter_is_complete(path: Path, tmp_path: Path) -> None:
    properties = json.loads(path.with_suffix(".properties.json").read_text(encoding="utf-8"))
    assert properties["name"]
    assert properties["description"]
    assert path.with_name(f"{properties['iconName']}.svg").is_file()
    assert any(re.search(pattern, "dvc.yaml") for pattern in properties["filePatterns"])
    text = path.read_text(encoding="utf-8")
    assert "$default-branch" in text or "pull_request" not in load(path)["on"]
    # As GitHub fills it in; jactionlint reads the same settings as for the other files.
    filled = tmp_path / path.name
    filled.write_text(text.replace("$default-branch", "main"), encoding="utf-8")
    linter = Path(sys.executable).with_name("jactionlint")
    settings = ROOT / ".github/jactionlint.yaml"
    done = subprocess.run(
        [str(linter), "--strict-exit", "--config-file", str(settings), str(filled)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "path",
    [
        "workflow-templates/model-deploy.yml",
        ".github/workflows/model-deploy.yml",
        "docs/workflows/model-deploy.md",
    ],
)
def test_a_pull_requests_own_workflow_of_the_same_name_deploys_nothing(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")

    assert 'workflows: ["Model release"]' in text
    assert (
        """contains(fromJSON('["push", "workflow_dispatch"]'), github.event.workflow_run.event)"""
        in text
    )
