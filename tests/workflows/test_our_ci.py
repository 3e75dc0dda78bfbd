"""Our own workflow, where it runs our action from the work tree and expects it to fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.workflows import engine, scratch

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflows.conftest import World


def ourselves(folder: Path) -> None:
    engine.copy(engine.work_tree(), folder)


def test_what_must_fail_does(world: World, tmp_path: Path) -> None:
    pull = scratch.pull_request(tmp_path / "pull", scratch.reword, files=ourselves)

    # One of the matrix: the others take the same way, and test_failures.py has them all.
    only = ("--job", "must-fail", "--matrix", "break:tests")
    run = world.run(pull, pull.work_tree / ".github/workflows/ci.yml", only=only)

    assert run.exit_code == 0, run.tail
    job = "must-fail (tests, fail)"
    assert run.jobs == {job: "success"}
    assert run.steps[job]["assay"] == "failure"
    # It asks for no comment, and its token could not write one.
    assert world.comments == []
