"""The program itself, as people and actions run it: output, exit codes, what is left behind."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from assay import __version__
from assay.record import save

from tests import records, repos

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.repos import Project


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of the program."""

    code: int
    out: str
    root: Path

    @property
    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / ".assay/record.json").read_text())
        return found

    @property
    def report(self) -> str:
        return (self.root / ".assay/report.md").read_text()

    @property
    def statuses(self) -> dict[str, str]:
        stages = ("checkout", "validate", "test", "train", "evaluate", "compare")
        return {name: self.record[name]["status"] for name in stages if self.record[name]}


def _assay(
    root: Path, *args: str, environ: Mapping[str, str], more: Mapping[str, str] | None = None
) -> Run:
    done = subprocess.run(
        [sys.executable, "-m", "assay.cli", *args],
        cwd=root,
        env={**environ, **(more or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
        check=False,
    )
    return Run(done.returncode, done.stdout, root)


def _run(project: Project, *args: str, more: Mapping[str, str] | None = None) -> Run:
    return _assay(project.root, *args, environ=project.environ, more=more)


def _unittest(project: Project) -> None:
    project.write({"tests/test_one.py": "def test_one():\n    pass\n"})


def test_the_help_fits_a_terminal(tmp_path: Path) -> None:
    run = _assay(tmp_path, "--help", environ=dict(os.environ), more={"COLUMNS": "80"})
    assert run.code == 0
    assert "..." not in run.out.replace("[ARGS]...", "")


# --- check --------------------------------------------------------------------------------------


def test_a_pull_request_from_a_fresh_clone(cloned: Project) -> None:
    _unittest(cloned)
    run = _run(cloned, "check", "--base", "main")

    assert run.code == 0, run.out
    assert run.statuses == {
        "checkout": "pass",
        "validate": "skipped",
        "test": "pass",
        "train": "pass",
        "evaluate": "pass",
        "compare": "pass",
    }
    record = run.record
    assert record["head"]["sha"] == cloned.git("rev-parse", "HEAD")
    assert record["base"]["sha"] == cloned.git("rev-parse", "origin/main")
    assert {s["name"]: s["outcome"] for s in record["train"]["stages"]} == {
        "prepare": "unchanged",
        "train": "unchanged",
    }
    assert record["compare"]["metrics"][0]["name"] == "accuracy"
    assert record["compare"]["metrics"][0]["change"] == "better"
    assert "accuracy" in run.report.lower()
    assert "Traceback" not in run.out
    assert cloned.git("status", "--porcelain", "--untracked-files=no") == ""


def test_a_gate_that_says_no(project: Project) -> None:
    project.commit({"assay.yaml": repos.CONFIG.replace("min: 0.5", "min: 0.9999")})
    _unittest(project)
    run = _run(project, "check", "--base", "main", "--train", "skip")

    assert run.code == 1, run.out
    assert run.statuses["compare"] == "fail"
    assert "is below its minimum 0.9999" in run.out
    assert "is below its minimum 0.9999" in run.report


def test_what_is_missing_is_annotated_at_its_key(project: Project) -> None:
    config = (
        "data:\n  - path: data/gone.csv\n    schema: schema.py\n"
        "predictions:\n  truth: y\n  path: gone.csv\n  score: s\n"
        "metrics:\n  accuracy:\n    max: 1\n    min: 0.9999\n"
    )
    project.commit({"assay.yaml": config})
    run = _run(project, "check", "--train", "skip", more={"GITHUB_ACTIONS": "true"})

    assert "::error file=assay.yaml,line=2::data/gone.csv does not exist." in run.out
    assert "::error file=assay.yaml,line=6::The predictions file gone.csv is missing." in run.out
    assert "::error file=assay.yaml,line=11::accuracy" in run.out
    assert run.code == 2


def test_training_that_fails(project: Project) -> None:
    project.commit({"src/train.py": "raise SystemExit('out of luck')\n"})
    _unittest(project)
    run = _run(project, "check", "--base", "main")

    assert run.code == 1, run.out
    assert "out of luck" in run.out
    assert (run.statuses["train"], run.statuses["evaluate"]) == ("fail", "skipped")
    assert run.statuses["compare"] == "skipped"
    assert "`train`" in run.report


# --- what is wrong before anything runs ---------------------------------------------------------


def test_a_wrong_configuration_still_has_a_report(project: Project) -> None:
    project.commit({"assay.yaml": "train: run\nmetrcs: {}\n"})
    output = project.root.parent / "output"
    summary = project.root.parent / "summary"
    run = _run(
        project,
        "check",
        more={
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
        },
    )

    assert run.code == 2, run.out
    assert run.statuses["checkout"] == "error"
    assert set(run.statuses.values()) <= {"error", "skipped"}
    assert run.record["checkout"]["reasons"][0]["line"] == 2
    assert "::error file=assay.yaml,line=2" in run.out
    assert "Did you mean `metrics`?" in run.out
    assert "metrcs" in run.report
    assert "metrcs" in summary.read_text()
    assert "error" in output.read_text()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--base", "nope"), "The base revision `nope` is unknown"),
        (("--base", "--upload-pack=x"), "The base revision `--upload-pack=x` is unknown"),
        (("--train", "fast"), "`train` is 'fast'"),
        (("--config", "other.yaml"), "other.yaml does not exist"),
    ],
)
def test_a_wrong_option(project: Project, args: tuple[str, ...], said: str) -> None:
    run = _run(project, "check", *args)

    assert run.code == 2, run.out
    assert said in run.out
    assert said.replace("`", "") in run.report.replace("`", "").replace("\\", "")
    assert "Traceback" not in run.out


