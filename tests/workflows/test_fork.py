"""A fork's pull request, through both workflows: one runs its code, the other posts its report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.fakes.github_api import Pull, Repository, Token
from tests.workflows import scratch
from tests.workflows.conftest import REPOSITORY
from tests.workflows.engine import ROOT, TOKEN
from tests.workflows.scratch import NUMBER
from tests.workflows.test_agreement import load, uses_in
from tests.workflows.test_static import STARTERS, WORKFLOWS, all_steps, jobs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.github_api import WorkflowRun
    from tests.workflows.conftest import World
    from tests.workflows.engine import Run
    from tests.workflows.scratch import PullRequest

CHECK = (ROOT / "workflow-templates/model-check.yml").read_text(encoding="utf-8")
REPORT = ROOT / "workflow-templates/model-report.yml"
FORK = "mallory/bikes"
# What the starter's job asks for; the engine gives whatever the fake does.
POWERS = {"pull_requests": "write", "actions": "read", "contents": "read"}


def lower_the_bar(root: Path) -> None:
    path = root / "assay.yaml"
    path.write_text(path.read_text().replace("min: 0.5", "min: 0.1"))


def checked(world: World, pull: PullRequest, *, fork: str) -> tuple[Run, WorkflowRun]:
    """The first workflow, and what GitHub knows once it has ended."""
    run = world.run(pull, CHECK.replace("$default-branch", "main"))
    state = world.api.state
    repository = state.repositories[REPOSITORY]
    made = state.commit(REPOSITORY, {"assay.yaml": rules(pull)})
    repository.objects[pull.base_sha] = repository.objects[made]  # under the name that git gave it
    repository.pulls[NUMBER] = Pull(
        pull.head_sha, pull.branch, base_sha=pull.base_sha, head_repository=fork
    )
    found = state.run(
        REPOSITORY, pull.head_sha, head_branch=pull.branch, head_repository=fork, actor="mallory"
    )
    files = {path.name: path.read_bytes() for path in world.artifact().iterdir()}
    assert "record.json" in files
    state.artifact(found, "assay-report", files)
    return run, found


def rules(pull: PullRequest) -> bytes:
    return scratch.git(pull.work_tree, "show", f"{pull.base_sha}:assay.yaml").encode()


def reported(world: World, folder: Path, found: WorkflowRun) -> Run:
    """The second workflow, as GitHub starts it on the default branch."""
    folder.mkdir()
    scratch.git(folder, "init", "--quiet", "--initial-branch=main")
    scratch.git(folder, "commit", "--quiet", "--allow-empty", "--message=Start")
    event = folder / "event.json"
    told = {
        "action": "completed",
        "workflow_run": {
            "id": found.id,
            "event": "pull_request",
            "head_branch": found.head_branch,
            "head_repository": {"full_name": found.head_repository or REPOSITORY},
        },
        "repository": {"full_name": REPOSITORY, "default_branch": "main"},
        "sender": {"login": "mallory"},
    }
    event.write_text(json.dumps(told), encoding="utf-8")
    world.api.state.tokens[TOKEN] = Token("github-actions[bot]", "app", dict(POWERS))  # type: ignore[arg-type]
    return world.engine.run(
        folder,
        REPORT,
        event=event,
        event_name="workflow_run",
        store=world.store,
        name=REPOSITORY,
        variables={"GITHUB_API_URL": world.api.url},
    )


def test_a_fork_gets_its_comment_from_the_second_workflow(world: World, tmp_path: Path) -> None:
    world.api.state.repositories[FORK] = Repository(id=2)
    world.grant("read")
    pull = scratch.pull_request(
        tmp_path / "pull",
        lower_the_bar,
        on_main=scratch.light,
        branch="a&state=all#$(id)`x`",
        fork=FORK,
    )
    run, found = checked(world, pull, fork=FORK)
    assert (run.exit_code, run.jobs) == (0, {"model-check": "success"}), run.tail
    assert world.comments == []

    run = reported(world, tmp_path / "report", found)

    assert (run.exit_code, run.jobs) == (0, {"model-report": "success"}), run.tail
    outputs = run.outputs["model-report"]["assay"]
    assert outputs["verdict"] in ("pass", "warn")
    assert outputs["pull-request"] == str(NUMBER)
    (comment,) = world.comments
    assert (comment.number, comment.author) == (NUMBER, "github-actions[bot]")
    assert outputs["comment-url"].endswith(f"#issuecomment-{comment.id}")
    assert "ROC AUC" in comment.body
    assert "changes the rules in" in comment.body
    assert "0.5" in comment.body
    assert any("changes the rules in" in found.message for found in run.annotations)
    assert "ROC AUC" in run.summary
    assert TOKEN not in run.log + comment.body
    assert not any(logged.token_outside_header for logged in world.api.state.requests)
    posted = json.loads((world.artifact() / "report.json").read_text())
    assert posted["ci"]["from_fork"]
    assert posted["provenance"]["run_url"].endswith(f"/actions/runs/{found.id}")


def test_a_branch_of_the_repository_gets_no_second_comment(world: World, tmp_path: Path) -> None:
    """Its own run has posted one: `test_the_starter_through_the_reusable_workflow`."""
    state, head = world.api.state, "d" * 40
    state.repositories[REPOSITORY].pulls[NUMBER] = Pull(head, "feature")
    found = state.run(REPOSITORY, head, head_branch="feature")

    run = reported(world, tmp_path / "report", found)

    assert (run.exit_code, run.jobs) == (0, {"model-report": "success"}), run.tail
    assert world.comments == []
    assert "posts its report itself" in run.log
    assert set(run.outputs["model-report"]["assay"].values()) == {""}
    assert [call for call in state.calls() if "/pulls" in call] == []


def test_what_runs_after_a_run_checks_nothing_out() -> None:
    called = [path for path in WORKFLOWS if path.name == "model-report.yml"]
    assert len(called) == 3
    assert REPORT in STARTERS
    for path in called:
        for used in uses_in(jobs(path)):
            assert used["uses"].startswith("your-org/assay/"), used
        assert not [step for step in all_steps(path) if "run" in step]
        for job in jobs(path).values():
            # Set at the job: what may write runs nothing of anybody's.
            assert job["permissions"] == {
                "actions": "read",
                # The example stores its plots as images.
                "contents": "write" if "example-repo" in path.parts else "read",
                "pull-requests": "write",
            }


def test_the_starter_waits_for_the_other_starter() -> None:
    name = load(ROOT / "workflow-templates/model-check.yml")["name"]
    assert load(REPORT)["on"]["workflow_run"] == {"workflows": [name], "types": ["completed"]}


def test_the_reusable_workflow_has_the_inputs_of_the_action() -> None:
    call = load(ROOT / ".github/workflows/model-report.yml")["on"]["workflow_call"]
    action = load(ROOT / "actions/comment/action.yml")
    for key, spec in call["inputs"].items():
        if key in action["inputs"]:
            assert spec["default"] == action["inputs"][key]["default"], key
    for key, spec in call["outputs"].items():
        assert spec["description"] == action["outputs"][key]["description"], key
