"""The actions of the single stages, as steps of one job."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.workflows import scratch

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
      - id: setup
        uses: your-org/assay/actions/setup@v1
        with:
          requirements: |
            uv.lock
      - id: checkout-data
        uses: your-org/assay/actions/checkout-data@v1
      - id: validate
        uses: your-org/assay/actions/validate@v1
      - id: test
        uses: your-org/assay/actions/test@v1
      - id: train
        uses: your-org/assay/actions/train@v1
        with:
          train: run
      - id: evaluate
        uses: your-org/assay/actions/evaluate@v1
      - id: report
        if: ${{ !cancelled() }}
        uses: your-org/assay/actions/report@v1
        with:
          comment-key: stages
      - id: after
        if: ${{ !cancelled() }}
        env:
          REMEMBERED: ${{ env.ASSAY_REQUIREMENTS }}
        run: echo "remembered ${REMEMBERED}"
"""
STAGES = ("checkout", "validate", "test", "train", "evaluate", "compare")


def test_each_stage_as_a_step(world: World, tmp_path: Path) -> None:
    pull = scratch.pull_request(tmp_path / "pull", scratch.reword, on_main=scratch.light)

    run = world.run(pull, WORKFLOW)

    assert (run.exit_code, run.jobs) == (0, {"check": "success"}), run.tail
    assert set(run.steps["check"].values()) == {"success"}
    outputs = run.outputs["check"]
    assert outputs["setup"]["cached"] == "false"
    assert outputs["setup"]["project-python"].endswith("python")
    for stage in ("checkout-data", "validate", "test", "train", "evaluate"):
        assert outputs[stage]["record"] == "./.assay/record.json"
    assert outputs["report"]["verdict"] == "pass"
    assert set(json.loads(outputs["report"]["metrics"])) >= {"roc_auc", "f1"}
    # Built once: the later steps ask for the same environment.
    assert run.log.count("project: built from") == 1
    assert "remembered uv.lock" in run.log
    record = json.loads((world.artifact() / "record.json").read_text())
    assert {stage: record[stage]["status"] for stage in STAGES} == dict.fromkeys(STAGES, "pass")
    (comment,) = world.comments
    assert comment.body.startswith("<!-- assay:report key=stages -->")


def break_tests(root: Path) -> None:
    (root / "tests/test_light.py").write_text("def test_light():\n    assert 1 == 2\n")


def test_a_stage_that_fails_is_reported_by_the_last_step(world: World, tmp_path: Path) -> None:
    pull = scratch.pull_request(tmp_path / "pull", break_tests, on_main=scratch.light)

    run = world.run(pull, WORKFLOW)

    assert (run.exit_code, run.jobs) == (1, {"check": "failure"}), run.tail
    results = {name: result for name, result in run.steps["check"].items() if "/" not in name}
    assert results["validate"] == "success"
    assert results["test"] == "failure"
    assert not {"train", "evaluate"} & set(results)  # skipped
    assert results["report"] == "failure"
    assert run.outputs["check"]["report"]["verdict"] == "fail"
    (comment,) = world.comments
    assert "test_light" in comment.body
    assert ("error", "tests/test_light.py") in {(a.level, a.file) for a in run.annotations}