def test_stages_that_were_not_reached_are_one_line_each_and_no_annotation(
    project: Project,
) -> None:
    run = _run(project, "check", "--base", "nope", more={"GITHUB_ACTIONS": "true"})
    assert "\nvalidate: skipped, because checkout did not succeed\n" in run.out
    assert "\ncompare: skipped, because evaluate did not succeed\n" in run.out
    assert "::notice" not in run.out
    assert run.out.count("::error") == 1


def test_not_a_git_repository(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    environ = {**repos.environment(tmp_path / "home"), "GIT_CEILING_DIRECTORIES": str(tmp_path)}
    run = _assay(folder, "check", environ=environ)

    assert run.code == 2
    assert "is not in a git repository" in run.out
    assert "is not in a git repository" in run.report


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    repo = repos.Repo(tmp_path / "repo")
    run = _assay(repo.root, "check", environ=repo.environ)

    assert run.code == 2
    assert "no commit yet" in run.report


def test_a_repository_without_dvc(tmp_path: Path) -> None:
    repo = repos.Repo(tmp_path / "repo")
    repo.commit({"a": "1"})
    run = _assay(repo.root, "check", environ=repo.environ)

    assert run.code == 2
    assert "not a DVC repository" in run.report


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    run = _assay(tmp_path, "check", "-C", "nowhere", environ=repos.environment(tmp_path / "home"))
    assert run.code == 2
    assert "nowhere does not exist" in run.out
    assert "Traceback" not in run.out


def test_an_unknown_option_or_command(tmp_path: Path) -> None:
    environ = repos.environment(tmp_path / "home")
    assert _assay(tmp_path, "check", "--nope", environ=environ).code == 2
    assert _assay(tmp_path, "nope", environ=environ).code == 2
    assert _assay(tmp_path, environ=environ).code in (0, 2)


def test_the_version(tmp_path: Path) -> None:
    run = _assay(tmp_path, "--version", environ=repos.environment(tmp_path / "home"))
    assert (run.code, run.out.strip()) == (0, __version__)


def test_tracebacks_are_for_those_who_ask(project: Project) -> None:
    (project.root / ".dvc/config").unlink()
    (project.root / ".dvc").rename(project.root / "dvc")
    plain = _run(project, "checkout")
    debug = _run(project, "checkout", "--debug")
    assert (plain.code, debug.code) == (2, 2)
    assert "Traceback" not in plain.out
    assert "Traceback" in debug.out


@pytest.mark.skipif(sys.platform == "win32", reason="other signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_the_training_and_is_recorded(
    project: Project, number: signal.Signals
) -> None:
    code = "import os, time; print('epoch', os.getpid(), flush=True); time.sleep(60)"
    project.write({"slow.py": code, "dvc.yaml": "stages: {slow: {cmd: python slow.py}}\n"})
    project.commit()
    with subprocess.Popen(
        [sys.executable, "-m", "assay.cli", "train"],
        cwd=project.root,
        env=project.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    ) as program:
        assert program.stdout is not None
        training = next(int(line.split()[1]) for line in program.stdout if line.startswith("epoch"))
        program.send_signal(number)  # to it alone, as a runner does that cancels a job
        out = program.stdout.read()

    run = Run(program.returncode, out, project.root)
    assert run.code == 130, out
    assert "error: train was interrupted before it ended." in out
    assert "Traceback" not in out
    assert (run.record["train"]["status"], run.record["train"]["exit_code"]) == ("error", 130)
    with pytest.raises(ProcessLookupError):
        os.kill(training, 0)
    report = _run(project, "report")
    assert report.code == 130
    assert "Could not finish (train): train was interrupted" in report.report


# --- one stage at a time ------------------------------------------------------------------------


def test_stages_share_one_record(project: Project) -> None:
    base = ("--base", "main")
    assert _run(project, "checkout", *base).code == 0
    assert _run(project, "train", "--train", "skip").code == 0
    assert _run(project, "evaluate").code == 0
    run = _run(project, "compare")
    assert run.code == 0, run.out
    assert run.record["base"]["sha"] == project.git("rev-parse", "main"), "checkout was told"
    assert run.statuses == {
        "checkout": "pass",
        "train": "skipped",
        "evaluate": "pass",
        "compare": "pass",
    }
    report = _run(project, "report")
    assert report.code == 0
    assert "accuracy" in report.report.lower()


def test_a_record_of_another_commit_does_not_go_on(project: Project) -> None:
    assert _run(project, "evaluate").code == 0
    before = _run(project, "evaluate").record["created"]
    project.commit({"README.md": "More."})
    run = _run(project, "compare")
    assert run.record["created"] != before
    assert run.record["evaluate"] is None


def test_a_record_that_came_with_the_repository_does_not_go_on(project: Project) -> None:
    """It cannot name the commit that it is in, so it names none."""
    assert _run(project, "evaluate").code == 0
    forged = _run(project, "evaluate").record | {"head": None}
    project.write({".assay/record.json": json.dumps(forged)})
    assert _run(project, "compare").record["evaluate"] is None


def test_a_record_that_cannot_be_read(project: Project) -> None:
    project.write({".assay/record.json": "{"})
    run = _run(project, "compare")
    assert run.code == 2
    assert "is not a record that Assay" in run.out
    assert "Traceback" not in run.out
    assert _run(project, "checkout").code == 0, "the first stage starts anew"


def test_a_record_that_cannot_be_read_still_has_a_report(project: Project) -> None:
    project.write({".assay/record.json": "{"})
    run = _run(project, "report")
    assert run.code == 2
    assert "is not a record that Assay" in run.report
    assert "Traceback" not in run.out


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("ASSAY_PLOTS", "png", "`plots` is 'png'. Allowed: images, charts, none."),
        ("ASSAY_PUBLISHER", "CML", "`publisher` is 'CML'. Allowed: github, cml."),
        ("ASSAY_CHECK_RUN", "maybe", "`check-run` is 'maybe'. Allowed: true, false."),
    ],
)
def test_an_input_that_means_nothing(
    project: Project, variable: str, value: str, message: str
) -> None:
    environ = {**project.environ, "GITHUB_ACTIONS": "true"}
    run = _assay(project.root, "report", environ=environ, more={variable: value})
    assert (run.code, run.out) == (2, f"::error::{message}\n")


