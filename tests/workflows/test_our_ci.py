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

    run = world.run(pull, pull.work_tree / ".github/workflows/ci.yml", job="must-fail")

    cases = ("gate, fail", "tests, fail", "configuration, error")
    assert run.exit_code == 0, run.tail
    assert run.jobs == {f"must-fail ({case})": "success" for case in cases}
    for case in cases:
        assert run.steps[f"must-fail ({case})"]["assay"] == "failure"
    # It asks for no comment, and its token could not write one.
    assert world.comments == []
