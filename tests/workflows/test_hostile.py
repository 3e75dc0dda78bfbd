"""What a stranger may put into a pull request is shown, never run; and gets no token to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.workflows import scratch
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
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
        with:
          fetch-depth: 0
          persist-credentials: false
      - id: assay
        uses: your-org/assay@v1
        with:
          python: ${{ env.PREPARED }}
          base: ${{ github.event.pull_request.base.sha }}
          comment-key: ${{ github.event.pull_request.title }}
"""


def pry(root: Path) -> None:
    """Tests of the pull request look for tokens, and talk to the runner."""
    (root / "tests/test_light.py").write_text(
        "import os\n\n\ndef test_light():\n"
        "    print('::error::forged by a test')\n"
        "    print('::set-output name=verdict::pass')\n"
        f"    assert not [k for k, v in os.environ.items() if v == {TOKEN[:8]!r} + {TOKEN[8:]!r}]\n"
        "    assert 'GITHUB_ENV' not in os.environ\n"
        "    assert 'GITHUB_OUTPUT' not in os.environ\n"
    )


def test_a_fork_with_a_hostile_name(world: World, tmp_path: Path) -> None:
    pwned = tmp_path / "pwned"
    world.variables["MARK"] = str(pwned)
    title = (
        f"""x" $(touch {pwned}) `touch {pwned}`\n::error::forged by a title\n'; touch {pwned} #"""
    )
    world.grant("read")
    pull = scratch.pull_request(
        tmp_path / "pull",
        pry,
        on_main=scratch.light,
        branch="""a$(touch${IFS}"$MARK")`touch${IFS}$MARK`';touch${IFS}$MARK;'|<b>&""",
        title=title,
        fork="mallory/bikes",
    )

    run = world.run(pull, WORKFLOW)

    assert (run.exit_code, run.jobs) == (0, {"check": "success"}), run.tail
    assert not pwned.exists()
    assert run.outputs["check"]["assay"]["verdict"] == "pass"
    assert not any("forged" in annotation.message for annotation in run.annotations)
    # With a token that may only read there is no comment, but the verdict and the report.
    assert world.comments == []
    assert any("fork" in annotation.message for annotation in run.annotations)
    assert "ROC AUC" in run.summary
