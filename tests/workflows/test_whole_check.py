"""`action.yml`, the reusable workflow and the starter, on the example's pull request."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tests.workflows import scratch
from tests.workflows.engine import ROOT, TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflows.conftest import World

EXAMPLE = ".github/workflows/model-check.yml"


def raise_the_bar(root: Path) -> None:
    path = root / "assay.yaml"
    path.write_text(path.read_text().replace("min: 0.93", "min: 0.999"))


def test_a_pull_request_that_is_better_and_worse_and_then_asked_for_more(
    world: World, tmp_path: Path
) -> None:
    del world.variables["ASSAY_HOME"]  # as on GitHub's runners
    pull = scratch.pull_request(tmp_path / "pull")

    run = world.run(pull, pull.work_tree / EXAMPLE)

    # Better on the whole, and worse at weekends: a gate on slices says no.
    assert (run.exit_code, run.jobs) == (1, {"check": "failure"}), run.tail
    outputs = run.outputs["check"]["assay"]
    assert outputs["verdict"] == "fail"
    assert "roc_auc on day = weekend fell by" in outputs["headline"]
    metrics = json.loads(outputs["metrics"])
    assert metrics["roc_auc"]["head"] > metrics["roc_auc"]["base"] > 0.9
    (first,) = world.comments
    assert first.author == "github-actions[bot]"
    assert first.body.startswith("<!-- assay:report key=default -->")
    assert re.search(r"Overall:\*\* ROC AUC .* \(\+.*, better\)", first.body)
    assert "| `day = weekend`<br>ROC AUC" in first.body
    assert "metrics.roc_auc.slices.no_significant_regression" in first.body
    assert "ROC AUC" in run.summary
    record = json.loads((world.artifact() / "record.json").read_text())
    assert record["ci"]["pull_request"] == scratch.NUMBER
    trained = {stage["name"]: stage["outcome"] for stage in record["train"]["stages"]}
    assert trained["train"] == "ran"
    page = (world.artifact() / "report.html").read_text()
    assert "<html" in page
    for secret_free in (run.log, page, json.dumps(record), first.body):
        assert TOKEN not in secret_free
    assert not any(logged.token_outside_header for logged in world.api.state.requests)

    # The author asks for more than the model can do; nothing is trained again.
    body = first.body
    pull = scratch.push(pull, raise_the_bar)
    run = world.run(pull, pull.work_tree / EXAMPLE)

    assert (run.exit_code, run.jobs) == (1, {"check": "failure"}), run.tail
    outputs = run.outputs["check"]["assay"]
    assert outputs["verdict"] == "fail"
    assert "0.999" in outputs["headline"]
    (second,) = world.comments
    assert (second.id, second.body != body) == (first.id, True)
    assert "0.999" in second.body
    assert any(found.level == "error" and "0.999" in found.message for found in run.annotations)
    record = json.loads((world.artifact() / "record.json").read_text())
    assert {stage["outcome"] for stage in record["train"]["stages"]} <= {"restored", "unchanged"}
    assert sum(transfer["files"] for transfer in record["checkout"]["transfers"]) == 0


def test_the_starter_through_the_reusable_workflow(world: World, tmp_path: Path) -> None:
    pull = scratch.pull_request(tmp_path / "pull", scratch.reword, on_main=scratch.light)
    starter = (ROOT / "workflow-templates/model-check.yml").read_text(encoding="utf-8")

    run = world.run(pull, starter.replace("$default-branch", "main"))

    assert (run.exit_code, run.jobs) == (0, {"model-check": "success"}), run.tail
    assert run.outputs["model-check"]["assay"]["verdict"] == "pass"
    (comment,) = world.comments
    assert "ROC AUC" in comment.body


CALLER = """
on: pull_request
permissions: {}
jobs:
  check:
    permissions:
      contents: read
      pull-requests: write
    uses: your-org/assay/.github/workflows/model-check.yml@v1
    with:
      comment: false
      cache: false
      artifact: ""
      train: skip
  after:
    needs: check
    permissions: {}
    runs-on: ubuntu-latest
    timeout-minutes: 5
    steps:
      - env:
          VERDICT: ${{ needs.check.outputs.verdict }}
          METRICS: ${{ needs.check.outputs.metrics }}
        run: |
          echo "told: ${VERDICT}"
          echo "told: ${METRICS}"
"""


def test_a_caller_gets_outputs_and_is_heard(world: World, tmp_path: Path) -> None:
    pull = scratch.pull_request(tmp_path / "pull", scratch.reword, on_main=scratch.light)

    run = world.run(pull, CALLER)

    assert (run.exit_code, run.jobs) == (0, {"model-check": "success", "after": "success"}), (
        run.tail
    )
    assert "told: pass" in run.log
    assert '"roc_auc"' in run.log
    assert world.comments == []
    assert list(world.store.iterdir()) == []
