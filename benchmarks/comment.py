"""The comment: how rendering grows with the record, what publishing costs, that it stays one.

GitHub is the server of the tests, on this machine: requests take no time on the network, so that
what is measured is ours.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from assay.evaluation import Metric
from assay.forge.comment import marker
from assay.plots import DeclaredPlot
from assay.report import figures, html, markdown, summary
from assay.report.figures import MOST_DECLARED

from benchmarks.harness import Bench, Command, CommandFailedError, Row
from tests import records
from tests.fakes.github_api import Comment, GitHubApi, Pull, Repository, State, workflow_token

if TYPE_CHECKING:
    from pathlib import Path

    from assay.record import RunRecord

METRICS, FEW, SLICES, PLOTS, ROUNDS = 1_000, 10, 200, 50, 3
REPOSITORY, PULL, TOKEN = "acme/bikes", 7, "ghs_of_the_benchmark"
MARKER = marker("bikes")
OTHERS = 500
# What one job does: a process of its own posts one body, another one each time.
PUBLISH = """
import os, sys
from assay.forge.comment import Report
from assay.forge.github import GitHubForge
from pydantic import SecretStr
url, repository, number, marker, sha, path = sys.argv[1:]
forge = GitHubForge(
    api_url=url, repository=repository, token=SecretStr(os.environ["GITHUB_TOKEN"])
)
with open(path, encoding="utf-8") as file:
    report = Report(f"{file.read()}\\n{os.getpid()}", marker, sha=sha)
print(forge.upsert_comment(pull_request=int(number), report=report).action)
"""


def run(bench: Bench) -> None:
    _rendering(bench)
    body = bench.folder("comment") / "comment.md"
    body.write_text(markdown.render(records.good()), encoding="utf-8")
    with GitHubApi(_state(others=0)) as api:
        publish = _publishing(api, body)
        peer = Command([sys.executable, "-c", "import github"])
        bench.compare("publish a comment: import github", publish, peer, limit=1.5, runs=9)
        before = len(api.state.requests)
        _run(publish, "updated")
        made = len(api.state.requests) - before
        bench.number("an update without new images", made, limit=4, unit="requests")
    with GitHubApi(_state(others=OTHERS)) as api:
        publish = _publishing(api, body)
        _run(publish, "created")
        _run(publish, "updated")
        comments = api.state.repositories[REPOSITORY].comments
        ours = sum(MARKER in comment.body for comment in comments)
        if ours == 0 or len(comments) - ours != OTHERS:
            raise CommandFailedError(f"{ours} comments of ours, {len(comments)} in all")
        bench.number(f"comments of ours beside {OTHERS}", ours, limit=1, unit="comments")


def _rendering(bench: Bench) -> None:
    """Comment and page in this process; the drawing of their plots counts on both sides."""
    small, large = _record(FEW), _record(METRICS, slices=SLICES, plots=PLOTS)
    taken: dict[str, list[float]] = {"drawing": [], "small": [], "large": []}
    for number in range(-1, ROUNDS):
        # Other data each time: what is drawn once is remembered.
        plots = enumerate(_plots(PLOTS), start=(number + 1) * PLOTS)
        files = {plot.file: _specification(at) for at, plot in plots}
        start = time.perf_counter()
        drawn = figures.of(large, files)
        drawing = time.perf_counter() - start
        if len(drawn) < MOST_DECLARED:
            raise CommandFailedError(f"only {len(drawn)} plots were drawn")
        if number < 0:  # starts the process that draws
            continue
        taken["drawing"].append(drawing)
        taken["small"].append(_seconds(small, {}))
        taken["large"].append(_seconds(large, drawn))
    drawing, few, many = (statistics.median(seconds) for seconds in taken.values())
    print(f"   drawing {drawing:.3f} s, text of {FEW} {few:.3f} s, of {METRICS:,} {many:.3f} s")
    bench.rows.append(
        Row(
            name=f"render {METRICS:,} metrics, {SLICES} slices, {PLOTS} plots: {FEW} metrics",
            ours=f"{drawing + many:.2f} s",
            peer=f"{drawing + few:.2f} s",
            result=(drawing + many) / (drawing + few),
            limit=2.0,
        )
    )


def _seconds(record: RunRecord, plots: dict[str, str]) -> float:
    start = time.perf_counter()
    markdown.render(record)
    summary.render(record)
    html.render(record, plots=plots)
    return time.perf_counter() - start


def _record(metrics: int, *, slices: int = 0, plots: int = 0) -> RunRecord:
    record = records.good()
    compare, evaluate = record.compare, record.evaluate
    assert compare is not None
    assert evaluate is not None
    assert evaluate.head is not None
    extra = [records.change(f"metric_{i}", 0.5, 0.5 + i / 10_000) for i in range(6, metrics)]
    cut = [
        records.slice_change("station", str(i), 100 + i, 0.6, 0.5 + i / 999) for i in range(slices)
    ]
    values = [
        Metric(name=one.name, value=one.head, source="metrics.json")
        for one in extra
        if one.head is not None
    ]
    head = evaluate.head.model_copy(update={"metrics": (*evaluate.head.metrics, *values)})
    found = {"head": head, "plots": _plots(plots)}
    record = record.with_section("evaluate", evaluate.model_copy(update=found))
    given = {"metrics": (*compare.metrics, *extra), "slices": tuple(cut) or compare.slices}
    return record.with_section("compare", compare.model_copy(update=given))


def _plots(count: int) -> tuple[DeclaredPlot, ...]:
    names = (f"plot_{i}" for i in range(count))
    return tuple(DeclaredPlot(name=name, kind="vega", file=f"{name}.json") for name in names)


def _specification(number: int) -> bytes:
    """A curve of 200 points, as `dvc plots` writes them; another one for each number."""
    values = [{"step": i, "loss": (number + 1) / (i + 1)} for i in range(200)]
    axes = {"x": ("step", "quantitative"), "y": ("loss", "quantitative")}
    encoding = {axis: {"field": field, "type": kind} for axis, (field, kind) in axes.items()}
    spec = {"mark": "line", "data": {"values": values}, "encoding": encoding}
    return json.dumps(spec).encode()


def _state(*, others: int) -> State:
    comments = [
        Comment(
            id=i,
            number=PULL,
            author="octocat",
            body=f"Comment {i}",
            created_at="2026-01-01T00:00:00Z",
            updated_at="2026-01-01T00:00:00Z",
        )
        for i in range(1, others + 1)
    ]
    pulls = {PULL: Pull(head_sha=records.HEAD, base_sha=records.BASE)}
    repository = Repository(id=1, pulls=pulls, comments=comments)
    return State(tokens={TOKEN: workflow_token()}, repositories={REPOSITORY: repository})


def _publishing(api: GitHubApi, body: Path) -> Command:
    args = [api.url, REPOSITORY, str(PULL), MARKER, records.HEAD, body]
    return Command([sys.executable, "-c", PUBLISH, *args], env={"GITHUB_TOKEN": TOKEN})


def _run(command: Command, action: str) -> None:
    environ = {**os.environ, "GITHUB_TOKEN": TOKEN}
    args = [str(arg) for arg in command.args]
    done = subprocess.run(args, env=environ, capture_output=True, text=True, check=False)
    if done.stdout.strip() != action:
        raise CommandFailedError(f"not {action} but {done.stdout}{done.stderr[-2000:]}")
