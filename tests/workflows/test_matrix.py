"""Several models in one workflow: each has its own comment, check run and commit status.

The key is given: GitHub's runner shows an action the matrix of its job, and this engine does not.
What is made of it is in `test_ci.py`.
https://github.com/actions/runner/blob/main/src/Runner.Worker/action_yaml.json (`step-env`)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.github_api import workflow_token
from tests.workflows import scratch
from tests.workflows.conftest import REPOSITORY
from tests.workflows.engine import TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflows.conftest import World

WORKFLOW = """
on: pull_request
permissions: {}
jobs:
  check:
    runs-on: ubuntu-latest
    timeout-minutes: 10
    permissions:
      contents: read
      pull-requests: write
      checks: write
      statuses: write
    strategy:
      max-parallel: 1
      matrix:
        model: [churn, fraud]
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
        with:
          fetch-depth: 0
          persist-credentials: false
      - id: report
        uses: your-org/assay/actions/report@v1
        with:
          comment-key: ${{ matrix.model }}
          title: The ${{ matrix.model }} model
          artifact: report-${{ matrix.model }}
          check-run: "true"
          commit-status: "true"
"""


def small(folder: Path) -> None:
    """A project of which only the report runs: the comparison says that nothing went before it."""
    folder.mkdir(parents=True)
    (folder / "assay.yaml").write_text("train: skip\n")
    (folder / "requirements.txt").touch()


def test_each_model_of_a_matrix_is_shown_everywhere(world: World, tmp_path: Path) -> None:
    world.api.state.tokens[TOKEN] = workflow_token(checks="write", statuses="write")
    pull = scratch.pull_request(
        tmp_path / "pull", lambda root: (root / "README.md").touch(), files=small
    )

    run = world.run(pull, WORKFLOW)

    assert run.exit_code == 0, run.tail
    assert run.jobs == dict.fromkeys(("check (churn)", "check (fraud)"), "success")
    first, second = sorted(comment.body for comment in world.comments)
    for model, body in (("churn", first), ("fraud", second)):
        assert body.startswith(f"<!-- assay:report key={model} -->"), body
        assert f"The {model} model" in body
        assert (world.artifact(f"report-{model}") / "report.html").is_file()
    repository = world.api.state.repositories[REPOSITORY]
    assert {status.context for status in repository.statuses} == {
        "assay/churn",
        "assay/fraud",
    }
    assert {(check.name, check.head_sha) for check in repository.check_runs} == {
        ("Assay: The churn model", pull.head_sha),
        ("Assay: The fraud model", pull.head_sha),
    }
