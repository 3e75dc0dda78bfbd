"""Training again with other seeds: real pipelines, in a copy that leaves nothing behind."""

from __future__ import annotations

import hashlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from assay import evaluation, seeds

from tests import repos
from tests.builders import printed

if TYPE_CHECKING:
    from assay.seeds import SeedNoise

    from tests.repos import Project

CONFIG = """\
predictions:
  path: predictions.csv
  score: score
  key: id
metrics:
  accuracy:
seeds:
  param: train.seed
  repeats: 3
"""

TWICE = CONFIG.replace("repeats: 3", "repeats: 2")

# As in tests/repos.py, and the seed decides about the noise. It asks git for the commit, as much
# training code does, and writes where it finds the root of the repository.
TRAIN = """\
import json, random, subprocess
from pathlib import Path

def asked(*args):
    return subprocess.run(["git", *args], check=True, capture_output=True, text=True).stdout.strip()

text = Path("params.yaml").read_text()
seed = int(text.split("seed:")[1].split()[0])
rows = Path("data/prepared.csv").read_text().splitlines()[1:]
noise = random.Random(seed)
lines, right = ["id,y_true,score,season"], 0
for row in rows:
    number, truth, season = row.split(",")
    score = round(0.5 + (int(truth) - 0.5) * 0.4 + noise.uniform(-0.29, 0.29), 4)
    right += (score >= 0.5) == (truth == "1")
    lines.append(f"{number},{truth},{score},{season}")
Path(asked("rev-parse", "--show-toplevel"), "trained.txt").write_text(f"with seed {seed}")
print("commit", asked("rev-parse", "HEAD"), "status", asked("status", "--porcelain"))
Path("predictions.csv").write_text("\\n".join(lines) + "\\n")
Path("metrics.json").write_text(json.dumps({"accuracy": right / len(rows)}))
Path("model.bin").write_bytes(b"m")
"""
PARAMS = "# how to train\ntrain:\n  depth: 4\n  seed: 41  # lucky\n"


