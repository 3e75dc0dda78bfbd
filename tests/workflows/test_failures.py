"""Jobs that must fail, each with its verdict, its words and its comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.workflows import scratch

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflows.conftest import World

WORKFLOW = """
on: pull_request
permissions: {}
jobs:
  broken:
    runs-on: ubuntu-latest
    timeout-minutes: 10
    permissions:
      contents: read
      pull-requests: write
    strategy:
      fail-fast: false
      matrix:
        break: [gate, schema, tests, configuration, training, environment]
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
        with:
          fetch-depth: 0
          persist-credentials: false
      - env:
          BREAK: ${{ matrix.break }}
        run: cp -R "broken/${BREAK}/." .
      - id: assay
        uses: your-org/assay@v1
        with:
          comment-key: ${{ matrix.break }}
          artifact: report-${{ matrix.break }}
          python: ${{ matrix.break != 'environment' && env.PREPARED || '' }}
          requirements: ${{ matrix.break == 'environment' && 'no-such-file.txt' || '' }}
      - id: never
        run: echo "never reached"
"""
QUICK = "tests: tests/test_light.py\ntrain: skip\n"
PREDICTIONS = """
predictions: {path: reports/predictions.csv, key: instant, truth: y_true,
  prediction: y_pred, score: y_score}
"""
BROKEN = {
    "gate/assay.yaml": f"{QUICK}{PREDICTIONS}metrics: {{roc_auc: {{min: 0.999}}}}\n",
    "schema/assay.yaml": f"{QUICK}data: [{{path: data/raw/2011.csv, schema: 'strict.py:S'}}]\n",
    "schema/strict.py": (
        "import pandera.pandas as pa\n\n\nclass S(pa.DataFrameModel):\n"
        "    hr: int = pa.Field(le=11)\n"
    ),
    "tests/tests/test_light.py": "def test_light():\n    assert 'dark' == 'light'\n",
    "configuration/assay.yaml": f"{QUICK}metrcs: {{}}\n",
    "training/assay.yaml": "tests: tests/test_light.py\n",
    "training/peakhour/train.py": "raise SystemExit('no learning today')\n",
    "environment/README.md": "",
}
# The verdict, and what the headline or the comment has to say.
EXPECTED = {
    "gate": ("fail", "0.999"),
    "schema": ("fail", "hr"),
    "tests": ("fail", "test_light"),
    "configuration": ("error", "metrcs"),
    "training": ("fail", "train"),
    "environment": ("error", "no-such-file.txt"),
}


def with_ways_to_break(root: Path) -> None:
    scratch.light(root)
    for name, text in BROKEN.items():
        path = root / "broken" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_each_fails_with_its_verdict_and_its_comment(world: World, tmp_path: Path) -> None:
    pull = scratch.pull_request(tmp_path / "pull", scratch.reword, on_main=with_ways_to_break)

    run = world.run(pull, WORKFLOW)

    assert run.exit_code == 1
    assert run.jobs == dict.fromkeys((f"broken ({name})" for name in EXPECTED), "failure")
    comments = {comment.body.partition("\n")[0]: comment.body for comment in world.comments}
    for name, (verdict, words) in EXPECTED.items():
        outputs = run.outputs[f"broken ({name})"]["assay"]
        assert outputs["verdict"] == verdict, name
        assert outputs["headline"], name
        comment = comments.pop(f"<!-- assay:report key={name} -->")
        assert words in comment, comment
        assert (world.artifact(f"report-{name}") / "report.html").is_file()
    assert comments == {}
    assert "never reached" not in run.log