def test_hostile_branches_end_in_a_readable_report(project: Project) -> None:
    branch = "$(touch${IFS}pwned)<img/src=x>|`x`"
    project.git("checkout", "--quiet", "-b", branch)
    _unittest(project)
    run = _run(project, "check", "--base", "main", "--train", "skip")

    assert run.code == 0, run.out
    assert run.record["head"]["branch"] == branch
    assert not list(project.root.rglob("pwned"))
    assert "<img" not in run.report


# --- gate explain -------------------------------------------------------------------------------


def test_explaining_needs_a_record_and_no_more(tmp_path: Path) -> None:
    """No repository, no configuration, no data: the record says it all."""
    before = _assay(tmp_path, "gate", "explain", environ=dict(os.environ))
    assert before.code == 2
    assert "There is no record at" in before.out
    assert "Run `assay check`, or a stage, first." in before.out

    save(records.regression_of_a_metric(), tmp_path / "elsewhere.json")
    (tmp_path / ".assay").mkdir()
    save(records.good(), tmp_path / ".assay/record.json")
    here = _assay(tmp_path, "gate", "explain", "f1", environ=dict(os.environ))
    assert here.code == 0
    assert "metrics.f1.min: 0.6" in here.out
    assert "roc_auc" not in here.out
    there = _assay(
        tmp_path, "gate", "explain", "--record", "elsewhere.json", environ=dict(os.environ)
    )
    assert there.code == 0, "it explains a no, and says none"
    assert "0.5812 >= 0.6 does not hold" in there.out
    wrong = _assay(tmp_path, "gate", "explain", "roc_auk", environ=dict(os.environ))
    assert wrong.code == 2
    assert "No gate of this run is about `roc_auk`. Did you mean `roc_auc`?" in wrong.out


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")  # noqa: PTH110 (of a device)
@pytest.mark.parametrize("command", ["--help", "--version"])
def test_what_cannot_be_printed_is_no_success_and_no_verdict(command: str) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 (of a device)
        done = subprocess.run(
            [sys.executable, "-m", "assay.cli", command],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode not in {0, 1}
