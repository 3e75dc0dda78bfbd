"""A maintainer accepts a gate: from the check that fails, by a comment, to one that passes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.github_api import Pull, Token, WorkflowRun
from tests.workflows import scratch
from tests.workflows.conftest import REPOSITORY
from tests.workflows.engine import ROOT, TOKEN
from tests.workflows.scratch import NUMBER
from tests.workflows.test_stages import WORKFLOW

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.github_api import Comment, Repository
    from tests.workflows.conftest import World
    from tests.workflows.engine import Run

STARTER = ROOT / "workflow-templates/assay-accept.yml"
HEAD = "a" * 40
CHECK = WORKFLOW.replace("requirements: |\n            uv.lock", "python: ${{ env.PREPARED }}")
COMMAND = "/assay accept metrics.f1.min because the bar was raised by mistake"


def raise_the_bar(root: Path) -> None:
    path = root / "assay.yaml"
    path.write_text(path.read_text().replace("f1: }", "f1: {min: 0.999}}"))


def repository(world: World) -> Repository:
    return world.api.state.repositories[REPOSITORY]


def commented(world: World, folder: Path, comment: Comment, **issue: Any) -> Run:
    """What GitHub starts for a new comment: the workflow of the default branch."""
    folder.mkdir()
    scratch.git(folder, "init", "--quiet", "--initial-branch=main")
    scratch.git(folder, "commit", "--quiet", "--allow-empty", "--message=Start")
    event = folder / "event.json"
    told = {
        "action": "created",
        "issue": {"number": NUMBER, "pull_request": {"url": "https://example.test"}} | issue,
        "comment": {"id": comment.id, "body": comment.body, "user": {"login": comment.author}},
        "repository": {"full_name": REPOSITORY, "default_branch": "main"},
        "sender": {"login": comment.author},
    }
    event.write_text(json.dumps(told), encoding="utf-8")
    powers = {"pull_requests": "write", "actions": "write"}
    world.api.state.tokens[TOKEN] = Token("github-actions[bot]", "app", powers)  # type: ignore[arg-type]
    return world.engine.run(
        folder,
        STARTER,
        event=event,
        event_name="issue_comment",
        store=world.store,
        name=REPOSITORY,
        variables={"GITHUB_API_URL": world.api.url},
    )


def says(world: World, who: str, text: str = COMMAND) -> Comment:
    return world.api.state.comment(REPOSITORY, NUMBER, author=who, body=text)


@pytest.fixture
def pull(world: World) -> WorkflowRun:
    """A pull request whose check failed; Anna may write to the repository."""
    run = WorkflowRun(31, "model-check.yml", HEAD)
    repository(world).pulls[NUMBER] = Pull(HEAD)
    repository(world).runs = [run]
    repository(world).roles = {"anna": "write"}
    return run


def test_the_starter_obeys_who_may_and_nobody_else(
    world: World, pull: WorkflowRun, tmp_path: Path
) -> None:
    text = COMMAND.replace(" because", f" for {HEAD} because")
    theirs = says(world, "mallory", f"{text} $(id) `id` ${{{{ github.token }}}}\n::error::no")

    run = commented(world, tmp_path / "theirs", theirs)

    assert (run.exit_code, run.jobs) == (0, {"accept": "success"}), run.tail
    assert theirs.reactions == [("github-actions[bot]", "confused")]
    assert (pull.status, pull.attempt) == ("completed", 1)
    assert {outputs["accepted"] for outputs in run.outputs["accept"].values()} == {"false"}
    assert {found.level for found in run.annotations} == {"notice"}
    assert "needs write permission" in run.annotations[0].message

    hers = says(world, "anna", text)

    run = commented(world, tmp_path / "hers", hers)

    assert (run.exit_code, run.jobs) == (0, {"accept": "success"}), run.tail
    assert hers.reactions == [("github-actions[bot]", "+1")]
    assert (pull.status, pull.attempt) == ("queued", 2)
    assert {outputs["accepted"] for outputs in run.outputs["accept"].values()} == {"true"}
    assert TOKEN not in run.log
    assert not any(logged.token_outside_header for logged in world.api.state.requests)


@pytest.mark.parametrize(("text", "issue"), [("Nice work!", {}), (COMMAND, {"pull_request": None})])
def test_the_starter_does_not_start_for_another_comment(
    world: World, pull: WorkflowRun, tmp_path: Path, text: str, issue: dict[str, Any]
) -> None:
    run = commented(world, tmp_path / "comment", says(world, "anna", text), **issue)
    assert (run.exit_code, run.jobs) == (0, {}), run.tail
    assert pull.attempt == 1
    assert world.api.state.requests == []


def test_a_gate_that_said_no_is_accepted(world: World, tmp_path: Path) -> None:
    pull = scratch.pull_request(tmp_path / "pull", raise_the_bar, on_main=scratch.light)
    repository(world).roles = {"anna": "write"}
    run = world.run(pull, CHECK)
    assert (run.exit_code, run.jobs) == (1, {"check": "failure"}), run.tail
    assert run.outputs["check"]["report"]["verdict"] == "fail"
    (report,) = world.comments
    start = f"/assay accept stages:metrics.f1.min for {pull.head_sha[:7]} because"
    assert start in report.body

    text = f"{start} the bar was raised by mistake"
    says(world, "octocat", text)  # the author, who may not write
    says(world, "anna", text)
    run = world.run(pull, CHECK)
    assert (run.exit_code, run.jobs) == (0, {"check": "success"}), run.tail
    assert run.outputs["check"]["report"]["verdict"] == "warn"
    assert "accepted by @anna" in run.outputs["check"]["report"]["decided-by"]
    assert "the bar was raised by mistake" in report.body
    saved = json.loads((world.artifact() / "record.json").read_text())
    assert [(word["who"], bool(word["refused"])) for word in saved["overrides"]] == [
        ("octocat", True),
        ("anna", False),
    ]