@pytest.fixture(scope="module")
def trained(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose training has a seed, trained and committed; built once."""
    project = repos.copy(template, tmp_path_factory.mktemp("trained"))
    pipeline = (project.root / "dvc.yaml").read_text().replace("params: [depth]", "params: [train]")
    project.write({"dvc.yaml": pipeline, "params.yaml": PARAMS, "src/train.py": TRAIN})
    project.write({"assay.yaml": CONFIG})
    project.dvc("repro", "--quiet")
    project.commit()
    return project.root.parent


@pytest.fixture
def seeded(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> repos.Project:
    """A copy of it, and a folder of its own for what is temporary."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return repos.copy(trained, tmp_path)


def _repeat(project: Project, config: str = CONFIG) -> tuple[SeedNoise, str]:
    context = project.context(config=config)
    head = evaluation.read(project.root, context.workspace.head_files(), context.config)
    return seeds.repeat(context, head), printed(context)


def _state(project: Project) -> dict[str, str]:
    """All that the user has: every file with its content and time."""
    files = (p for p in project.root.rglob("*") if p.is_file() and ".dvc/tmp" not in str(p))
    return {
        str(p): f"{hashlib.md5(p.read_bytes()).hexdigest()} {p.stat().st_mtime_ns}" for p in files
    }


def _left_behind() -> list[Path]:
    return list(Path(tempfile.gettempdir()).iterdir())


def test_a_seed_gives_what_training_by_hand_gives_and_nothing_is_left(seeded: Project) -> None:
    (seeded.root / "trained.txt").unlink()
    (seeded.root / "notes.txt").write_text("not committed")
    before = _state(seeded)

    noise, log = _repeat(seeded)

    assert noise.problems == ()
    assert noise.seeds == (42, 43, 44)
    assert noise.param == "train.seed"
    accuracy = noise.values["accuracy"]
    assert len(set(accuracy)) == 3
    assert noise.standard_deviation["accuracy"] == pytest.approx(statistics.stdev(accuracy))
    assert set(noise.standard_deviation) >= {"accuracy", "roc_auc", "log_loss"}
    assert noise.seconds > 0
    assert "Training again with train.seed = 42 (1 of 3)" in log
    assert "Training again with train.seed = 44 (3 of 3)" in log
    assert log.count(f"commit {seeded.git('rev-parse', 'HEAD')}") == 3
    assert "?? notes.txt" in log
    assert "M params.yaml" in log
    assert "Running stage 'prepare'" not in log, "only what depends on the seed"
    assert _state(seeded) == before
    assert _left_behind() == []

    seeded.write({"params.yaml": PARAMS.replace("41", "43")})
    seeded.dvc("repro", "--quiet")
    context = seeded.context()
    head = evaluation.read(seeded.root, context.workspace.head_files(), context.config)
    by_hand = evaluation.evaluate(head, context.config)
    assert {name: values[1] for name, values in noise.values.items()} == {
        metric.name: metric.value for metric in by_hand.metrics
    }


def test_a_project_in_a_folder_of_a_repository(seeded: Project) -> None:
    """The stage depends on a file beside the project, and the parameter stands in another file."""
    inner = seeded.root / "models"
    inner.mkdir()
    for name in (".dvc", "data", "dvc.yaml", "dvc.lock", "params.yaml", "metrics.json", "src"):
        (seeded.root / name).rename(inner / name)
    for name in ("model.bin", "predictions.csv"):
        (seeded.root / name).rename(inner / name)
    config = (inner / ".dvc/config").read_text().replace("../../remote", "../../../remote")
    (inner / ".dvc/config").write_text(config)
    pipeline = (inner / "dvc.yaml").read_text()
    pipeline = pipeline.replace("params: [train]", "params: [{sub/p.toml: [seed]}]")
    pipeline = pipeline.replace("src/train.py]", "src/train.py, ../shared.txt]")
    seeded.write({"models/dvc.yaml": pipeline, "shared.txt": "shared", ".gitignore": ".assay\n"})
    seeded.write({"models/sub/p.toml": "seed = 5  # fixed\n"})
    train = TRAIN.replace("params.yaml", "sub/p.toml").replace("seed:", "seed =")
    seeded.write({"models/src/train.py": train + "\nprint(Path('../shared.txt').read_text())\n"})
    below = type(seeded)(inner, seeded.environ)
    below.dvc("repro")
    below.commit()

    noise, log = _repeat(below, TWICE.replace("train.seed", "sub/p.toml:seed"))

    assert noise.problems == ()
    assert noise.seeds == (6, 7)
    assert log.count("\nshared\n") == 2
    assert (seeded.root / "trained.txt").read_text() == "with seed 5"


def test_pipelines_further_down_are_trained_again(seeded: Project) -> None:
    stages = "stages:\n  more:\n    cmd: cat p.yaml\n    params: [p.yaml: [seed]]\n"
    seeded.write({"sub/dvc.yaml": stages, "sub/p.yaml": "seed: 1\n"})
    noise, log = _repeat(seeded, TWICE.replace("train.seed", "sub/p.yaml:seed"))
    assert "seed: 3" in log
    assert "The seed has no effect: 2 trainings" in noise.problems[0].message
    assert noise.problems[0].severity == "warning"
    assert noise.standard_deviation["accuracy"] == 0


def test_a_seed_that_no_stage_depends_on(seeded: Project) -> None:
    seeded.write({"params.yaml": f"{PARAMS}split:\n  seed: 3\n"})
    noise, log = _repeat(seeded, CONFIG.replace("train.seed", "split.seed"))
    (problem,) = noise.problems
    assert problem.severity == "error"
    assert problem.message.startswith("No stage of dvc.yaml depends on the parameter")
    assert "`params`" in (problem.hint or "")
    assert noise.seeds == ()
    assert noise.standard_deviation == {}
    assert "(2 of 3)" not in log, "the others would be in vain"


def test_parameters_that_a_link_keeps_elsewhere_are_left_alone(
    seeded: Project, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.yaml"
    kept.write_text(PARAMS, encoding="utf-8")
    (seeded.root / "params.yaml").unlink()
    (seeded.root / "params.yaml").symlink_to(kept)
    (problem,) = _repeat(seeded)[0].problems
    assert problem.severity == "error"
    assert problem.message == (
        "`seeds.param` names params.yaml, a link that leads out of the project."
    )
    assert kept.read_text(encoding="utf-8") == PARAMS


def test_what_only_some_seeds_give(seeded: Project) -> None:
    """One training fails; the others are of other rows, and have not the same metrics."""
    sampled = TRAIN.replace("in rows:", "in noise.sample(rows, 200):")
    more = "Path('metrics.json').write_text(json.dumps({'extra' if seed == 42 else 'plus': 1}))"
    seeded.write({"src/train.py": f"{sampled}\n{more}\nassert seed != 43, 'diverged'\n"})

    noise, log = _repeat(seeded)

    assert noise.seeds == (42, 44)
    assert len(noise.values["accuracy"]) == 2
    assert "extra" not in noise.values
    assert "diverged" in log
    assert {problem.severity for problem in noise.problems} == {"warning"}
    failed, missing, other_rows = (problem.message for problem in noise.problems)
    assert failed.startswith("With train.seed = 43: training failed: ")
    assert "their noise is not known: `extra`, `plus`." in missing
    assert "other rows are evaluated" in other_rows


def test_after_two_failures_it_is_given_up(seeded: Project) -> None:
    broken = "Path('metrics.json').write_text('{\"accuracy\": NaN}')"
    code = f"{TRAIN}\nassert seed != 43\nif seed == 42:\n    {broken}\n"
    seeded.write({"src/train.py": code})

    noise, log = _repeat(seeded)

    assert noise.seeds == ()
    unread, failed, unknown = noise.problems
    assert unread.message.startswith("With train.seed = 42: The metric `accuracy` in metrics.json")
    assert failed.message.startswith("With train.seed = 43: training failed: ")
    assert "(3 of 3)" not in log
    assert unknown.severity == "error"
    assert "0 trainings succeeded, and 2 are needed" in unknown.message


def test_an_interruption_ends_training_and_leaves_nothing(seeded: Project, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    wait = f"import os, time\nPath({str(pid)!r}).write_text(str(os.getpid()))\ntime.sleep(60)\n"
    seeded.write({"src/train.py": f"{TRAIN}\nif seed > 41:\n    exec({wait!r})\n"})
    program = """\
import sys
from pathlib import Path
from assay import evaluation, seeds
from tests.repos import Project
import os
project = Project(Path(sys.argv[1]), dict(os.environ))
context = project.context()
head = evaluation.read(project.root, context.workspace.head_files(), context.config)
seeds.repeat(context, head)
"""
    running = subprocess.Popen(
        [sys.executable, "-c", program, str(seeded.root)],
        env={
            **seeded.environ,
            "TMPDIR": tempfile.gettempdir(),
            "PYTHONPATH": os.pathsep.join([*sys.path, str(Path.cwd())]),
        },
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 300
    while not pid.exists() or not pid.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    assert running.wait(30) != 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    assert _left_behind() == []
